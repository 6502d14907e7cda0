#include <sys/socket.h>
#include <sys/utsname.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/offload.h"

int
offload_is_broken(const char *release)
{
	unsigned int major = 0, minor = 0, patch = 0;

	/* "7.1-rc3" and "7.1.0-rc3" are before 7.1.0, and broken alike. */
	if (sscanf(release, "%u.%u.%u", &major, &minor, &patch) < 2)
		return (0);
	return (major == 7 && (minor == 0 || (minor == 1 && patch <= 4)));
}

/* A size of 0 changes nothing, but is refused where the option is unknown. */
static int
kernel_can_segment(void)
{
	int fd, zero = 0, error;

	if ((fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return (0);
	error = setsockopt(fd, SOL_UDP, UDP_SEGMENT, &zero, sizeof(zero));
	close(fd);
	return (error == 0);
}

int
offload_decide(enum segment_offload mode)
{
	struct utsname name;

	if (mode == SEGMENT_OFFLOAD_OFF)
		return (0);
	if (!kernel_can_segment()) {
		log_warn(
		    "segment offload unavailable", "remedy=%s", "a kernel of 4.18 or newer");
		return (0);
	}
	if (mode == SEGMENT_OFFLOAD_AUTO && uname(&name) == 0 &&
	    offload_is_broken(name.release)) {
		log_warn("segment offload off", "kernel=%s reason=%s", name.release,
		    "this kernel can corrupt trains of datagrams");
		return (0);
	}
	return (1);
}

void
offload_set(int fd, int trains)
{
	(void)setsockopt(fd, SOL_UDP, UDP_GRO, &trains, sizeof(trains));
}
