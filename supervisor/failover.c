/*
 * A dead address costs its clients 15 seconds, then the next one is tried.  When all others have
 * been tried in vain, it is not the addresses: the patience doubles, up to four minutes, so that
 * a dead home does not flap.  A reply ends that.  What is lost by trying is little, for nothing
 * came back anyway.
 */
#include <string.h>

#include "common/clock.h"
#include "supervisor/failover.h"

#define PATIENCE_FIRST (15 * SECOND)
#define PATIENCE_MOST (240 * SECOND)

void
failover_init(struct failover *f)
{
	memset(f, 0, sizeof(*f));
	f->patience = PATIENCE_FIRST;
}

/* ---- the list ---- */

static struct failover_address *
find(struct failover *f, const struct in6_addr *address, uint32_t scope)
{
	uint32_t i;

	for (i = 0; i < f->count; i++)
		if (IN6_ARE_ADDR_EQUAL(&f->listed[i].address, address) &&
		    f->listed[i].scope == scope)
			return (&f->listed[i]);
	return (NULL);
}

void
failover_list(struct failover *f, const struct msg_resolved *result)
{
	struct failover before = *f;
	struct failover_address *to, *known;
	struct in6_addr address;
	uint32_t i;

	f->count = 0;
	for (i = 0; i < result->count && i < RESOLVED_MAX; i++) {
		memcpy(&address, result->found[i].address, sizeof(address));
		/* Some list one twice. */
		if (find(f, &address, result->found[i].scope) != NULL)
			continue;
		to = &f->listed[f->count++];
		if ((known = find(&before, &address, result->found[i].scope)) != NULL)
			*to = *known;
		else
			*to =
			    (struct failover_address){ address, result->found[i].scope, 0, 0 };
	}
}

int
failover_lists(const struct failover *f, const struct sockaddr_in6 *address)
{
	struct failover copy = *f;

	return (find(&copy, &address->sin6_addr, address->sin6_scope_id) != NULL);
}

/* ---- the choice ---- */

/* The best that was not tried; NULL: none is left. */
static struct failover_address *
best_untried(struct failover *f, const struct failover_address *but)
{
	struct failover_address *p, *best = NULL;

	for (p = f->listed; p < f->listed + f->count; p++)
		if (p != but && !p->tried && (best == NULL || p->answered > best->answered))
			best = p;
	return (best);
}

static void
forget_tries(struct failover *f, const struct failover_address *but)
{
	struct failover_address *p;

	for (p = f->listed; p < f->listed + f->count; p++)
		if (p != but)
			p->tried = 0;
}

const struct failover_address *
failover_next(struct failover *f, const struct sockaddr_in6 *current)
{
	const struct failover_address *in_use, *next;

	in_use = find(f, &current->sin6_addr, current->sin6_scope_id);
	if ((next = best_untried(f, in_use)) != NULL)
		return (next);
	/* Another round. */
	forget_tries(f, in_use);
	return (best_untried(f, in_use));
}

void
failover_begin(struct failover *f, int64_t now)
{
	f->since = now;
	f->patience = PATIENCE_FIRST;
}

/* The address in use has answered. */
static void
answered(struct failover *f, struct failover_address *in_use, int64_t reply)
{
	if (in_use != NULL)
		in_use->answered = reply;
	forget_tries(f, NULL);
	f->patience = PATIENCE_FIRST;
}

const struct failover_address *
failover_turn(struct failover *f, const struct sockaddr_in6 *current, int64_t vain_since,
    int64_t reply, int64_t now)
{
	struct failover_address *in_use;
	const struct failover_address *next;

	in_use = find(f, &current->sin6_addr, current->sin6_scope_id);
	if (reply > now)
		reply = 0;
	if (reply > f->since)
		answered(f, in_use, reply);
	if (vain_since <= 0 || vain_since > now ||
	    now - clock_later(vain_since, clock_later(reply, f->since)) < f->patience)
		return (NULL);
	if (in_use != NULL)
		in_use->tried = 1;
	if ((next = failover_next(f, current)) == NULL)
		return (NULL);
	/* No other is left after this one: it gets twice the time, and so do they. */
	if (best_untried(f, next) == NULL)
		f->patience = clock_earlier(2 * f->patience, PATIENCE_MOST);
	f->since = now;
	return (next);
}
