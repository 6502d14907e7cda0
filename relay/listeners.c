/*
 * How the listeners are waited for.  A few are given to poll(2) themselves, so that one that it
 * names is read at once.  Many are in an epoll set of their own, so that those that are idle cost
 * nothing.  epoll_wait(2) returns ready descriptors in rotation, so when more are ready than one
 * turn serves, each has its turn.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <linux/sock_diag.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "common/log.h"
#include "relay/listeners.h"
#include "relay/relay.h"
#include "relay/watch.h"

_Static_assert(
    POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR && POLLHUP == EPOLLHUP,
    "the bits of poll(2) are those of epoll_ctl(2)");

static int
change(struct relay *r, const struct listener *l, int operation)
{
	return (watch_change(r, r->listener_set, operation, l->fd, (uint64_t)(l - r->listener),
	    l->is_full ? EPOLLIN | EPOLLOUT : EPOLLIN));
}

void
listeners_init(struct relay *r)
{
	r->listener_set = -1;
	if (r->nlisteners <= LISTENERS_POLLED)
		return;
	if ((r->listener_set = epoll_create1(EPOLL_CLOEXEC)) == -1)
		fatal("epoll_create1", "error=%s", strerror(errno));
	r->listeners_unwatched = r->nlisteners;
	listeners_watch_again(r);
}

void
listeners_watch_again(struct relay *r)
{
	struct listener *l;

	for (l = r->listener; r->listeners_unwatched > 0 && l < r->listener + r->nlisteners;
	     l++) {
		if (l->watched)
			continue;
		if (change(r, l, EPOLL_CTL_ADD) == -1)
			return;
		l->watched = 1;
		r->listeners_unwatched--;
	}
}

/* Without an answer the buffer is empty, as far as we know. */
static void
ask(const struct listener *l, uint32_t *buffer, uint32_t *outstanding)
{
	uint32_t meminfo[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(meminfo);

	if (getsockopt(l->fd, SOL_SOCKET, SO_MEMINFO, meminfo, &len) == -1)
		memset(meminfo, 0, sizeof(meminfo));
	*buffer = meminfo[SK_MEMINFO_SNDBUF];
	*outstanding = meminfo[SK_MEMINFO_WMEM_ALLOC];
}

void
listeners_look(struct listener *l, int all)
{
	uint32_t buffer, outstanding;

	ask(l, &buffer, &outstanding);
	share_look(&l->share, buffer, outstanding, all);
}

void
listeners_settle(struct listener *l, struct share_sent *sent, uint32_t n)
{
	uint32_t buffer, outstanding;

	ask(l, &buffer, &outstanding);
	share_settle(&l->share, sent, n, outstanding);
}

void
listeners_replies_due(struct relay *r, struct listener *l)
{
	if (l->replies_due)
		return;
	l->replies_due = 1;
	if (r->replies_due.first == NONE)
		r->replies_at = r->now + REPLY_WAIT;
	INDEX_LIST_PUSH(&r->replies_due, r->listener, (uint32_t)(l - r->listener));
}

void
listeners_watch_write(struct relay *r, struct listener *l)
{
	if (l->watch_write == l->is_full)
		return;
	l->watch_write = l->is_full;
	if (l->watched)
		change(r, l, EPOLL_CTL_MOD);
}

uint32_t
listeners_poll(const struct relay *r, struct pollfd *pfd, int read)
{
	const struct listener *l;
	short events;
	uint32_t i;

	if (r->listener_set != -1) {
		*pfd = (struct pollfd){ .fd = r->listener_set, .events = POLLIN };
		return (read ? 1 : 0);
	}
	for (i = 0; i < r->nlisteners; i++) {
		l = &r->listener[i];
		events = (short)((read ? POLLIN : 0) | (l->is_full ? POLLOUT : 0));
		/* Errors would be told even if nothing was asked for. */
		pfd[i] = (struct pollfd){ .fd = events != 0 ? l->fd : -1, .events = events };
	}
	return (i);
}

uint32_t
listeners_ready(
    const struct relay *r, const struct pollfd *pfd, uint32_t n, struct epoll_event *ready)
{
	uint32_t i, count = 0;
	int found;

	if (r->listener_set != -1) {
		if (n == 0 || pfd->revents == 0)
			return (0);
		found = epoll_wait(r->listener_set, ready, LISTENERS_A_TURN, 0);
		return (found > 0 ? (uint32_t)found : 0);
	}
	for (i = 0; i < n; i++) {
		if (pfd[i].revents == 0)
			continue;
		ready[count].data.u32 = i;
		ready[count++].events = (uint32_t)pfd[i].revents;
	}
	return (count);
}
