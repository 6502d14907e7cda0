/*
 * What a relay before us has left of its sessions.  It died, perhaps because somebody had taken it
 * over; so what it has counted is made to be possible before it is used, and no more than that.
 *
 * Sessions come back in the order of their sockets, and with idle clocks that go on.  Lists that
 * have their members in order of last activity are therefore sorted, once.
 */
#include "relay/reserve.h"
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

/* A session in a list that is sorted: beside the others, as the sessions themselves are far apart. */
struct place {
	int64_t last;
	uint32_t session;
};

/* Merge what is in order from `a` on and from `b` on; of equals the former are first. */
static void
merge(const struct place *from, struct place *to, uint32_t a, uint32_t b, uint32_t end)
{
	uint32_t i = a, j = b, n;

	for (n = a; n < end; n++)
		to[n] =
		    i < b && (j == end || from[i].last <= from[j].last) ? from[i++] : from[j++];
}

static uint32_t
smaller(uint32_t a, uint32_t b)
{
	return (a < b ? a : b);
}

/*
 * Merge sort of n places, with room for as many in `spare`; returns which of both has the result.
 * qsort(3) would ask the system how much memory there is.
 */
static struct place *
sort(struct place *places, struct place *spare, uint32_t n)
{
	struct place *other;
	uint32_t width, i, middle;

	for (width = 1; width < n; width *= 2) {
		for (i = 0; i < n; i += 2 * width) {
			middle = smaller(i + width, n);
			merge(places, spare, i, middle, smaller(middle + width, n));
		}
		other = places;
		places = spare;
		spare = other;
	}
	return (places);
}

static void
order_list(struct session_table *t, enum session_state state, struct place *places)
{
	struct age_list *list = &t->list[state];
	uint32_t i, n = 0;

	for (i = list->oldest; i != NONE; i = t->sessions[i].newer)
		places[n++] = (struct place){ session_last(t, &t->sessions[i]), i };
	places = sort(places, places + t->count, n);
	*list = (struct age_list){ NONE, NONE };
	for (i = 0; i < n; i++) {
		AGE_LIST_APPEND(list, t->sessions, places[i].session);
		/* The list of its address follows. */
		if (t->config.per_address > 0)
			address_move(&t->addresses, places[i].session, state, state);
	}
}

int
restore_order(struct session_table *t)
{
	uint32_t count = t->count;
	struct place *places;
	int state;

	if (count == 0)
		return (0);
	if ((places = reserve((size_t)count * 2, sizeof(*places))) == NULL)
		return (-1);
	for (state = 0; state < SESSION_CLOSED; state++)
		order_list(t, state, places);
	release(places, (size_t)count * 2, sizeof(*places));
	return (0);
}
