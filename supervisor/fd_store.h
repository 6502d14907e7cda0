#ifndef SUPERVISOR_FD_STORE_H
#define SUPERVISOR_FD_STORE_H

#include <stddef.h>
#include <stdint.h>

struct keepers;
struct notify;

/* The service manager's store of descriptors: what it keeps of ours for whoever comes after us. */
struct fd_store {
	const struct notify *notify;
	struct keepers *keepers;
	int http;	  /* the listener for HTTP; -1: none */
	uint32_t max;	  /* descriptors that it takes; 0: none at all */
	uint32_t count;	  /* that it has */
	size_t names;	  /* bytes that LISTEN_FDNAMES will have */
	uint32_t lasting; /* of those that stay to the end, so many are told of */
	uint32_t worker;  /* whose slot */
	uint32_t slot;	  /* is to be looked at next */
	int full;	  /* said so in the log */
	int64_t at;	  /* when to go on, if there is anything to do */
};

/*
 * Reduce FDSTORE to what a successor can be handed within RLIMIT_NOFILE: with more than that, no
 * program starts.  Before the limit is raised, so that it is the one that he gets; whoever is
 * executed in our place finds FDSTORE reduced.
 */
void fd_store_limit(void);

/*
 * Use the store if there is one, by FDSTORE; the keepers' stores may have sockets already that are
 * SAVED.
 */
void fd_store_init(struct fd_store *store, const struct notify *notify, struct keepers *keepers,
    int http, int64_t now);

/* Have kept and forgotten what is due, a few at a time; and when to call it next. */
void fd_store_turn(struct fd_store *store, int64_t now);
int64_t fd_store_deadline(const struct fd_store *store);

#endif
