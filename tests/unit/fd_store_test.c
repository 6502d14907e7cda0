#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/fd_names.h"
#include "supervisor/fd_store.h"
#include "supervisor/keepers.h"
#include "supervisor/notify.h"
#include "tests/unit/unit.h"

#define SLOTS 30000

/* What lasts: totals, records, ports and one listener. */
#define LASTING 4

/* And what takes the place of what may be there: all but the listener. */
#define REPLACED 3

static int manager, listener_fd = STDERR_FILENO;
static struct notify notify;
static struct keepers keepers;
static struct fd_store f;
static struct msg_listener listener;
static struct store *store = &keepers.keeper[0].store;
static int64_t now = 1000 * SECOND;
static char last[256]; /* what the manager read last */
static int kept, forgotten;

static void
start(const char *max)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = "socket" };
	char path[PATH_MAX];

	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ATF_REQUIRE(bind(manager, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	ATF_REQUIRE(realpath("socket", path) != NULL);
	setenv("NOTIFY_SOCKET", path, 1);
	if (max != NULL)
		setenv("FDSTORE", max, 1);
	notify_open(&notify);
	keepers.count = 1;
	keepers.listener = &listener;
	keepers.listeners = 1;
	listener.address = htonl(0xc0000201);
	listener.port = htons(5000);
	keepers.keeper[0].config.listeners = 1;
	keepers.keeper[0].listener_fds = &listener_fd;
	keepers.keeper[0].totals_fd = keepers.ports.fd = STDERR_FILENO;
	ATF_REQUIRE_EQ(store_init(store, 1, SLOTS), 0);
}

static void
init(void)
{
	fd_store_init(&f, &notify, &keepers, -1, now);
}

/* What the manager is told, read as it comes.  Returns how many messages there were. */
static int
read_all(void)
{
	ssize_t n;
	int count = 0;

	while ((n = recv(manager, last, sizeof(last) - 1, 0)) > 0) {
		last[n] = '\0';
		count++;
		kept += strncmp(last, "FDSTORE=1\n", 10) == 0;
		forgotten += strncmp(last, "FDSTOREREMOVE=1\n", 16) == 0;
	}
	return (count);
}

/* Turns of the loop until nothing is due, or for so long.  Returns the messages. */
static int
run(int64_t most)
{
	int64_t until = now + most;
	int count = 0;

	while (fd_store_deadline(&f) < until) {
		now = clock_later(now, fd_store_deadline(&f));
		fd_store_turn(&f, now);
		/* A queue is small: what did not go is tried again. */
		count += read_all();
	}
	return (count);
}

static uint32_t
session(uint16_t port, uint8_t state)
{
	struct session_record record = { .id = port, .state = state };
	uint32_t slot = store_add(store, STDERR_FILENO, port);

	store_set(store, slot, SLOT_OPEN);
	store_set_record(store, slot, &record);
	return (slot);
}

CASE(off)
{
	start(NULL);
	init();
	session(40000, SESSION_ASSURED);
	ATF_CHECK_EQ(fd_store_deadline(&f), NEVER);
	fd_store_turn(&f, now);
	ATF_CHECK_EQ(read_all(), 0);
}

CASE(life)
{
	uint32_t slot;

	start("100");
	init();
	ATF_CHECK_EQ(run(SECOND), LASTING + REPLACED);
	ATF_CHECK_STREQ(last, "FDSTORE=1\nFDNAME=listener-192.0.2.1-5000\nFDPOLL=0\n");
	ATF_CHECK_EQ(fd_store_deadline(&f), NEVER);
	session(40000, SESSION_UNREPLIED);
	session(40001, SESSION_REPLIED);
	ATF_CHECK_EQ(run(SECOND), 0);
	slot = session(40002, SESSION_ASSURED);
	ATF_CHECK_EQ(run(SECOND), 1);
	ATF_CHECK_STREQ(last, "FDSTORE=1\nFDNAME=40002\nFDPOLL=0\n");
	ATF_CHECK_EQ(run(SECOND), 0);
	/* A relay's end, and a record that it was taken back. */
	store_set(store, slot, SLOT_KEPT);
	store_set(store, slot, SLOT_OPEN);
	ATF_CHECK_EQ(run(SECOND), 0);
	store_remove(store, slot);
	ATF_CHECK_EQ(run(SECOND), 1);
	ATF_CHECK_STREQ(last, "FDSTOREREMOVE=1\nFDNAME=40002\n");
	ATF_CHECK_EQ(store->unsaved, 0);
	ATF_CHECK_EQ(f.count, LASTING);
}

/* The slot serves the next before the manager heard of the last one's end. */
CASE(reused)
{
	uint32_t slot;

	start("100");
	init();
	slot = session(40000, SESSION_ASSURED);
	run(SECOND);
	store_remove(store, slot);
	ATF_REQUIRE_EQ(session(40001, SESSION_ASSURED), slot);
	ATF_CHECK_EQ(store->unsaved, 1);
	run(10 * SECOND);
	ATF_CHECK_STREQ(last, "FDSTORE=1\nFDNAME=40001\nFDPOLL=0\n");
	ATF_CHECK_EQ(forgotten, 1 + REPLACED);
	ATF_CHECK_EQ(store->unsaved, 0);
	/* One that was never kept is none to forget. */
	store_remove(store, session(40002, SESSION_ASSURED));
	ATF_CHECK_EQ(store->unsaved, 0);
	ATF_CHECK_EQ(run(SECOND), 0);
}

/* Never more than 200 in a second, and fewer, the more there are. */
CASE(rate)
{
	int i, n, most = 0;

	start("30000");
	init();
	for (i = 0; i < 8000; i++)
		session((uint16_t)(10000 + i), SESSION_ASSURED);
	for (i = 0; i < 5; i++) {
		n = run(SECOND);
		most = n > most ? n : most;
	}
	printf("%d in the first 5 s, %d in one of them\n", kept, most);
	ATF_CHECK(most <= 200 && kept > 100);
	for (i = 0; i < 600 && store->unsaved > 0; i++)
		n = run(SECOND);
	printf("%d after %d s more\n", kept, i);
	ATF_CHECK_EQ(store->unsaved, 0);
	ATF_CHECK_EQ(kept, 8000 + LASTING);
	ATF_CHECK(n <= 40);
}

/* The environment of a program that has them all must stay possible. */
CASE(names)
{
	int i;

	start("4294967295");
	init();
	for (i = 0; i < SLOTS; i++)
		session((uint16_t)(10000 + i), SESSION_ASSURED);
	for (i = 0; i < 5000 && fd_store_deadline(&f) < now + SECOND; i++)
		run(10 * SECOND);
	printf("%d kept, names of %zu bytes\n", kept, f.names);
	ATF_CHECK(f.names <= 120 * 1024 && kept >= 20000);
	/* Now it hardly tries; but what goes makes room. */
	ATF_CHECK(run(100 * SECOND) == 0);
	for (i = 0; i < 10; i++)
		store_remove(store, (uint32_t)i);
	run(100 * SECOND);
	ATF_CHECK_EQ(forgotten, 10 + REPLACED);
	ATF_CHECK(f.names > 120 * 1024 - 8);
}

/* What it has since before us is counted, and told of no more; what is wrong is forgotten first. */
CASE(before)
{
	uint32_t a, b;

	start("100");
	a = session(40000, SESSION_ASSURED);
	b = session(40001, SESSION_ASSURED);
	store_set_saved(store, a, SAVED);
	store_set_saved(store, b, SAVED);
	init();
	ATF_CHECK_EQ(f.count, 2);
	fd_name_drop("totals-0");
	/* Of two of this name one was refused. */
	fd_name_drop("40001");
	fd_store_turn(&f, now);
	ATF_CHECK_EQ(read_all(), 2 + LASTING + REPLACED + 1);
	ATF_CHECK_EQ(forgotten, 2 + REPLACED);
	ATF_CHECK_STREQ(last, "FDSTORE=1\nFDNAME=40001\nFDPOLL=0\n");
	ATF_CHECK_EQ(f.count, 2 + LASTING);
	ATF_CHECK_EQ(store->unsaved, 0);
}

/* A queue that is full is no reason to wait, nor to lose what was to be told. */
CASE(full)
{
	int i, n;

	start("100");
	init();
	for (i = 0; i < 50; i++)
		session((uint16_t)(40000 + i), SESSION_ASSURED);
	for (i = 0; i < 100; i++) {
		ATF_CHECK(fd_store_deadline(&f) != NEVER);
		fd_store_turn(&f, now);
		now += SECOND;
	}
	n = read_all();
	printf("%d were taken\n", n);
	ATF_CHECK(n > 0);
	if (n < 50 + LASTING)
		run(100 * SECOND);
	ATF_CHECK_EQ(kept, 50 + LASTING);
}

CASE(nonsense)
{
	static const char *const max[] = { "", "0", "-1", "many", "4294967296" };
	size_t i;

	for (i = 0; i < sizeof(max) / sizeof(max[0]); i++) {
		unlink("socket");
		start(max[i]);
		init();
		ATF_CHECK_EQ_MSG(fd_store_deadline(&f), NEVER, "%s", max[i]);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, off);
	ATF_TP_ADD_TC(tp, life);
	ATF_TP_ADD_TC(tp, reused);
	ATF_TP_ADD_TC(tp, rate);
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, before);
	ATF_TP_ADD_TC(tp, full);
	ATF_TP_ADD_TC(tp, nonsense);
	return (atf_no_error());
}
