/*
 * allow: runs a program that may make only the system calls whose names a file lists, one a
 * line; every other is refused with EPERM, as by SystemCallFilter= and SystemCallErrorNumber=
 * of systemd.exec(5).  Names that this architecture does not have are left out.
 */

#include <err.h>
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	scmp_filter_ctx ctx;
	char name[64];
	FILE *names;
	int call;

	if (argc < 3) {
		fprintf(stderr, "usage: allow file program [argument ...]\n");
		return (2);
	}
	if ((names = fopen(argv[1], "re")) == NULL)
		err(1, "%s", argv[1]);
	if ((ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM))) == NULL)
		errx(1, "seccomp_init");
	while (fgets(name, sizeof(name), names) != NULL) {
		name[strcspn(name, "\n")] = '\0';
		call = seccomp_syscall_resolve_name(name);
		if (call != __NR_SCMP_ERROR &&
		    seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 0) != 0)
			errx(1, "seccomp_rule_add %s", name);
	}
	fclose(names);
	if (seccomp_load(ctx) != 0)
		errx(1, "seccomp_load");
	execvp(argv[2], argv + 2);
	err(1, "%s", argv[2]);
}
