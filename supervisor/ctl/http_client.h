#ifndef SUPERVISOR_CTL_HTTP_CLIENT_H
#define SUPERVISOR_CTL_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

struct fault;
struct target;

struct http_client {
	struct target *target;
	int64_t timeout; /* nanoseconds, for a whole request */
	int interrupt;	 /* a descriptor: what can be read there cancels a request; or -1 */
};

/* No document of udp46 is larger: 65,535 listeners with some 50 series each. */
#define HTTP_BODY_MAX ((uint64_t)512 << 20)

/*
 * GET a path.  The body of an answer with status 200 goes to take(arg, ...) piece by piece, none of
 * it is kept here; take returns 0, or -1 with *fault filled in.  The address that has answered is
 * the only one of the target from then on.  Returns the status, or -1 and *fault.
 */
int http_client_get(const struct http_client *client, const char *path,
    int (*take)(void *arg, const char *data, size_t length), void *arg, struct fault *fault);

#endif
