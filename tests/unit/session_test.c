#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/record.h"
#include "relay/session.h"
#include "tests/unit/unit.h"

static struct session_table table;
static uint32_t amplification;

static void
make_table(uint32_t capacity, uint32_t per_address)
{
	const struct session_config config = {
		.capacity = capacity,
		.per_address = per_address,
		.amplification = amplification,
		.session_timeout = 180 * SECOND,
		.unreplied_timeout = 30 * SECOND,
		.secret = { 1, 2, 3, 4 },
	};

	ATF_REQUIRE_EQ(session_table_init(&table, &config), 0);
}

static struct session_key
client(uint32_t n)
{
	return ((struct session_key){
	    htonl(0xc0000200 + n / 1000), htons((uint16_t)(n % 1000 + 1)), 0 });
}

static struct session *
open_client(uint32_t n, int64_t now)
{
	struct session_key key = client(n);

	return (session_open(&table, &key, 0, now, 1));
}

static struct session *
find_client(uint32_t n)
{
	struct session_key key = client(n);

	return (session_find(&table, &key));
}

static void
make_assured(struct session *s, int64_t now)
{
	session_upstream_spoke(&table, s, now);
	session_client_spoke(&table, s, now);
	ATF_REQUIRE_EQ(s->state, SESSION_ASSURED);
}

CASE(find)
{
	struct session_key other;
	uint32_t i;

	make_table(5000, 0);
	for (i = 0; i < 5000; i++)
		ATF_REQUIRE(open_client(i, 0) != NULL);
	ATF_CHECK(open_client(5000, 0) == NULL && errno == ENFILE);
	for (i = 0; i < 5000; i++)
		ATF_REQUIRE(find_client(i) != NULL);
	/* The listener is part of the key. */
	other = client(7);
	other.listener = 1;
	ATF_CHECK(session_find(&table, &other) == NULL);
	for (i = 0; i < 5000; i += 2)
		session_close(&table, find_client(i));
	for (i = 0; i < 5000; i++)
		ATF_REQUIRE_EQ(find_client(i) != NULL, i % 2);
	ATF_CHECK_EQ(table.count, 2500);
	session_table_free(&table);
}

CASE(closed_keeps_its_place)
{
	struct session *a, *b;

	make_table(1, 0);
	a = open_client(1, 0);
	session_close(&table, a);
	/* Not yet reported, so not reused; but another fits. */
	b = open_client(2, 0);
	ATF_REQUIRE(b != NULL && b != a);
	session_close(&table, b);
	ATF_CHECK(open_client(3, 0) == NULL);
	session_free(&table, a);
	ATF_CHECK_EQ(open_client(3, 0), a);
	session_table_free(&table);
}

CASE(states)
{
	struct session *s;

	make_table(4, 0);
	s = open_client(1, 0);
	ATF_CHECK_EQ(s->state, SESSION_UNREPLIED);
	ATF_CHECK(!session_client_spoke(&table, s, 1));
	ATF_CHECK_EQ(s->state, SESSION_UNREPLIED);
	ATF_CHECK(session_upstream_spoke(&table, s, 2));
	ATF_CHECK_EQ(s->state, SESSION_REPLIED);
	ATF_CHECK(!session_upstream_spoke(&table, s, 3));
	ATF_CHECK_EQ(s->state, SESSION_REPLIED);
	ATF_CHECK(session_client_spoke(&table, s, 4));
	ATF_CHECK_EQ(s->state, SESSION_ASSURED);
	ATF_CHECK(!session_upstream_spoke(&table, s, 5));
	ATF_CHECK(!session_client_spoke(&table, s, 6));
	ATF_CHECK_EQ(s->state, SESSION_ASSURED);
	session_table_free(&table);
}

CASE(expiry)
{
	struct session *unreplied, *replied, *assured;

	make_table(4, 0);
	unreplied = open_client(1, 0);
	replied = open_client(2, 0);
	assured = open_client(3, 0);
	ATF_CHECK_EQ(session_deadline(&table), 30 * SECOND);
	session_upstream_spoke(&table, replied, 10 * SECOND);
	make_assured(assured, 20 * SECOND);
	ATF_CHECK(session_expired(&table, 30 * SECOND - 1) == NULL);
	ATF_CHECK_EQ(session_expired(&table, 30 * SECOND), unreplied);
	session_close(&table, unreplied);
	ATF_CHECK_EQ(session_deadline(&table), 40 * SECOND);
	ATF_CHECK(session_expired(&table, 40 * SECOND - 1) == NULL);
	ATF_CHECK_EQ(session_expired(&table, 40 * SECOND), replied);
	session_close(&table, replied);
	ATF_CHECK(session_expired(&table, 200 * SECOND - 1) == NULL);
	/* Silence in both directions: either one's datagram starts the clock anew. */
	session_upstream_spoke(&table, assured, 100 * SECOND);
	ATF_CHECK_EQ(session_deadline(&table), 280 * SECOND);
	session_client_spoke(&table, assured, 110 * SECOND);
	ATF_CHECK_EQ(session_deadline(&table), 290 * SECOND);
	ATF_CHECK_EQ(session_expired(&table, 290 * SECOND), assured);
	session_close(&table, assured);
	ATF_CHECK_EQ(session_deadline(&table), NEVER);
	ATF_CHECK(session_any(&table) == NULL);
	session_table_free(&table);
}

CASE(expiry_order)
{
	struct session *s;
	uint32_t i, order[] = { 4, 0, 1, 3, 2 };

	make_table(5, 0);
	for (i = 0; i < 5; i++)
		open_client(i, 0);
	for (i = 0; i < 5; i++)
		session_client_spoke(&table, find_client(order[i]), (i + 1) * SECOND);
	for (i = 0; i < 5; i++) {
		s = session_expired(&table, 1000 * SECOND);
		ATF_REQUIRE_EQ(s, find_client(order[i]));
		session_close(&table, s);
	}
	session_table_free(&table);
}

CASE(for_ever)
{
	struct session *s;

	make_table(2, 0);
	table.config.session_timeout = table.config.unreplied_timeout = INT64_MAX;
	open_client(1, SECOND);
	s = open_client(2, SECOND);
	make_assured(s, 2 * SECOND);
	ATF_CHECK_EQ(session_deadline(&table), NEVER);
	ATF_CHECK(session_expired(&table, 200 * 365 * INT64_C(86400) * SECOND) == NULL);
	session_table_free(&table);
}

CASE(victims)
{
	struct session *old, *young, *replied, *assured;

	make_table(8, 0);
	assured = open_client(1, 0);
	make_assured(assured, 0);
	ATF_CHECK(session_victim(&table, 100 * SECOND) == NULL);
	replied = open_client(2, 0);
	session_upstream_spoke(&table, replied, 0);
	ATF_CHECK_EQ(session_victim(&table, 2 * SECOND), replied);
	old = open_client(3, SECOND);
	ATF_CHECK_EQ(session_victim(&table, 2 * SECOND), old);
	/* Too young: it may be about to be answered. */
	session_close(&table, old);
	young = open_client(4, 2 * SECOND);
	ATF_CHECK_EQ(session_victim(&table, 3 * SECOND - 1), replied);
	ATF_CHECK_EQ(session_victim(&table, 3 * SECOND), young);
	session_close(&table, young);
	session_close(&table, replied);
	ATF_CHECK(session_victim(&table, 100 * SECOND) == NULL);
	session_table_free(&table);
}

CASE(addresses)
{
	struct session_key key = { htonl(0xcb007101), 0, 0 };
	struct session *s[3];
	uint32_t i, n;

	make_table(4000, 3);
	for (i = 0; i < 3; i++) {
		ATF_CHECK(!session_address_limited(&table, key.client_address));
		key.client_port = htons((uint16_t)(100 + i));
		s[i] = session_open(&table, &key, 0, 0, 1);
		ATF_REQUIRE(s[i] != NULL);
	}
	ATF_CHECK(session_address_limited(&table, key.client_address));
	ATF_CHECK(!session_address_limited(&table, htonl(0xcb007102)));
	session_close(&table, s[1]);
	ATF_CHECK(!session_address_limited(&table, key.client_address));
	/* Addresses come and go: their places are used again. */
	for (n = 0; n < 3; n++) {
		for (i = 0; i < 3000; i++) {
			key = (struct session_key){ htonl(0x0a000000 + i), htons(1), 0 };
			ATF_REQUIRE(session_open(&table, &key, 0, 0, 1) != NULL);
		}
		for (i = 0; i < 3000; i++) {
			struct session *gone;

			key = (struct session_key){ htonl(0x0a000000 + i), htons(1), 0 };
			gone = session_find(&table, &key);
			session_close(&table, gone);
			session_free(&table, gone);
		}
	}
	ATF_CHECK(table.addresses.used <= 3001);
	session_table_free(&table);
}

static struct session *
open_port(uint32_t address, uint16_t port, int64_t now)
{
	struct session_key key = { htonl(address), htons(port), 0 };

	return (session_open(&table, &key, 0, now, 1));
}

CASE(address_victims)
{
	const uint32_t one = 0xcb007101, other = 0xcb007102;
	struct session *old, *young, *replied, *assured;

	make_table(16, 4);
#define VICTIM(now) session_address_victim(&table, htonl(one), now)
	ATF_CHECK(VICTIM(0) == NULL);
	/* Older than all, but not its own. */
	ATF_REQUIRE(open_port(other, 1, 0) != NULL);
	assured = open_port(one, 1, 0);
	make_assured(assured, 0);
	ATF_CHECK(VICTIM(100 * SECOND) == NULL);
	replied = open_port(one, 2, 0);
	session_upstream_spoke(&table, replied, 0);
	ATF_CHECK_EQ(VICTIM(SECOND), replied);
	old = open_port(one, 3, 0);
	young = open_port(one, 4, SECOND / 2);
	ATF_CHECK_EQ(VICTIM(SECOND), old);
	/* Who speaks is no longer the first to go. */
	session_client_spoke(&table, old, SECOND);
	ATF_CHECK_EQ(VICTIM(2 * SECOND), young);
	/* Too young, but the other list has one that is not. */
	ATF_CHECK_EQ(VICTIM(SECOND), replied);
	session_close(&table, replied);
	ATF_CHECK(VICTIM(SECOND) == NULL);
	make_assured(young, 2 * SECOND);
	ATF_CHECK_EQ(VICTIM(2 * SECOND), old);
	session_close(&table, old);
	session_close(&table, young);
	session_close(&table, assured);
	ATF_CHECK(VICTIM(100 * SECOND) == NULL);
	ATF_CHECK_EQ(address_sessions(&table.addresses, htonl(one)), 0);
	ATF_CHECK_EQ(address_sessions(&table.addresses, htonl(other)), 1);
#undef VICTIM
	session_table_free(&table);
}

/* The lists against a search of all sessions, whatever was done to them before. */
CASE(address_random)
{
	enum { PLACES = 400, ADDRESSES = 7, STEPS = 200000 };
	struct session *s, *best[2];
	uint32_t step, i, count, address;
	int64_t now = SECOND;

	make_table(PLACES, PLACES);
	for (step = 0; step < STEPS; step++, now += SECOND / 50) {
		address = 0x0a000000 + arc4random_uniform(ADDRESSES);
		i = arc4random_uniform(PLACES);
		s = &table.sessions[i];
		if (i >= table.used || s->state == SESSION_CLOSED) {
			if (table.count < PLACES)
				open_port(address, (uint16_t)step, now);
		} else if (arc4random_uniform(8) == 0) {
			session_close(&table, s);
			session_free(&table, s);
		} else if (arc4random_uniform(2) == 0)
			session_client_spoke(&table, s, now);
		else
			session_upstream_spoke(&table, s, now);
		best[0] = best[1] = NULL;
		for (count = i = 0; i < table.used; i++) {
			s = &table.sessions[i];
			if (s->state == SESSION_CLOSED ||
			    s->key.client_address != htonl(address))
				continue;
			count++;
			if (s->state == SESSION_ASSURED)
				continue;
			if (best[s->state] == NULL ||
			    session_last(&table, s) < session_last(&table, best[s->state]))
				best[s->state] = s;
		}
		ATF_REQUIRE_EQ(address_sessions(&table.addresses, htonl(address)), count);
		s = best[0] != NULL && now - best[0]->opened >= SECOND	 ? best[0]
		    : best[1] != NULL && now - best[1]->opened >= SECOND ? best[1]
									 : NULL;
		ATF_REQUIRE_EQ(session_address_victim(&table, htonl(address), now), s);
	}
	session_table_free(&table);
}

CASE(amplification)
{
	struct session *s, *other;

	make_table(4, 0);
	s = open_client(1, 0);
	/* No limit: whatever it is, and nothing is remembered. */
	ATF_CHECK_EQ(session_allow_reply(&table, s, 65000, 1000), 65);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 65000, 999), 66);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 0, 0), 1);
	session_table_free(&table);

	amplification = 3;
	make_table(4, 0);
	amplification = 0;
	s = open_client(1, 0);
	other = open_client(2, 0);
	/* Nothing came from it. */
	ATF_CHECK_EQ(session_allow_reply(&table, s, 1, 0), 0);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 0, 0), 0);
	s->own.bytes[CLIENT_TO_UPSTREAM] = 100;
	s->own.packets[CLIENT_TO_UPSTREAM] = 1;
	ATF_CHECK_EQ(session_allow_reply(&table, s, 301, 0), 0);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 299, 0), 1);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 2, 0), 0);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 1, 0), 1);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 0, 0), 0);
	/* REPLIED is no better, and one session has nothing to do with another. */
	session_upstream_spoke(&table, s, 1);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 1, 0), 0);
	ATF_CHECK_EQ(session_allow_reply(&table, other, 1, 0), 0);
	/* A train is cut between datagrams. */
	s->own.bytes[CLIENT_TO_UPSTREAM] = 200;
	s->own.packets[CLIENT_TO_UPSTREAM] = 2;
	ATF_CHECK_EQ(session_allow_reply(&table, s, 350, 90), 3);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 31, 0), 0);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 30, 16), 2);
	/* Once it is ASSURED there is no limit. */
	session_client_spoke(&table, s, 2);
	ATF_CHECK_EQ(session_allow_reply(&table, s, 65000, 1000), 65);
	/* Empty datagrams count as one byte. */
	other->own.packets[CLIENT_TO_UPSTREAM] = 1;
	ATF_CHECK_EQ(session_allow_reply(&table, other, 0, 0), 1);
	ATF_CHECK_EQ(session_allow_reply(&table, other, 2, 1), 2);
	ATF_CHECK_EQ(session_allow_reply(&table, other, 0, 0), 0);
	/* Whoever comes to its place begins anew. */
	session_close(&table, other);
	session_free(&table, other);
	other = open_client(3, 3);
	other->own.bytes[CLIENT_TO_UPSTREAM] = UINT64_C(1) << 60;
	ATF_CHECK_EQ(session_allow_reply(&table, other, 65000, 0), 1);
	session_table_free(&table);
}

CASE(ids)
{
	struct session_key key = client(9);
	struct session *a, *b, *c;

	make_table(3, 0);
	a = open_client(1, 0);
	b = open_client(2, 0);
	c = session_open(&table, &key, 77, 0, 1);
	ATF_CHECK(a->id != b->id && a->id != 0);
	ATF_CHECK_EQ(c->id, 77);
	session_table_free(&table);
}

CASE(records)
{
	const struct session_record good = {
		.id = 1,
		.created = -1, /* whatever it is */
		.client_address = htonl(0xc0000201),
		.client_port = htons(4500),
		.listener = 1,
		.state = SESSION_ASSURED,
		.opened = 1000,
	};
	struct session_record bad = good;

	ATF_CHECK(record_holds(&good, 2, 1000));
	/* Before this boot. */
	bad.opened = -1000;
	ATF_CHECK(record_holds(&bad, 2, 1000));
	ATF_CHECK(!record_holds(&good, 1, 1000));
	ATF_CHECK(!record_holds(&good, 2, 999));
#define BAD(field, value)  \
	bad = good;        \
	bad.field = value; \
	ATF_CHECK(!record_holds(&bad, 2, 1000))
	BAD(id, 0);
	BAD(client_port, 0);
	BAD(listener, 2);
	BAD(listener, 255);
	BAD(state, SESSION_CLOSED);
	BAD(state, 255);
	BAD(listener, 256 + 1);
	BAD(opened, INT64_MIN);
	BAD(opened, 1000 - SESSION_AGE_MOST - 1);
	BAD(opened, 1001);
	BAD(opened, INT64_MAX);
	BAD(pad[0], 1);
	BAD(pad[2], 1);
#undef BAD
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, records);
	ATF_TP_ADD_TC(tp, find);
	ATF_TP_ADD_TC(tp, closed_keeps_its_place);
	ATF_TP_ADD_TC(tp, states);
	ATF_TP_ADD_TC(tp, expiry);
	ATF_TP_ADD_TC(tp, expiry_order);
	ATF_TP_ADD_TC(tp, for_ever);
	ATF_TP_ADD_TC(tp, victims);
	ATF_TP_ADD_TC(tp, addresses);
	ATF_TP_ADD_TC(tp, address_victims);
	ATF_TP_ADD_TC(tp, address_random);
	ATF_TP_ADD_TC(tp, amplification);
	ATF_TP_ADD_TC(tp, ids);
	return (atf_no_error());
}
