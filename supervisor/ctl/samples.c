/*
 * A line is kept until its end and then taken to pieces in place.  What is wrong with it is an
 * error at once: a line of which half is believed would be worse than none.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/samples.h"

#define NAME_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:"

void
samples_init(struct samples *s, void (*take)(void *arg, const struct sample *sample), void *arg)
{
	*s = (struct samples){ .take = take, .arg = arg };
}

static char *
skip_blanks(char *text)
{
	return (text + strspn(text, " \t"));
}

/* A value in quotes, unescaped in place.  Returns what follows it, or NULL. */
static char *
take_quoted(char *text, const char **value)
{
	char *to;
	int escaped;

	if (*text++ != '"')
		return (NULL);
	*value = to = text;
	for (; *text != '"'; text++) {
		escaped = *text == '\\';
		text += escaped;
		if (*text == '\0')
			return (NULL);
		*to++ = escaped && *text == 'n' ? '\n' : *text;
	}
	*to = '\0';
	return (text + 1);
}

/* What follows '{'.  Returns what follows '}', or NULL with the error. */
static char *
take_labels(struct samples *s, struct sample *sample, char *text)
{
	char *end;

	for (text = skip_blanks(text); *text != '}'; text = skip_blanks(text)) {
		if (sample->labels == SAMPLES_LABELS_MAX) {
			s->error = "too many labels";
			return (NULL);
		}
		s->error = "a label without a name or value";
		sample->label[sample->labels].name = text;
		end = text + strspn(text, NAME_BYTES);
		if (end == text || *end != '=')
			return (NULL);
		*end = '\0';
		text = take_quoted(end + 1, &sample->label[sample->labels++].value);
		if (text == NULL)
			return (NULL);
		text = skip_blanks(text);
		if (*text == ',')
			text++;
		else if (*text != '}')
			return (NULL);
	}
	s->error = NULL;
	return (text + 1);
}

/* strtod(3), but for hexadecimal numbers and blanks.  Returns what follows, or NULL. */
static char *
take_value(char *text, double *value)
{
	char *end;

	if (isspace((unsigned char)*text) || strpbrk(text, "xX") != NULL)
		return (NULL);
	*value = strtod(text, &end);
	return (end == text ? NULL : end);
}

static int
take_line(struct samples *s, char *text)
{
	struct sample sample = { .labels = 0 };
	char *end;

	text = skip_blanks(text);
	if (*text == '\0' || *text == '#')
		return (0);
	sample.name = text;
	end = text + strspn(text, NAME_BYTES);
	s->error = "no name";
	if (end == text || (*end != '{' && *end != ' ' && *end != '\t'))
		return (-1);
	s->error = NULL;
	text = end + 1;
	if (*end == '{' && (text = take_labels(s, &sample, text)) == NULL)
		return (-1);
	*end = '\0';
	s->error = "no number";
	if ((text = take_value(skip_blanks(text), &sample.value)) == NULL)
		return (-1);
	/* A time may follow. */
	text = skip_blanks(text);
	text += *text == '-';
	text = skip_blanks(text + strspn(text, "0123456789"));
	if (*text != '\0')
		return (-1);
	s->error = NULL;
	s->take(s->arg, &sample);
	return (0);
}

int
samples_feed(struct samples *s, const char *data, size_t length)
{
	size_t i;

	for (i = 0; i < length && s->error == NULL; i++) {
		if (data[i] == '\n') {
			s->line++;
			s->text[s->used] = '\0';
			s->used = 0;
			(void)take_line(s, s->text);
		} else if (data[i] == '\0') {
			s->line++;
			s->error = "a zero byte";
		} else if (s->used == SAMPLES_LINE_MAX) {
			s->line++;
			s->error = "too long";
		} else
			s->text[s->used++] = data[i];
	}
	return (s->error == NULL ? 0 : -1);
}

int
samples_end(struct samples *s)
{
	if (s->error == NULL && s->used > 0) {
		s->line++;
		s->error = "no end";
	}
	return (s->error == NULL ? 0 : -1);
}

const char *
sample_label(const struct sample *sample, const char *name)
{
	size_t i;

	for (i = 0; i < sample->labels; i++)
		if (strcmp(sample->label[i].name, name) == 0)
			return (sample->label[i].value);
	return (NULL);
}
