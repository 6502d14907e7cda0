/*
 * Both ends of the relay: the clients' sockets and the one of the home, in their own network
 * namespaces but in this one process, so that one clock times both ends of every path.
 */

#ifndef TESTS_BENCH_WIRE_H
#define TESTS_BENCH_WIRE_H

#include <netinet/in.h>

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/histogram.h"

#define SIZE_MAX_ 1472 /* of a datagram: no fragments at an MTU of 1500 */
#define SIZE_MIN_ 32   /* room for the header */
#define BURST_MAX 64   /* what every kernel takes as one train */
#define RECENT 1024    /* how far back a duplicate is told from a late one */
#define FORGED_MAX 400000

enum way { UP, DOWN, WAY_MAX };
enum kind { KIND_HELLO, KIND_DATA, KIND_ECHO, KIND_PROBE, KIND_FORGED, KIND_MAX };

/* What has happened to the datagrams of one direction. */
struct tally {
	int64_t sent, unsent; /* unsent: refused by our own kernel */
	int64_t delivered, duplicated, reordered, corrupt;
	int64_t moved; /* came from, or to, another port than the flow had before */
	int64_t last;  /* when the last one arrived */
	struct histogram latency, probe;
};

struct arrivals {
	uint32_t next; /* one above the highest number seen */
	uint64_t seen[RECENT / 64];
};

struct flow {
	int fd;
	bool answered, known; /* known: peer is the address that the home sees */
	struct sockaddr_in6 peer;
	uint32_t sent[WAY_MAX];
	struct arrivals arrivals[WAY_MAX];
};

struct wire {
	/* what it is told */
	const char *client_ns, *home_ns;
	struct sockaddr_in relay;
	struct in_addr first; /* of the clients' addresses */
	int addresses, port;  /* port: of the home */
	int bulk, flows;      /* that take turns in the load; and all */
	int size;
	bool trains, gro;

	/* its state */
	int home, epoll, raw;
	struct flow *flow;
	uint32_t tag;
	struct tally tally[WAY_MAX];
	int64_t forged_sent, forged_seen, forged_repeated;
	uint8_t *forged; /* by number: it reached the home */
	int32_t *owner;	 /* by port of the relay at home: its flow, or -1 */
};

void wire_open(struct wire *);

/* Send one burst: count datagrams, all of one flow, or one each of consecutive flows. */
void wire_send(struct wire *, enum way, enum kind, int flow, int count, bool interleave);

/* Send one datagram from a source that has never sent before. */
void wire_forge(struct wire *);

/* Take all that has come, waiting for the first at most until the given time. */
void wire_receive(struct wire *, int64_t until);

#endif
