#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/totals.h"
#include "supervisor/metrics/link.h"
#include "tests/unit/unit.h"

/* What one asker heard. */
struct heard {
	int taken, ended;
	uint32_t next;
};

static void
take(void *arg, const struct msg *msg)
{
	struct heard *heard = arg;

	(void)msg;
	heard->taken++;
}

static void
end(void *arg, uint32_t next)
{
	struct heard *heard = arg;

	heard->ended++;
	heard->next = next;
}

static struct link link_;
static struct heard a, b;
static const struct link_asker ask_a = { take, end, &a }, ask_b = { take, end, &b };

static int
connect_relay(void)
{
	int pair[2];

	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	link_replace(&link_, pair[0]);
	return (pair[1]);
}

static void
answer(int relay, int with_totals, uint32_t next)
{
	static struct totals totals;
	struct msg_answer_end last = { next };

	if (with_totals)
		ATF_REQUIRE_EQ(msg_send(relay, MSG_ANSWER_TOTALS, &totals, 1, NULL, 0), 0);
	ATF_REQUIRE_EQ(msg_send(relay, MSG_ANSWER_END, &last, 1, NULL, 0), 0);
}

CASE(in_order)
{
	int relay;

	link_init(&link_);
	/* Nobody is there to ask yet: it waits. */
	ATF_REQUIRE_EQ(link_ask(&link_, MSG_ASK_TOTALS, 0, &ask_a, 0), 0);
	relay = connect_relay();
	ATF_REQUIRE_EQ(link_ask(&link_, MSG_ASK_SESSIONS, 0, &ask_b, 0), 0);
	answer(relay, 1, LINK_ALL);
	link_turn(&link_);
	ATF_CHECK(a.taken == 1 && a.ended == 1 && a.next == LINK_ALL && b.ended == 0);
	answer(relay, 0, 128);
	link_turn(&link_);
	ATF_CHECK(b.taken == 0 && b.ended == 1 && b.next == 128);
	close(relay);
}

CASE(patience)
{
	int relay;

	link_init(&link_);
	relay = connect_relay();
	ATF_REQUIRE_EQ(link_ask(&link_, MSG_ASK_TOTALS, 0, &ask_a, 0), 0);
	ATF_CHECK_EQ(link_deadline(&link_), LINK_PATIENCE);
	link_expire(&link_, LINK_PATIENCE - 1);
	ATF_CHECK_EQ(a.ended, 0);
	link_expire(&link_, LINK_PATIENCE);
	ATF_CHECK(a.ended == 1 && a.next == LINK_FAILED);
	ATF_CHECK_EQ(link_deadline(&link_), NEVER);
	/* The late answer is nobody's, and the next question gets its own. */
	ATF_REQUIRE_EQ(link_ask(&link_, MSG_ASK_TOTALS, 0, &ask_b, LINK_PATIENCE), 0);
	answer(relay, 1, LINK_ALL);
	answer(relay, 1, 7);
	link_turn(&link_);
	ATF_CHECK(a.taken == 0 && a.ended == 1);
	ATF_CHECK(b.taken == 1 && b.ended == 1 && b.next == 7);
	close(relay);
}

CASE(relay_gone)
{
	int relay;

	link_init(&link_);
	relay = connect_relay();
	ATF_REQUIRE_EQ(link_ask(&link_, MSG_ASK_SESSIONS, 128, &ask_a, 0), 0);
	ATF_REQUIRE_EQ(link_ask(&link_, MSG_ASK_TOTALS, 0, &ask_b, 0), 0);
	link_cancel(&link_, &ask_b);
	close(relay);
	link_turn(&link_);
	ATF_CHECK(a.ended == 1 && a.next == LINK_FAILED);
	ATF_CHECK_EQ(b.ended, 0);
	/* Whoever asks now need not wait to hear it. */
	ATF_CHECK_EQ(link_ask(&link_, MSG_ASK_TOTALS, 0, &ask_b, 0), -1);
	relay = connect_relay();
	ATF_REQUIRE_EQ(link_ask(&link_, MSG_ASK_TOTALS, 0, &ask_b, 0), 0);
	answer(relay, 1, LINK_ALL);
	link_turn(&link_);
	ATF_CHECK(b.taken == 1 && b.ended == 1 && b.next == LINK_ALL);
	close(relay);
}

CASE(nobody)
{
	link_init(&link_);
	ATF_REQUIRE_EQ(link_ask(&link_, MSG_ASK_TOTALS, 0, &ask_a, 0), 0);
	ATF_REQUIRE_EQ(link_ask(&link_, MSG_ASK_TOTALS, 0, &ask_b, 1), 0);
	link_cancel(&link_, &ask_b);
	link_expire(&link_, LINK_PATIENCE);
	ATF_CHECK(a.ended == 1 && a.next == LINK_FAILED);
	ATF_CHECK_EQ(b.ended, 0);
	ATF_CHECK(STAILQ_EMPTY(&link_.waiting));
}

CASE(unasked)
{
	int relay;

	link_init(&link_);
	relay = connect_relay();
	answer(relay, 1, LINK_ALL);
	link_turn(&link_);
	ATF_CHECK_EQ(link_.fd, -1);
	close(relay);
}

/* Send this, as a relay would not; whoever asked fails, and the link is given up. */
static void
check_given_up(enum msg_type asked, enum msg_type sent, int times)
{
	static _Alignas(8) unsigned char payload[MSG_PAYLOAD_MAX];
	int relay;

	memset(&a, 0, sizeof(a));
	link_init(&link_);
	relay = connect_relay();
	ATF_REQUIRE_EQ(link_ask(&link_, asked, 0, &ask_a, 0), 0);
	while (times-- > 0)
		ATF_REQUIRE_EQ(msg_send(relay, sent, payload, 1, NULL, 0), 0);
	link_turn(&link_);
	ATF_CHECK_EQ(link_.fd, -1);
	ATF_CHECK(a.taken <= 1 && a.ended == 1 && a.next == LINK_FAILED);
	close(relay);
}

CASE(too_much)
{
	check_given_up(MSG_ASK_TOTALS, MSG_ANSWER_TOTALS, 2);
	check_given_up(MSG_ASK_SESSIONS, MSG_ANSWER_SESSIONS, 10);
	check_given_up(MSG_ASK_LISTENERS, MSG_ANSWER_LISTENERS, 2);
	check_given_up(MSG_ASK_LISTENERS, MSG_ANSWER_TOTALS, 1);
	check_given_up(MSG_ASK_LISTENERS, MSG_ANSWER_SESSIONS, 1);
	check_given_up(MSG_ASK_TOTALS, MSG_ANSWER_LISTENERS, 1);
	check_given_up(MSG_ASK_SESSIONS, MSG_ANSWER_LISTENERS, 1);
	check_given_up(MSG_ASK_TOTALS, MSG_ANSWER_SESSIONS, 1);
	check_given_up(MSG_ASK_SESSIONS, MSG_ANSWER_TOTALS, 1);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, in_order);
	ATF_TP_ADD_TC(tp, patience);
	ATF_TP_ADD_TC(tp, relay_gone);
	ATF_TP_ADD_TC(tp, nobody);
	ATF_TP_ADD_TC(tp, unasked);
	ATF_TP_ADD_TC(tp, too_much);
	return (atf_no_error());
}
