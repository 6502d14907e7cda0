#include <sys/mman.h>
#include <sys/resource.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/memory.h"

/*
 * RLIMIT_FSIZE is for files that stay, and a memfd has it, too: as far as we may, it does not count
 * here.  Returns 0, or -1 with errno.
 */
static int
set_size(int fd, size_t size)
{
	struct rlimit was, none;
	int error, saved;

	if (getrlimit(RLIMIT_FSIZE, &was) == -1)
		return (-1);
	none = was;
	none.rlim_cur = was.rlim_max;
	if (was.rlim_cur < size)
		(void)setrlimit(RLIMIT_FSIZE, &none);
	error = ftruncate(fd, (off_t)size);
	saved = errno;
	if (was.rlim_cur < size)
		(void)setrlimit(RLIMIT_FSIZE, &was);
	errno = saved;
	return (error);
}

int
memory_create(const char *name, size_t size)
{
	int fd, saved;

	if ((fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)) == -1)
		return (-1);
	if (set_size(fd, size) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return (-1);
	}
	return (fd);
}
