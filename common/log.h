#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdint.h>

/* Ends the process with a status that says "a system call refused". */
#define EXIT_REFUSED 1
/* Ends the process with a status that says "the command line is wrong". */
#define EXIT_USAGE 2

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_MAX
};

/* How a field of a record is written in JSON. */
enum log_kind {
	LOG_STRING = 's',
	LOG_NUMBER = 'n',
	LOG_BOOLEAN = 'b',
};

/* Of whoever makes a record; and the field that the supervisor adds to a child's. */
#define LOG_TEXT_MAX 1200
#define LOG_CHILD_KEY "child"
#define LOG_CHILD_MAX 32

/*
 * One log record on its way to the supervisor, which alone writes the log.  `text` holds
 * the message and then, for each field, its kind (enum log_kind) followed by the key, and
 * the value; each of these ends with a NUL.  `length` counts all of it.  What does not fit
 * is left out, whole fields at a time.
 */
struct log_record {
	int64_t time;	 /* nanoseconds since the epoch */
	uint16_t length; /* bytes of text in use */
	uint8_t level;	 /* enum log_level */
	uint8_t pad[5];
	char text[LOG_TEXT_MAX + LOG_CHILD_MAX];
};
_Static_assert(sizeof(struct log_record) == 16 + LOG_TEXT_MAX + LOG_CHILD_MAX, "padding");

/* Takes a finished record; must keep errno. */
typedef void log_sink(const struct log_record *, void *arg);

/*
 * From here on records of at least `level` go to sink(record, arg).  Until it is called
 * they are lost: before there is a log, complain with err(3).
 */
void log_init(enum log_level level, log_sink *sink, void *arg);

/*
 * Hand a record that a child made, and that was checked, to the sink: with the time of now and,
 * as its last field, the child's name, of less than WORKER_NAME_MAX bytes.  Keeps errno.
 */
void log_pass_on(const struct log_record *record, const char *child);

/* Whether a record of this level would be written. */
int log_enabled(enum log_level level);

/*
 * Log msg with fields.  `fields` is a list "key=%CONV key=%CONV ..." whose conversions
 * consume the arguments; of printf(3)'s they may be %s, %d, %u, %ld, %lu, %lld, %llu
 * and %.3f (numbers in JSON too), and %hhu, which is a boolean.  A NULL string is
 * written as "".  Keeps errno.
 */
void log_debug(const char *msg, const char *fields, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *msg, const char *fields, ...) __attribute__((format(printf, 2, 3)));
void log_warn(const char *msg, const char *fields, ...) __attribute__((format(printf, 2, 3)));
void log_error(const char *msg, const char *fields, ...) __attribute__((format(printf, 2, 3)));

/* log_error(), then _exit(EXIT_REFUSED). */
void fatal(const char *msg, const char *fields, ...)
    __attribute__((format(printf, 2, 3), noreturn));

#endif
