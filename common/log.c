#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

static struct {
	enum log_level level;
	log_sink *sink;
	void *arg;
} out = { .level = LOG_LEVEL_MAX };

void
log_init(enum log_level level, log_sink *sink, void *arg)
{
	out.level = level;
	out.sink = sink;
	out.arg = arg;
}

int
log_enabled(enum log_level level)
{
	return (out.sink != NULL && level >= out.level);
}

/* Append a string with its NUL; returns -1, changing nothing, when it makes more than `most`. */
static int
append(struct log_record *record, size_t most, const char *s, size_t len)
{
	if (len + 1 > most - record->length)
		return (-1);
	memcpy(record->text + record->length, s, len);
	record->text[record->length + len] = '\0';
	record->length = (uint16_t)(record->length + len + 1);
	return (0);
}

static void
append_field(struct log_record *record, size_t most, enum log_kind kind, const char *key,
    size_t keylen, const char *value)
{
	char name[64];
	uint16_t before = record->length;

	snprintf(name, sizeof(name), "%c%.*s", (char)kind, (int)keylen, key);
	if (append(record, most, name, strlen(name)) == -1 ||
	    append(record, most, value, strlen(value)) == -1)
		record->length = before;
}

/* Write the next argument as its conversion says; returns how JSON shall show it. */
static enum log_kind
convert(const char *spec, va_list *ap, char *buf, size_t size, const char **value)
{
	const char *s;

	*value = buf;
	if (strncmp(spec, "%s", 2) == 0) {
		s = va_arg(*ap, const char *);
		*value = s != NULL ? s : "";
		return (LOG_STRING);
	}
	if (strncmp(spec, "%hhu", 4) == 0) {
		*value = va_arg(*ap, int) ? "true" : "false";
		return (LOG_BOOLEAN);
	}
	if (strncmp(spec, "%d", 2) == 0)
		snprintf(buf, size, "%d", va_arg(*ap, int));
	else if (strncmp(spec, "%u", 2) == 0)
		snprintf(buf, size, "%u", va_arg(*ap, unsigned int));
	else if (strncmp(spec, "%ld", 3) == 0)
		snprintf(buf, size, "%ld", va_arg(*ap, long));
	else if (strncmp(spec, "%lu", 3) == 0)
		snprintf(buf, size, "%lu", va_arg(*ap, unsigned long));
	else if (strncmp(spec, "%lld", 4) == 0)
		snprintf(buf, size, "%lld", va_arg(*ap, long long));
	else if (strncmp(spec, "%llu", 4) == 0)
		snprintf(buf, size, "%llu", va_arg(*ap, unsigned long long));
	else if (strncmp(spec, "%.3f", 4) == 0)
		snprintf(buf, size, "%.3f", va_arg(*ap, double));
	else
		abort(); /* ours to get right: see log.h */
	return (LOG_NUMBER);
}

static void
vlog(enum log_level level, const char *msg, const char *fields, va_list ap0)
{
	struct log_record record;
	const char *key, *spec, *value;
	enum log_kind kind;
	char number[64];
	int saved = errno;
	va_list ap;

	if (!log_enabled(level))
		return;
	memset(&record, 0, sizeof(record));
	record.time = clock_wall();
	record.level = (uint8_t)level;
	append(&record, LOG_TEXT_MAX, msg, strnlen(msg, LOG_TEXT_MAX / 2));
	va_copy(ap, ap0);
	for (key = fields; *key != '\0'; key = spec + strcspn(spec, " ")) {
		key += *key == ' ';
		spec = key + strcspn(key, "=") + 1;
		kind = convert(spec, &ap, number, sizeof(number), &value);
		append_field(&record, LOG_TEXT_MAX, kind, key, (size_t)(spec - 1 - key), value);
	}
	va_end(ap);
	out.sink(&record, out.arg);
	errno = saved;
}

void
log_pass_on(const struct log_record *record, const char *child)
{
	struct log_record copy;
	int saved = errno;

	if (!log_enabled(record->level))
		return;
	memcpy(&copy, record, sizeof(copy));
	copy.time = clock_wall();
	append_field(
	    &copy, sizeof(copy.text), LOG_STRING, LOG_CHILD_KEY, strlen(LOG_CHILD_KEY), child);
	out.sink(&copy, out.arg);
	errno = saved;
}

#define LOG_FUNCTION(name, level)                           \
	void name(const char *msg, const char *fields, ...) \
	{                                                   \
		va_list ap;                                 \
                                                            \
		va_start(ap, fields);                       \
		vlog(level, msg, fields, ap);               \
		va_end(ap);                                 \
	}

LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)

void
fatal(const char *msg, const char *fields, ...)
{
	va_list ap;

	va_start(ap, fields);
	vlog(LOG_LEVEL_ERROR, msg, fields, ap);
	va_end(ap);
	_exit(EXIT_REFUSED);
}
