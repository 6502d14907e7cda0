#ifndef SUPERVISOR_ADOPTION_H
#define SUPERVISOR_ADOPTION_H

#include "supervisor/keepers.h"
#include "supervisor/legacy.h"

/*
 * Adoption: what a supervisor before us has left becomes ours.  Its sessions come into the keepers'
 * stores as those of a relay that has crashed, and the new relays are handed them back.
 */
struct adoption {
	uint32_t found; /* legacies */
	struct legacy legacy[WORKERS_MAX];
};

/*
 * Read what is among the inherited descriptors.  With another number of workers than `workers`, or
 * spread among them in another way, clients would come to another worker than the one that has
 * their session: nothing is adopted then.
 */
void adoption_read(struct adoption *adoption, const struct options *options, uint32_t workers);

/* Where the upstream of this name was, or NULL. */
const struct sockaddr_in6 *adoption_upstream(
    const struct adoption *adoption, const char *upstream);

/* The secret by which addresses are spread among workers; see listener_group_by_address(). */
void adoption_spread(const struct adoption *adoption, uint32_t secret[2]);

/*
 * The worker's listener of before at this address, or at any port there if that is 0.  Stores the
 * real address in *sin.  Returns the descriptor, or -1 if there was none.
 */
int adoption_listener(
    const struct adoption *adoption, uint32_t worker, struct sockaddr_in *sin);

/* How many sessions were taken, and how many were not. */
struct adopted {
	uint32_t taken;
	uint32_t dropped;
};

/* A socket for this session, or -1. */
typedef int adoption_socket(
    const struct legacy *legacy, const struct legacy_session *session, void *arg);

/* Take a worker's sessions into the store of a keeper whose relay does not run yet. */
void adoption_take(struct keeper *keeper, const struct legacy *legacy,
    adoption_socket *socket_of, void *arg, struct adopted *adopted);

/*
 * Take all that was read into the keepers, whose relays do not run yet, and close what nobody
 * wants.
 */
void adoption_finish(struct adoption *adoption, struct keepers *keepers);

#endif
