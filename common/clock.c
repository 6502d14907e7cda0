#include <limits.h>
#include <time.h>

#include "common/clock.h"

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	/* Fails only for a bad id or pointer: see clock_gettime(2). */
	(void)clock_gettime(id, &ts);
	return ((int64_t)ts.tv_sec * SECOND + ts.tv_nsec);
}

int64_t
clock_now(void)
{
	return (read_clock(CLOCK_MONOTONIC_COARSE));
}

int64_t
clock_wall(void)
{
	return (read_clock(CLOCK_REALTIME));
}

int64_t
clock_wall_at(int64_t when)
{
	/* First, so that a tick in between makes the result earlier, never later, than it was. */
	int64_t wall = read_clock(CLOCK_REALTIME_COARSE) - (clock_now() - when);

	return (wall > 0 ? wall : 0);
}

void
clock_follow(int64_t when, int64_t *wall)
{
	int64_t now = clock_wall_at(when);

	if (*wall < now - SECOND || *wall > now + SECOND)
		*wall = now;
}

int
clock_timeout(int64_t deadline, int64_t now)
{
	int64_t ms;

	if (deadline == NEVER)
		return (-1);
	if (deadline <= now)
		return (0);
	ms = (deadline - now - 1) / MILLISECOND + 1;
	return (ms > INT_MAX ? INT_MAX : (int)ms);
}
