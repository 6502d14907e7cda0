#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/ports.h"

#define PORTS 65536

/* A port is outside of the range, of it, or not ours; and taken although it is outside. */
enum { PORT_OUTSIDE, PORT_OURS, PORT_RESERVED, PORT_CLAIMED };

/* Mark the ports of a list "8080,9000-9010"; what is no number ends it. */
static void
mark_reserved(const char *list, unsigned char kind[PORTS])
{
	unsigned long from, to;
	char *end;

	while (*list >= '0' && *list <= '9') {
		from = to = strtoul(list, &end, 10);
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to && from <= 65535; from++)
			kind[from] = PORT_RESERVED;
		list = *end == ',' ? end + 1 : end;
	}
}

int
ports_init(struct ports *ports, uint16_t low, uint16_t high, const char *reserved)
{
	uint32_t port, n = (uint32_t)high - low + 1;

	memset(ports, 0, sizeof(*ports));
	ports->kind = calloc(PORTS, 1);
	ports->free = calloc(n, sizeof(*ports->free));
	ports->resting = calloc(n, sizeof(*ports->resting));
	if (ports->kind == NULL || ports->free == NULL || ports->resting == NULL) {
		ports_free(ports);
		errno = ENOMEM;
		return (-1);
	}
	mark_reserved(reserved, ports->kind);
	for (port = low; port <= high; port++) {
		if (ports->kind[port] == PORT_RESERVED)
			continue;
		ports->kind[port] = PORT_OURS;
		ports->free[ports->nfree++] = (uint16_t)port;
	}
	ports->total = ports->nfree;
	if (ports->total > 0)
		return (0);
	ports_free(ports);
	errno = ERANGE;
	return (-1);
}

void
ports_free(struct ports *ports)
{
	free(ports->kind);
	free(ports->free);
	free(ports->resting);
	memset(ports, 0, sizeof(*ports));
}

static uint16_t
take_rested(struct ports *ports)
{
	uint16_t port = ports->resting[ports->first].port;

	ports->first = (ports->first + 1) % ports->total;
	ports->nresting--;
	return (port);
}

uint16_t
ports_take(struct ports *ports, int64_t now)
{
	uint32_t i;
	uint16_t port;

	while (ports->nresting > 0 && now - ports->resting[ports->first].since >= PORT_REST)
		ports->free[ports->nfree++] = take_rested(ports);
	if (ports->nfree == 0)
		return (ports->nresting > 0 ? take_rested(ports) : 0);
	i = arc4random_uniform(ports->nfree);
	port = ports->free[i];
	ports->free[i] = ports->free[--ports->nfree];
	return (port);
}

/* Take one that is free.  Returns 0, or -1 if it is not. */
static int
claim_free(struct ports *ports, uint16_t port)
{
	uint32_t i;

	for (i = 0; i < ports->nfree; i++) {
		if (ports->free[i] != port)
			continue;
		ports->free[i] = ports->free[--ports->nfree];
		return (0);
	}
	return (-1);
}

/* The same of one that rests; those that came back after it move up. */
static int
claim_resting(struct ports *ports, uint16_t port)
{
	struct resting *ring = ports->resting;
	uint32_t i, at, next;

	for (i = 0; i < ports->nresting; i++)
		if (ring[(ports->first + i) % ports->total].port == port)
			break;
	if (i == ports->nresting)
		return (-1);
	for (; i + 1 < ports->nresting; i++) {
		at = (ports->first + i) % ports->total;
		next = (at + 1) % ports->total;
		ring[at] = ring[next];
	}
	ports->nresting--;
	return (0);
}

int
ports_claim(struct ports *ports, uint16_t port)
{
	if (ports->kind[port] == PORT_OURS &&
	    (claim_free(ports, port) == 0 || claim_resting(ports, port) == 0))
		return (0);
	if (ports->kind[port] == PORT_OUTSIDE && port != 0) {
		ports->kind[port] = PORT_CLAIMED;
		return (0);
	}
	errno = EADDRINUSE;
	return (-1);
}

/* Returns whether it was outside of the range, and now is so again. */
static int
unclaim(struct ports *ports, uint16_t port)
{
	if (ports->kind[port] != PORT_CLAIMED)
		return (0);
	ports->kind[port] = PORT_OUTSIDE;
	return (1);
}

void
ports_return(struct ports *ports, uint16_t port, int64_t now)
{
	uint32_t last;

	if (unclaim(ports, port))
		return;
	last = (ports->first + ports->nresting++) % ports->total;
	ports->resting[last] = (struct resting){ now, port };
}

void
ports_untake(struct ports *ports, uint16_t port)
{
	if (!unclaim(ports, port))
		ports->free[ports->nfree++] = port;
}
