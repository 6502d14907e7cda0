/* How the supervisor makes listeners. */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
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

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, group_by_address);
	return (atf_no_error());
}
