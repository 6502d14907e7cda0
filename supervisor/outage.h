#ifndef SUPERVISOR_OUTAGE_H
#define SUPERVISOR_OUTAGE_H

#include "supervisor/sockets.h"

/* Whether there is a way to the upstream, as the log says it: once an episode, for all workers. */
struct outage {
	enum {
		OUTAGE_NONE,
		OUTAGE_ROUTE, /* connect(2) fails */
		OUTAGE_PATH,  /* it does not, but what sessions send comes to nothing */
	} kind;
	int64_t suspected_at; /* the first error of a path; 0: none yet */
	int64_t error_at;     /* the last one */
	int64_t over_at;      /* when the last one ended; 0: never */
	int64_t look_at;      /* NEVER, or when to call outage_turn() */
};

void outage_init(struct outage *outage);

/* connect(2) to the upstream has failed with `error`, or has not; `who` noticed it. */
void outage_no_route(struct outage *outage, const char *who, const struct upstream *upstream,
    int error, int64_t now);
void outage_has_route(struct outage *outage, const struct upstream *upstream, int64_t now);

/*
 * A session's socket had `error`, the relay `who` says.  That is an outage if there is no route,
 * or if it says so again and no reply has come meanwhile; the last one came at `reply`.
 */
void outage_heard(struct outage *outage, const char *who, const struct upstream *upstream,
    int error, int64_t reply, int64_t now);

/* Look whether it is over. */
void outage_turn(
    struct outage *outage, const struct upstream *upstream, int64_t reply, int64_t now);

#endif
