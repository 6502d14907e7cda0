#ifndef SUPERVISOR_LOG_WRITER_H
#define SUPERVISOR_LOG_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "common/log.h"

enum log_format {
	LOG_FORMAT_JSON,
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JOURNAL, /* text without what the journal of systemd adds itself */
};

/* The longest line: every byte of a record escaped as six, and the time. */
#define LOG_LINE_MAX (6 * (LOG_TEXT_MAX + LOG_CHILD_MAX) + 128)

/*
 * Whether a record from a child is well formed: a known level, text that ends in a NUL and
 * splits into a message and pairs, keys of lower-case letters, digits, dots and
 * underscores but for those that the supervisor adds (time, level, msg, child), numbers that
 * JSON takes.  Returns 0, or -1 with errno EBADMSG.
 */
int log_record_check(const struct log_record *record);

/*
 * Write a checked record as one line into buf (LOG_LINE_MAX bytes): JSON (RFC 8259), or
 * key=value text with values quoted where they need it, after time and level or, for the journal,
 * after the priority alone as sd-daemon(3) says, with long keys shortened.  Control characters,
 * and what is no UTF-8, are escaped.  Returns the length, the newline included.
 */
size_t log_record_format(const struct log_record *record, enum log_format format, char *buf);

/* Have log_writer() write to what this descriptor is open for: see log_output.h. */
void log_writer_open(int fd);

/*
 * A log sink, once it is open, in the given format (`arg` points to an enum log_format).
 * Where that takes no record, it costs the record, never a wait.  The number of those that were
 * lost goes before the next that is taken.
 */
void log_writer(const struct log_record *record, void *arg);

/* Records that were not taken, or were too long for a line, since the start. */
uint64_t log_writer_lost(void);

/* Without a next record: try again to say what was lost, once a second; and when to come again. */
void log_writer_turn(int64_t now);
int64_t log_writer_deadline(void);

#endif
