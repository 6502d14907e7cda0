/*
 * How a process gives up what it could do.
 *
 * The order is the design.  Identity first, as root; then a user namespace, in which a process
 * without any privilege has enough of it to leave the network and the file system behind;
 * then the capabilities that this namespace brought; then what needs no privilege at all; and
 * the system call filter last, because it would forbid the rest.  chroot(2) comes after the
 * namespace, since inside a chroot none can be made.
 *
 * Where user namespaces are refused, the classic ladder serves: chroot(2) as root, then the
 * identity.  Each step is one small function, and a table says which a child takes.  What a
 * step did is read back before the filter closes the door.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <linux/capability.h>
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/landlock.h"
#include "common/log.h"

struct confinement {
	int isolated; /* no network, no file system: namespaces and chroot */
	enum landlock_access paths;
	const struct filter *filter;
};

const struct confinement relay_confinement = {
	.isolated = 1,
	.paths = LANDLOCK_NOTHING,
	.filter = &relay_filter,
};

const struct confinement metrics_confinement = {
	.isolated = 1,
	.paths = LANDLOCK_NOTHING,
	.filter = &metrics_filter,
};

/* It needs the network, and files that say how to look names up. */
const struct confinement resolver_confinement = {
	.isolated = 0,
	.paths = LANDLOCK_READ,
	.filter = &resolver_filter,
};

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

/* What the supervisor may keep: for its children's sake, and for socket buffers. */
static const unsigned int supervisor_capabilities[] = {
	CAP_SETUID,	/* a child changes its user, */
	CAP_SETGID,	/* its groups, */
	CAP_SETPCAP,	/* its bounding set, */
	CAP_SYS_CHROOT, /* and its root */
	CAP_KILL,	/* end a child of another user */
	CAP_NET_ADMIN,	/* SO_RCVBUFFORCE and SO_SNDBUFFORCE */
};

/* ---- the steps ---- */

static int
enter_chroot(const char *directory)
{
	if (directory[0] == '\0')
		return (0);
	return (chroot(directory) == -1 || chdir("/") == -1 ? -1 : 0);
}

/* libcap-ng's errors run from -1 down, and not all of them set errno. */
static int
check_capng(int result)
{
	if (result == 0)
		return (0);
	if (errno == 0)
		errno = EPERM;
	return (-1);
}

static int
lock_securebits(void)
{
	errno = 0;
	return (check_capng(capng_lock()));
}

/* Groups too.  `also` are flags of capng_change_id(3). */
static int
change_user(const struct msg_identity *id, int also)
{
	/* Its state does not survive fork(2), and root's staged set would come along. */
	capng_clear(CAPNG_SELECT_ALL);
	errno = 0;
	return (check_capng(
	    capng_change_id((int)id->uid, (int)id->gid, (int)CAPNG_DROP_SUPP_GRP | also)));
}

static int
verify_user(const struct msg_identity *id)
{
	uid_t uid[3];
	gid_t gid[3];
	int i;

	if (getresuid(&uid[0], &uid[1], &uid[2]) == -1 ||
	    getresgid(&gid[0], &gid[1], &gid[2]) == -1)
		return (-1);
	errno = EPERM;
	for (i = 0; i < 3; i++)
		if (uid[i] != id->uid || gid[i] != id->gid)
			return (-1);
	return (getgroups(0, NULL) == 0 ? 0 : -1);
}

static int
enter_namespaces(void)
{
	return (unshare(NAMESPACES));
}

/* In a process that may change its bounding set; libcap-ng needs CAP_SETPCAP for that. */
static int
drop_capabilities(void)
{
	capng_clear(CAPNG_SELECT_ALL);
	errno = 0;
	return (check_capng(capng_apply(CAPNG_SELECT_ALL)));
}

/* In a process that never had CAP_SETPCAP: the bounding set stays, with nothing to bound. */
static int
drop_capabilities_unprivileged(void)
{
	capng_clear(CAPNG_SELECT_ALL);
	errno = 0;
	return (check_capng(capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT)));
}

static int
verify_no_capabilities(int bounding)
{
	capng_clear(CAPNG_SELECT_ALL);
	errno = EPERM;
	if (capng_get_caps_process() != 0 ||
	    capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE ||
	    capng_have_capabilities(CAPNG_SELECT_AMBIENT) != CAPNG_NONE ||
	    (bounding && capng_have_capabilities(CAPNG_SELECT_BOUNDS) != CAPNG_NONE))
		return (-1);
	/* The way back, which must be closed. */
	if (geteuid() != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0) {
		errno = EPERM;
		return (-1);
	}
	return (0);
}

static int
limit(int resource, rlim_t most)
{
	struct rlimit rl = { most, most };

	return (setrlimit(resource, &rl));
}

static int
limit_resources(const struct msg_identity *id)
{
	struct rlimit rl;

	/* Somebody may have lowered it since it was looked at; then there are no more in use, either. */
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 ||
	    limit(RLIMIT_NOFILE,
		rl.rlim_max < id->descriptors ? rl.rlim_max : id->descriptors) == -1 ||
	    limit(RLIMIT_CORE, 0) == -1)
		return (-1);
	/* Binds whoever is not root, hence after the change of user. */
	return (limit(RLIMIT_NPROC, 0));
}

/* The change of user clears the signal, so this comes after it. */
static int
follow_parent(const struct msg_identity *id)
{
	if (prctl(PR_SET_DUMPABLE, 0) == -1 || prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		return (-1);
	/* It may have gone before the signal was asked for. */
	if (getppid() != id->parent) {
		errno = ESRCH;
		return (-1);
	}
	return (0);
}

static int
forbid_privileges(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return (-1);
	errno = EPERM;
	return (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -1);
}

/* ---- the two orders ---- */

/* Steps 1 to 4 where user namespaces work.  Returns NULL, or the step that failed. */
static const char *
isolate_by_namespace(const struct msg_identity *id)
{
	if (id->change_user) {
		if (change_user(id, 0) == -1)
			return ("change of user");
		if (verify_user(id) == -1)
			return ("verification of user");
	}
	if (enter_namespaces() == -1)
		return ("namespaces");
	if (enter_chroot(id->chroot) == -1)
		return ("chroot");
	if (lock_securebits() == -1)
		return ("securebits");
	if (drop_capabilities() == -1)
		return ("capabilities");
	return (NULL);
}

/* The same as root without namespaces. */
static const char *
isolate_by_chroot(const struct msg_identity *id, const char *directory)
{
	if (enter_chroot(directory) == -1)
		return ("chroot");
	if (lock_securebits() == -1)
		return ("securebits");
	if (change_user(id, CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT) == -1)
		return ("change of user");
	if (verify_user(id) == -1)
		return ("verification of user");
	return (NULL);
}

static const char *
isolate(const struct confinement *c, const struct msg_identity *id)
{
	if (c->isolated && id->namespaces)
		return (isolate_by_namespace(id));
	if (id->change_user)
		return (isolate_by_chroot(id, c->isolated ? id->chroot : ""));
	return (drop_capabilities_unprivileged() == -1 ? "capabilities" : NULL);
}

static const char *
lock_up(const struct confinement *c, const struct msg_identity *id)
{
	const char *step;
	int bounding;

	if ((step = isolate(c, id)) != NULL)
		return (step);
	bounding = id->change_user || (c->isolated && id->namespaces);
	if (verify_no_capabilities(bounding) == -1)
		return ("verification of capabilities");
	if (limit_resources(id) == -1)
		return ("resource limits");
	if (follow_parent(id) == -1)
		return ("parent-death signal");
	if (forbid_privileges() == -1)
		return ("no_new_privs");
	if (id->landlock > 0 && landlock_restrict(id->landlock, c->paths) == -1)
		return ("landlock");
	if (filter_enter(c->filter) == -1)
		return ("system call filter");
	return (NULL);
}

void
confine(const struct confinement *c, const struct msg_identity *id)
{
	const char *step;
	int namespaces, chrooted;

	if ((step = lock_up(c, id)) != NULL)
		fatal("confinement failed", "step=%s error=%s", step, strerror(errno));
	namespaces = c->isolated && id->namespaces;
	chrooted = c->isolated && (id->namespaces || id->change_user) && id->chroot[0] != '\0';
	log_info("child confined",
	    "pid=%d uid=%u gid=%u chroot=%s namespaces=%s capabilities=%s landlock=%u "
	    "seccomp=%s no_new_privs=%hhu",
	    getpid(), id->uid, id->gid, chrooted ? id->chroot : "none",
	    namespaces ? "user,net,ipc,uts" : "none", "none", id->landlock,
	    c->filter->otherwise == 0 ? "kill" : "refuse", (unsigned char)1);
}

/* What a probe found: strings are at the same place in parent and child. */
struct probe {
	const char *step;
	int error;
};

const char *
confine_probe(const struct msg_identity *id)
{
	struct probe *result; /* shared with the child */
	const char *step = "fork";
	int status, saved;
	pid_t pid;

	result = mmap(
	    NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED)
		return ("memory");
	if ((pid = fork()) == 0) {
		result->step = isolate_by_namespace(id);
		result->error = errno;
		_exit(0);
	}
	saved = errno;
	if (pid != -1) {
		while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
			;
		step = result->step;
		saved = result->error;
	}
	munmap(result, sizeof(*result));
	errno = saved;
	return (step);
}

#define SUPERVISOR_SETS (CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET)

/* Stage those of the supervisor's capabilities that this process holds. */
static int
stage_supervisor_capabilities(void)
{
	uint64_t held = 0;
	size_t i;

	errno = 0;
	if (check_capng(capng_get_caps_process()) == -1)
		return (-1);
	for (i = 0; i < sizeof(supervisor_capabilities) / sizeof(supervisor_capabilities[0]);
	     i++)
		if (capng_have_capability(CAPNG_PERMITTED, supervisor_capabilities[i]))
			held |= UINT64_C(1) << supervisor_capabilities[i];
	capng_clear(CAPNG_SELECT_ALL);
	for (i = 0; i < 64; i++)
		if ((held & UINT64_C(1) << i) &&
		    capng_update(CAPNG_ADD, SUPERVISOR_SETS, (unsigned int)i) != 0)
			return (-1);
	return (0);
}

int
confine_supervisor(void)
{
	if (geteuid() != 0) {
		if (drop_capabilities_unprivileged() == -1)
			return (-1);
	} else {
		if (stage_supervisor_capabilities() == -1)
			return (-1);
		errno = 0;
		if (check_capng(capng_apply(CAPNG_SELECT_ALL)) == -1)
			return (-1);
	}
	return (forbid_privileges());
}

int
confine_writer(int file, int folder)
{
	if (dup2(file, WRITER_FILE) == -1 || dup2(folder, WRITER_FOLDER) == -1 ||
	    drop_capabilities_unprivileged() == -1)
		return (-1);
	closefrom(WRITER_FOLDER + 1);
	return (filter_enter(&writer_filter));
}
