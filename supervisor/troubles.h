#ifndef SUPERVISOR_TROUBLES_H
#define SUPERVISOR_TROUBLES_H

#include "supervisor/keeper.h"

/*
 * What relays have said of the way to the upstream, since it was last looked at.  A relay may be
 * an attacker's, so this is a reason to look, and nothing else.
 */
struct troubles {
	const struct child *child; /* who said it; NULL: nobody */
	int error;		   /* errno of a send or receive; 0: nothing failed */
	int64_t vain_since;	   /* when clients began to wait in vain; 0: they do not */
};

/*
 * Take what this keeper's relay says, unless it said something just before.  Returns 0, or -1
 * with errno EBADMSG if that cannot be.
 */
int troubles_take(struct troubles *troubles, struct keeper *keeper,
    const struct msg_trouble *said, int64_t now);

#endif
