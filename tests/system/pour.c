/*
 * pour: clients over IPv4 that ask for more than their path carries, for the tests; with -l the
 * server over IPv6 that pours it out, and returns every other datagram as it came.
 *
 *	pour [-b address] [-c clients] [-p port] [-n bytes] [-r rate] [-s size] [-d datagrams]
 *	    [-t seconds] address port
 *	pour -l port
 *
 * Each client, from source ports on from -p, asks for so many bytes at so many a second, in trains
 * of so many datagrams of a size.  After the time is over one line tells what came: datagrams and
 * bytes of all clients, the least bytes of one, and how many datagrams came out of order.
 */

#include <sys/epoll.h>
#include <sys/socket.h>

#include <netinet/udp.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"

#define MOST 65536
#define CLIENTS 1024
#define TURN_US 2000

struct request {
	char word[8];
	int32_t bytes, rate, size, datagrams;
};

static unsigned char data[MOST];

/* ---- the server ---- */

struct stream {
	struct sockaddr_in6 to;
	struct request request;
	int64_t begin, sent;
	uint32_t number;
};

static struct stream streams[CLIENTS];
static int count;

static void
send_train(int fd, struct stream *s)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
	int size = s->request.size, n = s->request.datagrams;
	struct iovec iov = { data, (size_t)size * (size_t)n };
	struct msghdr mh = { .msg_name = &s->to,
		.msg_namelen = sizeof(s->to),
		.msg_iov = &iov,
		.msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	for (int i = 0; i < n; i++) {
		s->number++;
		memcpy(data + (size_t)i * (size_t)size, &s->number, sizeof(s->number));
	}
	if (n > 1) {
		mh.msg_control = control;
		mh.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_UDP;
		cmsg->cmsg_type = UDP_SEGMENT;
		cmsg->cmsg_len = CMSG_LEN(sizeof(uint16_t));
		memcpy(CMSG_DATA(cmsg), &(uint16_t){ (uint16_t)size }, sizeof(uint16_t));
	}
	(void)sendmsg(fd, &mh, 0);
	s->sent += (int64_t)iov.iov_len;
}

/* What each is owed by now; no more than a few trains at a time, echoes must not wait. */
static void
pour(int fd)
{
	int64_t now = now_us(), due;
	struct stream *s;

	for (s = streams; s < streams + count; s++) {
		due = (now - s->begin) * s->request.rate / 1000000;
		if (due > s->request.bytes)
			due = s->request.bytes;
		for (int i = 0; i < 4 && s->sent < due; i++)
			send_train(fd, s);
	}
}

static void
answer(int fd)
{
	static unsigned char got[MOST];
	struct sockaddr_in6 from;
	socklen_t length = sizeof(from);
	struct request request;
	ssize_t n;

	while ((n = recvfrom(fd, got, sizeof(got), MSG_DONTWAIT, (struct sockaddr *)&from,
		    &length)) != -1) {
		memcpy(&request, got, sizeof(request));
		if (n != sizeof(request) || strcmp(request.word, "pour") != 0)
			(void)sendto(
			    fd, got, (size_t)n, 0, (const struct sockaddr *)&from, length);
		else if (count < CLIENTS)
			streams[count++] = (struct stream){
				.to = from, .request = request, .begin = now_us()
			};
		length = sizeof(from);
	}
}

static _Noreturn void
run_server(int port)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port) };
	struct pollfd pfd = { .events = POLLIN };
	int buffer = 16 << 20;

	if ((pfd.fd = socket(AF_INET6, SOCK_DGRAM, 0)) == -1 ||
	    bind(pfd.fd, (struct sockaddr *)&sin6, sizeof(sin6)) == -1)
		err(1, "socket");
	(void)setsockopt(pfd.fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	(void)setsockopt(pfd.fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	printf("ready\n");
	for (;;) {
		poll(&pfd, 1, count > 0 ? TURN_US / 1000 : -1);
		answer(pfd.fd);
		pour(pfd.fd);
	}
}

/* ---- the clients ---- */

struct client {
	int fd;
	int64_t bytes;
	uint32_t last;
};

static struct client clients[CLIENTS];
static int64_t datagrams, bytes, disorder;

static void
open_client(
    struct client *c, struct in_addr source, int port, const struct sockaddr_in *to, int epoll)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_addr = source, .sin_port = htons((uint16_t)port)
	};
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	int buffer = 4 << 20;

	if ((c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) == -1 ||
	    bind(c->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    connect(c->fd, (const struct sockaddr *)to, sizeof(*to)) == -1 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) == -1)
		err(1, "client");
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
}

static void
receive(struct client *c)
{
	uint32_t number_of;
	ssize_t n;

	while ((n = recv(c->fd, data, sizeof(data), 0)) != -1) {
		memcpy(&number_of, data, sizeof(number_of));
		disorder += number_of <= c->last;
		c->last = number_of;
		c->bytes += n;
		bytes += n;
		datagrams++;
	}
}

static void
drink(int epoll, int64_t until)
{
	struct epoll_event event[64];
	int64_t left;
	int n;

	while ((left = until - now_us()) > 0) {
		n = epoll_wait(epoll, event, 64, (int)(left / 1000 + 1));
		for (int i = 0; i < n; i++)
			receive(event[i].data.ptr);
	}
}

int
main(int argc, char **argv)
{
	struct request request = { "pour", 14 << 20, 100000000, 1400, 40 };
	struct sockaddr_in to;
	struct in_addr source = { htonl(INADDR_ANY) };
	int c, n = 1, port = 0, seconds = 10, epoll = epoll_create1(0);
	int64_t least = INT64_MAX;

	setvbuf(stdout, NULL, _IOLBF, 0);
	raise_descriptor_limit();
	while ((c = getopt(argc, argv, "b:c:d:l:n:p:r:s:t:")) != -1) {
		switch (c) {
		case 'b':
			source = ipv4_address(optarg);
			break;
		case 'c':
			n = number(optarg, 1, CLIENTS);
			break;
		case 'd':
			request.datagrams = number(optarg, 1, 64);
			break;
		case 'l':
			run_server(number(optarg, 1, 65535));
		case 'n':
			request.bytes = number(optarg, 1, INT32_MAX);
			break;
		case 'p':
			port = number(optarg, 1, 65535);
			break;
		case 'r':
			request.rate = number(optarg, 1, INT32_MAX);
			break;
		case 's':
			request.size = number(optarg, 4, 65507);
			break;
		case 't':
			seconds = number(optarg, 1, 600);
			break;
		default:
			return (2);
		}
	}
	if (argc - optind != 2)
		errx(2, "usage: pour [options] address port");
	to = ipv4_endpoint(argv[optind], argv[optind + 1]);
	for (int i = 0; i < n; i++)
		open_client(&clients[i], source, port == 0 ? 0 : port + i, &to, epoll);
	for (int i = 0; i < n; i++)
		if (send(clients[i].fd, &request, sizeof(request), 0) == -1)
			err(1, "send");
	drink(epoll, now_us() + (int64_t)seconds * 1000000);
	for (int i = 0; i < n; i++)
		if (clients[i].bytes < least)
			least = clients[i].bytes;
	printf("datagrams=%lld bytes=%lld least=%lld disorder=%lld\n", (long long)datagrams,
	    (long long)bytes, (long long)least, (long long)disorder);
	return (0);
}
