#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

/*
 * The relay child, which alone touches datagrams.  One struct holds all its state; the files
 * of this folder work on it, each on one matter:
 *
 *	relay.c		what it is told, how it locks itself up, its loop
 *	forward.c	a datagram's way, in both directions
 *	receive_batch.c	what one recvmmsg(2) brings; send_batch.c: what one sendmmsg(2) takes
 *	lifecycle.c	who gets a session, and how one begins and ends
 *	supply.c	the sockets that it is handed, the records that it owes
 *	snapshot.c	what the metrics child asks
 *	listeners.c	how they are waited for; watch.c: epoll_ctl(2)
 *	session.c	the table; queue.c, siphash.c: what their names say
 */
#include <stdint.h>

#include "common/bucket.h"
#include "common/msg.h"
#include "common/totals.h"
#include "relay/queue.h"
#include "relay/session.h"

/* How long a session, and its datagrams, wait for a socket. */
#define SOCKET_WAIT_MAX SECOND

struct batches;
struct epoll_event;

/* A listener, and what its clients wait for. */
struct listener {
	int fd;
	uint32_t address; /* network byte order, as the port */
	uint16_t port;
	char name[ENDPOINT_STRLEN]; /* "192.0.2.1:51820" */
	struct queue *queue;	    /* replies that could not be sent yet, or NULL */
	struct listener_totals *totals;
	uint8_t watched;     /* in the set of listeners */
	uint8_t watch_write; /* EPOLLOUT is asked for there */
};

/* A socket of the supervisor's store, by slot. */
struct upstream_socket {
	int fd;
	uint32_t generation;
	uint32_t session; /* that it serves, or NONE while it is in stock */
	uint32_t next;	  /* in stock, or in the list of those that we refuse */
	uint16_t port;
	uint8_t ours; /* handed to us, not closed yet */
	uint8_t deaf; /* not in the set: the kernel refused it */
};

/* A first-in, first-out list of indices, linked by `next`. */
struct index_list {
	uint32_t first, last;
};

/* Session records of the log: at most so many a second, the rest is counted. */
struct session_log {
	int64_t since;
	uint32_t written;
	uint32_t held;
};

/* The metrics child's end of things. */
struct snapshot {
	int link;	    /* -1: there is none */
	int asked;	    /* `question` waits for its answer */
	int answered;	    /* but for its end */
	enum msg_type type; /* of the question */
	struct msg_ask question;
	struct msg_answer_end end;
};

struct relay {
	int control;
	int session_set; /* epoll descriptor of all session sockets, and of those in stock */
	struct msg_identity identity;
	struct msg_relay_config config;
	struct sockaddr_in6 upstream; /* what replies must come from */
	uint32_t nlisteners;
	struct listener listener[LISTENERS_MAX];
	int listener_set; /* epoll descriptor of all listeners; -1: they are few */
	uint32_t listeners_unwatched;
	struct totals *totals;

	int64_t now;   /* clock_now() of this turn */
	int started;   /* every session is back: clients may be heard */
	int64_t heard; /* clock_now() when listeners last were */
	int quit;

	struct session_table table;
	struct bucket new_sessions;
	struct queue_pool queues;
	struct session_log log;
	int full; /* said so in the log */

	struct upstream_socket *sockets; /* config.slots_max of them */
	struct index_list stock;	 /* slots */
	struct index_list waiting;	 /* sessions without a socket */
	struct index_list reports;	 /* sessions whose record is due */
	struct index_list refused;	 /* slots handed back that we could not take up */
	uint32_t deaf;			 /* sockets that the set does not watch */
	int watch_refused;		 /* said so in the log */
	enum supply supply;
	int pong_due;
	struct msg_ping pong;

	struct snapshot snapshot;
	struct batches *batches;
	struct msg msg;
};

/* The life of a relay child whose control socket is CONTROL_FILENO. */
void relay_main(void) __attribute__((noreturn));

/* ---- forward.c ---- */

/* Reserve the buffers.  Returns 0, or -1 with errno ENOMEM. */
int forward_init(struct relay *relay);

/* Relay what clients sent to this listener: one batch, and no more in one turn. */
void forward_from_listener(struct relay *relay, struct listener *listener);

/*
 * Relay what came in on the upstream sockets that these events name, at most a batch of each;
 * other events are left alone.  Returns how many buffers were received.
 */
uint32_t forward_from_upstream(struct relay *relay, const struct epoll_event *events, int n);

/* Send what waits for this session's socket, or for this listener. */
void forward_session_queue(struct relay *relay, struct session *session);
void forward_listener_queue(struct relay *relay, struct listener *listener);

/* Drop what has waited too long. */
void forward_expire(struct relay *relay);

/* Forget a session that ends: drop what waits for its socket, counted under `reason`. */
void forward_discard(struct relay *relay, struct session *session, enum drop_reason reason);

/* ---- lifecycle.c ---- */

/*
 * Open a session for a client that has none, evicting another if need be.  It may have to
 * wait for its socket.  Returns NULL if it must not be, and counts its `datagrams` as dropped.
 */
struct session *lifecycle_open(struct relay *relay, const struct session_key *key,
    uint32_t local_address, uint32_t datagrams);

/* Take up a session of our predecessor's.  Returns 0, or -1 if the record does not hold. */
int lifecycle_restore(struct relay *relay, const struct msg_restore *restore, int fd);

/* End a session, close its socket, report it. */
void lifecycle_close(struct relay *relay, struct session *session, enum close_reason reason);

/* The session has got the socket that it waited for: count it, report it, log it. */
void lifecycle_opened(struct relay *relay, struct session *session);

/* End the sessions whose time is up, as many as one turn allows; and when to come again. */
void lifecycle_expire(struct relay *relay);
int64_t lifecycle_deadline(const struct relay *relay);

/* End all sessions: the program ends. */
void lifecycle_close_all(struct relay *relay);

/* The state changed: keep the gauges and the supervisor up to date. */
void lifecycle_state_changed(
    struct relay *relay, struct session *session, enum session_state before);

/* ---- supply.c ---- */

/* Reserve the slots.  Returns 0, or -1 with errno ENOMEM. */
int supply_init(struct relay *relay);

/* Do what the supervisor says.  Ends the process when it is gone, or talks nonsense. */
void supply_receive(struct relay *relay);

/* Send the records that are due, as far as the supervisor takes them. */
void supply_report(struct relay *relay);

/* Whether something waits for the control socket to take it. */
int supply_unsent(const struct relay *relay);

/* Note that the supervisor must be told of this session. */
void supply_due(struct relay *relay, struct session *session);

/* Give the session a socket, or have it wait for one. */
void supply_socket(struct relay *relay, struct session *session);

/* Take the session's socket from it, and close it. */
void supply_close_socket(struct relay *relay, struct session *session);

/* End the wait of sessions that have waited for a socket too long. */
void supply_expire(struct relay *relay);

/* The slot and session that an event is about; -1 if it is about no socket that we have. */
int supply_event(struct relay *relay, uint64_t data, uint32_t *slot, struct session **session);

/* Ask to be told when the session's socket can be written to (or no longer). */
void supply_watch_write(struct relay *relay, struct session *session, int watch);

/* ---- snapshot.c ---- */

/* Take a link to the metrics child, or to its successor. */
void snapshot_link(struct relay *relay, int fd);

/* What to wait for on the link: events as of poll(2). */
short snapshot_events(const struct relay *relay);

/* Answer what the metrics child asked, as much as one turn allows. */
void snapshot_turn(struct relay *relay);

#endif
