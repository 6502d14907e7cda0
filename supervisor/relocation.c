/*
 * Moving sessions to the upstream's new address.
 *
 * A socket is connected anew, and as the relay's and ours are one open socket, that is all: the
 * session goes there from the same port.  First the relay is told, and answers, so that it does
 * not take the first replies from there for a stranger's.  Then some sockets are moved in each
 * turn, those of the pool, too.
 */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/relocation.h"
#include "supervisor/upstream_pool.h"

/* Sockets moved in one turn: about 2 ms of work. */
#define MOVES_A_TURN 256

#define RETRY_UNREACHABLE SECOND

void
relocation_begin(struct keeper *k, int64_t now)
{
	memcpy(k->config.upstream_address, &k->upstream->address.sin6_addr,
	    sizeof(k->config.upstream_address));
	k->relocation = k->child->pid == 0 ? RELOCATION_MOVE : RELOCATION_TELL;
	k->moved = 0;
	k->move_at = now;
}

int
relocation_answered(struct keeper *k, int64_t now)
{
	if (k->answers_due == 0) {
		errno = EBADMSG;
		return (-1);
	}
	/* The last one counts: those before are to what is out of date by now. */
	if (--k->answers_due == 0 && k->relocation == RELOCATION_AWAIT) {
		k->relocation = RELOCATION_MOVE;
		k->move_at = now;
	}
	return (0);
}

void
relocation_ended(struct keeper *k)
{
	k->answers_due = 0;
	if (k->relocation != RELOCATION_NONE)
		k->relocation = RELOCATION_MOVE;
}

int
relocation_tell(struct keeper *k)
{
	struct msg_upstream message = { .port = k->config.upstream_port };

	if (k->relocation != RELOCATION_TELL)
		return (0);
	memcpy(message.address, k->config.upstream_address, sizeof(message.address));
	if (msg_send(k->child->control, MSG_UPSTREAM, &message, 1, NULL, 0) == -1)
		return (-1);
	k->relocation = RELOCATION_AWAIT;
	k->answers_due++;
	return (0);
}

int
relocation_pending(const struct keeper *k)
{
	return (k->relocation == RELOCATION_TELL || k->relocation == RELOCATION_AWAIT);
}

/* Returns 0, or -1 with errno when one cannot be moved now. */
static int
move_some(struct keeper *k)
{
	struct sockaddr_in6 source;
	uint32_t i;

	if (upstream_probe(k->upstream, &source, NULL) == -1)
		return (-1);
	for (i = 0; i < MOVES_A_TURN && k->moved < k->store.used; k->moved++) {
		if (k->store.slots[k->moved].state == SLOT_FREE)
			continue;
		if (upstream_move(k->store.slots[k->moved].fd, k->upstream, &source) == -1)
			return (-1);
		i++;
	}
	return (0);
}

void
relocation_turn(struct keeper *k, int64_t now)
{
	if (now < relocation_deadline(k))
		return;
	if (move_some(k) == -1) {
		upstream_pool_supply(k, SUPPLY_UNREACHABLE, errno, now);
		k->move_at = now + RETRY_UNREACHABLE;
		return;
	}
	if (k->moved < k->store.used)
		return;
	k->relocation = RELOCATION_NONE;
	if (k->supply == SUPPLY_UNREACHABLE)
		upstream_pool_supply(k, SUPPLY_OK, 0, now);
	log_debug("sockets moved", "child=%s count=%u", k->child->name,
	    k->store.count[SLOT_OPEN] + k->store.count[SLOT_POOLED]);
}

int64_t
relocation_deadline(const struct keeper *k)
{
	/* Without a way they stay as they are: the next look that finds one goes on. */
	if (k->relocation != RELOCATION_MOVE || k->upstream->error != 0)
		return (NEVER);
	return (k->move_at);
}
