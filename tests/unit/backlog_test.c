#include <string.h>

#include "common/clock.h"
#include "relay/backlog.h"
#include "relay/receive_batch.h"
#include "relay/relay.h"
#include "relay/reserve.h"
#include "relay/send_batch.h"
#include "tests/unit/unit.h"

#define SESSIONS (2 * QUEUE_POOL_UNITS)

static struct relay relay;
static struct totals totals;
static struct listener listener;
static struct listener_totals listener_totals;
static struct send_batch batch;
static struct upstream_socket upstream_socket;

/* A batch of datagrams of a session: a train of 3, and two single ones. */
static void
fill(const struct session *s)
{
	struct destination connected = { 0, 0, 0 };
	static unsigned char payload[300];
	struct received train = { .payload = payload, .length = 300, .segment = 100 };
	struct received single = { .payload = payload, .length = 10 };
	uint32_t i, owner = session_index(&relay.table, s);

	send_batch_clear(&batch);
	ATF_REQUIRE_EQ(send_batch_add(&batch, owner, &train, 0, &connected), 0);
	for (i = 0; i < 2; i++)
		ATF_REQUIRE_EQ(send_batch_add(&batch, owner, &single, 1, &connected), 0);
	ATF_REQUIRE_EQ(batch.messages, 3);
}

static struct session *
client(uint32_t address, uint16_t port)
{
	struct session_key key = { address, port, 0 };
	struct session *s = session_open(&relay.table, &key, 0, relay.now, 1);

	ATF_REQUIRE(s != NULL);
	return (s);
}

/* A relay with a session, a socket for it, and a batch of its datagrams. */
static struct session *
begin(void)
{
	struct session_config config = {
		.capacity = SESSIONS, .session_timeout = SECOND, .unreplied_timeout = SECOND
	};
	struct relay *r = &relay;
	struct session *s;

	memset(r, 0, sizeof(*r));
	memset(&totals, 0, sizeof(totals));
	memset(&listener_totals, 0, sizeof(listener_totals));
	r->totals = &totals;
	r->nlisteners = 1;
	listener = (struct listener){ .totals = &listener_totals };
	r->listener = &listener;
	r->now = 100 * SECOND;
	r->config.write_timeout = 5 * SECOND;
	r->sockets = &upstream_socket;
	ATF_REQUIRE_EQ(session_table_init(&r->table, &config), 0);
	queue_pool_init(&r->queues);
	r->accounts = reserve((size_t)config.capacity * 2, sizeof(struct account));
	ATF_REQUIRE(r->accounts != NULL);
	share_init(&listener.share, r->accounts);
	r->replies_due = (struct index_list){ NONE, NONE };
	s = client(1, 2);
	fill(s);
	return (s);
}

static uint64_t
dropped(enum direction direction, enum drop_reason reason)
{
	return (listener_totals.drops[direction][reason]);
}

/* All that was dropped, whatever for. */
static uint64_t
all_dropped(void)
{
	uint64_t sum = 0;
	int direction, reason;

	for (direction = 0; direction < DIRECTION_MAX; direction++)
		for (reason = 0; reason < DROP_REASON_MAX; reason++)
			sum += dropped(direction, reason);
	return (sum);
}

/* Two messages of the batch at a time fill a queue; then all three are dropped, five datagrams. */
CASE(full_upstream)
{
	struct session *s = begin();
	int i;

	s->fd = 0;
	s->slot = 0;
	for (i = 0; i < QUEUE_UNITS / 2; i++)
		backlog_wait_for_upstream(&relay, s, &batch, 1);
	ATF_CHECK_EQ(all_dropped(), 0);
	ATF_CHECK_EQ(s->watch_write, 1);
	backlog_wait_for_upstream(&relay, s, &batch, 0);
	ATF_CHECK_EQ(dropped(CLIENT_TO_UPSTREAM, DROP_QUEUE_FULL), 5);
	ATF_CHECK_EQ(all_dropped(), 5);
}

CASE(full_clients)
{
	int i;

	begin();
	for (i = 0; i < QUEUE_UNITS / 2; i++)
		backlog_wait_for_clients(&relay, &relay.listener[0], &batch, 1);
	ATF_CHECK_EQ(all_dropped(), 0);
	backlog_wait_for_clients(&relay, &relay.listener[0], &batch, 0);
	ATF_CHECK_EQ(dropped(UPSTREAM_TO_CLIENT, DROP_QUEUE_FULL), 5);
	ATF_CHECK_EQ(all_dropped(), 5);
}

/* There it is the socket that cannot be had. */
CASE(full_without_a_socket)
{
	struct session *s = begin();
	int i;

	for (i = 0; i < QUEUE_UNITS / 2; i++)
		backlog_wait_for_upstream(&relay, s, &batch, 1);
	backlog_wait_for_upstream(&relay, s, &batch, 0);
	ATF_CHECK_EQ(dropped(CLIENT_TO_UPSTREAM, DROP_SESSION_UNAVAILABLE), 5);
	ATF_CHECK_EQ(all_dropped(), 5);
}

CASE(expires)
{
	struct session *s = begin();

	s->fd = 0;
	s->slot = 0;
	backlog_wait_for_upstream(&relay, s, &batch, 0);
	backlog_wait_for_clients(&relay, &relay.listener[0], &batch, 1);
	relay.now += relay.config.write_timeout - 1;
	backlog_expire(&relay);
	ATF_CHECK_EQ(all_dropped(), 0);
	relay.now++;
	backlog_expire(&relay);
	ATF_CHECK_EQ(dropped(CLIENT_TO_UPSTREAM, DROP_WRITE_TIMEOUT), 5);
	ATF_CHECK_EQ(dropped(UPSTREAM_TO_CLIENT, DROP_WRITE_TIMEOUT), 2);
	ATF_CHECK(s->queue == NULL && relay.accounts[0].queue == NULL && !s->watch_write);
}

/* What waits goes with the session, in both directions, and so does its account. */
CASE(discarded)
{
	struct session *s = begin();

	s->fd = 0;
	s->slot = 0;
	backlog_wait_for_upstream(&relay, s, &batch, 0);
	backlog_wait_for_clients(&relay, &relay.listener[0], &batch, 1);
	ATF_CHECK_EQ(listener.share.members, 1);
	backlog_discard(&relay, s, DROP_SESSION_UNAVAILABLE);
	ATF_CHECK_EQ(dropped(CLIENT_TO_UPSTREAM, DROP_SESSION_UNAVAILABLE), 5);
	ATF_CHECK_EQ(dropped(UPSTREAM_TO_CLIENT, DROP_WRITE_TIMEOUT), 2);
	ATF_CHECK_EQ(all_dropped(), 7);
	ATF_CHECK(s->queue == NULL && relay.accounts[0].queue == NULL);
	ATF_CHECK_EQ(listener.share.members, 0);
	ATF_CHECK_EQ(relay.queues.units[WAIT_ROOM], 0);
}

/* The last two messages of a batch, again and again, until the session's queue is full. */
static void
fill_up(struct session *s)
{
	int i;

	fill(s);
	for (i = 0; i < QUEUE_UNITS / 2; i++)
		backlog_wait_for_upstream(&relay, s, &batch, 1);
}

/* When all is full, who has little is let in, at the cost of who has most. */
CASE(longest_gives_way)
{
	struct session *s = begin(), *modest;
	int i;

	for (i = 0; i < QUEUE_POOL_UNITS / QUEUE_UNITS; i++) {
		s->fd = 0;
		s->slot = 0;
		fill_up(s);
		s = client(1, (uint16_t)(10 + i));
	}
	ATF_CHECK_EQ(all_dropped(), 0);
	ATF_CHECK_EQ(relay.queues.units[WAIT_ROOM], QUEUE_POOL_UNITS);
	modest = s;
	fill(modest);
	for (i = 0; i < 20; i++)
		backlog_wait_for_clients(&relay, &relay.listener[0], &batch, 1);
	ATF_REQUIRE(relay.accounts[session_index(&relay.table, modest)].queue != NULL);
	ATF_CHECK_EQ(relay.accounts[session_index(&relay.table, modest)].queue->units, 40);
	ATF_CHECK_EQ(dropped(CLIENT_TO_UPSTREAM, DROP_QUEUE_FULL), 40);
	ATF_CHECK_EQ(all_dropped(), 40);
	/* It does not go on for ever: then it has as much as they have. */
	for (i = 0; i < QUEUE_UNITS; i++)
		backlog_wait_for_clients(&relay, &relay.listener[0], &batch, 1);
	ATF_CHECK(dropped(UPSTREAM_TO_CLIENT, DROP_QUEUE_FULL) > 0);
	ATF_CHECK_EQ(relay.queues.units[WAIT_ROOM], QUEUE_POOL_UNITS);
	ATF_CHECK(queue_longest(&relay.queues, WAIT_ROOM)->units <= QUEUE_POOL_UNITS / 9 + 2);
}

/* An address with many newcomers leaves room for another's. */
CASE(newcomers)
{
	const struct session_key other = { 99, 1, 0 }, same = { 1, 1, 0 };
	struct session *s;
	int i;

	begin();
	for (i = 0; i < QUEUE_POOL_UNITS; i++) {
		ATF_CHECK(backlog_has_room(&relay, &same));
		s = client(1, (uint16_t)(10 + i));
		fill(s);
		backlog_wait_for_upstream(&relay, s, &batch, 2);
	}
	ATF_CHECK_EQ(relay.queues.units[WAIT_SOCKET], QUEUE_POOL_UNITS);
	ATF_CHECK(!backlog_has_room(&relay, &same));
	ATF_CHECK(backlog_has_room(&relay, &other));
	s = client(99, 1);
	fill(s);
	backlog_wait_for_upstream(&relay, s, &batch, 2);
	ATF_CHECK(s->queue != NULL);
	ATF_CHECK_EQ(dropped(CLIENT_TO_UPSTREAM, DROP_SESSION_UNAVAILABLE), 1);
	ATF_CHECK_EQ(all_dropped(), 1);
}

/*
 * One who began to wait for a socket, has got it, and still waits has his place among newcomers.
 * When there is none left there, it is not those who wait for room that make some.
 */
CASE(served_meanwhile)
{
	struct session *slow = begin(), *served, *s;
	int i;

	slow->fd = 0;
	slow->slot = 0;
	fill_up(slow);
	served = client(2, 1);
	fill(served);
	backlog_wait_for_upstream(&relay, served, &batch, 2);
	for (i = 1; i < QUEUE_POOL_UNITS; i++) {
		s = client(htonl((uint32_t)(1000 + i)), 1);
		fill(s);
		backlog_wait_for_upstream(&relay, s, &batch, 2);
	}
	ATF_REQUIRE_EQ(relay.queues.units[WAIT_SOCKET], QUEUE_POOL_UNITS);
	ATF_REQUIRE_EQ(all_dropped(), 0);
	served->fd = 0;
	served->slot = 0;
	fill(served);
	backlog_wait_for_upstream(&relay, served, &batch, 2);
	ATF_CHECK_EQ(slow->queue->units, QUEUE_UNITS);
	ATF_CHECK_EQ(relay.queues.units[WAIT_SOCKET], QUEUE_POOL_UNITS);
	ATF_CHECK_EQ(all_dropped(), 1);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, full_upstream);
	ATF_TP_ADD_TC(tp, full_clients);
	ATF_TP_ADD_TC(tp, full_without_a_socket);
	ATF_TP_ADD_TC(tp, expires);
	ATF_TP_ADD_TC(tp, discarded);
	ATF_TP_ADD_TC(tp, longest_gives_way);
	ATF_TP_ADD_TC(tp, newcomers);
	ATF_TP_ADD_TC(tp, served_meanwhile);
	return (atf_no_error());
}
