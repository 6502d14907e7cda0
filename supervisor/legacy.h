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
	uint16_t port; /* local, towards the upstream; host byte order */
	uint16_t pad[3];
};
_Static_assert(sizeof(struct legacy_session) == 96, "padding");

struct legacy {
	char upstream[ENDPOINT_HOST_MAX + 16]; /* as --upstream named it, */
	struct sockaddr_in6 address;	       /* and where that was */
	uint32_t listeners;
	uint32_t sessions;
	struct msg_listener *listener;
	struct legacy_session *session;
};

#endif
