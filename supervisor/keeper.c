/*
 * The keeper of a relay's sockets.
 *
 * Upstream sockets are all alike, so they are made ahead of need and handed over in batches;
 * a duplicate of each stays here.  The relay's records say which serve a session.  That gives
 * two things: the relay never makes a socket, and when it crashes, its successor gets every
 * session back, on the same socket and so with the same port at the upstream.
 *
 * The stock is not asked for: its size follows from what was handed out and what records have
 * come.  A socket that has served is closed, and its port rests, so that nothing late reaches
 * a stranger.  The relay keeps --new-session-rate by itself; sockets are limited to the same
 * rate here, so that one that lies cannot use up ports faster than they can rest.
 *
 * Nothing here waits: what the relay's socket does not take now is sent a little later.
 *
 * What a dead relay left of a session is input that may end its successor, and every one after
 * that.  So a relay answers each session that it is handed back, with a record, and hears no
 * client before it has all of them.  If it ends by its own fault and owes answers, what it did
 * not answer is suspected, and the next one is handed half of that, before anything else.  What
 * is answered is cleared; then comes half of what is still suspected, and so on; once nothing
 * is, all others, in batches that double.  A session is thrown away only when two relays in a
 * row have died of it that had been handed nothing else: neither chance nor another session is
 * to blame then.
 *
 * To find one bad session among 100 costs at most ten relays.  Each lives for some milliseconds
 * and is followed by the next at once, while clients wait in the buffers of the listeners, and
 * all others keep their ports.  A search that has cost many relays no longer halves but throws
 * away what they die of, more and more, or the service might never come back.
 *
 * A relay that ends later has not died of what it was handed but of what it received.  To throw
 * the sender's session away would not stop him, only open him a new one; so all are kept.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/endpoint.h"
#include "common/log.h"
#include "supervisor/keeper.h"

/* The stock is filled up when a quarter of it is gone: larger batches cost less. */
#define STOCK_LOW (STOCK_TARGET * 3 / 4)
_Static_assert(STOCK_LOW < MSG_FDS_MAX, "one batch is enough for now");

/* After a failure, so that failing costs next to nothing. */
#define RETRY_EXHAUSTED (100 * MILLISECOND)
#define RETRY_UNREACHABLE SECOND
#define RETRY_LIMITED (10 * MILLISECOND)

#define RESEND_AFTER (5 * MILLISECOND)

/* Ports of other programs that are tried before giving up for now: about 2 ms of work. */
#define BUSY_PORTS_MAX 1024

/* Relays that the search for bad records may cost before it becomes coarse. */
#define DEATHS_MAX 128

int
keeper_init(struct keeper *k, int64_t now)
{
	uint32_t rate = k->config.new_session_rate;

	/* As many as the relay may open at once, and a stock. */
	bucket_init(&k->new_sockets, rate, rate + STOCK_TARGET, now);
	k->supply = k->supply_told = SUPPLY_OK;
	k->retry_at = k->resend_at = NEVER;
	k->batch = k->config.slots_max;
	return (store_init(&k->store, k->config.slots_max));
}

/* ---- telling ---- */

/*
 * In batches that no message exceeds; and as descriptors on their way to a child count against
 * our limit, it must read some before it gets more.  Returns 0, or -1 when that is so.
 */
static int
tell_listeners(struct keeper *k)
{
	uint32_t n, i = k->listeners_told;

	while (i < k->config.listeners) {
		n = k->config.listeners - i;
		if (n > MSG_FDS_MAX)
			n = MSG_FDS_MAX;
		if (msg_send(k->child->control, MSG_LISTENERS, &k->listener[i], n,
			&k->listener_fds[i], (int)n) == -1)
			return (-1);
		k->listeners_told = i += n;
	}
	return (0);
}

static int
tell(struct keeper *k)
{
	int fd = k->child->control;

	/* A new, empty socket takes these. */
	if (!k->told &&
	    (msg_send(fd, MSG_IDENTITY, &k->identity, 1, NULL, 0) == -1 ||
		msg_send(fd, MSG_RELAY_CONFIG, &k->config, 1, NULL, 0) == -1 ||
		msg_send(fd, MSG_TOTALS, NULL, 0, &k->totals_fd, 1) == -1))
		return (-1);
	k->told = 1;
	return (tell_listeners(k));
}

/* ---- records ---- */

/* Close a socket of the store; its port rests. */
static void
drop(struct keeper *k, uint32_t slot, int64_t now)
{
	ports_return(k->ports, k->store.slots[slot].port, now);
	close(store_remove(&k->store, slot));
}

int
keeper_records(struct keeper *k, const struct msg *msg, int64_t now)
{
	const struct msg_record *record = (const void *)msg->payload;
	uint32_t i;

	for (i = 0; i < msg->count; i++, record++) {
		if (record->record.state != SESSION_CLOSED) {
			if (store_record(&k->store, record) == -1)
				return (-1);
			continue;
		}
		if (!store_has(&k->store, &record->name)) {
			errno = EBADMSG;
			return (-1);
		}
		drop(k, record->name.slot, now);
		/* What was exhausted is so no longer. */
		if (k->supply == SUPPLY_EXHAUSTED)
			k->retry_at = now;
	}
	return (0);
}

/* ---- handing over ---- */

static struct msg_socket
describe(const struct keeper *k, uint32_t slot)
{
	return ((struct msg_socket){
	    .name = { slot, k->store.slots[slot].generation },
	    .port = k->store.slots[slot].port,
	});
}

/* Send one message of sessions, at most what is left of the batch.  Returns 0, or -1, errno. */
static int
offer(struct keeper *k)
{
	struct msg_restore restore[MSG_FDS_MAX];
	int fds[MSG_FDS_MAX];
	uint32_t slot, i, n = 0;

	for (slot = k->next; slot < k->store.used && n < MSG_FDS_MAX && n < k->left; slot++) {
		if (k->store.slots[slot].state != SLOT_KEPT)
			continue;
		restore[n].socket = describe(k, slot);
		restore[n].record = k->store.slots[slot].record;
		fds[n++] = k->store.slots[slot].fd;
	}
	if (n > 0 && msg_send(k->child->control, MSG_RESTORE, restore, n, fds, (int)n) == -1)
		return (-1);
	for (i = 0; i < n; i++)
		store_set(&k->store, restore[i].socket.name.slot, SLOT_OFFERED);
	k->left -= n;
	k->next = slot;
	/* A batch does not go round, so that what was not answered of it begins at its first slot. */
	if (slot == k->store.used)
		k->next = k->left = 0;
	return (0);
}

/* A batch was answered. */
static void
next_batch(struct keeper *k)
{
	k->tried = 0;
	k->suspects -= k->suspects < k->batch ? k->suspects : k->batch;
	if (k->suspects > 0)
		k->batch = (k->suspects + 1) / 2;
	else
		k->batch *= 2;
	k->left = k->batch;
}

/* Returns 0, or -1 when the relay must catch up first. */
static int
hand_back(struct keeper *k)
{
	const uint32_t *count = k->store.count;

	for (;;) {
		while (k->left > 0 && count[SLOT_KEPT] > 0)
			if (offer(k) == -1)
				return (-1);
		if (count[SLOT_OFFERED] > 0)
			return (0);
		if (count[SLOT_KEPT] == 0)
			break;
		next_batch(k);
	}
	if (msg_send(k->child->control, MSG_START, NULL, 0, NULL, 0) == -1)
		return (-1);
	k->started = 1;
	k->deaths = 0;
	return (0);
}

static int
hand_out(struct keeper *k)
{
	struct msg_socket sockets[MSG_FDS_MAX];
	int fds[MSG_FDS_MAX];
	uint32_t i;

	if (k->nspare == 0)
		return (0);
	for (i = 0; i < k->nspare; i++) {
		sockets[i] = describe(k, k->spare[i]);
		fds[i] = k->store.slots[k->spare[i]].fd;
	}
	if (msg_send(k->child->control, MSG_SOCKETS, sockets, k->nspare, fds, (int)k->nspare) ==
	    -1)
		return (-1);
	for (i = 0; i < k->nspare; i++)
		store_set(&k->store, k->spare[i], SLOT_STOCK);
	log_debug("sockets handed out", "child=%s count=%u stock=%u open=%u", k->child->name,
	    k->nspare, k->store.count[SLOT_STOCK], k->store.count[SLOT_OPEN]);
	k->nspare = 0;
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

/* ---- making ---- */

static void
change_supply(struct keeper *k, enum supply supply, int error)
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
			k->spare[k->nspare++] = store_add(&k->store, fd, port);
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

static void
make_sockets(struct keeper *k, int64_t now)
{
	uint32_t stock = k->store.count[SLOT_STOCK] + k->nspare;

	if (k->retry_at != NEVER && now < k->retry_at)
		return;
	k->retry_at = NEVER;
	if (stock > STOCK_LOW)
		return;
	for (; stock < STOCK_TARGET && k->nspare < MSG_FDS_MAX; stock++) {
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
			change_supply(k, SUPPLY_UNREACHABLE, errno);
			return;
		}
		/* No hurry while there are some. */
		k->retry_at = now + (stock == 0 ? RETRY_EXHAUSTED : SECOND);
		if (stock == 0)
			change_supply(k, SUPPLY_EXHAUSTED, errno);
		return;
	}
	if (stock > 0)
		change_supply(k, SUPPLY_OK, 0);
}

/* ---- turns ---- */

void
keeper_started(struct keeper *k, int64_t now)
{
	k->told = k->started = 0;
	k->listeners_told = 0;
	k->left = k->batch;
	k->supply_told = SUPPLY_OK;
	k->resend_at = tell(k) == -1 ? now + RESEND_AFTER : NEVER;
}

void
keeper_turn(struct keeper *k, int64_t now)
{
	if (k->child->pid == 0)
		return;
	k->resend_at = NEVER;
	if (tell(k) == -1)
		goto later;
	if (!k->child->ready)
		return;
	if (!k->started && hand_back(k) == -1)
		goto later;
	if (!k->started)
		return;
	make_sockets(k, now);
	if (hand_out(k) == -1 || tell_supply(k) == -1)
		goto later;
	return;
later:
	/* A relay that is gone shows otherwise. */
	k->resend_at = now + RESEND_AFTER;
}

int64_t
keeper_deadline(const struct keeper *k)
{
	if (k->child->pid == 0)
		return (NEVER);
	/* Before the hand-back has ended, nothing is made. */
	return (k->started ? clock_earlier(k->resend_at, k->retry_at) : k->resend_at);
}

/* ---- a relay's end ---- */

/* Throw away what the relay was handed back and did not answer. */
static void
discard(struct keeper *k, int64_t now)
{
	uint32_t slot, count = k->store.count[SLOT_OFFERED];

	/* The first of them stands for all: it is where the search has come to. */
	log_error("session records discarded", "child=%s count=%u upstream_local_port=%u",
	    k->child->name, count, (unsigned int)k->store.slots[k->next].port);
	for (slot = k->next; slot < k->store.used; slot++)
		if (k->store.slots[slot].state == SLOT_OFFERED)
			drop(k, slot, now);
	k->discarded += count;
	k->suspects = k->tried = 0;
}

/* It died, perhaps of what it was handed back and did not answer: what is to be tried next? */
static void
search(struct keeper *k, int64_t now)
{
	/* Only the first delay is served. */
	if (k->deaths++ == 0)
		k->backoff = k->child->backoff;
	else {
		k->child->backoff = k->backoff;
		k->child->restart_at = now;
	}
	k->suspects = k->store.count[SLOT_OFFERED];
	for (k->next = 0; k->store.slots[k->next].state != SLOT_OFFERED;)
		k->next++;
	k->batch = (k->suspects + 1) / 2;
	if (k->deaths > DEATHS_MAX) {
		k->batch = k->suspects * 2;
		discard(k, now);
	} else if (k->suspects == 1 && k->store.count[SLOT_OPEN] == 0 && ++k->tried == 2)
		discard(k, now);
}

/* Nothing is suspected, and all is handed back at once. */
static void
end_search(struct keeper *k)
{
	k->next = k->suspects = k->tried = 0;
	k->batch = k->config.slots_max;
}

void
keeper_ended(struct keeper *k, const struct child_end *end, int64_t now)
{
	uint32_t slot;

	if (end->own_fault && k->store.count[SLOT_OFFERED] > 0)
		search(k, now);
	else
		end_search(k);
	while (k->nspare > 0)
		drop(k, k->spare[--k->nspare], now);
	for (slot = 0; slot < k->store.used; slot++) {
		switch (k->store.slots[slot].state) {
		case SLOT_STOCK:
			drop(k, slot, now);
			break;
		case SLOT_OFFERED:
		case SLOT_OPEN:
			store_set(&k->store, slot, SLOT_KEPT);
			break;
		default:
			break;
		}
	}
}
