#ifndef SUPERVISOR_ROUTE_H
#define SUPERVISOR_ROUTE_H

#include "supervisor/sockets.h"

/*
 * What routing says is true until it changes: the source address, and interface, that a socket
 * to the upstream gets.
 */
struct route {
	int netlink;	 /* rtnetlink(7); -1: without it the look every 10 s must do */
	int heard;	 /* of a change, since the last look */
	int64_t look_at; /* when to look next */
	/* As of the last look that found a way; sin6_family 0: none did yet. */
	struct sockaddr_in6 source;
	uint32_t interface; /* the upstream's, if that is link-local: an index */
	uint32_t path_mtu;  /* bytes, header included; 0: none yet */
};

/* Hear of changes of links, addresses and routes from now on. */
void route_open(struct route *route, int64_t now);

/* Its entry of a poll set; and when route_turn() must be called. */
void route_watch(const struct route *route, struct pollfd *pfd);
int64_t route_deadline(const struct route *route);

/*
 * The kernel has told of something: soon look at what it came to.  Many changes at once, or
 * messages that were lost, are one reason to look.
 */
void route_hear(struct route *route, int64_t now);

/*
 * Look, if it is time, and set upstream->error and the indices of its interfaces.  Returns
 * whether sockets to this upstream get another source, or interface, than they did at the last
 * look that found a way.
 */
int route_turn(struct route *route, struct upstream *upstream, int64_t now);

#endif
