/*
 * Where lines of the log go: to whatever standard output is, which may stop taking them at any
 * time.  Nobody waits for that, and a line is taken whole or not at all, as far as there is a
 * way; if only a part of it was, the next one still begins on a line of its own.
 *
 * O_NONBLOCK is no property of a descriptor but of what open(2) made, and that belongs to whoever
 * started us, too.  So a pipe or a terminal is opened again, for a description of our own.  A
 * socket cannot be, and need not.  Where opening is refused (after su(1) a terminal belongs to
 * somebody else), a timer ends the write: that poll(2) says "writable" is not enough, because
 * a terminal says so with room for a byte, and a pipe may have other writers.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "supervisor/log_output.h"

#define WAIT_MOST_US 1000

/* ---- open ---- */

/* Returns a description of our own, or -1. */
static int
open_again(int fd)
{
	const int how = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	char path[32];
	unsigned int number;
	int own;

	/* What it cannot do, another must not; and a master would make another terminal. */
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY || ioctl(fd, TIOCGPTN, &number) == 0)
		return (-1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if ((own = open(path, how)) != -1)
		return (own);
	/* Our controlling terminal has a second name, which asks for no permission: tty(4). */
	return (tcgetsid(fd) == -1 ? -1 : open("/dev/tty", how));
}

/* Whether the next line would be glued to one that a predecessor has torn. */
static int
is_torn(int fd, const struct stat *st)
{
	off_t end = fcntl(fd, F_GETFL) & O_APPEND ? st->st_size : lseek(fd, 0, SEEK_CUR);
	char path[32], last = '\n';
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (end <= 0 || (own = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return (0);
	(void)!pread(own, &last, 1, end - 1);
	close(own);
	return (last != '\n');
}

static void
wake(int signo)
{
	(void)signo;
}

/* The signal must end a system call, whatever whoever started us had it do. */
static void
take_alarm(void)
{
	struct sigaction action = { .sa_handler = wake };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigaction(SIGALRM, &action, NULL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void
log_output_open(struct log_output *o, int fd)
{
	struct stat st;
	int own;

	*o = (struct log_output){ .fd = fd, .way = LOG_OUTPUT_FILE };
	if (fstat(fd, &st) == -1)
		return;
	if (S_ISREG(st.st_mode))
		o->torn = is_torn(fd, &st);
	else if (S_ISSOCK(st.st_mode))
		o->way = LOG_OUTPUT_SEND;
	else if ((S_ISFIFO(st.st_mode) || isatty(fd)) && (own = open_again(fd)) != -1)
		*o = (struct log_output){ .fd = own, .way = LOG_OUTPUT_OWN };
	else {
		o->way = LOG_OUTPUT_TIMED;
		take_alarm();
	}
}

/* ---- write ---- */

/* Whoever copies a log and truncates it leaves our offset behind, and a hole would follow. */
static void
follow_truncation(struct log_output *o)
{
	struct stat st;

	if (fstat(o->fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    lseek(o->fd, 0, SEEK_CUR) <= st.st_size)
		return;
	lseek(o->fd, 0, SEEK_END);
	if (st.st_size == 0)
		o->torn = 0;
}

static ssize_t
write_timed(int fd, const char *buf, size_t len)
{
	/* Again and again, as it may come before write(2) has begun. */
	const struct itimerval on = { { 0, WAIT_MOST_US }, { 0, WAIT_MOST_US } };
	const struct itimerval off = { { 0, 0 }, { 0, 0 } };
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	ssize_t n;
	int saved;

	if (poll(&pfd, 1, 0) != 1) {
		errno = EAGAIN;
		return (-1);
	}
	if (setitimer(ITIMER_REAL, &on, NULL) == -1)
		return (-1);
	n = write(fd, buf, len);
	saved = errno;
	setitimer(ITIMER_REAL, &off, NULL);
	errno = saved;
	return (n);
}

static ssize_t
put(struct log_output *o, const char *buf, size_t len)
{
	switch (o->way) {
	case LOG_OUTPUT_SEND:
		return (send(o->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL));
	case LOG_OUTPUT_TIMED:
		return (write_timed(o->fd, buf, len));
	default:
		return (write(o->fd, buf, len));
	}
}

int
log_output_write(struct log_output *o, const char *line, size_t len)
{
	/* So much a pipe takes whole or not at all, whoever else writes to it: pipe(7). */
	char buf[PIPE_BUF];
	size_t before;
	ssize_t n;

	if (o->way == LOG_OUTPUT_FILE)
		follow_truncation(o);
	before = o->torn ? 1 : 0;
	if (len > sizeof(buf) - before) {
		errno = EMSGSIZE;
		return (-1);
	}
	buf[0] = '\n';
	memcpy(buf + before, line, len);
	len += before;
	n = put(o, buf, len);
	if (n > 0)
		o->torn = buf[n - 1] != '\n';
	if (n >= 0 && n < (ssize_t)len)
		errno = EAGAIN;
	return (n == (ssize_t)len ? 0 : -1);
}

int
log_output_is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return (stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	    fstat(fd, &st) == 0 && st.st_dev == device && st.st_ino == inode);
}
