/*
 * What the supervisor says, who is told of it, and what it is told in return.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "relay/control.h"
#include "relay/forward.h"
#include "relay/leave.h"
#include "relay/lifecycle.h"
#include "relay/listeners.h"
#include "relay/records.h"
#include "relay/relay.h"
#include "relay/snapshot.h"
#include "relay/socket_pool.h"
#include "relay/sources.h"
#include "relay/trouble.h"

/* Messages taken in one turn. */
#define MESSAGES_A_TURN 16

static void
take_sockets(struct relay *r)
{
	const struct msg_socket *told = (const void *)r->msg.payload;
	uint32_t i;

	for (i = 0; i < r->msg.count; i++) {
		socket_pool_add(r, &told[i], r->msg.fds[i]);
		r->drops_seen[told[i].name.slot] = 0;
		socket_pool_watch(r, told[i].name.slot);
	}
	forward_waiting(r);
}

static void
take_restored(struct relay *r)
{
	const struct msg_restore *told = (const void *)r->msg.payload;
	uint32_t i;

	for (i = 0; i < r->msg.count; i++)
		lifecycle_restore(r, &told[i], r->msg.fds[i]);
}

/* The supervisor does not say which: newcomers may have got some meanwhile. */
static void
give_back(struct relay *r)
{
	const struct msg_take_back *told = (const void *)r->msg.payload;
	uint32_t i, slot;

	for (i = 0; i < told->sockets && (slot = socket_pool_close_free(r)) != NONE; i++)
		records_return(r, slot);
}

static void
take_sources(struct relay *r)
{
	const struct msg_sources *told = (const void *)r->msg.payload;

	sources_take(r, r->msg.fds[0], told->size);
}

static void
take_supply(struct relay *r)
{
	const struct msg_supply *told = (const void *)r->msg.payload;

	if (told->supply >= SUPPLY_MAX)
		fatal("bad supply", "supply=%u", told->supply);
	r->supply = told->supply;
	r->evict_due = r->supply == SUPPLY_EXHAUSTED;
}

static void
start(struct relay *r)
{
	r->started = 1;
	lifecycle_restored(r);
}

static void
take_upstream(struct relay *r)
{
	const struct msg_upstream *told = (const void *)r->msg.payload;

	r->before = r->upstream;
	memcpy(&r->upstream.sin6_addr, told->address, sizeof(r->upstream.sin6_addr));
	r->upstream_due = 1;
}

static void
take_stop(struct relay *r)
{
	const struct msg_stop *told = (const void *)r->msg.payload;

	if (told->keep) {
		leave_begin(r);
		return;
	}
	/* Perhaps after all. */
	r->leaving = 0;
	r->quit = 1;
}

static void
take_message(struct relay *r)
{
	switch (r->msg.type) {
	case MSG_SOCKETS:
		take_sockets(r);
		break;
	case MSG_RESTORE:
		take_restored(r);
		break;
	case MSG_START:
		start(r);
		break;
	case MSG_TAKE_BACK:
		give_back(r);
		break;
	case MSG_SUPPLY:
		take_supply(r);
		break;
	case MSG_SOURCES:
		take_sources(r);
		break;
	case MSG_UPSTREAM:
		take_upstream(r);
		break;
	case MSG_LINK:
		snapshot_link(r, r->msg.fds[0]);
		break;
	case MSG_PING:
		memcpy(&r->pong, r->msg.payload, sizeof(r->pong));
		r->pong_due = 1;
		socket_pool_watch_again(r);
		listeners_watch_again(r);
		forward_waiting(r);
		break;
	case MSG_STOP:
		take_stop(r);
		break;
	default:
		fatal("unexpected message", "type=%d", (int)r->msg.type);
	}
}

void
control_receive(struct relay *r)
{
	int i, n;

	for (i = 0; i < MESSAGES_A_TURN; i++) {
		n = msg_receive(r->control, FROM_SUPERVISOR, &r->msg);
		if (n == -1 && errno == EAGAIN)
			return;
		/* Without the supervisor there is no sense in going on. */
		if (n == 0)
			_exit(EXIT_REFUSED);
		if (n == -1)
			fatal("bad message", "error=%s", strerror(errno));
		take_message(r);
	}
}

int
control_unsent(const struct relay *r)
{
	return (r->pong_due || r->upstream_due || records_unsent(r) || trouble_unsent(r));
}

static int
send_upstream(struct relay *r)
{
	struct msg_upstream message = { .port = r->upstream.sin6_port };

	memcpy(message.address, &r->upstream.sin6_addr, sizeof(message.address));
	if (msg_send(r->control, MSG_UPSTREAM, &message, 1, NULL, 0) == -1)
		return (-1);
	r->upstream_due = 0;
	return (0);
}

void
control_send(struct relay *r)
{
	if (r->pong_due) {
		if (msg_send(r->control, MSG_PONG, &r->pong, 1, NULL, 0) == -1)
			return;
		r->pong_due = 0;
	}
	if ((r->upstream_due && send_upstream(r) == -1) || trouble_send(r) == -1)
		return;
	records_send(r);
}
