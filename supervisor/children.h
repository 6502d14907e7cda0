#ifndef SUPERVISOR_CHILDREN_H
#define SUPERVISOR_CHILDREN_H

#include "supervisor/exporter.h"
#include "supervisor/keepers.h"
#include "supervisor/troubles.h"

struct pollfd;

#define CHILDREN_MAX (WORKERS_MAX + 1)

/* Entries of a poll set for all of them. */
#define CHILDREN_POLLFDS (CHILDREN_MAX * CHILD_POLLFDS)

/*
 * All children that stay, who is started again when it ends; and what each kind is told and
 * has kept for it.  Resolvers, which do not stay, are resolver.c's.
 */
struct children {
	int binary; /* that they execute */
	uint32_t count;
	struct child
	    child[CHILDREN_MAX]; /* the relays, as their keepers, then the metrics child */
	struct keepers keepers;
	struct exporter exporter; /* without a child: none */
	struct troubles troubles; /* for the supervisor to look at */
	int64_t resend_at;	  /* NEVER, or when to try again to tell the metrics child */
	uint32_t descriptors;	  /* of ours, but for sockets of stores; 0: not known yet */
	int64_t descriptors_told; /* when the metrics child last was */
	int stopping;
	int keep;	    /* and then to go on */
	int64_t stop_until; /* when patience ends */
	struct msg msg;
};

/* None of them runs yet: a relay for each of `workers` keepers, and a metrics child if wanted. */
void children_init(struct children *children, uint32_t workers, int metrics, int binary);

/*
 * Start all, at first or after a stop that kept the sessions; the program ends with EXIT_REFUSED if
 * one ends before any of its kind was ever ready.
 */
void children_start(struct children *children, int64_t now);

/* All are ready: what is open now stays so, but for what stores have. */
void children_count_descriptors(struct children *children);

/* Whether each has been ready once. */
int children_ready(const struct children *children);

/* Fill in what is to be waited for.  Returns the number of entries. */
uint32_t children_watch(const struct children *children, int64_t now, struct pollfd *pfd);

/* When children_turn() or children_stop_turn() must be called next. */
int64_t children_deadline(const struct children *children, int64_t now);

/* Take what those have to say whose entries, filled in by children_watch(), have events. */
void children_hear(struct children *children, const struct pollfd *pfd, int64_t now);

/* Reap those that have ended, after what they still said was heard. */
void children_reap(struct children *children, int64_t now);

/* Do what is due: tell them what they wait for, look whether they live, start them again. */
void children_turn(struct children *children, int64_t now);

/*
 * From now on they are to end: told at first, killed after a while.  If `keep`, the keepers have
 * all sessions afterwards, and relays to come go on with them: those that children_start() starts,
 * or another program's.
 */
void children_stop(struct children *children, int keep, int64_t now);

/* Returns whether all have ended.  Until then they are heard and reaped as ever. */
int children_stop_turn(struct children *children, int64_t now);

/* How often any of them was started again. */
uint64_t children_restarts(const struct children *children);

#endif
