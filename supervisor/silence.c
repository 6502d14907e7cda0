/*
 * What is sent to an upstream that does not answer is lost without an error: a service that is
 * down behind a firewall, one that does not know the key, one somewhere else.  Only clients who
 * go on waiting tell, and relays note those: see trouble.c there.
 */
#include "common/endpoint.h"
#include "common/log.h"
#include "supervisor/silence.h"

/* How often one looks whether it is over. */
#define LOOK_EVERY SECOND

/* Whoever waited has given up: it may have been a stranger, whom nobody ever answers. */
#define GIVEN_UP (300 * SECOND)

/* The most likely first; all can be looked at over there. */
static const char causes[] =
    "the service does not run at this address and port, "
    "or a firewall drops UDP on the way there or back, "
    "or it does not accept what clients send (WireGuard: wrong keys; see wg show there)";

void
silence_init(struct silence *s)
{
	*s = (struct silence){ .look_at = NEVER };
}

void
silence_heard(struct silence *s, const struct upstream *u, int64_t vain_since, int64_t reply,
    int no_way, int64_t now)
{
	int64_t since = clock_later(vain_since, reply);
	char address[ENDPOINT_STRLEN];

	if (vain_since <= 0 || (s->since == 0 && now - since < SILENCE_PATIENCE))
		return;
	if (s->since == 0) {
		s->since = since;
		s->look_at = now + LOOK_EVERY;
	}
	s->heard_at = now;
	if (s->said || no_way)
		return;
	s->said = 1;
	log_warn("upstream silent", "upstream=%s seconds=%u causes=%s",
	    upstream_format(u, address), (unsigned int)((now - s->since) / SECOND), causes);
}

void
silence_turn(struct silence *s, const struct upstream *u, int64_t reply, int64_t now)
{
	char address[ENDPOINT_STRLEN];

	s->look_at = now + LOOK_EVERY;
	if (reply <= s->since && now - s->heard_at < GIVEN_UP)
		return;
	if (s->said && reply > s->since)
		log_info("upstream answers again", "upstream=%s seconds=%u",
		    upstream_format(u, address), (unsigned int)((reply - s->since) / SECOND));
	else if (s->said)
		log_info("nobody waits for the upstream", "upstream=%s seconds=%u",
		    upstream_format(u, address),
		    (unsigned int)((s->heard_at - s->since) / SECOND));
	silence_init(s);
}
