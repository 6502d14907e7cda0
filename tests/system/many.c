/*
 * many: many UDP clients over IPv4 in one process, each with a socket of its own, for the tests.
 *
 * It is told on standard input what to do.  "round": each client sends one datagram, all wait
 * for their echoes; a line "round sent=N answered=N corrupt=N milliseconds=T" tells the result.
 * End of file ends it, and with it the clients.
 */

#include <sys/epoll.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helper.h"

#define EVENTS 256

struct client {
	int fd;
	bool answered;
};

static struct client *clients;
static int count = 1, rate = 4000, wait_ms = 2000, epoll;
static uint32_t tag, turn;

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: many [-a first_address] [-A addresses] [-n clients] [-P ports] [-r rate]\n"
	    "            [-w milliseconds] address port\n"
	    "  -a, -A  source addresses, used in turn\n"
	    "  -P      server ports from the given one on, used in turn\n"
	    "  -r      datagrams a second (4000)\n"
	    "  -w      how long to wait for the answers after the last datagram\n");
	exit(2);
}

static void
client_open(int i, struct in_addr source, const struct sockaddr_in *server)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = source };
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
	struct client *c = &clients[i];

	if ((c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) == -1)
		err(1, "socket %d", i);
	if (bind(c->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind %d", i);
	if (connect(c->fd, (const struct sockaddr *)server, sizeof(*server)) == -1)
		err(1, "connect %d", i);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) == -1)
		err(1, "epoll_ctl %d", i);
}

/* Take what came in until the given time, or until all are answered. */
static void
collect(int64_t until, int *answered, int *corrupt)
{
	struct epoll_event event[EVENTS];
	uint32_t got[3];
	int64_t now;
	int n;

	while (*answered < count && (now = now_us()) < until) {
		n = epoll_wait(epoll, event, EVENTS, (int)((until - now + 999) / 1000));
		for (int i = 0; i < n; i++) {
			uint32_t id = event[i].data.u32;
			struct client *c = &clients[id];
			ssize_t length = recv(c->fd, got, sizeof(got), MSG_TRUNC);

			if (length == -1)
				continue;
			if (length != sizeof(got) || got[0] != tag || got[1] != id)
				(*corrupt)++;
			else if (got[2] != turn)
				continue; /* an earlier one's, late */
			else if (!c->answered) {
				c->answered = true;
				(*answered)++;
			}
		}
	}
}

static void
run_round(void)
{
	int answered = 0, corrupt = 0, sent = 0;
	int64_t begin = now_us(), due;

	turn++;
	for (int i = 0; i < count; i++)
		clients[i].answered = false;
	for (int i = 0; i < count; i++) {
		uint32_t datagram[3] = { tag, (uint32_t)i, turn };

		due = begin + (int64_t)i * 1000000 / rate;
		if (now_us() < due)
			collect(due, &answered, &corrupt);
		/* An ICMP error that is still pending is not this datagram's. */
		if (send(clients[i].fd, datagram, sizeof(datagram), 0) != -1 ||
		    send(clients[i].fd, datagram, sizeof(datagram), 0) != -1)
			sent++;
	}
	collect(now_us() + (int64_t)wait_ms * 1000, &answered, &corrupt);
	printf("round sent=%d answered=%d corrupt=%d milliseconds=%lld\n", sent, answered,
	    corrupt, (long long)((now_us() - begin) / 1000));
}

int
main(int argc, char **argv)
{
	struct sockaddr_in server = { .sin_family = AF_INET };
	struct in_addr first = { htonl(INADDR_ANY) };
	int ch, addresses = 1, port, ports = 1;
	char line[64];

	while ((ch = getopt(argc, argv, "A:a:n:P:r:w:")) != -1) {
		switch (ch) {
		case 'A':
			addresses = number(optarg, 1, 200);
			break;
		case 'a':
			first = ipv4_address(optarg);
			break;
		case 'n':
			count = number(optarg, 1, 60000);
			break;
		case 'P':
			ports = number(optarg, 1, UINT16_MAX);
			break;
		case 'r':
			rate = number(optarg, 1, 1000000);
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
	server.sin_addr = ipv4_address(argv[optind]);
	port = number(argv[optind + 1], 1, UINT16_MAX);
	raise_descriptor_limit();
	setvbuf(stdout, NULL, _IOLBF, 0);
	if ((clients = calloc((size_t)count, sizeof(*clients))) == NULL)
		err(1, NULL);
	if ((epoll = epoll_create1(0)) == -1)
		err(1, "epoll_create1");
	tag = arc4random();
	for (int i = 0; i < count; i++) {
		struct in_addr a = { htonl(ntohl(first.s_addr) + (uint32_t)(i % addresses)) };

		server.sin_port = htons((uint16_t)(port + i % ports));
		client_open(i, a, &server);
	}

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "round\n") != 0)
			errx(2, "unknown command: %s", line);
		run_round();
	}
	return (0);
}
