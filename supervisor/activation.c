/*
 * A unit's socket that we cannot use is a mistake of somebody who believes that it is used: so that
 * is an error.  What systemd's store has of a program before us may be of no use for good reasons,
 * and is no error.  Kinds and addresses do not tell them apart, but names do, and nothing else
 * depends on them.
 */
#include <sys/socket.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/log.h"
#include "supervisor/activation.h"
#include "supervisor/fd_names.h"
#include "supervisor/inherited.h"
#include "supervisor/keepers.h"
#include "supervisor/visible.h"

/* ---- where to listen ---- */

static int
has(const struct sockaddr_in *listen, uint32_t n, const struct inherited *d)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (listen[i].sin_addr.s_addr == d->address && listen[i].sin_port == d->port)
			return (1);
	return (0);
}

/* Those of a unit, or those of a program before us. */
static uint32_t
collect(struct sockaddr_in *listen, int ours)
{
	struct inherited *d = NULL;
	uint32_t n = 0;

	while ((d = inherited_next(INHERITED_LISTENER, d)) != NULL) {
		if (fd_name_is_ours(d->name) != ours || has(listen, n, d))
			continue;
		listen[n++] = (struct sockaddr_in){
			.sin_family = AF_INET,
			.sin_addr.s_addr = d->address,
			.sin_port = d->port,
		};
	}
	return (n);
}

uint32_t
activation_listeners(struct sockaddr_in **listen)
{
	uint32_t n = inherited_count(INHERITED_LISTENER);

	*listen = NULL;
	if (n == 0)
		return (0);
	if ((*listen = calloc(n, sizeof(**listen))) == NULL)
		err(EXIT_REFUSED, "LISTEN_FDS");
	/* Those before us may have been of a unit that was changed since. */
	if ((n = collect(*listen, 0)) == 0)
		n = collect(*listen, 1);
	return (n);
}

/* ---- taking ---- */

int
activation_take(const struct sockaddr_in *sin, int group)
{
	struct inherited *d;
	int on = 1;

	if ((d = inherited_listener(sin)) == NULL)
		return (-1);
	if (group && setsockopt(d->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == -1)
		err(EXIT_REFUSED, "SO_REUSEPORT");
	return (inherited_take(d));
}

/* ---- what is left ---- */

static void __attribute__((noreturn)) refuse_descriptor(const struct inherited *d)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_addr.s_addr = d->address, .sin_port = d->port
	};
	char name[VISIBLE_SIZE(64)], address[ENDPOINT_STRLEN];

	visible(name, sizeof(name), d->name);
	if (d->kind != INHERITED_LISTENER)
		refuse(EXIT_REFUSED,
		    "descriptor %d (%s) of the socket unit: is no UDP socket of an IPv4 address: "
		    "want ListenDatagram= with one, such as 0.0.0.0:51820",
		    d->fd, name);
	refuse(EXIT_REFUSED,
	    "descriptor %d (%s) of the socket unit: is bound to %s, for which there is no --listen, "
	    "or one worker too few: want each address of the unit in a --listen, or no --listen "
	    "at all, and at most as many sockets of an address as --workers",
	    d->fd, name, endpoint_format_ipv4(&sin, address));
}

static int
is_taken(uint64_t cookie, const struct keepers *all)
{
	uint32_t i, j;

	for (i = 0; i < all->count; i++)
		for (j = 0; j < all->listeners; j++)
			if (inherited_cookie(all->keeper[i].listener_fds[j]) == cookie)
				return (1);
	return (0);
}

static void
check_kind(enum inherited_kind kind, uint16_t port)
{
	struct inherited *d = NULL;

	while ((d = inherited_next(kind, d)) != NULL)
		if (!fd_name_is_ours(d->name) && (port == 0 || d->port == port))
			refuse_descriptor(d);
}

void
activation_check_kinds(void)
{
	check_kind(INHERITED_OTHER, 0);
}

void
activation_check_left(uint16_t port)
{
	check_kind(INHERITED_LISTENER, port);
	if (port == 0)
		check_kind(INHERITED_HTTP, 0);
}

void
activation_close_doubles(const struct keepers *all)
{
	struct inherited *d = NULL;

	while ((d = inherited_next(INHERITED_LISTENER, d)) != NULL)
		if (is_taken(inherited_cookie(d->fd), all)) {
			fd_name_drop(d->name);
			close(inherited_take(d));
		}
}
