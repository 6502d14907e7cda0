/*
 * The command line, and below it the file of --config.  The words are read twice: the first time
 * tells the file; after that has been read, they overwrite what it says.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/command_line.h"
#include "supervisor/config_file.h"
#include "supervisor/nearest.h"
#include "supervisor/options.h"
#include "supervisor/options_file.h"
#include "supervisor/options_together.h"

/* What the words give. */
struct given {
	int flag[OPTIONS_FLAGS];
	int kind[FLAG_KINDS];
};

/* Whether the element of argv spells the flag in full: getopt takes abbreviations. */
static int
is_exact(const char *element, const char *name)
{
	element += strspn(element, "-");
	return (
	    strcspn(element, "=") == strlen(name) && strncmp(element, name, strlen(name)) == 0);
}

static void
fill_getopt(struct option *longopts)
{
	size_t i;

	memset(longopts, 0, (OPTIONS_FLAGS + 1) * sizeof(*longopts));
	for (i = 0; i < OPTIONS_FLAGS; i++) {
		longopts[i].name = options_flags[i].name;
		longopts[i].has_arg = options_flags[i].argument == NULL ? no_argument
		    : options_flags[i].argument[0] == '['		? optional_argument
									: required_argument;
	}
}

/* `flag` is what stood before it without a value, or NULL. */
static void
refuse_argument(const struct flag *flag, const char *argument, char *error, size_t size)
{
	int ignored;

	if (flag != NULL && flag->argument != NULL &&
	    options_parse_bool(argument, &ignored) == NULL)
		snprintf(error, size, "stray argument '%s': want --%s=%s", argument, flag->name,
		    argument);
	else
		snprintf(error, size, "stray argument '%s': flags only, see --help", argument);
}

/* One flag of the command line.  The first of a kind is the end of what the file says of it. */
static int
take_flag(struct options *o, const struct flag *flag, const char *value, struct given *given,
    char *error, size_t size)
{
	if (!given->kind[flag->kind])
		options_forget(o, flag->kind);
	given->kind[flag->kind] = 1;
	if (given->flag[flag - options_flags] && flag->argument != NULL &&
	    flag->kind != FLAG_LISTEN && flag->kind != FLAG_SOURCES)
		o->repeated |= UINT64_C(1) << (flag - options_flags);
	given->flag[flag - options_flags] = 1;
	return (options_set(o, flag, value, error, size));
}

/* What getopt does not know: a name, with one dash or two, and a value or none. */
static void
refuse_flag(const char *word, char *error, size_t size)
{
	const char *bare = word + strspn(word, "-");
	char name[NEAREST_WORD_MAX + 2], hint[NEAREST_HINT_MAX];
	const struct flag *flag;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(bare, "="), bare);
	flag = options_find(name);
	if (flag != NULL && flag->argument == NULL)
		snprintf(error, size, "'%s' has a value: want --%s alone", word, name);
	else if (strcmp(word, "-v") == 0)
		snprintf(
		    error, size, "unknown flag or value '-v': did you mean -V? see --help");
	else
		snprintf(error, size, "unknown flag or value '%s': %ssee --help", word,
		    nearest_hint(hint, sizeof(hint), "--", name));
}

/* A flag without its value: at the end, or before the next flag. */
static void
refuse_lack(const char *word, const char *next, char *error, size_t size)
{
	const struct flag *flag = options_find(word + strspn(word, "-"));

	if (flag == NULL)
		refuse_flag(word, error, size);
	else
		snprintf(error, size, "%s has no value%s%s%s: want %s", word,
		    next == NULL ? "" : " but '", next == NULL ? "" : next,
		    next == NULL ? "" : "'", flag->wanted);
}

/* Whether a word spells a flag: no value does. */
static int
is_flag(const char *word)
{
	char name[NEAREST_WORD_MAX + 2];

	if (*word != '-')
		return (0);
	word += strspn(word, "-");
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	return (options_find(name) != NULL);
}

/* Returns whether it is one of the flags of one letter. */
static int
take_letter(struct options *o, int letter)
{
	switch (letter) {
	case 'n':
		o->action = OPTIONS_CHECK;
		return (1);
	case 'h':
		o->action = OPTIONS_HELP;
		return (1);
	case 'V':
		o->action = OPTIONS_VERSION;
		return (1);
	default:
		return (0);
	}
}

/* Whether nothing else matters. */
static int
ends_it(const struct options *o)
{
	return (o->action == OPTIONS_HELP || o->action == OPTIONS_VERSION);
}

static int
read_words(
    struct options *o, int argc, char **argv, struct given *given, char *error, size_t size)
{
	struct option longopts[OPTIONS_FLAGS + 1];
	const struct flag *flag, *bare = NULL;
	int c, at, index;

	*given = (struct given){ .flag = { 0 } };
	fill_getopt(longopts);
	opterr = 0;
	optind = 0; /* glibc: start afresh */
	for (at = 1;; at = optind) {
		index = -1;
		c = getopt_long_only(argc, argv, "+:nhV", longopts, &index);
		if (c == -1)
			break;
		if (take_letter(o, c)) {
			bare = NULL;
			if (ends_it(o))
				return (0);
			continue;
		}
		if (c == ':') {
			refuse_lack(argv[at], NULL, error, size);
			return (-1);
		}
		if (c == '?' || !is_exact(argv[at], options_flags[index].name)) {
			refuse_flag(argv[at], error, size);
			return (-1);
		}
		if (optarg != NULL && optarg == argv[at + 1] && is_flag(optarg)) {
			refuse_lack(argv[at], optarg, error, size);
			return (-1);
		}
		flag = &options_flags[index];
		bare = optarg == NULL ? flag : NULL;
		if (take_flag(o, flag, optarg, given, error, size) == -1)
			return (-1);
		if (ends_it(o))
			return (0);
	}
	if (optind < argc) {
		refuse_argument(bare, argv[optind], error, size);
		return (-1);
	}
	return (0);
}

/* Put the place before a message about a line of the file. */
static void
name_place(const struct options *o, uint32_t line, char *error, size_t size)
{
	char message[OPTIONS_ERROR_MAX];

	strlcpy(message, error, sizeof(message));
	snprintf(error, size, "%s:%u: %s", o->config, line, message);
}

/* What is missing could stand in the file as well. */
static void
name_file(const struct options *o, char *error, size_t size)
{
	char message[OPTIONS_ERROR_MAX];

	strlcpy(message, error, sizeof(message));
	snprintf(error, size, "%s: %s", o->config, message);
}

static int
read_file(struct options *o, struct config_file *file, char *error, size_t size)
{
	const char *path = o->config;
	int action = o->action;

	options_free(o);
	options_init(o);
	o->config = path;
	o->action = action;
	if (config_file_read(file, path) == -1) {
		if (file->number == 0) {
			snprintf(error, size, "--config %s: %s", path, file->error);
			return (EXIT_REFUSED);
		}
		snprintf(error, size, "%s:%u: %s", path, file->number, file->error);
		return (EXIT_USAGE);
	}
	if (options_file_take(o, file, error, size) == -1) {
		name_place(o, file->number, error, size);
		return (EXIT_USAGE);
	}
	return (0);
}

/* The line of what is wrong, if the file says it, and the command line has not replaced it. */
static uint32_t
find_line(const struct config_file *file, const struct given *given, const struct blame *blame)
{
	const struct flag *flag;
	uint32_t line = 0;
	int i;

	for (i = 0; i < 2 && blame->flag[i] != NULL && line == 0; i++) {
		flag = options_find(blame->flag[i]);
		if (flag->kind == FLAG_ONCE ? !given->flag[flag - options_flags]
					    : !given->kind[flag->kind])
			line = options_file_line(file, flag, blame->nth[i]);
	}
	return (line);
}

static int
parse(struct options *o, struct config_file *file, int argc, char **argv, char *error,
    size_t size)
{
	struct given given;
	struct blame blame;
	uint32_t line;
	int status;

	options_init(o);
	if (read_words(o, argc, argv, &given, error, size) == -1)
		return (EXIT_USAGE);
	if (ends_it(o))
		return (0);
	if (o->config != NULL) {
		if ((status = read_file(o, file, error, size)) != 0)
			return (status);
		if (read_words(o, argc, argv, &given, error, size) == -1)
			return (EXIT_USAGE);
	}
	if (options_together(o, &blame, error, size) == 0)
		return (0);
	if ((line = find_line(file, &given, &blame)) != 0)
		name_place(o, line, error, size);
	else if (o->config != NULL && blame.flag[0] == NULL)
		name_file(o, error, size);
	return (EXIT_USAGE);
}

int
command_line_parse(struct options *o, int argc, char **argv, char *error, size_t size)
{
	struct config_file file = { .text = NULL };
	int status = parse(o, &file, argc, argv, error, size);

	config_file_free(&file);
	return (status);
}
