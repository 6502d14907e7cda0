#ifndef SUPERVISOR_CTL_TARGET_H
#define SUPERVISOR_CTL_TARGET_H

#include <sys/socket.h>
#include <stddef.h>
#include <stdint.h>

#include "common/endpoint.h"

struct fault;

/* Room for "unix:" and the longest path of a socket, and for "[host]:port". */
#define TARGET_NAME_MAX (ENDPOINT_HOST_MAX + 16)

/* As many addresses of a name are tried. */
#define TARGET_ADDRESSES 8

/* Where the metrics are served: what is tried, in this order. */
struct target {
	size_t count;
	struct {
		struct sockaddr_storage address;
		socklen_t length;
		char name[TARGET_NAME_MAX]; /* as the user would write it */
	} of[TARGET_ADDRESSES];
};

/*
 * Read "HOST:PORT" or "unix:PATH", as --metrics.listen of udp46 has it; NULL: where udp46 serves
 * unless it is told otherwise, its Unix socket first.  A name is looked up.  Returns 0 or -1.
 */
int target_parse(struct target *target, const char *text, struct fault *fault);

/*
 * A socket that is connected to the first that answers, non-blocking.  Gives up at `deadline` (of
 * clock_now), or when `interrupt`, unless that is -1, can be read.  Returns -1 and all that was
 * tried in *fault.  *which is the number of the one that answers.
 */
int target_connect(const struct target *target, int64_t deadline, int interrupt, size_t *which,
    struct fault *fault);

/*
 * Wait until poll(2) says `events` of the socket, with deadline and interrupt as above.  Returns
 * 0, or -1 with errno: ETIMEDOUT or ECANCELED.
 */
int target_wait(int fd, short events, int64_t deadline, int interrupt);

#endif
