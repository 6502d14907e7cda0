/*
 * refuse: runs a program on a system that refuses it something, through a seccomp filter that
 * every process after it inherits.  no_new_privs is left as it is, so that the tests see whether
 * the program sets it.
 *
 *	namespaces	no user namespace can be made, as with user.max_user_namespaces=0
 *	landlock	a kernel without Landlock
 *	seccomp		a kernel without seccomp
 *	no_new_privs	a kernel without no_new_privs
 *	chroot		chroot is not permitted
 *	offload		a kernel without UDP_SEGMENT and UDP_GRO
 *	gro		a kernel without UDP_GRO
 *	epoll		fs.epoll.max_user_watches is used up: descriptors from 100 on find no room
 */

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <netinet/udp.h>

#include <err.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One call refused: always, or (op above 0) when an argument is such. */
struct refusal {
	const char *name;
	int call;
	int error;
	struct scmp_arg_cmp condition, second;
};

static const struct refusal refusals[] = {
	{ "namespaces", SCMP_SYS(unshare), EPERM,
	    { 0, SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER }, { 0 } },
	{ "namespaces", SCMP_SYS(clone), EPERM,
	    { 0, SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER }, { 0 } },
	/* Its flags are out of a filter's sight; libc falls back to clone. */
	{ "namespaces", SCMP_SYS(clone3), ENOSYS, { 0 }, { 0 } },
	{ "landlock", SCMP_SYS(landlock_create_ruleset), ENOSYS, { 0 }, { 0 } },
	{ "landlock", SCMP_SYS(landlock_add_rule), ENOSYS, { 0 }, { 0 } },
	{ "landlock", SCMP_SYS(landlock_restrict_self), ENOSYS, { 0 }, { 0 } },
	{ "seccomp", SCMP_SYS(seccomp), ENOSYS, { 0 }, { 0 } },
	{ "seccomp", SCMP_SYS(prctl), EINVAL, { 0, SCMP_CMP_EQ, PR_SET_SECCOMP, 0 }, { 0 } },
	{ "no_new_privs", SCMP_SYS(prctl), EINVAL, { 0, SCMP_CMP_EQ, PR_SET_NO_NEW_PRIVS, 0 },
	    { 0 } },
	{ "chroot", SCMP_SYS(chroot), EPERM, { 0 }, { 0 } },
	{ "offload", SCMP_SYS(setsockopt), ENOPROTOOPT, { 1, SCMP_CMP_EQ, SOL_UDP, 0 }, { 0 } },
	{ "gro", SCMP_SYS(setsockopt), ENOPROTOOPT, { 1, SCMP_CMP_EQ, SOL_UDP, 0 },
	    { 2, SCMP_CMP_EQ, UDP_GRO, 0 } },
	{ "epoll", SCMP_SYS(epoll_ctl), ENOSPC, { 1, SCMP_CMP_EQ, EPOLL_CTL_ADD, 0 },
	    { 2, SCMP_CMP_GE, 100, 0 } },
};

int
main(int argc, char **argv)
{
	scmp_filter_ctx ctx;
	int known = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: refuse what program [argument ...]\n");
		return (2);
	}
	if ((ctx = seccomp_init(SCMP_ACT_ALLOW)) == NULL)
		errx(1, "seccomp_init");
	if (seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0) != 0)
		errx(1, "seccomp_attr_set");
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i];
		const struct scmp_arg_cmp both[] = { r->condition, r->second };
		unsigned int conditions = (r->condition.op != 0) + (r->second.op != 0);

		if (strcmp(argv[1], r->name) != 0)
			continue;
		if (seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO((unsigned int)r->error), r->call,
			conditions, both) != 0)
			errx(1, "seccomp_rule_add %s", r->name);
		known++;
	}
	if (known == 0)
		errx(2, "unknown refusal: %s", argv[1]);
	if (seccomp_load(ctx) != 0)
		errx(1, "seccomp_load (needs root)");
	execvp(argv[2], argv + 2);
	err(1, "%s", argv[2]);
}
