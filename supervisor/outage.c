/*
 * Sends of sessions can fail while there are sockets enough, so it is relays who notice; and as
 * one error can be anybody's (a router's, a forger's), what they say is judged here: by connect(2)
 * if there is no route, by what else comes if there is one.
 */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/endpoint.h"
#include "common/log.h"
#include "supervisor/outage.h"

/* How often one looks whether it is over. */
#define LOOK_EVERY SECOND

/* Errors of a path that are no closer than this, and no farther apart, are one matter. */
#define ERRORS_APART SECOND
#define ERRORS_TOGETHER (60 * SECOND)

/* After the end of an outage, until errors of a path are believed again. */
#define CALM (10 * SECOND)

/* connect(2) to the upstream.  Returns 0 if there is a route, or nothing to try it with, else -1. */
static int
probe(const struct upstream *u)
{
	struct sockaddr_in6 source;

	/* What the last look at routing said: without its interface there is nothing to try. */
	if (u->error != 0) {
		errno = u->error;
		return (-1);
	}
	return (
	    upstream_probe(u, &source, NULL) == 0 || upstream_is_exhaustion(errno) ? 0 : -1);
}

void
outage_init(struct outage *o)
{
	*o = (struct outage){ .look_at = NEVER };
}

static void
begin(struct outage *o, int kind, const char *who, const struct upstream *u, int error,
    int64_t now)
{
	char address[ENDPOINT_STRLEN];

	if (o->kind == OUTAGE_NONE)
		log_warn("upstream unreachable", "child=%s upstream=%s error=%s", who,
		    upstream_format(u, address), strerror(error));
	o->kind = kind;
	o->error_at = now;
	o->look_at = now + LOOK_EVERY;
}

static void
end(struct outage *o, const struct upstream *u, int64_t now)
{
	char address[ENDPOINT_STRLEN];

	log_info("upstream reachable", "upstream=%s", upstream_format(u, address));
	outage_init(o);
	o->over_at = now;
}

void
outage_no_route(
    struct outage *o, const char *who, const struct upstream *u, int error, int64_t now)
{
	begin(o, OUTAGE_ROUTE, who, u, error, now);
}

void
outage_has_route(struct outage *o, const struct upstream *u, int64_t now)
{
	if (o->kind == OUTAGE_ROUTE)
		end(o, u, now);
}

/* Errors that say that there is no way, be it a router or a filter of ours that says so. */
static int
is_no_way(int error)
{
	return (error == ENETUNREACH || error == EHOSTUNREACH || error == ENETDOWN ||
	    error == EHOSTDOWN || error == ENODEV || error == ENXIO || error == ENONET ||
	    error == EADDRNOTAVAIL || error == EACCES || error == EPERM);
}

void
outage_heard(struct outage *o, const char *who, const struct upstream *u, int error,
    int64_t reply, int64_t now)
{
	if (probe(u) == -1) {
		outage_no_route(o, who, u, errno, now);
		return;
	}
	if (!is_no_way(error))
		return;
	if (o->kind != OUTAGE_NONE) {
		o->error_at = now;
		return;
	}
	if (o->over_at != 0 && now - o->over_at < CALM)
		return;
	if (o->suspected_at == 0 || o->suspected_at < reply ||
	    now - o->error_at > ERRORS_TOGETHER)
		o->suspected_at = now;
	o->error_at = now;
	if (now - o->suspected_at >= ERRORS_APART)
		begin(o, OUTAGE_PATH, who, u, error, now);
}

void
outage_turn(struct outage *o, const struct upstream *u, int64_t reply, int64_t now)
{
	o->look_at = now + LOOK_EVERY;
	if (probe(u) == -1) {
		o->kind = OUTAGE_ROUTE;
		return;
	}
	if (o->kind == OUTAGE_ROUTE || reply > o->error_at ||
	    now - o->error_at >= ERRORS_TOGETHER)
		end(o, u, now);
}
