#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "relay/queue.h"

void
queue_pool_init(struct queue_pool *pool)
{
	/* An empty list is a null pointer. */
	memset(pool, 0, sizeof(*pool));
	pool->deadline = NEVER;
}

static void
gather(unsigned char *to, const struct iovec *iov, uint32_t buffers)
{
	for (; buffers > 0; buffers--, iov++) {
		memcpy(to, iov->iov_base, iov->iov_len);
		to += iov->iov_len;
	}
}

/* The queue gets so many units; without any it has no peers. */
static void
set_units(struct queue_pool *pool, struct queue *q, uint32_t units)
{
	struct queue_list *peers = &pool->of_length[units];

	pool->units[q->owner.wait] += units - q->units;
	if (q->owner.wait == WAIT_SOCKET) {
		pool->group_units[q->owner.group] += units - q->units;
		peers = &pool->of_group[q->owner.group];
	} else if (units > pool->longest)
		pool->longest = units;
	if (q->units > 0)
		LIST_REMOVE(q, peer);
	if (units > 0)
		LIST_INSERT_HEAD(peers, q, peer);
	q->units = units;
}

static struct queue *
queue_new(struct queue_pool *pool, const struct queue_owner *owner)
{
	struct queue *q;

	if ((q = malloc(sizeof(*q))) == NULL)
		return (NULL);
	STAILQ_INIT(&q->datagrams);
	q->units = 0;
	q->probe_at = q->probe_wait = 0;
	q->owner = *owner;
	LIST_INSERT_HEAD(&pool->queues, q, entry);
	pool->count[owner->wait]++;
	return (q);
}

int
queue_append(struct queue_pool *pool, struct queue **queue, const struct queue_owner *owner,
    const struct datagram *head, const struct iovec *iov, uint32_t buffers)
{
	enum queue_wait wait = *queue != NULL ? (*queue)->owner.wait : owner->wait;
	uint32_t units = queue_units(head->length);
	struct datagram *d;

	if (*queue != NULL && (*queue)->units + units > QUEUE_UNITS) {
		errno = ENOMEM;
		return (-1);
	}
	if (pool->units[wait] + units > QUEUE_POOL_UNITS) {
		errno = ENOBUFS;
		return (-1);
	}
	if ((d = malloc(sizeof(*d) + head->length)) == NULL)
		return (-1);
	if (*queue == NULL && (*queue = queue_new(pool, owner)) == NULL) {
		free(d);
		return (-1);
	}
	*d = *head;
	gather(d->payload, iov, buffers);
	STAILQ_INSERT_TAIL(&(*queue)->datagrams, d, entry);
	set_units(pool, *queue, (*queue)->units + units);
	pool->deadline = clock_earlier(pool->deadline, d->deadline);
	return (0);
}

struct queue *
queue_longest(struct queue_pool *pool, enum queue_wait wait)
{
	uint32_t i, group = 0;

	if (wait == WAIT_ROOM) {
		while (pool->longest > 0 && LIST_EMPTY(&pool->of_length[pool->longest]))
			pool->longest--;
		return (LIST_FIRST(&pool->of_length[pool->longest]));
	}
	for (i = 1; i < QUEUE_GROUPS; i++)
		if (pool->group_units[i] > pool->group_units[group])
			group = i;
	return (LIST_FIRST(&pool->of_group[group]));
}

uint32_t
queue_load(
    const struct queue_pool *pool, const struct queue *queue, const struct queue_owner *owner)
{
	if (queue != NULL)
		owner = &queue->owner;
	if (owner->wait == WAIT_SOCKET)
		return (pool->group_units[owner->group]);
	return (queue == NULL ? 0 : queue->units);
}

void
queue_remove_first(struct queue_pool *pool, struct queue **queue)
{
	struct queue *q = *queue;
	struct datagram *d = STAILQ_FIRST(&q->datagrams);

	STAILQ_REMOVE_HEAD(&q->datagrams, entry);
	set_units(pool, q, q->units - queue_units(d->length));
	free(d);
	if (STAILQ_EMPTY(&q->datagrams)) {
		LIST_REMOVE(q, entry);
		pool->count[q->owner.wait]--;
		free(q);
		*queue = NULL;
	}
	if (LIST_EMPTY(&pool->queues))
		pool->deadline = NEVER;
}

void
queue_keep_last(struct queue_pool *pool, struct queue *queue, uint32_t bytes)
{
	struct datagram *d = STAILQ_FIRST(&queue->datagrams);

	memmove(d->payload, d->payload + d->length - bytes, bytes);
	set_units(pool, queue, queue->units - queue_units(d->length) + queue_units(bytes));
	d->length = bytes;
	if (d->length <= d->segment)
		d->segment = 0;
}

void
queue_pool_update(struct queue_pool *pool)
{
	const struct queue *q;

	pool->deadline = NEVER;
	LIST_FOREACH(q, &pool->queues, entry)
		pool->deadline = clock_earlier(pool->deadline, queue_first(q)->deadline);
}
