/*
 * A silent upstream, seen from outside: no reply came although a client had sent.  What tells when
 * a client last sent is /debug/sessions, which is long, so it is read only if it could matter: no
 * reply between two readings, and sessions are open.  The numbers are then read once more, a
 * second later, so that a reply on its way is not taken for one that is missing.
 */
#include <poll.h>
#include <stddef.h>

#include "common/clock.h"
#include "supervisor/ctl/http_client.h"
#include "supervisor/ctl/reading.h"
#include "supervisor/ctl/row.h"
#include "supervisor/ctl/row_reader.h"
#include "supervisor/ctl/verdict.h"

/* Times of the server are as exact as this, in seconds: a tick, and a millisecond of rounding. */
#define GRAIN 0.02

void
reading_add(struct reading *r, const struct row *row)
{
	double last = (double)row->last[CLIENT_TO_UPSTREAM] / SECOND;
	double trying = (double)(row->last[CLIENT_TO_UPSTREAM] - row->created) / SECOND;

	r->asking.known = 1;
	if (last > r->asking.last)
		r->asking.last = last;
	if (row->packets[UPSTREAM_TO_CLIENT] == 0 && trying > r->asking.trying)
		r->asking.trying = trying;
}

int
reading_is_answered(const struct reading *r)
{
	return (r->now.last_reply > r->before.last_reply || r->now.active == 0 ||
	    r->now.datagrams[UPSTREAM_TO_CLIENT] > r->before.datagrams[UPSTREAM_TO_CLIENT]);
}

void
reading_conclude(struct reading *r)
{
	double since = r->now.last_reply;

	r->silence = 0;
	/* Never a reply: since the first that a session can tell. */
	if (since == 0)
		since = r->asking.last - r->asking.trying;
	if (r->asking.known && r->asking.last > since + GRAIN)
		r->silence = r->asking.last - since;
}

static int
take_row(void *arg, const struct row *row)
{
	reading_add(arg, row);
	return (0);
}

static void
pause_for(int64_t ns)
{
	(void)poll(NULL, 0, (int)(ns / MILLISECOND));
}

int
reading_take(
    const struct http_client *client, int64_t interval, struct reading *r, struct fault *fault)
{
	*r = (struct reading){ .silence = 0 };
	if (numbers_read(client, &r->before, fault) == -1)
		return (-1);
	pause_for(interval);
	if (numbers_read(client, &r->now, fault) == -1)
		return (-1);
	if (reading_is_answered(r) || numbers_relays(&r->now, 0) > 0)
		return (0);
	if (row_reader_get(client, "", take_row, r, fault) == -1)
		return (-1);
	pause_for(SECOND);
	if (numbers_read(client, &r->now, fault) == -1)
		return (-1);
	if (!reading_is_answered(r))
		reading_conclude(r);
	return (0);
}
