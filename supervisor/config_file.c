#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config_file.h"

#define BLANKS " \t"

static int __attribute__((format(printf, 2, 3)))
wrong(struct config_file *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(f->error, sizeof(f->error), format, ap);
	va_end(ap);
	return (-1);
}

/* What is no fault of a line's. */
static int
wrong_errno(struct config_file *f)
{
	f->number = 0;
	return (wrong(f, "%s", strerror(errno)));
}

/* ---- a line ---- */

static int
check_characters(struct config_file *f, const char *text, size_t length)
{
	size_t i;

	if (length > CONFIG_LINE_MAX)
		return (wrong(f, "is too long: want at most %d bytes a line", CONFIG_LINE_MAX));
	if (f->number == 1 && length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return (wrong(f, "begins with a byte order mark: want text without one"));
	if (length > 0 && text[length - 1] == '\r')
		return (wrong(
		    f, "ends in a carriage return: want lines that end in a newline alone"));
	for (i = 0; i < length; i++)
		if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
			return (wrong(f, "has a control character: want text"));
	return (0);
}

/* Here, where a word may begin, there is none. */
static int
is_end(const char *text)
{
	return (*text == '\0' || *text == '#');
}

/* End the word before, and go on to the next one. */
static char *
end_word(char *text)
{
	if (*text != '\0')
		*text++ = '\0';
	return (text + strspn(text, BLANKS));
}

/* The byte that three octal digits are, or -1. */
static int
octal(const char *digits)
{
	if (digits[0] < '0' || digits[0] > '3' || digits[1] < '0' || digits[1] > '7' ||
	    digits[2] < '0' || digits[2] > '7')
		return (-1);
	return ((digits[0] - '0') << 6 | (digits[1] - '0') << 3 | (digits[2] - '0'));
}

/*
 * Read a value in quotation marks, of which `value` is the first, in its own place.  Returns what
 * follows the last, or NULL.
 */
static char *
unquote(struct config_file *f, char *value)
{
	char *from = value + 1, *to = value;
	int byte;

	while (*from != '"') {
		if (*from == '\0') {
			wrong(f, "has a value without its end: want a quotation mark there");
			return (NULL);
		}
		if (*from != '\\') {
			*to++ = *from++;
		} else if (from[1] == '\\' || from[1] == '"') {
			*to++ = from[1];
			from += 2;
		} else if ((byte = octal(from + 1)) > 0) {
			*to++ = (char)byte;
			from += 4;
		} else {
			wrong(f, "has a '\\' that means nothing: want \\\\, \\\" or \\ooo");
			return (NULL);
		}
	}
	*to = '\0';
	return (from + 1);
}

/* Read the value here; it ends there.  Returns what follows, or NULL. */
static char *
take_value(struct config_file *f, char *value)
{
	char *rest;

	rest = *value == '"' ? unquote(f, value) : value + strcspn(value, BLANKS "\"");
	if (rest == NULL)
		return (NULL);
	if (*rest == '\0' || *rest == ' ' || *rest == '\t')
		return (end_word(rest));
	wrong(f, "has a quotation mark within a word: want all of the value between two");
	return (NULL);
}

/* Make room for one more, for as many again, at 1, 2, 4 and so on. */
static int
add(struct config_file *f, const struct config_line *added)
{
	struct config_line *line;

	if ((f->count & (f->count - 1)) == 0) {
		line = reallocarray(
		    f->line, f->count == 0 ? 1 : 2 * (size_t)f->count, sizeof(*line));
		if (line == NULL)
			return (wrong_errno(f));
		f->line = line;
	}
	f->line[f->count++] = *added;
	return (0);
}

/* Read a line, whose end is not part of it and may be overwritten. */
static int
take_line(struct config_file *f, char *text, size_t length)
{
	struct config_line line = { .number = f->number };
	char *rest;

	if (check_characters(f, text, length) == -1)
		return (-1);
	text[length] = '\0';
	text += strspn(text, BLANKS);
	if (is_end(text))
		return (0);
	line.name = text;
	rest = end_word(text + strcspn(text, BLANKS));
	if (is_end(rest))
		return (add(f, &line));
	line.value = rest;
	if ((rest = take_value(f, rest)) == NULL)
		return (-1);
	if (!is_end(rest) && strcmp(line.value, "=") == 0)
		return (wrong(f, "has a '=': want a blank alone after %.64s", line.name));
	if (!is_end(rest))
		return (wrong(f, "'%.64s' is too much: want one value a line", rest));
	return (add(f, &line));
}

/* ---- the file ---- */

int
config_file_parse(struct config_file *f, char *text, size_t length)
{
	char *end, *last = text + length;

	f->text = text;
	for (; text < last; text = end + 1) {
		f->number++;
		if ((end = memchr(text, '\n', (size_t)(last - text))) == NULL)
			end = last;
		if (take_line(f, text, (size_t)(end - text)) == -1)
			return (-1);
	}
	return (0);
}

/* Read so many bytes, or to the end if that comes before.  Returns how many, or -1. */
static ssize_t
read_bytes(int fd, char *text, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while (length < size) {
		n = read(fd, text + length, size - length);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return (-1);
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return ((ssize_t)length);
}

static int
is_same(const struct stat *a, const struct stat *b)
{
	return (a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec);
}

/* Of a file that was written to meanwhile, what was read is neither old nor new. */
static int
read_open(struct config_file *f, int fd)
{
	struct stat st, after;
	ssize_t length;
	char *text;

	if (fstat(fd, &st) == -1)
		return (wrong_errno(f));
	if (!S_ISREG(st.st_mode))
		return (wrong(f, "is no regular file: want one"));
	if (st.st_size > CONFIG_FILE_MAX)
		return (wrong(f, "is too large: want at most %d MiB", CONFIG_FILE_MAX >> 20));
	if ((text = malloc((size_t)st.st_size + 1)) == NULL)
		return (wrong_errno(f));
	f->text = text;
	length = read_bytes(fd, text, (size_t)st.st_size + 1);
	if (length == -1 || fstat(fd, &after) == -1)
		return (wrong_errno(f));
	if (length != st.st_size || !is_same(&st, &after))
		return (wrong(f,
		    "was written to while it was read: want a new file that is renamed to "
		    "this one"));
	return (config_file_parse(f, text, (size_t)length));
}

int
config_file_read(struct config_file *f, const char *path)
{
	int fd, error;

	/* Never waits, whatever it is. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		return (wrong(f, "%s: want %s", strerror(errno),
		    errno == EACCES ? "a file, and folders, that belong to the user of the "
				      "supervisor or that all may read"
				    : "a file that can be read"));
	error = read_open(f, fd);
	close(fd);
	return (error);
}

void
config_file_print_value(FILE *out, const char *value)
{
	const char *c;

	for (c = value; *c > ' ' && *c <= '~' && *c != '"'; c++)
		continue;
	if (*c == '\0' && c > value && *value != '#') {
		fputs(value, out);
		return;
	}
	fputc('"', out);
	for (c = value; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else if (*c >= ' ' && *c <= '~')
			fputc(*c, out);
		else
			fprintf(out, "\\%03o", (unsigned char)*c);
	}
	fputc('"', out);
}

void
config_file_free(struct config_file *f)
{
	free(f->text);
	free(f->line);
	memset(f, 0, sizeof(*f));
}
