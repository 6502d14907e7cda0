#ifndef SUPERVISOR_RESOLVER_H
#define SUPERVISOR_RESOLVER_H

#include "common/messages.h"

/* The life of a resolver child, whose control socket is CONTROL_FILENO: one look-up. */
void resolver_main(void) __attribute__((noreturn));

/*
 * Look up the IPv6 addresses of host, and IPv4-mapped ones if `ipv4_too`, in a resolver child
 * that is started from the descriptor `binary` with this identity, and wait for its answer, 12 s
 * at most.  Returns 0 with result->count at least 1, or -1 with result->error telling why there
 * is none: the child's words, not fit for a terminal.
 */
int resolve(const char *host, int ipv4_too, const struct msg_identity *identity, int binary,
    struct msg_resolved *result);

#endif
