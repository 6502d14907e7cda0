#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/log.h"
#include "supervisor/activation.h"
#include "supervisor/adoption.h"
#include "supervisor/inherited.h"
#include "supervisor/offload.h"
#include "supervisor/options_print.h"
#include "supervisor/port_owner.h"
#include "supervisor/sockets.h"
#include "supervisor/udp_listeners.h"
#include "supervisor/visible.h"

/* Tell what is wrong with this one, and the remedy. */
static void
complain_of(const struct sockaddr_in *sin, int error, const struct port_owner *owner)
{
	char text[ENDPOINT_STRLEN], remedy[PORT_OWNER_REMEDY];

	complain("--listen %s: %s: %s", endpoint_format_ipv4(sin, text), strerror(error),
	    error == EADDRINUSE ? port_owner_remedy(owner, remedy) : bind_remedy(error));
}

static void __attribute__((noreturn)) refuse_listener(const struct sockaddr_in *sin)
{
	struct port_owner owner = { .pid = 0 };
	int error = errno;

	if (error == EADDRINUSE) {
		/* It may be a unit's socket that is in the way. */
		activation_check_left(sin->sin_port);
		port_owner_find(SOCK_DGRAM, (const struct sockaddr *)sin, &owner);
	}
	complain_of(sin, error, &owner);
	exit(EXIT_REFUSED);
}

/* That of a program before us, that of a unit of systemd, or a new one.  Stores the real address in *sin. */
static int
take_or_open(const struct adoption *adoption, uint32_t worker, struct sockaddr_in *sin,
    const struct listener_config *config, enum listener_share share)
{
	int fd;

	if ((fd = adoption_listener(adoption, worker, sin)) == -1 &&
	    (fd = activation_take(sin, share != LISTENER_ALONE)) == -1)
		return (listener_open(sin, config, share));
	return (listener_configure(fd, config) == -1 ? -1 : fd);
}

/* Listener number `i` of every worker. */
static void
open_group(
    const struct options *o, const struct adoption *adoption, struct keepers *all, uint32_t i)
{
	enum listener_share share = all->count == 1 ? LISTENER_ALONE : LISTENER_FIRST;
	const struct listener_config config = {
		.buffer_size = o->socket_buffer_size,
		.trains = all->upstream.trains,
		.whole = o->fragment == FRAGMENT_DENY,
	};
	struct sockaddr_in sin = o->listen[i];
	char text[ENDPOINT_STRLEN];
	struct keeper *k;

	for (k = all->keeper; k < all->keeper + all->count; k++) {
		k->listener_fds[i] =
		    take_or_open(adoption, (uint32_t)(k - all->keeper), &sin, &config, share);
		if (k->listener_fds[i] == -1)
			refuse_listener(&sin);
		share = LISTENER_NEXT;
	}
	all->listener[i].address = sin.sin_addr.s_addr;
	all->listener[i].port = sin.sin_port;
	/*
	 * Sessions of one address are counted by one worker, whatever listeners it writes to, so
	 * that the limit is exact.
	 */
	if (all->spread[0] != 0 &&
	    listener_group_by_address(
		all->keeper[0].listener_fds[i], all->count, all->spread) == -1)
		refuse_listener(&sin);
	log_info("listener started", "listener=%s", endpoint_format_ipv4(&sin, text));
}

static void
reserve(struct keepers *all, uint32_t listeners)
{
	struct keeper *k;

	if ((all->listener = calloc(listeners, sizeof(*all->listener))) == NULL)
		err(EXIT_REFUSED, "listeners");
	for (k = all->keeper; k < all->keeper + all->count; k++) {
		k->listener = all->listener;
		if ((k->listener_fds = calloc(listeners, sizeof(int))) == NULL)
			err(EXIT_REFUSED, "listeners");
	}
}

static void
warn_of_buffers(uint32_t size)
{
	char remedy[128];

	if (!buffers_limited())
		return;
	snprintf(remedy, sizeof(remedy),
	    "sysctl -w net.core.rmem_max=%u net.core.wmem_max=%u, or grant CAP_NET_ADMIN", size,
	    size);
	log_warn("socket buffers limited", "socket_buffer_size=%u remedy=%s", size, remedy);
}

void
udp_listeners_open(
    const struct options *o, const struct adoption *adoption, struct keepers *all)
{
	uint32_t i;

	all->listeners = o->listeners;
	reserve(all, o->listeners);
	if (all->count > 1 && o->max_sessions_per_address > 0) {
		all->spread[0] = arc4random() | 1;
		all->spread[1] = arc4random() | 1;
		adoption_spread(adoption, all->spread);
	}
	all->upstream.trains = offload_decide(o->segment_offload);
	/* A free port is none that another listener is still to have. */
	for (i = 0; i < o->listeners; i++)
		if (o->listen[i].sin_port != 0)
			open_group(o, adoption, all, i);
	for (i = 0; i < o->listeners; i++)
		if (o->listen[i].sin_port == 0)
			open_group(o, adoption, all, i);
	warn_of_buffers(o->socket_buffer_size);
}

/* One that could not be opened.  Returns whether that is a fault of the configuration. */
static int
judge(const struct sockaddr_in *sin, int is_rehearsal, FILE *notes)
{
	char text[ENDPOINT_STRLEN], name[PORT_OWNER_NAME];
	struct port_owner owner = { .pid = 0 };
	int error = errno;

	if (error == EADDRINUSE) {
		port_owner_find(SOCK_DGRAM, (const struct sockaddr *)sin, &owner);
		if (!is_rehearsal && port_owner_may_be_ours(&owner)) {
			options_print_comment(notes, "listen", "%s: in use by %s",
			    endpoint_format_ipv4(sin, text), port_owner_format(&owner, name));
			return (0);
		}
	}
	complain_of(sin, error, &owner);
	return (1);
}

uint32_t
udp_listeners_try(const struct options *o, FILE *notes)
{
	const struct listener_config config = { .buffer_size = o->socket_buffer_size };
	int is_rehearsal = inherited_count(INHERITED_LISTENER) > 0;
	struct sockaddr_in sin;
	uint32_t i, faults = 0;
	int fd;

	for (i = 0; i < o->listeners; i++) {
		sin = o->listen[i];
		/* Bound already, by a program that asks whether we could take its place. */
		if (inherited_listener(&sin) != NULL)
			continue;
		if ((fd = listener_open(&sin, &config, LISTENER_ALONE)) == -1)
			faults += (uint32_t)judge(&sin, is_rehearsal, notes);
		else
			close(fd);
	}
	return (faults);
}
