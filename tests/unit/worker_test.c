#include <string.h>

#include "common/totals.h"
#include "common/worker.h"
#include "tests/unit/unit.h"

CASE(names)
{
	char name[WORKER_NAME_MAX];

	ATF_CHECK_STREQ(worker_name(0, 1, name), "relay");
	ATF_CHECK_STREQ(worker_name(0, 2, name), "relay-1");
	ATF_CHECK_STREQ(worker_name(WORKERS_MAX - 1, WORKERS_MAX, name), "relay-64");
}

CASE(shares)
{
	uint32_t total, workers, i, sum, share;

	for (total = 0; total < 200; total++)
		for (workers = 1; workers <= WORKERS_MAX; workers++) {
			for (sum = i = 0; i < workers; i++) {
				share = worker_share(total, i, workers);
				ATF_CHECK(share - total / workers <= 1);
				sum += share;
			}
			ATF_CHECK_EQ(sum, total);
		}
}

/* What a worker counts, in every kind of place. */
static struct totals
count(uint64_t n, int64_t last_reply)
{
	static struct totals t;

	memset(&t, 0, sizeof(t));
	t.listener[0].datagrams[0] = n;
	t.listener[LISTENERS_MAX - 1].receive_queue_drops = n;
	t.sessions[SESSION_ASSURED] = n;
	t.session_idle.bucket[HISTOGRAM_BUCKETS - 1] = n;
	t.session_idle.sum = n;
	t.upstream_last_reply = last_reply;
	return (t);
}

CASE(sums)
{
	static struct totals a, b;

	a = count(3, 100);
	b = count(4, 50);
	totals_add(&a, &b);
	ATF_CHECK_EQ(a.listener[0].datagrams[0], 7);
	ATF_CHECK_EQ(a.listener[LISTENERS_MAX - 1].receive_queue_drops, 7);
	ATF_CHECK_EQ(a.sessions[SESSION_ASSURED], 7);
	ATF_CHECK_EQ(a.session_idle.bucket[HISTOGRAM_BUCKETS - 1], 7);
	ATF_CHECK_EQ(a.session_idle.sum, 7);
	ATF_CHECK_EQ(a.upstream_last_reply, 100);
	a = count(3, 0);
	totals_add(&a, &b);
	ATF_CHECK_EQ(a.upstream_last_reply, 50);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, shares);
	ATF_TP_ADD_TC(tp, sums);
	return (atf_no_error());
}
