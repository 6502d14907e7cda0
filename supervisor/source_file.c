#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/source_file.h"
#include "supervisor/source_list.h"
#include "supervisor/visible.h"

#define BLANKS " \t\r"

static int
wrong(struct source_file *f, const char *text, const char *what, const char *want)
{
	char shown[64];

	snprintf(f->error, sizeof(f->error), "'%s' %s: want %s",
	    visible(shown, sizeof(shown), text), what, want);
	return (-1);
}

/* The next word at *rest, ended by a NUL, or NULL. */
static char *
next_word(char **rest)
{
	char *word;

	do
		word = strsep(rest, BLANKS);
	while (word != NULL && *word == '\0');
	return (word);
}

static int
add(struct source_file *f, const struct source_prefix *prefix)
{
	if (source_list_add(f->list, prefix) == 0)
		return (0);
	if (errno == E2BIG)
		snprintf(f->error, sizeof(f->error), "is one prefix too many: want at most %d",
		    SOURCE_PREFIXES_MAX);
	else
		snprintf(f->error, sizeof(f->error), "%s", strerror(errno));
	return (-1);
}

/* Read the line that is complete. */
static int
take_line(struct source_file *f)
{
	struct source_prefix prefix = { 0 };
	char *rest = f->text, *verdict, *text;
	const char *error;

	f->line++;
	if (strlen(f->text) != f->length)
		return (wrong(f, f->text, "is followed by a NUL", "text"));
	f->length = 0;
	rest[strcspn(rest, "#")] = '\0';
	if ((verdict = next_word(&rest)) == NULL)
		return (0);
	prefix.line = f->line;
	prefix.allow = strcmp(verdict, "allow") == 0;
	if (!prefix.allow && strcmp(verdict, "deny") != 0)
		return (wrong(f, verdict, "is unknown", "allow PREFIX or deny PREFIX"));
	if ((text = next_word(&rest)) == NULL)
		return (wrong(f, verdict, "has no prefix", "one such as 192.0.2.0/24"));
	if ((error = source_prefix_parse(text, &prefix)) != NULL)
		return (wrong(f, text, error, "a prefix such as 192.0.2.0/24"));
	if ((text = next_word(&rest)) != NULL)
		return (wrong(f, text, "is too much", "one prefix a line"));
	return (add(f, &prefix));
}

int
source_file_take(struct source_file *f, const char *bytes, size_t count)
{
	const char *end;
	size_t n;

	while (count > 0) {
		end = memchr(bytes, '\n', count);
		n = end != NULL ? (size_t)(end - bytes) : count;
		if (n > SOURCE_LINE_MAX - f->length) {
			f->line++;
			snprintf(f->error, sizeof(f->error),
			    "is too long: want at most %d bytes a line", SOURCE_LINE_MAX);
			return (-1);
		}
		memcpy(f->text + f->length, bytes, n);
		f->length += (uint32_t)n;
		f->text[f->length] = '\0';
		if (end == NULL)
			return (0);
		if (take_line(f) == -1)
			return (-1);
		bytes += n + 1;
		count -= n + 1;
	}
	return (0);
}

int
source_file_end(struct source_file *f)
{
	return (f->length > 0 ? take_line(f) : 0);
}
