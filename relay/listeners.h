#ifndef RELAY_LISTENERS_H
#define RELAY_LISTENERS_H

#include <stdint.h>

struct epoll_event;
struct listener;
struct pollfd;
struct relay;
struct share_sent;

/* With more listeners than this, poll(2) is given the descriptor of a set of them. */
#define LISTENERS_POLLED 8

/* Listeners that are served in one turn; the others come first in the next. */
#define LISTENERS_A_TURN 32

/* Prepare to wait for all listeners. */
void listeners_init(struct relay *relay);

/*
 * Fill in what poll(2) shall wait for, at most LISTENERS_POLLED entries: readable ones if
 * `read`, and those that were full and have room again.  Returns the number of entries.
 * With a set, nothing at all is waited for unless `read`.
 */
uint32_t listeners_poll(const struct relay *relay, struct pollfd *pfd, int read);

/*
 * Tell which listeners are ready, after poll(2) has returned these n entries: their number, at
 * most LISTENERS_A_TURN.  `data.u32` of an event is the index of the listener, and its bits are
 * those of epoll_ctl(2).
 */
uint32_t listeners_ready(
    const struct relay *relay, const struct pollfd *pfd, uint32_t n, struct epoll_event *ready);

/*
 * Look at what is in the listener's send buffer: `all` as of share_look().  And the same after
 * these n messages were sent: see share_settle().
 */
void listeners_look(struct listener *listener, int all);
void listeners_settle(struct listener *listener, struct share_sent *sent, uint32_t n);

/* Replies of the listener's clients wait: they are due in a moment. */
void listeners_replies_due(struct relay *relay, struct listener *listener);

/* The listener has become full, or no longer is. */
void listeners_watch_write(struct relay *relay, struct listener *listener);

/* Try those again that the kernel refused to watch. */
void listeners_watch_again(struct relay *relay);

#endif
