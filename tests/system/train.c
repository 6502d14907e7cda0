/*
 * train: sends trains of datagrams with UDP_SEGMENT, and reads what comes back datagram by
 * datagram, or as the other side, with -l, returns every train that UDP_GRO brings as one.
 *
 *	train [-n trains] [-d datagrams] [-s size] [-e size of the last] address port
 *	train [-r repeat] -l port
 *
 * The first prints one line of results; the second "ready", then for every train that came
 * "train DATAGRAMS SIZE".  With -r it returns a datagram as a train of so many.
 */

#include <sys/socket.h>

#include <netinet/udp.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"

#define MOST 65536

static unsigned char sent[MOST], received[MOST];

static void
put_segment(struct msghdr *mh, uint16_t segment)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(mh);

	cmsg->cmsg_level = SOL_UDP;
	cmsg->cmsg_type = UDP_SEGMENT;
	cmsg->cmsg_len = CMSG_LEN(sizeof(segment));
	memcpy(CMSG_DATA(cmsg), &segment, sizeof(segment));
	mh->msg_controllen = CMSG_SPACE(sizeof(segment));
}

static void
send_train(int fd, const void *name, socklen_t namelen, const void *payload, size_t length,
    uint16_t segment)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)payload, length };
	struct msghdr mh = {
		.msg_name = (void *)(uintptr_t)name,
		.msg_namelen = namelen,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	if (segment != 0 && segment < length) {
		mh.msg_control = control;
		mh.msg_controllen = sizeof(control);
		put_segment(&mh, segment);
	}
	if (sendmsg(fd, &mh, 0) == -1)
		err(1, "sendmsg");
}

/* The datagrams of a train, told from all others by what they hold. */
static void
fill(int train, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sent[i] = (unsigned char)(train * 7 + i + i / 251);
}

static int
is_readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return (poll(&pfd, 1, 5000) == 1);
}

struct results {
	int datagrams, received, wrong;
};

/* Read a train back: each datagram in its place, and as it was. */
static void
read_back(int fd, size_t length, size_t segment, struct results *results)
{
	size_t at, size;
	ssize_t n;

	for (at = 0; at < length; at += segment) {
		size = length - at < segment ? length - at : segment;
		results->datagrams++;
		if (!is_readable(fd))
			return;
		if ((n = recv(fd, received, sizeof(received), 0)) == -1)
			err(1, "recv");
		results->received++;
		if ((size_t)n != size || memcmp(received, sent + at, size) != 0)
			results->wrong++;
	}
}

static int
run_client(struct sockaddr_in *to, int trains, int datagrams, int size, int last)
{
	size_t length = (size_t)((datagrams - 1) * size + last);
	struct results results = { 0 };
	int fd, buffer = 4 << 20;

	if (length > 65507)
		errx(2, "a train of %zu bytes is too long", length);
	if ((fd = socket(AF_INET, SOCK_DGRAM, 0)) == -1)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if (connect(fd, (struct sockaddr *)to, sizeof(*to)) == -1)
		err(1, "connect");
	for (int i = 0; i < trains; i++) {
		fill(i, length);
		send_train(fd, NULL, 0, sent, length, (uint16_t)size);
		read_back(fd, length, (size_t)size, &results);
	}
	printf("sent=%d received=%d lost=%d wrong=%d\n", trains * datagrams, results.received,
	    trains * datagrams - results.received, results.wrong);
	return (results.wrong == 0 && results.received == trains * datagrams ? 0 : 1);
}

static void
run_server(int port, int repeat)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port) };
	struct iovec iov = { received, sizeof(received) / (size_t)repeat };
	struct msghdr mh = { .msg_name = &sin6, .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	int fd, one = 1, segment;
	ssize_t n;

	if ((fd = socket(AF_INET6, SOCK_DGRAM, 0)) == -1 ||
	    setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof(one)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)) == -1)
		err(1, "socket");
	printf("ready\n");
	for (;;) {
		mh.msg_namelen = sizeof(sin6);
		mh.msg_control = control;
		mh.msg_controllen = sizeof(control);
		if ((n = recvmsg(fd, &mh, 0)) == -1)
			err(1, "recvmsg");
		segment = (int)n;
		for (cmsg = CMSG_FIRSTHDR(&mh); cmsg != NULL; cmsg = CMSG_NXTHDR(&mh, cmsg))
			if (cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_GRO)
				memcpy(&segment, CMSG_DATA(cmsg), sizeof(segment));
		printf(
		    "train %zd %d\n", segment == 0 ? 1 : (n + segment - 1) / segment, segment);
		for (int i = 1; i < repeat; i++)
			memcpy(received + i * n, received, (size_t)n);
		send_train(fd, &sin6, mh.msg_namelen, received, (size_t)(n * repeat),
		    (uint16_t)segment);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to;
	int c, repeat = 1, trains = 1, datagrams = 16, size = 1400, last = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt(argc, argv, "n:d:s:e:l:r:")) != -1) {
		switch (c) {
		case 'n':
			trains = number(optarg, 1, 100000);
			break;
		case 'd':
			datagrams = number(optarg, 1, 128);
			break;
		case 's':
			size = number(optarg, 1, 65507);
			break;
		case 'e':
			last = number(optarg, 1, 65507);
			break;
		case 'l':
			run_server(number(optarg, 1, 65535), repeat);
			break;
		case 'r':
			repeat = number(optarg, 1, 64);
			break;
		default:
			return (2);
		}
	}
	if (argc - optind != 2)
		errx(2, "usage: train [options] address port");
	to = ipv4_endpoint(argv[optind], argv[optind + 1]);
	return (run_client(&to, trains, datagrams, size, last != 0 ? last : size));
}
