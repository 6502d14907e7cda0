/*
 * What the relay has from the supervisor, and owes to it.
 *
 * Sockets come ahead of need and wait in stock, already in the epoll set; so a new client
 * costs no system call.  What comes in on a socket in stock is a late answer to its port's
 * former user, and is discarded.  When the stock is empty, sessions wait for the next batch,
 * in the order in which they came, for a second at most.
 *
 * The supervisor is owed a record of every session that opened, was taken back, changed or
 * closed: what it knows when we crash is what our successor gets.  A record is not queued but marked in the
 * session, so it is never lost, and several changes in one turn make one record.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "relay/listeners.h"
#include "relay/relay.h"
#include "relay/watch.h"

/* Messages taken in one turn. */
#define MESSAGES_A_TURN 16

/* ---- lists linked by index ---- */

#define LIST_PUSH(list, array, i)                         \
	do {                                              \
		(array)[i].next = NONE;                   \
		if ((list)->first == NONE)                \
			(list)->first = (i);              \
		else                                      \
			(array)[(list)->last].next = (i); \
		(list)->last = (i);                       \
	} while (0)

#define LIST_POP(list, array) ((list)->first = (array)[(list)->first].next)

int
supply_init(struct relay *r)
{
	struct index_list empty = { NONE, NONE };

	r->stock = r->waiting = r->reports = r->refused = empty;
	r->supply = SUPPLY_OK;
	r->sockets = calloc(r->config.slots_max, sizeof(*r->sockets));
	return (r->sockets == NULL ? -1 : 0);
}

/* ---- sockets ---- */

static uint64_t
event_data(const struct upstream_socket *socket, uint32_t slot)
{
	return ((uint64_t)socket->generation << 32 | slot);
}

static int
control_epoll(struct relay *r, int operation, uint32_t slot, uint32_t events)
{
	const struct upstream_socket *socket = &r->sockets[slot];

	return (watch_change(
	    r, r->session_set, operation, socket->fd, event_data(socket, slot), events));
}

/*
 * Have the set watch a socket, of the stock or a session's.  While the kernel refuses, it is
 * deaf: no client gets it, and a session that was restored on it sends, but does not hear.
 * It is no use to hand it back: the next would be no better.
 */
static int
hear(struct relay *r, uint32_t slot)
{
	struct upstream_socket *socket = &r->sockets[slot];
	int writes = socket->session != NONE && r->table.sessions[socket->session].watch_write;

	if (control_epoll(r, EPOLL_CTL_ADD, slot, writes ? EPOLLIN | EPOLLOUT : EPOLLIN) == -1)
		return (-1);
	if (socket->session == NONE)
		LIST_PUSH(&r->stock, r->sockets, slot);
	return (0);
}

static void
hear_or_wait(struct relay *r, uint32_t slot)
{
	r->sockets[slot].deaf = hear(r, slot) == -1;
	r->deaf += r->sockets[slot].deaf;
}

/* Try the deaf ones again. */
static void
hear_deaf(struct relay *r)
{
	uint32_t slot;

	for (slot = 0; r->deaf > 0 && slot < r->config.slots_max; slot++) {
		if (!r->sockets[slot].deaf)
			continue;
		if (hear(r, slot) == -1)
			return;
		r->sockets[slot].deaf = 0;
		r->deaf--;
	}
}

int
supply_event(struct relay *r, uint64_t data, uint32_t *slot, struct session **session)
{
	struct upstream_socket *socket;

	*slot = (uint32_t)data;
	if (*slot >= r->config.slots_max)
		return (-1);
	socket = &r->sockets[*slot];
	/* An earlier event of the same turn may have closed it. */
	if (!socket->ours || event_data(socket, *slot) != data)
		return (-1);
	*session = socket->session == NONE ? NULL : &r->table.sessions[socket->session];
	return (0);
}

void
supply_watch_write(struct relay *r, struct session *s, int watch)
{
	if (s->fd == -1 || s->watch_write == watch)
		return;
	s->watch_write = (uint8_t)watch;
	if (!r->sockets[s->slot].deaf)
		control_epoll(r, EPOLL_CTL_MOD, s->slot, watch ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void
take_socket(struct relay *r, const struct msg_socket *told, int fd)
{
	struct upstream_socket *socket;

	if (told->name.slot >= r->config.slots_max || r->sockets[told->name.slot].ours)
		fatal("bad socket", "slot=%u", told->name.slot);
	socket = &r->sockets[told->name.slot];
	socket->fd = fd;
	socket->generation = told->name.generation;
	socket->session = NONE;
	socket->port = told->port;
	socket->ours = 1;
}

static void
assign(struct relay *r, struct session *s)
{
	uint32_t slot = r->stock.first;

	LIST_POP(&r->stock, r->sockets);
	r->sockets[slot].session = session_index(&r->table, s);
	s->slot = slot;
	s->fd = r->sockets[slot].fd;
	lifecycle_opened(r, s);
}

void
supply_socket(struct relay *r, struct session *s)
{
	if (r->stock.first != NONE) {
		assign(r, s);
		return;
	}
	s->waiting = 1;
	LIST_PUSH(&r->waiting, r->table.sessions, session_index(&r->table, s));
}

static struct session *
pop_waiting(struct relay *r)
{
	struct session *s = &r->table.sessions[r->waiting.first];

	LIST_POP(&r->waiting, r->table.sessions);
	s->waiting = 0;
	if (s->state != SESSION_CLOSED)
		return (s);
	/* It ended while it waited. */
	session_free(&r->table, s);
	return (NULL);
}

static void
serve_waiting(struct relay *r)
{
	struct session *s;

	while (r->waiting.first != NONE && r->stock.first != NONE) {
		if ((s = pop_waiting(r)) == NULL)
			continue;
		assign(r, s);
		forward_session_queue(r, s);
	}
}

void
supply_expire(struct relay *r)
{
	struct session *s;

	while (r->waiting.first != NONE) {
		s = &r->table.sessions[r->waiting.first];
		if (s->state != SESSION_CLOSED && r->now - s->opened < SOCKET_WAIT_MAX)
			return;
		if ((s = pop_waiting(r)) == NULL)
			continue;
		r->listener[s->key.listener].totals->upstream_socket_open_errors++;
		lifecycle_close(r, s, CLOSE_IDLE_TIMEOUT);
	}
}

void
supply_close_socket(struct relay *r, struct session *s)
{
	struct upstream_socket *socket = &r->sockets[s->slot];

	/*
	 * The supervisor's duplicate keeps the socket alive, and with it its place in the
	 * epoll set: epoll(7), Questions and answers.
	 */
	if (!socket->deaf)
		control_epoll(r, EPOLL_CTL_DEL, s->slot, 0);
	r->deaf -= socket->deaf;
	close(s->fd);
	s->fd = -1;
	socket->ours = socket->deaf = 0;
}

/* ---- messages ---- */

static void
take_sockets(struct relay *r)
{
	const struct msg_socket *told = (const void *)r->msg.payload;
	uint32_t i;

	for (i = 0; i < r->msg.count; i++) {
		take_socket(r, &told[i], r->msg.fds[i]);
		hear_or_wait(r, told[i].name.slot);
	}
	serve_waiting(r);
}

static void
take_restored(struct relay *r)
{
	const struct msg_restore *told = (const void *)r->msg.payload;
	struct session_key key;
	struct session *s;
	uint32_t i, slot;

	for (i = 0; i < r->msg.count; i++) {
		slot = told[i].socket.name.slot;
		take_socket(r, &told[i].socket, r->msg.fds[i]);
		if (lifecycle_restore(r, &told[i], r->msg.fds[i]) == -1) {
			r->totals->sessions_closed[CLOSE_RESTORE_FAILED]++;
			log_warn("session not restored", "slot=%u", slot);
			close(r->sockets[slot].fd);
			r->sockets[slot].ours = 0;
			LIST_PUSH(&r->refused, r->sockets, slot);
			continue;
		}
		key = (struct session_key){ told[i].record.client_address,
			told[i].record.client_port, told[i].record.listener };
		s = session_find(&r->table, &key);
		r->sockets[slot].session = session_index(&r->table, s);
		/* That is the answer: who dies without one may have died of it. */
		supply_due(r, s);
		hear_or_wait(r, slot);
	}
}

static void
take_supply(struct relay *r)
{
	const struct msg_supply *told = (const void *)r->msg.payload;

	if (told->supply >= SUPPLY_MAX)
		fatal("bad supply", "supply=%u", told->supply);
	r->supply = told->supply;
}

static void
start(struct relay *r)
{
	r->started = 1;
	if (r->table.count > 0)
		log_info("sessions restored", "count=%u", r->table.count);
}

static void
take_message(struct relay *r)
{
	switch (r->msg.type) {
	case MSG_SOCKETS:
		take_sockets(r);
		break;
	case MSG_RESTORE:
		take_restored(r);
		break;
	case MSG_START:
		start(r);
		break;
	case MSG_SUPPLY:
		take_supply(r);
		break;
	case MSG_LINK:
		snapshot_link(r, r->msg.fds[0]);
		break;
	case MSG_PING:
		memcpy(&r->pong, r->msg.payload, sizeof(r->pong));
		r->pong_due = 1;
		hear_deaf(r);
		listeners_watch_again(r);
		serve_waiting(r);
		break;
	case MSG_STOP:
		r->quit = 1;
		break;
	default:
		fatal("unexpected message", "type=%d", (int)r->msg.type);
	}
}

void
supply_receive(struct relay *r)
{
	int i, n;

	for (i = 0; i < MESSAGES_A_TURN; i++) {
		n = msg_receive(r->control, FROM_SUPERVISOR, &r->msg);
		if (n == -1 && errno == EAGAIN)
			return;
		/* Without the supervisor there is no sense in going on. */
		if (n == 0)
			_exit(EXIT_REFUSED);
		if (n == -1)
			fatal("bad message", "error=%s", strerror(errno));
		take_message(r);
	}
}

/* ---- records ---- */

void
supply_due(struct relay *r, struct session *s)
{
	if (s->unreported)
		return;
	s->unreported = 1;
	LIST_PUSH(&r->reports, r->table.sessions, session_index(&r->table, s));
}

int
supply_unsent(const struct relay *r)
{
	return (r->reports.first != NONE || r->refused.first != NONE || r->pong_due);
}

static void
write_record(const struct relay *r, const struct session *s, struct msg_record *to)
{
	memset(to, 0, sizeof(*to));
	to->name.slot = s->slot;
	to->name.generation = r->sockets[s->slot].generation;
	session_record(s, &to->record);
}

/* Send one message of records, of which there are some.  Returns -1 when the supervisor takes no more. */
static int
report_sessions(struct relay *r)
{
	struct msg_record records[MSG_FDS_MAX];
	struct session *s;
	uint32_t i = r->reports.first, n = 0;

	do {
		s = &r->table.sessions[i];
		write_record(r, s, &records[n++]);
		i = s->next;
	} while (i != NONE && n < MSG_FDS_MAX);
	if (msg_send(r->control, MSG_RECORDS, records, n, NULL, 0) == -1)
		return (-1);
	while (n-- > 0) {
		s = &r->table.sessions[r->reports.first];
		LIST_POP(&r->reports, r->table.sessions);
		s->unreported = 0;
		if (s->state == SESSION_CLOSED)
			session_free(&r->table, s);
	}
	return (0);
}

static int
report_refused(struct relay *r)
{
	struct msg_record record;

	memset(&record, 0, sizeof(record));
	record.name.slot = r->refused.first;
	record.name.generation = r->sockets[r->refused.first].generation;
	record.record.state = SESSION_CLOSED;
	if (msg_send(r->control, MSG_RECORDS, &record, 1, NULL, 0) == -1)
		return (-1);
	LIST_POP(&r->refused, r->sockets);
	return (0);
}

void
supply_report(struct relay *r)
{
	if (r->pong_due) {
		if (msg_send(r->control, MSG_PONG, &r->pong, 1, NULL, 0) == -1)
			return;
		r->pong_due = 0;
	}
	while (r->refused.first != NONE)
		if (report_refused(r) == -1)
			return;
	while (r->reports.first != NONE)
		if (report_sessions(r) == -1)
			return;
}
