/*
 * What has to wait: for a socket for its session, or for room in the send buffer of that or of
 * the listener.  Once one datagram has to wait, those that follow in its direction wait behind it.
 */
#include "common/clock.h"
#include "relay/backlog.h"
#include "relay/listeners.h"
#include "relay/receive_batch.h"
#include "relay/relay.h"
#include "relay/send_batch.h"
#include "relay/socket_pool.h"

/*
 * Put a message of a batch into a queue.  Returns how many datagrams were dropped because that
 * is full.
 */
static uint32_t
wait_in(struct relay *r, struct queue **queue, const struct queue_owner *owner,
    struct datagram *head, const struct send_batch *batch, uint32_t i)
{
	const struct message *m = &batch->message[i];

	head->length = m->length;
	head->segment = m->segment;
	head->tos = m->tos;
	if (queue_append(&r->queues, queue, owner, head, &batch->iov[m->buffer], m->buffers) ==
	    0)
		return (0);
	return (datagrams_of(m->length, m->segment));
}

void
backlog_wait_for_upstream(
    struct relay *r, struct session *s, const struct send_batch *batch, uint32_t i)
{
	const struct queue_owner owner = { session_index(&r->table, s), s->key.listener };
	enum drop_reason reason = s->fd == -1 ? DROP_SESSION_UNAVAILABLE : DROP_QUEUE_FULL;
	struct datagram head = {
		.wait = s->fd == -1 ? WAIT_SOCKET : WAIT_ROOM,
		.deadline = s->fd == -1 ? s->opened + SOCKET_WAIT_MAX
					: clock_after(r->now, r->config.write_timeout),
		.session = owner.session,
	};

	for (; i < batch->messages; i++)
		r->listener[owner.listener].totals->drops[CLIENT_TO_UPSTREAM][reason] +=
		    wait_in(r, &s->queue, &owner, &head, batch, i);
	socket_pool_watch_write(r, s);
}

void
backlog_wait_for_clients(
    struct relay *r, struct listener *l, const struct send_batch *batch, uint32_t i)
{
	const struct queue_owner owner = { NONE, (uint32_t)(l - r->listener) };
	struct datagram head = { .deadline = clock_after(r->now, r->config.write_timeout) };
	const struct session *s;

	for (; i < batch->messages; i++) {
		s = &r->table.sessions[batch->message[i].owner];
		head.session = batch->message[i].owner;
		head.client_address = s->key.client_address;
		head.client_port = s->key.client_port;
		head.local_address = s->local_address;
		l->totals->drops[UPSTREAM_TO_CLIENT][DROP_QUEUE_FULL] +=
		    wait_in(r, &l->queue, &owner, &head, batch, i);
	}
	listeners_watch_write(r, l);
}

void
backlog_discard(struct relay *r, struct session *s, enum drop_reason reason)
{
	struct listener *l = &r->listener[s->key.listener];
	struct datagram *d;

	while (s->queue != NULL) {
		d = queue_first(s->queue);
		l->totals->drops[CLIENT_TO_UPSTREAM][reason] +=
		    datagrams_of(d->length, d->segment);
		queue_remove_first(&r->queues, &s->queue);
	}
	if (l->queue != NULL)
		STAILQ_FOREACH(d, &l->queue->datagrams, entry)
			if (d->session == session_index(&r->table, s))
				d->session = NONE;
}

static void
expire_queue(struct relay *r, struct queue *q)
{
	struct session *s =
	    q->owner.session == NONE ? NULL : &r->table.sessions[q->owner.session];
	struct listener *l = &r->listener[q->owner.listener];
	struct queue **owner = s != NULL ? &s->queue : &l->queue;
	enum direction direction = s != NULL ? CLIENT_TO_UPSTREAM : UPSTREAM_TO_CLIENT;
	enum drop_reason reason =
	    s != NULL && s->fd == -1 ? DROP_SESSION_UNAVAILABLE : DROP_WRITE_TIMEOUT;
	const struct datagram *d;

	while (*owner != NULL && (d = queue_first(*owner))->deadline <= r->now) {
		l->totals->drops[direction][reason] += datagrams_of(d->length, d->segment);
		queue_remove_first(&r->queues, owner);
	}
	if (s != NULL)
		socket_pool_watch_write(r, s);
	else
		listeners_watch_write(r, l);
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
