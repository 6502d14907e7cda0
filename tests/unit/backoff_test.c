#include "common/clock.h"
#include "supervisor/backoff.h"
#include "tests/unit/unit.h"

CASE(doubles)
{
	struct backoff backoff = { 0 };
	int64_t delay, want = 100 * MILLISECOND;
	int i;

	ATF_CHECK_EQ(backoff_next(&backoff, 0), 0);
	for (i = 0; i < 12; i++) {
		delay = backoff_next(&backoff, 59 * SECOND);
		ATF_CHECK_EQ(delay, want);
		want = want * 2 > 30 * SECOND ? 30 * SECOND : want * 2;
	}
	ATF_CHECK_EQ(delay, 30 * SECOND);
}

CASE(calm_resets)
{
	struct backoff backoff = { 0 };

	backoff_next(&backoff, 0);
	backoff_next(&backoff, 0);
	ATF_CHECK_EQ(backoff_next(&backoff, 60 * SECOND), 0);
	ATF_CHECK_EQ(backoff_next(&backoff, 0), 100 * MILLISECOND);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, doubles);
	ATF_TP_ADD_TC(tp, calm_resets);
	return (atf_no_error());
}
