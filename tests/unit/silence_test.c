#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/silence.h"
#include "tests/unit/unit.h"

static struct silence silence;
static struct upstream upstream;
static int begins, ends, given_up;

static void
count_records(const struct log_record *record, void *arg)
{
	(void)arg;
	begins += strcmp(record->text, "upstream silent") == 0;
	ends += strcmp(record->text, "upstream answers again") == 0;
	given_up += strcmp(record->text, "nobody waits for the upstream") == 0;
}

static void
start(void)
{
	log_init(LOG_LEVEL_INFO, count_records, NULL);
	upstream.address.sin6_family = AF_INET6;
	begins = ends = given_up = 0;
	silence_init(&silence);
}

CASE(said_once)
{
	int64_t began = 1000 * SECOND, now;

	start();
	ATF_CHECK(silence.look_at == NEVER);
	for (now = began; now < began + 300 * SECOND; now += SECOND) {
		silence_heard(&silence, &upstream, began, 900 * SECOND, 0, now);
		ATF_CHECK_EQ_MSG(begins, now - began >= 30 * SECOND, "after %lld s",
		    (long long)((now - began) / SECOND));
		if (now >= silence.look_at)
			silence_turn(&silence, &upstream, 900 * SECOND, now);
	}
	ATF_CHECK_EQ(ends, 0);
	ATF_CHECK(silence.look_at <= now + SECOND);
	silence_turn(&silence, &upstream, now, now);
	ATF_CHECK_EQ(ends, 1);
	ATF_CHECK(silence.look_at == NEVER);
	/* And anew. */
	silence_heard(&silence, &upstream, now + SECOND, now, 0, now + 31 * SECOND);
	ATF_CHECK_EQ(begins, 2);
}

CASE(answers)
{
	start();
	/* Somebody had an answer meanwhile. */
	silence_heard(&silence, &upstream, 1000 * SECOND, 1020 * SECOND, 0, 1049 * SECOND);
	ATF_CHECK_EQ(begins, 0);
	silence_heard(&silence, &upstream, 1000 * SECOND, 1020 * SECOND, 0, 1050 * SECOND);
	ATF_CHECK_EQ(begins, 1);
	/* That answer is not one since. */
	silence_turn(&silence, &upstream, 1020 * SECOND, 1051 * SECOND);
	ATF_CHECK_EQ(ends, 0);
}

CASE(nobody_waits)
{
	start();
	silence_heard(&silence, &upstream, 0, 1000 * SECOND, 0, 2000 * SECOND);
	silence_heard(&silence, &upstream, 0, 0, 0, 2000 * SECOND);
	ATF_CHECK_EQ(begins, 0);
	/* There was never an answer. */
	silence_heard(&silence, &upstream, 1000 * SECOND, 0, 0, 1030 * SECOND);
	ATF_CHECK_EQ(begins, 1);
}

/* Where there is no way that has been said; only if there is one again, it is silence. */
CASE(no_way)
{
	int64_t began = 1000 * SECOND;

	start();
	silence_heard(&silence, &upstream, began, 0, 1, began + 29 * SECOND);
	ATF_CHECK_EQ(silence.since, 0);
	silence_heard(&silence, &upstream, began, 0, 1, began + 30 * SECOND);
	ATF_CHECK_EQ(silence.since, began);
	ATF_CHECK_EQ(silence.look_at, began + 31 * SECOND);
	silence_turn(&silence, &upstream, began + 31 * SECOND, began + 31 * SECOND);
	ATF_CHECK_EQ(silence.since, 0);
	ATF_CHECK_EQ(begins + ends, 0);
	silence_heard(&silence, &upstream, began, 0, 1, began + 40 * SECOND);
	silence_heard(&silence, &upstream, began, 0, 0, began + 41 * SECOND);
	ATF_CHECK_EQ(begins, 1);
}

/* Strangers, whom nobody answers, go away. */
CASE(given_up)
{
	int64_t began = 1000 * SECOND, last = began + 240 * SECOND;

	start();
	silence_heard(&silence, &upstream, began, 0, 0, began + 30 * SECOND);
	/* Another one, who has not waited for long; and an error, which nobody waited for. */
	silence_heard(&silence, &upstream, last - 5 * SECOND, 0, 0, last);
	silence_heard(&silence, &upstream, 0, 0, 0, last + 200 * SECOND);
	silence_turn(&silence, &upstream, 0, last + 299 * SECOND);
	ATF_CHECK_EQ(silence.since, began);
	silence_turn(&silence, &upstream, 0, last + 300 * SECOND);
	ATF_CHECK_EQ(silence.since, 0);
	ATF_CHECK(silence.look_at == NEVER);
	ATF_CHECK_EQ(begins, 1);
	ATF_CHECK_EQ(ends, 0);
	ATF_CHECK_EQ(given_up, 1);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, said_once);
	ATF_TP_ADD_TC(tp, answers);
	ATF_TP_ADD_TC(tp, nobody_waits);
	ATF_TP_ADD_TC(tp, no_way);
	ATF_TP_ADD_TC(tp, given_up);
	return (atf_no_error());
}
