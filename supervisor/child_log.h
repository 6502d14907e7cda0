#ifndef SUPERVISOR_CHILD_LOG_H
#define SUPERVISOR_CHILD_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "common/bucket.h"
#include "common/log.h"

/* Records a second that a child may say: those of the sessions of all relays, and a few more. */
#define CHILD_RECORDS_A_SECOND 105
#define CHILD_RECORDS_LEAST 10

/* A longer line of standard error becomes several records. */
#define CHILD_LINE_MAX 512

/*
 * What one child says: records over its control socket, and lines on its standard error, which
 * is a pipe.  Both may be an attacker's words.  So what goes on into the log is limited,
 * escaped as all of it is, has the supervisor's time, and ends with the child's name.
 */
struct child_log {
	const char *name;
	struct bucket bucket;
	uint32_t held; /* records held back, and not told yet */
	int64_t told_at;
	int fd; /* the pipe's end that is read, or -1 */
	size_t length;
	char line[CHILD_LINE_MAX + 1];
};

/* A child of this name, which must stay, with so many records a second. */
void child_log_init(struct child_log *log, const char *name, uint32_t rate);

/*
 * Make the pipe.  Returns the end that becomes the child's standard error, or -1 with errno.
 * Neither end waits; both are close-on-exec.  See pipe(7).
 */
int child_log_open(struct child_log *log);

/* Log a record of the child's.  Returns 0, or -1 with errno EBADMSG if it is malformed. */
int child_log_record(struct child_log *log, const struct log_record *record, int64_t now);

/* Log what is in the pipe, up to a page.  Returns whether there may be more. */
int child_log_read(struct child_log *log, int64_t now);

/* The child has ended: log what is left in the pipe, as much as one holds, and close it. */
void child_log_close(struct child_log *log, int64_t now);

/* Tell how many records were held back, once a second; and when to come again. */
void child_log_turn(struct child_log *log, int64_t now);
int64_t child_log_deadline(const struct child_log *log);

/* Records of all children that were held back, since the start. */
uint64_t child_log_held(void);

#endif
