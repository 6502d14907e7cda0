#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "relay/queue.h"

void
queue_pool_init(struct queue_pool *pool)
{
	memset(pool, 0, sizeof(*pool));
	LIST_INIT(&pool->queues);
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

int
queue_append(struct queue_pool *pool, struct queue **queue, const struct queue_owner *owner,
    const struct datagram *head, const struct iovec *iov, uint32_t buffers)
{
	struct datagram *d = NULL;
	struct queue *q = *queue;

	if (pool->count[head->wait] >= QUEUE_POOL_DATAGRAMS ||
	    pool->bytes[head->wait] + head->length > QUEUE_POOL_BYTES ||
	    (q != NULL && q->count >= QUEUE_DATAGRAMS))
		goto full;
	if ((d = malloc(sizeof(*d) + head->length)) == NULL)
		goto full;
	if (q == NULL) {
		if ((q = malloc(sizeof(*q))) == NULL)
			goto full;
		STAILQ_INIT(&q->datagrams);
		q->count = 0;
		q->owner = *owner;
		LIST_INSERT_HEAD(&pool->queues, q, entry);
		*queue = q;
	}
	*d = *head;
	gather(d->payload, iov, buffers);
	STAILQ_INSERT_TAIL(&q->datagrams, d, entry);
	q->count++;
	pool->count[d->wait]++;
	pool->bytes[d->wait] += d->length;
	pool->deadline = clock_earlier(pool->deadline, d->deadline);
	return (0);
full:
	free(d);
	errno = ENOBUFS;
	return (-1);
}

void
queue_remove_first(struct queue_pool *pool, struct queue **queue)
{
	struct queue *q = *queue;
	struct datagram *d = STAILQ_FIRST(&q->datagrams);

	STAILQ_REMOVE_HEAD(&q->datagrams, entry);
	pool->count[d->wait]--;
	pool->bytes[d->wait] -= d->length;
	free(d);
	if (--q->count == 0) {
		LIST_REMOVE(q, entry);
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
	pool->bytes[d->wait] -= d->length - bytes;
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
