#include <sys/epoll.h>
#include <sys/socket.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "relay/backlog.h"
#include "relay/control.h"
#include "relay/forward.h"
#include "relay/leave.h"
#include "relay/lifecycle.h"
#include "relay/receive_batch.h"
#include "relay/records.h"
#include "relay/relay.h"
#include "relay/reserve.h"
#include "relay/send_batch.h"
#include "relay/snapshot.h"
#include "relay/socket_pool.h"
#include "relay/sources.h"
#include "tests/unit/unit.h"

#define SLOTS 8

static struct relay relay;
static struct totals totals;
static struct queue queue;
static struct listener listener;
static struct listener_totals listener_totals;
static struct session_line lines[SLOTS];
static uint32_t drops_seen[SLOTS];
static int supervisor; /* the other end of the control socket */
static int peer[SLOTS];

/* How many more sockets the set takes, and what is said afterwards. */
static int room, refusal;

int __real_epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event);

int
__wrap_epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event)
{
	if (operation == EPOLL_CTL_ADD && room-- <= 0) {
		errno = refusal;
		return (-1);
	}
	return (__real_epoll_ctl(epfd, operation, fd, event));
}

static void
begin(int error)
{
	struct session_config config = {
		.capacity = SLOTS, .session_timeout = SECOND, .unreplied_timeout = SECOND
	};
	struct relay *r = &relay;
	int pair[2];

	memset(r, 0, sizeof(*r));
	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	r->control = pair[0];
	supervisor = pair[1];
	r->snapshot.link = -1;
	r->config.slots_max = SLOTS;
	r->config.workers = 1;
	r->config.datagram_max = 65536;
	r->totals = &totals;
	r->drops_seen = drops_seen;
	r->nlisteners = 1;
	listener = (struct listener){ .fd = -1, .totals = &listener_totals };
	r->listener = &listener;
	r->now = clock_now();
	ATF_REQUIRE_EQ(session_table_init(&r->table, &config), 0);
	r->table.lines = lines;
	r->accounts = reserve((size_t)config.capacity * 2, sizeof(struct account));
	ATF_REQUIRE(r->accounts != NULL);
	share_init(&listener.share, r->accounts);
	r->replies_due = (struct index_list){ NONE, NONE };
	ATF_REQUIRE_EQ(socket_pool_init(r), 0);
	ATF_REQUIRE_EQ(sources_init(r), 0);
	lifecycle_init(r);
	records_init(r);
	ATF_REQUIRE_EQ(forward_init(r), 0);
	ATF_REQUIRE((r->session_set = epoll_create1(0)) != -1);
	queue_pool_init(&r->queues);
	room = 0;
	refusal = error;
}

/* A connected pair, one end of which is handed over. */
static struct msg_socket
make_socket(uint32_t slot, int *fd)
{
	int pair[2];

	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	*fd = pair[0];
	peer[slot] = pair[1];
	return ((struct msg_socket){ .name = { slot, 1 }, .port = 1024 });
}

static void
send_sockets(uint32_t n)
{
	struct msg_socket sockets[SLOTS];
	int fds[SLOTS];
	uint32_t i;

	for (i = 0; i < n; i++)
		sockets[i] = make_socket(i, &fds[i]);
	ATF_REQUIRE_EQ(msg_send(supervisor, MSG_SOCKETS, sockets, n, fds, (int)n), 0);
	control_receive(&relay);
}

static void
take_back(uint32_t n)
{
	struct msg_take_back message = { n };

	ATF_REQUIRE_EQ(msg_send(supervisor, MSG_TAKE_BACK, &message, 1, NULL, 0), 0);
	control_receive(&relay);
}

static void
heartbeat(void)
{
	struct msg_ping ping = { 0 };

	ATF_REQUIRE_EQ(msg_send(supervisor, MSG_PING, &ping, 1, NULL, 0), 0);
	control_receive(&relay);
}

static struct session *
open_session(uint16_t port)
{
	struct session_key key = { htonl(0xc0000201), htons(port), 0 };

	struct received in = { .length = 1, .local_address = htonl(0xc0000202) };

	return (lifecycle_open(&relay, &key, &in));
}

/* Whether the set names this slot, after its peer has sent something. */
static int
is_watched(uint32_t slot)
{
	struct epoll_event events[SLOTS];
	struct session *s;
	uint32_t named;
	int i, n;

	ATF_REQUIRE_EQ(send(peer[slot], "x", 1, 0), 1);
	n = epoll_wait(relay.session_set, events, SLOTS, 0);
	for (i = 0; i < n; i++)
		if (socket_pool_find(&relay, events[i].data.u64, &named, &s) == 0 &&
		    named == slot)
			return (1);
	return (0);
}

CASE(refused_in_pool)
{
	struct session *first, *second;

	begin(ENOSPC);
	room = 1;
	send_sockets(3);
	ATF_CHECK_EQ(relay.sockets_unwatched, 2);
	first = open_session(1);
	second = open_session(2);
	/* Who would hear nothing waits. */
	ATF_REQUIRE(first != NULL && first->fd != -1 && first->slot == 0);
	ATF_REQUIRE(second != NULL && second->fd == -1);
	heartbeat();
	ATF_CHECK(relay.sockets_unwatched == 2 && second->fd == -1);
	room = 2;
	heartbeat();
	ATF_CHECK_EQ(relay.sockets_unwatched, 0);
	ATF_REQUIRE(second->fd != -1);
	ATF_CHECK(is_watched(first->slot) && is_watched(second->slot));
	ATF_CHECK_EQ(relay.free_sockets.first, 2);
}

static void
send_restored(uint32_t n, enum session_state state, int64_t age)
{
	struct msg_restore restore[SLOTS];
	int fds[SLOTS];
	uint32_t i;

	memset(restore, 0, sizeof(restore));
	for (i = 0; i < n; i++) {
		restore[i].socket = make_socket(i, &fds[i]);
		restore[i].record = (struct session_record){
			.id = i + 1,
			.created = clock_wall_at(relay.now) - age,
			.opened = relay.now - age,
			.client_address = htonl(0xc0000201),
			.client_port = htons((uint16_t)(i + 1)),
			.state = (uint8_t)state,
		};
	}
	ATF_REQUIRE_EQ(msg_send(supervisor, MSG_RESTORE, restore, n, fds, (int)n), 0);
	control_receive(&relay);
}

/* Have it report, and take the next message of records. */
static void
take_records(struct msg *msg)
{
	control_send(&relay);
	do
		ATF_REQUIRE_EQ(msg_receive(supervisor, FROM_RELAY, msg), 1);
	while (msg->type != MSG_RECORDS);
}

CASE(refused_in_hand_back)
{
	struct session *s;
	struct msg msg;
	uint32_t i;

	begin(ENOMEM);
	room = 1;
	send_restored(3, SESSION_ASSURED, 0);
	ATF_CHECK(relay.table.count == 3 && relay.sockets_unwatched == 2);
	ATF_CHECK(is_watched(0) && !is_watched(1) && !is_watched(2));
	/* Each is answered for, whether its socket is watched or not. */
	take_records(&msg);
	ATF_CHECK_EQ(msg.count, 3);
	/* It may have something to send, and it may end. */
	s = &relay.table.sessions[1];
	s->queue = &queue;
	socket_pool_watch_write(&relay, s);
	lifecycle_close(&relay, &relay.table.sessions[2], CLOSE_IDLE_TIMEOUT);
	ATF_CHECK(relay.table.count == 2 && relay.sockets_unwatched == 1);
	room = SLOTS;
	heartbeat();
	ATF_CHECK_EQ(relay.sockets_unwatched, 0);
	for (i = 0; i < 2; i++)
		ATF_CHECK(is_watched(i));
	/* Nothing was handed back but the one that has ended. */
	take_records(&msg);
	ATF_CHECK_EQ(msg.count, 1);
	ATF_CHECK_EQ(((struct msg_record *)(void *)msg.payload)->name.slot, 2);
}

CASE(taken_back)
{
	const struct msg_record *record;
	struct session *s;
	struct msg msg;
	uint32_t i;

	begin(ENOSPC);
	room = 5;
	send_sockets(6);
	s = open_session(1);
	ATF_REQUIRE(s != NULL && s->slot == 0);
	take_back(3);
	/* Those that serve nobody and are in the set; what comes in on them is nobody's. */
	ATF_CHECK_EQ(relay.free_sockets.first, 4);
	for (i = 1; i <= 3; i++)
		ATF_CHECK(!relay.sockets[i].is_open && !is_watched(i));
	ATF_CHECK(is_watched(0) && is_watched(4));
	take_records(&msg);
	record = (const void *)msg.payload;
	ATF_CHECK_EQ(msg.count, 3);
	for (i = 0; i < msg.count; i++)
		ATF_CHECK(record[i].name.slot == i + 1 && record[i].name.generation == 1 &&
		    record[i].record.state == SESSION_CLOSED);
	take_records(&msg);
	ATF_CHECK_EQ(msg.count, 1);
	ATF_CHECK_EQ(((const struct msg_record *)(void *)msg.payload)->name.slot, 0);
	/* No more than there are, and the next newcomer waits. */
	take_back(UINT32_MAX);
	ATF_CHECK_EQ(relay.free_sockets.first, NONE);
	ATF_CHECK(s->fd != -1 && is_watched(0));
	take_records(&msg);
	ATF_CHECK_EQ(msg.count, 1);
	ATF_CHECK(!control_unsent(&relay));
	s = open_session(2);
	ATF_CHECK(s != NULL && s->fd == -1);
}

static void
tell_supply(uint32_t supply)
{
	struct msg_supply message = { supply };

	ATF_REQUIRE_EQ(msg_send(supervisor, MSG_SUPPLY, &message, 1, NULL, 0), 0);
	control_receive(&relay);
	lifecycle_expire(&relay);
}

static uint64_t
evicted(void)
{
	return (totals.sessions_evicted[SESSION_UNREPLIED]);
}

/* Four sockets that serve, and three newcomers that wait, after so long. */
static void
begin_to_wait(int64_t age)
{
	uint16_t port;

	begin(0);
	memset(&totals, 0, sizeof(totals));
	relay.table.config.session_timeout = relay.table.config.unreplied_timeout = 30 * SECOND;
	room = SLOTS;
	send_sockets(4);
	for (port = 1; port <= 4; port++)
		ATF_REQUIRE(open_session(port)->fd != -1);
	relay.now += age;
	for (port = 5; port <= 7; port++)
		ATF_REQUIRE(open_session(port)->fd == -1);
	lifecycle_expire(&relay);
	ATF_CHECK_EQ(evicted(), 0);
}

/* That there are no more sockets is as true for those who wait as for those who come. */
CASE(exhausted)
{
	struct msg_socket socket;
	struct session *s;
	int fd;

	begin_to_wait(2 * SECOND);
	tell_supply(SUPPLY_EXHAUSTED);
	ATF_CHECK_EQ(evicted(), 3);
	ATF_CHECK(relay.table.count == 4 && !relay.evict_due);
	/* Each evicts once, however often it is told. */
	tell_supply(SUPPLY_OK);
	tell_supply(SUPPLY_EXHAUSTED);
	ATF_CHECK_EQ(evicted(), 3);
	s = open_session(8);
	ATF_REQUIRE(s != NULL && s->fd == -1);
	lifecycle_expire(&relay);
	ATF_CHECK_EQ(evicted(), 4);
	ATF_CHECK(open_session(9) == NULL);
	/* Who waits is no victim. */
	ATF_CHECK_EQ(relay.table.count, 4);
	socket = make_socket(4, &fd);
	ATF_REQUIRE_EQ(msg_send(supervisor, MSG_SOCKETS, &socket, 1, &fd, 1), 0);
	control_receive(&relay);
	ATF_CHECK(s->fd == -1);
	ATF_CHECK_EQ(totals.sessions[SESSION_UNREPLIED], 1);
}

/* Sessions younger than a second are no victims, and then they are. */
CASE(exhausted_early)
{
	begin_to_wait(SECOND / 2);
	tell_supply(SUPPLY_EXHAUSTED);
	ATF_CHECK_EQ(evicted(), 0);
	relay.now += SECOND / 2;
	lifecycle_expire(&relay);
	ATF_CHECK_EQ(evicted(), 3);
	/* Three have waited for long enough. */
	relay.now += SECOND / 2;
	lifecycle_expire(&relay);
	ATF_CHECK_EQ(evicted(), 3);
	ATF_CHECK_EQ(relay.table.count, 1);
	ATF_CHECK_EQ(listener_totals.upstream_socket_open_errors, 3);
}

/* What the metrics child is told of the only session. */
static struct msg_session
ask_session(int metrics)
{
	struct msg_ask ask = { 0 };
	struct msg msg;
	struct msg_session session;

	ATF_REQUIRE_EQ(msg_send(metrics, MSG_ASK_SESSIONS, &ask, 1, NULL, 0), 0);
	snapshot_turn(&relay);
	ATF_REQUIRE_EQ(msg_receive(metrics, FROM_RELAY, &msg), 1);
	ATF_REQUIRE(msg.type == MSG_ANSWER_SESSIONS && msg.count == 1);
	memcpy(&session, msg.payload, sizeof(session));
	ATF_REQUIRE_EQ(msg_receive(metrics, FROM_RELAY, &msg), 1);
	ATF_REQUIRE_EQ(msg.type, MSG_ANSWER_END);
	return (session);
}

/* All that was left is handed back. */
static void
start(void)
{
	ATF_REQUIRE_EQ(msg_send(supervisor, MSG_START, NULL, 0, NULL, 0), 0);
	control_receive(&relay);
}

/* Before the first reply, the time of the last one is that of creation, also after a hand-back. */
CASE(restored_unreplied)
{
	struct msg_session session;
	int pair[2];

	begin(0);
	room = SLOTS;
	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	snapshot_link(&relay, pair[0]);
	send_restored(1, SESSION_UNREPLIED, 7 * SECOND);
	session = ask_session(pair[1]);
	ATF_CHECK_EQ(session.last_upstream, session.record.created);
	/* As coarse as the clocks are. */
	ATF_CHECK(session.last_client > session.record.created + 6 * SECOND);
	/* Nothing was counted: its idle clock starts anew. */
	start();
	ATF_CHECK_EQ(lifecycle_deadline(&relay), relay.now + SECOND);
	relay.now += SECOND / 2;
	lifecycle_upstream_spoke(&relay, &relay.table.sessions[0]);
	session = ask_session(pair[1]);
	ATF_CHECK(session.last_upstream > session.last_client);
}

/* What a relay counted, the next one counts on. */
CASE(restored_counters)
{
	const struct session_counters *c = &lines[0].counters;
	struct msg_session session;
	struct session *s;
	int pair[2];

	begin(0);
	room = SLOTS;
	relay.table.config.session_timeout = relay.table.config.unreplied_timeout = 30 * SECOND;
	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	snapshot_link(&relay, pair[0]);
	lines[0].counters =
	    (struct session_counters){ { relay.now - 6 * SECOND, relay.now - 5 * SECOND },
		    { 3, 4 }, { 30, 40 } };
	send_restored(1, SESSION_UNREPLIED, 7 * SECOND);
	s = &relay.table.sessions[0];
	session = ask_session(pair[1]);
	ATF_CHECK(session.packets[0] == 3 && session.packets[1] == 4);
	ATF_CHECK(session.bytes[0] == 30 && session.bytes[1] == 40);
	ATF_CHECK_EQ(session.record.state, SESSION_REPLIED);
	ATF_CHECK(session.last_client > session.record.created);
	ATF_CHECK(session.last_upstream > session.last_client);
	/* None expires before all are back. */
	ATF_CHECK_EQ(lifecycle_deadline(&relay), NEVER);
	start();
	ATF_CHECK_EQ(lifecycle_deadline(&relay), relay.now + 25 * SECOND);
	relay.now += SECOND;
	lifecycle_client_spoke(&relay, s, 0);
	ATF_CHECK_EQ(c->last[CLIENT_TO_UPSTREAM], relay.now);
	ATF_CHECK_EQ(s->state, SESSION_ASSURED);
	ATF_CHECK(c->packets[0] == 3 && c->bytes[1] == 40);
}

/* Whose time is up has a second to say something; then the one is first that was silent longest. */
CASE(restored_expired)
{
	uint32_t i;

	begin(0);
	room = SLOTS;
	for (i = 0; i < 3; i++)
		lines[i].counters.last[CLIENT_TO_UPSTREAM] =
		    relay.now - (i == 1 ? 9 : 5 + i) * SECOND;
	send_restored(3, SESSION_ASSURED, 10 * SECOND);
	relay.now += SECOND;
	lifecycle_expire(&relay);
	ATF_CHECK_EQ(relay.table.count, 3);
	start();
	ATF_CHECK_EQ(lifecycle_deadline(&relay), relay.now + SECOND);
	lifecycle_client_spoke(&relay, &relay.table.sessions[0], 0);
	relay.now += SECOND - 1;
	lifecycle_expire(&relay);
	ATF_CHECK_EQ(relay.table.count, 3);
	ATF_CHECK_EQ(session_expired(&relay.table, relay.now), &relay.table.sessions[1]);
	relay.now++;
	lifecycle_client_spoke(&relay, &relay.table.sessions[0], 0);
	lifecycle_expire(&relay);
	ATF_CHECK_EQ(relay.table.count, 1);
	ATF_CHECK_EQ(relay.table.sessions[0].state, SESSION_ASSURED);
}

/* A session that waited for its socket counts on there, and nothing that another left. */
CASE(counters_of_newcomers)
{
	const struct session_counters *c = &lines[0].counters;
	struct session *s;
	int64_t came;

	begin(0);
	room = SLOTS;
	memset(lines, 0xff, sizeof(lines));
	s = open_session(1);
	ATF_REQUIRE(s != NULL && s->fd == -1);
	came = relay.now;
	relay.now += SECOND / 2;
	send_sockets(1);
	ATF_REQUIRE(s->fd != -1 && s->slot == 0);
	ATF_CHECK_EQ(session_counters(&relay.table, s), c);
	ATF_CHECK(c->last[CLIENT_TO_UPSTREAM] == came && c->last[UPSTREAM_TO_CLIENT] == 0);
	ATF_CHECK(c->packets[0] == 0 && c->bytes[0] == 0);
	ATF_CHECK(c->packets[1] == 0 && c->bytes[1] == 0);
}

/* ---- a planned end ---- */

static void
tell_stop(uint32_t keep)
{
	const struct msg_stop stop = { keep };

	ATF_REQUIRE_EQ(msg_send(supervisor, MSG_STOP, &stop, 1, NULL, 0), 0);
	control_receive(&relay);
}

/* A datagram that waits, in either direction. */
static void
make_wait(struct session *s, enum direction direction)
{
	static struct send_batch batch;
	static unsigned char payload[1] = { 0x55 };
	const struct destination client = { s->key.client_address, s->key.client_port, 0 };
	struct received in = { .payload = payload, .length = sizeof(payload) };

	send_batch_clear(&batch);
	ATF_REQUIRE_EQ(
	    send_batch_add(&batch, session_index(&relay.table, s), &in, 1, &client), 0);
	if (direction == CLIENT_TO_UPSTREAM)
		backlog_wait_for_upstream(&relay, s, &batch, 0);
	else
		backlog_wait_for_clients(&relay, &listener, &batch, 0);
}

/* Two sessions that have sockets, and one that waits for one with a datagram. */
static void
begin_to_leave(struct session *s[3])
{
	int i;

	begin(0);
	relay.config.write_timeout = 5 * SECOND;
	memset(&listener_totals, 0, sizeof(listener_totals));
	room = SLOTS;
	send_sockets(2);
	for (i = 0; i < 3; i++)
		ATF_REQUIRE((s[i] = open_session((uint16_t)(i + 1))) != NULL);
	make_wait(s[2], CLIENT_TO_UPSTREAM);
}

static uint64_t
lost(enum direction direction)
{
	uint64_t all = 0;
	int i;

	for (i = 0; i < DROP_REASON_MAX; i++)
		all += listener_totals.drops[direction][i];
	return (all);
}

CASE(leave)
{
	struct msg_socket socket;
	struct session *s[3];
	struct msg msg;
	char byte;
	int fd;

	begin_to_leave(s);
	make_wait(s[0], CLIENT_TO_UPSTREAM);
	tell_stop(1);
	ATF_CHECK(relay.leaving && !relay.quit);
	leave_turn(&relay);
	/* What waited for room is sent; a newcomer still waits for his socket. */
	ATF_CHECK(recv(peer[0], &byte, 1, MSG_DONTWAIT) == 1 && byte == 0x55);
	ATF_CHECK_EQ(leave_deadline(&relay), relay.now + REPLY_WAIT);
	relay.now += SECOND / 4;
	leave_turn(&relay);
	ATF_CHECK(s[2]->queue != NULL && !leave_is_done(&relay));
	socket = make_socket(2, &fd);
	ATF_REQUIRE_EQ(msg_send(supervisor, MSG_SOCKETS, &socket, 1, &fd, 1), 0);
	control_receive(&relay);
	ATF_CHECK(recv(peer[2], &byte, 1, MSG_DONTWAIT) == 1 && byte == 0x55);
	leave_turn(&relay);
	/* The supervisor has to know of all three. */
	ATF_CHECK(!leave_is_done(&relay));
	take_records(&msg);
	ATF_CHECK_EQ(msg.count, 3);
	ATF_CHECK(leave_is_done(&relay));
	ATF_CHECK(relay.table.count == 3 && lost(CLIENT_TO_UPSTREAM) == 0);
	ATF_CHECK_EQ(lines[2].counters.packets[CLIENT_TO_UPSTREAM], 1);
	/* None ends meanwhile, whose time it may be. */
	relay.now += 100 * SECOND;
	lifecycle_expire(&relay);
	ATF_CHECK_EQ(relay.table.count, 3);
}

/* Nobody is waited for without end, and what is lost is counted. */
CASE(leave_late)
{
	struct session *s[3];
	struct msg msg;

	begin_to_leave(s);
	make_wait(s[1], UPSTREAM_TO_CLIENT);
	tell_stop(1);
	take_records(&msg);
	relay.now += SECOND / 2 - 1;
	leave_turn(&relay);
	ATF_CHECK(!leave_is_done(&relay));
	ATF_CHECK(lost(CLIENT_TO_UPSTREAM) == 0 && lost(UPSTREAM_TO_CLIENT) == 0);
	relay.now++;
	leave_turn(&relay);
	ATF_CHECK(lost(CLIENT_TO_UPSTREAM) == 1 && lost(UPSTREAM_TO_CLIENT) == 1);
	ATF_CHECK(leave_is_done(&relay));
	ATF_CHECK_EQ(relay.table.count, 3);
}

CASE(leave_at_once)
{
	struct session *s[3];

	begin_to_leave(s);
	tell_stop(0);
	ATF_CHECK(relay.quit && !relay.leaving);
	/* He may change his mind. */
	begin_to_leave(s);
	tell_stop(1);
	tell_stop(0);
	ATF_CHECK(relay.quit && !relay.leaving);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, leave);
	ATF_TP_ADD_TC(tp, leave_late);
	ATF_TP_ADD_TC(tp, leave_at_once);
	ATF_TP_ADD_TC(tp, restored_counters);
	ATF_TP_ADD_TC(tp, restored_expired);
	ATF_TP_ADD_TC(tp, counters_of_newcomers);
	ATF_TP_ADD_TC(tp, restored_unreplied);
	ATF_TP_ADD_TC(tp, taken_back);
	ATF_TP_ADD_TC(tp, refused_in_pool);
	ATF_TP_ADD_TC(tp, refused_in_hand_back);
	ATF_TP_ADD_TC(tp, exhausted);
	ATF_TP_ADD_TC(tp, exhausted_early);
	return (atf_no_error());
}
