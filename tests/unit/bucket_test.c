#include "common/bucket.h"
#include "common/clock.h"
#include "tests/unit/unit.h"

static unsigned int
take_all(struct bucket *bucket, int64_t now, unsigned int tries)
{
	unsigned int n = 0;

	while (tries-- > 0)
		n += (unsigned int)bucket_take(bucket, now);
	return (n);
}

CASE(one_second_deep)
{
	struct bucket bucket;

	bucket_init(&bucket, 100, 100, 0);
	ATF_CHECK_EQ(take_all(&bucket, 0, 1000), 100);
	ATF_CHECK_EQ(take_all(&bucket, 10 * MILLISECOND - 1, 1000), 0);
	ATF_CHECK_EQ(take_all(&bucket, 10 * MILLISECOND, 1000), 1);
	ATF_CHECK_EQ(take_all(&bucket, 510 * MILLISECOND, 1000), 50);
	ATF_CHECK_EQ(take_all(&bucket, 3600 * SECOND, 1000), 100);
}

CASE(steady)
{
	struct bucket bucket;
	unsigned int n = 0;
	int64_t t;

	/* Three a second, asked a thousand times a second, for an hour: nothing is lost. */
	bucket_init(&bucket, 3, 3, 0);
	take_all(&bucket, 0, 3);
	for (t = 1; t <= 3600 * 1000; t++)
		n += (unsigned int)bucket_take(&bucket, t * MILLISECOND);
	ATF_CHECK_EQ(n, 3 * 3600);
}

CASE(no_limit)
{
	struct bucket bucket;

	bucket_init(&bucket, 0, 0, 0);
	ATF_CHECK_EQ(take_all(&bucket, 0, 100000), 100000);
}

CASE(deeper)
{
	struct bucket bucket;

	/* Two a second, 300 at once: a calm of 150 s fills it. */
	bucket_init(&bucket, 2, 300, 0);
	ATF_CHECK_EQ(take_all(&bucket, 0, 1000), 300);
	ATF_CHECK_EQ(take_all(&bucket, 10 * SECOND, 1000), 20);
	ATF_CHECK_EQ(take_all(&bucket, 159 * SECOND, 1000), 298);
	ATF_CHECK_EQ(take_all(&bucket, 3600 * SECOND, 1000), 300);
	/* To look costs nothing. */
	ATF_CHECK(!bucket_has(&bucket, 3600 * SECOND + SECOND / 2 - 1));
	ATF_CHECK(bucket_has(&bucket, 3600 * SECOND + SECOND / 2));
	ATF_CHECK_EQ(take_all(&bucket, 3600 * SECOND + SECOND / 2, 1000), 1);
}

CASE(largest)
{
	struct bucket bucket;

	bucket_init(&bucket, 1000000, 1000000, 0);
	ATF_CHECK_EQ(take_all(&bucket, 0, 1000001), 1000000);
	ATF_CHECK_EQ(take_all(&bucket, SECOND - 1, 1000001), 999999);
	ATF_CHECK(bucket_take(&bucket, INT64_MAX / 2));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, one_second_deep);
	ATF_TP_ADD_TC(tp, steady);
	ATF_TP_ADD_TC(tp, no_limit);
	ATF_TP_ADD_TC(tp, deeper);
	ATF_TP_ADD_TC(tp, largest);
	return (atf_no_error());
}
