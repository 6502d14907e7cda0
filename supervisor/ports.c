#include <sys/mman.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
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

static size_t
resting_size(uint32_t total)
{
	return (sizeof(struct resting_ports) + total * sizeof(struct resting));
}

/* Returns 0, or -1. */
static int
reserve_resting(struct ports *ports, uint32_t total)
{
	void *p;

	if ((ports->fd = memory_create("udp46 ports", resting_size(total))) == -1)
		return (-1);
	p = mmap(NULL, resting_size(total), PROT_READ | PROT_WRITE, MAP_SHARED, ports->fd, 0);
	if (p == MAP_FAILED)
		return (-1);
	ports->resting = p;
	memcpy(ports->resting->magic, RESTING_MAGIC, sizeof(RESTING_MAGIC));
	ports->resting->total = total;
	return (0);
}

int
ports_init(struct ports *ports, uint16_t low, uint16_t high, const char *reserved)
{
	uint32_t port, n = (uint32_t)high - low + 1;

	memset(ports, 0, sizeof(*ports));
	ports->fd = -1;
	ports->kind = calloc(PORTS, 1);
	ports->free = calloc(n, sizeof(*ports->free));
	if (ports->kind == NULL || ports->free == NULL || reserve_resting(ports, n) == -1) {
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
	if (ports->resting != NULL)
		munmap(ports->resting, resting_size(ports->resting->total));
	if (ports->fd != -1)
		close(ports->fd);
	memset(ports, 0, sizeof(*ports));
}

static uint16_t
take_rested(struct resting_ports *r)
{
	uint16_t port = r->ring[r->first].port;

	r->first = (r->first + 1) % r->total;
	r->count--;
	return (port);
}

uint16_t
ports_take(struct ports *ports, int64_t now)
{
	struct resting_ports *r = ports->resting;
	uint32_t i;
	uint16_t port;

	while (r->count > 0 && now - r->ring[r->first].since >= PORT_REST)
		ports->free[ports->nfree++] = take_rested(r);
	if (ports->nfree == 0)
		return (r->count > 0 ? take_rested(r) : 0);
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
claim_resting(struct resting_ports *r, uint16_t port)
{
	uint32_t i, at, next;

	for (i = 0; i < r->count; i++)
		if (r->ring[(r->first + i) % r->total].port == port)
			break;
	if (i == r->count)
		return (-1);
	for (; i + 1 < r->count; i++) {
		at = (r->first + i) % r->total;
		next = (at + 1) % r->total;
		r->ring[at] = r->ring[next];
	}
	r->count--;
	return (0);
}

int
ports_claim(struct ports *ports, uint16_t port)
{
	if (ports->kind[port] == PORT_OURS &&
	    (claim_free(ports, port) == 0 || claim_resting(ports->resting, port) == 0))
		return (0);
	if (ports->kind[port] == PORT_OUTSIDE && port != 0) {
		ports->kind[port] = PORT_CLAIMED;
		return (0);
	}
	errno = EADDRINUSE;
	return (-1);
}

/*
 * Whether there is a place for it: one that could not be claimed, as by now it is reserved, is not
 * ours.  Of one that was claimed outside of the range that is all.
 */
static int
is_ours(struct ports *ports, uint16_t port)
{
	if (ports->kind[port] == PORT_CLAIMED)
		ports->kind[port] = PORT_OUTSIDE;
	return (ports->kind[port] == PORT_OURS &&
	    ports->nfree + ports->resting->count < ports->total);
}

void
ports_return(struct ports *ports, uint16_t port, int64_t now)
{
	struct resting_ports *r = ports->resting;

	if (!is_ours(ports, port))
		return;
	r->ring[(r->first + r->count) % r->total] =
	    (struct resting){ .since = now, .port = port };
	r->count++;
}

void
ports_untake(struct ports *ports, uint16_t port)
{
	if (is_ours(ports, port))
		ports->free[ports->nfree++] = port;
}

/* ---- those of a supervisor before us ---- */

int
ports_are_memory(int fd)
{
	char magic[sizeof(RESTING_MAGIC)];

	return (pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
	    memcmp(magic, RESTING_MAGIC, sizeof(magic)) == 0);
}

/* A port that rests, and has not rested long enough. */
static int
adopt(struct ports *ports, const struct resting *resting, int64_t now)
{
	if (resting->since > now || now - resting->since >= PORT_REST ||
	    ports_claim(ports, resting->port) == -1)
		return (0);
	ports_return(ports, resting->port, resting->since);
	return (1);
}

uint32_t
ports_adopt(struct ports *ports, int fd, int64_t now)
{
	struct resting_ports head;
	struct resting resting;
	uint32_t i, n = 0;
	off_t at;

	/* One by one: its owner may be alive, and what it says is believed no farther. */
	if (!ports_are_memory(fd) ||
	    pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) || head.total == 0 ||
	    head.total > PORTS || head.first >= head.total || head.count > head.total)
		return (0);
	for (i = 0; i < head.count; i++) {
		at = (off_t)resting_size((head.first + i) % head.total);
		if (pread(fd, &resting, sizeof(resting), at) != (ssize_t)sizeof(resting))
			break;
		n += (uint32_t)adopt(ports, &resting, now);
	}
	return (n);
}
