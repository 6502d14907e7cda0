#ifndef RELAY_LIFECYCLE_H
#define RELAY_LIFECYCLE_H

#include <stdint.h>

#include "common/totals.h"

struct msg_restore;
struct received;
struct relay;
struct session;
struct session_key;

/* Nobody waits, and new sessions have all their tokens. */
void lifecycle_init(struct relay *relay);

/*
 * Open a session for a client that has none and from whom this was received, evicting another
 * if need be.  It may have to wait for its socket.  Returns NULL if it must not be, and counts
 * what was received as dropped.
 */
struct session *lifecycle_open(
    struct relay *relay, const struct session_key *key, const struct received *received);

/*
 * Give a socket to the first session that waits for one.  Returns the session, or NULL when
 * none waits, or there is no socket.
 */
struct session *lifecycle_serve_waiting(struct relay *relay);

/* Take up a session of our predecessor's, or tell the supervisor that its record does not hold. */
void lifecycle_restore(struct relay *relay, const struct msg_restore *restore, int fd);

/* All of them are back: from now on they may expire. */
void lifecycle_restored(struct relay *relay);

/* Note a datagram from the client, and the address that it was sent to, or from the upstream. */
void lifecycle_client_spoke(
    struct relay *relay, struct session *session, uint32_t local_address);
void lifecycle_upstream_spoke(struct relay *relay, struct session *session);

/* End a session, close its socket, report it. */
void lifecycle_close(struct relay *relay, struct session *session, enum close_reason reason);

/* End the sessions whose clients the user no longer wants, as many as one turn allows. */
void lifecycle_judge(struct relay *relay);

/*
 * End the sessions whose time is up, as many as one turn allows, and those that have waited for
 * a socket too long; and when to come again for the former.  When no more sockets are to be had,
 * evict one for each of those that still wait.
 */
void lifecycle_expire(struct relay *relay);
int64_t lifecycle_deadline(const struct relay *relay);

/* End all sessions: the program ends. */
void lifecycle_close_all(struct relay *relay);

#endif
