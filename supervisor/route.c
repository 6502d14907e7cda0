/*
 * Addresses come and go, and with them the one that routing would choose: a prefix is renumbered,
 * a second uplink is preferred, an interface is made anew.  rtnetlink(7) tells that something
 * changed, and a probe what that means for us.  It is the judge also where netlink is forbidden,
 * or a message was lost.
 */
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/endpoint.h"
#include "common/log.h"
#include "supervisor/route.h"

#define LOOK_EVERY (10 * SECOND)
#define LOOK_EVERY_LOST SECOND /* while there is no way */

/* So many changes come together that one look serves for all within this time. */
#define SETTLE (200 * MILLISECOND)

/* Messages taken at once: more than the receive buffer holds. */
#define MESSAGES_MOST 1024

void
route_open(struct route *route, int64_t now)
{
	struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE,
	};

	route->look_at = now;
	route->netlink =
	    socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (route->netlink == -1)
		return;
	if (bind(route->netlink, (const struct sockaddr *)&groups, sizeof(groups)) == 0)
		return;
	close(route->netlink);
	route->netlink = -1;
}

void
route_watch(const struct route *route, struct pollfd *pfd)
{
	/* In a storm nothing more is heard before the look. */
	*pfd = (struct pollfd){ .fd = route->heard ? -1 : route->netlink, .events = POLLIN };
}

int64_t
route_deadline(const struct route *route)
{
	return (route->look_at);
}

void
route_hear(struct route *route, int64_t now)
{
	route->heard = 1;
	route->look_at = clock_earlier(route->look_at, now + SETTLE);
}

/* What the messages say does not matter, and ENOBUFS says that some were lost. */
static void
forget_messages(struct route *route)
{
	char message[4096];
	int i;

	for (i = 0; i < MESSAGES_MOST && route->netlink != -1; i++)
		if (recv(route->netlink, message, sizeof(message), 0) == -1 && errno != ENOBUFS)
			break;
	route->heard = 0;
}

static int
is_same(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b)
{
	return (IN6_ARE_ADDR_EQUAL(&a->sin6_addr, &b->sin6_addr) &&
	    a->sin6_scope_id == b->sin6_scope_id);
}

/* Returns 0, or -1 if there is no way, or nothing to find that out with. */
static int
look(struct upstream *upstream, struct sockaddr_in6 *source, uint32_t *path_mtu)
{
	if (upstream_find_interfaces(upstream) == 0 &&
	    upstream_probe(upstream, source, path_mtu) == 0) {
		upstream->error = 0;
		return (0);
	}
	if (!upstream_is_exhaustion(errno))
		upstream->error = errno;
	return (-1);
}

int
route_turn(struct route *route, struct upstream *upstream, int64_t now)
{
	char from[ENDPOINT_STRLEN], to[ENDPOINT_STRLEN];
	struct sockaddr_in6 source, before = route->source;
	uint32_t interface = route->interface;
	int found;

	if (now < route->look_at)
		return (0);
	forget_messages(route);
	found = look(upstream, &source, &route->path_mtu);
	route->look_at = now + (upstream->error == 0 ? LOOK_EVERY : LOOK_EVERY_LOST);
	if (found == -1)
		return (0);
	route->source = source;
	route->interface = upstream->address.sin6_scope_id;
	if (before.sin6_family == 0 ||
	    (is_same(&before, &source) && interface == route->interface))
		return (0);
	log_info("upstream source changed", "from=%s to=%s",
	    endpoint_format_address6(&before, from), endpoint_format_address6(&source, to));
	return (1);
}
