#include <string.h>

#include "common/clock.h"
#include "relay/backlog.h"
#include "relay/receive_batch.h"
#include "relay/relay.h"
#include "relay/send_batch.h"
#include "tests/unit/unit.h"

static struct relay relay;
static struct totals totals;
static struct listener listener;
static struct listener_totals listener_totals;
static struct send_batch batch;
static struct upstream_socket upstream_socket;

/* A session, a socket for it, and a batch of its datagrams: a train of 3, and two single ones. */
static struct session *
begin(void)
{
	struct session_config config = {
		.capacity = 4, .session_timeout = SECOND, .unreplied_timeout = SECOND
	};
	struct session_key key = { 1, 2, 0 };
	struct destination connected = { 0, 0, 0 };
	static unsigned char payload[300];
	struct received train = { .payload = payload, .length = 300, .segment = 100 };
	struct received single = { .payload = payload, .length = 10 };
	struct relay *r = &relay;
	struct session *s;
	int i;

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
	s = session_open(&r->table, &key, 0, r->now, 1);
	ATF_REQUIRE(s != NULL);
	send_batch_clear(&batch);
	ATF_REQUIRE_EQ(
	    send_batch_add(&batch, session_index(&r->table, s), &train, 0, &connected), 0);
	for (i = 0; i < 2; i++)
		ATF_REQUIRE_EQ(
		    send_batch_add(&batch, session_index(&r->table, s), &single, 1, &connected),
		    0);
	ATF_REQUIRE_EQ(batch.messages, 3);
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
	for (i = 0; i < QUEUE_DATAGRAMS / 2; i++)
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
	for (i = 0; i < QUEUE_DATAGRAMS / 2; i++)
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

	for (i = 0; i < QUEUE_DATAGRAMS / 2; i++)
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
	ATF_CHECK(s->queue == NULL && relay.listener[0].queue == NULL && !s->watch_write);
}

/* What waits for its socket goes with the session; replies stay, and count for nobody. */
CASE(discarded)
{
	struct session *s = begin();

	s->fd = 0;
	s->slot = 0;
	backlog_wait_for_upstream(&relay, s, &batch, 0);
	backlog_wait_for_clients(&relay, &relay.listener[0], &batch, 1);
	backlog_discard(&relay, s, DROP_WRITE_TIMEOUT);
	ATF_CHECK_EQ(dropped(CLIENT_TO_UPSTREAM, DROP_WRITE_TIMEOUT), 5);
	ATF_CHECK_EQ(all_dropped(), 5);
	ATF_REQUIRE(s->queue == NULL && relay.listener[0].queue != NULL);
	ATF_CHECK_EQ(queue_first(relay.listener[0].queue)->session, NONE);
	ATF_CHECK_EQ(relay.queues.count[WAIT_ROOM], 2);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, full_upstream);
	ATF_TP_ADD_TC(tp, full_clients);
	ATF_TP_ADD_TC(tp, full_without_a_socket);
	ATF_TP_ADD_TC(tp, expires);
	ATF_TP_ADD_TC(tp, discarded);
	return (atf_no_error());
}
