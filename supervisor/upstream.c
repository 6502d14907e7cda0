#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/upstream.h"
#include "supervisor/visible.h"

/* Between tries while the name cannot be looked up: doubled from the first to the longest. */
#define RETRY_FIRST SECOND
#define RETRY_MOST (30 * SECOND)

/* While something is wrong at the address. */
#define SUSPECT_EVERY (5 * SECOND)

static const char *
reason(const struct msg_resolved *result)
{
	return (result->ipv4_only ? "has an IPv4 address only" : result->error);
}

static void __attribute__((noreturn))
refuse_name(const char *text, const struct msg_resolved *result)
{
	refuse(EXIT_REFUSED, "--upstream %s: %s: want a name with an AAAA record", text,
	    reason(result));
}

static void
use(struct sockaddr_in6 *address, const struct failover_address *to)
{
	address->sin6_addr = to->address;
	address->sin6_scope_id = to->scope;
	address->sin6_family = AF_INET6;
}

void
upstream_resolve(struct options *o, const struct msg_identity *id, int binary)
{
	struct msg_resolved result;
	struct failover failover;

	if (o->upstream_literal)
		return;
	if (resolve(o->upstream_host, 0, id, binary, &result) == -1)
		refuse_name(o->upstream, &result);
	failover_init(&failover);
	failover_list(&failover, &result);
	use(&o->upstream_address, failover_next(&failover, &o->upstream_address));
}

void
upstream_init(struct upstream_name *u, const struct options *o, const struct msg_identity *id,
    int binary, int64_t now)
{
	u->host = o->upstream_literal ? NULL : o->upstream_host;
	u->text = o->upstream;
	u->address = o->upstream_address;
	u->interval = o->resolve_interval;
	u->delay = RETRY_FIRST;
	u->at = NEVER;
	failover_init(&u->failover);
	resolver_init(&u->resolver, id, binary);
	if (u->host == NULL)
		return;
	u->address.sin6_family = 0;
	u->at = now;
}

void
upstream_know(struct upstream_name *u, const struct sockaddr_in6 *address)
{
	if (u->host != NULL && address != NULL)
		u->address = *address;
}

int
upstream_look_up(struct upstream_name *u, int64_t now)
{
	if (u->host == NULL)
		return (-1);
	u->wanted = 1;
	u->at = now;
	return (0);
}

void
upstream_suspect(struct upstream_name *u, int64_t now)
{
	/* One that is under way will tell; when they fail, the next one is soon enough. */
	if (u->host == NULL || u->interval == 0 || u->resolver.child.pid != 0 ||
	    u->delay != RETRY_FIRST)
		return;
	u->at = clock_earlier(u->at, u->began + SUSPECT_EVERY);
	if (u->at < now)
		u->at = now;
}

int
upstream_fail_over(struct upstream_name *u, int64_t vain_since, int64_t reply, int64_t now)
{
	const struct failover_address *next;
	char text[ENDPOINT_STRLEN];

	next = failover_turn(&u->failover, &u->address, vain_since, reply, now);
	if (next == NULL)
		return (0);
	use(&u->address, next);
	log_warn("upstream failed over", "upstream=%s address=%s listed=%u", u->text,
	    endpoint_format_ipv6(&u->address, text), u->failover.count);
	return (1);
}

void
upstream_watch(const struct upstream_name *u, int64_t now, struct pollfd *pfd)
{
	resolver_watch(&u->resolver, now, pfd);
}

int64_t
upstream_deadline(const struct upstream_name *u, int64_t now)
{
	if (u->resolver.child.pid != 0)
		return (resolver_deadline(&u->resolver, now));
	return (u->at);
}

/* ---- a look-up's end ---- */

/* Said once, until one succeeds again. */
static void
failed(struct upstream_name *u, const struct msg_resolved *result, int64_t now)
{
	u->errors++;
	if (u->delay == RETRY_FIRST)
		log_warn(
		    "upstream not resolved", "upstream=%s error=%s", u->text, reason(result));
	u->at = now + u->delay;
	u->delay = u->delay * 2 < RETRY_MOST ? u->delay * 2 : RETRY_MOST;
}

/* So that not all relays of the world ask at once: a tenth sooner or later. */
static int64_t
next_look_up(const struct upstream_name *u, int64_t now)
{
	int64_t tenth = u->interval / 10;

	if (u->interval == 0)
		return (NEVER);
	if (u->interval > NEVER - now - tenth)
		return (NEVER);
	return (now + u->interval - tenth + tenth / 500 * arc4random_uniform(1000));
}

static int
found(struct upstream_name *u, const struct msg_resolved *result, int64_t now)
{
	char text[ENDPOINT_STRLEN];

	if (u->delay != RETRY_FIRST && u->address.sin6_family != 0)
		log_info("upstream resolved again", "upstream=%s", u->text);
	u->delay = RETRY_FIRST;
	u->at = next_look_up(u, now);
	failover_list(&u->failover, result);
	if (u->address.sin6_family != 0 && failover_lists(&u->failover, &u->address))
		return (0);
	use(&u->address, failover_next(&u->failover, &u->address));
	failover_begin(&u->failover, now);
	log_info("upstream resolved", "upstream=%s address=%s", u->text,
	    endpoint_format_ipv6(&u->address, text));
	return (1);
}

int
upstream_turn(struct upstream_name *u, int64_t now)
{
	struct msg_resolved result;
	int changed = 0;

	if (resolver_turn(&u->resolver, &result, now)) {
		if (result.count > 0)
			changed = found(u, &result, now);
		else if (u->address.sin6_family == 0 && !result.temporary)
			refuse_name(u->text, &result);
		else
			failed(u, &result, now);
		if (u->wanted)
			u->at = now;
	}
	if (u->resolver.child.pid != 0 || now < u->at)
		return (changed);
	u->wanted = 0;
	u->at = NEVER;
	u->began = now;
	if (resolver_start(&u->resolver, u->host, &u->address, now) == -1) {
		memset(&result, 0, sizeof(result));
		strlcpy(result.error, strerror(errno), sizeof(result.error));
		failed(u, &result, now);
	}
	return (changed);
}
