#ifndef RELAY_ADDRESS_H
#define RELAY_ADDRESS_H

#include <stdint.h>

#include "common/messages.h"
#include "relay/index_list.h"

/*
 * The sessions of each client address, for --max-sessions-per-address: how many there are, and
 * those that are not ASSURED in order of last activity, so that the one which has to make room
 * for another is found at once however many there are.  A session is known by its index.
 */
struct address {
	uint32_t address; /* network byte order */
	uint32_t sessions;
	uint32_t chain;			       /* next in the hash bucket, or free */
	struct age_list list[SESSION_ASSURED]; /* of UNREPLIED and of REPLIED ones */
};

/* A session's place in the list of its address and state. */
struct address_link {
	uint32_t older, newer;
	uint32_t address; /* place of it */
};

struct address_table {
	struct address *addresses;
	struct address_link *links; /* by session */
	uint32_t *buckets;
	uint32_t capacity; /* addresses */
	uint32_t places;   /* sessions */
	uint32_t mask;	   /* buckets - 1 */
	uint32_t used;	   /* of the addresses, so far */
	uint32_t free;
	const uint64_t *secret; /* key of the hash */
};

/*
 * Reserve address space for so many addresses, and sessions with an index below `places`.  The
 * secret must stay.  Returns 0, or -1 with errno ENOMEM.
 */
int address_table_init(
    struct address_table *table, uint32_t capacity, uint32_t places, const uint64_t *secret);
void address_table_free(struct address_table *table);

/* An UNREPLIED session of this address was opened. */
void address_add(struct address_table *table, uint32_t session, uint32_t address);

/* It was active just now, and its state has become `to`. */
void address_move(struct address_table *table, uint32_t session, enum session_state from,
    enum session_state to);

/* It was closed in this state. */
void address_remove(struct address_table *table, uint32_t session, enum session_state state);

/* How many sessions an address has. */
uint32_t address_sessions(const struct address_table *table, uint32_t address);

/* Its session in this state, not ASSURED, that has been silent for longest; or NONE. */
uint32_t address_oldest(
    const struct address_table *table, uint32_t address, enum session_state state);

#endif
