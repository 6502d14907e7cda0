#ifndef SUPERVISOR_INHERITED_H
#define SUPERVISOR_INHERITED_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <stdint.h>

/*
 * Descriptors that were handed to us at start, in the way of sd_listen_fds(3): sockets of a systemd
 * unit, what systemd has kept of a process before us, or what a program that ran in our place
 * leaves to us.  What one is for is told by what it is, never by its name or its place; the name is
 * for messages.  Who needs one takes it, and what nobody took is closed.
 */
#define INHERITED_FIRST 3 /* the first descriptor, as of sd_listen_fds(3) */

enum inherited_kind {
	INHERITED_TAKEN,
	INHERITED_LISTENER, /* UDP over IPv4, bound, without a peer */
	INHERITED_UPSTREAM, /* UDP over IPv6 alone, bound */
	INHERITED_HTTP,	    /* listens: TCP or a Unix socket */
	INHERITED_MEMORY,   /* a memfd, sealed against a change of its size */
	INHERITED_OTHER,
	INHERITED_KIND_MAX
};

struct inherited {
	int fd;
	enum inherited_kind kind;
	uint32_t address; /* of a listener: IPv4, network byte order, as the port */
	uint16_t port;
	uint32_t next; /* of the same port, to the upstream: index + 1, or 0 */
	const char *name;
};

/*
 * Take note of what LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES say, if it is for us, and remove them
 * from the environment.  Every other descriptor beyond standard error is closed.  Before anything
 * is opened.
 */
void inherited_init(void);

/* The next one of this kind after `last`, or the first if that is NULL; NULL: no more. */
struct inherited *inherited_next(enum inherited_kind kind, const struct inherited *last);

/* A listener at this address, or NULL. */
struct inherited *inherited_listener(const struct sockaddr_in *sin);

/* How many of this kind are left. */
uint32_t inherited_count(enum inherited_kind kind);

/* SO_COOKIE of a socket, see socket(7): no two have the same while the host runs.  0: no socket. */
uint64_t inherited_cookie(int fd);

/* Take it: who does has to close it.  Returns its descriptor. */
int inherited_take(struct inherited *inherited);

/*
 * Take a socket to the upstream with this local port, host byte order, that has no peer or this
 * one, or any if that is NULL.  Returns its descriptor, or -1.
 */
int inherited_take_upstream(uint16_t port, const struct sockaddr_in6 *peer);

/* Take a socket that listens at this address.  Returns its descriptor, or -1. */
int inherited_take_http(const struct sockaddr *address, socklen_t len);

/* Close what nobody took, and say so. */
void inherited_close(void);

#endif
