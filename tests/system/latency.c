/*
 * latency: UDP clients over IPv4 that send in turn at a fixed rate and measure how long each echo
 * takes, for the tests.  One line on standard output tells the result, times in microseconds.
 */

#include <sys/epoll.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helper.h"

#define EVENTS 64
#define LINGER 1000000 /* what is not back by then is lost */

static int64_t *sent_at, *took;
static int *fds, received;

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: latency [-b address] [-c clients] [-n count] [-r rate] [-s size]\n"
	    "               address port\n");
	exit(2);
}

static int
client_open(struct in_addr source, const char *address, const char *port, int epoll)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = source };
	struct epoll_event event = { .events = EPOLLIN };
	int fd;

	if ((fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) == -1)
		err(1, "socket");
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind");
	sin.sin_addr = ipv4_address(address);
	sin.sin_port = htons((uint16_t)number(port, 1, UINT16_MAX));
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "connect");
	event.data.fd = fd;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1)
		err(1, "epoll_ctl");
	return (fd);
}

static void
receive_all(int fd, int sent)
{
	uint32_t q;

	/* A longer datagram's rest is cut off: only its number matters. */
	while (recv(fd, &q, sizeof(q), 0) == sizeof(q)) {
		if (q >= (uint32_t)sent || took[q] != 0)
			continue;
		took[q] = now_us() - sent_at[q] + 1;
		received++;
	}
}

/* What comes in within so many microseconds, at least what is there. */
static void
wait_for_echoes(int epoll, int64_t us, int sent)
{
	const struct timespec ts = { us / 1000000, us % 1000000 * 1000 };
	struct pollfd pfd = { .fd = epoll, .events = POLLIN };
	struct epoll_event event[EVENTS];
	int n = ppoll(&pfd, 1, &ts, NULL) == 1 ? epoll_wait(epoll, event, EVENTS, 0) : 0;

	for (int i = 0; i < n; i++)
		receive_all(event[i].data.fd, sent);
}

static int
compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return ((*x > *y) - (*x < *y));
}

/* Of the sorted times: those of lost datagrams are 0 and come first. */
static long long
quantile(int count, int percent)
{
	if (received == 0)
		return (-1);
	return ((long long)took[count - received + (received - 1) * percent / 100]);
}

int
main(int argc, char **argv)
{
	struct in_addr source = { htonl(INADDR_ANY) };
	int ch, clients = 1, count = 1000, rate = 1000, size = 64, sent = 0;
	int epoll = epoll_create1(0);
	int64_t begin, next, now;
	static uint8_t data[1472];

	while ((ch = getopt(argc, argv, "b:c:n:r:s:")) != -1) {
		switch (ch) {
		case 'b':
			source = ipv4_address(optarg);
			break;
		case 'c':
			clients = number(optarg, 1, 60000);
			break;
		case 'n':
			count = number(optarg, 1, 10000000);
			break;
		case 'r':
			rate = number(optarg, 1, 1000000);
			break;
		case 's':
			size = number(optarg, 4, sizeof(data));
			break;
		default:
			usage();
		}
	}
	if (optind + 2 != argc)
		usage();
	raise_descriptor_limit();
	if ((fds = calloc((size_t)clients, sizeof(*fds))) == NULL)
		err(1, NULL);
	for (int i = 0; i < clients; i++)
		fds[i] = client_open(source, argv[optind], argv[optind + 1], epoll);
	if ((sent_at = calloc((size_t)count, sizeof(*sent_at))) == NULL ||
	    (took = calloc((size_t)count, sizeof(*took))) == NULL)
		err(1, NULL);

	begin = now_us();
	while (received < count) {
		next = sent < count ? begin + (int64_t)sent * 1000000 / rate
				    : sent_at[count - 1] + LINGER;
		if ((now = now_us()) < next) {
			wait_for_echoes(epoll, next - now, sent);
		} else if (sent < count) {
			memcpy(data, &(uint32_t){ (uint32_t)sent }, 4);
			sent_at[sent] = now;
			/* A send that fails counts as lost. */
			(void)send(fds[sent++ % clients], data, (size_t)size, 0);
		} else
			break;
	}
	qsort(took, (size_t)count, sizeof(*took), compare);
	printf("sent=%d received=%d lost=%d p50=%lld p90=%lld p99=%lld max=%lld\n", sent,
	    received, sent - received, quantile(count, 50), quantile(count, 90),
	    quantile(count, 99), quantile(count, 100));
	return (received == sent ? 0 : 1);
}
