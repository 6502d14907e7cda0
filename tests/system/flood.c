/*
 * flood: one-packet sources, forged at random, at a rate and for a time that are both bounded;
 * with -a of one address, with -p of one port, with -s the same ones each time; with -P to as many
 * ports from the given one on, each from the same sources at this rate.
 * For use in the tests' own network namespaces only; the sources are documentation addresses.
 */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helper.h"

#define FORGED_NETWORK 0xcb007100U /* 203.0.113.0/24 */
#define RATE_MAX 50000
#define SECONDS_MAX 30
#define PORTS_MAX 2

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	char payload[12];
} __attribute__((packed));

static struct in_addr source;
static int source_port, ports = 1, rate = 5000, seconds = 1, seeded;

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: flood [-a source] [-p port] [-r rate] [-s seed] [-t seconds]\n"
	    "             address port\n");
	exit(2);
}

/* A number below the limit: one that nobody can tell, or the next one from the seed. */
static uint32_t
any_below(uint32_t limit)
{
	return (seeded ? (uint32_t)random() % limit : arc4random_uniform(limit));
}

/* From the given source and port, or from any where they are 0. */
static void
forge_source(struct packet *p)
{
	int port = source_port;

	p->ip.saddr = source.s_addr;
	if (source.s_addr == 0)
		p->ip.saddr = htonl(FORGED_NETWORK | (1 + any_below(254)));
	if (port == 0)
		port = 1024 + (int)any_below(64512);
	p->udp.source = htons((uint16_t)port);
}

static void
read_options(int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "a:p:P:r:s:t:")) != -1) {
		switch (ch) {
		case 'a':
			source = ipv4_address(optarg);
			break;
		case 'p':
			source_port = number(optarg, 1, UINT16_MAX);
			break;
		case 'P':
			ports = number(optarg, 1, PORTS_MAX);
			break;
		case 'r':
			rate = number(optarg, 1, RATE_MAX);
			break;
		case 's':
			srandom((unsigned)number(optarg, 0, INT32_MAX));
			seeded = 1;
			break;
		case 't':
			seconds = number(optarg, 1, SECONDS_MAX);
			break;
		default:
			usage();
		}
	}
	if (optind + 2 != argc)
		usage();
}

/*
 * The same datagram to each port, in turn the first, since who is first has the processor to himself.
 * Returns how many could not be sent.
 */
static int
send_to_all(int fd, struct packet *p, struct sockaddr_in *to, int first)
{
	static int turn;
	int i, failed = 0;

	for (i = 0; i < ports; i++) {
		p->udp.dest = htons((uint16_t)(first + (turn + i) % ports));
		failed +=
		    sendto(fd, p, sizeof(*p), 0, (struct sockaddr *)to, sizeof(*to)) == -1;
	}
	turn = (turn + 1) % ports;
	return (failed);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct packet p = {
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP },
		.payload = "flood"
	};
	int fd, first;
	long long sent = 0, failed = 0;
	int64_t begin, end, due, now;

	read_options(argc, argv);
	to.sin_addr = ipv4_address(argv[optind]);
	first = number(argv[optind + 1], 1, UINT16_MAX - PORTS_MAX);
	p.ip.daddr = to.sin_addr.s_addr;
	p.ip.tot_len = htons(sizeof(p));
	p.udp.len = htons(sizeof(p.udp) + sizeof(p.payload));
	/* The checksum stays 0, which over IPv4 means none; that of the header is the kernel's. */
	if ((fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW)) == -1)
		err(1, "socket");

	begin = now_us();
	end = begin + (int64_t)seconds * 1000000;
	for (now = begin; now < end; now = now_us()) {
		due = begin + sent * 1000000 / rate;
		if (due > now) {
			struct timespec ts = { .tv_nsec = (due - now) * 1000 };

			nanosleep(&ts, NULL);
			continue;
		}
		forge_source(&p);
		failed += send_to_all(fd, &p, &to, first);
		sent++;
	}
	printf("sent=%lld failed=%lld\n", sent, failed);
	return (sent > failed ? 0 : 1);
}
