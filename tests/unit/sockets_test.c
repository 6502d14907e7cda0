/* How the supervisor makes listeners, and sockets to the upstream. */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/sockets.h"
#include "tests/unit/unit.h"

#define MEMBERS 4
#define CLIENTS 16

/* 127.0.0.1 and its neighbours: as many clients of one network. */
static int
open_client(uint32_t n)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + n) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return (fd);
}

/* Which member of the group a datagram came to, once it is there. */
static int
take(struct pollfd *member)
{
	char byte;
	int i;

	ATF_REQUIRE_EQ(poll(member, MEMBERS, 10000), 1);
	for (i = 0; member[i].revents == 0; i++)
		continue;
	ATF_REQUIRE_EQ(recv(member[i].fd, &byte, 1, 0), 1);
	return (i);
}

/* Whatever the secret is, neighbours do not all come to the same member. */
CASE(group_by_address)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct listener_config config = { .buffer_size = 65536 };
	struct pollfd member[MEMBERS];
	int client[CLIENTS], turn, i, served[MEMBERS], most;

	for (i = 0; i < MEMBERS; i++) {
		member[i].events = POLLIN;
		member[i].fd =
		    listener_open(&sin, &config, i == 0 ? LISTENER_FIRST : LISTENER_NEXT);
		ATF_REQUIRE(member[i].fd != -1);
	}
	for (i = 0; i < CLIENTS; i++)
		client[i] = open_client((uint32_t)i);
	for (turn = 0; turn < 1000; turn++) {
		const uint32_t secret[2] = { arc4random(), arc4random() };

		ATF_REQUIRE_EQ(listener_group_by_address(member[0].fd, MEMBERS, secret), 0);
		memset(served, 0, sizeof(served));
		for (most = i = 0; i < CLIENTS; i++) {
			int n;

			ATF_REQUIRE_EQ(
			    sendto(client[i], "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin)),
			    1);
			n = take(member);
			if (++served[n] > most)
				most = served[n];
		}
		ATF_CHECK_MSG(most < CLIENTS, "all clients came to one member");
	}
}

/* The local port of a socket; its peer's family in *family. */
static uint16_t
port_of(int fd, sa_family_t *family)
{
	struct sockaddr_in6 sin6;
	socklen_t len = sizeof(sin6);

	*family = AF_UNSPEC;
	if (getpeername(fd, (struct sockaddr *)&sin6, &len) == 0)
		*family = sin6.sin6_family;
	len = sizeof(sin6);
	ATF_REQUIRE_EQ(getsockname(fd, (struct sockaddr *)&sin6, &len), 0);
	return (ntohs(sin6.sin6_port));
}

/* A port is bound whether there is a way or not, and by one only. */
CASE(port_of_before)
{
	struct upstream upstream = { .buffer_size = 65536 };
	struct sockaddr_in6 source = { .sin6_family = AF_INET6 };
	int fd, other, connected;
	sa_family_t family;
	uint16_t port;

	upstream.address = (struct sockaddr_in6){ .sin6_family = AF_INET6,
		.sin6_port = htons(7000),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	ATF_REQUIRE((fd = upstream_bind(&upstream, 0, &connected)) != -1);
	ATF_CHECK_EQ(connected, 1);
	port = port_of(fd, &family);
	ATF_CHECK_EQ(family, AF_INET6);
	ATF_CHECK_EQ(upstream_bind(&upstream, port, &connected), -1);
	ATF_CHECK_EQ(errno, EADDRINUSE);
	close(fd);
	/* From an address that this host does not have. */
	ATF_REQUIRE_EQ(inet_pton(AF_INET6, "2001:db8::1", &upstream.source.sin6_addr), 1);
	upstream.source.sin6_family = AF_INET6;
	ATF_CHECK_EQ(upstream_open(&upstream, port), -1);
	ATF_REQUIRE((fd = upstream_bind(&upstream, port, &connected)) != -1);
	ATF_CHECK_EQ(port_of(fd, &family), port);
	close(fd);
	/* Without a way, as 2001:db8::/32 is nowhere; it is given one later. */
	memset(&upstream.source, 0, sizeof(upstream.source));
	ATF_REQUIRE_EQ(inet_pton(AF_INET6, "2001:db8::1", &upstream.address.sin6_addr), 1);
	ATF_REQUIRE((fd = upstream_bind(&upstream, port, &connected)) != -1);
	ATF_CHECK_EQ(port_of(fd, &family), port);
	upstream.address.sin6_addr = source.sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
	ATF_CHECK_EQ(upstream_move(fd, &upstream, &source), 0);
	ATF_CHECK_EQ(port_of(fd, &family), port);
	ATF_CHECK_EQ(family, AF_INET6);
	ATF_REQUIRE((other = upstream_open(&upstream, 0)) != -1);
	close(other);
	close(fd);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, group_by_address);
	ATF_TP_ADD_TC(tp, port_of_before);
	return (atf_no_error());
}
