#ifndef SUPERVISOR_STORE_H
#define SUPERVISOR_STORE_H

#include <stdint.h>

#include "common/totals.h"

enum slot_state {
	SLOT_FREE,
	SLOT_KEPT,    /* the relay does not have it: not yet, or not any more */
	SLOT_POOLED,  /* in the relay's pool: handed out, serves nobody yet */
	SLOT_OFFERED, /* handed back with its session; the relay has not answered yet */
	SLOT_OPEN,    /* serves the session of its record */
	SLOT_STATE_MAX
};

/* Whether the service manager keeps a duplicate, too: of sockets of assured sessions. */
enum slot_saved {
	SAVED_NOT,
	SAVED,
	SAVED_IN_VAIN, /* what it keeps is of a socket that was closed */
};

/*
 * The store lives in a memfd that outlives the supervisor, so that its successor finds what stands
 * in it: this head, a store_listener for each listener, and the slots.  `layout` has the sizes of the
 * structs, STORE_VERSION changes with their meaning: a successor of another kind refuses it.  But
 * what was counted in all is not worth a session: sums of another layout begin anew.
 */
#define STORE_MAGIC "udp46 records\n\0"
#define STORE_VERSION 1
#define STORE_LAYOUT                                                                           \
	{                                                                                      \
		sizeof(struct store_head), sizeof(struct store_listener), sizeof(struct slot), \
		    sizeof(struct session_line), sizeof(struct totals),                        \
		    sizeof(struct listener_totals)                                             \
	}
enum { LAYOUT_TOTALS = 4, LAYOUT_LISTENER_TOTALS, LAYOUT_MAX };

struct store_head {
	char magic[16];
	uint32_t version;
	uint32_t layout[LAYOUT_MAX];
	uint32_t listeners;
	uint32_t slots;
	uint32_t worker;    /* whose it is, */
	uint32_t workers;   /* of so many */
	uint32_t scope;	    /* of the address */
	uint32_t spread[2]; /* see listener_group_by_address(); 0 and 0: not */
	uint32_t pad;
	int64_t written; /* clock_now() when the head was */
	uint64_t totals; /* inode of the memfd of its totals: see fstat(2) */
	char upstream[ENDPOINT_HOST_MAX + 17]; /* as --upstream named it, */
	uint8_t address[16];		       /* and where that is now */
	uint16_t port;			       /* network byte order */
	uint16_t pad2[3];
};
_Static_assert(sizeof(struct store_head) == 392, "padding");

struct store_listener {
	uint64_t cookie;  /* SO_COOKIE of its socket: see socket(7) */
	uint32_t address; /* network byte order, as the port */
	uint16_t port;
	uint16_t pad;
};

/* A socket of which we keep a duplicate. */
struct slot {
	int fd; /* of a free slot: the next free one, or -1 */
	uint32_t generation;
	uint16_t port;
	uint16_t saved_port; /* unless SAVED_NOT */
	uint8_t state;	     /* enum slot_state */
	uint8_t saved;	     /* enum slot_saved */
	uint8_t pad[2];
	/*
	 * The relay's word, for its successor.  All zero until it has come, and no
	 * session's id is 0: so a KEPT slot without one has never served.
	 */
	struct session_record record;
};
_Static_assert(sizeof(struct slot) == 56, "what a session costs the supervisor");

/*
 * The socket store's book-keeping: which sockets exist, who has them, and what is known of
 * the sessions that they serve.  It opens and closes nothing itself.
 */
struct store {
	int fd; /* of its memory */
	struct store_head *head;
	struct store_listener *listener;
	struct slot *slots;
	uint32_t max;
	uint32_t used; /* of the array, so far */
	int free;
	uint32_t count[SLOT_STATE_MAX]; /* but of free ones */
	uint32_t unsaved;		/* slots of which the service manager is to be told */
};

/*
 * For up to `max` sockets of so many listeners.  In the head is set what says that; the rest is the
 * caller's to fill in.  Returns 0, or -1 with errno.  See memfd_create(2).
 */
int store_init(struct store *store, uint32_t listeners, uint32_t max);
void store_free(struct store *store);

/* How many bytes such a store has. */
size_t store_size(uint32_t listeners, uint32_t max);

/* Whether there is room for another socket. */
int store_has_room(const struct store *store);

/* Add a socket as KEPT, without a record, and return its slot.  The store must have room. */
uint32_t store_add(struct store *store, int fd, uint16_t port);

/* Note what became of a socket other than by a record: handed out, handed back, kept again. */
void store_set(struct store *store, uint32_t slot, enum slot_state state);

/*
 * Take a relay's word: a session on the named socket opened, was taken back or changed.
 * Returns 0, or -1 with errno EBADMSG if the relay does not have that socket.
 */
int store_record(struct store *store, const struct msg_record *record);

/* Set what is known of a slot's session, without a relay's word. */
void store_set_record(struct store *store, uint32_t slot, const struct session_record *record);

/* Whether the named socket is the relay's to close. */
int store_has(const struct store *store, const struct socket_name *name);

/* What the relay is told of a socket. */
struct msg_socket store_socket(const struct store *store, uint32_t slot);

/*
 * Whether the service manager has to be told of this slot: to keep its socket, or, if it keeps one
 * that is closed, to forget that first.
 */
int store_is_unsaved(const struct store *store, uint32_t slot);

/* Note that it was told, or that it has the socket since before our start. */
void store_set_saved(struct store *store, uint32_t slot, enum slot_saved saved);

/* Free a slot; its descriptor is returned, for the caller to close. */
int store_remove(struct store *store, uint32_t slot);

#endif
