#ifndef RELAY_SESSION_H
#define RELAY_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/messages.h"
#include "common/totals.h"
#include "relay/address.h"
#include "relay/index_list.h"

/* Who a session belongs to.  Hashed as bytes: no padding. */
struct session_key {
	uint32_t client_address; /* network byte order, as the port */
	uint16_t client_port;
	uint16_t listener; /* index */
};
_Static_assert(sizeof(struct session_key) == 8, "padding");

struct queue;

/*
 * One client's session.  What every datagram touches is one cache line, beside that of its
 * counters.  Links are indices into the table's array.
 */
struct session {
	_Alignas(64) struct session_key key;
	uint32_t chain;			     /* next in the hash bucket */
	int fd;				     /* to the upstream, or -1 while it waits for one */
	uint32_t older, newer;		     /* in the list of its state */
	uint32_t slot;			     /* of its socket, or NONE */
	uint32_t next;			     /* in the list of reports, of waiters, or free */
	struct queue *queue;		     /* datagrams that could not be sent yet, or NULL */
	int64_t opened;			     /* clock_now() then */
	uint32_t plain_until[DIRECTION_MAX]; /* seconds: until then no trains are sent */
	uint32_t local_address;	 /* that the client last wrote to, network byte order */
	uint8_t state;		 /* enum session_state */
	uint8_t unreported;	 /* a record is due: in the list of reports */
	uint8_t watch_write : 1; /* EPOLLOUT is asked for */
	uint8_t too_large : 1;	 /* a datagram was: said so in the log */
	uint8_t waiting;	 /* for a socket: in the list of waiters; see lifecycle.c */

	uint64_t id;
	int64_t created;	     /* clock_wall(), for showing */
	struct session_counters own; /* while it has no socket: see session_counters() */
};
_Static_assert(offsetof(struct session, id) == 64, "all the rest is in the second line");
_Static_assert(sizeof(struct session) == 128, "two cache lines");

struct session_config {
	uint32_t capacity;	   /* sessions, at least 1 */
	uint32_t per_address;	   /* sessions, 0 for no limit */
	uint32_t amplification;	   /* as of session_allow_reply(), 0 for no limit */
	int64_t session_timeout;   /* of ASSURED sessions, nanoseconds */
	int64_t unreplied_timeout; /* of all others */
	uint64_t secret[4];	   /* two keys, for the hash and for session ids */
};

struct session_table {
	struct session_config config;
	struct session *sessions;
	struct session_line *lines; /* by slot: see totals_session_counters() */
	uint32_t *buckets;
	uint32_t mask;	/* buckets - 1 */
	uint32_t count; /* sessions that are open */
	uint32_t used;	/* of the array, so far */
	uint32_t free;
	uint64_t ids; /* handed out */
	struct age_list list[SESSION_CLOSED];
	struct address_table addresses; /* only with a limit */
	uint64_t
	    *replied; /* bytes allowed to a session that is not ASSURED; only with a limit */
};

/*
 * The sessions of one relay: a hash table keyed with a secret, and for each state a list in
 * order of last activity, so that finding, expiring and evicting cost the same whatever the
 * number of sessions.  Nothing here reads a clock or a socket: `now` is clock_now().
 *
 * session_table_init() reserves address space for the whole capacity; memory is used as
 * sessions come.  Returns 0, or -1 with errno ENOMEM.
 */
int session_table_init(struct session_table *table, const struct session_config *config);
void session_table_free(struct session_table *table);

/* The session of this client, or NULL. */
struct session *session_find(struct session_table *table, const struct session_key *key);

/*
 * The same in four steps, each to be taken for all of a batch before the next, so that memory
 * is fetched for several keys at a time: the hash of a key, which also fetches its bucket; the
 * session that is first there, and its counters; the one that it is.
 */
uint32_t session_hash(const struct session_table *table, const struct session_key *key);
void session_prefetch(const struct session_table *table, uint32_t hash);
void session_prefetch_counters(const struct session_table *table, uint32_t hash);
struct session *session_find_hashed(
    struct session_table *table, const struct session_key *key, uint32_t hash);

/*
 * Open an UNREPLIED session for a client that has none, without a socket.  `id` 0 takes a
 * fresh one.  Returns NULL when the table is full, errno ENFILE.
 */
struct session *session_open(struct session_table *table, const struct session_key *key,
    uint64_t id, int64_t now, int64_t wall);

/* What outlives the relay of this session. */
void session_record(const struct session *session, struct session_record *record);

/*
 * The session gets the socket in a slot: from now on what is counted of it stands where a
 * successor finds it.
 */
void session_take_slot(struct session_table *table, struct session *session, uint32_t slot);

/* Whether another session of this address would be one too many. */
int session_address_limited(const struct session_table *table, uint32_t address);

/*
 * Note a datagram from the client or from the upstream: the idle clock starts anew, and the
 * state changes as conntrack's would.  Returns whether the state changed.
 */
int session_client_spoke(struct session_table *table, struct session *session, int64_t now);
int session_upstream_spoke(struct session_table *table, struct session *session, int64_t now);

/*
 * How many datagrams of a reply the session may be sent: a train of `length` bytes, or one
 * datagram if `segment` is 0.  Until it is ASSURED all its replies have at most
 * config.amplification times the bytes that came from it: RFC 9000, section 8.  What is allowed
 * counts.  A datagram counts as one byte at least, or empty ones would be without limit.
 */
uint32_t session_allow_reply(
    struct session_table *table, struct session *session, uint32_t length, uint32_t segment);

/*
 * Make a session that was just opened, and has no socket yet, the one that a relay before us has
 * left.  Its record holds, and its counters were checked; it has its place in the lists by last
 * activity only after restore_order().
 */
void session_resume(struct session_table *table, struct session *session,
    const struct session_record *record, const struct session_counters *counters);

/* Take a session out of the table: it is found no more, its state is SESSION_CLOSED. */
void session_close(struct session_table *table, struct session *session);

/* Give back the memory of a closed session. */
void session_free(struct session_table *table, struct session *session);

/* A session whose time is up, or NULL; and when the next one's will be, or NEVER. */
struct session *session_expired(struct session_table *table, int64_t now);
int64_t session_deadline(const struct session_table *table);

/*
 * The session to end in favour of a new one, or NULL: the UNREPLIED one, else the REPLIED
 * one, that has been silent for longest, if it was opened at least a second ago; never an
 * ASSURED one.
 */
struct session *session_victim(struct session_table *table, int64_t now);

/* The same among the sessions of one address, where these are limited. */
struct session *session_address_victim(
    struct session_table *table, uint32_t address, int64_t now);

/* Any open session, or NULL: for closing all. */
struct session *session_any(struct session_table *table);

static inline uint32_t
session_index(const struct session_table *table, const struct session *session)
{
	return ((uint32_t)(session - table->sessions));
}

/* What is counted of the session: beside it only until it has a socket. */
static inline struct session_counters *
session_counters(const struct session_table *table, struct session *session)
{
	return (session->slot == NONE ? &session->own : &table->lines[session->slot].counters);
}

/* When anything came last. */
static inline int64_t
session_last(const struct session_table *table, struct session *session)
{
	const struct session_counters *c = session_counters(table, session);

	return (clock_later(c->last[CLIENT_TO_UPSTREAM], c->last[UPSTREAM_TO_CLIENT]));
}

#endif
