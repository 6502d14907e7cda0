#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/command_line.h"
#include "supervisor/options.h"
#include "supervisor/options_together.h"

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

int
command_line_parse(struct options *o, int argc, char **argv, char *error, size_t size)
{
	struct option longopts[OPTIONS_FLAGS + 1];
	const struct flag *flag, *bare = NULL;
	int c, at, index;

	options_init(o);
	fill_getopt(longopts);
	opterr = 0;
	optind = 0; /* glibc: start afresh */
	for (at = 1;; at = optind) {
		index = -1;
		c = getopt_long_only(argc, argv, "+:n", longopts, &index);
		if (c == -1)
			break;
		if (c == 'n') {
			o->action = OPTIONS_CHECK;
			bare = NULL;
			continue;
		}
		if (c == ':') {
			snprintf(error, size, "%s has no value: see --help", argv[at]);
			return (-1);
		}
		if (c == '?' || !is_exact(argv[at], options_flags[index].name)) {
			snprintf(
			    error, size, "unknown flag or value '%s': see --help", argv[at]);
			return (-1);
		}
		flag = &options_flags[index];
		bare = optarg == NULL ? flag : NULL;
		if (options_set(o, flag, optarg, error, size) == -1)
			return (-1);
		if (o->action == OPTIONS_HELP || o->action == OPTIONS_VERSION)
			return (0);
	}
	if (optind < argc) {
		refuse_argument(bare, argv[optind], error, size);
		return (-1);
	}
	return (options_together(o, error, size));
}
