/*
 * What is sent to an upstream that does not answer is lost without an error: a service that is
 * down behind a firewall, one that does not know the key, one somewhere else.  Only clients who
 * go on waiting tell, and relays note those: see trouble.c there.
 */
#include "common/clock.h"
#include "common/endpoint.h"
#include "common/log.h"
#include "supervisor/silence.h"

/* Until it is said. */
#define PATIENCE (30 * SECOND)

/* How often one looks whether it is over. */
#define LOOK_EVERY SECOND

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
silence_heard(
    struct silence *s, const struct upstream *u, int64_t vain_since, int64_t reply, int64_t now)
{
	int64_t since = clock_later(vain_since, reply);
	char address[ENDPOINT_STRLEN];

	if (s->since != 0 || vain_since <= 0 || now - since < PATIENCE)
		return;
	log_warn("upstream silent", "upstream=%s seconds=%u causes=%s",
	    upstream_format(u, address), (unsigned int)((now - since) / SECOND), causes);
	s->since = since;
	s->look_at = now + LOOK_EVERY;
}

void
silence_turn(struct silence *s, const struct upstream *u, int64_t reply, int64_t now)
{
	char address[ENDPOINT_STRLEN];

	s->look_at = now + LOOK_EVERY;
	if (reply <= s->since)
		return;
	log_info("upstream answers again", "upstream=%s seconds=%u",
	    upstream_format(u, address), (unsigned int)((reply - s->since) / SECOND));
	silence_init(s);
}
