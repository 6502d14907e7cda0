#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "relay/relay.h"
#include "relay/trouble.h"
#include "tests/unit/unit.h"

static struct relay relay;
static struct totals totals;
static struct session session = { .fd = STDERR_FILENO, .slot = NONE };
static int64_t *const last = &session.own.last[CLIENT_TO_UPSTREAM];
static struct msg msg;
static int supervisor;

static void
start(void)
{
	int pair[2];

	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	relay.control = pair[0];
	supervisor = pair[1];
	relay.totals = &totals;
	relay.now = *last = totals.upstream_last_reply = 1000 * SECOND;
}

/* So much later. */
static void
later(int64_t time)
{
	relay.now += time;
}

static void
client_speaks(struct session *s)
{
	trouble_client_spoke(&relay, s);
	s->own.last[CLIENT_TO_UPSTREAM] = relay.now;
}

/* What the supervisor is told now; NULL: nothing. */
static const struct msg_trouble *
told(void)
{
	ATF_REQUIRE_EQ(trouble_send(&relay), 0);
	if (msg_receive(supervisor, FROM_RELAY, &msg) != 1) {
		ATF_REQUIRE_EQ(errno, EAGAIN);
		return (NULL);
	}
	ATF_REQUIRE_EQ(msg.type, MSG_TROUBLE);
	return ((const struct msg_trouble *)(const void *)msg.payload);
}

/* So many datagrams so far apart; how often the supervisor is told. */
static int
send_in_vain(int n, int64_t pause)
{
	int times = 0;

	while (n-- > 0) {
		later(pause);
		client_speaks(&session);
		times += told() != NULL;
	}
	return (times);
}

CASE(errors)
{
	const struct msg_trouble *said;
	int i, times = 0;

	start();
	ATF_CHECK(told() == NULL && !trouble_unsent(&relay));
	trouble_failed(&relay, ENETUNREACH);
	ATF_CHECK(trouble_unsent(&relay));
	said = told();
	ATF_REQUIRE(said != NULL);
	ATF_CHECK(said->error == ENETUNREACH && said->vain_since == 0);
	/* However many there are: one a second, and the last one is not lost. */
	for (i = 0; i < 1000; i++) {
		later(10 * MILLISECOND);
		trouble_failed(&relay, ECONNREFUSED);
		times += told() != NULL;
	}
	ATF_CHECK(times >= 9 && times <= 10);
	later(SECOND);
	trouble_failed(&relay, EHOSTUNREACH);
	said = told();
	ATF_CHECK(said != NULL && said->error == EHOSTUNREACH);
	/* These say nothing of the way. */
	later(SECOND);
	trouble_failed(&relay, EMSGSIZE);
	ATF_CHECK(told() == NULL);
}

CASE(full)
{
	struct msg_ping pong = { 0 };

	start();
	while (msg_send(relay.control, MSG_PONG, &pong, 1, NULL, 0) == 0)
		;
	trouble_failed(&relay, ENODEV);
	ATF_CHECK_EQ(trouble_send(&relay), -1);
	ATF_CHECK(trouble_unsent(&relay));
	while (msg_receive(supervisor, FROM_RELAY, &msg) == 1)
		;
	ATF_CHECK(told() != NULL);
	ATF_CHECK(!trouble_unsent(&relay));
}

CASE(in_vain)
{
	const struct msg_trouble *said;
	int64_t first;

	start();
	later(2 * SECOND);
	client_speaks(&session);
	first = relay.now;
	ATF_CHECK_EQ(send_in_vain(24, 200 * MILLISECOND), 0);
	later(200 * MILLISECOND);
	client_speaks(&session);
	said = told();
	ATF_REQUIRE(said != NULL);
	ATF_CHECK(said->error == 0 && said->vain_since == first);
	/* On and on; one a second. */
	ATF_CHECK_EQ(send_in_vain(50, 200 * MILLISECOND), 10);
	/* A reply, whoever's, ends it. */
	later(200 * MILLISECOND);
	totals.upstream_last_reply = relay.now;
	ATF_CHECK_EQ(send_in_vain(25, 200 * MILLISECOND), 0);
	ATF_CHECK(send_in_vain(10, 200 * MILLISECOND) > 0);
}

CASE(answered)
{
	int i;

	start();
	for (i = 0; i < 10000; i++) {
		later(50 * MILLISECOND);
		client_speaks(&session);
		totals.upstream_last_reply = relay.now;
	}
	ATF_CHECK(told() == NULL);
	ATF_CHECK_EQ(relay.trouble.vain_since, 0);
}

CASE(keepalives)
{
	struct session idle[100];
	int i;

	/* Each of many sends every 25 seconds, and none is answered. */
	start();
	for (i = 0; i < 100; i++)
		idle[i] = session;
	for (i = 0; i < 10000; i++) {
		later(250 * MILLISECOND);
		client_speaks(&idle[i % 100]);
		ATF_REQUIRE(told() == NULL);
	}
	/* A handshake that is tried every five seconds stands out. */
	ATF_CHECK(send_in_vain(4, 5 * SECOND) >= 2);
}

CASE(bursts)
{
	start();
	/* One at a time, a minute apart, does not add up; nor does a new session's beginning. */
	later(5 * SECOND);
	client_speaks(&session);
	ATF_CHECK_EQ(send_in_vain(5, 10 * MILLISECOND), 0);
	later(60 * SECOND);
	client_speaks(&session);
	ATF_CHECK_EQ(send_in_vain(5, 10 * MILLISECOND), 0);
	*last = relay.now;
	client_speaks(&session);
	ATF_CHECK(told() == NULL);
	/* Nor what waits for a socket of its own. */
	session.fd = -1;
	ATF_CHECK_EQ(send_in_vain(100, SECOND), 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, errors);
	ATF_TP_ADD_TC(tp, full);
	ATF_TP_ADD_TC(tp, in_vain);
	ATF_TP_ADD_TC(tp, answered);
	ATF_TP_ADD_TC(tp, keepalives);
	ATF_TP_ADD_TC(tp, bursts);
	return (atf_no_error());
}
