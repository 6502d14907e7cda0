/*
 * What the supervisor is told when something is wrong on the way to the upstream: that sends
 * fail, or that nothing comes back.  It may look the upstream's name up, or try another address.
 *
 * That a datagram is not answered means nothing by itself: a keepalive is sent every 15 or 25
 * seconds by a client that expects no answer, and many idle clients together send all the time.
 * A client that sends again within a few seconds, and again, while nothing at all comes from the
 * upstream, waits for something: such datagrams are in vain.
 */
#include <errno.h>

#include "common/clock.h"
#include "relay/relay.h"
#include "relay/trouble.h"

/* The longest pause between two datagrams of one client who is waiting. */
#define WAITING_PAUSE (10 * SECOND)

/* While replies are no older than this there is nothing to be noted. */
#define REPLIES_RECENT SECOND

/* Datagrams that were in vain for so long are worth a message; and one a second is enough. */
#define VAIN_TOLD (5 * SECOND)
#define TELL_EVERY SECOND

void
trouble_failed(struct relay *r, int error)
{
	/* The datagram's fault, or our own. */
	if (error == EMSGSIZE || error == ENOBUFS || error == ENOMEM)
		return;
	r->trouble.error = error;
}

void
trouble_client_spoke(struct relay *r, struct session *s)
{
	struct trouble *t = &r->trouble;
	int64_t last, reply = r->totals->upstream_last_reply;

	if (r->now - reply < REPLIES_RECENT)
		return;
	last = session_counters(&r->table, s)->last[CLIENT_TO_UPSTREAM];
	/* Its first one since, at a time: it has not waited yet. */
	if (s->fd == -1 || last <= reply || last == r->now || r->now - last > WAITING_PAUSE)
		return;
	if (t->vain_since <= reply || r->now - t->vain_last > WAITING_PAUSE)
		t->vain_since = last;
	t->vain_last = r->now;
	t->vain_untold = r->now - t->vain_since >= VAIN_TOLD;
}

int
trouble_unsent(const struct relay *r)
{
	const struct trouble *t = &r->trouble;

	return ((t->error != 0 || t->vain_untold) && r->now - t->told >= TELL_EVERY);
}

int
trouble_send(struct relay *r)
{
	struct trouble *t = &r->trouble;
	struct msg_trouble message = { .error = t->error };

	if (!trouble_unsent(r))
		return (0);
	if (t->vain_untold && t->vain_since > r->totals->upstream_last_reply)
		message.vain_since = t->vain_since;
	if ((message.error != 0 || message.vain_since != 0) &&
	    msg_send(r->control, MSG_TROUBLE, &message, 1, NULL, 0) == -1)
		return (-1);
	t->error = t->vain_untold = 0;
	t->told = r->now;
	return (0);
}
