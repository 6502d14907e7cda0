#ifndef SUPERVISOR_LEGACY_H
#define SUPERVISOR_LEGACY_H

#include "common/totals.h"

/*
 * What a supervisor before us has left of its sessions: in memory that outlived it, or in a file
 * that outlived the host.  Whoever reads either checks every field, and these are the same then.
 */
struct legacy_session {
	struct session_record record; /* its listener is an index of the legacy's */
	struct session_counters counters;
	uint32_t drops_seen; /* see totals_drops_seen() */
	uint16_t port;	     /* local, towards the upstream; host byte order */
	uint8_t saved;	     /* the service manager has the socket */
	uint8_t pad;
};
_Static_assert(sizeof(struct legacy_session) == 96, "padding");

struct legacy_listener {
	uint64_t cookie; /* of its socket, see inherited_cookie(); 0: not known */
	uint32_t address;
	uint16_t port; /* network byte order, as the address */
	uint16_t pad;
};

/* Of one worker. */
struct legacy {
	char upstream[ENDPOINT_HOST_MAX + 17]; /* as --upstream named it, */
	struct sockaddr_in6 address;	       /* and where that was */
	uint32_t worker;		       /* whose these are, */
	uint32_t workers;		       /* of so many */
	uint32_t spread[2]; /* see listener_group_by_address(); 0 and 0: not */
	int64_t written;    /* clock_now(): of two, the later one counts */
	uint32_t listeners;
	uint32_t sessions;
	struct legacy_listener *listener;
	struct legacy_session *session;
	struct totals *totals; /* NULL: not kept; else of so many */
	uint32_t slots;
	int sums; /* whether what was counted in all is in them, too */
};

/* Whether this memfd says that a store is behind it. */
int legacy_is_memory(int fd);

/*
 * Read what the store behind this memfd tells, at this clock_now(), with its totals, which are taken
 * from the memfds that were inherited.  What is not as a store's is refused as a whole, a session that
 * cannot be is left out.  Returns NULL, or what is wrong.  The descriptor stays the caller's.
 */
const char *legacy_read_memory(struct legacy *legacy, int fd, int64_t now);

void legacy_free(struct legacy *legacy);

#endif
