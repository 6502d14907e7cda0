/*
 * A child is a fresh execution of the same binary, from a descriptor opened at start-up: it
 * has an address layout and canaries of its own, and nothing of ours but its control socket
 * and a pipe for what it complains of.
 *
 * It may be taken over at any time.  So whatever it sends, it costs us a bounded part of our
 * time; it is given up when it does not answer, however much else it says; and its pid is used
 * only until it is reaped, as after that it may be somebody else's.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/child.h"
#include "supervisor/metrics/process.h"
#include "supervisor/signals.h"

#define PING_EVERY (5 * SECOND)
#define PONG_WAIT (10 * SECOND)
#define KILL_AFTER SECOND

/* Room for a second's worth of records; what does not fit is sent later. */
#define CONTROL_BUFFER (1 << 20)

/* The smallest message takes 512 bytes of twice that room, so there can be no more of them. */
#define CONTROL_MESSAGES (2 * CONTROL_BUFFER / 512)

/*
 * Messages, and pages of standard error, in so short a time: more than a relay has to say, as
 * one message tells of many sessions, and less than a tenth of a processor's time.
 */
#define HEARD_MOST 100
#define HEARD_WINDOW (10 * MILLISECOND)

void
child_init(struct child *child, const char *name, enum msg_sender sender, uint32_t records)
{
	memset(child, 0, sizeof(*child));
	strlcpy(child->name, name, sizeof(child->name));
	child_log_init(&child->log, child->name, records);
	child->sender = sender;
	child->control = child->stat = -1;
	child->restart_at = child->ping_at = child->pong_until = child->kill_at = NEVER;
}

int
child_open_binary(void)
{
	int fd, high, saved;

	if ((fd = open("/proc/self/exe", O_PATH | O_CLOEXEC)) == -1)
		return (-1);
	/* Out of the way of the descriptor that a child's control socket takes. */
	high = fcntl(fd, F_DUPFD_CLOEXEC, CONTROL_FILENO + 1);
	saved = errno;
	close(fd);
	errno = saved;
	return (high);
}

/* ---- start ---- */

/*
 * In the new process: leave it three descriptors and its control socket.  The binary is closed
 * by executing it.
 */
static int
pass_descriptors(int control, int errors, int *binary)
{
	int null;

	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1 ||
	    dup2(null, STDIN_FILENO) == -1 || dup2(null, STDOUT_FILENO) == -1 ||
	    dup2(errors, STDERR_FILENO) == -1)
		return (-1);
	/* A descriptor that already has its number must lose close-on-exec. */
	if ((control == CONTROL_FILENO ? fcntl(control, F_SETFD, 0)
				       : dup2(control, CONTROL_FILENO)) == -1)
		return (-1);
	if (*binary != CONTROL_FILENO + 1 && dup3(*binary, CONTROL_FILENO + 1, O_CLOEXEC) == -1)
		return (-1);
	*binary = CONTROL_FILENO + 1;
	closefrom(CONTROL_FILENO + 2);
	return (0);
}

static void __attribute__((noreturn))
run(const struct child *child, int binary, int control, int errors)
{
	char title[sizeof(CHILD_TITLE) + WORKER_NAME_MAX];
	char *argv[] = { title, NULL };
	char *envp[] = { NULL };
	sigset_t none;

	snprintf(title, sizeof(title), CHILD_TITLE "%s", child->name);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Without our terminal, into which TIOCSTI would type: ioctl_tty(2). */
	if (setsid() == -1 || chdir("/") == -1 ||
	    pass_descriptors(control, errors, &binary) == -1)
		_exit(EXIT_REFUSED);
	fexecve(binary, argv, envp);
	warn("execute %s", title);
	_exit(EXIT_REFUSED);
}

int
child_start(struct child *child, int binary, int64_t now)
{
	int pair[2], errors, size = CONTROL_BUFFER;

	if ((errors = child_log_open(&child->log)) == -1)
		return (-1);
	if (msg_pair(pair) == -1)
		goto fail;
	/* Without CAP_NET_ADMIN the default must do. */
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	msg_refuse_fds(pair[0]);
	if ((child->pid = fork()) == 0)
		run(child, binary, pair[1], errors);
	close(pair[1]);
	if (child->pid == -1) {
		child->pid = 0;
		close(pair[0]);
		goto fail;
	}
	close(errors);
	child->control = pair[0];
	/*
	 * Now, while the child is as we are: where processes are hidden from others, as by
	 * ProtectProc= of systemd.exec(5), a supervisor that is not root will not see it again.
	 * Only of a relay, as the metrics child opens its own.
	 */
	child->stat = child->sender == FROM_RELAY ? process_open(child->pid) : -1;
	child->ready = child->silent = child->condemned = child->at_fault = 0;
	child->unread = child->last_words = 0;
	child->heard_late = 0;
	child->started = now;
	child->restart_at = child->kill_at = NEVER;
	child->pong_until = now + PONG_WAIT; /* for its being ready */
	child->ping_at = NEVER;
	/* Resolvers come and go. */
	(child->sender == FROM_RESOLVER ? log_debug : log_info)(
	    "child started", "child=%s pid=%d", child->name, child->pid);
	return (0);
fail:
	close(errors);
	child_log_close(&child->log, now);
	return (-1);
}

/* ---- what it says ---- */

/* Its control socket is at its end: it has a second to follow. */
static void
be_silent(struct child *child, int64_t now)
{
	child->silent = 1;
	child->kill_at = clock_earlier(child->kill_at, now + KILL_AFTER);
}

static int
has_said_enough(const struct child *child, int64_t now)
{
	return (child->heard >= HEARD_MOST && now - child->heard_since < HEARD_WINDOW);
}

static int
may_hear(struct child *child, int64_t now)
{
	if (child->last_words)
		return (1);
	if (now - child->heard_since >= HEARD_WINDOW) {
		child->heard_since = now;
		child->heard = 0;
	}
	if (child->heard >= HEARD_MOST)
		return (0);
	child->heard++;
	return (1);
}

void
child_watch(const struct child *child, int64_t now, struct pollfd *pfd)
{
	int listen = !has_said_enough(child, now);

	pfd[0] = (struct pollfd){
		.fd = listen && !child->silent ? child->control : -1,
		.events = POLLIN,
	};
	pfd[1] = (struct pollfd){ .fd = listen ? child->log.fd : -1, .events = POLLIN };
}

int
child_receive(struct child *child, struct msg *msg, int64_t now)
{
	int n;

	child->unread = 0;
	while (!child->silent && !child->condemned) {
		if (!may_hear(child, now)) {
			child->unread = 1;
			return (0);
		}
		n = msg_receive(child->control, child->sender, msg);
		if (n == 0)
			be_silent(child, now);
		if (n == -1 && errno == EBADMSG)
			child_condemn(child, "malformed message");
		if (n != 1)
			return (0);
		if (now >= child->pong_until)
			child->heard_late++;
		if (msg->type != MSG_LOG)
			return (1);
		if (child_log_record(&child->log, (const void *)msg->payload, now) == -1)
			child_condemn(child, "malformed log record");
	}
	return (0);
}

void
child_read_stderr(struct child *child, int64_t now)
{
	while (child->log.fd != -1 && may_hear(child, now))
		if (!child_log_read(&child->log, now))
			break;
}

/* ---- whether it lives ---- */

void
child_pong(struct child *child, const struct msg_ping *pong, int64_t now)
{
	if (pong->sequence != child->ping.sequence)
		return;
	child->pong_until = NEVER;
	child->ping_at = now + PING_EVERY;
}

void
child_kill(const struct child *child, int signo)
{
	if (child->pid > 0)
		(void)kill(child->pid, signo);
}

void
child_condemn(struct child *child, const char *why)
{
	if (child->condemned)
		return;
	log_error("child killed", "child=%s pid=%d reason=%s", child->name, child->pid, why);
	child->condemned = child->at_fault = 1;
	child->pong_until = child->ping_at = NEVER;
	child_kill(child, SIGKILL);
}

/* Nothing that the socket can still hold would be the answer. */
static int
is_hanging(const struct child *child, int64_t now)
{
	return (now >= child->pong_until && !child->at_fault &&
	    (!child->unread || child->heard_late >= CONTROL_MESSAGES));
}

void
child_turn(struct child *child, int64_t now)
{
	child_log_turn(&child->log, now);
	if (child->pid == 0)
		return;
	if (now >= child->kill_at) {
		child->kill_at = NEVER;
		child_kill(child, SIGKILL);
	}
	if (is_hanging(child, now)) {
		log_error("child hangs", "child=%s pid=%d", child->name, child->pid);
		child->at_fault = 1;
		child->pong_until = child->ping_at = NEVER;
		child->kill_at = now + KILL_AFTER;
		child_kill(child, SIGABRT);
	}
	if (now >= child->ping_at) {
		child->ping.sequence++;
		child->ping_at = NEVER;
		child->pong_until = now + PONG_WAIT;
		child->heard_late = 0;
		/* A child that does not even read will not answer. */
		(void)msg_send(child->control, MSG_PING, &child->ping, 1, NULL, 0);
	}
}

int64_t
child_deadline(const struct child *child, int64_t now)
{
	int64_t deadline = child_log_deadline(&child->log), pong = child->pong_until;

	if (child->pid == 0)
		return (clock_earlier(deadline, child->restart_at));
	/* What it says next is heard, and its answer may be there. */
	if (has_said_enough(child, now) || child->unread) {
		deadline = clock_earlier(deadline, child->heard_since + HEARD_WINDOW);
		pong = NEVER;
	}
	deadline = clock_earlier(deadline, pong);
	return (clock_earlier(deadline, clock_earlier(child->kill_at, child->ping_at)));
}

/* ---- end ---- */

int
child_has_ended(struct child *child)
{
	siginfo_t info = { 0 };

	if (child->pid == 0 ||
	    waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == -1 ||
	    info.si_pid == 0)
		return (0);
	/* Whoever it gave its end to is shut out: what is left is what the socket holds. */
	(void)shutdown(child->control, SHUT_RD);
	child->last_words = 1;
	return (1);
}

static uint64_t
nanoseconds(const struct timeval *tv)
{
	return ((uint64_t)tv->tv_sec * SECOND + (uint64_t)tv->tv_usec * MICROSECOND);
}

int
child_reap(struct child *child, int64_t now)
{
	struct rusage used = { 0 };
	int status = 0;

	while (wait4(child->pid, &status, 0, &used) == -1 && errno == EINTR)
		;
	child->cpu += nanoseconds(&used.ru_utime) + nanoseconds(&used.ru_stime);
	child->pid = 0;
	close(child->control);
	if (child->stat != -1)
		close(child->stat);
	child->control = child->stat = -1;
	child_log_close(&child->log, now);
	child->ping_at = child->pong_until = child->kill_at = NEVER;
	return (status);
}

static void
log_end(const struct child *child, pid_t pid, const struct child_end *end)
{
	int signo = WIFSIGNALED(end->status) ? WTERMSIG(end->status) : 0;

	if (signo != 0)
		log_error("child ended", "child=%s pid=%d signal=%s reason=%s", child->name,
		    pid, signals_name(signo),
		    signo == SIGSYS ? "seccomp violation" : strsignal(signo));
	else
		log_error("child ended", "child=%s pid=%d exit_status=%d", child->name, pid,
		    WEXITSTATUS(end->status));
}

struct child_end
child_ended(struct child *child, pid_t pid, int status, int64_t now)
{
	struct child_end end = { .status = status };

	end.own_fault = child->at_fault ||
	    !(WIFSIGNALED(status) &&
		(WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM));
	log_end(child, pid, &end);
	child->restart_at = now + backoff_next(&child->backoff, now - child->started);
	return (end);
}
