#include <sys/wait.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/fd_names.h"
#include "supervisor/program.h"
#include "tests/unit/unit.h"

#define MANY 200

/* In a child: execute a shell in its place, with descriptors that have these names. */
static void __attribute__((noreturn))
execute(int output, char *script, const char *const *names, uint32_t n)
{
	char shell[] = "sh", flag[] = "-c";
	char *argv[] = { shell, flag, script, NULL };
	int fds[MANY], program = open("/bin/sh", O_RDONLY | O_CLOEXEC);
	uint32_t i;

	for (i = 0; i < n; i++)
		fds[i] = fcntl(output, F_DUPFD_CLOEXEC, 3);
	dup2(output, STDOUT_FILENO);
	program_init(3, argv);
	program_execute(program, NULL, fds, names, n);
	_exit(1);
}

/* What the script says, in `said`. */
static void
run(const char *script, const char *const *names, uint32_t n, char *said, size_t size)
{
	int ends[2], status;
	size_t length = 0;
	ssize_t got;
	pid_t pid;

	ATF_REQUIRE_EQ(pipe2(ends, O_CLOEXEC), 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		execute(ends[1], strdup(script), names, n);
	close(ends[1]);
	while ((got = read(ends[0], said + length, size - 1 - length)) > 0)
		length += (size_t)got;
	said[length] = '\0';
	close(ends[0]);
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	ATF_CHECK_EQ(status, 0);
}

/* A unit's sockets are told from ours by name, so the first must have theirs, however many follow. */
CASE(names)
{
	const char *names[MANY] = { "metrics", "listener-192.0.2.1-5000" };
	char expected[64], said[256], *longest = malloc(2000);
	int i;

	ATF_REQUIRE(longest != NULL);
	memset(longest, '9', 2000);
	longest[1999] = '\0';
	for (i = 2; i < MANY; i++)
		names[i] = longest;
	run("printf '%.33s %d' \"$LISTEN_FDNAMES\" \"$LISTEN_FDS\"", names, MANY, said,
	    sizeof(said));
	snprintf(expected, sizeof(expected), "%s:%s:9 %d", names[0], names[1], MANY);
	ATF_CHECK_STREQ(said, expected);
	free(longest);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, names);
	return (atf_no_error());
}
