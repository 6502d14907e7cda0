#include <limits.h>

#include "common/clock.h"
#include "tests/unit/unit.h"

CASE(after)
{
	ATF_CHECK_EQ(clock_after(0, 0), 0);
	ATF_CHECK_EQ(clock_after(5 * SECOND, 3), 5 * SECOND + 3);
	ATF_CHECK_EQ(clock_after(5, NEVER), NEVER);
	ATF_CHECK_EQ(clock_after(5, NEVER - 4), NEVER);
	ATF_CHECK_EQ(clock_after(5, NEVER - 5), NEVER);
	ATF_CHECK_EQ(clock_after(5, NEVER - 6), NEVER - 1);
	ATF_CHECK_EQ(clock_after(NEVER, 0), NEVER);
	ATF_CHECK_EQ(clock_after(NEVER, NEVER), NEVER);
}

CASE(timeout)
{
	ATF_CHECK_EQ(clock_timeout(NEVER, 7), -1);
	ATF_CHECK_EQ(clock_timeout(7, 7), 0);
	ATF_CHECK_EQ(clock_timeout(6, 7), 0);
	ATF_CHECK_EQ(clock_timeout(8, 7), 1);
	ATF_CHECK_EQ(clock_timeout(7 + MILLISECOND, 7), 1);
	ATF_CHECK_EQ(clock_timeout(8 + MILLISECOND, 7), 2);
	ATF_CHECK_EQ(clock_timeout(NEVER - 1, 0), INT_MAX);
}

CASE(follow)
{
	int64_t when = clock_now(), wall = clock_wall_at(when), noted = wall;

	/* What is right, but for ticks and slewing, stays. */
	clock_follow(when, &noted);
	ATF_CHECK_EQ(noted, wall);
	noted = wall + SECOND / 2;
	clock_follow(when, &noted);
	ATF_CHECK_EQ(noted, wall + SECOND / 2);
	/* What is not is put right, whatever it was: the clock itself moves little here. */
	for (noted = INT64_MIN; noted != 0; noted = noted < 0 ? INT64_MAX : 0) {
		int64_t then = noted;

		clock_follow(when, &then);
		ATF_CHECK(then > wall - SECOND && then < wall + SECOND);
	}
	/* Long before the epoch, by a clock that is set to it. */
	ATF_CHECK_EQ(clock_wall_at(clock_now() - clock_wall() - SECOND), 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, after);
	ATF_TP_ADD_TC(tp, timeout);
	ATF_TP_ADD_TC(tp, follow);
	return (atf_no_error());
}
