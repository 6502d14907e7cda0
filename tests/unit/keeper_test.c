#include <sys/resource.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/keeper.h"
#include "supervisor/relocation.h"
#include "supervisor/source_filter.h"
#include "supervisor/troubles.h"
#include "tests/unit/unit.h"

/* Of the range below, the first few are free, the rest belong to another program. */
#define PORT_LOW 40000
#define PORT_HIGH 40999
#define SLOTS 512

int __wrap_upstream_open(const struct upstream *, uint16_t);

static struct upstream upstream;
static struct ports ports;
static struct outage outage;
static const struct source_filter sources;
static struct child child;
static struct keeper keeper;
static const struct msg_listener listener;
static int listener_fd;
static struct msg msg;
static int relay; /* the relay's end of the control socket */
static int free_ports;
static int no_descriptors; /* EMFILE, but for so many */
static int calls;	   /* of upstream_open() */
static int64_t now;

/* The kernel's part. */
int
__wrap_upstream_open(const struct upstream *u, uint16_t port)
{
	(void)u;
	calls++;
	if (no_descriptors == 1) {
		errno = EMFILE;
		return (-1);
	}
	no_descriptors -= no_descriptors > 0;
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
	keeper_started(&keeper, now);
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
	keeper.outage = &outage;
	keeper.sources = &sources;
	keeper.config.slots_max = SLOTS;
	keeper.config.listeners = 1;
	keeper.totals_fd = listener_fd = STDERR_FILENO;
	keeper.listener = &listener;
	keeper.listener_fds = &listener_fd;
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
	/* All at once at first: what the relay may open, and a pool. */
	for (i = 0; i < 5; i++) {
		keeper_turn(&keeper, now);
		n += use_up();
	}
	ATF_CHECK_EQ(n, 100 + POOL_MAX);
	/* From then on at that rate, without haste. */
	for (i = 0; now < 11 * SECOND; i++) {
		now = keeper_deadline(&keeper);
		keeper_turn(&keeper, now);
		n += use_up();
	}
	ATF_CHECK(i <= 1000);
	ATF_CHECK(n >= 1090 + POOL_MAX && n <= 1110 + POOL_MAX);
}

/* ---- the size of the pool ---- */

/* The relay closes so many that serve a session, or nobody. */
static void
close_some(enum slot_state state, uint32_t n)
{
	static struct msg closed;
	struct msg_record *record = (void *)closed.payload;
	uint32_t slot;

	closed.count = 1;
	for (slot = 0; n > 0 && slot < keeper.store.used; slot++) {
		if (keeper.store.slots[slot].state != state)
			continue;
		*record = (struct msg_record){ .name = { slot,
						   keeper.store.slots[slot].generation } };
		record->record.state = SESSION_CLOSED;
		ATF_REQUIRE_EQ(keeper_records(&keeper, &closed, now), 0);
		n--;
	}
}

/* Take what the relay was told: how many sockets it is to close. */
static uint32_t
asked_back(void)
{
	uint32_t n = 0;

	while (msg_receive(relay, FROM_SUPERVISOR, &msg) == 1) {
		msg_close_fds(&msg);
		if (msg.type == MSG_TAKE_BACK)
			n += ((struct msg_take_back *)(void *)msg.payload)->sockets;
	}
	return (n);
}

CASE(pool_at_rest)
{
	start(PORT_HIGH - PORT_LOW + 1);
	run_until(now + 60 * SECOND);
	ATF_CHECK_EQ(keeper.store.count[SLOT_POOLED], POOL_MIN);
	ATF_CHECK_EQ(keeper_deadline(&keeper), NEVER);
	/* One now and then changes nothing. */
	for (int i = 0; i < 100; i++) {
		close_some(SLOT_POOLED, 1);
		run_until(now + SECOND);
		ATF_REQUIRE(keeper.store.count[SLOT_POOLED] <= POOL_MIN);
	}
	ATF_CHECK_EQ(asked_back(), 0);
}

CASE(pool_grows_and_shrinks)
{
	uint32_t n, most = 0;

	start(PORT_HIGH - PORT_LOW + 1);
	keeper_turn(&keeper, now);
	/* A hundred a second: fewer than all of it each time. */
	for (n = 0; n < 1000; n++) {
		close_some(SLOT_POOLED, 1);
		run_until(now + 10 * MILLISECOND);
		if (keeper.store.count[SLOT_POOLED] > most)
			most = keeper.store.count[SLOT_POOLED];
	}
	ATF_CHECK_EQ(most, POOL_MAX);
	ATF_CHECK_EQ(asked_back(), 0);
	/* Nobody comes any more. */
	run_until(now + 9 * SECOND);
	ATF_CHECK_EQ(asked_back(), 0);
	run_until(now + 5 * SECOND);
	n = asked_back();
	ATF_CHECK_EQ(n, keeper.store.count[SLOT_POOLED] - POOL_MIN);
	/* Some serve by now: it is only a number. */
	close_some(SLOT_POOLED, n - 10);
	run_until(now + 60 * SECOND);
	ATF_CHECK_EQ(asked_back(), 0);
	ATF_CHECK_EQ(keeper_deadline(&keeper), NEVER);
}

CASE(pool_keeps_its_size)
{
	uint32_t n;

	/* Eight a second, for minutes: it neither grows on nor comes and goes. */
	start(PORT_HIGH - PORT_LOW + 1);
	for (n = 0; n < 1000; n++) {
		close_some(SLOT_POOLED, 1);
		run_until(now + SECOND / 8);
	}
	ATF_CHECK_EQ(keeper.pool_target, POOL_MIN * 4);
	ATF_CHECK_EQ(asked_back(), 0);
}

CASE(pool_run_dry)
{
	start(PORT_HIGH - PORT_LOW + 1);
	keeper_turn(&keeper, now);
	ATF_CHECK_EQ(use_up(), POOL_MIN);
	/* A rush: as many as a message takes, at once. */
	keeper_turn(&keeper, now);
	ATF_CHECK_EQ(use_up(), MSG_FDS_MAX);
	/* And at rest again. */
	run_until(now + 20 * SECOND);
	(void)asked_back();
	ATF_CHECK_EQ(keeper.pool_target, POOL_MIN);
}

/* ---- when no more are to be had ---- */

static int said_exhausted, said_available, said_unreachable, said_reachable;

static int
is_about(const struct log_record *record, const char *what)
{
	return (memmem(record->text, record->length, what, strlen(what)) != NULL);
}

static void
count_records(const struct log_record *record, void *arg)
{
	(void)arg;
	said_exhausted += is_about(record, "upstream sockets exhausted");
	said_available += is_about(record, "upstream sockets available");
	said_unreachable += is_about(record, "upstream unreachable");
	said_reachable += is_about(record, "upstream reachable");
}

/* What the relay was told last, if anything, and how many sockets it got. */
static int
told(uint32_t *sockets)
{
	int supply = -1;

	*sockets = 0;
	while (msg_receive(relay, FROM_SUPERVISOR, &msg) == 1) {
		msg_close_fds(&msg);
		if (msg.type == MSG_SUPPLY)
			supply = (int)((struct msg_supply *)(void *)msg.payload)->supply;
		else if (msg.type == MSG_SOCKETS)
			*sockets += msg.count;
	}
	return (supply);
}

/* All that are in the pool serve a session now. */
static void
serve_all(void)
{
	uint32_t slot;

	for (slot = 0; slot < keeper.store.used; slot++)
		if (keeper.store.slots[slot].state == SLOT_POOLED)
			store_set(&keeper.store, slot, SLOT_OPEN);
}

/* Each time that a session ends there is a socket for a newcomer at once, and no more work. */
static void
check_exhausted(void)
{
	uint32_t n, i;
	int looks;

	serve_all();
	run_until(now + 2 * SECOND);
	for (i = 0; i < 300; i++) {
		close_some(SLOT_OPEN, 1);
		no_descriptors += no_descriptors > 0;
		/* Now and then it looks for more. */
		looks = keeper.retry_at <= now;
		calls = 0;
		keeper_turn(&keeper, now);
		ATF_REQUIRE_EQ(told(&n), -1);
		ATF_REQUIRE_EQ(n, 1);
		ATF_REQUIRE(looks || calls == 1);
		serve_all();
		run_until(now + 50 * MILLISECOND);
	}
	ATF_CHECK(said_exhausted == 1 && said_available == 0);
	/* When many have ended there is a pool again; that is said once it lasts. */
	close_some(SLOT_OPEN, SLOTS);
	no_descriptors = 0;
	run_until(now + 9 * SECOND);
	ATF_CHECK_EQ(said_available, 0);
	run_until(now + 60 * SECOND);
	ATF_CHECK_EQ(told(&n), SUPPLY_OK);
	ATF_CHECK(n >= POOL_MIN);
	ATF_CHECK(said_exhausted == 1 && said_available == 1);
}

/* Told while there are some in the pool: as soon as there cannot be more. */
static void
check_told(uint32_t pool)
{
	uint32_t n;

	keeper_turn(&keeper, now);
	ATF_CHECK_EQ(told(&n), SUPPLY_EXHAUSTED);
	ATF_CHECK_EQ(n, pool);
	ATF_CHECK_EQ(said_exhausted, 1);
}

CASE(ports_exhausted)
{
	uint32_t n;

	log_init(LOG_LEVEL_INFO, count_records, NULL);
	start(30);
	keeper_turn(&keeper, now);
	ATF_CHECK(told(&n) == -1 && n == POOL_MIN);
	serve_all();
	check_told(14);
	check_exhausted();
}

CASE(descriptors_exhausted)
{
	log_init(LOG_LEVEL_INFO, count_records, NULL);
	no_descriptors = 15;
	start(PORT_HIGH - PORT_LOW + 1);
	check_told(14);
	check_exhausted();
}

/* That the pool is full does not mean that there is a way to where the sockets shall move. */
CASE(unreachable_full)
{
	uint32_t n;

	log_init(LOG_LEVEL_INFO, count_records, NULL);
	start(PORT_HIGH - PORT_LOW + 1);
	keeper_turn(&keeper, now);
	upstream.address.sin6_family = AF_MAX; /* connect(2) fails */
	relocation_begin(&keeper, now);
	keeper_turn(&keeper, now);
	ATF_REQUIRE_EQ(relocation_answered(&keeper, now), 0);
	ATF_CHECK(run_until(now + 10 * SECOND) <= 20);
	ATF_CHECK_EQ(told(&n), SUPPLY_UNREACHABLE);
	ATF_CHECK(said_unreachable == 1 && said_reachable == 0);
}

/* ---- sessions that are handed back ---- */

/* The sessions are named by their ids, from 1 on; each that is bad ends the relay. */
static unsigned char bad[SLOTS + 1];
static int deaths;
static uint32_t crowd = SLOTS; /* more at once end it, too */

/* The relay opens a session on each socket of its pool, up to `last`. */
static void
open_sessions(uint64_t last)
{
	const struct msg_socket *sockets = (const void *)msg.payload;
	static struct msg opened;
	struct msg_record *record = (void *)opened.payload;
	uint64_t id = 0;
	uint32_t i;

	opened.count = 1;
	while (id < last) {
		keeper_turn(&keeper, now);
		ATF_REQUIRE_EQ(msg_receive(relay, FROM_SUPERVISOR, &msg), 1);
		msg_close_fds(&msg);
		if (msg.type != MSG_SOCKETS)
			continue;
		for (i = 0; i < msg.count && id < last; i++) {
			*record = (struct msg_record){ .name = sockets[i].name };
			record->record.id = ++id;
			ATF_REQUIRE_EQ(keeper_records(&keeper, &opened, now), 0);
		}
	}
	ATF_REQUIRE_EQ(keeper.store.count[SLOT_OPEN], last);
}

/* Take one message of sessions.  Returns -1 if one of them is the death of the relay. */
static int
take_back(void)
{
	const struct msg_restore *restore = (const void *)msg.payload;
	static struct msg answer;
	struct msg_record *record = (void *)answer.payload;
	uint32_t i;

	for (i = 0; i < msg.count; i++) {
		if (bad[restore[i].record.id] || keeper.store.count[SLOT_OPEN] + i >= crowd)
			return (-1);
		record[i].name = restore[i].socket.name;
		record[i].record = restore[i].record;
	}
	answer.count = msg.count;
	ATF_REQUIRE_EQ(keeper_records(&keeper, &answer, now), 0);
	return (0);
}

static void
end_relay(int own_fault)
{
	struct child_end end = { .own_fault = own_fault };

	close(child.control);
	close(relay);
	child.pid = 0;
	child.restart_at = NEVER;
	child.backoff.delay += SECOND;
	keeper_ended(&keeper, &end, now);
	ATF_REQUIRE_EQ(keeper.store.count[SLOT_OFFERED] + keeper.store.count[SLOT_OPEN] +
		keeper.store.count[SLOT_POOLED],
	    0);
}

/* Whether the relay lives until it is told to hear clients. */
static int
lives(void)
{
	int alive = 1;

	while (alive) {
		keeper_turn(&keeper, now);
		if (msg_receive(relay, FROM_SUPERVISOR, &msg) != 1)
			atf_tc_fail("it waits for nothing");
		msg_close_fds(&msg);
		if (msg.type == MSG_START)
			return (1);
		ATF_REQUIRE_EQ(msg.type, MSG_RESTORE);
		alive = take_back() == 0;
	}
	end_relay(1);
	return (0);
}

/* Relays, one after the other, until one has all back. */
static void
restart(void)
{
	for (deaths = 0; start_relay(), !lives(); deaths++)
		ATF_REQUIRE(deaths < 1000);
}

static void
start_sessions(uint64_t count)
{
	start(PORT_HIGH - PORT_LOW + 1);
	open_sessions(count);
	end_relay(1);
}

/* For a case that starts several times. */
static void
stop(void)
{
	uint32_t slot;

	end_relay(1);
	for (slot = 0; slot < keeper.store.used; slot++)
		if (keeper.store.slots[slot].state != SLOT_FREE)
			close(store_remove(&keeper.store, slot));
	store_free(&keeper.store);
	ports_free(&ports);
	memset(&keeper, 0, sizeof(keeper));
	memset(bad, 0, sizeof(bad));
}

/* So many sessions are open, of those that are not bad, on the sockets that they had. */
static void
check_open(uint32_t count)
{
	uint32_t slot, n = 0;

	for (slot = 0; slot < keeper.store.used; slot++) {
		if (keeper.store.slots[slot].state != SLOT_OPEN)
			continue;
		ATF_CHECK(!bad[keeper.store.slots[slot].record.id]);
		ATF_CHECK_EQ(keeper.store.slots[slot].generation, 1);
		n++;
	}
	ATF_CHECK_EQ(n, count);
}

CASE(all_good)
{
	start_sessions(300);
	restart();
	ATF_CHECK_EQ(deaths, 0);
	check_open(300);
	/* It has all back: whatever it dies of now, it is none of them. */
	end_relay(1);
	end_relay(1);
	restart();
	ATF_CHECK_EQ(deaths, 0);
	check_open(300);
}

CASE(one_bad)
{
	static const int which[] = { 1, 2, 57, 253, 254, 299, 300 };
	size_t i;

	for (i = 0; i < sizeof(which) / sizeof(which[0]); i++) {
		bad[which[i]] = 1;
		start_sessions(300);
		restart();
		printf("session %d: %d deaths\n", which[i], deaths);
		ATF_CHECK(deaths <= 12);
		ATF_CHECK_EQ(keeper.discarded, 1);
		check_open(299);
		stop();
	}
}

CASE(some_bad)
{
	int round, i;

	/* Of any three, nothing else is lost. */
	for (round = 0; round < 50; round++) {
		for (i = 0; i < 3;)
			i += !bad[i + 1 + (round * 37 + i * i * 101) % 290]++;
		start_sessions(300);
		restart();
		ATF_CHECK(deaths <= 40);
		ATF_CHECK_EQ(keeper.discarded, 3);
		check_open(297);
		stop();
	}
}

CASE(all_bad)
{
	memset(bad, 1, sizeof(bad));
	start_sessions(300);
	restart();
	printf("%d deaths\n", deaths);
	ATF_CHECK(deaths <= 140);
	ATF_CHECK_EQ(keeper.discarded, 300);
	check_open(0);
}

CASE(crowded)
{
	/* No session is to blame alone, but the service comes back, with what can be had. */
	start_sessions(300);
	crowd = 200;
	restart();
	printf("%d deaths, %u open\n", deaths, keeper.store.count[SLOT_OPEN]);
	ATF_CHECK(deaths <= 140);
	ATF_CHECK(keeper.store.count[SLOT_OPEN] >= 100);
}

CASE(chance)
{
	/* One that dies of nothing that it was handed, twice, is no proof; nor is a SIGKILL. */
	bad[1] = 1;
	start_sessions(1);
	start_relay();
	ATF_REQUIRE(!lives());
	bad[1] = 0;
	restart();
	ATF_CHECK_EQ(deaths, 0);
	check_open(1);
	end_relay(1);
	for (deaths = 0; deaths < 5; deaths++) {
		start_relay();
		keeper_turn(&keeper, now);
		ATF_REQUIRE_EQ(keeper.store.count[SLOT_OFFERED], 1);
		end_relay(0);
	}
	restart();
	check_open(1);
	/* And nothing was handed to one that was never ready. */
	end_relay(1);
	end_relay(1);
	end_relay(1);
	restart();
	check_open(1);
	ATF_CHECK_EQ(keeper.discarded, 0);
}

CASE(in_company)
{
	start_sessions(2);
	bad[2] = 1;
	start_relay();
	ATF_REQUIRE(!lives());
	/* The next answers for the first session and dies of the second: with both, no proof. */
	start_relay();
	ATF_REQUIRE(!lives());
	ATF_CHECK_EQ(keeper.tried, 0);
	/* Nor is it one, once, with the second alone. */
	start_relay();
	keeper_turn(&keeper, now);
	ATF_CHECK(keeper.store.count[SLOT_OFFERED] == 1 && keeper.store.count[SLOT_KEPT] == 1);
	end_relay(1);
	ATF_CHECK(keeper.tried == 1 && keeper.discarded == 0);
	start_relay();
	ATF_REQUIRE(!lives());
	ATF_CHECK_EQ(keeper.discarded, 1);
	restart();
	ATF_CHECK_EQ(deaths, 0);
	check_open(1);
}

CASE(backoff)
{
	start_sessions(100);
	bad[100] = 1;
	child.backoff.delay = 2 * SECOND;
	start_relay();
	ATF_REQUIRE(!lives());
	/* The first end of a search is like any other, the rest is not held against it. */
	ATF_CHECK_EQ(child.restart_at, NEVER);
	start_relay();
	ATF_REQUIRE(!lives());
	ATF_CHECK_EQ(child.restart_at, now);
	restart();
	ATF_CHECK_EQ(child.backoff.delay, 3 * SECOND);
}

CASE(not_yet_handed_back)
{
	struct msg_record *record = (void *)msg.payload;
	struct socket_name name;

	start_sessions(1);
	name = (struct socket_name){ 0, keeper.store.slots[0].generation };
	start_relay();
	*record = (struct msg_record){ .name = name };
	msg.count = 1;
	ATF_CHECK(keeper_records(&keeper, &msg, now) == -1 && errno == EBADMSG);
	record->record.state = SESSION_CLOSED;
	ATF_CHECK(keeper_records(&keeper, &msg, now) == -1 && errno == EBADMSG);
	ATF_CHECK_EQ(keeper.store.slots[0].record.id, 1);
	/* Once it has been, it may be closed at once: the record did not hold. */
	keeper_turn(&keeper, now);
	ATF_CHECK_EQ(keeper_records(&keeper, &msg, now), 0);
	ATF_CHECK_EQ(msg_receive(relay, FROM_SUPERVISOR, &msg), 1);
	msg_close_fds(&msg);
	ATF_CHECK(lives());
	ATF_CHECK_EQ(keeper.store.count[SLOT_OPEN], 0);
}

/* Ports of others: it tries again, and otherwise sleeps. */
static void
check_sleeps(int ports_free)
{
	start(ports_free);
	run_until(now + 2 * SECOND);
	ATF_CHECK_EQ(keeper.store.count[SLOT_POOLED], (uint32_t)ports_free);
	ATF_CHECK_MSG(run_until(now + 10 * SECOND) <= 110, "with %d ports", ports_free);
}

CASE(sleeps_above_low)
{
	check_sleeps(14);
}

CASE(sleeps_below_low)
{
	check_sleeps(5);
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

CASE(sleeps_in_hand_back)
{
	start_sessions(1);
	start_relay();
	/* Left from before the relay ended; and it does not answer. */
	keeper.retry_at = now - SECOND;
	keeper_turn(&keeper, now);
	ATF_CHECK_EQ(keeper.store.count[SLOT_OFFERED], 1);
	ATF_CHECK_EQ(keeper_deadline(&keeper), NEVER);
}

/* Descriptors on their way to somebody else, as many as may be. */
static int others[2] = { -1, -1 };

static void
fill_up(void)
{
	int fd = STDERR_FILENO;

	if (msg_pair(others) == -1)
		_exit(2);
	while (msg_send(others[0], MSG_TOTALS, NULL, 0, &fd, 1) == 0)
		;
}

static void
make_room(void)
{
	close(others[0]);
	close(others[1]);
}

/*
 * Start a relay that is to be told of as many listeners as can be, and that reads one message a
 * turn: how many it has heard of, in their order, when nothing more is due.  *most is how many
 * were on their way to it at once.
 */
static uint32_t
tell_many(uint32_t *most)
{
	static struct msg_listener many[LISTENERS_MAX];
	static int fds[LISTENERS_MAX];
	static const enum msg_type first[] = { MSG_IDENTITY, MSG_RELAY_CONFIG, MSG_TOTALS };
	const struct msg_listener *heard = (const void *)msg.payload;
	uint32_t i, n = 0;

	for (i = 0; i < LISTENERS_MAX; i++) {
		many[i].address = i;
		fds[i] = STDERR_FILENO;
	}
	keeper.config.listeners = LISTENERS_MAX;
	keeper.listener = many;
	keeper.listener_fds = fds;
	child.ready = 0;
	*most = 0;
	keeper_started(&keeper, now);
	make_room();
	for (i = 0; keeper_turn(&keeper, now), msg_receive(relay, FROM_SUPERVISOR, &msg) == 1;
	     i++) {
		if (keeper.listeners_told - n > *most)
			*most = keeper.listeners_told - n;
		msg_close_fds(&msg);
		if (msg.type != (i < 3 ? first[i] : MSG_LISTENERS))
			break;
		if (i >= 3 && heard[0].address != n)
			break;
		n += i < 3 ? 0 : msg.count;
		if (keeper_deadline(&keeper) != NEVER)
			now = keeper_deadline(&keeper);
	}
	return (n);
}

CASE(many_listeners)
{
	uint32_t most;

	start(PORT_HIGH - PORT_LOW + 1);
	ATF_CHECK_EQ(tell_many(&most), LISTENERS_MAX);
	ATF_CHECK_MSG(most < LISTENERS_MAX / 2, "%u at once", most);
	ATF_CHECK_EQ(keeper_deadline(&keeper), NEVER);
	ATF_CHECK(!child.condemned);
}

/* Without a privilege, descriptors on their way count against RLIMIT_NOFILE: unix(7). */
CASE(many_in_flight)
{
	const struct rlimit few = { 512, 512 };
	uint32_t n, most;
	int status;
	pid_t pid;

	start(PORT_HIGH - PORT_LOW + 1);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (setrlimit(RLIMIT_NOFILE, &few) == -1 ||
		    (geteuid() == 0 && setresuid(65534, 65534, 65534) == -1))
			_exit(2);
		fill_up();
		n = tell_many(&most);
		printf("%u told, %u at once\n", n, most);
		fflush(stdout);
		_exit(n != LISTENERS_MAX || most > 4 * MSG_FDS_MAX || child.condemned);
	}
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	ATF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- what the relay says of the way to the upstream ---- */

static int
say_trouble(struct troubles *t, int32_t error, int64_t vain_since)
{
	const struct msg_trouble said = { .error = error, .vain_since = vain_since };

	errno = 0;
	return (troubles_take(t, &keeper, &said, now));
}

CASE(trouble)
{
	struct troubles t = { 0 };
	int i, times = 0;

	start(PORT_HIGH - PORT_LOW + 1);
	now = 100 * SECOND;
	ATF_REQUIRE_EQ(say_trouble(&t, ENETUNREACH, 0), 0);
	ATF_CHECK(t.child == &child && t.error == ENETUNREACH && t.vain_since == 0);
	/* What cannot be. */
	ATF_CHECK(say_trouble(&t, -1, 0) == -1 && errno == EBADMSG);
	ATF_CHECK_EQ(say_trouble(&t, INT32_MAX, 0), -1);
	ATF_CHECK_EQ(say_trouble(&t, INT32_MIN, 0), -1);
	ATF_CHECK_EQ(say_trouble(&t, 0, -1), -1);
	ATF_CHECK_EQ(say_trouble(&t, 0, now + 1), -1);
	ATF_CHECK_EQ(say_trouble(&t, 0, INT64_MAX), -1);
	ATF_CHECK_EQ(say_trouble(&t, 0, INT64_MIN), -1);
	/* A flood is not listened to. */
	for (i = 0; i < 10000; i++) {
		t = (struct troubles){ 0 };
		now += MILLISECOND;
		ATF_REQUIRE_EQ(say_trouble(&t, 0, 50 * SECOND), 0);
		times += t.vain_since == 50 * SECOND;
	}
	ATF_CHECK(times >= 1 && times <= 20);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, rate);
	ATF_TP_ADD_TC(tp, pool_at_rest);
	ATF_TP_ADD_TC(tp, pool_grows_and_shrinks);
	ATF_TP_ADD_TC(tp, pool_keeps_its_size);
	ATF_TP_ADD_TC(tp, pool_run_dry);
	ATF_TP_ADD_TC(tp, ports_exhausted);
	ATF_TP_ADD_TC(tp, descriptors_exhausted);
	ATF_TP_ADD_TC(tp, unreachable_full);
	ATF_TP_ADD_TC(tp, all_good);
	ATF_TP_ADD_TC(tp, one_bad);
	ATF_TP_ADD_TC(tp, some_bad);
	ATF_TP_ADD_TC(tp, all_bad);
	ATF_TP_ADD_TC(tp, crowded);
	ATF_TP_ADD_TC(tp, chance);
	ATF_TP_ADD_TC(tp, in_company);
	ATF_TP_ADD_TC(tp, backoff);
	ATF_TP_ADD_TC(tp, not_yet_handed_back);
	ATF_TP_ADD_TC(tp, sleeps_above_low);
	ATF_TP_ADD_TC(tp, sleeps_below_low);
	ATF_TP_ADD_TC(tp, sleeps_without);
	ATF_TP_ADD_TC(tp, sleeps_with_all);
	ATF_TP_ADD_TC(tp, sleeps_in_hand_back);
	ATF_TP_ADD_TC(tp, many_listeners);
	ATF_TP_ADD_TC(tp, many_in_flight);
	ATF_TP_ADD_TC(tp, trouble);
	return (atf_no_error());
}
