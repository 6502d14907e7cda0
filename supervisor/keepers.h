#ifndef SUPERVISOR_KEEPERS_H
#define SUPERVISOR_KEEPERS_H

#include "supervisor/keeper.h"
#include "supervisor/options.h"
#include "supervisor/source_filter.h"

/* The keepers of all workers, and what they share. */
struct keepers {
	uint32_t count;
	uint32_t descriptors; /* for upstream sockets */
	uint32_t listeners;   /* of each worker */
	struct keeper keeper[WORKERS_MAX];
	struct msg_listener *listener; /* whose sockets each keeper has of its own */
	uint32_t spread[2];	       /* see listener_group_by_address(); 0 and 0: not */
	struct upstream upstream;
	struct ports ports;
	struct outage outage;
	struct source_filter sources;
};

/* The upstream at this address as the options want it; `trains` and `error` are not set. */
void keepers_upstream(const struct options *options, const struct sockaddr_in6 *address,
    struct upstream *upstream);

/*
 * Make ports, stores and totals, and all else that relays will be told, to each its share; the
 * upstream is at this address.  The listeners must be open, and `descriptors` set.  Ends the
 * program with EXIT_REFUSED when the system refuses.
 */
void keepers_init(const struct options *options, const struct sockaddr_in6 *upstream,
    const struct msg_identity *identity, struct keepers *keepers);

/* The upstream is now at this address: move all sockets there. */
void keepers_move(struct keepers *keepers, const struct sockaddr_in6 *address, int64_t now);

/*
 * When the upstream was last heard by any relay, as far as they can be believed: not later than
 * `now`; 0: never.
 */
int64_t keepers_last_reply(const struct keepers *keepers, int64_t now);

/*
 * For a successor, who goes on with the totals: what was counted here and not there becomes a part
 * of them, and so many log records that were lost.  All relays have ended.
 */
void keepers_pass_on(struct keepers *keepers, uint64_t lost);

/* Routing has changed: have all sockets get their source address afresh. */
void keepers_reroute(struct keepers *keepers, int64_t now);

#endif
