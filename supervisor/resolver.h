#ifndef SUPERVISOR_RESOLVER_H
#define SUPERVISOR_RESOLVER_H

#include "common/messages.h"
#include "supervisor/child.h"

/* A look-up in the background: one at a time, each in a child of its own. */
struct resolver {
	struct child child; /* does not run between look-ups */
	int binary;
	struct msg_identity identity;
	int ipv4_too;
	int64_t deadline; /* when it is given up */
};

/* The life of a resolver child, whose control socket is CONTROL_FILENO: one look-up. */
void resolver_main(void) __attribute__((noreturn));

/* Children shall have this identity and execute the descriptor `binary`. */
void resolver_init(struct resolver *resolver, const struct msg_identity *identity, int binary);

/*
 * Begin to look up the IPv6 addresses of host.  If there are more than RESOLVED_MAX, `in_use` is
 * not left out.  Returns 0, or -1 with errno when no child can be started.
 */
int resolver_start(struct resolver *resolver, const char *host,
    const struct sockaddr_in6 *in_use, int64_t now);

/* Fill in CHILD_POLLFDS entries of a poll set; and when resolver_turn() must be called. */
void resolver_watch(const struct resolver *resolver, int64_t now, struct pollfd *pfd);
int64_t resolver_deadline(const struct resolver *resolver, int64_t now);

/*
 * Go on.  Returns 1 when a look-up has ended, 12 s after it began at the latest: with
 * result->count at least 1, or result->error telling why there is no address, in the child's
 * words, which are not fit for a terminal.  Else 0.
 */
int resolver_turn(struct resolver *resolver, struct msg_resolved *result, int64_t now);

/* Give a look-up up, if there is one. */
void resolver_stop(struct resolver *resolver, int64_t now);

/*
 * All of it at once, before there is a loop: wait for the result, with IPv4 addresses as
 * IPv4-mapped ones if `ipv4_too`.  Returns 0 if there is an address, else -1.
 */
int resolve(const char *host, int ipv4_too, const struct msg_identity *identity, int binary,
    struct msg_resolved *result);

#endif
