#ifndef RELAY_QUEUE_H
#define RELAY_QUEUE_H

#include <sys/queue.h>
#include <sys/uio.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Datagrams that cannot be sent now.  All queues of a relay share one pool, in which those that
 * wait for a socket and those that wait for room in one have bounds of their own: slow sessions
 * must not shut out new ones.  Each queue has a bound, too, so that no slow one takes it all.
 */
#define QUEUE_POOL_DATAGRAMS 1024
#define QUEUE_POOL_BYTES (16 << 20)
#define QUEUE_DATAGRAMS 128

/* What a datagram waits for. */
enum queue_wait {
	WAIT_ROOM,   /* in the send buffer of its session's socket, or of its listener */
	WAIT_SOCKET, /* a socket for its session */
	WAIT_MAX
};

struct datagram {
	STAILQ_ENTRY(datagram) entry;
	int64_t deadline;	 /* clock_now() after which it is dropped */
	uint32_t session;	 /* index that it is counted for, or NONE once that is closed */
	uint32_t client_address; /* where it goes to, in the client's direction */
	uint32_t local_address;	 /* and where it leaves from */
	uint32_t length;
	uint32_t segment; /* of a train: size of each datagram but the last; else 0 */
	uint16_t client_port;
	uint8_t tos;
	uint8_t wait; /* enum queue_wait, as of when it came */
	unsigned char payload[];
};

/* Whose send buffer a queue waits for: a session's socket, or a listener. */
struct queue_owner {
	uint32_t session; /* index, or NONE */
	uint32_t listener;
};

struct queue {
	LIST_ENTRY(queue) entry;
	STAILQ_HEAD(, datagram) datagrams;
	uint32_t count;
	struct queue_owner owner;
};

struct queue_pool {
	LIST_HEAD(, queue) queues;
	uint32_t count[WAIT_MAX];
	size_t bytes[WAIT_MAX];
	int64_t deadline; /* no datagram's is earlier; NEVER when there is none */
};

void queue_pool_init(struct queue_pool *pool);

/*
 * Append a copy of `head` with its payload (head->length bytes in all buffers) to *queue, which
 * is made for `owner` if it is NULL.  Returns 0, or -1 when a bound is reached or memory is
 * short (ENOBUFS).
 */
int queue_append(struct queue_pool *pool, struct queue **queue, const struct queue_owner *owner,
    const struct datagram *head, const struct iovec *iov, uint32_t buffers);

/* The first datagram; a queue that exists has one. */
static inline struct datagram *
queue_first(const struct queue *queue)
{
	return (STAILQ_FIRST(&queue->datagrams));
}

/* Drop the first datagram.  With the last one the queue goes, and *queue becomes NULL. */
void queue_remove_first(struct queue_pool *pool, struct queue **queue);

/* Only the last `bytes` of the first datagram, a train, are still to be sent. */
void queue_keep_last(struct queue_pool *pool, struct queue *queue, uint32_t bytes);

/* Compute the pool's deadline anew, after the expired ones are gone. */
void queue_pool_update(struct queue_pool *pool);

#endif
