/*
 * A planned end, of which clients notice nothing.
 *
 * The successor gets the same sockets and sessions.  What was not received yet waits for it in the
 * kernel; so nothing is received any more, and what was is sent: replies and datagrams that wait for
 * room, and those of newcomers, to whom the supervisor still gives sockets.  That takes no longer
 * than clients may wait.  No session ends meanwhile, as the successor would not know who has spoken.
 */
#include "relay/backlog.h"
#include "relay/forward.h"
#include "relay/leave.h"
#include "relay/records.h"
#include "relay/relay.h"

#define LEAVE_MAX (500 * MILLISECOND)

void
leave_begin(struct relay *r)
{
	r->leaving = 1;
	r->leave_until = r->now + LEAVE_MAX;
	r->expire_from = NEVER;
	r->unjudged = NONE;
}

static int
is_late(const struct relay *r)
{
	return (r->now >= r->leave_until);
}

static void
drop_all(struct relay *r)
{
	const struct queue *q;

	while ((q = LIST_FIRST(&r->queues.queues)) != NULL)
		backlog_discard(r, &r->table.sessions[q->owner.session],
		    q->owner.wait == WAIT_SOCKET ? DROP_SESSION_UNAVAILABLE
						 : DROP_WRITE_TIMEOUT);
}

void
leave_turn(struct relay *r)
{
	if (!r->leaving)
		return;
	forward_backlog(r);
	if (is_late(r))
		drop_all(r);
}

int64_t
leave_deadline(const struct relay *r)
{
	if (!r->leaving || is_late(r))
		return (NEVER);
	/* Sockets are not waited for any more, as what they have received would wake us. */
	return (LIST_EMPTY(&r->queues.queues) ? r->leave_until : r->now + REPLY_WAIT);
}

int
leave_is_done(const struct relay *r)
{
	return (r->leaving && LIST_EMPTY(&r->queues.queues) &&
	    (r->waiting.first == NONE || is_late(r)) && !records_unsent(r));
}
