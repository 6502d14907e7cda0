/*
 * emulated: udp46 for an emulator of another processor (qemu-user), which knows no system call filter
 * and not every option of a socket, and which alone can execute a program.  The environment says
 * which it is: EMULATOR, and in EMULATED_ROOT where its libraries are.
 *
 * It is linked with udp46's own objects and --wrap of the functions below.
 */
#include <sys/socket.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/filter.h"

#define ARGUMENTS_MAX 64

int __wrap_filter_enter(const struct filter *filter);
int __wrap_fexecve(int fd, char *const argv[], char *const envp[]);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length);
int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t length);

int
__wrap_filter_enter(const struct filter *filter)
{
	(void)filter;
	return (0);
}

int
__wrap_fexecve(int fd, char *const argv[], char *const envp[])
{
	char program[PATH_MAX];
	char *all[ARGUMENTS_MAX] = { getenv("EMULATOR"), (char[]){ "-L" },
		getenv("EMULATED_ROOT"), (char[]){ "-0" }, argv[0], program };
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	int i;

	(void)fd;
	if (length == -1 || all[0] == NULL || all[2] == NULL) {
		errno = ENOENT;
		return (-1);
	}
	program[length] = '\0';
	for (i = 1; argv[i] != NULL && i + 6 < ARGUMENTS_MAX; i++)
		all[i + 5] = argv[i];
	return (execve(all[0], all, envp));
}

int
__wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	int result = __real_setsockopt(fd, level, option, value, length);

	return (result == -1 && errno == ENOPROTOOPT ? 0 : result);
}
