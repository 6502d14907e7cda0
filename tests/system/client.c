/*
 * client: one UDP client over IPv4, for the tests.  It sends datagrams to an echo server and
 * checks what comes back: content, boundaries, order, number.  Lock-step by default (the next
 * one goes when the last was answered or -w has passed); with -r at a fixed rate.
 *
 * One line on standard output tells the result.  Exit status 0: every datagram came back once,
 * unchanged and in order.
 *
 * A datagram of 8 bytes or more carries its number, so any fate shows.  A shorter one is taken
 * for the oldest of its size that is missing.
 */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helper.h"

#define SIZES_MAX 16
#define KINDS_MAX 8
#define PAYLOAD_MAX 65507
#define HEADER 8 /* tag and number */

/* What a datagram can come with (its source, its TOS byte): the few values that were seen. */
struct kinds {
	uint64_t value[KINDS_MAX];
	int count;
};

struct client {
	int fd;
	struct sockaddr_in server;
	uint32_t tag;
	int size[SIZES_MAX], sizes;
	int total, sent, received;
	int given_up; /* in lock-step: not waited for any longer */
	int duplicated, reordered, corrupt, errors;
	int highest;	   /* highest number received */
	uint8_t *seen;	   /* by number */
	int64_t last, gap; /* time of the last arrival; longest pause between two */
	struct kinds from, tos;
};

static uint8_t data[UINT16_MAX + 1], expected[PAYLOAD_MAX];

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: client [-b address[:port]] [-n count] [-r rate] [-s size,...] [-t tos]\n"
	    "              [-w milliseconds] address port\n"
	    "  -r  datagrams a second; without it each waits for the answer to the last\n"
	    "  -s  payload sizes, used in turn (64)\n"
	    "  -w  how long to wait for an answer (2000)\n");
	exit(2);
}

static struct sockaddr_in
endpoint(char *text)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	char *colon;

	if ((colon = strchr(text, ':')) != NULL) {
		*colon = '\0';
		sin.sin_port = htons((uint16_t)number(colon + 1, 0, UINT16_MAX));
	}
	sin.sin_addr = ipv4_address(text);
	return (sin);
}

static int
client_open(const struct sockaddr_in *source, int tos)
{
	int fd, on = 1, size = 16 << 20;

	if ((fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) == -1)
		err(1, "socket");
	if (setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)) == -1)
		err(1, "setsockopt");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)source, sizeof(*source)) == -1)
		err(1, "bind");
	return (fd);
}

static void
kinds_add(struct kinds *k, uint64_t value)
{
	for (int i = 0; i < k->count; i++)
		if (k->value[i] == value)
			return;
	if (k->count < KINDS_MAX)
		k->value[k->count++] = value;
}

/* The payload of datagram q: its header when there is room, then a pattern of its own. */
static int
payload(const struct client *c, int q, uint8_t *p)
{
	int size = c->size[q % c->sizes];

	for (int i = 0; i < size; i++)
		p[i] = (uint8_t)(i * 7 + q * 31 + (i >> 8));
	if (size >= HEADER) {
		memcpy(p, &c->tag, 4);
		memcpy(p + 4, &q, 4);
	}
	return (size);
}

static void
client_send(struct client *c)
{
	int size = payload(c, c->sent, data);

	c->sent++;
	if (sendto(c->fd, data, (size_t)size, 0, (struct sockaddr *)&c->server,
		sizeof(c->server)) == -1)
		c->errors++;
}

/* The number of the datagram that these bytes are, or -1. */
static int
recognise(struct client *c, int length)
{
	int q;

	if (length >= HEADER) {
		if (memcmp(data, &c->tag, 4) != 0)
			return (-1);
		memcpy(&q, data + 4, 4);
		if (q < 0 || q >= c->sent)
			return (-1);
	} else {
		for (q = 0; q < c->sent; q++)
			if (c->size[q % c->sizes] == length && c->seen[q] == 0)
				break;
		if (q == c->sent)
			return (-1);
	}
	if (payload(c, q, expected) != length || memcmp(data, expected, (size_t)length) != 0)
		return (-1);
	return (q);
}

static void
client_count(struct client *c, int length)
{
	int64_t now = now_us();
	int q;

	if (c->last != 0 && now - c->last > c->gap)
		c->gap = now - c->last;
	c->last = now;
	if ((q = recognise(c, length)) == -1) {
		c->corrupt++;
		return;
	}
	if (c->seen[q] != 0) {
		c->duplicated++;
		return;
	}
	c->seen[q] = 1;
	c->received++;
	if (q < c->highest)
		c->reordered++;
	else
		c->highest = q;
}

/* Take one datagram; false when none is there. */
static bool
client_receive(struct client *c)
{
	struct sockaddr_in from;
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *m;
	ssize_t n;

	if ((n = recvmsg(c->fd, &msg, 0)) == -1) {
		if (errno == EAGAIN)
			return (false);
		c->errors++;
		return (true);
	}
	kinds_add(&c->from, (uint64_t)ntohl(from.sin_addr.s_addr) << 16 | ntohs(from.sin_port));
	for (m = CMSG_FIRSTHDR(&msg); m != NULL; m = CMSG_NXTHDR(&msg, m))
		if (m->cmsg_level == IPPROTO_IP && m->cmsg_type == IP_TOS)
			kinds_add(&c->tos, *CMSG_DATA(m));
	client_count(c, (int)n);
	return (true);
}

static void
client_run(struct client *c, int rate, int wait_ms)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	int64_t begin = now_us(), quiet = begin, now, next;
	struct timespec ts;

	for (;;) {
		now = now_us();
		if (c->sent < c->total) {
			if (rate != 0)
				next = begin + (int64_t)c->sent * 1000000 / rate;
			else if (c->received >= c->sent - c->given_up)
				next = now;
			else
				next = quiet + (int64_t)wait_ms * 1000;
			if (now >= next) {
				if (rate == 0)
					c->given_up = c->sent - c->received;
				client_send(c);
				quiet = now;
				while (client_receive(c))
					;
				continue;
			}
		} else {
			next = quiet + (int64_t)wait_ms * 1000;
			if (c->received >= c->sent - c->given_up || now >= next)
				return;
		}
		ts.tv_sec = (next - now) / 1000000;
		ts.tv_nsec = (next - now) % 1000000 * 1000;
		if (ppoll(&pfd, 1, &ts, NULL) > 0) {
			while (client_receive(c))
				;
			if (rate != 0)
				quiet = now_us();
		}
	}
}

static void
client_report(const struct client *c)
{
	printf("sent=%d received=%d lost=%d duplicated=%d reordered=%d corrupt=%d errors=%d"
	       " longest_pause_ms=%lld",
	    c->sent, c->received, c->sent - c->received, c->duplicated, c->reordered,
	    c->corrupt, c->errors, (long long)(c->gap / 1000));
	for (int i = 0; i < c->from.count; i++) {
		struct in_addr a = { htonl((uint32_t)(c->from.value[i] >> 16)) };

		printf("%s%s:%d", i == 0 ? " from=" : ",", inet_ntoa(a),
		    (int)(c->from.value[i] & UINT16_MAX));
	}
	for (int i = 0; i < c->tos.count; i++)
		printf("%s0x%02x", i == 0 ? " tos=" : ",", (unsigned int)c->tos.value[i]);
	putchar('\n');
}

int
main(int argc, char **argv)
{
	struct client c = { .size = { 64 }, .sizes = 1, .total = 1, .highest = -1 };
	struct sockaddr_in source = { .sin_family = AF_INET };
	int ch, rate = 0, tos = 0, wait_ms = 2000;
	char *item;

	while ((ch = getopt(argc, argv, "b:n:r:s:t:w:")) != -1) {
		switch (ch) {
		case 'b':
			source = endpoint(optarg);
			break;
		case 'n':
			c.total = number(optarg, 1, 10000000);
			break;
		case 'r':
			rate = number(optarg, 1, 1000000);
			break;
		case 's':
			for (c.sizes = 0; (item = strsep(&optarg, ",")) != NULL;)
				if (c.sizes < SIZES_MAX)
					c.size[c.sizes++] = number(item, 0, PAYLOAD_MAX);
			break;
		case 't':
			tos = number(optarg, 0, UINT8_MAX);
			break;
		case 'w':
			wait_ms = number(optarg, 1, 600000);
			break;
		default:
			usage();
		}
	}
	if (optind + 2 != argc)
		usage();
	c.server = endpoint(argv[optind]);
	c.server.sin_port = htons((uint16_t)number(argv[optind + 1], 1, UINT16_MAX));
	c.tag = arc4random();
	c.fd = client_open(&source, tos);
	if ((c.seen = calloc((size_t)c.total, 1)) == NULL)
		err(1, NULL);

	client_run(&c, rate, wait_ms);
	client_report(&c);
	free(c.seen);
	if (c.received != c.sent || c.duplicated != 0 || c.reordered != 0 || c.corrupt != 0)
		return (1);
	return (0);
}
