/*
 * The upstream sockets of a relay's pool.
 *
 * The relay does not ask for sockets: the size of its pool follows from what was handed out and
 * what records have come.  It is small at rest, for each socket has a port that other programs
 * may want, grows while newcomers use it up fast, and is taken back when they no longer do: the
 * relay closes so many that serve nobody, for it alone knows which those are.  A socket that has
 * served is closed, and its port rests, so that nothing late reaches a stranger.  The relay keeps
 * --new-session-rate by itself; sockets are limited to the same rate here, so that one that lies
 * cannot use up ports faster than they can rest.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/endpoint.h"
#include "common/log.h"
#include "supervisor/upstream_pool.h"

/*
 * The pool is filled up when a quarter of it is gone: larger batches cost less.  If that took
 * less than a second, it grows fourfold, so that then it takes less than four; it is as at rest
 * again if it takes more than ten.
 */
#define POOL_LOW(target) ((target)*3 / 4)
#define POOL_FAST SECOND
#define POOL_GROWTH 4
#define POOL_CALM (10 * SECOND)
_Static_assert(POOL_LOW(POOL_MAX) < MSG_FDS_MAX, "one batch is enough for now");

/* Sockets were to be had for so long since they were not: that is over. */
#define EXHAUSTED_CALM (10 * SECOND)

/* After a failure, so that failing costs next to nothing. */
#define RETRY_EXHAUSTED (100 * MILLISECOND)
#define RETRY_UNREACHABLE SECOND
#define RETRY_LIMITED (10 * MILLISECOND)

/* Ports of other programs that are tried before giving up for now: about 2 ms of work. */
#define BUSY_PORTS_MAX 1024

void
upstream_pool_close(struct keeper *k, uint32_t slot, int64_t now)
{
	ports_return(k->ports, k->store.slots[slot].port, now);
	close(store_remove(&k->store, slot));
}

void
upstream_pool_closed(struct keeper *k, uint32_t slot, int64_t now)
{
	uint16_t port = k->store.slots[slot].port;

	if (k->supply == SUPPLY_EXHAUSTED)
		k->freed++;
	/* Each that rests has just been tried, and is another program's. */
	if (k->supply == SUPPLY_EXHAUSTED && k->refused == EADDRINUSE) {
		close(store_remove(&k->store, slot));
		ports_untake(k->ports, port);
	} else
		upstream_pool_close(k, slot, now);
}

static int
hand_out(struct keeper *k)
{
	struct msg_socket sockets[MSG_FDS_MAX];
	int fds[MSG_FDS_MAX];
	uint32_t i;

	if (k->nunsent == 0)
		return (0);
	for (i = 0; i < k->nunsent; i++) {
		sockets[i] = store_socket(&k->store, k->unsent[i]);
		fds[i] = k->store.slots[k->unsent[i]].fd;
	}
	if (msg_send(k->child->control, MSG_SOCKETS, sockets, k->nunsent, fds,
		(int)k->nunsent) == -1)
		return (-1);
	for (i = 0; i < k->nunsent; i++)
		store_set(&k->store, k->unsent[i], SLOT_POOLED);
	log_debug("sockets handed out", "child=%s count=%u pool=%u open=%u", k->child->name,
	    k->nunsent, k->store.count[SLOT_POOLED], k->store.count[SLOT_OPEN]);
	k->nunsent = 0;
	return (0);
}

static int
tell_supply(struct keeper *k)
{
	struct msg_supply message = { k->supply };

	if (k->supply_told == k->supply)
		return (0);
	if (msg_send(k->child->control, MSG_SUPPLY, &message, 1, NULL, 0) == -1)
		return (-1);
	k->supply_told = k->supply;
	return (0);
}

/* One record of an episode's begin and one of its end, though sockets come and go one by one. */
static void
say_exhausted(struct keeper *k, int error)
{
	k->available_at = NEVER;
	if (k->exhausted)
		return;
	k->exhausted = 1;
	log_warn("upstream sockets exhausted", "child=%s open=%u error=%s", k->child->name,
	    k->store.count[SLOT_OPEN], strerror(error));
}

static void
say_available(struct keeper *k, int64_t now)
{
	if (now < k->available_at)
		return;
	k->available_at = NEVER;
	k->exhausted = 0;
	log_info("upstream sockets available", "child=%s open=%u", k->child->name,
	    k->store.count[SLOT_OPEN]);
}

void
upstream_pool_supply(struct keeper *k, enum supply supply, int error, int64_t now)
{
	if (supply == k->supply && error == k->refused)
		return;
	if (supply == SUPPLY_UNREACHABLE)
		outage_no_route(k->outage, k->child->name, k->upstream, error, now);
	else if (supply == SUPPLY_OK && k->supply == SUPPLY_UNREACHABLE)
		outage_has_route(k->outage, k->upstream, now);
	if (supply == SUPPLY_EXHAUSTED)
		say_exhausted(k, error);
	else if (supply == SUPPLY_OK && k->exhausted)
		k->available_at = now + EXHAUSTED_CALM;
	k->supply = supply;
	k->refused = error;
}

/* Make one more socket.  Returns 0, or -1 with errno; EADDRINUSE when no port is to be had. */
static int
make_socket(struct keeper *k, int64_t now)
{
	uint32_t tries = k->ports->nfree + k->ports->resting->count;
	uint16_t port;
	int fd;

	if (tries > BUSY_PORTS_MAX)
		tries = BUSY_PORTS_MAX;
	for (; tries > 0; tries--) {
		port = ports_take(k->ports, now);
		if ((fd = upstream_open(k->upstream, port)) != -1) {
			k->unsent[k->nunsent++] = store_add(&k->store, fd, port);
			return (0);
		}
		if (errno != EADDRINUSE) {
			ports_untake(k->ports, port);
			return (-1);
		}
		/* Another program's: perhaps free later. */
		ports_return(k->ports, port, now);
	}
	errno = EADDRINUSE;
	return (-1);
}

static uint32_t
pool_size(const struct keeper *k)
{
	return (k->store.count[SLOT_POOLED] + k->nunsent);
}

/* No socket is to be had, or no way to the upstream: try again later. */
static void
refused(struct keeper *k, int error, int64_t now)
{
	if (!upstream_is_exhaustion(error)) {
		k->retry_at = now + RETRY_UNREACHABLE;
		upstream_pool_supply(k, SUPPLY_UNREACHABLE, error, now);
		return;
	}
	/* No hurry while there are some. */
	k->retry_at = now + (pool_size(k) == 0 ? RETRY_EXHAUSTED : SECOND);
	upstream_pool_supply(k, SUPPLY_EXHAUSTED, error, now);
}

/* The relay has used some up: was it a large enough pool? */
static void
grow_pool(struct keeper *k, uint32_t left, int64_t now)
{
	uint32_t rate = k->new_sockets.rate, most = POOL_MAX;

	/* None was used: this is the first time, or another try. */
	if (left >= k->filled)
		return;
	/* No more than the relay may use in a second. */
	if (rate > 0 && rate < most)
		most = rate < POOL_MIN ? POOL_MIN : rate;
	if (left == 0)
		k->pool_target = most;
	else if (now - k->filled_at < POOL_FAST)
		k->pool_target *= POOL_GROWTH;
	if (k->pool_target > most)
		k->pool_target = most;
	k->filled_at = now;
	k->calm_at = k->pool_target > POOL_MIN ? now + POOL_CALM : NEVER;
}

/* What has not been used for long is taken back.  Returns 0, or -1 when it must be said again. */
static int
shrink_pool(struct keeper *k, int64_t now)
{
	struct msg_take_back message;
	uint32_t pool = k->store.count[SLOT_POOLED];

	if (now < k->calm_at)
		return (0);
	message.sockets = pool > POOL_MIN ? pool - POOL_MIN : 0;
	if (message.sockets > 0 &&
	    msg_send(k->child->control, MSG_TAKE_BACK, &message, 1, NULL, 0) == -1)
		return (-1);
	k->pool_target = POOL_MIN;
	k->calm_at = NEVER;
	return (0);
}

/* Make sockets until there are so many.  Returns 0, or -1 when no more are to be had. */
static int
fill_pool(struct keeper *k, uint32_t target, int64_t now)
{
	while (pool_size(k) < target && k->nunsent < MSG_FDS_MAX && store_has_room(&k->store)) {
		if (!bucket_has(&k->new_sockets, now)) {
			k->retry_at = now + RETRY_LIMITED + SECOND / k->new_sockets.rate;
			break;
		}
		if (make_socket(k, now) == -1) {
			refused(k, errno, now);
			return (-1);
		}
		(void)bucket_take(&k->new_sockets, now);
	}
	return (0);
}

static void
make_sockets(struct keeper *k, int64_t now)
{
	uint32_t freed = k->freed;

	k->freed = 0;
	if (k->upstream->error != 0) {
		k->retry_at = NEVER;
		upstream_pool_supply(k, SUPPLY_UNREACHABLE, k->upstream->error, now);
		return;
	}
	if (k->retry_at != NEVER && now < k->retry_at) {
		/* As many more as there are fewer: that does not end the exhaustion. */
		if (freed > 0 && pool_size(k) < k->pool_target)
			(void)fill_pool(k, pool_size(k) + freed, now);
		return;
	}
	k->retry_at = NEVER;
	if (pool_size(k) <= POOL_LOW(k->pool_target))
		grow_pool(k, pool_size(k), now);
	else if (k->supply == SUPPLY_OK)
		return;
	/* While sockets have to move, relocation_turn() says whether there is a way. */
	if (fill_pool(k, k->pool_target, now) == 0 && pool_size(k) > 0 &&
	    k->relocation == RELOCATION_NONE)
		upstream_pool_supply(k, SUPPLY_OK, 0, now);
	k->filled = pool_size(k);
}

int
upstream_pool_turn(struct keeper *k, int64_t now)
{
	make_sockets(k, now);
	say_available(k, now);
	if (shrink_pool(k, now) == -1 || hand_out(k) == -1 || tell_supply(k) == -1)
		return (-1);
	return (0);
}

int64_t
upstream_pool_deadline(const struct keeper *k)
{
	return (clock_earlier(k->retry_at, clock_earlier(k->calm_at, k->available_at)));
}
