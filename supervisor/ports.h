#ifndef SUPERVISOR_PORTS_H
#define SUPERVISOR_PORTS_H

#include <stdint.h>

/* A port that has served rests this long: a late reply must not reach a stranger. */
#define PORT_REST (60 * SECOND)

struct resting {
	int64_t since;
	uint16_t port;
	uint16_t pad[3];
};

/* Those that rest: a ring, in a memfd that outlives the supervisor, so that they rest on. */
#define RESTING_MAGIC "udp46 ports 1\n"

struct resting_ports {
	char magic[16];
	uint32_t total; /* places */
	uint32_t first;
	uint32_t count;
	uint32_t pad;
	struct resting ring[];
};

/*
 * The source ports towards the upstream: those that are free, in no order, and those that
 * rest, in the order in which they came back.  Taking and returning cost the same whatever
 * their number.  `now` is clock_now().
 */
struct ports {
	uint32_t total;
	uint32_t nfree;
	uint16_t *free;
	struct resting_ports *resting;
	int fd;		     /* of that */
	unsigned char *kind; /* of each port: see ports.c */
};

/*
 * All ports from low to high but those that `reserved` lists the way that
 * ip_local_reserved_ports does ("8080,9000-9010"; see Documentation/networking/ip-sysctl).
 * Returns 0, or -1 with errno: ENOMEM, ERANGE if none is left.
 */
int ports_init(struct ports *ports, uint16_t low, uint16_t high, const char *reserved);
void ports_free(struct ports *ports);

/*
 * Whether this memfd says that ports of a supervisor before us are in it.  And have those that
 * rest there, as far as they are free here, rest here, too.  What does not hold is left out.
 * Returns how many they are.
 */
int ports_are_memory(int fd);
uint32_t ports_adopt(struct ports *ports, int fd, int64_t now);

/*
 * Take a port: a random free one, else the one that has rested longest, even if not long
 * enough.  Returns 0 when all are taken.
 */
uint16_t ports_take(struct ports *ports, int64_t now);

/*
 * Take this port, which has served before us: also one that rests, or that is out of the range by
 * now.  Returns 0, or -1 with errno EADDRINUSE: it is reserved for a service of this host, or taken.
 */
int ports_claim(struct ports *ports, uint16_t port);

/*
 * Give a port back: to rest, or, as one that never served, to be taken again at once.  One that
 * is out of the range is just no longer taken; one that is reserved, or not taken, is left alone.
 */
void ports_return(struct ports *ports, uint16_t port, int64_t now);
void ports_untake(struct ports *ports, uint16_t port);

#endif
