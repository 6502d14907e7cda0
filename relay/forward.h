#ifndef RELAY_FORWARD_H
#define RELAY_FORWARD_H

#include <stdint.h>

struct epoll_event;
struct listener;
struct relay;

/* Reserve the buffers.  Returns 0, or -1 with errno ENOMEM. */
int forward_init(struct relay *relay);

/* Relay what clients sent to this listener: one batch, and no more in one turn. */
void forward_from_listener(struct relay *relay, struct listener *listener);

/*
 * Relay what came in on the upstream sockets that these events of the session set name, at most
 * a batch of each, and send what waits for those that can be written to.  Returns how many
 * buffers were received.
 */
uint32_t forward_from_upstream(struct relay *relay, const struct epoll_event *events, int n);

/*
 * Send what waits for clients of this listener, to each in turn as far as its share of the send
 * buffer goes; and of all listeners for which it is time.
 */
void forward_replies(struct relay *relay, struct listener *listener);
void forward_replies_due(struct relay *relay);

/* Try to send all that waits for room in the send buffer of a session's socket. */
void forward_backlog(struct relay *relay);

/* Give free sockets to the sessions that wait for one, and send what waits with them. */
void forward_waiting(struct relay *relay);

#endif
