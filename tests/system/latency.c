/*
 * latency: one UDP client over IPv4 that sends at a fixed rate and measures how long each echo
 * takes, for the tests.  One line on standard output tells the result, times in microseconds.
 */

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

#define LINGER 1000000 /* what is not back by then is lost */

static int64_t *sent_at, *took;
static int received;

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: latency [-b address] [-n count] [-r rate] [-s size] address port\n");
	exit(2);
}

static int
client_open(struct in_addr source, const char *address, const char *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = source };
	int fd;

	if ((fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) == -1)
		err(1, "socket");
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind");
	sin.sin_addr = ipv4_address(address);
	sin.sin_port = htons((uint16_t)number(port, 1, UINT16_MAX));
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "connect");
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
	struct pollfd pfd = { .events = POLLIN };
	int ch, count = 1000, rate = 1000, size = 64, sent = 0;
	int64_t begin, next, now;
	static uint8_t data[1472];
	struct timespec ts;

	while ((ch = getopt(argc, argv, "b:n:r:s:")) != -1) {
		switch (ch) {
		case 'b':
			source = ipv4_address(optarg);
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
	pfd.fd = client_open(source, argv[optind], argv[optind + 1]);
	if ((sent_at = calloc((size_t)count, sizeof(*sent_at))) == NULL ||
	    (took = calloc((size_t)count, sizeof(*took))) == NULL)
		err(1, NULL);

	begin = now_us();
	while (received < count) {
		next = sent < count ? begin + (int64_t)sent * 1000000 / rate
				    : sent_at[count - 1] + LINGER;
		if ((now = now_us()) < next) {
			ts.tv_sec = (next - now) / 1000000;
			ts.tv_nsec = (next - now) % 1000000 * 1000;
			if (ppoll(&pfd, 1, &ts, NULL) > 0)
				receive_all(pfd.fd, sent);
		} else if (sent < count) {
			memcpy(data, &(uint32_t){ (uint32_t)sent }, 4);
			sent_at[sent++] = now;
			/* A send that fails counts as lost. */
			(void)send(pfd.fd, data, (size_t)size, 0);
		} else
			break;
	}
	qsort(took, (size_t)count, sizeof(*took), compare);
	printf("sent=%d received=%d lost=%d p50=%lld p90=%lld p99=%lld max=%lld\n", sent,
	    received, sent - received, quantile(count, 50), quantile(count, 90),
	    quantile(count, 99), quantile(count, 100));
	return (received == sent ? 0 : 1);
}
