#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/silence.h"
#include "tests/unit/unit.h"

static struct silence silence;
static struct upstream upstream;
static int begins, ends;

static void
count_records(const struct log_record *record, void *arg)
{
	(void)arg;
	begins += strcmp(record->text, "upstream silent") == 0;
	ends += strcmp(record->text, "upstream answers again") == 0;
}

static void
start(void)
{
	log_init(LOG_LEVEL_INFO, count_records, NULL);
	upstream.address.sin6_family = AF_INET6;
	begins = ends = 0;
	silence_init(&silence);
}

CASE(said_once)
{
	int64_t began = 1000 * SECOND, now;

	start();
	ATF_CHECK(silence.look_at == NEVER);
	for (now = began; now < began + 300 * SECOND; now += SECOND) {
		silence_heard(&silence, &upstream, began, 900 * SECOND, now);
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
	silence_heard(&silence, &upstream, now + SECOND, now, now + 31 * SECOND);
	ATF_CHECK_EQ(begins, 2);
}

CASE(answers)
{
	start();
	/* Somebody had an answer meanwhile. */
	silence_heard(&silence, &upstream, 1000 * SECOND, 1020 * SECOND, 1049 * SECOND);
	ATF_CHECK_EQ(begins, 0);
	silence_heard(&silence, &upstream, 1000 * SECOND, 1020 * SECOND, 1050 * SECOND);
	ATF_CHECK_EQ(begins, 1);
	/* That answer is not one since. */
	silence_turn(&silence, &upstream, 1020 * SECOND, 1051 * SECOND);
	ATF_CHECK_EQ(ends, 0);
}

CASE(nobody_waits)
{
	start();
	silence_heard(&silence, &upstream, 0, 1000 * SECOND, 2000 * SECOND);
	silence_heard(&silence, &upstream, 0, 0, 2000 * SECOND);
	ATF_CHECK_EQ(begins, 0);
	/* There was never an answer. */
	silence_heard(&silence, &upstream, 1000 * SECOND, 0, 1030 * SECOND);
	ATF_CHECK_EQ(begins, 1);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, said_once);
	ATF_TP_ADD_TC(tp, answers);
	ATF_TP_ADD_TC(tp, nobody_waits);
	return (atf_no_error());
}
