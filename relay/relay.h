#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

/*
 * The relay child, which alone touches datagrams.  One struct holds all its state; the files of
 * this folder work on it, each on one matter.  None calls one above it:
 *
 *	relay.c		what it is told, how it locks itself up, its loop
 *	control.c	what the supervisor says, and who is told of it
 *	leave.c		a planned end, after which a successor goes on
 *	forward.c	forwards datagrams, in both directions
 *	lifecycle.c	who gets a session, who waits for a socket, how a session ends
 *	backlog.c	datagrams that have to wait: put there, dropped, expired
 *	records.c	what the supervisor is owed
 *	session_log.c	what the log says of sessions
 *	snapshot.c	what the metrics child asks
 *	trouble.c	what is wrong on the way to the upstream
 *	sources.c	who can be a client, and who may
 *	socket_pool.c	sockets that were handed over, by slot, and their place in the set
 *	listeners.c	how they are waited for, and what is in their send buffers
 *	watch.c		epoll_ctl(2), and what is done when it refuses
 *	session.c	the table; siphash.c: its hash; reserve.c: its memory
 *	restore.c	what a relay before us has left of it
 *	address.c	the sessions of each address, where these are limited
 *	share.c		what of a listener's send buffer a client may have
 *	queue.c		datagrams in order, within bounds
 *	receive_queue.c	what the kernel drops from a full receive queue
 *	receive_batch.c	what one recvmmsg(2) brings; send_batch.c: what one sendmmsg(2) takes
 */
#include <sys/epoll.h>
#include <stdint.h>

#include "common/bucket.h"
#include "common/clock.h"
#include "common/msg.h"
#include "common/totals.h"
#include "relay/index_list.h"
#include "relay/queue.h"
#include "relay/session.h"
#include "relay/share.h"

/* How long a session, and its datagrams, wait for a socket. */
#define SOCKET_WAIT_MAX SECOND

struct batches;

/* While replies wait, it is seen so often whether they can be sent. */
#define REPLY_WAIT MILLISECOND

/* A listener, and how its clients share its send buffer. */
struct listener {
	int fd;
	uint32_t address; /* network byte order, as the port */
	uint16_t port;
	char name[ENDPOINT_STRLEN]; /* "192.0.2.1:51820" */
	struct share share;
	struct listener_totals *totals;
	uint32_t *drops_seen; /* see totals_drops_seen() */
	uint32_t next;	      /* in the list of those whose clients wait */
	uint8_t replies_due;  /* in that list */
	uint8_t is_full;      /* it took no more: told when it does */
	uint8_t long_queue;   /* see receive_queue_was_long() */
	uint8_t watched;      /* in the set of listeners */
	uint8_t watch_write;  /* EPOLLOUT is asked for there */
};

/* A socket of the pool, by slot of the supervisor's store. */
struct upstream_socket {
	int fd;
	uint32_t generation;
	uint32_t session; /* that it serves, or NONE while it is free */
	uint32_t next;	  /* in the list of free ones, or of those that are returned */
	uint16_t port;
	uint8_t is_open : 1; /* handed to us, not closed yet */
	uint8_t watched : 1; /* in the session set */
	uint8_t long_queue;  /* see receive_queue_was_long() */
};

/* Session records of the log: at most so many a second, the rest is counted. */
struct session_log {
	int64_t since;
	uint32_t written;
	uint32_t held;
};

/* On the way to the upstream, and not told to the supervisor yet. */
struct trouble {
	int error;	    /* errno of what failed last; 0: nothing */
	int vain_untold;    /* clients send in vain, and have for long enough */
	int64_t vain_since; /* clock_now(); not if there was a reply later */
	int64_t vain_last;
	int64_t told; /* when the supervisor last was */
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
	int session_set; /* epoll descriptor of all upstream sockets */
	struct msg_identity identity;
	struct msg_relay_config config;
	struct sockaddr_in6 upstream; /* what replies must come from, */
	struct sockaddr_in6 before;   /* or from where it was before it moved */
	int upstream_due;	      /* the supervisor waits for an answer to that */
	uint32_t nlisteners;
	struct listener *listener; /* config.listeners of them */
	int listener_set;	   /* epoll descriptor of all listeners; -1: they are few */
	uint32_t listeners_unwatched;
	uint64_t *own;			    /* the listeners' addresses and ports, sorted */
	const struct source_table *sources; /* NULL: all may open sessions */
	size_t sources_size;
	uint32_t unjudged;	       /* the session to go on from by these, or NONE */
	struct index_list replies_due; /* listeners whose clients have replies that wait, */
	int64_t replies_at;	       /* and clock_now() when these are looked at */
	struct totals *totals;

	int64_t now;		 /* clock_now() of this turn */
	int started;		 /* every session is back: listeners may be read */
	struct epoll_event lone; /* the session that alone was ready */
	uint32_t lone_turns;	 /* in which it is read before the set is asked */
	int64_t last_read;	 /* clock_now() when they last were */
	int quit;
	int leaving;	     /* for a successor: see leave.c */
	int64_t leave_until; /* when patience ends */

	struct session_table table;
	struct account *accounts; /* of the sessions, by index */
	struct bucket new_sessions;
	int64_t expire_from; /* before that none of them expires */
	struct session_log log;
	int full; /* said so in the log */

	struct upstream_socket *sockets; /* config.slots_max of them */
	uint32_t *drops_seen;		 /* of each: see totals_drops_seen() */
	struct index_list free_sockets;	 /* slots */
	struct index_list waiting;	 /* sessions without a socket */
	struct index_list reports;	 /* sessions whose record is due */
	struct index_list returned;	 /* slots closed without a session, not reported yet */
	uint32_t sockets_unwatched;	 /* open, but not in the session set */
	int watch_refused;		 /* said so in the log */
	enum supply supply;
	int evict_due; /* some wait for sockets who came before these were exhausted */
	int pong_due;
	struct msg_ping pong;
	struct trouble trouble;

	struct snapshot snapshot;
	struct batches *batches;
	struct queue_pool queues;
	struct msg msg;
};

/* The life of a relay child whose control socket is CONTROL_FILENO. */
void relay_main(void) __attribute__((noreturn));

#endif
