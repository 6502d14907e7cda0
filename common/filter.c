/*
 * What each process may ask of the kernel: one table for each kind, one reason for each
 * group.  A call that is not listed ends the process with SIGSYS, which the supervisor
 * reports as "seccomp violation".  The resolver's are refused instead: it runs NSS modules,
 * which are not ours; so are those of udp46ctl, which nobody would restart.
 *
 * The relay may not make, bind or connect a socket, open a file, execute or fork, or make memory
 * executable: it lives on the descriptors that it is handed.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <unistd.h>

#include "common/filter.h"

#undef pread64 /* musl has pread(2) under this name, and here it is a system call */

/* clang-format off */

#define RULE(name, error, n, self, ...) { SCMP_SYS(name), error, n, { __VA_ARGS__ }, self }
#define COND(arg, mask, value)	    { arg, mask, value }
#define ALWAYS			    COND(0, 0, 0)

#define ALLOW(name)		    RULE(name, 0, 0, 0, ALWAYS)
#define ALLOW_IF(name, a, m, v)	    RULE(name, 0, 1, 0, COND(a, m, v))
#define ALLOW_IF2(name, a, m, v, a2, m2, v2) \
	RULE(name, 0, 2, 0, COND(a, m, v), COND(a2, m2, v2))
#define ALLOW_SELF(name)	    RULE(name, 0, 0, 1, ALWAYS)
#define REFUSE(name, error)	    RULE(name, error, 0, 0, ALWAYS)

#define INT 0xffffffffU /* int arguments: the upper half of the register is not defined */
#define POINTER UINT64_MAX

#define ALLOW_SOCKET(family, type, protocol) \
	RULE(socket, 0, 3, 0, COND(0, INT, family), COND(1, 0xf, type), COND(2, INT, protocol))
#define ALLOW_FCNTL(command)	    ALLOW_IF(fcntl, 1, INT, command)
#define ALLOW_OPTION(level, option) ALLOW_IF2(setsockopt, 1, INT, level, 2, INT, option)

/* Read only, and none of the flags that create, truncate, or have signals sent. */
#define OPEN_HARMLESS (O_CLOEXEC | O_DIRECTORY | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK)
#define OPEN_MASK     (INT & ~(unsigned int)OPEN_HARMLESS)

/* What every child needs. */
static const struct filter_rule child_rules[] = {
	/* wait, each with the twin that another architecture's libc calls; restart_syscall
	   resumes them after SIGSTOP and SIGCONT */
	ALLOW(poll), ALLOW(ppoll), ALLOW(ppoll_time64), ALLOW(epoll_wait), ALLOW(epoll_pwait),
	ALLOW(restart_syscall),
	/* talk to the supervisor; TCP Fast Open would be a connect(2) */
	ALLOW(recvmsg), ALLOW_IF(sendmsg, 2, MSG_FASTOPEN, 0), ALLOW(close),
	/* the vDSO's fallback */
	ALLOW(clock_gettime), ALLOW(clock_gettime64),
	/* malloc(3) and arc4random(3); never an executable page */
	ALLOW(brk), ALLOW_IF(mmap, 2, PROT_EXEC, 0), ALLOW_IF(mmap2, 2, PROT_EXEC, 0),
	ALLOW_IF(mprotect, 2, PROT_EXEC, 0), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise),
	ALLOW(getrandom),
	/* end; so that abort(3) reports SIGABRT and its reason, not SIGSYS */
	ALLOW(exit), ALLOW(exit_group), ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn),
	ALLOW(getpid), ALLOW(gettid), ALLOW_SELF(tgkill),
	ALLOW_IF(writev, 0, INT, STDERR_FILENO), ALLOW_IF(write, 0, INT, STDERR_FILENO),
#ifdef UDP46_SANITIZE
	/* only in a build with SANITIZE=: how the sanitizers' run-time watches and reports */
	ALLOW(sigaltstack), ALLOW(sched_yield), ALLOW(prctl), ALLOW(readlink), ALLOW(readlinkat),
	ALLOW(getuid), ALLOW(getppid), ALLOW(sched_getaffinity), ALLOW(rt_sigaction),
	ALLOW(mprotect), ALLOW(getrlimit), ALLOW(prlimit64), ALLOW(gettimeofday), ALLOW(write),
	ALLOW(personality), ALLOW(futex),
#endif
};

static const struct filter_rule relay_rules[] = {
	/* datagrams, in and out of sockets that it was handed */
	ALLOW(recvmmsg), ALLOW(recvmmsg_time64), ALLOW(sendmmsg), ALLOW(epoll_ctl),
	/* the address of a session's socket, for the metrics child; the size of a memfd */
	ALLOW(getsockname), ALLOW(lseek), ALLOW(_llseek),
	/* what is in a listener's send buffer, what was dropped from a full receive queue */
	ALLOW_IF2(getsockopt, 1, INT, SOL_SOCKET, 2, INT, SO_MEMINFO),
	/* probes of libc that have a fallback: refuse, do not kill */
	REFUSE(open, EACCES), REFUSE(openat, EACCES), REFUSE(newfstatat, EACCES),
};

static const struct filter_rule metrics_rules[] = {
	/* HTTP on connections that come in on the listener that it was handed */
	ALLOW(accept4), ALLOW(recvfrom), ALLOW(shutdown), ALLOW(epoll_ctl), ALLOW(getsockname),
	ALLOW(writev), ALLOW_OPTION(IPPROTO_TCP, TCP_NODELAY), ALLOW_OPTION(IPPROTO_TCP, TCP_CORK),
	ALLOW_FCNTL(F_GETFL), ALLOW_FCNTL(F_SETFL),
	/* send(3): with an address, a listener that was shut down would connect */
	ALLOW_IF2(sendto, 3, MSG_FASTOPEN, 0, 4, POINTER, 0),
	/* CPU time and memory of processes: /proc/PID/stat, which was opened before */
	ALLOW(pread64),
	/* the library wakes itself through an eventfd */
	ALLOW(read), ALLOW(write),
	/* probes of libc that have a fallback: refuse, do not kill */
	REFUSE(open, EACCES), REFUSE(openat, EACCES), REFUSE(newfstatat, EACCES),
};

static const struct filter_rule resolver_rules[] = {
	/* sockets to name servers, to daemons that look names up, and to ask for addresses of ours */
	ALLOW_SOCKET(AF_INET, SOCK_DGRAM, 0), ALLOW_SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	ALLOW_SOCKET(AF_INET, SOCK_STREAM, 0), ALLOW_SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	ALLOW_SOCKET(AF_INET6, SOCK_DGRAM, 0), ALLOW_SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	ALLOW_SOCKET(AF_INET6, SOCK_STREAM, 0), ALLOW_SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	ALLOW_SOCKET(AF_UNIX, SOCK_DGRAM, 0), ALLOW_SOCKET(AF_UNIX, SOCK_STREAM, 0),
	ALLOW_SOCKET(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE),
	ALLOW_SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
	ALLOW(connect), ALLOW(bind), ALLOW(getsockname), ALLOW(getpeername), ALLOW(getsockopt),
	ALLOW(sendto), ALLOW(recvfrom), ALLOW(sendmmsg), ALLOW_IF(ioctl, 1, INT, FIONREAD),
	ALLOW_OPTION(SOL_SOCKET, SO_RCVBUF), ALLOW_OPTION(SOL_SOCKET, SO_SNDBUF),
	ALLOW_OPTION(SOL_SOCKET, SO_PASSCRED), ALLOW_IF(setsockopt, 1, INT, SOL_NETLINK),
	ALLOW_OPTION(IPPROTO_IP, IP_RECVERR), ALLOW_OPTION(IPPROTO_IP, IP_MTU_DISCOVER),
	ALLOW_OPTION(IPPROTO_IPV6, IPV6_RECVERR), ALLOW_OPTION(IPPROTO_IPV6, IPV6_MTU_DISCOVER),
	/* files, to read them */
	ALLOW_IF(openat, 2, OPEN_MASK, O_RDONLY), ALLOW_IF(open, 1, OPEN_MASK, O_RDONLY),
	ALLOW(read), ALLOW(pread64), ALLOW(lseek), ALLOW(fstat), ALLOW(stat), ALLOW(lstat),
	ALLOW(newfstatat), ALLOW(statx), ALLOW(access), ALLOW(faccessat), ALLOW(faccessat2),
	ALLOW(readlink), ALLOW(readlinkat), ALLOW(getdents64), ALLOW(getcwd),
	/* isatty(3); flags and copies of descriptors */
	ALLOW_IF(ioctl, 1, INT, TCGETS), ALLOW_FCNTL(F_GETFL), ALLOW_FCNTL(F_SETFL),
	ALLOW_FCNTL(F_GETFD), ALLOW_FCNTL(F_SETFD), ALLOW_FCNTL(F_DUPFD_CLOEXEC),
	/* modules are loaded with dlopen(3): executable pages, from files and never writable */
	ALLOW_IF2(mmap, 2, PROT_WRITE, 0, 3, MAP_ANONYMOUS, 0),
	ALLOW_IF2(mmap2, 2, PROT_WRITE, 0, 3, MAP_ANONYMOUS, 0),
	/* getrlimit(3) */
	ALLOW_IF2(prlimit64, 0, INT, 0, 2, POINTER, 0),
	/* habits of libc and of modules */
	ALLOW(futex), ALLOW(uname), ALLOW(getuid), ALLOW(geteuid), ALLOW(getgid), ALLOW(getegid),
	ALLOW(getppid), ALLOW(gettimeofday), ALLOW(time), ALLOW(rt_sigaction), ALLOW(nanosleep),
	ALLOW(clock_nanosleep), ALLOW(sysinfo), ALLOW(select), ALLOW(pselect6), ALLOW(epoll_create1),
	ALLOW(epoll_ctl), ALLOW(eventfd2), ALLOW(write),
	/* a question by TCP, to which the answer is long */
	ALLOW(writev),
};

/* The writer of the state file shares nothing with other children: it reads and waits for nothing. */
static const struct filter_rule writer_rules[] = {
	ALLOW_IF(write, 0, INT, WRITER_FILE), ALLOW_IF(fsync, 0, INT, WRITER_FILE),
	/* in the place of the old file, or away if it could not be written */
	ALLOW_IF2(renameat, 0, INT, WRITER_FOLDER, 2, INT, WRITER_FOLDER),
	ALLOW_IF2(renameat2, 0, INT, WRITER_FOLDER, 2, INT, WRITER_FOLDER),
	ALLOW_IF2(unlinkat, 0, INT, WRITER_FOLDER, 2, INT, 0),
	ALLOW_IF(fsync, 0, INT, WRITER_FOLDER),
	/* resumed after SIGSTOP and SIGCONT; end */
	ALLOW(restart_syscall), ALLOW(exit), ALLOW(exit_group),
#ifdef UDP46_SANITIZE
	/* only in a build with SANITIZE=: the sanitizers' run-time, when a process ends */
	ALLOW(sigaltstack),
#endif
};

/* Of udp46ctl, from when it has a terminal and knows the addresses: it asks, shows, and ends. */
static const struct filter_rule ctl_rules[] = {
	/* a connection for each question */
	ALLOW_SOCKET(AF_INET, SOCK_STREAM, 0), ALLOW_SOCKET(AF_INET6, SOCK_STREAM, 0),
	ALLOW_SOCKET(AF_UNIX, SOCK_STREAM, 0), ALLOW(connect), ALLOW(recvfrom),
	ALLOW_IF2(getsockopt, 1, INT, SOL_SOCKET, 2, INT, SO_ERROR),
	ALLOW_IF2(sendto, 3, MSG_FASTOPEN, 0, 4, POINTER, 0),
	/* standard output; a terminal, into whose input nothing can be put (TIOCSTI) */
	ALLOW(read), ALLOW(write), ALLOW(writev), ALLOW(fstat), ALLOW(newfstatat),
	ALLOW_IF(ioctl, 1, INT, TCGETS), ALLOW_IF(ioctl, 1, INT, TCSETS),
	ALLOW_IF(ioctl, 1, INT, TCSETSW), ALLOW_IF(ioctl, 1, INT, TCSETSF),
	ALLOW_IF(ioctl, 1, INT, TIOCGWINSZ), ALLOW_IF(ioctl, 1, INT, TCFLSH),
	/* signals of a terminal: ctrl-C, ctrl-Z, another size */
	ALLOW(rt_sigaction), ALLOW_SELF(kill), ALLOW(select), ALLOW(pselect6),
	/* habits of libraries */
	ALLOW(futex), ALLOW(gettimeofday), ALLOW(time), ALLOW(clock_nanosleep), ALLOW(nanosleep),
};

#define TABLE(rules) { rules, sizeof(rules) / sizeof(rules[0]) }

/* clang-format on */

const struct filter relay_filter = { { TABLE(child_rules), TABLE(relay_rules) }, 0 };
const struct filter metrics_filter = { { TABLE(child_rules), TABLE(metrics_rules) }, 0 };
const struct filter resolver_filter = { { TABLE(child_rules), TABLE(resolver_rules) }, EPERM };
const struct filter writer_filter = { { TABLE(writer_rules) }, 0 };
const struct filter ctl_filter = { { TABLE(child_rules), TABLE(ctl_rules) }, EPERM };

static int
add_rule(scmp_filter_ctx ctx, const struct filter_rule *rule)
{
	struct scmp_arg_cmp cmp[FILTER_CONDITIONS + 1];
	unsigned int n;
	int i;

	for (i = 0, n = 0; i < rule->conditions; i++, n++)
		cmp[n] = SCMP_CMP64(rule->condition[i].arg, SCMP_CMP_MASKED_EQ,
		    rule->condition[i].mask, rule->condition[i].value);
	if (rule->self)
		cmp[n++] = SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, INT, (uint64_t)getpid());
	return (seccomp_rule_add_array(ctx,
	    rule->error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((uint16_t)rule->error),
	    rule->number, n, cmp));
}

int
filter_enter(const struct filter *filter)
{
	scmp_filter_ctx ctx;
	size_t table, i;
	int error;

	ctx =
	    seccomp_init(filter->otherwise == 0 ? SCMP_ACT_KILL_PROCESS
						: SCMP_ACT_ERRNO((uint16_t)filter->otherwise));
	if (ctx == NULL) {
		errno = EOPNOTSUPP; /* seccomp(2) is missing, or refused */
		return (-1);
	}
	error = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	for (table = 0; table < FILTER_TABLES; table++)
		for (i = 0; error == 0 && i < filter->tables[table].count; i++)
			error = add_rule(ctx, &filter->tables[table].rules[i]);
	if (error == 0)
		error = seccomp_load(ctx);
	seccomp_release(ctx);
	if (error != 0) {
		errno = -error;
		return (-1);
	}
	return (0);
}
