#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/keeper.h"
#include "tests/unit/unit.h"

/* Of the range below, the first few are free, the rest belong to another program. */
#define PORT_LOW 40000
#define PORT_HIGH 40999
#define SLOTS 512

int __wrap_upstream_open(const struct upstream *, uint16_t);

static struct upstream upstream;
static struct ports ports;
static struct child child;
static struct keeper keeper;
static struct msg msg;
static int relay; /* the relay's end of the control socket */
static int free_ports;
static int64_t now;

/* The kernel's part. */
int
__wrap_upstream_open(const struct upstream *u, uint16_t port)
{
	(void)u;
	if (port < PORT_LOW + free_ports)
		return (open("/dev/null", O_RDWR | O_CLOEXEC));
	errno = EADDRINUSE;
	return (-1);
}

/* A relay has been started, and is ready. */
static void
start_relay(void)
{
	int pair[2];

	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	child.pid = getpid();
	child.control = pair[0];
	child.ready = 1;
	relay = pair[1];
	ATF_REQUIRE_EQ(keeper_tell(&keeper), 0);
	keeper_ready(&keeper);
	/* What it is told. */
	while (msg_receive(relay, FROM_SUPERVISOR, &msg) == 1)
		msg_close_fds(&msg);
	ATF_REQUIRE_EQ(errno, EAGAIN);
}

static void
start(int ports_free)
{
	now = SECOND;
	free_ports = ports_free;
	keeper.child = &child;
	keeper.upstream = &upstream;
	keeper.ports = &ports;
	keeper.config.slots_max = SLOTS;
	keeper.config.listeners = 1;
	keeper.totals_fd = keeper.listener_fds[0] = STDERR_FILENO;
	ATF_REQUIRE_EQ(ports_init(&ports, PORT_LOW, PORT_HIGH, ""), 0);
	ATF_REQUIRE_EQ(keeper_init(&keeper, now), 0);
	start_relay();
}

/* Turns of the supervisor's loop until `until`: how many there are. */
static int
run_until(int64_t until)
{
	int turns = 0;

	while (now < until && turns < 1000) {
		keeper_turn(&keeper, now);
		turns++;
		now += MILLISECOND;
		if (keeper_deadline(&keeper) > now)
			now = clock_earlier(keeper_deadline(&keeper), until);
	}
	return (turns);
}

/* The relay takes what it is handed, and says that all of it has served: how many sockets. */
static uint32_t
use_up(void)
{
	struct msg_record records[MSG_FDS_MAX] = { 0 };
	const struct msg_socket *sockets = (const void *)msg.payload;
	uint32_t i, n = 0;

	while (msg_receive(relay, FROM_SUPERVISOR, &msg) == 1) {
		msg_close_fds(&msg);
		if (msg.type != MSG_SOCKETS)
			continue;
		n += msg.count;
		for (i = 0; i < msg.count; i++) {
			records[i].name = sockets[i].name;
			records[i].record.state = SESSION_CLOSED;
		}
		memcpy(msg.payload, records, msg.count * sizeof(*records));
		ATF_REQUIRE_EQ(keeper_records(&keeper, &msg, now), 0);
	}
	return (n);
}

CASE(rate)
{
	uint32_t n = 0;
	int i;

	keeper.config.new_session_rate = 100;
	start(PORT_HIGH - PORT_LOW + 1);
	/* All at once at first: what the relay may open, and a stock. */
	for (i = 0; i < 5; i++) {
		keeper_turn(&keeper, now);
		n += use_up();
	}
	ATF_CHECK_EQ(n, 100 + STOCK_TARGET);
	/* From then on at that rate, without haste. */
	for (i = 0; now < 11 * SECOND; i++) {
		now = keeper_deadline(&keeper);
		keeper_turn(&keeper, now);
		n += use_up();
	}
	ATF_CHECK(i <= 1000);
	ATF_CHECK(n >= 1090 + STOCK_TARGET && n <= 1110 + STOCK_TARGET);
}

/* Ports of others: it tries again, and otherwise sleeps. */
static void
check_sleeps(int ports_free)
{
	start(ports_free);
	run_until(now + 2 * SECOND);
	ATF_CHECK_EQ(keeper.store.count[SLOT_STOCK], (uint32_t)ports_free);
	ATF_CHECK_MSG(run_until(now + 10 * SECOND) <= 110, "with %d ports", ports_free);
}

CASE(sleeps_above_low)
{
	check_sleeps(230);
}

CASE(sleeps_below_low)
{
	check_sleeps(100);
}

CASE(sleeps_without)
{
	check_sleeps(0);
}

CASE(sleeps_with_all)
{
	start(PORT_HIGH - PORT_LOW + 1);
	run_until(now + 2 * SECOND);
	ATF_CHECK_EQ(keeper_deadline(&keeper), NEVER);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, rate);
	ATF_TP_ADD_TC(tp, sleeps_above_low);
	ATF_TP_ADD_TC(tp, sleeps_below_low);
	ATF_TP_ADD_TC(tp, sleeps_without);
	ATF_TP_ADD_TC(tp, sleeps_with_all);
	return (atf_no_error());
}
