/*
 * A keeper is the supervisor's side of one worker: it is there before its relay and stays when
 * that ends, and it keeps the relay's upstream sockets and what is known of its sessions.
 *
 * Upstream sockets are all alike, so they are made ahead of need and handed over in batches;
 * a duplicate of each stays here.  The relay's records say which serve a session.  That gives
 * two things: the relay never makes a socket, and when it crashes, its successor gets every
 * session back, on the same socket and so with the same port at the upstream.
 *
 * Nothing here waits: what the relay's socket does not take now is sent a little later.
 */
#include <errno.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/hand_back.h"
#include "supervisor/keeper.h"
#include "supervisor/relocation.h"
#include "supervisor/source_filter.h"
#include "supervisor/upstream_pool.h"

#define RESEND_AFTER (5 * MILLISECOND)

int
keeper_init(struct keeper *k, int64_t now)
{
	uint32_t rate = k->config.new_session_rate;

	/* As many as the relay may open at once, and a pool. */
	bucket_init(&k->new_sockets, rate, rate + POOL_MAX, now);
	k->pool_target = POOL_MIN;
	k->calm_at = k->available_at = NEVER;
	k->supply = k->supply_told = SUPPLY_OK;
	k->retry_at = k->resend_at = NEVER;
	k->batch = k->config.slots_max;
	return (store_init(&k->store, k->config.listeners, k->config.slots_max));
}

struct totals *
keeper_map_totals(const struct keeper *k, int writable)
{
	return (totals_map(k->totals_fd, k->config.listeners, k->config.slots_max, writable));
}

void
keeper_unmap_totals(const struct keeper *k, struct totals *totals)
{
	totals_unmap(totals, k->config.listeners, k->config.slots_max);
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
tell_next(struct keeper *k)
{
	int fd = k->child->control;

	switch (k->told) {
	case TOLD_NOTHING:
		return (msg_send(fd, MSG_IDENTITY, &k->identity, 1, NULL, 0));
	case TOLD_IDENTITY:
		return (msg_send(fd, MSG_RELAY_CONFIG, &k->config, 1, NULL, 0));
	case TOLD_CONFIG:
		return (msg_send(fd, MSG_TOTALS, NULL, 0, &k->totals_fd, 1));
	default:
		return (tell_listeners(k));
	}
}

/* What is not told yet.  Returns 0, or -1 when the relay must read first. */
static int
tell(struct keeper *k)
{
	for (; k->told != TOLD_ALL; k->told++)
		if (tell_next(k) == -1)
			return (-1);
	return (0);
}

/* ---- records ---- */

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
		upstream_pool_closed(k, record->name.slot, now);
	}
	return (0);
}

/* ---- turns ---- */

void
keeper_started(struct keeper *k, int64_t now)
{
	k->told = TOLD_NOTHING;
	k->started = 0;
	k->listeners_told = 0;
	k->filled = 0;
	k->left = k->batch;
	k->supply_told = SUPPLY_OK;
	k->sources_told = 0;
	k->resend_at = tell(k) == -1 ? now + RESEND_AFTER : NEVER;
}

void
keeper_turn(struct keeper *k, int64_t now)
{
	relocation_turn(k, now);
	if (k->child->pid == 0)
		return;
	k->resend_at = NEVER;
	if (tell(k) == -1)
		goto later;
	if (!k->child->ready)
		return;
	/* Sessions that are handed back are judged by it, too. */
	if (source_filter_tell(k->sources, k->child->control, &k->sources_told) == -1)
		goto later;
	if (relocation_tell(k) == -1)
		goto later;
	if (!k->started && hand_back(k) == -1)
		goto later;
	if (!k->started || relocation_pending(k))
		return;
	if (upstream_pool_turn(k, now) == 0)
		return;
later:
	/* A relay that is gone shows otherwise. */
	k->resend_at = now + RESEND_AFTER;
}

int64_t
keeper_deadline(const struct keeper *k)
{
	int64_t deadline = relocation_deadline(k);

	if (k->child->pid == 0)
		return (deadline);
	deadline = clock_earlier(deadline, k->resend_at);
	/* Before the hand-back has ended, or while the relay must answer, nothing is made. */
	if (!k->started || relocation_pending(k))
		return (deadline);
	return (clock_earlier(deadline, upstream_pool_deadline(k)));
}

/* ---- a relay's end ---- */

void
keeper_ended(struct keeper *k, const struct child_end *end, int64_t now)
{
	uint32_t slot;

	relocation_ended(k);
	hand_back_ended(k, end, now);
	while (k->nunsent > 0)
		upstream_pool_close(k, k->unsent[--k->nunsent], now);
	for (slot = 0; slot < k->store.used; slot++) {
		switch (k->store.slots[slot].state) {
		case SLOT_POOLED:
			upstream_pool_close(k, slot, now);
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
