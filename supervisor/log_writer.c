/*
 * The log as users see it.  Children send records; only the supervisor formats and writes
 * them, because what a child says may be an attacker's words: everything that is not plain
 * text is escaped here, in one place.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "supervisor/log_output.h"
#include "supervisor/log_writer.h"

/* Of syslog(3), as sd-daemon(3) wants them. */
static const char *const priorities[] = { "<7>", "<6>", "<4>", "<3>" };
_Static_assert(sizeof(priorities) / sizeof(priorities[0]) == LOG_LEVEL_MAX, "one each");

static const char *const level_names[] = { "DEBUG", "INFO", "WARN", "ERROR" };
_Static_assert(sizeof(level_names) / sizeof(level_names[0]) == LOG_LEVEL_MAX, "a name each");

struct line {
	char *buf;
	size_t len;
};

/* What the supervisor says of a record; a child that says it speaks for somebody else. */
static const char *const reserved_keys[] = { "time", "level", "msg", LOG_CHILD_KEY };

static int
is_key(const char *key)
{
	size_t i;

	for (i = 0; i < sizeof(reserved_keys) / sizeof(reserved_keys[0]); i++)
		if (strcmp(key, reserved_keys[i]) == 0)
			return (0);
	if (*key == '\0')
		return (0);
	return (key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789._")] == '\0');
}

/* A number as RFC 8259 writes it, without exponent. */
static int
is_number(const char *s)
{
	size_t digits;

	s += *s == '-';
	digits = strspn(s, "0123456789");
	if (digits == 0 || (digits > 1 && *s == '0'))
		return (0);
	s += digits;
	if (*s == '.') {
		digits = strspn(++s, "0123456789");
		s += digits;
		if (digits == 0)
			return (0);
	}
	return (*s == '\0');
}

static int
is_value(char kind, const char *value)
{
	switch (kind) {
	case LOG_STRING:
		return (1);
	case LOG_NUMBER:
		return (is_number(value));
	case LOG_BOOLEAN:
		return (strcmp(value, "true") == 0 || strcmp(value, "false") == 0);
	default:
		return (0);
	}
}

int
log_record_check(const struct log_record *record)
{
	const char *p = record->text, *end, *value;

	if (record->level >= LOG_LEVEL_MAX || record->length == 0 ||
	    record->length > LOG_TEXT_MAX || record->text[record->length - 1] != '\0')
		goto bad;
	end = record->text + record->length;
	for (p += strlen(p) + 1; p < end; p = value + strlen(value) + 1) {
		value = p + strlen(p) + 1;
		if (value >= end || !is_key(p + 1) || !is_value(*p, value))
			goto bad;
	}
	return (0);
bad:
	errno = EBADMSG;
	return (-1);
}

static void
put(struct line *line, const char *s, size_t len)
{
	memcpy(line->buf + line->len, s, len);
	line->len += len;
}

static void
put_string(struct line *line, const char *s)
{
	put(line, s, strlen(s));
}

/*
 * The length of the UTF-8 sequence at s (RFC 3629: shortest form, no surrogates), or 0 when
 * it is none, or a C1 control character, which some terminals obey.
 */
static size_t
utf8_length(const unsigned char *s)
{
	static const unsigned int least[] = { 0, 0, 0xa0, 0x800, 0x10000 };
	unsigned int c;
	size_t n, i;

	if (*s < 0x80)
		return (1);
	n = *s >= 0xf0 && *s <= 0xf4 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc2 ? 2 : 0;
	if (n == 0 || *s > 0xf4)
		return (0);
	c = *s & (0x7fU >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return (0);
		c = c << 6 | (s[i] & 0x3fU);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return (0);
	return (n);
}

/* Every escape here is at once JSON's and one that people can read in text. */
static void
put_escaped(struct line *line, const char *s)
{
	const unsigned char *p;
	char escape[8];
	size_t n;

	put_string(line, "\"");
	for (p = (const unsigned char *)s; *p != '\0'; p += n) {
		n = utf8_length(p);
		if (n == 0) {
			n = 1;
			put_string(line, "\\ufffd");
		} else if (*p == '"' || *p == '\\') {
			put_string(line, *p == '"' ? "\\\"" : "\\\\");
		} else if (*p < 0x20 || *p == 0x7f) {
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned int)*p);
			put_string(line, escape);
		} else
			put(line, (const char *)p, n);
	}
	put_string(line, "\"");
}

static void
put_text(struct line *line, const char *s)
{
	const char *p;

	for (p = s; *p > ' ' && *p < 0x7f && *p != '"' && *p != '=' && *p != '\\'; p++)
		;
	if (p == s || *p != '\0')
		put_escaped(line, s);
	else
		put_string(line, s);
}

/* RFC 3339 in UTC with milliseconds. */
static void
put_time(struct line *line, int64_t ns)
{
	time_t seconds = (time_t)(ns / SECOND);
	struct tm tm;
	char buf[32];

	if (ns < 0 || gmtime_r(&seconds, &tm) == NULL ||
	    strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
		put_string(line, "1970-01-01T00:00:00.000Z");
		return;
	}
	put_string(line, buf);
	snprintf(buf, sizeof(buf), ".%03uZ", (unsigned int)(ns % SECOND / MILLISECOND));
	put_string(line, buf);
}

/*
 * What is long and frequent, as the journal has it: whoever reads there has a line of 100 columns,
 * and programs read JSON.  A client and its port tell as much as the number of its session.
 */
static const struct {
	const char *key;
	const char *shown; /* NULL: not at all */
} short_keys[] = {
	{ "session_id", NULL },
	{ "client_address", " client=" },
	{ "client_port", ":" },
	{ "upstream_local_port", " port=" },
	{ "client_to_upstream_packets", " up=" },
	{ "client_to_upstream_datagrams", " up=" },
	{ "client_to_upstream_bytes", "/" },
	{ "upstream_to_client_packets", " down=" },
	{ "upstream_to_client_datagrams", " down=" },
	{ "upstream_to_client_bytes", "/" },
	{ "session_capacity", " capacity=" },
};

/* Returns whether the field is one of these, and is written. */
static int
put_short(struct line *line, const char *key, const char *value)
{
	size_t i;

	for (i = 0; i < sizeof(short_keys) / sizeof(short_keys[0]); i++) {
		if (strcmp(short_keys[i].key, key) != 0)
			continue;
		if (short_keys[i].shown != NULL) {
			put_string(line, short_keys[i].shown);
			put_text(line, value);
		}
		return (1);
	}
	return (0);
}

static void
put_field(
    struct line *line, enum log_format format, char kind, const char *key, const char *value)
{
	if (format == LOG_FORMAT_JOURNAL && put_short(line, key, value))
		return;
	if (format != LOG_FORMAT_JSON) {
		put_string(line, " ");
		put_string(line, key);
		put_string(line, "=");
		put_text(line, value);
		return;
	}
	put_string(line, ",\"");
	put_string(line, key);
	put_string(line, "\":");
	if (kind == LOG_STRING)
		put_escaped(line, value);
	else
		put_string(line, value);
}

/* A message of plain words needs no quotes where it comes first. */
static void
put_message(struct line *line, const char *msg)
{
	const char *p;

	for (p = msg; *p >= ' ' && *p < 0x7f && *p != '"' && *p != '=' && *p != '\\'; p++)
		;
	if (*p != '\0')
		put_escaped(line, msg);
	else
		put_string(line, msg);
}

/* The time, the level and the message. */
static void
put_start(struct line *line, const struct log_record *record, enum log_format format)
{
	if (format == LOG_FORMAT_JOURNAL) {
		put_string(line, priorities[record->level]);
		put_message(line, record->text);
		return;
	}
	put_string(line, format == LOG_FORMAT_JSON ? "{\"time\":\"" : "time=");
	put_time(line, record->time);
	put_string(line, format == LOG_FORMAT_JSON ? "\"" : "");
	put_field(line, format, LOG_STRING, "level", level_names[record->level]);
	put_field(line, format, LOG_STRING, "msg", record->text);
}

size_t
log_record_format(const struct log_record *record, enum log_format format, char *buf)
{
	struct line line = { buf, 0 };
	const char *p = record->text, *end = record->text + record->length, *value;

	put_start(&line, record, format);
	for (p += strlen(p) + 1; p < end; p = value + strlen(value) + 1) {
		value = p + strlen(p) + 1;
		put_field(&line, format, *p, p + 1, value);
	}
	put_string(&line, format == LOG_FORMAT_JSON ? "}\n" : "\n");
	return (line.len);
}

/* ---- the sink ---- */

static struct {
	struct log_output output;
	uint64_t lost, said; /* records, and of these those whose loss is in the log */
	int64_t say_at;	     /* not before: once a second is enough */
	int64_t try_at;	     /* if there is no record to go with it */
	int saying;
} writer = { .output = { .fd = -1 } };

void
log_writer_open(int fd)
{
	log_output_open(&writer.output, fd);
}

/* What is lost of this, too, is lost more: it comes back to log_writer(). */
static void
say_lost(int64_t now)
{
	uint64_t lost = writer.lost;

	writer.saying = 1;
	log_warn("log records lost", "count=%llu", (unsigned long long)(lost - writer.said));
	writer.saying = 0;
	if (writer.lost > lost)
		writer.lost = lost;
	else {
		writer.said = lost;
		writer.say_at = now + SECOND;
	}
}

void
log_writer(const struct log_record *record, void *arg)
{
	const enum log_format *format = arg;
	char buf[LOG_LINE_MAX];
	int saved = errno;
	int64_t now;

	/* Before what follows the gap. */
	if (!writer.saying && writer.lost > writer.said && (now = clock_now()) >= writer.say_at)
		say_lost(now);
	if (log_output_write(&writer.output, buf, log_record_format(record, *format, buf)) ==
	    -1)
		writer.lost++;
	errno = saved;
}

uint64_t
log_writer_lost(void)
{
	return (writer.lost);
}

int64_t
log_writer_deadline(void)
{
	if (writer.lost == writer.said || !log_enabled(LOG_LEVEL_WARN))
		return (NEVER);
	return (clock_later(writer.say_at, writer.try_at));
}

void
log_writer_turn(int64_t now)
{
	if (now < log_writer_deadline())
		return;
	writer.try_at = now + SECOND;
	say_lost(now);
}
