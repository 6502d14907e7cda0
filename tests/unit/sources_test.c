#include <sys/socket.h>
#include <arpa/inet.h>
#include <unistd.h>

#include "relay/relay.h"
#include "relay/sources.h"
#include "tests/unit/unit.h"

static struct listener listener[3];
static struct relay relay = { .listener = listener };

static void
add_listener(const char *address, uint16_t port)
{
	struct listener *l = &listener[relay.nlisteners++];

	l->fd = -1;
	l->address = inet_addr(address);
	l->port = htons(port);
}

static int
can_be_client(const char *address, uint16_t port)
{
	const struct session_key key = { inet_addr(address), htons(port), 0 };

	return (sources_can_be_client(&relay, &key));
}

CASE(impossible)
{
	add_listener("192.0.2.1", 5000);
	ATF_REQUIRE_EQ(sources_init(&relay), 0);
	ATF_CHECK(can_be_client("192.0.2.10", 1));
	ATF_CHECK(can_be_client("223.255.255.255", 65535));
	ATF_CHECK(can_be_client("240.0.0.1", 1));
	ATF_CHECK(can_be_client("255.255.255.254", 1));
	ATF_CHECK(!can_be_client("192.0.2.10", 0));
	ATF_CHECK(!can_be_client("0.0.0.0", 1));
	ATF_CHECK(!can_be_client("224.0.0.0", 1));
	ATF_CHECK(!can_be_client("239.255.255.255", 1));
	ATF_CHECK(!can_be_client("255.255.255.255", 1));
}

CASE(listeners)
{
	add_listener("192.0.2.1", 5000);
	add_listener("198.51.100.1", 5001);
	add_listener("192.0.2.1", 80);
	ATF_REQUIRE_EQ(sources_init(&relay), 0);
	ATF_CHECK(!can_be_client("192.0.2.1", 5000));
	ATF_CHECK(!can_be_client("192.0.2.1", 80));
	ATF_CHECK(!can_be_client("198.51.100.1", 5001));
	ATF_CHECK(can_be_client("192.0.2.1", 5001));
	ATF_CHECK(can_be_client("198.51.100.1", 5000));
	ATF_CHECK(can_be_client("198.51.100.1", 80));
	/* The order of bytes is that of the network. */
	ATF_CHECK(can_be_client("1.2.0.192", 5000));
}

/* What the kernel says of addresses, and that asking sends nothing. */
CASE(everywhere)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	char byte;

	add_listener("0.0.0.0", 0);
	ATF_REQUIRE((listener[0].fd = socket(AF_INET, SOCK_DGRAM, 0)) != -1);
	ATF_REQUIRE_EQ(bind(listener[0].fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	ATF_REQUIRE_EQ(getsockname(listener[0].fd, (struct sockaddr *)&sin, &len), 0);
	listener[0].port = sin.sin_port;
	ATF_REQUIRE_EQ(sources_init(&relay), 0);
	ATF_CHECK(!can_be_client("127.0.0.1", ntohs(sin.sin_port)));
	ATF_CHECK(!can_be_client("127.1.2.3", ntohs(sin.sin_port)));
	ATF_CHECK(can_be_client("127.0.0.1", 1));
	ATF_CHECK(can_be_client("203.0.113.7", ntohs(sin.sin_port)));
	ATF_CHECK_EQ(recv(listener[0].fd, &byte, 1, MSG_DONTWAIT), -1);
	close(listener[0].fd);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, impossible);
	ATF_TP_ADD_TC(tp, listeners);
	ATF_TP_ADD_TC(tp, everywhere);
	return (atf_no_error());
}
