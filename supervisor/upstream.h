#ifndef SUPERVISOR_UPSTREAM_H
#define SUPERVISOR_UPSTREAM_H

#include "supervisor/failover.h"
#include "supervisor/options.h"
#include "supervisor/resolver.h"

/*
 * The upstream's address.  A literal stays; a name is looked up at start, again every
 * --resolve-interval, and when it is asked for.  The address in use is kept as long as the name
 * lists it, and when a look-up fails; but when clients wait for it in vain, another that the name
 * lists takes its place.
 */
struct upstream_name {
	const char *host; /* NULL: a literal */
	const char *text; /* --upstream as given */
	struct resolver resolver;
	struct sockaddr_in6 address; /* sin6_family 0: not known yet */
	struct failover failover;    /* what else the name lists */
	int64_t interval;	     /* 0: not by itself */
	int64_t delay;		     /* before the next try while look-ups fail */
	int64_t at;		     /* when the next look-up begins; NEVER */
	int64_t began;		     /* when the last one did; 0: never */
	int wanted;		     /* another one, when this one has ended */
	uint64_t errors;	     /* look-ups that failed */
};

/*
 * Look it up and wait for that, for --check.  Ends the program with EXIT_REFUSED if there is no
 * address.
 */
void upstream_resolve(struct options *options, const struct msg_identity *identity, int binary);

/* The address of `options`; a name is looked up in the next turn. */
void upstream_init(struct upstream_name *upstream, const struct options *options,
    const struct msg_identity *identity, int binary, int64_t now);

/* The name had this address, unless it is NULL, a moment ago: it is used until a look-up ends. */
void upstream_know(struct upstream_name *upstream, const struct sockaddr_in6 *address);

/* Look the name up now.  Returns 0, or -1 if it is none. */
int upstream_look_up(struct upstream_name *upstream, int64_t now);

/*
 * Something is wrong at the address: look the name up soon, if it is looked up by itself at all,
 * and was not just now.
 */
void upstream_suspect(struct upstream_name *upstream, int64_t now);

/*
 * Clients wait in vain since `vain_since`; the upstream was last heard at `reply`, 0: never.
 * Returns whether upstream->address has changed for that.
 */
int upstream_fail_over(
    struct upstream_name *upstream, int64_t vain_since, int64_t reply, int64_t now);

/* Fill in CHILD_POLLFDS entries of a poll set; and when upstream_turn() must be called. */
void upstream_watch(const struct upstream_name *upstream, int64_t now, struct pollfd *pfd);
int64_t upstream_deadline(const struct upstream_name *upstream, int64_t now);

/*
 * Go on.  Returns whether upstream->address has changed.  Ends the program with EXIT_REFUSED if
 * there never was one and the name has none.
 */
int upstream_turn(struct upstream_name *upstream, int64_t now);

#endif
