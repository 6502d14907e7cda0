/*
 * The real filter tables, entered in forked children: what is denied ends the child by SIGSYS,
 * what libc does by habit ends as it should, and a scan of every number finds no hole.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/filter.h"
#include "tests/unit/unit.h"

/* No system call has a higher number. */
#define NUMBERS 512

/* Run `habit` under the filter; returns the status as of waitpid(2). */
static int
run_under(const struct filter *filter, void (*habit)(void))
{
	int status;
	pid_t pid;

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		if (filter_enter(filter) == -1)
			_exit(99);
		habit();
		_exit(0);
	}
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	return (status);
}

static int
dies_of_sigsys(void (*habit)(void))
{
	int status = run_under(&relay_filter, habit);

	return (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static int
lives(void (*habit)(void))
{
	int status = run_under(&relay_filter, habit);

	return (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- what the relay must never do ---- */

static void
try_socket(void)
{
	(void)socket(AF_INET6, SOCK_DGRAM, 0);
}

static void
try_connect(void)
{
	struct sockaddr sa = { .sa_family = AF_UNSPEC };

	(void)connect(0, &sa, sizeof(sa));
}

static void
try_bind(void)
{
	struct sockaddr sa = { .sa_family = AF_INET };

	(void)bind(0, &sa, sizeof(sa));
}

static void
try_setsockopt(void)
{
	int one = 1;

	(void)setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
}

static void
try_execve(void)
{
	char *const none[] = { NULL };

	(void)execve("/bin/true", none, none);
}

static void
try_fork(void)
{
	(void)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static void
try_unlink(void)
{
	(void)unlink("/nothing");
}

static void
try_ptrace(void)
{
	(void)syscall(SYS_ptrace, 0, 0, NULL, NULL);
}

static void
try_unshare(void)
{
	(void)unshare(CLONE_NEWUSER);
}

static void
try_setuid(void)
{
	(void)syscall(SYS_setuid, 0);
}

static void
try_kill(void)
{
	(void)kill(getppid(), 0);
}

#ifndef UDP46_SANITIZE
static void
try_prctl(void)
{
	(void)syscall(SYS_prctl, 0, 0, 0, 0, 0);
}

static void
try_read(void)
{
	char byte;

	(void)syscall(SYS_read, 0, &byte, 1);
}

static void
try_write_stdout(void)
{
	(void)syscall(SYS_write, STDOUT_FILENO, "", 0);
}

static void
try_executable_mprotect(void)
{
	(void)syscall(SYS_mprotect, 0, 4096, PROT_READ | PROT_EXEC);
}
#endif

static void
try_executable_mmap(void)
{
	(void)syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void
try_tgkill_other(void)
{
	(void)syscall(SYS_tgkill, 1, 1, 0);
}

CASE(denied)
{
#define DENIED(what) ATF_CHECK_MSG(dies_of_sigsys(try_##what), "%s", #what)
	DENIED(socket);
	DENIED(connect);
	DENIED(bind);
	DENIED(setsockopt);
	DENIED(execve);
	DENIED(fork);
	DENIED(unlink);
	DENIED(ptrace);
	DENIED(unshare);
	DENIED(setuid);
	DENIED(kill);
	DENIED(executable_mmap);
	DENIED(tgkill_other);
#ifndef UDP46_SANITIZE
	DENIED(prctl);
	DENIED(read);
	DENIED(write_stdout);
	DENIED(executable_mprotect);
#endif
}

/* ---- what libc does by itself ---- */

static void
habit_malloc(void)
{
	char *volatile p;
	size_t size;

	for (size = 1; size < 64 << 20; size *= 2) {
		p = malloc(size);
		if (p == NULL)
			_exit(1);
		memset(p, 1, size);
		free(p);
	}
}

static void
habit_realloc(void)
{
	char *p = NULL;
	size_t size;

	for (size = 1 << 20; size < 64 << 20; size *= 2)
		p = realloc(p, size);
	free(p);
}

static void
habit_random(void)
{
	unsigned char bytes[16];

	arc4random_buf(bytes, sizeof(bytes));
}

static void
habit_snprintf(void)
{
	char buf[512];

	snprintf(buf, sizeof(buf), "%d %s %.3f %llu", 1, "x", 0.1, 1ULL);
}

static void
habit_clocks(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
}

static void
habit_poll(void)
{
	struct pollfd pfd = { .fd = -1 };

	(void)poll(&pfd, 1, 1);
}

static void
habit_open(void)
{
	if (open("/etc/passwd", O_RDONLY) != -1 || errno != EACCES)
		_exit(1);
}

static void
habit_abort(void)
{
	abort();
}

CASE(habits)
{
	int status;

	ATF_CHECK(lives(habit_malloc));
	ATF_CHECK(lives(habit_realloc));
	ATF_CHECK(lives(habit_random));
	ATF_CHECK(lives(habit_snprintf));
	ATF_CHECK(lives(habit_clocks));
	ATF_CHECK(lives(habit_poll));
	ATF_CHECK(lives(habit_open));
	status = run_under(&relay_filter, habit_abort);
	ATF_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

#ifndef UDP46_SANITIZE
static void
habit_double_free(void)
{
	char *volatile p = malloc(100), *volatile q = p;

	free(p);
	free(q);
}

CASE(double_free)
{
	int status = run_under(&relay_filter, habit_double_free);

	ATF_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
#endif

/* ---- all numbers ---- */

static int number;

static void
try_number(void)
{
	/* No call does anything useful with these, and none of those allowed harms. */
	(void)syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
}

static int
is_listed(int nr)
{
	size_t table, i;

	for (table = 0; table < FILTER_TABLES; table++)
		for (i = 0; i < relay_filter.tables[table].count; i++)
			if (relay_filter.tables[table].rules[i].number == nr)
				return (1);
	return (0);
}

CASE(scan)
{
	char *name;

	for (number = 0; number < NUMBERS; number++) {
		/* The kernel's own, for uprobes: it takes them before any filter. */
		if (is_listed(number) || number == 335 || number == 336)
			continue;
		name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
		ATF_CHECK_MSG(dies_of_sigsys(try_number), "%d (%s) lives", number,
		    name != NULL ? name : "unknown");
		free(name);
	}
}

/* ---- the resolver is refused instead ---- */

static void
try_refused(void)
{
	char *const none[] = { NULL };

	if (execve("/bin/true", none, none) != -1 || errno != EPERM)
		_exit(1);
	if (open("/dev/null", O_WRONLY) != -1 || errno != EPERM)
		_exit(2);
	if (socket(AF_PACKET, SOCK_RAW, 0) != -1 || errno != EPERM)
		_exit(3);
	if (socket(AF_INET6, SOCK_RAW, 0) != -1 || errno != EPERM)
		_exit(4);
	if (open("/etc/passwd", O_RDONLY) == -1)
		_exit(5);
	if (socket(AF_INET6, SOCK_DGRAM, 0) == -1)
		_exit(6);
}

CASE(resolver)
{
	int status = run_under(&resolver_filter, try_refused);

	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, denied);
	ATF_TP_ADD_TC(tp, habits);
#ifndef UDP46_SANITIZE
	ATF_TP_ADD_TC(tp, double_free);
#endif
	ATF_TP_ADD_TC(tp, scan);
	ATF_TP_ADD_TC(tp, resolver);
	return (atf_no_error());
}
