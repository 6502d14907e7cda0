/*
 * The upstream sockets of a relay's pool.
 *
 * The relay does not ask for sockets: the size of its pool follows from what was handed out and
 * what records have come.  It is small at rest, for each socket has a port that other programs
 * may want, grows while newcomers use it up fast, and is taken back when they no longer do: the
 * relay closes so many that serve nobody, for it alone knows which those are.  A socket that has served is closed, and its port rests, so that
 * nothing late reaches a stranger.  The relay keeps --new-session-rate by itself; sockets are
 * limited to the same rate here, so that one that lies cannot use up ports faster than they can
 * rest.
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

void
upstream_pool_supply(struct keeper *k, enum supply supply, int error)
{
	char address[ENDPOINT_STRLEN];
	const char *child = k->child->name;

	if (supply == k->supply && error == k->refused)
		return;
	endpoint_format_ipv6(&k->upstream->address, address);
	if (supply == SUPPLY_UNREACHABLE)
		log_warn("upstream unreachable", "child=%s upstream=%s error=%s", child,
		    address, strerror(error));
	else if (supply == SUPPLY_EXHAUSTED && k->supply != SUPPLY_EXHAUSTED)
		log_warn("upstream sockets exhausted", "child=%s open=%u error=%s", child,
		    k->store.count[SLOT_OPEN],
		    error != 0 ? strerror(error) : "no port is left");
	else if (supply == SUPPLY_OK && k->supply == SUPPLY_UNREACHABLE)
		log_info("upstream reachable", "child=%s upstream=%s", child, address);
	else if (supply == SUPPLY_OK)
		log_info("upstream sockets available", "child=%s open=%u", child,
		    k->store.count[SLOT_OPEN]);
	k->supply = supply;
	k->refused = error;
}

/* Make one more socket.  Returns 0, or -1 with errno; EADDRINUSE when no port is to be had. */
static int
make_socket(struct keeper *k, int64_t now)
{
	uint16_t port;
	int fd, busy;

	for (busy = 0; busy < BUSY_PORTS_MAX; busy++) {
		if ((port = ports_take(k->ports, now)) == 0)
			break;
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

static int
is_exhaustion(int error)
{
	return (error == EADDRINUSE || error == EMFILE || error == ENFILE || error == ENOMEM ||
	    error == ENOBUFS);
}

/* The relay uses them up: are these enough? */
static void
grow_pool(struct keeper *k, uint32_t left, int64_t now)
{
	uint32_t rate = k->new_sockets.rate, most = POOL_MAX;

	/* No more than the relay may use in a second. */
	if (rate > 0 && rate < most)
		most = rate < POOL_MIN ? POOL_MIN : rate;
	if (left < k->filled && left == 0)
		k->pool_target = most;
	else if (left < k->filled && now - k->filled_at < POOL_FAST)
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

static void
fill_pool(struct keeper *k, uint32_t pool, int64_t now)
{
	for (; pool < k->pool_target && k->nunsent < MSG_FDS_MAX; pool++) {
		if (!store_has_room(&k->store))
			break;
		if (!bucket_has(&k->new_sockets, now)) {
			k->retry_at = now + RETRY_LIMITED + SECOND / k->new_sockets.rate;
			break;
		}
		if (make_socket(k, now) == 0) {
			(void)bucket_take(&k->new_sockets, now);
			continue;
		}
		if (!is_exhaustion(errno)) {
			k->retry_at = now + RETRY_UNREACHABLE;
			upstream_pool_supply(k, SUPPLY_UNREACHABLE, errno);
			return;
		}
		/* No hurry while there are some. */
		k->retry_at = now + (pool == 0 ? RETRY_EXHAUSTED : SECOND);
		if (pool == 0)
			upstream_pool_supply(k, SUPPLY_EXHAUSTED, errno);
		return;
	}
	if (pool > 0)
		upstream_pool_supply(k, SUPPLY_OK, 0);
}

static uint32_t
pool_size(const struct keeper *k)
{
	return (k->store.count[SLOT_POOLED] + k->nunsent);
}

static void
make_sockets(struct keeper *k, int64_t now)
{
	if (k->retry_at != NEVER && now < k->retry_at)
		return;
	k->retry_at = NEVER;
	if (pool_size(k) > POOL_LOW(k->pool_target))
		return;
	grow_pool(k, pool_size(k), now);
	fill_pool(k, pool_size(k), now);
	k->filled = pool_size(k);
}

int
upstream_pool_turn(struct keeper *k, int64_t now)
{
	make_sockets(k, now);
	if (shrink_pool(k, now) == -1 || hand_out(k) == -1 || tell_supply(k) == -1)
		return (-1);
	return (0);
}

int64_t
upstream_pool_deadline(const struct keeper *k)
{
	return (clock_earlier(k->retry_at, k->calm_at));
}
