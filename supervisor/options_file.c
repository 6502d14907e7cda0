#include <stdio.h>
#include <string.h>

#include "supervisor/config_file.h"
#include "supervisor/nearest.h"
#include "supervisor/options.h"
#include "supervisor/options_file.h"

/* Habits of the command line, and of other programs' files, get a word of their own. */
static int
refuse_name(const char *name, char *error, size_t size)
{
	const char *bare = name + strspn(name, "-");
	size_t n = strcspn(bare, "=");
	char first[64], hint[NEAREST_HINT_MAX];

	snprintf(first, sizeof(first), "%.*s", (int)(n < sizeof(first) ? n : 0), bare);
	if (options_find(first) == NULL)
		snprintf(error, size, "unknown flag '%.*s': %ssee --help", OPTIONS_SHOWN_MAX,
		    name, nearest_hint(hint, sizeof(hint), "", first));
	else if (bare[n] == '=')
		snprintf(error, size, "'%.*s' has a '=': want a blank after %s",
		    OPTIONS_SHOWN_MAX, name, first);
	else
		snprintf(
		    error, size, "'%.*s' has dashes: want %s", OPTIONS_SHOWN_MAX, name, first);
	return (-1);
}

static int
take(
    struct options *o, const struct config_line *line, uint32_t *seen, char *error, size_t size)
{
	const struct flag *flag = options_find(line->name);
	size_t i;

	if (flag == NULL)
		return (refuse_name(line->name, error, size));
	if (flag->kind == FLAG_COMMAND) {
		snprintf(error, size, "--%s: want it on the command line only", flag->name);
		return (-1);
	}
	i = (size_t)(flag - options_flags);
	if (flag->kind == FLAG_ONCE && seen[i] != 0) {
		snprintf(error, size, "--%s is given in line %u already: want it once",
		    flag->name, seen[i]);
		return (-1);
	}
	seen[i] = line->number;
	if (line->value == NULL && flag->argument[0] != '[') {
		snprintf(error, size, "--%s has no value: want %s", flag->name, flag->wanted);
		return (-1);
	}
	return (options_set(o, flag, line->value, error, size));
}

int
options_file_take(struct options *o, struct config_file *f, char *error, size_t size)
{
	uint32_t i, seen[OPTIONS_FLAGS] = { 0 };

	o->file_text = f->text;
	f->text = NULL;
	for (i = 0; i < f->count; i++) {
		f->number = f->line[i].number;
		if (take(o, &f->line[i], seen, error, size) == -1)
			return (-1);
	}
	return (0);
}

uint32_t
options_file_line(const struct config_file *f, const struct flag *flag, uint32_t nth)
{
	const struct flag *other;
	uint32_t i;

	for (i = 0; i < f->count; i++) {
		other = options_find(f->line[i].name);
		if (flag->kind == FLAG_ONCE ? other == flag : other->kind == flag->kind)
			if (nth-- == 0)
				return (f->line[i].number);
	}
	return (0);
}
