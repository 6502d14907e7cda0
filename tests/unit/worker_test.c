#include <string.h>
#include <unistd.h>

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
	ATF_CHECK_EQ(a.sessions[SESSION_ASSURED], 7);
	ATF_CHECK_EQ(a.session_idle.bucket[HISTOGRAM_BUCKETS - 1], 7);
	ATF_CHECK_EQ(a.session_idle.sum, 7);
	ATF_CHECK_EQ(a.upstream_last_reply, 100);
	a = count(3, 0);
	totals_add(&a, &b);
	ATF_CHECK_EQ(a.upstream_last_reply, 50);
}

CASE(sums_of_listeners)
{
	struct listener_totals a = { .datagrams[0] = 3, .receive_queue_drops[0] = 1 };
	const struct listener_totals b = { .datagrams[0] = 4,
		.drops[DIRECTION_MAX - 1][DROP_REASON_MAX - 1] = 5,
		.receive_queue_drops[0] = 2 };

	totals_add_listener(&a, &b);
	ATF_CHECK_EQ(a.datagrams[0], 7);
	ATF_CHECK_EQ(a.drops[DIRECTION_MAX - 1][DROP_REASON_MAX - 1], 5);
	ATF_CHECK_EQ(a.receive_queue_drops[0], 3);
}

/* The supervisor sees what a relay counts for the last of so many listeners. */
static void
check_mapped(uint32_t listeners)
{
	struct totals *relay;
	struct totals *supervisor;
	struct session_line *line;
	uint32_t *seen;
	int fd;

	ATF_REQUIRE((fd = totals_create(listeners, 9)) != -1);
	ATF_REQUIRE((relay = totals_map(fd, listeners, 9, 1)) != NULL);
	ATF_REQUIRE((supervisor = totals_map(fd, listeners, 9, 0)) != NULL);
	line = totals_session_counters(relay, listeners);
	ATF_CHECK_EQ((uintptr_t)line % sizeof(*line), 0);
	memset(line, 0xff, 9 * sizeof(*line));
	line[8].counters.bytes[1] = 9;
	seen = totals_drops_seen(relay, listeners, 9);
	ATF_CHECK_EQ(seen[0], 0);
	seen[0] = 5;
	seen[listeners + 8] = 6;
	relay->listener[listeners - 1].receive_queue_drops[1] = 7;
	relay->upstream_last_reply = 8;
	ATF_CHECK_EQ(supervisor->listener[listeners - 1].receive_queue_drops[1], 7);
	line = totals_session_counters(supervisor, listeners);
	ATF_CHECK_EQ(line[8].counters.bytes[1], 9);
	seen = totals_drops_seen(supervisor, listeners, 9);
	ATF_CHECK_EQ(seen[0], 5);
	ATF_CHECK_EQ(seen[listeners + 8], 6);
	ATF_CHECK_EQ(supervisor->upstream_last_reply, 8);
	/* Nobody can make another's access to it fail. */
	ATF_CHECK_EQ(ftruncate(fd, 0), -1);
	ATF_CHECK_EQ(ftruncate(fd, 1 << 30), -1);
	close(fd);
}

CASE(mapped)
{
	check_mapped(1);
	check_mapped(65);
	check_mapped(LISTENERS_MAX);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, shares);
	ATF_TP_ADD_TC(tp, sums);
	ATF_TP_ADD_TC(tp, sums_of_listeners);
	ATF_TP_ADD_TC(tp, mapped);
	return (atf_no_error());
}
