/*
 * What a relay before us has left of its sessions.  It died, perhaps because somebody had taken it
 * over; so what it has counted is made to be possible before it is used, and no more than that.
 *
 * Sessions come back in the order of their sockets, and with idle clocks that go on.  Lists that
 * have their members in order of last activity are therefore sorted, once.
 */
#include <limits.h>

#include "relay/restore.h"
#include "relay/session.h"

/* ---- counters ---- */

static int64_t
possible(int64_t last, int64_t opened, int64_t now)
{
	return (last > now ? now : last < opened ? opened : last);
}

void
restore_check(struct session_counters *c, int64_t opened, int64_t now)
{
	/* At most one a nanosecond, on clocks that are coarse. */
	uint64_t packets, bytes, most = (uint64_t)(now - opened) + SECOND;
	int i;

	if (c->last[CLIENT_TO_UPSTREAM] == 0)
		c->last[CLIENT_TO_UPSTREAM] = now;
	for (i = 0; i < DIRECTION_MAX; i++) {
		packets = c->packets[i] < most ? c->packets[i] : most;
		bytes = packets < UINT64_MAX / UINT16_MAX ? packets * UINT16_MAX : UINT64_MAX;
		c->packets[i] = packets;
		if (c->bytes[i] > bytes)
			c->bytes[i] = bytes;
		/* A reply may never have come. */
		if (c->last[i] != 0)
			c->last[i] = possible(c->last[i], opened, now);
	}
}

/* ---- order ---- */

/* Merge two lists, each in order and linked by `newer`; of equals those of `a` are first. */
static uint32_t
merge(struct session_table *t, uint32_t a, uint32_t b)
{
	uint32_t first = NONE, *to = &first, *from;

	while (a != NONE && b != NONE) {
		from = session_last(t, &t->sessions[b]) < session_last(t, &t->sessions[a]) ? &b
											   : &a;
		*to = *from;
		to = &t->sessions[*from].newer;
		*from = *to;
	}
	*to = a != NONE ? a : b;
	return (first);
}

/*
 * Merge sort: part[n] is a list of 2^n of them, in order, or empty.  qsort(3) would take memory,
 * and ask the system how much there is.
 */
static uint32_t
sort(struct session_table *t, uint32_t i)
{
	uint32_t part[sizeof(i) * CHAR_BIT], n, next, all = NONE;

	for (n = 0; n < sizeof(part) / sizeof(part[0]); n++)
		part[n] = NONE;
	for (; i != NONE; i = next) {
		next = t->sessions[i].newer;
		t->sessions[i].newer = NONE;
		for (n = 0; part[n] != NONE; n++) {
			i = merge(t, part[n], i);
			part[n] = NONE;
		}
		part[n] = i;
	}
	for (n = 0; n < sizeof(part) / sizeof(part[0]); n++)
		all = merge(t, part[n], all);
	return (all);
}

void
restore_order(struct session_table *t)
{
	struct age_list sorted;
	uint32_t i, next;
	int state;

	for (state = 0; state < SESSION_CLOSED; state++) {
		i = sort(t, t->list[state].oldest);
		for (sorted = (struct age_list){ NONE, NONE }; i != NONE; i = next) {
			next = t->sessions[i].newer;
			AGE_LIST_APPEND(&sorted, t->sessions, i);
			/* The list of its address follows. */
			if (t->config.per_address > 0)
				address_move(&t->addresses, i, state, state);
		}
		t->list[state] = sorted;
	}
}
