#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "relay/reserve.h"
#include "relay/restore.h"
#include "relay/session.h"
#include "tests/unit/unit.h"

#define CAPACITY 5000
#define ADDRESSES 50

static struct session_table table;
static uint32_t resumed;

static void
make_table(uint32_t amplification)
{
	const struct session_config config = {
		.capacity = CAPACITY,
		.per_address = CAPACITY,
		.amplification = amplification,
		.session_timeout = 180 * SECOND,
		.unreplied_timeout = 30 * SECOND,
	};

	ATF_REQUIRE_EQ(session_table_init(&table, &config), 0);
	table.lines = reserve(CAPACITY, sizeof(*table.lines));
	ATF_REQUIRE(table.lines != NULL);
	resumed = 0;
}

/* The next session that a relay before us has left. */
static struct session *
resume(enum session_state state, const struct session_counters *counters)
{
	const struct session_record record = { .state = (uint8_t)state, .opened = 7 };
	struct session_key key = { htonl(resumed % ADDRESSES),
		htons((uint16_t)(resumed / ADDRESSES + 1)), 0 };
	struct session *s = session_open(&table, &key, 1, 1000 * SECOND, 1);

	ATF_REQUIRE(s != NULL);
	session_resume(&table, s, &record, counters);
	session_take_slot(&table, s, resumed++);
	return (s);
}

static struct session_counters
checked(struct session_counters c, int64_t opened, int64_t now)
{
	restore_check(&c, opened, now);
	return (c);
}

static int
is_same(struct session_counters c, struct session_counters want)
{
	return (memcmp(&c, &want, sizeof(c)) == 0);
}

static struct session_counters
counters(int64_t client, int64_t upstream)
{
	return ((struct session_counters){ .last = { client, upstream } });
}

CASE(possible)
{
	const struct session_counters good = { { 100, 90 }, { 3, 4 }, { 30, 4 * 65535 } };
	struct session_counters c;

	ATF_CHECK(is_same(checked(good, 90, 100), good));
	ATF_CHECK(is_same(checked(counters(100, 0), 90, 100), counters(100, 0)));
	/* Nothing is known. */
	ATF_CHECK(is_same(checked(counters(0, 0), 90, 100), counters(100, 0)));
	/* In the time to come, before it was opened, before all time. */
	ATF_CHECK(is_same(checked(counters(101, 102), 90, 100), counters(100, 100)));
	ATF_CHECK(is_same(checked(counters(89, 1), 90, 100), counters(90, 90)));
	ATF_CHECK(is_same(checked(counters(INT64_MIN, -1), 90, 100), counters(90, 90)));
	/* More than there can have been, in packets and in their bytes. */
	c = (struct session_counters){ { 100, 0 }, { SECOND + 11, 1 }, { 5, 65536 } };
	c = checked(c, 90, 100);
	ATF_CHECK(c.packets[0] == SECOND + 10 && c.packets[1] == 1);
	ATF_CHECK(c.bytes[0] == 5 && c.bytes[1] == 65535);
	c = (struct session_counters){ { 100, 0 }, { 0, UINT64_MAX }, { 1, UINT64_MAX } };
	c = checked(c, 100, 100);
	ATF_CHECK(c.packets[0] == 0 && c.packets[1] == SECOND);
	ATF_CHECK(c.bytes[0] == 0 && c.bytes[1] == UINT64_C(65535) * SECOND);
}

CASE(hostile)
{
	struct session_counters c;
	int64_t opened, now;
	int i, d;

	for (i = 0; i < 100000; i++) {
		arc4random_buf(&c, sizeof(c));
		arc4random_buf(&now, sizeof(now));
		now = now & INT64_MAX;
		now >>= arc4random_uniform(50);
		opened = now - (now >> arc4random_uniform(63));
		restore_check(&c, opened, now);
		ATF_REQUIRE(c.last[CLIENT_TO_UPSTREAM] >= opened);
		for (d = 0; d < DIRECTION_MAX; d++) {
			ATF_REQUIRE(
			    c.last[d] <= now && (c.last[d] == 0 || c.last[d] >= opened));
			ATF_REQUIRE(c.packets[d] <= (uint64_t)(now - opened) + SECOND);
		}
	}
}

/* Each list from its old end to its new one and back, against what is in the table. */
static void
check_lists(void)
{
	const struct session *s;
	int64_t last, before;
	uint32_t i, previous, n, all = 0;
	int state;

	for (state = 0; state < SESSION_CLOSED; state++) {
		before = 0;
		previous = NONE;
		n = 0;
		for (i = table.list[state].oldest; i != NONE; i = s->newer) {
			s = &table.sessions[i];
			last = session_last(&table, &table.sessions[i]);
			ATF_REQUIRE(s->state == state && s->older == previous);
			ATF_REQUIRE(last >= before && n++ < CAPACITY);
			before = last;
			previous = i;
		}
		ATF_REQUIRE_EQ(table.list[state].newest, previous);
		all += n;
	}
	ATF_CHECK_EQ(all, table.count);
}

/* Of each address the session in this state that has been silent for longest. */
static void
check_addresses(enum session_state state)
{
	uint32_t address, i, oldest;

	for (address = 0; address < ADDRESSES; address++) {
		oldest = NONE;
		for (i = 0; i < table.used; i++)
			if (table.sessions[i].state == state &&
			    table.sessions[i].key.client_address == htonl(address) &&
			    (oldest == NONE ||
				session_last(&table, &table.sessions[i]) <
				    session_last(&table, &table.sessions[oldest])))
				oldest = i;
		ATF_REQUIRE_EQ(address_oldest(&table.addresses, htonl(address), state), oldest);
	}
}

CASE(order)
{
	static const uint32_t sizes[] = { 0, 1, 2, 3, 100, 1023, CAPACITY };
	struct session_counters c = counters(0, 0);
	uint32_t i, n;

	for (n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
		make_table(0);
		for (i = 0; i < sizes[n]; i++) {
			c.last[CLIENT_TO_UPSTREAM] = 7 + arc4random_uniform(UINT32_MAX);
			c.last[UPSTREAM_TO_CLIENT] = i % 3 == 0 ? 0 : 7 + (int64_t)i * SECOND;
			resume(i % 5 == 0 ? SESSION_ASSURED : SESSION_UNREPLIED, &c);
		}
		ATF_REQUIRE_EQ(restore_order(&table), 0);
		check_lists();
		check_addresses(SESSION_UNREPLIED);
		check_addresses(SESSION_REPLIED);
		session_table_free(&table);
	}
}

/* Equals stay as they were, and what is in order does, too. */
CASE(order_kept)
{
	const struct session_counters c = counters(10, 0);
	uint32_t i;

	make_table(0);
	for (i = 0; i < 1000; i++)
		resume(SESSION_UNREPLIED, &c);
	ATF_REQUIRE_EQ(restore_order(&table), 0);
	check_lists();
	for (i = 0; i < 1000; i++)
		ATF_REQUIRE_EQ(table.sessions[i].newer, i < 999 ? i + 1 : NONE);
}

/* What was sent to a client that has not proved its address is not forgotten. */
CASE(amplification)
{
	const struct session_counters half = { { 10, 10 }, { 1, 2 }, { 100, 200 } };
	const struct session_counters more = { { 10, 10 }, { 1, 9 }, { 100, 9000 } };
	const struct session_counters worst = { { 10, 0 }, { UINT64_MAX, UINT64_MAX },
		{ UINT64_MAX, UINT64_MAX } };
	struct session *s;

	make_table(3);
	s = resume(SESSION_UNREPLIED, &half);
	ATF_CHECK_EQ(s->state, SESSION_REPLIED);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 101, 0), 0);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 100, 0), 1);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 1, 0), 0);
	/* As it may be after another limit. */
	s = resume(SESSION_REPLIED, &more);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 1, 0), 0);
	s = resume(SESSION_UNREPLIED, &worst);
	ATF_CHECK_EQ(s->state, SESSION_UNREPLIED);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 1, 0), 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, possible);
	ATF_TP_ADD_TC(tp, hostile);
	ATF_TP_ADD_TC(tp, order);
	ATF_TP_ADD_TC(tp, order_kept);
	ATF_TP_ADD_TC(tp, amplification);
	return (atf_no_error());
}
