#ifndef RELAY_SHARE_H
#define RELAY_SHARE_H

#include <stdint.h>

/*
 * A listener has one send buffer, and all its clients share it.  What waits for a slow path or for
 * a neighbour stays there, and the kernel tells only how much that is in all, not whose.
 *
 * While less than an eighth of the buffer is taken, nobody is asked for anything, and the kernel
 * only now and then: when as much may have come to it.  Beyond, the buffer is short, and looked at
 * before and after each send.  What a send leaves behind belongs to those that it was for, to the
 * largest first: it is their charge.  Whose datagrams have all passed has no charge, whatever was
 * thought before, since a client's datagrams pass in order.  What has passed between two sends is
 * credited to those first who do not wait, then to the others in turn.
 *
 * A client may have as much of the buffer as is left of three quarters of it, so that many share it
 * equally, and the last quarter stays free for those who have no charge.
 *
 * Credit may go to the wrong one: what passes may be another's who is as slow.  So one that waits
 * although it has no room is probed now and then: a datagram is sent to it nevertheless, and if that
 * passes at once, its path is free, it has no charge any more, and credit is first of all its own.
 */

struct queue;

/* What a session has of its listener's send buffer.  All zero is a session that has nothing. */
struct account {
	struct queue *queue;  /* its replies that wait, or NULL */
	uint32_t charge : 31; /* bytes of the buffer that are taken to be its */
	uint32_t is_slow : 1; /* the last that was sent to it while short stayed behind */
	uint32_t next;	      /* in the members of its share: see share.c */
};
_Static_assert(sizeof(struct account) == 16, "what a session costs more");

struct share {
	struct account *accounts; /* by index of the session */
	uint32_t buffer;	  /* bytes, as of SO_MEMINFO */
	uint32_t outstanding;	  /* of it, when looked at last */
	uint32_t unseen;	  /* may be added since, at most */
	uint32_t drained;	  /* not credited yet */
	uint32_t first, last;	  /* members: accounts with a charge or a queue */
	uint32_t members;
	uint32_t favourite; /* the last that had waited and passed, or NONE */
	int is_short;
};

/* What was sent to a session. */
struct share_sent {
	uint32_t session;
	uint32_t cost;
};

void share_init(struct share *share, struct account *accounts);

/*
 * The most that a message of so many bytes takes of a send buffer, which counts the memory that the
 * kernel uses for it.
 */
static inline uint32_t
share_cost(uint32_t bytes)
{
	return (2 * bytes + 1024);
}

/* Whether enough may have been added that the buffer should be looked at. */
static inline int
share_is_due(const struct share *share)
{
	return (share->unseen >= share->buffer / 8);
}

/* Take note of what the kernel says.  `all`: credit whatever was drained. */
void share_look(struct share *share, uint32_t buffer, uint32_t outstanding, int all);

/*
 * Take note of what it says right after these n messages were sent, each of which takes at most
 * its cost.  Changes `sent`.
 */
void share_settle(
    struct share *share, struct share_sent *sent, uint32_t n, uint32_t outstanding);

/* Whether a message of this cost may be sent to the session now, as a whole. */
int share_admits(const struct share *share, uint32_t session, uint32_t cost);

/*
 * How much of a message may be sent to the session, which waits: bytes, of datagrams of this size.
 * `burst` datagrams, if it is one that is not slow.  Returns -1 if nothing.
 */
int64_t share_portion(const struct share *share, uint32_t session, uint32_t length,
    uint32_t size, uint32_t burst);

/*
 * Whether a datagram of this size may be sent to the session, which waits, as a probe; if so, it is
 * one.  `now` is clock_now().
 */
int share_probe(struct share *share, uint32_t session, uint32_t size, int64_t now);

/* The session has got something that waits, so it is a member, and the buffer short. */
void share_join(struct share *share, uint32_t session);

/* The next member, each in turn, of whom there must be one; it stays if it has still a reason. */
uint32_t share_next(struct share *share);

/* The session ends. */
void share_leave(struct share *share, uint32_t session);

#endif
