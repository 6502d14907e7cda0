#ifndef RELAY_SESSION_LOG_H
#define RELAY_SESSION_LOG_H

#include "common/totals.h"

struct relay;
struct session;

/*
 * Say in the log that a session began, to whoever debugs, or ended, with all that is known of it:
 * at most so many records a second, the rest is counted.
 */
void session_log_created(struct relay *relay, const struct session *session);
void session_log_closed(struct relay *relay, struct session *session, enum close_reason reason);

/* Say once a session that one of its datagrams was larger than the path takes. */
void session_log_too_large(
    struct relay *relay, struct session *session, enum direction direction);

/* Say how many records were held back: once a second, or at once. */
void session_log_summary(struct relay *relay, int at_once);

/* Say once that the table is full, and once that it no longer is. */
void session_log_capacity(struct relay *relay, int full);

#endif
