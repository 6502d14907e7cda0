/*
 * shifted: udp46 on a host whose wall clock is set while it runs, for the tests: the file
 * `clock` beside the program says by how many seconds it is ahead, at any time.
 *
 * It is linked with udp46's own objects and --wrap=clock_gettime.
 */
#include <sys/mman.h>
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

static const char *ahead;

/* In each process, before it locks itself up. */
static void __attribute__((constructor)) map_clock(void)
{
	char path[PATH_MAX] = "";
	ssize_t n;
	int fd;

	if ((n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("clock"))) == -1)
		err(1, "/proc/self/exe");
	path[n] = '\0';
	strcpy(strrchr(path, '/') + 1, "clock");
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		err(1, "%s", path);
	ahead = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (ahead == MAP_FAILED)
		err(1, "%s", path);
	close(fd);
}

int
__wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	int error = __real_clock_gettime(id, ts);

	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		ts->tv_sec += strtoll(ahead, NULL, 10);
	return (error);
}
