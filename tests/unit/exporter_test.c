#include <errno.h>
#include <unistd.h>

#include "supervisor/exporter.h"
#include "tests/unit/unit.h"

#define WORKERS 3

static struct child metrics, relay[WORKERS];
static struct exporter exporter;
static struct msg msg;

/* A child that is ready; returns its end of the control socket. */
static int
start(struct child *child)
{
	int pair[2];

	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	child->pid = getpid();
	child->ready = 1;
	child->control = pair[0];
	child->stat = STDERR_FILENO;
	return (pair[1]);
}

static void
fill(const struct child *child)
{
	struct msg_ping ping = { 0 };

	while (msg_send(child->control, MSG_PING, &ping, 1, NULL, 0) == 0)
		;
	ATF_REQUIRE_EQ(errno, EAGAIN);
}

/* Read all; how many of it are links, each after its process if that is told. */
static int
count_links(int fd, int with_process)
{
	const struct msg_link *link = (const void *)msg.payload;
	int links = 0, process = -1;

	while (msg_receive(fd, FROM_SUPERVISOR, &msg) == 1) {
		if (msg.type == MSG_PROCESS)
			process = (int)link->worker;
		else if (msg.type == MSG_LINK) {
			links++;
			ATF_CHECK_EQ(process, with_process ? (int)link->worker : -1);
		}
		msg_close_fds(&msg);
	}
	ATF_REQUIRE_EQ(errno, EAGAIN);
	return (links);
}

CASE(full_relay)
{
	int i, told, heard[WORKERS];

	exporter.child = &metrics;
	exporter.config.workers = WORKERS;
	told = start(&metrics);
	for (i = 0; i < WORKERS; i++) {
		heard[i] = start(&relay[i]);
		exporter.link_due[i] = 1;
	}
	/* One that does not read keeps nobody else from a link. */
	fill(&relay[0]);
	ATF_CHECK_EQ(exporter_turn(&exporter, relay), -1);
	ATF_CHECK_EQ(exporter_turn(&exporter, relay), -1);
	ATF_CHECK_EQ(count_links(heard[0], 0), 0);
	ATF_CHECK_EQ(count_links(heard[1], 0), 1);
	ATF_CHECK_EQ(count_links(heard[2], 0), 1);
	/* The metrics child has not been told of a link that nobody is at the other end of. */
	ATF_CHECK_EQ(count_links(told, 1), 2);
	ATF_CHECK_EQ(exporter_turn(&exporter, relay), 0);
	ATF_CHECK_EQ(count_links(heard[0], 0), 1);
	ATF_CHECK_EQ(count_links(told, 1), 1);
}

CASE(many_listeners)
{
	static struct msg_listener many[LISTENERS_MAX];
	const struct msg_listener *heard = (const void *)msg.payload;
	uint32_t i, n = 0, turns = 0;
	int told, last = 0;

	for (i = 0; i < LISTENERS_MAX; i++)
		many[i].address = i;
	exporter.child = &metrics;
	exporter.config.listeners = LISTENERS_MAX;
	exporter.address = many;
	exporter.listener = STDERR_FILENO;
	told = start(&metrics);
	metrics.ready = 0;
	exporter_started(&exporter);
	/* It is not read yet, and takes no more: what is left comes later. */
	while (!last && turns++ < LISTENERS_MAX) {
		ATF_REQUIRE_EQ(msg_receive(told, FROM_SUPERVISOR, &msg), 1);
		msg_close_fds(&msg);
		last = msg.type == MSG_HTTP_LISTENER;
		if (msg.type == MSG_METRICS_LISTENERS) {
			ATF_REQUIRE_EQ(heard[0].address, n);
			n += msg.count;
			ATF_REQUIRE_EQ(heard[msg.count - 1].address, n - 1);
		}
		(void)exporter_turn(&exporter, relay);
	}
	ATF_CHECK_EQ(n, LISTENERS_MAX);
	ATF_CHECK_EQ(exporter_turn(&exporter, relay), 0);
	ATF_CHECK_EQ(msg_receive(told, FROM_SUPERVISOR, &msg), -1);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, full_relay);
	ATF_TP_ADD_TC(tp, many_listeners);
	return (atf_no_error());
}
