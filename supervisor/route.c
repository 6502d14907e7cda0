/*
 * Addresses come and go, and with them the one that routing would choose: a prefix is renumbered,
 * a second uplink is preferred, an interface is made anew.  rtnetlink(7) tells that something
 * changed, and a probe what that means for us.  It is the judge also where netlink is forbidden,
 * or a message was lost.
 */
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/route.h"

#define LOOK_EVERY (10 * SECOND)

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

int
route_turn(struct route *route, const struct upstream *upstream, int64_t now)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	struct sockaddr_in6 source, before = route->source;

	if (now < route->look_at)
		return (0);
	route->look_at = now + LOOK_EVERY;
	forget_messages(route);
	/* No way at all: whoever makes or moves sockets says so, and tries again. */
	if (upstream_probe(upstream, &source) == -1)
		return (0);
	route->source = source;
	if (before.sin6_family == 0 || is_same(&before, &source))
		return (0);
	inet_ntop(AF_INET6, &before.sin6_addr, from, sizeof(from));
	inet_ntop(AF_INET6, &source.sin6_addr, to, sizeof(to));
	log_info("upstream source changed", "from=%s to=%s", from, to);
	return (1);
}
