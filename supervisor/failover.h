#ifndef SUPERVISOR_FAILOVER_H
#define SUPERVISOR_FAILOVER_H

#include "common/messages.h"

/*
 * Which address of a name's is to be used.  The one in use is kept as long as the name lists it
 * and it answers; if clients wait for it in vain, another is tried.  Nothing here reads a clock:
 * times are clock_now()'s, and those that cannot be are taken for none.
 */
struct failover {
	uint32_t count;
	struct failover_address {
		struct in6_addr address;
		uint32_t scope;
		int tried;	  /* in vain, since one last answered */
		int64_t answered; /* when it last did; 0: never */
	} listed[RESOLVED_MAX];
	int64_t since;	  /* when the address in use became that */
	int64_t patience; /* so long clients wait in vain before another is tried */
};

void failover_init(struct failover *failover);

/* The name lists these, at least one.  What is known of those that it listed before stays. */
void failover_list(struct failover *failover, const struct msg_resolved *result);

/* Whether the name lists this address. */
int failover_lists(const struct failover *failover, const struct sockaddr_in6 *address);

/*
 * The address to use in place of `current`, which may not be listed: of those that were not tried
 * in vain, the one that answered last, else the first.  NULL: there is no other.
 */
const struct failover_address *failover_next(
    struct failover *failover, const struct sockaddr_in6 *current);

/* This one is used from now on, because a look-up says so: there is hope again. */
void failover_begin(struct failover *failover, int64_t now);

/*
 * Clients wait in vain for the address in use since `vain_since`; the upstream was last heard at
 * `reply`, 0: never.  Returns the address to use from now on, or NULL to wait on.
 */
const struct failover_address *failover_turn(struct failover *failover,
    const struct sockaddr_in6 *current, int64_t vain_since, int64_t reply, int64_t now);

#endif
