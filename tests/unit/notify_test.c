#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/notify.h"
#include "tests/unit/unit.h"

static int server;
static struct notify notify;
static char text[4096];
static int64_t now = 1000 * SECOND;

/* A manager at the file "socket", or at `name`, and us who are to tell it. */
static void
start(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	char path[PATH_MAX];

	strlcpy(sun.sun_path, name, sizeof(sun.sun_path));
	if (name[0] == '@')
		sun.sun_path[0] = '\0';
	else
		name = realpath(".", path) == NULL ? NULL : strcat(strcat(path, "/"), name);
	server = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ATF_REQUIRE(bind(server, (struct sockaddr *)&sun, len) == 0);
	ATF_REQUIRE(setenv("NOTIFY_SOCKET", name, 1) == 0);
	notify_open(&notify);
}

/* The next message, "" if there is none. */
static const char *
message(void)
{
	ssize_t n = recv(server, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return (text);
}

/* Fill its queue.  Returns how many messages that took. */
static int
fill(void)
{
	int n = 0;

	while (notify_forget(&notify, "x") == 0)
		n++;
	ATF_REQUIRE(errno == EAGAIN && n > 0);
	return (n);
}

static void
empty(int n)
{
	while (n-- > 0)
		ATF_REQUIRE_STREQ(message(), "FDSTOREREMOVE=1\nFDNAME=x\n");
	ATF_REQUIRE_STREQ(message(), "");
}

CASE(life)
{
	char expected[128];

	start("socket");
	ATF_CHECK_EQ(notify_deadline(&notify), NEVER);
	notify_status(&notify, "well");
	notify_ready(&notify, now);
	ATF_CHECK(notify_deadline(&notify) <= now);
	notify_turn(&notify, now);
	snprintf(expected, sizeof(expected), "READY=1\nMAINPID=%d\nSTATUS=well\n", getpid());
	ATF_CHECK_STREQ(message(), expected);
	/* Once; and a status that is the same is none. */
	notify_status(&notify, "well");
	ATF_CHECK_EQ(notify_deadline(&notify), NEVER);
	notify_turn(&notify, now);
	ATF_CHECK_STREQ(message(), "");
	notify_stopping(&notify);
	notify_turn(&notify, now);
	ATF_CHECK_STREQ(message(), "STOPPING=1\n");
}

CASE(abstract)
{
	char name[64];

	snprintf(name, sizeof(name), "@udp46-test-%d", getpid());
	start(name);
	notify_stopping(&notify);
	notify_turn(&notify, now);
	ATF_CHECK_STREQ(message(), "STOPPING=1\n");
}

/* A reload that was told of must be seen to end, and one that ended to have begun. */
CASE(reload)
{
	long long usec = 0;
	struct timespec ts;
	int n;

	start("socket");
	notify_reloading(&notify);
	notify_turn(&notify, now);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ATF_CHECK_EQ(sscanf(message(), "RELOADING=1\nMONOTONIC_USEC=%lld\n", &usec), 1);
	ATF_CHECK(usec <= ts.tv_sec * 1000000LL + ts.tv_nsec / 1000);
	ATF_CHECK(usec > ts.tv_sec * 1000000LL + ts.tv_nsec / 1000 - 60000000);
	n = fill();
	notify_reloading(&notify);
	notify_turn(&notify, now);
	notify_ready(&notify, now);
	notify_turn(&notify, now);
	empty(n);
	now += SECOND;
	notify_turn(&notify, now);
	ATF_CHECK(strncmp(message(), "RELOADING=1\n", 12) == 0);
	ATF_CHECK(strncmp(message(), "READY=1\n", 8) == 0);
}

CASE(full)
{
	int n;

	start("socket");
	n = fill();
	notify_ready(&notify, now);
	notify_turn(&notify, now);
	/* Not at once again, and not for ever. */
	ATF_CHECK(notify_deadline(&notify) > now && notify_deadline(&notify) <= now + SECOND);
	notify_status(&notify, "old");
	notify_status(&notify, "new");
	empty(n);
	notify_turn(&notify, now);
	ATF_CHECK_STREQ(message(), "");
	notify_turn(&notify, notify_deadline(&notify));
	ATF_CHECK(strstr(message(), "STATUS=new\n") != NULL);
	ATF_CHECK(strncmp(text, "READY=1\n", 8) == 0);
	ATF_CHECK_EQ(notify_deadline(&notify), NEVER);
}

CASE(gone)
{
	start("socket");
	close(server);
	notify_ready(&notify, now);
	notify_turn(&notify, now);
	ATF_CHECK(
	    notify_deadline(&notify) >= now + SECOND && notify_deadline(&notify) != NEVER);
}

CASE(watchdog)
{
	setenv("WATCHDOG_USEC", "3000000", 1);
	start("socket");
	/* Before it is ready nobody watches. */
	ATF_CHECK_EQ(notify_deadline(&notify), NEVER);
	notify_ready(&notify, now);
	notify_turn(&notify, now);
	ATF_CHECK(strstr(message(), "WATCHDOG=1\n") != NULL);
	ATF_CHECK_EQ(notify_deadline(&notify), now + 1500 * MILLISECOND);
	notify_turn(&notify, now + 1499 * MILLISECOND);
	ATF_CHECK_STREQ(message(), "");
	notify_turn(&notify, now + 1500 * MILLISECOND);
	ATF_CHECK_STREQ(message(), "WATCHDOG=1\n");
	ATF_CHECK_EQ(notify_deadline(&notify), now + 3000 * MILLISECOND);
}

/* Each is no watchdog, and nothing worse. */
CASE(no_watchdog)
{
	static const char *const usec[] = { "", "0", "1", "-5", "1s", "9223372036854775807",
		"99999999999999999999" };
	char pid[32];
	size_t i;

	for (i = 0; i < sizeof(usec) / sizeof(usec[0]); i++) {
		setenv("WATCHDOG_USEC", usec[i], 1);
		unlink("socket");
		start("socket");
		ATF_CHECK_EQ_MSG(notify.watchdog_every, 0, "%s", usec[i]);
	}
	setenv("WATCHDOG_USEC", "2000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	unlink("socket");
	start("socket");
	ATF_CHECK_EQ(notify.watchdog_every, 0);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("WATCHDOG_PID", pid, 1);
	unlink("socket");
	start("socket");
	ATF_CHECK_EQ(notify.watchdog_every, SECOND);
}

CASE(wrong_sockets)
{
	char longest[256];
	const char *const names[] = { "", "/", "@", "relative", "vsock:2:1234", longest };
	size_t i;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		notify_open(&notify);
		ATF_CHECK_EQ_MSG(notify.fd, -1, "%s", names[i]);
		notify_ready(&notify, now);
		ATF_CHECK_EQ(notify_deadline(&notify), NEVER);
		notify_turn(&notify, now);
	}
	unsetenv("NOTIFY_SOCKET");
	notify_open(&notify);
	ATF_CHECK_EQ(notify.fd, -1);
}

/* The descriptor that came with the last message is of the same file. */
CASE(keep)
{
	char control[CMSG_SPACE(4 * sizeof(int))];
	struct iovec iov = { text, sizeof(text) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	int fds[2], got = -1;
	char byte = 'x';

	start("socket");
	ATF_REQUIRE_EQ(pipe2(fds, O_NONBLOCK), 0);
	ATF_CHECK_EQ(notify_keep(&notify, "50000", fds[1]), 0);
	ATF_REQUIRE(recvmsg(server, &m, 0) > 0);
	ATF_CHECK(memcmp(text, "FDSTORE=1\nFDNAME=50000\nFDPOLL=0\n", 32) == 0);
	ATF_REQUIRE(
	    CMSG_FIRSTHDR(&m) != NULL && CMSG_FIRSTHDR(&m)->cmsg_len == CMSG_LEN(sizeof(int)));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(got));
	ATF_CHECK_EQ(write(got, &byte, 1), 1);
	byte = 'y';
	ATF_CHECK(read(fds[0], &byte, 1) == 1 && byte == 'x');
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, life);
	ATF_TP_ADD_TC(tp, abstract);
	ATF_TP_ADD_TC(tp, reload);
	ATF_TP_ADD_TC(tp, full);
	ATF_TP_ADD_TC(tp, gone);
	ATF_TP_ADD_TC(tp, watchdog);
	ATF_TP_ADD_TC(tp, no_watchdog);
	ATF_TP_ADD_TC(tp, wrong_sockets);
	ATF_TP_ADD_TC(tp, keep);
	return (atf_no_error());
}
