/*
 * What has to wait: for a socket for its session, or for room in the send buffer of that or of
 * the listener.  Each session has a queue in each direction.  Once one datagram has to wait, those
 * that follow wait behind it.
 *
 * Where there is no room left to wait, the longest queue loses its first datagram, unless it is the
 * one that wants more.  The same of newcomers' addresses: they are many, and their queues short.
 */
#include <errno.h>

#include "common/clock.h"
#include "relay/backlog.h"
#include "relay/listeners.h"
#include "relay/receive_batch.h"
#include "relay/relay.h"
#include "relay/send_batch.h"
#include "relay/socket_pool.h"

static struct queue **
queue_of(struct relay *r, const struct queue_owner *owner)
{
	return (owner->direction == CLIENT_TO_UPSTREAM
		? &r->table.sessions[owner->session].queue
		: &r->accounts[owner->session].queue);
}

/* Drop the first datagram of a queue. */
static void
drop_first(struct relay *r, const struct queue *q, enum drop_reason reason)
{
	const struct queue_owner owner = q->owner;
	struct session *s = &r->table.sessions[owner.session];
	const struct datagram *d = queue_first(q);

	r->listener[s->key.listener].totals->drops[owner.direction][reason] +=
	    datagrams_of(d->length, d->segment);
	queue_remove_first(&r->queues, queue_of(r, &owner));
	if (owner.direction == CLIENT_TO_UPSTREAM)
		socket_pool_watch_write(r, s);
}

static enum drop_reason
full(enum queue_wait wait)
{
	return (wait == WAIT_SOCKET ? DROP_SESSION_UNAVAILABLE : DROP_QUEUE_FULL);
}

/* The queue that gives way to one that has so much of the pool, or NULL. */
static struct queue *
victim(struct relay *r, enum queue_wait wait, uint32_t load)
{
	struct queue *q = queue_longest(&r->queues, wait);

	return (q != NULL && queue_load(&r->queues, q, NULL) > load ? q : NULL);
}

/* Put a message of a batch into its owner's queue, or drop it if that is full. */
static void
wait_in(struct relay *r, const struct queue_owner *owner, struct datagram *head,
    const struct send_batch *batch, uint32_t i)
{
	const struct session *s = &r->table.sessions[owner->session];
	const struct message *m = &batch->message[i];
	struct queue **queue = queue_of(r, owner), *q;
	/* Who has got a socket meanwhile may still be among those who wait for one. */
	enum queue_wait wait = *queue != NULL ? (*queue)->owner.wait : owner->wait;

	head->length = m->length;
	head->segment = m->segment;
	head->tos = m->tos;
	while (queue_append(
		   &r->queues, queue, owner, head, &batch->iov[m->buffer], m->buffers) == -1) {
		q = errno != ENOBUFS
		    ? NULL
		    : victim(r, wait,
			  queue_load(&r->queues, *queue, owner) + queue_units(m->length));
		if (q == NULL) {
			r->listener[s->key.listener]
			    .totals->drops[owner->direction][full(owner->wait)] +=
			    datagrams_of(m->length, m->segment);
			return;
		}
		drop_first(r, q, full(wait));
	}
}

/* Which of the groups an address is in, nobody else can tell. */
static uint8_t
group_of(const struct relay *r, const struct session_key *key)
{
	const struct session_key address = { .client_address = key->client_address };

	return ((uint8_t)(session_hash(&r->table, &address) % QUEUE_GROUPS));
}

int
backlog_has_room(struct relay *r, const struct session_key *key)
{
	const struct queue_owner owner = { .wait = WAIT_SOCKET, .group = group_of(r, key) };

	return (r->queues.units[WAIT_SOCKET] < QUEUE_POOL_UNITS ||
	    victim(r, WAIT_SOCKET, queue_load(&r->queues, NULL, &owner) + 1) != NULL);
}

void
backlog_wait_for_upstream(
    struct relay *r, struct session *s, const struct send_batch *batch, uint32_t i)
{
	struct queue_owner owner = { .session = session_index(&r->table, s),
		.direction = CLIENT_TO_UPSTREAM };
	struct datagram head = { .deadline = clock_after(r->now, r->config.write_timeout) };

	if (i == batch->messages)
		return;
	if (s->fd == -1) {
		owner.wait = WAIT_SOCKET;
		owner.group = group_of(r, &s->key);
		head.deadline = s->opened + SOCKET_WAIT_MAX;
	}
	for (; i < batch->messages; i++)
		wait_in(r, &owner, &head, batch, i);
	socket_pool_watch_write(r, s);
}

void
backlog_wait_for_clients(
    struct relay *r, struct listener *l, const struct send_batch *batch, uint32_t i)
{
	struct queue_owner owner = { .direction = UPSTREAM_TO_CLIENT };
	struct datagram head = { .deadline = clock_after(r->now, r->config.write_timeout) };

	if (i == batch->messages)
		return;
	for (; i < batch->messages; i++) {
		owner.session = batch->message[i].owner;
		wait_in(r, &owner, &head, batch, i);
		share_join(&l->share, owner.session);
	}
	listeners_replies_due(r, l);
}

/* Drop all that waits in a queue. */
static void
discard(struct relay *r, struct queue *const *queue, enum drop_reason reason)
{
	while (*queue != NULL)
		drop_first(r, *queue, reason);
}

void
backlog_discard(struct relay *r, struct session *s, enum drop_reason reason)
{
	uint32_t i = session_index(&r->table, s);

	discard(r, &s->queue, reason);
	discard(r, &r->accounts[i].queue, DROP_WRITE_TIMEOUT);
	share_leave(&r->listener[s->key.listener].share, i);
}

void
backlog_drop_upstream(struct relay *r, struct session *s)
{
	discard(r, &s->queue, DROP_UPSTREAM_UNREACHABLE);
}

static void
expire_queue(struct relay *r, struct queue *q)
{
	const struct queue_owner owner = q->owner;
	int has_socket = r->table.sessions[owner.session].fd != -1;
	struct queue *const *queue = queue_of(r, &owner);

	while (*queue != NULL && queue_first(*queue)->deadline <= r->now)
		drop_first(
		    r, *queue, has_socket ? DROP_WRITE_TIMEOUT : DROP_SESSION_UNAVAILABLE);
}

void
backlog_expire(struct relay *r)
{
	struct queue *q, *next;

	if (r->now < r->queues.deadline)
		return;
	LIST_FOREACH_SAFE(q, &r->queues.queues, entry, next)
		expire_queue(r, q);
	queue_pool_update(&r->queues);
}
