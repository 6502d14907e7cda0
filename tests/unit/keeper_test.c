#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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
	ATF_REQUIRE_EQ(keeper_init(&keeper), 0);
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
	ATF_TP_ADD_TC(tp, sleeps_above_low);
	ATF_TP_ADD_TC(tp, sleeps_below_low);
	ATF_TP_ADD_TC(tp, sleeps_without);
	ATF_TP_ADD_TC(tp, sleeps_with_all);
	return (atf_no_error());
}
