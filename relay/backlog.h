#ifndef RELAY_BACKLOG_H
#define RELAY_BACKLOG_H

#include <stdint.h>

#include "common/totals.h"

struct listener;
struct relay;
struct send_batch;
struct session;
struct session_key;

/* Have a batch's messages from `i` on wait: for the session's socket, or for the listener. */
void backlog_wait_for_upstream(
    struct relay *relay, struct session *session, const struct send_batch *batch, uint32_t i);
void backlog_wait_for_clients(
    struct relay *relay, struct listener *listener, const struct send_batch *batch, uint32_t i);

/* Whether one more client that has to wait for a socket finds room, or can be given some. */
int backlog_has_room(struct relay *relay, const struct session_key *key);

/* Forget a session that ends: what waits is dropped, and on its way up counted under `reason`. */
void backlog_discard(struct relay *relay, struct session *session, enum drop_reason reason);

/* Drop what waits on its way up: there is none. */
void backlog_drop_upstream(struct relay *relay, struct session *session);

/* Drop what has waited too long. */
void backlog_expire(struct relay *relay);

#endif
