#include <string.h>

#include "common/clock.h"
#include "relay/index_list.h"
#include "relay/queue.h"
#include "relay/share.h"

/*
 * The members are a list, linked by `next`: index + 1 of the next one, LAST in the last one, 0 in
 * accounts that are not in it.
 */
#define LAST UINT32_MAX

/* How long after a probe the next one is sent to the same session: the double each time. */
#define PROBE_WAIT_MIN (8 * MILLISECOND)
#define PROBE_WAIT_MAX SECOND

void
share_init(struct share *share, struct account *accounts)
{
	memset(share, 0, sizeof(*share));
	share->accounts = accounts;
	share->first = share->last = share->favourite = NONE;
}

/* ---- members ---- */

static uint32_t
following(const struct share *share, uint32_t i)
{
	return (share->accounts[i].next == LAST ? NONE : share->accounts[i].next - 1);
}

static void
append(struct share *share, uint32_t i)
{
	share->accounts[i].next = LAST;
	if (share->first == NONE)
		share->first = i;
	else
		share->accounts[share->last].next = i + 1;
	share->last = i;
	share->members++;
}

static uint32_t
pop(struct share *share)
{
	uint32_t i = share->first;

	share->first = following(share, i);
	share->accounts[i].next = 0;
	share->members--;
	return (i);
}

void
share_join(struct share *share, uint32_t i)
{
	share->is_short = 1;
	if (share->accounts[i].next == 0)
		append(share, i);
}

/* Whether it has a reason to be a member. */
static int
is_member(const struct account *a)
{
	return (a->charge > 0 || a->queue != NULL);
}

uint32_t
share_next(struct share *share)
{
	uint32_t i = pop(share);

	if (is_member(&share->accounts[i]))
		append(share, i);
	return (i);
}

void
share_leave(struct share *share, uint32_t session)
{
	struct account *a = &share->accounts[session];
	uint32_t n, i;

	if (share->favourite == session)
		share->favourite = NONE;
	/* In turn, all of them: so they keep their order. */
	for (n = a->next != 0 ? share->members : 0; n > 0; n--)
		if ((i = pop(share)) != session)
			append(share, i);
	/* Most have nothing, in memory that was never touched. */
	if (a->charge > 0 || a->is_slow)
		a->charge = a->is_slow = 0;
}

/* ---- charges ---- */

static uint32_t
take(struct account *a, uint32_t bytes)
{
	uint32_t n = a->charge < bytes ? a->charge : bytes;

	a->charge -= n;
	return (n);
}

/* Those who do not wait, of whom most are light and their datagrams long gone. */
static void
credit_idle(struct share *share)
{
	uint32_t n, i;
	struct account *a;

	for (n = share->members; n > 0; n--) {
		i = pop(share);
		a = &share->accounts[i];
		if (a->queue == NULL)
			share->drained -= take(a, share->drained);
		if (is_member(a))
			append(share, i);
	}
}

static void
credit(struct share *share)
{
	uint32_t n;

	credit_idle(share);
	if (share->favourite != NONE)
		share->drained -= take(&share->accounts[share->favourite], share->drained);
	for (n = share->members; n > 0 && share->drained > 0; n--)
		share->drained -= take(&share->accounts[share_next(share)], share->drained);
	/* What is left had no owner. */
	share->drained = 0;
}

static int
somebody_waits(const struct share *share)
{
	uint32_t i;

	for (i = share->first; i != NONE; i = following(share, i))
		if (share->accounts[i].queue != NULL)
			return (1);
	return (0);
}

static void
end_shortage(struct share *share)
{
	while (share->first != NONE)
		share->accounts[pop(share)].charge = 0;
	share->drained = 0;
	share->is_short = 0;
}

void
share_look(struct share *share, uint32_t buffer, uint32_t outstanding, int all)
{
	if (share->is_short && outstanding < share->outstanding)
		share->drained += share->outstanding - outstanding;
	share->buffer = buffer;
	share->outstanding = outstanding;
	share->unseen = 0;
	if (share->drained > 0 && (all || share->drained >= buffer / 64))
		credit(share);
	if (outstanding > buffer / 8)
		share->is_short = 1;
	else if (share->is_short && outstanding <= buffer / 16 && !somebody_waits(share))
		end_shortage(share);
}

/* Make one of all messages to the same session.  Returns how many there are then. */
static uint32_t
merge(struct share_sent *sent, uint32_t n)
{
	uint32_t i, j, merged = 0;

	for (i = 0; i < n; i++) {
		for (j = 0; j < merged && sent[j].session != sent[i].session; j++)
			;
		if (j == merged)
			sent[merged++] = sent[i];
		else
			sent[j].cost += sent[i].cost;
	}
	return (merged);
}

static struct share_sent *
largest(struct share_sent *sent, uint32_t n)
{
	struct share_sent *largest = sent;
	uint32_t i;

	for (i = 1; i < n; i++)
		if (sent[i].cost > largest->cost)
			largest = &sent[i];
	return (largest);
}

static void
passed(struct share *share, uint32_t session)
{
	struct account *a = &share->accounts[session];

	if (a->is_slow)
		share->favourite = session;
	a->charge = a->is_slow = 0;
	if (a->queue != NULL)
		a->queue->probe_at = a->queue->probe_wait = 0;
}

void
share_settle(struct share *share, struct share_sent *sent, uint32_t n, uint32_t outstanding)
{
	uint32_t stuck =
	    outstanding > share->outstanding ? outstanding - share->outstanding : 0;
	struct share_sent *p;
	struct account *a;
	uint32_t part;

	share_look(share, share->buffer, outstanding, 0);
	if (!share->is_short)
		return;
	n = merge(sent, n);
	while (stuck > 0 && n > 0) {
		p = largest(sent, n);
		a = &share->accounts[p->session];
		part = p->cost < stuck ? p->cost : stuck;
		a->charge += part;
		a->is_slow = 1;
		share_join(share, p->session);
		stuck -= part;
		*p = sent[--n];
	}
	/* The others' have passed, and so has what was sent to them before. */
	while (n > 0)
		passed(share, sent[--n].session);
}

/* ---- what may be sent ---- */

/* How much of the buffer may be taken. */
static uint32_t
held(const struct share *share)
{
	return (share->outstanding + share->unseen);
}

/* How much more the session may take of it. */
static uint32_t
room(const struct share *share, const struct account *a)
{
	uint32_t most = share->buffer - share->buffer / 4;
	uint32_t left = held(share) < most ? most - held(share) : 0;

	return (left > a->charge ? left - a->charge : 0);
}

/* One datagram is never too much for whom nothing is known against, nor while there is little. */
static int
may_try(const struct share *share, const struct account *a)
{
	return ((a->charge == 0 && !a->is_slow) || held(share) <= share->buffer / 8);
}

int
share_admits(const struct share *share, uint32_t session, uint32_t cost)
{
	const struct account *a = &share->accounts[session];

	return (cost <= room(share, a) || (cost <= share_cost(2048) && may_try(share, a)));
}

int64_t
share_portion(
    const struct share *share, uint32_t session, uint32_t length, uint32_t size, uint32_t burst)
{
	const struct account *a = &share->accounts[session];
	uint32_t allowed = room(share, a), n;

	if (share_cost(length) <= allowed)
		return (length);
	n = size == 0 || allowed < share_cost(size) ? 0 : (allowed - share_cost(0)) / 2 / size;
	if (n == 0 && may_try(share, a))
		n = burst;
	if (n == 0)
		return (-1);
	return (size == 0 || (uint64_t)n * size > length ? length : (int64_t)n * size);
}

int
share_probe(struct share *share, uint32_t session, uint32_t size, int64_t now)
{
	struct queue *q = share->accounts[session].queue;

	if (now < q->probe_at ||
	    held(share) + share_cost(size) > share->buffer - share->buffer / 8)
		return (0);
	/* Each that fails stays in the buffer. */
	q->probe_wait *= 2;
	if (q->probe_wait < PROBE_WAIT_MIN)
		q->probe_wait = PROBE_WAIT_MIN;
	if (q->probe_wait > PROBE_WAIT_MAX)
		q->probe_wait = PROBE_WAIT_MAX;
	q->probe_at = now + q->probe_wait;
	return (1);
}
