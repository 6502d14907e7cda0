#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

#define NANOSECOND INT64_C(1)
#define MICROSECOND (1000 * NANOSECOND)
#define MILLISECOND (1000 * MICROSECOND)
#define SECOND (1000 * MILLISECOND)

/* A deadline that never comes. */
#define NEVER INT64_MAX

/*
 * Time since an unspecified start in nanoseconds, by CLOCK_MONOTONIC_COARSE: a
 * few milliseconds coarse, no system call.  Read once a turn and passed down.
 * See clock_gettime(2).
 */
int64_t clock_now(void);

/* Nanoseconds since the epoch, by CLOCK_REALTIME. */
int64_t clock_wall(void);

/*
 * What clock_wall() would have said at `when`, a reading of clock_now(), had the wall clock not
 * been set since: as coarse as that.
 */
int64_t clock_wall_at(int64_t when);

/*
 * The timeout for poll(2) that wakes at `deadline`, given the time `now` (both as
 * of clock_now): milliseconds rounded up, 0 when it has passed, -1 for NEVER.
 */
int clock_timeout(int64_t deadline, int64_t now);

/* The earlier of two deadlines. */
static inline int64_t
clock_earlier(int64_t a, int64_t b)
{
	return (a < b ? a : b);
}

#endif
