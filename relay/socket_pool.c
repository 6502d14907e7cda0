/*
 * The sockets that the supervisor has handed over.  They come ahead of need and are watched from
 * the beginning; so a new client costs no system call.  What comes in on one that is free is a
 * late answer to its port's former user.
 */
#include <sys/epoll.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "relay/relay.h"
#include "relay/socket_pool.h"
#include "relay/watch.h"

int
socket_pool_init(struct relay *r)
{
	r->free_sockets = (struct index_list){ NONE, NONE };
	r->sockets = calloc(r->config.slots_max, sizeof(*r->sockets));
	return (r->sockets == NULL ? -1 : 0);
}

void
socket_pool_add(struct relay *r, const struct msg_socket *told, int fd)
{
	struct upstream_socket *socket;

	if (told->name.slot >= r->config.slots_max || r->sockets[told->name.slot].is_open)
		fatal("bad socket", "slot=%u", told->name.slot);
	socket = &r->sockets[told->name.slot];
	socket->fd = fd;
	socket->generation = told->name.generation;
	socket->session = NONE;
	socket->port = told->port;
	socket->is_open = 1;
	r->sockets_unwatched++;
	r->totals->descriptors++;
}

static uint64_t
event_data(const struct upstream_socket *socket, uint32_t slot)
{
	return ((uint64_t)socket->generation << 32 | slot);
}

static int
change(struct relay *r, int operation, uint32_t slot, uint32_t events)
{
	const struct upstream_socket *socket = &r->sockets[slot];

	return (watch_change(
	    r, r->session_set, operation, socket->fd, event_data(socket, slot), events));
}

int
socket_pool_watch(struct relay *r, uint32_t slot)
{
	struct upstream_socket *socket = &r->sockets[slot];
	int write = socket->session != NONE && r->table.sessions[socket->session].watch_write;

	if (change(r, EPOLL_CTL_ADD, slot, write ? EPOLLIN | EPOLLOUT : EPOLLIN) == -1)
		return (-1);
	socket->watched = 1;
	r->sockets_unwatched--;
	if (socket->session == NONE)
		INDEX_LIST_PUSH(&r->free_sockets, r->sockets, slot);
	return (0);
}

void
socket_pool_watch_again(struct relay *r)
{
	uint32_t slot;

	for (slot = 0; r->sockets_unwatched > 0 && slot < r->config.slots_max; slot++)
		if (r->sockets[slot].is_open && !r->sockets[slot].watched &&
		    socket_pool_watch(r, slot) == -1)
			return;
}

int
socket_pool_is_empty(const struct relay *r)
{
	return (r->free_sockets.first == NONE);
}

void
socket_pool_assign(struct relay *r, uint32_t slot, struct session *s)
{
	r->sockets[slot].session = session_index(&r->table, s);
	session_take_slot(&r->table, s, slot);
	s->fd = r->sockets[slot].fd;
}

void
socket_pool_take(struct relay *r, struct session *s)
{
	uint32_t slot = r->free_sockets.first;

	INDEX_LIST_POP(&r->free_sockets, r->sockets);
	socket_pool_assign(r, slot, s);
}

int
socket_pool_find(struct relay *r, uint64_t data, uint32_t *slot, struct session **session)
{
	struct upstream_socket *socket;

	*slot = (uint32_t)data;
	if (*slot >= r->config.slots_max)
		return (-1);
	socket = &r->sockets[*slot];
	/* An earlier event of the same turn may have closed it. */
	if (!socket->is_open || event_data(socket, *slot) != data)
		return (-1);
	*session = socket->session == NONE ? NULL : &r->table.sessions[socket->session];
	return (0);
}

void
socket_pool_watch_write(struct relay *r, struct session *s)
{
	int write = s->queue != NULL;

	if (s->fd == -1 || s->watch_write == write)
		return;
	s->watch_write = write & 1;
	if (r->sockets[s->slot].watched)
		change(r, EPOLL_CTL_MOD, s->slot, write ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void
socket_pool_close(struct relay *r, uint32_t slot)
{
	struct upstream_socket *socket = &r->sockets[slot];

	/*
	 * The supervisor's duplicate keeps the socket alive, and with it its place in the set:
	 * epoll(7), Questions and answers.
	 */
	if (socket->watched)
		change(r, EPOLL_CTL_DEL, slot, 0);
	else
		r->sockets_unwatched--;
	close(socket->fd);
	r->totals->descriptors--;
	if (socket->session != NONE)
		r->table.sessions[socket->session].fd = -1;
	socket->is_open = socket->watched = 0;
}

uint32_t
socket_pool_close_free(struct relay *r)
{
	uint32_t slot = r->free_sockets.first;

	if (slot != NONE) {
		INDEX_LIST_POP(&r->free_sockets, r->sockets);
		socket_pool_close(r, slot);
	}
	return (slot);
}
