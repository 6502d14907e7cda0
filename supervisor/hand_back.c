/*
 * Handing the sessions of a relay that has ended back to its successor.
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
#include "common/log.h"
#include "supervisor/hand_back.h"
#include "supervisor/upstream_pool.h"

/* Relays that the search for bad records may cost before it becomes coarse. */
#define DEATHS_MAX 128

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
		restore[n].socket = store_socket(&k->store, slot);
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

int
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
			upstream_pool_close(k, slot, now);
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
hand_back_ended(struct keeper *k, const struct child_end *end, int64_t now)
{
	if (end->own_fault && k->store.count[SLOT_OFFERED] > 0)
		search(k, now);
	else
		end_search(k);
}
