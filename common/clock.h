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
 * been set since: as coarse as that, and never before the epoch.
 */
int64_t clock_wall_at(int64_t when);

/*
 * Correct *wall, what clock_wall() said at `when`, if the wall clock has been set since; else it
 * stays, so that what was once told of a moment is not told a tick differently later.
 */
void clock_follow(int64_t when, int64_t *wall);

/*
 * The timeout for poll(2) that wakes at `deadline`, given the time `now` (both as
 * of clock_now): milliseconds rounded up, 0 when it has passed, -1 for NEVER.
 */
int clock_timeout(int64_t deadline, int64_t now);

/* When `duration`, which is not negative, has passed since `now`: NEVER if that is too far off. */
static inline int64_t
clock_after(int64_t now, int64_t duration)
{
	return (duration > NEVER - now ? NEVER : now + duration);
}

/* The earlier of two deadlines. */
static inline int64_t
clock_earlier(int64_t a, int64_t b)
{
	return (a < b ? a : b);
}

/* The later of two times. */
static inline int64_t
clock_later(int64_t a, int64_t b)
{
	return (a > b ? a : b);
}

#endif
