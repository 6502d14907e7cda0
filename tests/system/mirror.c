/*
 * mirror: a UDP server over IPv6, for the tests, that tells each client how it looks from here.
 *
 * A datagram of the helper `crowd` comes back with the client's port and the ends of both
 * addresses in it, and from the address that it was sent to, which may come and go.
 * SIGUSR1: a line "received=N answered=N" on standard output.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "crowd.h"
#include "helper.h"

static volatile sig_atomic_t asked;

static void
ask(int signo)
{
	(void)signo;
	asked = 1;
}

/* The last two bytes, which is all that differs between addresses of one network. */
static uint16_t
tail(const struct in6_addr *a)
{
	return ((uint16_t)(a->s6_addr[14] << 8 | a->s6_addr[15]));
}

/* The address that it was sent to; NULL if the kernel does not say. */
static struct in6_pktinfo *
sent_to(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (c == NULL || c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO)
		return (NULL);
	return ((void *)CMSG_DATA(c));
}

/* One datagram and its answer.  Returns whether it was answered, or -1. */
static int
serve(int fd)
{
	struct sockaddr_in6 from;
	struct crowd_datagram d;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct iovec iov = { &d, sizeof(d) };
	struct msghdr msg = { .msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct in6_pktinfo *to;

	if (recvmsg(fd, &msg, 0) != sizeof(d) || (to = sent_to(&msg)) == NULL)
		return (-1);
	d.port = ntohs(from.sin6_port);
	d.source = tail(&from.sin6_addr);
	d.home = tail(&to->ipi6_addr);
	/* Which way is routing's to choose, as it was for whoever sent this; not where it has none. */
	if (!IN6_IS_ADDR_LINKLOCAL(&to->ipi6_addr))
		to->ipi6_ifindex = 0;
	/* An ICMP error of the last one may be pending. */
	return (sendmsg(fd, &msg, 0) != -1 || sendmsg(fd, &msg, 0) != -1);
}

int
main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = ask };
	int fd, result, received = 0, answered = 0;

	if (argc != 2)
		errx(2, "usage: mirror port");
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* It interrupts recvmsg(2). */
	if (sigaction(SIGUSR1, &act, NULL) == -1)
		err(1, "sigaction");
	fd = ipv6_server("::", number(argv[1], 1, UINT16_MAX), IPV6_RECVPKTINFO);
	puts("ready");
	for (;;) {
		if ((result = serve(fd)) != -1) {
			received++;
			answered += result;
		}
		if (asked) {
			asked = 0;
			printf("received=%d answered=%d\n", received, answered);
		}
	}
}
