/*
 * The protocol is stable and small: see sd_notify(3).  No answer ever comes, and the manager may be
 * slow: so nothing here waits.  What it does not take is told later, as it stands then.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/notify.h"
#include "supervisor/visible.h"

/* Its queue is full; or it is not there. */
#define RETRY_BUSY (100 * MILLISECOND)
#define RETRY_GONE (10 * SECOND)

#define TEXT_MAX 512

/* ---- whom ---- */

/* A path, or a name in the abstract namespace after "@".  Returns 0, or -1 with errno. */
static int
parse_address(struct notify *n, const char *text)
{
	size_t length = strlen(text);

	errno = EINVAL;
	if ((text[0] != '/' && text[0] != '@') || length < 2)
		return (-1);
	errno = ENAMETOOLONG;
	if (length >= sizeof(n->address.sun_path))
		return (-1);
	n->address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(n->address.sun_path, text, length);
	if (text[0] == '@')
		n->address.sun_path[0] = '\0';
	/* An abstract name ends with its last byte. */
	n->len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (text[0] == '/'));
	return (0);
}

/* Half of the time after which the manager takes us for dead; 0: it does not watch us. */
static int64_t
watchdog_interval(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID"), *error;
	long long n;

	if (usec == NULL)
		return (0);
	if (pid != NULL && strtonum(pid, 1, INT32_MAX, &error) != getpid())
		return (0);
	n = strtonum(usec, 2, INT64_MAX / MICROSECOND, &error);
	return (error == NULL ? n * MICROSECOND / 2 : 0);
}

void
notify_open(struct notify *n)
{
	const char *text = getenv("NOTIFY_SOCKET");
	char shown[VISIBLE_SIZE(sizeof(n->address.sun_path))];

	*n = (struct notify){ .fd = -1, .watchdog_at = NEVER, .retry_at = NEVER };
	if (text == NULL)
		return;
	if (parse_address(n, text) == 0)
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->fd == -1) {
		log_warn("service manager not told", "socket=%s error=%s",
		    visible(shown, sizeof(shown), text), strerror(errno));
		return;
	}
	n->watchdog_every = watchdog_interval();
}

/* ---- one message ---- */

/* Returns 0; or -1 if it is not taken now, or nobody is there. */
static int
tell(const struct notify *n, const char *text, int fd)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text) };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr message = {
		.msg_name = (void *)(uintptr_t)&n->address,
		.msg_namelen = n->len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	if (fd != -1) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	return (sendmsg(n->fd, &message, MSG_NOSIGNAL) == -1 ? -1 : 0);
}

int
notify_keep(const struct notify *n, const char *name, int fd)
{
	char text[TEXT_MAX];

	/* Without FDPOLL=0 it would be dropped at the first pending error, an ICMP message's. */
	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0\n", name);
	return (tell(n, text, fd));
}

int
notify_forget(const struct notify *n, const char *name)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s\n", name);
	return (tell(n, text, -1));
}

/* ---- what is to be told ---- */

void
notify_ready(struct notify *n, int64_t now)
{
	n->ready = 1;
	n->watchdog_at = n->watchdog_every == 0 ? NEVER : now;
}

void
notify_reloading(struct notify *n)
{
	n->reloading = 1;
	n->ready = 0;
}

void
notify_stopping(struct notify *n)
{
	n->stopping = 1;
	n->ready = n->reloading = 0;
}

void
notify_status(struct notify *n, const char *status)
{
	if (strcmp(n->status, status) == 0)
		return;
	strlcpy(n->status, status, sizeof(n->status));
	n->status_changed = 1;
}

/* It is compared to the time of the signal that asked for it: no coarse clock will do. */
static int
tell_reloading(const struct notify *n)
{
	char text[TEXT_MAX];
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld\n",
	    ((long long)ts.tv_sec * SECOND + ts.tv_nsec) / MICROSECOND);
	return (tell(n, text, -1));
}

/* All but that, in one message. */
static int
tell_state(const struct notify *n, int64_t now)
{
	char text[TEXT_MAX], ready[64] = "", status[NOTIFY_STATUS_MAX + 16] = "";

	if (n->ready)
		snprintf(ready, sizeof(ready), "READY=1\nMAINPID=%d\n", getpid());
	if (n->status_changed)
		snprintf(status, sizeof(status), "STATUS=%s\n", n->status);
	snprintf(text, sizeof(text), "%s%s%s%s", ready, n->stopping ? "STOPPING=1\n" : "",
	    now >= n->watchdog_at ? "WATCHDOG=1\n" : "", status);
	return (text[0] == '\0' ? 0 : tell(n, text, -1));
}

/* Once: it is tried for ever. */
static void
say_missed(struct notify *n, int error)
{
	char name[sizeof(n->address.sun_path) + 1] = "";

	n->missed = 1;
	memcpy(name, n->address.sun_path, n->len - offsetof(struct sockaddr_un, sun_path));
	if (name[0] == '\0')
		name[0] = '@';
	log_warn("service manager not told", "socket=%s error=%s", name, strerror(error));
}

void
notify_turn(struct notify *n, int64_t now)
{
	if (n->fd == -1 || now < notify_deadline(n))
		return;
	if (n->reloading && tell_reloading(n) == -1)
		goto later;
	n->reloading = 0;
	if (tell_state(n, now) == -1)
		goto later;
	n->ready = n->stopping = n->status_changed = 0;
	n->retry_at = NEVER;
	if (now >= n->watchdog_at)
		n->watchdog_at = now + n->watchdog_every;
	return;
later:
	n->retry_at = now + (errno == EAGAIN ? RETRY_BUSY : RETRY_GONE);
	if (errno != EAGAIN && !n->missed)
		say_missed(n, errno);
}

int64_t
notify_deadline(const struct notify *n)
{
	if (n->fd == -1)
		return (NEVER);
	if (n->retry_at != NEVER)
		return (n->retry_at);
	if (n->reloading || n->ready || n->stopping || n->status_changed)
		return (0);
	return (n->watchdog_at);
}
