#include <sys/epoll.h>
#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "relay/listeners.h"
#include "relay/relay.h"
#include "tests/unit/unit.h"

#define MANY (LISTENERS_A_TURN + 8)

static struct relay relay;
static struct listener listener[MANY];
static int peer[MANY];

/* How many more sockets a set takes. */
static uint32_t room;

int __real_epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event);

int
__wrap_epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event)
{
	if (operation == EPOLL_CTL_ADD && room-- == 0) {
		room = 0;
		errno = ENOSPC;
		return (-1);
	}
	return (__real_epoll_ctl(epfd, operation, fd, event));
}

static void
begin(uint32_t n, uint32_t watched)
{
	uint32_t i;
	int pair[2];

	memset(&relay, 0, sizeof(relay));
	memset(listener, 0, sizeof(listener));
	relay.listener = listener;
	for (i = 0; i < n; i++) {
		ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
		relay.listener[i].fd = pair[0];
		peer[i] = pair[1];
	}
	relay.nlisteners = n;
	room = watched;
	listeners_init(&relay);
}

static void
say(uint32_t i)
{
	ATF_REQUIRE_EQ(send(peer[i], "x", 1, 0), 1);
}

static void
have_been_full(uint32_t i, int yes)
{
	relay.listener[i].is_full = (uint8_t)yes;
	listeners_watch_write(&relay, &relay.listener[i]);
}

/* The number of listeners that are ready; how often each was so far is counted in `times`. */
static uint32_t times[MANY], bits[MANY];

static uint32_t
look(int read)
{
	struct pollfd pfd[LISTENERS_POLLED];
	struct epoll_event ready[LISTENERS_A_TURN];
	uint32_t i, n;

	n = listeners_poll(&relay, pfd, read);
	ATF_REQUIRE(n <= LISTENERS_POLLED);
	ATF_REQUIRE(poll(pfd, n, 0) != -1);
	n = listeners_ready(&relay, pfd, n, ready);
	ATF_REQUIRE(n <= LISTENERS_A_TURN);
	for (i = 0; i < n; i++) {
		times[ready[i].data.u32]++;
		bits[ready[i].data.u32] = ready[i].events;
	}
	return (n);
}

CASE(few)
{
	begin(LISTENERS_POLLED, 0);
	ATF_CHECK_EQ(look(1), 0);
	say(2);
	say(5);
	ATF_CHECK_EQ(look(1), 2);
	ATF_CHECK(bits[2] == EPOLLIN && bits[5] == EPOLLIN);
	/* Those that must not be read are still written to. */
	ATF_CHECK_EQ(look(0), 0);
	have_been_full(5, 1);
	ATF_CHECK_EQ(look(0), 1);
	ATF_CHECK_EQ(bits[5], EPOLLOUT);
	ATF_CHECK_EQ(look(1), 2);
	ATF_CHECK_EQ(bits[5], EPOLLIN | EPOLLOUT);
	/* Nor does an error wake anybody who asked for nothing. */
	close(peer[2]);
	have_been_full(5, 0);
	ATF_CHECK_EQ(look(0), 0);
}

CASE(many)
{
	begin(LISTENERS_POLLED + 1, MANY);
	ATF_CHECK_EQ(look(1), 0);
	say(LISTENERS_POLLED);
	ATF_CHECK_EQ(look(1), 1);
	ATF_CHECK_EQ(bits[LISTENERS_POLLED], EPOLLIN);
	ATF_CHECK_EQ(look(0), 0);
	have_been_full(3, 1);
	ATF_CHECK_EQ(look(1), 2);
	ATF_CHECK_EQ(bits[3], EPOLLOUT);
	have_been_full(3, 0);
	ATF_CHECK_EQ(look(1), 1);
}

/* All are busy: a turn names a part of them, and two turns name each. */
CASE(turns)
{
	uint32_t i;

	begin(MANY, MANY);
	for (i = 0; i < MANY; i++)
		say(i);
	ATF_CHECK_EQ(look(1), LISTENERS_A_TURN);
	ATF_CHECK_EQ(look(1), LISTENERS_A_TURN);
	for (i = 0; i < MANY; i++)
		ATF_CHECK_MSG(times[i] == 1 || times[i] == 2, "%u: %u times", i, times[i]);
}

/* What the kernel will not watch now is watched later, for what it waits for then. */
CASE(refused)
{
	begin(MANY, 3);
	ATF_CHECK_EQ(relay.listeners_unwatched, MANY - 3);
	have_been_full(2, 1);
	have_been_full(4, 1);
	say(5);
	ATF_CHECK_EQ(look(1), 1);
	room = 2;
	listeners_watch_again(&relay);
	ATF_CHECK_EQ(relay.listeners_unwatched, MANY - 5);
	ATF_CHECK_EQ(look(1), 2);
	ATF_CHECK(bits[2] == EPOLLOUT && bits[4] == EPOLLOUT);
	room = MANY;
	listeners_watch_again(&relay);
	ATF_CHECK_EQ(relay.listeners_unwatched, 0);
	ATF_CHECK_EQ(look(1), 3);
	ATF_CHECK_EQ(bits[5], EPOLLIN);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, few);
	ATF_TP_ADD_TC(tp, many);
	ATF_TP_ADD_TC(tp, turns);
	ATF_TP_ADD_TC(tp, refused);
	return (atf_no_error());
}
