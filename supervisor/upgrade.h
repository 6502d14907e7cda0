#ifndef SUPERVISOR_UPGRADE_H
#define SUPERVISOR_UPGRADE_H

#include <sys/types.h>
#include <stdint.h>

#include "supervisor/children.h"

/*
 * Upgrade and reconfiguration in place: the program on disk, with the options as they are now,
 * takes over from us under the same pid.  First a child runs it with --check; if that fails,
 * nothing else happens.  Then the relays are asked to stop, which they do with all sessions open,
 * and the program is executed in our place, with every descriptor and all memory that it needs.
 */
struct upgrade {
	int program;	/* its file, -1: none is under way */
	pid_t checker;	/* the child that runs it with --check; 0: none */
	int output;	/* what that says */
	int64_t until;	/* when patience ends */
	char said[512]; /* its last line */
	uint32_t length;
	int ready; /* all is well: children may be stopped */
};

#define UPGRADE_POLLFDS 1

void upgrade_init(struct upgrade *upgrade);

/* Begin, unless one is under way.  `http` is the listener for HTTP; -1: none. */
void upgrade_begin(
    struct upgrade *upgrade, const struct keepers *keepers, int http, int64_t now);

/* Give it up: the program ends. */
void upgrade_cancel(struct upgrade *upgrade);

/* Fill in UPGRADE_POLLFDS entries of a poll set; and when upgrade_turn() must be called. */
void upgrade_watch(const struct upgrade *upgrade, struct pollfd *pfd);
int64_t upgrade_deadline(const struct upgrade *upgrade);

/* Take what the child says, and how it ended.  Returns whether children may be stopped now. */
int upgrade_turn(struct upgrade *upgrade, int64_t now);

/*
 * All children have ended: execute the new program, which is handed this listener for HTTP; -1:
 * none.  Ends ours if that fails.
 */
void upgrade_finish(struct upgrade *upgrade, const struct keepers *keepers, int http)
    __attribute__((noreturn));

#endif
