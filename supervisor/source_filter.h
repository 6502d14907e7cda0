#ifndef SUPERVISOR_SOURCE_FILTER_H
#define SUPERVISOR_SOURCE_FILTER_H

#include <sys/stat.h>
#include <stdint.h>

#include "supervisor/options.h"
#include "supervisor/source_file.h"
#include "supervisor/source_list.h"

/*
 * Which sources may open sessions: --allow, --deny and --source-file, as a table in a memfd that
 * relays are handed.  The file is read again when that is asked for, a little at a time; until
 * all of it is right, and if it is not, the old table stays.
 */
struct source_filter {
	const struct options *options;
	struct msg_sources current;
	int current_fd;	     /* its memfd; -1: there is none yet */
	uint32_t generation; /* of it, 0 for none */

	/* The next one, while it is being made. */
	enum {
		SOURCES_IDLE,
		SOURCES_READ,
		SOURCES_BUILD,
		SOURCES_WRITE,
	} stage;
	int fd;		  /* of the file, then of the memfd; -1: none is open */
	struct stat seen; /* the file as it was when it was opened */
	struct source_file file;
	struct source_list list;
	size_t written; /* bytes of the table */
	char error[sizeof(((struct source_file *)0)->error) + 128];
	uint32_t line; /* that is wrong; 0: the file as a whole is */
};

/*
 * Make the first table and wait for that; the program ends with EXIT_REFUSED if the file cannot be
 * used.  Without any of the three options there is none, which allows everybody.
 */
void source_filter_init(struct source_filter *filter, const struct options *options);

/* Begin to read the file again.  Returns 0, or -1 if none was named. */
int source_filter_reload(struct source_filter *filter);

/* Go on with that: at most a millisecond.  Logs what comes of it. */
void source_filter_turn(struct source_filter *filter);

/* When that must be called next: `now`, or NEVER. */
int64_t source_filter_deadline(const struct source_filter *filter, int64_t now);

/*
 * Hand the table to a relay that knows the generation *told, if there is a newer one.  Returns 0,
 * or -1 when the relay must read first.
 */
int source_filter_tell(const struct source_filter *filter, int control, uint32_t *told);

#endif
