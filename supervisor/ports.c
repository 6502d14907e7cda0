#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/ports.h"

/* Mark the ports of a list "8080,9000-9010"; what is no number ends it. */
static void
mark_reserved(const char *list, unsigned char marked[65536])
{
	unsigned long from, to;
	char *end;

	while (*list >= '0' && *list <= '9') {
		from = to = strtoul(list, &end, 10);
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to && from <= 65535; from++)
			marked[from] = 1;
		list = *end == ',' ? end + 1 : end;
	}
}

int
ports_init(struct ports *ports, uint16_t low, uint16_t high, const char *reserved)
{
	unsigned char *marked;
	uint32_t port, n = (uint32_t)high - low + 1;

	memset(ports, 0, sizeof(*ports));
	if ((marked = calloc(65536, 1)) == NULL)
		return (-1);
	mark_reserved(reserved, marked);
	ports->free = calloc(n, sizeof(*ports->free));
	ports->resting = calloc(n, sizeof(*ports->resting));
	if (ports->free == NULL || ports->resting == NULL) {
		free(marked);
		ports_free(ports);
		errno = ENOMEM;
		return (-1);
	}
	for (port = low; port <= high; port++)
		if (!marked[port])
			ports->free[ports->nfree++] = (uint16_t)port;
	free(marked);
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

void
ports_return(struct ports *ports, uint16_t port, int64_t now)
{
	uint32_t last = (ports->first + ports->nresting++) % ports->total;

	ports->resting[last] = (struct resting){ now, port };
}

void
ports_untake(struct ports *ports, uint16_t port)
{
	ports->free[ports->nfree++] = port;
}
