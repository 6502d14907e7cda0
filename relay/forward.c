/*
 * Forwarding, of datagrams and of trains.
 *
 * From a client: a batch is received on the listener; neighbours of one client go to its
 * session's socket in one call.  From the upstream: the sockets that are ready are received
 * from in turn, and what they have leaves together on the listener.  Every upstream socket
 * belongs to one client, so a train has one destination, and is passed on whole.
 *
 * The order within a session and direction is kept: once one datagram has to wait, those that
 * follow wait behind it.  While a listener's send buffer is short, so does what is more than its
 * client's share of that: see share.h.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "relay/backlog.h"
#include "relay/forward.h"
#include "relay/lifecycle.h"
#include "relay/listeners.h"
#include "relay/receive_batch.h"
#include "relay/receive_queue.h"
#include "relay/relay.h"
#include "relay/send_batch.h"
#include "relay/session_log.h"
#include "relay/socket_pool.h"
#include "relay/trouble.h"

/* After a train was refused, its session's datagrams go one by one for so many seconds. */
#define PLAIN_SECONDS 60

/* Messages sent at most to one client that waits, before others have their turn. */
#define SENDS_A_TURN 64

/* Clients that wait without room, and are probed in one turn. */
#define PROBES_A_TURN 8

struct batches {
	struct receive_batch *in;
	struct session_key key[RECEIVE_BATCH_SLOTS]; /* of what came from clients */
	uint32_t hash[RECEIVE_BATCH_SLOTS];
	struct send_batch out[DIRECTION_MAX];
};

static const enum operation write_operation[] = { UPSTREAM_WRITE, CLIENT_WRITE };
static const enum drop_reason write_error[] = { DROP_UPSTREAM_WRITE_ERROR,
	DROP_CLIENT_WRITE_ERROR };

int
forward_init(struct relay *r)
{
	if ((r->batches = calloc(1, sizeof(*r->batches))) == NULL)
		return (-1);
	return ((r->batches->in = receive_batch_new()) == NULL ? -1 : 0);
}

/* ---- sending, in either direction ---- */

static const struct destination connected = { 0, 0, 0 };

/* What a batch is sent by, and who is told what became of it. */
struct egress {
	struct relay *relay;
	int fd;
	struct listener_totals *totals;
	enum direction direction;
	uint32_t cost; /* of what was sent: see share_cost() */
};

static void
count_sent(void *arg, uint32_t owner, uint32_t datagrams, uint32_t bytes)
{
	struct egress *to = arg;
	struct session_counters *c;

	to->cost += share_cost(bytes);
	to->totals->datagrams[to->direction] += datagrams;
	to->totals->bytes[to->direction] += bytes;
	if (owner == NONE)
		return;
	c = session_counters(&to->relay->table, &to->relay->table.sessions[owner]);
	c->packets[to->direction] += datagrams;
	c->bytes[to->direction] += bytes;
}

static void
count_dropped(void *arg, uint32_t owner, uint32_t datagrams)
{
	const struct egress *to = arg;

	if (errno == EMSGSIZE && owner != NONE)
		session_log_too_large(
		    to->relay, &to->relay->table.sessions[owner], to->direction);
	to->totals->drops[to->direction][write_error[to->direction]] += datagrams;
}

static void
count_failed(void *arg, uint32_t owner)
{
	const struct egress *to = arg;

	(void)owner;
	to->totals->errors[write_operation[to->direction]]++;
	if (to->direction == CLIENT_TO_UPSTREAM)
		trouble_failed(to->relay, errno);
}

static uint32_t
seconds(const struct relay *r)
{
	return ((uint32_t)(r->now / SECOND));
}

static void
remember_refusal(void *arg, uint32_t owner)
{
	const struct egress *to = arg;

	to->relay->totals->segment_offload_fallbacks++;
	if (owner != NONE)
		to->relay->table.sessions[owner].plain_until[to->direction] =
		    seconds(to->relay) + PLAIN_SECONDS;
}

/* Whether the session's datagrams have to go one by one. */
static int
is_plain(const struct relay *r, const struct session *s, enum direction direction)
{
	return (!r->config.segment_offload || s->plain_until[direction] > seconds(r));
}

static struct listener_totals *
session_totals(struct relay *r, const struct session *s)
{
	return (r->listener[s->key.listener].totals);
}

static struct egress
to_upstream(struct relay *r, const struct session *s)
{
	return ((struct egress){ r, s->fd, session_totals(r, s), CLIENT_TO_UPSTREAM, 0 });
}

static struct egress
to_clients(struct relay *r, const struct listener *l)
{
	return ((struct egress){ r, l->fd, l->totals, UPSTREAM_TO_CLIENT, 0 });
}

/*
 * Send the batch of that direction.  Returns the first message that has to wait, or the number
 * of all.
 */
static uint32_t
transmit(struct egress *to)
{
	const struct send_report report = { count_sent, count_dropped, count_failed,
		remember_refusal, to };

	return (send_batch_send(&to->relay->batches->out[to->direction], to->fd, &report));
}

/*
 * Whether what was not sent just now, as errno says, would wait in vain: the socket has no peer,
 * and gets one only when there is a way to the upstream.  It could be written to all the time.
 */
static int
leads_nowhere(const struct relay *r)
{
	return (errno == EDESTADDRREQ && r->supply == SUPPLY_UNREACHABLE);
}

/* ---- what had to wait ---- */

/*
 * Send the first `limit` bytes of the first of a queue.  Returns whether they are gone; a train
 * that went in part leaves its rest.
 */
static int
send_first(struct egress *to, struct session *s, struct queue **queue, uint32_t limit)
{
	struct relay *r = to->relay;
	struct send_batch *batch = &r->batches->out[to->direction];
	const struct datagram *d = queue_first(*queue);
	const struct destination client = { s->key.client_address, s->key.client_port,
		s->local_address };
	struct received in = {
		.payload = d->payload,
		.length = limit,
		.segment = limit > d->segment ? d->segment : 0,
		.tos = d->tos,
	};
	uint32_t done, all, left;

	/* It was one message when it had to wait, and so it is one now. */
	send_batch_add(batch, session_index(&r->table, s), &in, is_plain(r, s, to->direction),
	    to->direction == UPSTREAM_TO_CLIENT ? &client : &connected);
	all = batch->messages;
	done = transmit(to);
	left = d->length - limit + send_batch_bytes(batch, done);
	if (done == all && left == 0)
		queue_remove_first(&r->queues, queue);
	else if (left < d->length)
		queue_keep_last(&r->queues, *queue, left);
	send_batch_clear(batch);
	return (done == all);
}

static void
send_session_queue(struct relay *r, struct session *s)
{
	struct egress to = to_upstream(r, s);

	while (s->queue != NULL) {
		if (send_first(&to, s, &s->queue, queue_first(s->queue)->length))
			continue;
		if (leads_nowhere(r))
			backlog_drop_upstream(r, s);
		break;
	}
	socket_pool_watch_write(r, s);
}

/*
 * How much of the first of its queue may be sent to a client, in bytes, or -1.  `burst`: see
 * share_portion(); *probes is how many more clients may be probed.
 */
static int64_t
portion(const struct relay *r, struct listener *l, uint32_t session, uint32_t burst,
    uint32_t *probes)
{
	const struct datagram *d = queue_first(r->accounts[session].queue);
	uint32_t size = d->segment != 0 ? d->segment : d->length;
	int64_t limit = share_portion(&l->share, session, d->length, d->segment, burst);

	if (limit != -1 || *probes == 0 || !share_probe(&l->share, session, size, r->now))
		return (limit);
	(*probes)--;
	return (size);
}

/* Send what waits for a client, as far as its share goes.  Returns -1 if it would block. */
static int
send_replies(struct relay *r, struct listener *l, uint32_t session, uint32_t *probes)
{
	struct session *s = &r->table.sessions[session];
	struct queue **queue = &r->accounts[session].queue;
	struct egress to = to_clients(r, l);
	struct share_sent sent = { .session = session };
	int64_t limit;
	uint32_t i;
	int blocked = 0;

	for (i = 0; i < SENDS_A_TURN && *queue != NULL && !blocked; i++) {
		if ((limit = portion(r, l, session, i + 1, probes)) == -1)
			return (0);
		to.cost = 0;
		blocked = !send_first(&to, s, queue, (uint32_t)limit);
		sent.cost = to.cost;
		listeners_settle(l, &sent, to.cost > 0);
	}
	return (blocked ? -1 : 0);
}

void
forward_replies(struct relay *r, struct listener *l)
{
	uint32_t i, session, waiting = 0, probes = PROBES_A_TURN;

	l->is_full = 0;
	listeners_look(l, 1);
	for (i = l->share.members; i > 0 && l->share.members > 0; i--) {
		session = share_next(&l->share);
		if (!l->is_full && r->accounts[session].queue != NULL)
			l->is_full = send_replies(r, l, session, &probes) == -1;
		waiting += r->accounts[session].queue != NULL;
	}
	listeners_watch_write(r, l);
	if (waiting > 0)
		listeners_replies_due(r, l);
}

void
forward_replies_due(struct relay *r)
{
	struct listener *l;
	uint32_t i, last;

	if (r->replies_due.first == NONE || r->now < r->replies_at)
		return;
	last = r->replies_due.last;
	do {
		i = r->replies_due.first;
		l = &r->listener[i];
		INDEX_LIST_POP(&r->replies_due, r->listener);
		l->replies_due = 0;
		forward_replies(r, l);
	} while (i != last);
	r->replies_at = r->now + REPLY_WAIT;
}

void
forward_backlog(struct relay *r)
{
	struct queue *q, *next;
	struct session *s;

	LIST_FOREACH_SAFE(q, &r->queues.queues, entry, next) {
		s = &r->table.sessions[q->owner.session];
		if (q->owner.direction == CLIENT_TO_UPSTREAM && s->fd != -1)
			send_session_queue(r, s);
	}
}

void
forward_waiting(struct relay *r)
{
	struct session *s;

	while ((s = lifecycle_serve_waiting(r)) != NULL)
		send_session_queue(r, s);
}

/* ---- from a client ---- */

static void
flush_to_upstream(struct relay *r, struct session *s)
{
	struct egress to = to_upstream(r, s);
	struct send_batch *batch = &r->batches->out[CLIENT_TO_UPSTREAM];
	uint32_t done = 0;

	if (s->fd != -1 && s->queue == NULL) {
		done = transmit(&to);
		for (; done < batch->messages && leads_nowhere(r); done++)
			to.totals->drops[CLIENT_TO_UPSTREAM][DROP_UPSTREAM_UNREACHABLE] +=
			    datagrams_of(
				batch->message[done].length, batch->message[done].segment);
	}
	backlog_wait_for_upstream(r, s, batch, done);
	send_batch_clear(batch);
}

static int
is_same_client(const struct batches *batches, uint32_t i, uint32_t other)
{
	return (memcmp(&batches->key[i], &batches->key[other], sizeof(batches->key[i])) == 0);
}

/* Whose the first n buffers are: see session_find_hashed(). */
static void
look_up_clients(struct relay *r, const struct listener *l, uint32_t n)
{
	struct batches *b = r->batches;
	const struct sockaddr_in *from;
	uint32_t i;

	for (i = 0; i < n; i++) {
		from = &b->in->name[i].in;
		b->key[i] = (struct session_key){ from->sin_addr.s_addr, from->sin_port,
			(uint16_t)(l - r->listener) };
		b->hash[i] = i > 0 && is_same_client(b, i, i - 1)
		    ? b->hash[i - 1]
		    : session_hash(&r->table, &b->key[i]);
	}
	for (i = 0; i < n; i++)
		session_prefetch(&r->table, b->hash[i]);
	for (i = 0; i < n; i++)
		if (i == 0 || b->hash[i] != b->hash[i - 1])
			session_prefetch_counters(&r->table, b->hash[i]);
}

/*
 * Drop what of a buffer is larger than the user wants: all of it, unless it is a train whose
 * last datagram alone is not.  Returns whether anything is left in *received.
 */
static int
fits(const struct relay *r, struct received *received, uint64_t *drops)
{
	uint32_t size = received->segment != 0 ? received->segment : received->length;
	uint32_t n, last;

	if (size <= r->config.datagram_max)
		return (1);
	n = datagrams_of(received->length, received->segment);
	last = received->length - (n - 1) * size;
	if (n == 1 || last > r->config.datagram_max) {
		*drops += n;
		return (0);
	}
	*drops += n - 1;
	received->payload += received->length - last;
	received->length = last;
	received->segment = 0;
	return (1);
}

static void
collect_datagrams(struct relay *r, struct session *s, struct received *in)
{
	lifecycle_client_spoke(r, s, in->local_address);
	while (send_batch_add(&r->batches->out[CLIENT_TO_UPSTREAM], session_index(&r->table, s),
		   in, is_plain(r, s, CLIENT_TO_UPSTREAM), &connected) == -1)
		flush_to_upstream(r, s);
}

/*
 * Relay the run of buffers that starts at slot `i` and comes from one client.  Returns the
 * slot after it.
 */
static uint32_t
forward_run(struct relay *r, struct listener *l, uint32_t i, uint32_t n)
{
	uint64_t *oversize = &l->totals->drops[CLIENT_TO_UPSTREAM][DROP_OVERSIZE];
	const struct batches *b = r->batches;
	const struct session_key *key = &b->key[i];
	struct session *s = session_find_hashed(&r->table, key, b->hash[i]);
	struct received in;

	do {
		receive_batch_read(r->batches->in, i, &in);
		receive_queue_told(in.queue_drops, l->drops_seen,
		    &l->totals->receive_queue_drops[CLIENT_TO_UPSTREAM]);
		if (in.to_many)
			l->totals->drops[CLIENT_TO_UPSTREAM][DROP_SOURCE_DENIED] +=
			    datagrams_of(in.length, in.segment);
		else if (fits(r, &in, oversize)) {
			if (s == NULL)
				s = lifecycle_open(r, key, &in);
			if (s != NULL)
				collect_datagrams(r, s, &in);
		}
	} while (++i < n && is_same_client(b, i, i - 1));
	if (s != NULL && r->batches->out[CLIENT_TO_UPSTREAM].messages > 0)
		flush_to_upstream(r, s);
	return (i);
}

void
forward_from_listener(struct relay *r, struct listener *l)
{
	uint32_t i;
	int n;

	n = receive_batch_fill(r->batches->in, l->fd, 0);
	if (n == -1) {
		if (errno != EAGAIN && errno != EINTR)
			l->totals->errors[CLIENT_READ]++;
		n = 0;
	}
	if (receive_queue_was_long(
		r->batches->in, 0, (uint32_t)n, r->config.receive_buffer, &l->long_queue))
		receive_queue_ask(
		    l->fd, l->drops_seen, &l->totals->receive_queue_drops[CLIENT_TO_UPSTREAM]);
	look_up_clients(r, l, (uint32_t)n);
	for (i = 0; i < (uint32_t)n;)
		i = forward_run(r, l, i, (uint32_t)n);
}

/* ---- from the upstream ---- */

/* Of a batch of which so many messages were sent, while the buffer is short. */
static void
settle(struct listener *l, const struct send_batch *batch, uint32_t done)
{
	struct share_sent sent[SEND_BATCH_MESSAGES];
	uint32_t i;

	for (i = 0; i < done; i++)
		sent[i] = (struct share_sent){ batch->message[i].owner,
			share_cost(batch->message[i].length) };
	listeners_settle(l, sent, done);
}

static void
flush_to_clients(struct relay *r, struct listener *l)
{
	struct egress to = to_clients(r, l);
	struct send_batch *batch = &r->batches->out[UPSTREAM_TO_CLIENT];
	int was_short = l->share.is_short;
	uint32_t done;

	if (batch->messages == 0)
		return;
	if (was_short)
		listeners_look(l, 0);
	done = transmit(&to);
	if (was_short)
		settle(l, batch, done);
	else if (share_is_due(&l->share) || done < batch->messages)
		listeners_look(l, 0);
	if (done < batch->messages) {
		l->is_full = 1;
		listeners_watch_write(r, l);
		backlog_wait_for_clients(r, l, batch, done);
	}
	send_batch_clear(batch);
}

/* A reply that has to wait, behind those that have come before. */
static void
keep_reply(struct relay *r, struct session *s, struct received *in)
{
	struct listener *l = &r->listener[s->key.listener];
	struct send_batch *batch = &r->batches->out[UPSTREAM_TO_CLIENT];
	const struct destination nowhere = { 0, 0, 0 };
	int more;

	if (batch->messages > 0)
		flush_to_clients(r, l);
	do {
		more = send_batch_add(batch, session_index(&r->table, s), in, 0, &nowhere);
		backlog_wait_for_clients(r, l, batch, 0);
		send_batch_clear(batch);
	} while (more == -1);
}

/* Whether a reply has to wait while the buffer is short. */
static int
must_wait(
    const struct relay *r, const struct listener *l, const struct session *s, uint32_t length)
{
	uint32_t i = session_index(&r->table, s);

	return (
	    r->accounts[i].queue != NULL || !share_admits(&l->share, i, share_cost(length)));
}

/* What was on its way while sockets moved may come from where the upstream was. */
static int
from_upstream(const struct relay *r, const struct sockaddr_in6 *from)
{
	return (from->sin6_port == r->upstream.sin6_port &&
	    (IN6_ARE_ADDR_EQUAL(&from->sin6_addr, &r->upstream.sin6_addr) ||
		IN6_ARE_ADDR_EQUAL(&from->sin6_addr, &r->before.sin6_addr)));
}

/*
 * Drop what of a reply is more than the session may get before it is ASSURED: the end of a train,
 * or all.  Returns whether anything is left.
 */
static int
limit_reply(struct relay *r, struct session *s, struct received *in)
{
	uint32_t all = datagrams_of(in->length, in->segment);
	uint32_t n = session_allow_reply(&r->table, s, in->length, in->segment);

	session_totals(r, s)->drops[UPSTREAM_TO_CLIENT][DROP_AMPLIFICATION] += all - n;
	if (n > 0 && n < all) {
		in->length = n * in->segment;
		in->segment = n > 1 ? in->segment : 0;
	}
	return (n > 0);
}

static void
collect_reply(struct relay *r, struct session *s, uint32_t i)
{
	struct listener *l = &r->listener[s->key.listener];
	struct listener_totals *totals = l->totals;
	struct destination to = { s->key.client_address, s->key.client_port, s->local_address };
	struct send_batch *batch = &r->batches->out[UPSTREAM_TO_CLIENT];
	struct received in;
	int left;

	receive_batch_read(r->batches->in, i, &in);
	if (!from_upstream(r, &r->batches->in->name[i].in6)) {
		totals->drops[UPSTREAM_TO_CLIENT][DROP_SOURCE_DENIED] +=
		    datagrams_of(in.length, in.segment);
		return;
	}
	receive_queue_told(in.queue_drops, &r->drops_seen[s->slot],
	    &totals->receive_queue_drops[UPSTREAM_TO_CLIENT]);
	r->totals->upstream_last_reply = r->now;
	left = fits(r, &in, &totals->drops[UPSTREAM_TO_CLIENT][DROP_OVERSIZE]);
	/* Who is to get nothing of it has nothing to answer to: it is no step to ASSURED. */
	if (r->config.amplification_limit > 0 && left && !limit_reply(r, s, &in))
		return;
	lifecycle_upstream_spoke(r, s);
	if (!left)
		return;
	if (share_is_due(&l->share))
		flush_to_clients(r, l);
	if (l->share.is_short && must_wait(r, l, s, in.length)) {
		keep_reply(r, s, &in);
		return;
	}
	l->share.unseen += share_cost(in.length);
	while (send_batch_add(batch, session_index(&r->table, s), &in,
		   is_plain(r, s, UPSTREAM_TO_CLIENT), &to) == -1)
		flush_to_clients(r, l);
}

/* Take some of what is there without looking at it; with `flags` as of recvmsg(2). */
static void
discard(int fd, int flags)
{
	struct msghdr mh;
	int i;

	for (i = 0; i < RECEIVE_BATCH_SLOTS; i++) {
		memset(&mh, 0, sizeof(mh));
		if (recvmsg(fd, &mh, MSG_DONTWAIT | flags) == -1)
			return;
	}
}

/* Receive from a session's socket into the slots from `used` on.  Returns how many it took. */
static uint32_t
collect(struct relay *r, struct session *s, uint32_t used)
{
	struct listener_totals *totals = session_totals(r, s);
	uint32_t i;
	int n;

	__builtin_prefetch(session_counters(&r->table, s), 1);
	n = receive_batch_fill(r->batches->in, s->fd, used);
	if (n == -1) {
		/* An ICMP error: counted and survived; what is behind it comes next turn. */
		if (errno != EAGAIN && errno != EINTR) {
			totals->errors[UPSTREAM_READ]++;
			trouble_failed(r, errno);
		}
		n = 0;
	}
	if (receive_queue_was_long(r->batches->in, used, (uint32_t)n, r->config.receive_buffer,
		&r->sockets[s->slot].long_queue))
		receive_queue_ask(s->fd, &r->drops_seen[s->slot],
		    &totals->receive_queue_drops[UPSTREAM_TO_CLIENT]);
	for (i = used; i < used + (uint32_t)n; i++)
		collect_reply(r, s, i);
	return ((uint32_t)n);
}

uint32_t
forward_from_upstream(struct relay *r, const struct epoll_event *events, int n)
{
	struct listener *l = NULL, *mine;
	struct session *s;
	uint32_t slot, received, used = 0, all = 0;
	int i;

	for (i = 0; i < n; i++) {
		if (socket_pool_find(r, events[i].data.u64, &slot, &s) == -1)
			continue;
		if (s == NULL) {
			/* Late, and meant for nobody. */
			discard(r->sockets[slot].fd, 0);
			if (events[i].events & EPOLLERR)
				discard(r->sockets[slot].fd, MSG_ERRQUEUE);
			continue;
		}
		if (events[i].events & EPOLLOUT)
			send_session_queue(r, s);
		if (!(events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
			continue;
		mine = &r->listener[s->key.listener];
		if (l != NULL && (l != mine || used == RECEIVE_BATCH_SLOTS)) {
			flush_to_clients(r, l);
			used = 0;
		}
		l = mine;
		received = collect(r, s, used);
		/* The error was taken; until its datagram is, too, the socket would stay ready. */
		if (events[i].events & EPOLLERR)
			discard(s->fd, MSG_ERRQUEUE);
		used += received;
		all += received;
	}
	if (l != NULL)
		flush_to_clients(r, l);
	return (all);
}
