/*
 * What each process may ask of the kernel: one table for each kind, one reason for each
 * group.  A call that is not listed ends the process with SIGSYS, which the supervisor
 * reports as "seccomp violation".  The resolver's are refused instead: it runs NSS modules,
 * which are not ours.
 *
 * The relay may not make, bind or connect a socket, open a file, execute or fork, or make memory
 * executable: it lives on the descriptors that it is handed.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <unistd.h>

#include "common/filter.h"

/* clang-format off */

#define RULE(name, error, n, self, ...) { SCMP_SYS(name), error, n, { __VA_ARGS__ }, self }
#define COND(arg, mask, value)	    { arg, mask, value }
#define ALWAYS			    COND(0, 0, 0), COND(0, 0, 0)

#define ALLOW(name)		    RULE(name, 0, 0, 0, ALWAYS)
#define ALLOW_IF(name, a, m, v)	    RULE(name, 0, 1, 0, COND(a, m, v), COND(0, 0, 0))
#define ALLOW_IF2(name, a, m, v, a2, m2, v2) \
	RULE(name, 0, 2, 0, COND(a, m, v), COND(a2, m2, v2))
#define ALLOW_SELF(name)	    RULE(name, 0, 0, 1, ALWAYS)
#define REFUSE(name, error)	    RULE(name, error, 0, 0, ALWAYS)

#define INT 0xffffffffU /* int arguments: the upper half of the register is not defined */

/* What every child needs. */
static const struct filter_rule child_rules[] = {
	/* wait, each with the twin that another architecture's libc calls; restart_syscall
	   resumes them after SIGSTOP and SIGCONT */
	ALLOW(poll), ALLOW(ppoll), ALLOW(ppoll_time64), ALLOW(epoll_wait), ALLOW(epoll_pwait),
	ALLOW(restart_syscall),
	/* talk to the supervisor */
	ALLOW(recvmsg), ALLOW(sendmsg), ALLOW(close),
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
	/* the address of a session's socket, for the metrics child */
	ALLOW(getsockname),
	/* probes of libc that have a fallback: refuse, do not kill */
	REFUSE(open, EACCES), REFUSE(openat, EACCES), REFUSE(newfstatat, EACCES),
};

static const struct filter_rule metrics_rules[] = {
	/* HTTP on connections that come in on the listener that it was handed */
	ALLOW(accept4), ALLOW(recvfrom), ALLOW(sendto), ALLOW(shutdown), ALLOW(epoll_ctl),
	ALLOW(getsockname), ALLOW_IF(writev, 0, 0, 0),
	/* TCP_NODELAY and TCP_CORK, and what fits them */
	ALLOW_IF(setsockopt, 1, INT, IPPROTO_TCP),
	ALLOW_IF(fcntl, 1, INT, F_GETFL), ALLOW_IF(fcntl, 1, INT, F_SETFL),
	/* the library wakes itself through an eventfd */
	ALLOW(read), ALLOW(write),
	/* probes of libc that have a fallback: refuse, do not kill */
	REFUSE(open, EACCES), REFUSE(openat, EACCES), REFUSE(newfstatat, EACCES),
};

static const struct filter_rule resolver_rules[] = {
	/* sockets to name servers; what NSS opens to find them */
	ALLOW_IF2(socket, 0, INT, AF_INET, 1, 0xf, SOCK_DGRAM),
	ALLOW_IF2(socket, 0, INT, AF_INET, 1, 0xf, SOCK_STREAM),
	ALLOW_IF2(socket, 0, INT, AF_INET6, 1, 0xf, SOCK_DGRAM),
	ALLOW_IF2(socket, 0, INT, AF_INET6, 1, 0xf, SOCK_STREAM),
	ALLOW_IF(socket, 0, INT, AF_UNIX), ALLOW_IF(socket, 0, INT, AF_NETLINK),
	ALLOW(connect), ALLOW(bind), ALLOW(getsockname), ALLOW(getpeername), ALLOW(getsockopt),
	ALLOW(setsockopt), ALLOW(sendto), ALLOW(recvfrom), ALLOW(sendmmsg), ALLOW(ioctl),
	/* files, read only */
	ALLOW_IF(openat, 2, O_ACCMODE, O_RDONLY), ALLOW_IF(open, 1, O_ACCMODE, O_RDONLY),
	ALLOW(read), ALLOW(pread64), ALLOW(lseek), ALLOW(fstat), ALLOW(stat), ALLOW(lstat),
	ALLOW(newfstatat), ALLOW(statx), ALLOW(access), ALLOW(faccessat), ALLOW(faccessat2),
	ALLOW(readlink), ALLOW(readlinkat), ALLOW(getdents64), ALLOW(fcntl), ALLOW(getcwd),
	/* modules are loaded with dlopen(3): executable pages, from files only */
	ALLOW_IF(mmap, 3, MAP_ANONYMOUS, 0), ALLOW_IF(mmap2, 3, MAP_ANONYMOUS, 0), ALLOW(mprotect),
	/* habits of libc and of modules */
	ALLOW(futex), ALLOW(uname), ALLOW(getuid), ALLOW(geteuid), ALLOW(getgid), ALLOW(getegid),
	ALLOW(getppid), ALLOW(gettimeofday), ALLOW(time), ALLOW(rt_sigaction), ALLOW(nanosleep),
	ALLOW(clock_nanosleep), ALLOW(sysinfo), ALLOW(prlimit64), ALLOW(select), ALLOW(pselect6),
	ALLOW(epoll_create1), ALLOW(epoll_ctl), ALLOW(eventfd2), ALLOW(write),
};

#define TABLE(rules) { rules, sizeof(rules) / sizeof(rules[0]) }

/* clang-format on */

const struct filter relay_filter = { { TABLE(child_rules), TABLE(relay_rules) }, 0 };
const struct filter metrics_filter = { { TABLE(child_rules), TABLE(metrics_rules) }, 0 };
const struct filter resolver_filter = { { TABLE(child_rules), TABLE(resolver_rules) }, EPERM };

static int
add_rule(scmp_filter_ctx ctx, const struct filter_rule *rule)
{
	struct scmp_arg_cmp cmp[2];
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
