#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "supervisor/ports.h"
#include "tests/unit/unit.h"

CASE(all_once)
{
	unsigned char seen[65536] = { 0 };
	struct ports ports;
	uint16_t port;
	int i, in_order = 1;

	ATF_REQUIRE_EQ(ports_init(&ports, 40000, 40999, ""), 0);
	ATF_CHECK_EQ(ports.total, 1000);
	for (i = 0; i < 1000; i++) {
		port = ports_take(&ports, 0);
		ATF_REQUIRE(port >= 40000 && port <= 40999 && !seen[port]);
		seen[port] = 1;
		in_order &= port == 40000 + i;
	}
	ATF_CHECK_EQ(ports_take(&ports, 0), 0);
	ATF_CHECK_MSG(!in_order, "ports are to be chosen at random");
	ports_free(&ports);
}

CASE(rest)
{
	struct ports ports;
	uint16_t first;
	int i;

	ATF_REQUIRE_EQ(ports_init(&ports, 50000, 50003, ""), 0);
	first = ports_take(&ports, 0);
	ports_return(&ports, first, 0);
	/* As long as others are free, it rests. */
	for (i = 0; i < 3; i++)
		ATF_CHECK(ports_take(&ports, 59 * SECOND) != first);
	/* With no other left it serves all the same. */
	ATF_CHECK_EQ(ports_take(&ports, 59 * SECOND), first);
	ATF_CHECK_EQ(ports_take(&ports, 59 * SECOND), 0);
	ports_free(&ports);
}

CASE(longest_rested_first)
{
	struct ports ports;
	uint16_t port[3];
	int i;

	ATF_REQUIRE_EQ(ports_init(&ports, 50000, 50002, ""), 0);
	for (i = 0; i < 3; i++)
		port[i] = ports_take(&ports, 0);
	for (i = 0; i < 3; i++)
		ports_return(&ports, port[i], i * SECOND);
	for (i = 0; i < 3; i++)
		ATF_CHECK_EQ(ports_take(&ports, 10 * SECOND), port[i]);
	/* After a minute they are free again, in no order. */
	for (i = 0; i < 3; i++)
		ports_return(&ports, port[i], 10 * SECOND);
	ports_take(&ports, 70 * SECOND);
	ATF_CHECK_EQ(ports.nfree, 2);
	ATF_CHECK_EQ(ports.resting->count, 0);
	ports_free(&ports);
}

CASE(untake)
{
	struct ports ports;

	ATF_REQUIRE_EQ(ports_init(&ports, 50000, 50000, ""), 0);
	ATF_CHECK_EQ(ports_take(&ports, 0), 50000);
	ports_untake(&ports, 50000);
	ATF_CHECK_EQ(ports.resting->count, 0);
	ATF_CHECK_EQ(ports_take(&ports, 0), 50000);
	ports_free(&ports);
}

CASE(reserved)
{
	struct ports ports;
	uint16_t port;

	ATF_REQUIRE_EQ(ports_init(&ports, 40000, 40009, "8080,40001-40003,40009,65535\n"), 0);
	ATF_CHECK_EQ(ports.total, 6);
	while ((port = ports_take(&ports, 0)) != 0)
		ATF_CHECK(port != 40001 && port != 40002 && port != 40003 && port != 40009);
	ports_free(&ports);
	ATF_CHECK(ports_init(&ports, 40001, 40003, "40000-40100") == -1 && errno == ERANGE);
	ATF_REQUIRE_EQ(ports_init(&ports, 65535, 65535, "\n"), 0);
	ATF_CHECK_EQ(ports_take(&ports, 0), 65535);
	ports_free(&ports);
}

/* Ports that have served before us. */
CASE(claim)
{
	struct ports ports;
	uint16_t port;
	int i;

	ATF_REQUIRE_EQ(ports_init(&ports, 50000, 50003, "50001,60000"), 0);
	ATF_REQUIRE_EQ(ports.total, 3);
	ATF_CHECK_EQ(ports_claim(&ports, 50000), 0);
	ATF_CHECK_EQ(ports_claim(&ports, 50000), -1);
	ATF_CHECK_EQ(errno, EADDRINUSE);
	/* Reserved for others, in the range and out of it; and none. */
	ATF_CHECK_EQ(ports_claim(&ports, 50001), -1);
	ATF_CHECK_EQ(ports_claim(&ports, 60000), -1);
	ATF_CHECK_EQ(ports_claim(&ports, 0), -1);
	/* The range was another one: once given back, it is not taken again. */
	ATF_CHECK_EQ(ports_claim(&ports, 40000), 0);
	ATF_CHECK_EQ(ports_claim(&ports, 40000), -1);
	ports_return(&ports, 40000, 0);
	ATF_CHECK_EQ(ports_claim(&ports, 40000), 0);
	ports_untake(&ports, 40000);
	/* One that rests, from between two others, which keep their order. */
	ports_return(&ports, 50000, SECOND);
	for (i = 0; i < 2; i++) {
		port = ports_take(&ports, SECOND);
		ATF_REQUIRE(port == 50002 || port == 50003);
	}
	ports_return(&ports, 50003, 2 * SECOND);
	ports_return(&ports, 50002, 3 * SECOND);
	ATF_CHECK_EQ(ports_claim(&ports, 50003), 0);
	ATF_CHECK_EQ(ports_claim(&ports, 50003), -1);
	ATF_CHECK_EQ(ports_take(&ports, 4 * SECOND), 50000);
	ATF_CHECK_EQ(ports_take(&ports, 4 * SECOND), 50002);
	ATF_CHECK_EQ(ports_take(&ports, 4 * SECOND), 0);
	ports_free(&ports);
}

/* Sessions of before may have ports that are reserved by now: they never become ours. */
CASE(not_ours)
{
	struct ports ports;
	uint16_t port;

	ATF_REQUIRE_EQ(ports_init(&ports, 50000, 50002, "50001,60000-60999"), 0);
	for (port = 60000; port <= 60999; port++) {
		ATF_CHECK_EQ(ports_claim(&ports, port), -1);
		ports_return(&ports, port, 0);
		ports_untake(&ports, port);
	}
	ports_return(&ports, 50001, 0);
	/* And nothing that was not taken. */
	ports_return(&ports, 50000, 0);
	ports_untake(&ports, 50002);
	ATF_CHECK_EQ(ports.resting->count, 0);
	ATF_CHECK_EQ(ports.nfree, 2);
	for (port = ports_take(&ports, 60 * SECOND); port != 0;
	     port = ports_take(&ports, 60 * SECOND))
		ATF_CHECK(port == 50000 || port == 50002);
	ports_free(&ports);
}

CASE(outlive)
{
	struct ports before, after;
	uint16_t port[3];
	int i, fd;

	ATF_REQUIRE_EQ(ports_init(&before, 50000, 50009, ""), 0);
	for (i = 0; i < 3; i++)
		port[i] = ports_take(&before, 0);
	for (i = 0; i < 3; i++)
		ports_return(&before, port[i], i * 30 * SECOND);
	ATF_REQUIRE((fd = dup(before.fd)) != -1);
	ports_free(&before);
	ATF_REQUIRE_EQ(ports_init(&after, 50000, 50009, ""), 0);
	/* One is of the future. */
	ATF_CHECK(ports_are_memory(fd));
	ATF_CHECK_EQ(ports_adopt(&after, fd, 59 * SECOND), 2);
	ATF_CHECK_EQ(after.resting->count, 2);
	ATF_CHECK_EQ(after.nfree, 8);
	for (i = 0; i < 8; i++) {
		uint16_t taken = ports_take(&after, 59 * SECOND);

		ATF_CHECK(taken != port[0] && taken != port[1]);
	}
	ATF_CHECK_EQ(ports_take(&after, 60 * SECOND), port[0]);
	close(fd);
	ports_free(&after);
}

/* Memory with anything in it: what does not hold is left out, and nothing else happens. */
CASE(hostile)
{
	uint8_t bytes[sizeof(struct resting_ports) + 10 * sizeof(struct resting)];
	struct resting_ports *head = (struct resting_ports *)(void *)bytes;
	struct ports ports;
	int i, fd;

	for (i = 0; i < 10000; i++) {
		ATF_REQUIRE((fd = memory_create("hostile", sizeof(bytes))) != -1);
		arc4random_buf(bytes, sizeof(bytes));
		if (i % 2 == 0) {
			memset(bytes, 0, sizeof(*head));
			memcpy(head->magic, RESTING_MAGIC, sizeof(RESTING_MAGIC));
			head->total = arc4random_uniform(20);
			head->first = arc4random_uniform(20);
			head->count = arc4random_uniform(20);
			head->ring[0].since = 0;
			head->ring[0].port = (uint16_t)(50000 + arc4random_uniform(3));
		}
		ATF_REQUIRE_EQ(pwrite(fd, bytes, sizeof(bytes), 0), (ssize_t)sizeof(bytes));
		ATF_REQUIRE_EQ(ports_init(&ports, 50000, 50001, ""), 0);
		(void)ports_adopt(&ports, fd, 1);
		ATF_CHECK_EQ(ports.nfree + ports.resting->count, 2);
		ports_free(&ports);
		close(fd);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, all_once);
	ATF_TP_ADD_TC(tp, rest);
	ATF_TP_ADD_TC(tp, longest_rested_first);
	ATF_TP_ADD_TC(tp, untake);
	ATF_TP_ADD_TC(tp, reserved);
	ATF_TP_ADD_TC(tp, claim);
	ATF_TP_ADD_TC(tp, not_ours);
	ATF_TP_ADD_TC(tp, outlive);
	ATF_TP_ADD_TC(tp, hostile);
	return (atf_no_error());
}
