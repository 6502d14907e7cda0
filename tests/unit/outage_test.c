#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/outage.h"
#include "tests/unit/unit.h"

static struct outage outage;
static struct upstream upstream;
static int64_t now, reply;
static int begins, ends;

static void
count_records(const struct log_record *record, void *arg)
{
	(void)arg;
	begins += strcmp(record->text, "upstream unreachable") == 0;
	ends += strcmp(record->text, "upstream reachable") == 0;
}

/* connect(2) works, or does not. */
static void
route(int is_there)
{
	upstream.address.sin6_family = is_there ? AF_INET6 : AF_MAX;
}

static void
start(void)
{
	log_init(LOG_LEVEL_INFO, count_records, NULL);
	upstream.address.sin6_addr = in6addr_loopback;
	upstream.address.sin6_port = htons(7000);
	route(1);
	outage_init(&outage);
	now = reply = 1000 * SECOND;
}

/* Time passes, and one looks when that is due. */
static void
wait(int64_t time)
{
	int64_t until = now + time;

	while (outage.look_at <= until) {
		now = outage.look_at;
		outage_turn(&outage, &upstream, reply, now);
	}
	now = until;
}

static void
hear(int error)
{
	outage_heard(&outage, "relay", &upstream, error, reply, now);
}

static void
check_said(int unreachable, int reachable)
{
	ATF_CHECK_EQ(begins, unreachable);
	ATF_CHECK_EQ(ends, reachable);
}

CASE(no_route)
{
	int i;

	start();
	route(0);
	for (i = 0; i < 100; i++) {
		hear(i % 2 ? ENETUNREACH : ECONNREFUSED);
		outage_no_route(&outage, "relay-2", &upstream, EADDRNOTAVAIL, now);
		wait(SECOND);
	}
	check_said(1, 0);
	/* It is over though nobody sends. */
	route(1);
	wait(2 * SECOND);
	check_said(1, 1);
	ATF_CHECK_EQ(outage.look_at, NEVER);
	/* Also when it is who makes sockets that notices. */
	outage_no_route(&outage, "relay-2", &upstream, EADDRNOTAVAIL, now);
	outage_has_route(&outage, &upstream, now);
	outage_has_route(&outage, &upstream, now);
	check_said(2, 2);
}

CASE(path)
{
	start();
	reply = now - SECOND;
	hear(EHOSTUNREACH);
	check_said(0, 0);
	wait(3 * SECOND);
	hear(EHOSTUNREACH);
	check_said(1, 0);
	/* That there is a route means nothing here. */
	outage_has_route(&outage, &upstream, now);
	wait(50 * SECOND);
	hear(EHOSTUNREACH);
	wait(50 * SECOND);
	check_said(1, 0);
	reply = now;
	wait(2 * SECOND);
	check_said(1, 1);
	ATF_CHECK_EQ(outage.look_at, NEVER);
}

CASE(path_without_replies)
{
	start();
	hear(ENODEV);
	wait(SECOND);
	hear(ENODEV);
	check_said(1, 0);
	wait(61 * SECOND);
	check_said(1, 1);
}

CASE(path_then_route)
{
	start();
	hear(EHOSTUNREACH);
	wait(SECOND);
	hear(EHOSTUNREACH);
	route(0);
	reply = now + SECOND / 2;
	wait(100 * SECOND);
	check_said(1, 0);
	route(1);
	wait(SECOND);
	check_said(1, 1);
}

CASE(believed)
{
	static const int others[] = { ECONNREFUSED, EMSGSIZE, EPROTO, ENOBUFS, EINVAL, 4095 };
	uint32_t i;

	/* A router's or forger's errors beside the upstream's replies; what says something else. */
	start();
	for (i = 0; i < 1000; i++) {
		hear(EHOSTUNREACH);
		wait(100 * MILLISECOND);
		reply = now;
		wait(900 * MILLISECOND);
	}
	reply = 0;
	for (i = 0; i < 60; i++) {
		wait(2 * SECOND);
		hear(others[i % 6]);
	}
	check_said(0, 0);
	/* A single one now and then. */
	for (i = 0; i < 60; i++) {
		wait(61 * SECOND);
		hear(EHOSTUNREACH);
	}
	check_said(0, 0);
}

CASE(flaps)
{
	int i;

	/* A relay that lies, about replies, too: a pair of records each ten seconds at most. */
	start();
	for (i = 0; i < 1000; i++) {
		hear(EHOSTUNREACH);
		wait(SECOND);
		hear(EHOSTUNREACH);
		reply = now + 1;
		wait(SECOND);
	}
	ATF_CHECK(begins >= 100 && begins <= 200);
	ATF_CHECK(ends >= begins - 1);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, no_route);
	ATF_TP_ADD_TC(tp, path);
	ATF_TP_ADD_TC(tp, path_without_replies);
	ATF_TP_ADD_TC(tp, path_then_route);
	ATF_TP_ADD_TC(tp, believed);
	ATF_TP_ADD_TC(tp, flaps);
	return (atf_no_error());
}
