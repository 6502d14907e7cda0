#ifndef SUPERVISOR_SOCKETS_H
#define SUPERVISOR_SOCKETS_H

#include <sys/types.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>

/*
 * Every socket that touches the network is made here, and nowhere else.
 */

/*
 * How upstream sockets are made: all alike.  A link-local address keeps the name of its
 * interface, if it was given by name, as the index is another one when that is made anew.
 */
struct upstream {
	struct sockaddr_in6 address;
	struct sockaddr_in6 source; /* sin6_family 0: the kernel chooses */
	char interface[IF_NAMESIZE];
	char source_interface[IF_NAMESIZE];
	int error;	      /* there is no way now: errno */
	uint32_t buffer_size; /* of a session's socket, bytes */
	int trains;	      /* ask for UDP_GRO */
	int whole;	      /* never fragments: EMSGSIZE instead */
};

/* How listeners are made. */
struct listener_config {
	uint32_t buffer_size; /* of each direction, bytes */
	int trains;	      /* ask for UDP_GRO */
	int whole;	      /* never fragments: EMSGSIZE instead */
};

/* How a listener stands to others at its address: SO_REUSEPORT, see socket(7). */
enum listener_share {
	LISTENER_ALONE,
	LISTENER_FIRST, /* of a group: EADDRINUSE if anybody else is at the address */
	LISTENER_NEXT,	/* joins the group */
};

/*
 * Make a listener: an IPv4 UDP socket bound to *sin, whose datagrams come with the address
 * that they were sent to and with their TOS; none to a multicast group.  What it sends is larger
 * than the path where it must be and then may be cut anywhere on the way (no DF), whatever ICMP
 * says.  Stores the real address in *sin.  Returns the descriptor, or -1 with errno.  See ip(7).
 */
int listener_open(
    struct sockaddr_in *sin, const struct listener_config *config, enum listener_share share);

/* Give a listener that is bound already what listener_open() gives.  Returns 0, or -1 with errno. */
int listener_configure(int fd, const struct listener_config *config);

/*
 * Have the group of this listener, of so many, give all datagrams of one client address to one
 * member, instead of spreading them by address and port: to the same of every group that was
 * given the same secret, which nobody can aim by who does not know it.  Returns 0, or -1 with
 * errno.  See SO_ATTACH_REUSEPORT_CBPF in socket(7).
 */
int listener_group_by_address(int fd, uint32_t members, const uint32_t secret[2]);

/*
 * Make a socket for a session: IPv6 only, bound to `port` (host byte order), connected to the
 * upstream, and empty: what a stranger sent before it was connected is gone.  Returns the
 * descriptor, or -1 with errno: EADDRINUSE if the port serves another program, ENETUNREACH
 * and the like without a route.  See ipv6(7).
 */
int upstream_open(const struct upstream *upstream, uint16_t port);

/*
 * The same, for a port that a session had before us: also while there is no way to the upstream,
 * or the source address is not there.  *connected is 0 then, and upstream_move() does it later.
 */
int upstream_bind(const struct upstream *upstream, uint16_t port, int *connected);

/*
 * A session's socket of before us may be bound to an address that is not to be the source any longer,
 * and would be for ever: a new one, with its port, takes its place then.  `source` is what is right,
 * [::] if that is not known.  Returns the descriptor, or -1 with errno; `fd` is closed if it is another.
 */
int upstream_rebind(
    int fd, const struct upstream *upstream, const struct sockaddr_in6 *source, uint16_t port);

/*
 * Give a session's socket that was made by a program before us what upstream_open() gives a new one
 * as the options are now.  Returns 0, or -1 with errno.
 */
int upstream_configure(int fd, const struct upstream *upstream);

/*
 * Give the addresses the indices that their interfaces have now.  Returns 0, or -1 with errno:
 * see endpoint_find_interface().
 */
int upstream_find_interfaces(struct upstream *upstream);

/* Write the upstream's address, with the interface as it was named; returns buf. */
char *upstream_format(const struct upstream *upstream, char *buf);

/* Whether an errno says that no socket, port or memory is to be had: nothing of the way. */
int upstream_is_exhaustion(int error);

/*
 * The source address, and interface if that is link-local, that a socket to the upstream gets
 * from routing as it is now, and if asked for what the kernel knows of the path, as IPV6_MTU of
 * ipv6(7) in bytes: a probe is connected, nothing is sent.  Returns 0, or -1 with errno:
 * ENETUNREACH and the like.
 */
int upstream_probe(
    const struct upstream *upstream, struct sockaddr_in6 *source, uint32_t *path_mtu);

/*
 * Have a session's socket, which may be in use, go to upstream->address, from `source` as of
 * upstream_probe().  Its port stays.  For a moment without a peer if its source or interface has
 * to change: then a send fails with EDESTADDRREQ.  Returns 0, or -1 with errno.  See connect(2).
 */
int upstream_move(int fd, const struct upstream *upstream, const struct sockaddr_in6 *source);

/*
 * Make a listening socket for HTTP: TCP on an IPv4 or IPv6 address, [::] being that of
 * both, or a Unix socket at `path`, mode 0660 and of group `gid` (or of its folder's, if that is set-group-ID), in the
 * place of one that nobody listens on.  Returns the descriptor, or -1 with errno.  See tcp(7),
 * unix(7).
 */
int http_socket_open(const struct sockaddr_storage *address);
int http_socket_open_unix(const char *path, gid_t gid);

/* Whether there is nothing at this path, or what would be replaced.  Returns 0, or -1 with errno. */
int http_socket_try_unix(const char *path);

/* What to do about an errno of bind(2), for a message to the user. */
const char *bind_remedy(int error);

/* Whether buffers could not be made as large as asked for, since the start. */
int buffers_limited(void);

#endif
