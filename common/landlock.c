#include <sys/syscall.h>
#include <linux/landlock.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "common/landlock.h"

/* As of ABI 6; older kernel headers lack its later members. */
struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

#define FS_REFER (UINT64_C(1) << 13)	 /* ABI 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)	 /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define FS_ABI_1 (FS_REFER - 1)
#define NET_TCP_ALL UINT64_C(3) /* bind and connect: ABI 4 */
#define SCOPE_ALL UINT64_C(3)	/* abstract sockets and signals: ABI 6 */

int
landlock_abi(void)
{
	long abi;

	abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return (abi < 0 ? 0 : (int)abi);
}

static int
allow_reading(int ruleset)
{
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	};
	int error;

	if ((beneath.parent_fd = open("/", O_PATH | O_CLOEXEC)) == -1)
		return (-1);
	error = (int)syscall(
	    SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
	close(beneath.parent_fd);
	return (error);
}

int
landlock_restrict(int abi, enum landlock_access access)
{
	struct ruleset attr = {
		.fs = FS_ABI_1,
	};
	size_t size = sizeof(attr.fs);
	int fd, error = -1, saved;

	if (abi >= 2)
		attr.fs |= FS_REFER;
	if (abi >= 3)
		attr.fs |= FS_TRUNCATE;
	if (abi >= 4) {
		size += sizeof(attr.net);
		attr.net = access == LANDLOCK_NOTHING ? NET_TCP_ALL : 0;
	}
	if (abi >= 5)
		attr.fs |= FS_IOCTL_DEV;
	if (abi >= 6) {
		size += sizeof(attr.scoped);
		attr.scoped = SCOPE_ALL;
	}
	if ((fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0)) == -1)
		return (-1);
	if (access == LANDLOCK_NOTHING || allow_reading(fd) != -1)
		error = (int)syscall(SYS_landlock_restrict_self, fd, 0);
	saved = errno;
	close(fd);
	errno = saved;
	return (error);
}
