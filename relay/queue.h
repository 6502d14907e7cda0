#ifndef RELAY_QUEUE_H
#define RELAY_QUEUE_H

#include <sys/queue.h>
#include <sys/uio.h>
#include <stddef.h>
#include <stdint.h>

#include "common/totals.h"

/*
 * Datagrams that cannot be sent now.  All queues of a relay share one pool, in which those that
 * wait for a socket and those that wait for room in one have bounds of their own: slow sessions
 * must not shut out new ones.  Each queue has a bound, too; and where there is no room left, it is
 * the longest queue that gives way.  Of those that wait for a socket, which are many and short, the
 * queues of a group (of an address) count together.
 *
 * Lengths are in units of memory: one for a datagram, and one more for each QUEUE_UNIT bytes.
 * So the bound of a pool is one of datagrams and of bytes, 16 MiB.
 */
#define QUEUE_UNIT 16384
#define QUEUE_POOL_UNITS 1024
#define QUEUE_UNITS 128

/* What the datagrams of a queue wait for, or waited for when it began. */
enum queue_wait {
	WAIT_ROOM,   /* in the send buffer of its session's socket, or of its listener */
	WAIT_SOCKET, /* a socket for its session */
	WAIT_MAX
};

struct datagram {
	STAILQ_ENTRY(datagram) entry;
	int64_t deadline; /* clock_now() after which it is dropped */
	uint32_t length;
	uint32_t segment; /* of a train: size of each datagram but the last; else 0 */
	uint8_t tos;
	unsigned char payload[];
};

#define QUEUE_GROUPS 256

/* Whose datagrams they are. */
struct queue_owner {
	uint32_t session; /* index */
	enum direction direction;
	enum queue_wait wait;
	uint8_t group; /* with WAIT_SOCKET */
};

struct queue {
	LIST_ENTRY(queue) entry;
	LIST_ENTRY(queue) peer; /* of the same length, or group */
	STAILQ_HEAD(, datagram) datagrams;
	uint32_t units;
	struct queue_owner owner;
	int64_t probe_at, probe_wait; /* see share_probe() */
};

LIST_HEAD(queue_list, queue);

struct queue_pool {
	struct queue_list queues;
	int64_t deadline; /* no datagram's is earlier; NEVER when there is none */
	uint32_t units[WAIT_MAX];
	uint32_t count[WAIT_MAX];		      /* queues */
	struct queue_list of_length[QUEUE_UNITS + 1]; /* those that wait for room */
	uint32_t longest;			      /* none of these is longer */
	struct queue_list of_group[QUEUE_GROUPS];     /* those that wait for a socket */
	uint32_t group_units[QUEUE_GROUPS];
};

void queue_pool_init(struct queue_pool *pool);

/* What a datagram or train of so many bytes takes. */
static inline uint32_t
queue_units(uint32_t length)
{
	return (1 + length / QUEUE_UNIT);
}

/*
 * Append a copy of `head` with its payload (head->length bytes in all buffers) to *queue, which
 * is made for `owner` if it is NULL.  Returns 0, or -1 with errno ENOBUFS when the pool is full,
 * ENOMEM when the queue is, or memory is short.
 */
int queue_append(struct queue_pool *pool, struct queue **queue, const struct queue_owner *owner,
    const struct datagram *head, const struct iovec *iov, uint32_t buffers);

/* The longest queue of those that wait for this, or of their longest group; NULL: there is none. */
struct queue *queue_longest(struct queue_pool *pool, enum queue_wait wait);

/* What this owner's queue (NULL: it has none yet), or its group, has of the pool, in units. */
uint32_t queue_load(
    const struct queue_pool *pool, const struct queue *queue, const struct queue_owner *owner);

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
