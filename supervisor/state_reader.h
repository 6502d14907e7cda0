#ifndef SUPERVISOR_STATE_READER_H
#define SUPERVISOR_STATE_READER_H

#include "supervisor/keepers.h"
#include "supervisor/state_file.h"

/* What the state file of a program before us has told. */
struct state_reader {
	const char *path; /* NULL: nothing is to be read, or written */
	int found;	  /* the two below are set */
	struct legacy legacy;
	struct state_facts facts;
};

/*
 * Read the state file of these options, for so many workers, and say in the log why it is not used
 * if it is not: that is never fatal.  What stands at its path and is no file of ours is left alone.
 */
void state_reader_read(
    struct state_reader *reader, const struct options *options, uint32_t workers);

/* Where the upstream was while sessions that are to be taken up went there, or NULL. */
const struct sockaddr_in6 *state_reader_upstream(const struct state_reader *reader);

/*
 * Take the sessions up: bind the ports that they had, and put them into the keeper's store, whose
 * relay does not run yet.  Not if it has sessions: who left those has left the file, too, or later
 * than that.
 */
void state_reader_restore(struct state_reader *reader, struct keepers *keepers, int64_t now);

#endif
