#ifndef SUPERVISOR_STATE_WRITER_H
#define SUPERVISOR_STATE_WRITER_H

#include <sys/types.h>
#include <stddef.h>
#include <stdint.h>

struct keepers;

/*
 * Writes the state file: every minute if something changed, and at the end.  A disk may take its
 * time, so a process of its own waits for it, one at a time.
 */
struct state_writer {
	const char *path; /* NULL: nothing is written */
	const struct keepers *keepers;
	int64_t at; /* when to look whether something has changed; NEVER: not by itself */

	void *buffer; /* what is to be written, or being written, */
	size_t size;
	uint64_t sum;	/* what it says */
	int64_t offset; /* of the wall clock from the other */
	int due;	/* not begun yet */

	pid_t pid; /* of the process that writes; 0: none */
	int64_t kill_at;
	int64_t stop_at;     /* NEVER, or when the end must not be delayed any longer */
	uint64_t written;    /* `sum` that is in the file */
	int64_t written_for; /* `offset` of that */
	int known;	     /* these two are */
	int failed;	     /* said so in the log */
};

/* Nothing is written before state_writer_start(), or if `path` is NULL. */
void state_writer_init(struct state_writer *writer, const char *path);

/* Write what the keepers have from now on. */
void state_writer_start(
    struct state_writer *writer, const struct keepers *keepers, int64_t now);

/* Write what has changed now. */
void state_writer_flush(struct state_writer *writer, int64_t now);

/* The program is about to end: the same, for the last time and within 1.5 s. */
void state_writer_stop(struct state_writer *writer, int64_t now);

/* Begin to write nothing more; what is not on the disk in 0.2 s is given up. */
void state_writer_hurry(struct state_writer *writer, int64_t now);

/* A child has ended, perhaps this one. */
void state_writer_reap(struct state_writer *writer, int64_t now);

/* Go on; and when to be called next. */
void state_writer_turn(struct state_writer *writer, int64_t now);
int64_t state_writer_deadline(const struct state_writer *writer);

/* Whether nothing is left to be done after state_writer_stop() or state_writer_hurry(). */
int state_writer_ended(const struct state_writer *writer);

#endif
