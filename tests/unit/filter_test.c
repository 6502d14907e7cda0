/*
 * The real filter tables, entered in forked children: what is denied ends the child by SIGSYS,
 * what libc does by habit ends as it should, and a scan of every number finds no hole.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <asm/ioctls.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
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
dies_under(const struct filter *filter, void (*habit)(void))
{
	int status = run_under(filter, habit);

	return (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static int
dies_of_sigsys(void (*habit)(void))
{
	return (dies_under(&relay_filter, habit));
}

static int
lives_under(const struct filter *filter, void (*habit)(void))
{
	int status = run_under(filter, habit);

	return (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int
lives(void (*habit)(void))
{
	return (lives_under(&relay_filter, habit));
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

/* But for one: see habit_meminfo(). */
static void
try_getsockopt(void)
{
	int value;
	socklen_t len = sizeof(value);

	(void)getsockopt(0, SOL_SOCKET, SO_TYPE, &value, &len);
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
	DENIED(getsockopt);
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
habit_meminfo(void)
{
	uint32_t info[16];
	socklen_t len = sizeof(info);

	(void)getsockopt(0, SOL_SOCKET, SO_MEMINFO, info, &len);
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
	ATF_CHECK(lives(habit_meminfo));
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

/* ---- the metrics child: what its library does, and nothing like it ---- */

static void
try_other_tcp_option(void)
{
	/* TLS in the kernel: a protocol for a connection to become. */
	(void)setsockopt(0, IPPROTO_TCP, TCP_ULP, "tls", 3);
}

static void
try_other_level(void)
{
	int one = 1;

	(void)setsockopt(0, SOL_SOCKET, TCP_NODELAY, &one, sizeof(one));
}

/* Each of these makes a connection of what has been a listener, without connect(2). */
static void
try_sendto_address(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	(void)sendto(0, "", 1, 0, (const void *)&sin, sizeof(sin));
}

static void
try_sendto_fast_open(void)
{
	(void)sendto(0, "", 1, MSG_FASTOPEN, NULL, 0);
}

static void
try_sendmsg_fast_open(void)
{
	struct msghdr header = { 0 };

	(void)sendmsg(0, &header, MSG_FASTOPEN);
}

static void
try_fcntl_owner(void)
{
	(void)fcntl(0, F_SETOWN, 1);
}

static void
habit_http(void)
{
	int one = 1;

	(void)setsockopt(0, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(0, IPPROTO_TCP, TCP_CORK, &one, sizeof(one));
	(void)fcntl(0, F_SETFL, fcntl(0, F_GETFL));
	(void)send(0, "", 1, MSG_NOSIGNAL | MSG_MORE);
	/* Of processes. */
	(void)!pread(0, &one, sizeof(one), 0);
}

CASE(metrics)
{
#define METRICS_DENIED(what) ATF_CHECK_MSG(dies_under(&metrics_filter, try_##what), "%s", #what)
	METRICS_DENIED(other_tcp_option);
	METRICS_DENIED(other_level);
	METRICS_DENIED(sendto_address);
	METRICS_DENIED(sendto_fast_open);
	METRICS_DENIED(sendmsg_fast_open);
	METRICS_DENIED(fcntl_owner);
	METRICS_DENIED(socket);
	METRICS_DENIED(connect);
	ATF_CHECK(lives_under(&metrics_filter, habit_http));
}

/* ---- the writer of the state file has two descriptors, and three verbs ---- */

static void
try_write_folder(void)
{
	(void)!write(WRITER_FOLDER, "", 1);
}

static void
try_read_file(void)
{
	char byte;

	(void)!read(WRITER_FILE, &byte, 1);
}

static void
try_open(void)
{
	(void)open("/etc/passwd", O_RDONLY);
}

static void
try_rename_elsewhere(void)
{
	(void)renameat(WRITER_FOLDER, "from", AT_FDCWD, "to");
}

static void
try_unlink_elsewhere(void)
{
	(void)unlinkat(AT_FDCWD, "nothing", 0);
}

static void
try_rmdir(void)
{
	(void)unlinkat(WRITER_FOLDER, "nothing", AT_REMOVEDIR);
}

static void
try_mmap(void)
{
	(void)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void
try_recvmsg(void)
{
	(void)recvmsg(0, &(struct msghdr){ 0 }, 0);
}

static void
try_getpid(void)
{
	(void)syscall(SYS_getpid);
}

static void
habit_write_state(void)
{
	(void)!write(WRITER_FILE, "", 0);
	(void)fsync(WRITER_FILE);
	(void)renameat(WRITER_FOLDER, "from", WRITER_FOLDER, "to");
	(void)unlinkat(WRITER_FOLDER, "nothing", 0);
	(void)fsync(WRITER_FOLDER);
	_exit(0);
}

CASE(writer)
{
#define WRITER_DENIED(what) ATF_CHECK_MSG(dies_under(&writer_filter, try_##what), "%s", #what)
	WRITER_DENIED(write_folder);
	WRITER_DENIED(read_file);
	WRITER_DENIED(open);
	WRITER_DENIED(rename_elsewhere);
	WRITER_DENIED(unlink_elsewhere);
	WRITER_DENIED(rmdir);
	WRITER_DENIED(mmap);
	WRITER_DENIED(recvmsg);
	WRITER_DENIED(getpid);
	WRITER_DENIED(socket);
	WRITER_DENIED(connect);
	WRITER_DENIED(execve);
	WRITER_DENIED(fork);
	WRITER_DENIED(unlink);
	WRITER_DENIED(ptrace);
	ATF_CHECK(lives_under(&writer_filter, habit_write_state));
}

/* ---- the resolver is refused instead ---- */

/* In a child: the first of what it asks that is not refused with EPERM is its exit status. */
static void
must_refuse(int what, long result)
{
	if (result != -1 || errno != EPERM)
		_exit(what);
}

static void
must_allow(int what, long result)
{
	if (result == -1 && errno == EPERM)
		_exit(what);
}

static void
resolver_rest(void)
{
	char *const none[] = { NULL };

	must_refuse(1, execve("/bin/true", none, none));
	must_refuse(2, kill(getppid(), 0));
	must_refuse(3, syscall(SYS_tgkill, 1, 1, 0));
	must_refuse(4, syscall(SYS_listen, 0, 1));
	must_refuse(5,
	    (long)syscall(
		SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, 0, 0));
	must_refuse(6,
	    (long)syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
#ifndef UDP46_SANITIZE
	must_refuse(7, syscall(SYS_mprotect, 0, 4096, PROT_READ | PROT_EXEC));
	must_refuse(8, syscall(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0));
#endif
	must_refuse(9, sendmsg(0, &(struct msghdr){ 0 }, MSG_FASTOPEN));
}

static void
resolver_files(void)
{
	must_refuse(1, open("/dev/null", O_WRONLY));
	must_refuse(2, open("/dev/null", O_RDWR));
	must_refuse(3, open("/tmp/nothing", O_RDONLY | O_CREAT, 0600));
	must_refuse(4, open("/dev/null", O_RDONLY | O_TRUNC));
	must_refuse(5, open("/tmp", O_TMPFILE | O_RDWR, 0600));
	must_refuse(6, open("/dev/null", O_RDONLY | O_ASYNC));
	must_refuse(7, open("/tmp", O_RDONLY | (O_TMPFILE & ~O_DIRECTORY), 0600));
	must_allow(8, open("/etc/passwd", O_RDONLY | O_CLOEXEC));
	must_allow(9, open("/etc", O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC));
	must_allow(10, open("/etc/passwd", O_RDONLY | O_NOFOLLOW | O_NOCTTY));
#ifdef SYS_open /* younger architectures have openat(2) alone */
	must_allow(11, syscall(SYS_open, "/etc/passwd", O_RDONLY));
	must_refuse(12, syscall(SYS_open, "/dev/null", O_RDONLY | O_TRUNC));
#endif
}

static void
resolver_sockets(void)
{
	must_refuse(1, socket(AF_PACKET, SOCK_RAW, 0));
	must_refuse(2, socket(AF_INET6, SOCK_RAW, 0));
	must_refuse(3, socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
	must_refuse(4, socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE));
	must_refuse(5, socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP));
	must_refuse(6, socket(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP));
	must_refuse(7, socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	must_refuse(8, socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
	must_refuse(9, socket(AF_UNIX, SOCK_SEQPACKET, 0));
	must_allow(10, socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	must_allow(11, socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP));
	must_allow(12, socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP));
	must_allow(13, socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	must_allow(14, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	must_allow(15, socket(AF_UNIX, SOCK_DGRAM, 0));
	/* A question by TCP: its length and itself. */
	must_allow(16, writev(socket(AF_INET, SOCK_STREAM, 0), NULL, 0));
}

static void
resolver_descriptors(void)
{
	int n = 1;
	char byte = '\n';

	must_refuse(1, ioctl(0, TIOCSTI, &byte));
	must_refuse(2, ioctl(0, TIOCLINUX, &byte));
	must_refuse(3, ioctl(0, FIOASYNC, &n));
	must_refuse(4, ioctl(0, FIOSETOWN, &n));
	must_refuse(5, ioctl(0, SIOCGIFCONF, &n));
	must_allow(6, ioctl(0, FIONREAD, &n));
	must_allow(7, isatty(0) == 0 ? 0 : 1);
	must_refuse(8, fcntl(0, F_SETOWN, 1));
	must_refuse(9, fcntl(0, F_SETSIG, SIGIO));
	must_refuse(10, fcntl(0, F_NOTIFY, 0));
	must_refuse(11, fcntl(0, F_SETLEASE, F_RDLCK));
	must_refuse(12, fcntl(0, F_SETPIPE_SZ, 1 << 20));
	must_allow(13, fcntl(0, F_SETFL, fcntl(0, F_GETFL)));
	must_allow(14, fcntl(0, F_SETFD, fcntl(0, F_GETFD)));
	must_allow(15, fcntl(0, F_DUPFD_CLOEXEC, 3));
}

static void
resolver_options(void)
{
	struct sock_fprog program = { 0 };
	int one = 1;

	must_refuse(1, setsockopt(0, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
	must_refuse(2, setsockopt(0, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)));
	must_refuse(3, setsockopt(0, IPPROTO_IP, IP_OPTIONS, NULL, 0));
	must_refuse(4, setsockopt(0, IPPROTO_IPV6, IPV6_RTHDR, NULL, 0));
	must_refuse(5, setsockopt(0, IPPROTO_TCP, TCP_ULP, "tls", 3));
	must_allow(6, setsockopt(0, IPPROTO_IP, IP_RECVERR, &one, sizeof(one)));
	must_allow(7, setsockopt(0, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one)));
	must_allow(8, setsockopt(0, IPPROTO_IP, IP_MTU_DISCOVER, &one, sizeof(one)));
	must_allow(9, setsockopt(0, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one)));
	must_allow(10, setsockopt(0, SOL_NETLINK, NETLINK_PKTINFO, &one, sizeof(one)));
}

#ifndef UDP46_SANITIZE
static void
resolver_limits(void)
{
	struct rlimit rl = { 1, 1 };

	must_refuse(1, syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, &rl));
	must_refuse(2, syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &rl, NULL));
	must_refuse(3, syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, &rl, NULL));
	must_allow(4, getrlimit(RLIMIT_NOFILE, &rl));
}
#endif

static void
check_under(const struct filter *filter, const char *what, void (*ask)(void))
{
	int status = run_under(filter, ask);

	ATF_CHECK_MSG(
	    WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %#x", what, status);
}

CASE(resolver)
{
	int pair[2];

	/* Descriptor 0 is a socket, so that what is allowed meets one. */
	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	ATF_REQUIRE(dup2(pair[0], STDIN_FILENO) == STDIN_FILENO);
	check_under(&resolver_filter, "files", resolver_files);
	check_under(&resolver_filter, "sockets", resolver_sockets);
	check_under(&resolver_filter, "descriptors", resolver_descriptors);
	check_under(&resolver_filter, "options", resolver_options);
#ifndef UDP46_SANITIZE
	check_under(&resolver_filter, "limits", resolver_limits);
#endif
	check_under(&resolver_filter, "the rest", resolver_rest);
}

/* ---- udp46ctl, too ---- */

static void
ctl_rest(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	char *const none[] = { NULL };
	char byte = 0;
	socklen_t len = sizeof(int);
	struct termios mode;
	struct winsize size;
	int value;

	must_refuse(1, open("/etc/passwd", O_RDONLY));
	must_refuse(2, open("/dev/null", O_WRONLY | O_CREAT, 0600));
	must_refuse(3, execve("/bin/true", none, none));
	must_refuse(4, syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
	must_refuse(5, socket(AF_INET, SOCK_DGRAM, 0));
	must_refuse(6, socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	must_refuse(7, bind(0, (struct sockaddr *)&sin, sizeof(sin)));
	must_refuse(8, listen(0, 1));
	must_refuse(9, ioctl(0, TIOCSTI, &byte));
	must_refuse(10, ioctl(0, TIOCLINUX, &byte));
	must_refuse(11, kill(getppid(), 0));
	must_refuse(12, unlink("/nothing"));
	must_refuse(13, syscall(SYS_ptrace, 0, 0, 0, 0));
	must_refuse(14,
	    (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	must_allow(20, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	must_allow(21, socket(AF_UNIX, SOCK_STREAM, 0));
	must_allow(22, connect(0, (struct sockaddr *)&sin, sizeof(sin)));
	must_allow(23, getsockopt(0, SOL_SOCKET, SO_ERROR, &value, &len));
	must_allow(24, send(0, "", 1, MSG_NOSIGNAL));
	must_allow(25, tcgetattr(0, &mode));
	must_allow(26, tcsetattr(0, TCSADRAIN, &mode));
	must_allow(27, ioctl(0, TIOCGWINSZ, &size));
	must_allow(28, kill(getpid(), 0));
}

CASE(ctl)
{
	int pair[2];

	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	ATF_REQUIRE(dup2(pair[0], STDIN_FILENO) == STDIN_FILENO);
	check_under(&ctl_filter, "all", ctl_rest);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, denied);
	ATF_TP_ADD_TC(tp, habits);
#ifndef UDP46_SANITIZE
	ATF_TP_ADD_TC(tp, double_free);
#endif
	ATF_TP_ADD_TC(tp, scan);
	ATF_TP_ADD_TC(tp, metrics);
	ATF_TP_ADD_TC(tp, writer);
	ATF_TP_ADD_TC(tp, resolver);
	ATF_TP_ADD_TC(tp, ctl);
	return (atf_no_error());
}
