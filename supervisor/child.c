/*
 * A child is a fresh execution of the same binary, from a descriptor opened at start-up: it
 * has an address layout and canaries of its own, and nothing of ours but its control socket.
 */
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/child.h"

#define PING_EVERY (5 * SECOND)
#define PONG_WAIT (10 * SECOND)
#define KILL_AFTER SECOND

/* Room for a second's worth of records; what does not fit is sent later. */
#define CONTROL_BUFFER (1 << 20)

void
child_init(struct child *child, const char *name, enum msg_sender sender)
{
	memset(child, 0, sizeof(*child));
	strlcpy(child->name, name, sizeof(child->name));
	child->sender = sender;
	child->control = -1;
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

static void __attribute__((noreturn)) run(const struct child *child, int binary, int control)
{
	char title[sizeof(CHILD_TITLE) + WORKER_NAME_MAX];
	char *argv[] = { title, NULL };
	char *envp[] = { NULL };
	sigset_t none;
	int null;

	snprintf(title, sizeof(title), CHILD_TITLE "%s", child->name);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* All else is close-on-exec; a descriptor that already has its number must not be. */
	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1 ||
	    dup2(null, STDIN_FILENO) == -1 || dup2(null, STDOUT_FILENO) == -1 ||
	    (control == CONTROL_FILENO ? fcntl(control, F_SETFD, 0)
				       : dup2(control, CONTROL_FILENO)) == -1)
		_exit(EXIT_REFUSED);
	fexecve(binary, argv, envp);
	warn("execute %s", title);
	_exit(EXIT_REFUSED);
}

int
child_start(struct child *child, int binary, int64_t now)
{
	int pair[2], size = CONTROL_BUFFER;

	if (msg_pair(pair) == -1)
		return (-1);
	/* Without CAP_NET_ADMIN the default must do. */
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if ((child->pid = fork()) == 0)
		run(child, binary, pair[1]);
	close(pair[1]);
	if (child->pid == -1) {
		child->pid = 0;
		close(pair[0]);
		return (-1);
	}
	child->control = pair[0];
	child->ready = child->silent = child->at_fault = 0;
	child->started = now;
	child->restart_at = child->kill_at = NEVER;
	child->pong_until = now + PONG_WAIT; /* for its being ready */
	child->ping_at = NEVER;
	log_info("child started", "child=%s pid=%d", child->name, child->pid);
	return (0);
}

void
child_pong(struct child *child, const struct msg_ping *pong, int64_t now)
{
	if (pong->sequence != child->ping.sequence)
		return;
	child->pong_until = NEVER;
	child->ping_at = now + PING_EVERY;
}

void
child_silent(struct child *child, int64_t now)
{
	child->silent = 1;
	child->kill_at = clock_earlier(child->kill_at, now + KILL_AFTER);
}

void
child_condemn(struct child *child, const char *why)
{
	if (child->at_fault)
		return;
	log_error("child killed", "child=%s pid=%d reason=%s", child->name, child->pid, why);
	child->at_fault = 1;
	kill(child->pid, SIGKILL);
}

void
child_turn(struct child *child, int64_t now)
{
	if (child->pid == 0)
		return;
	if (now >= child->kill_at) {
		child->kill_at = NEVER;
		kill(child->pid, SIGKILL);
	}
	if (now >= child->pong_until && !child->at_fault) {
		log_error("child hangs", "child=%s pid=%d", child->name, child->pid);
		child->at_fault = 1;
		child->pong_until = child->ping_at = NEVER;
		child->kill_at = now + KILL_AFTER;
		kill(child->pid, SIGABRT);
	}
	if (now >= child->ping_at) {
		child->ping.sequence++;
		child->ping_at = NEVER;
		child->pong_until = now + PONG_WAIT;
		/* A child that does not even read will not answer. */
		(void)msg_send(child->control, MSG_PING, &child->ping, 1, NULL, 0);
	}
}

int64_t
child_deadline(const struct child *child)
{
	if (child->pid == 0)
		return (child->restart_at);
	return (
	    clock_earlier(child->kill_at, clock_earlier(child->pong_until, child->ping_at)));
}

static void
log_end(const struct child *child, const struct child_end *end)
{
	int signo = WIFSIGNALED(end->status) ? WTERMSIG(end->status) : 0;

	if (signo == SIGSYS)
		log_error("child ended", "child=%s pid=%d signal=%s reason=%s", child->name,
		    child->pid, "SYS", "seccomp violation");
	else if (signo != 0)
		log_error("child ended", "child=%s pid=%d signal=%s reason=%s", child->name,
		    child->pid, sigabbrev_np(signo), sigdescr_np(signo));
	else
		log_error("child ended", "child=%s pid=%d exit_status=%d", child->name,
		    child->pid, WEXITSTATUS(end->status));
}

struct child_end
child_ended(struct child *child, int status, int64_t now)
{
	struct child_end end = { .status = status };

	end.own_fault = child->at_fault ||
	    !(WIFSIGNALED(status) &&
		(WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM));
	log_end(child, &end);
	close(child->control);
	child->control = -1;
	child->pid = 0;
	child->ping_at = child->pong_until = child->kill_at = NEVER;
	child->restart_at = now + backoff_next(&child->backoff, now - child->started);
	return (end);
}
