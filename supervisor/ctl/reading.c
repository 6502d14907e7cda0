/*
 * That nobody is answered udp46 says itself: it sees who waits.  Here it only counts for how long;
 * and whatever our clock says, it is as long as udp46 takes to be sure.
 */
#include <math.h>
#include <poll.h>
#include <stddef.h>

#include "supervisor/ctl/http_client.h"
#include "supervisor/ctl/reading.h"
#include "supervisor/ctl/verdict.h"
#include "supervisor/silence.h"

double
reading_silence(const struct numbers *n, int64_t wall)
{
	if (n->silent_since == 0)
		return (0);
	return (
	    fmax((double)wall / SECOND - n->silent_since, (double)SILENCE_PATIENCE / SECOND));
}

int
reading_take(
    const struct http_client *client, int64_t interval, struct reading *r, struct fault *fault)
{
	*r = (struct reading){ .silence = 0 };
	if (numbers_read(client, &r->before, fault) == -1)
		return (-1);
	(void)poll(NULL, 0, (int)(interval / MILLISECOND));
	if (numbers_read(client, &r->now, fault) == -1)
		return (-1);
	r->silence = reading_silence(&r->now, clock_wall());
	return (0);
}
