#ifndef SUPERVISOR_KEEPER_H
#define SUPERVISOR_KEEPER_H

#include <stdint.h>

#include "common/bucket.h"
#include "common/totals.h"
#include "supervisor/child.h"
#include "supervisor/outage.h"
#include "supervisor/ports.h"
#include "supervisor/sockets.h"
#include "supervisor/store.h"

struct source_filter;

/* Sockets in the pool of a relay, ahead of need: at rest, and while newcomers come. */
#define POOL_MIN 16
#define POOL_MAX 256

/* Descriptors of a relay beside its upstream sockets and listeners. */
#define RELAY_DESCRIPTORS 16

/* How far moving the sockets to the upstream's new address has come: relocation.h. */
enum relocation {
	RELOCATION_NONE,
	RELOCATION_TELL,  /* the relay must be told, */
	RELOCATION_AWAIT, /* and answer; */
	RELOCATION_MOVE,  /* then they are moved */
};

/* What a relay is told, and what is kept for it and its successors: one for each worker. */
struct keeper {
	struct child *child;
	struct msg_identity identity;
	struct msg_relay_config config;
	const struct msg_listener *listener; /* config.listeners of them, as of descriptors */
	int *listener_fds;
	int totals_fd;
	struct totals *totals;		 /* mapped for reading */
	const struct upstream *upstream; /* shared by all keepers, as the ports */
	struct ports *ports;
	struct outage *outage;
	const struct source_filter *sources;
	uint32_t sources_told; /* the generation that the relay has */
	struct store store;

	uint32_t unsent[MSG_FDS_MAX]; /* slots of the pool that were not handed out yet */
	uint32_t nunsent;
	uint32_t pool_target; /* how many shall be in the pool */
	uint32_t filled;      /* how many there were when it was last filled up */
	int64_t filled_at;    /* when that was */
	int64_t calm_at;      /* NEVER, or when to take back what was not used until then */
	struct bucket new_sockets;
	enum supply supply;	 /* whether sockets can be had */
	enum supply supply_told; /* what the relay knows of it */
	int refused;		 /* errno of the last failure */
	uint32_t freed;		 /* sockets closed since, while there are no others */
	int exhausted;		 /* said so in the log */
	int64_t available_at;	 /* NEVER, or when to say that it is over */
	int64_t retry_at;	 /* NEVER, or when to try again to make sockets */
	int64_t resend_at;	 /* NEVER, or when to try again to send */

	/* Of what a relay is told first of all. */
	enum { TOLD_NOTHING, TOLD_IDENTITY, TOLD_CONFIG, TOLD_TOTALS, TOLD_ALL } told;
	uint32_t listeners_told;

	enum relocation relocation;
	uint32_t answers_due; /* to what the relay was told */
	uint32_t moved;	      /* slots below are */
	int64_t move_at;      /* when to go on */

	int64_t trouble_at; /* when the relay last spoke of it; 0: never */

	int started;	/* the relay has all sessions back, and was told to hear clients */
	uint32_t next;	/* the slot to go on from with handing back */
	uint32_t batch; /* sessions that are handed back before answers are waited for */
	uint32_t left;	/* of these, not handed back yet */

	/* The search for records that end relays; nothing of it while all is well. */
	uint32_t deaths;	/* so far */
	uint32_t suspects;	/* the next sessions, from `next` on, one of which may be bad */
	uint32_t tried;		/* relays that had the next one alone, and died */
	struct backoff backoff; /* the relay's, which the search does not use up */
	uint64_t discarded;	/* sessions, ever */
};

/*
 * Make the store, for config->slots_max sockets.  The rest of *keeper must be set.  Returns 0,
 * or -1 with errno ENOMEM.
 */
int keeper_init(struct keeper *keeper, int64_t now);

/* See totals_map() and totals_unmap().  To write is for when no relay runs. */
struct totals *keeper_map_totals(const struct keeper *keeper, int writable);
void keeper_unmap_totals(const struct keeper *keeper, struct totals *totals);

/* A relay was just started: tell it what it is, as much as it takes now. */
void keeper_started(struct keeper *keeper, int64_t now);

/* Take records from the relay.  Returns 0, or -1 with errno EBADMSG if they do not hold. */
int keeper_records(struct keeper *keeper, const struct msg *msg, int64_t now);

/*
 * Tell what was not told yet, hand back, hand out, and make new sockets: as much as one turn
 * allows.
 */
void keeper_turn(struct keeper *keeper, int64_t now);

/* When keeper_turn() must be called next. */
int64_t keeper_deadline(const struct keeper *keeper);

/*
 * The relay has ended, what it sent was read, and its next start is set: close every socket
 * that serves no session, and forget a session that was found to be what ends relays.
 */
void keeper_ended(struct keeper *keeper, const struct child_end *end, int64_t now);

#endif
