/*
 * echo: a UDP server over IPv6 that sends each datagram back, for the tests.
 *
 * It says on standard output who talks to it: "peer ADDRESS PORT" the first time that a port
 * is seen and, with -v, "datagram ADDRESS PORT LENGTH TOS" for each one.
 */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"

#define TOS_NONE (-1)
#define TOS_REFLECT (-2)

static bool seen[UINT16_MAX + 1];
static int repeat = 1, factor = 1;

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: echo [-v] [-b address] [-m length] [-n replies] [-r repeat] [-t tos|reflect]\n"
	    "            [-x factor] port\n"
	    "  -m  do not answer datagrams of this length\n"
	    "  -n  answer only the first so many datagrams of each port (0: none)\n"
	    "  -r  send every answer so often (1)\n"
	    "  -t  TOS byte of the answers, or that of the datagram answered\n"
	    "  -x  answers are so many times as long, and begin with the datagram (1)\n");
	exit(2);
}

static int
tos_of(struct msghdr *msg)
{
	struct cmsghdr *c;
	int tos = 0;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)
			memcpy(&tos, CMSG_DATA(c), sizeof(tos));
	return (tos);
}

static void
answer(int fd, const struct msghdr *to, size_t length, int tos)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { to->msg_iov->iov_base, length };
	struct msghdr msg = { .msg_name = to->msg_name,
		.msg_namelen = to->msg_namelen,
		.msg_iov = &iov,
		.msg_iovlen = 1 };
	struct cmsghdr *c;

	if (tos >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_TCLASS;
		c->cmsg_len = CMSG_LEN(sizeof(tos));
		memcpy(CMSG_DATA(c), &tos, sizeof(tos));
	}
	/* The peer may be gone: its ICMP error is no reason to stop. */
	for (int i = 0; i < repeat; i++)
		if (sendmsg(fd, &msg, 0) == -1 && sendmsg(fd, &msg, 0) == -1)
			warn("send");
}

/* One datagram, and its answer unless it is `mute` long or its port has had `limit` of them. */
static void
serve(int fd, int mute, int limit, int tos, bool verbose)
{
	static char data[1 << 20];
	static int answered[UINT16_MAX + 1];
	struct sockaddr_in6 from;
	char control[CMSG_SPACE(sizeof(int))], name[INET6_ADDRSTRLEN];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	int port, received;
	ssize_t n;

	if ((n = recvmsg(fd, &msg, 0)) == -1)
		return;
	port = ntohs(from.sin6_port);
	received = tos_of(&msg);
	inet_ntop(AF_INET6, &from.sin6_addr, name, sizeof(name));
	if (!seen[port])
		printf("peer %s %d\n", name, port);
	seen[port] = true;
	if (verbose)
		printf("datagram %s %d %zd 0x%02x\n", name, port, n, received);
	if (n != mute && answered[port] < limit) {
		answered[port]++;
		answer(
		    fd, &msg, (size_t)n * (size_t)factor, tos == TOS_REFLECT ? received : tos);
	}
}

int
main(int argc, char **argv)
{
	const char *address = "::";
	int ch, fd, limit = INT_MAX, mute = -1, tos = TOS_NONE;
	bool verbose = false;

	while ((ch = getopt(argc, argv, "b:m:n:r:t:vx:")) != -1) {
		switch (ch) {
		case 'b':
			address = optarg;
			break;
		case 'm':
			mute = number(optarg, 0, UINT16_MAX);
			break;
		case 'n':
			limit = number(optarg, 0, INT_MAX);
			break;
		case 'r':
			repeat = number(optarg, 1, 1000);
			break;
		case 't':
			tos = strcmp(optarg, "reflect") == 0 ? TOS_REFLECT
							     : number(optarg, 0, UINT8_MAX);
			break;
		case 'v':
			verbose = true;
			break;
		case 'x':
			factor = number(optarg, 1, 1000);
			break;
		default:
			usage();
		}
	}
	if (optind + 1 != argc)
		usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = ipv6_server(address, number(argv[optind], 1, UINT16_MAX), IPV6_RECVTCLASS);
	puts("ready");

	for (;;)
		serve(fd, mute, limit, tos, verbose);
}
