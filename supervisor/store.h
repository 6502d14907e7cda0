#ifndef SUPERVISOR_STORE_H
#define SUPERVISOR_STORE_H

#include <stdint.h>

#include "common/messages.h"

enum slot_state {
	SLOT_FREE,
	SLOT_KEPT,    /* the relay does not have it: not yet, or not any more */
	SLOT_POOLED,  /* in the relay's pool: handed out, serves nobody yet */
	SLOT_OFFERED, /* handed back with its session; the relay has not answered yet */
	SLOT_OPEN,    /* serves the session of its record */
	SLOT_STATE_MAX
};

/* A socket of which we keep a duplicate. */
struct slot {
	int fd; /* of a free slot: the next free one, or -1 */
	uint32_t generation;
	uint16_t port;
	uint8_t state; /* enum slot_state */
	uint8_t pad[5];
	struct session_record record; /* opaque here: the relay's word, for its successor */
};
_Static_assert(sizeof(struct slot) == 56, "what a session costs the supervisor");

/*
 * The socket store's book-keeping: which sockets exist, who has them, and what is known of
 * the sessions that they serve.  It opens and closes nothing itself.
 */
struct store {
	struct slot *slots;
	uint32_t max;
	uint32_t used; /* of the array, so far */
	int free;
	uint32_t count[SLOT_STATE_MAX]; /* but of free ones */
};

/* Up to `max` sockets.  Returns 0, or -1 with errno ENOMEM. */
int store_init(struct store *store, uint32_t max);
void store_free(struct store *store);

/* Whether there is room for another socket. */
int store_has_room(const struct store *store);

/* Add a socket as KEPT and return its slot.  The store must have room. */
uint32_t store_add(struct store *store, int fd, uint16_t port);

/* Note what became of a socket other than by a record: handed out, handed back, kept again. */
void store_set(struct store *store, uint32_t slot, enum slot_state state);

/*
 * Take a relay's word: a session on the named socket opened, was taken back or changed.
 * Returns 0, or -1 with errno EBADMSG if the relay does not have that socket.
 */
int store_record(struct store *store, const struct msg_record *record);

/* Whether the named socket is the relay's to close. */
int store_has(const struct store *store, const struct socket_name *name);

/* What the relay is told of a socket. */
struct msg_socket store_socket(const struct store *store, uint32_t slot);

/* Free a slot; its descriptor is returned, for the caller to close. */
int store_remove(struct store *store, uint32_t slot);

#endif
