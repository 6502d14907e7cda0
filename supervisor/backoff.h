#ifndef SUPERVISOR_BACKOFF_H
#define SUPERVISOR_BACKOFF_H

#include <stdint.h>

/* How long to wait before a child is started again; all zero at first. */
struct backoff {
	int64_t delay; /* of the next restart */
};

/*
 * The delay before the next start of a child that ran for `ran` nanoseconds: none at first,
 * then 100 ms, doubling to 30 s; a run of 60 s begins anew.
 */
int64_t backoff_next(struct backoff *backoff, int64_t ran);

#endif
