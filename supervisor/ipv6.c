#include <sys/socket.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "supervisor/ipv6.h"

#define ADDRESSES_FILE "/proc/net/if_inet6"

/* Not even ::1.  Where the file cannot be read, nothing is claimed. */
static int
has_no_address(void)
{
	FILE *f;
	int none;

	if ((f = fopen(ADDRESSES_FILE, "re")) == NULL)
		return (0);
	none = fgetc(f) == EOF && !ferror(f);
	fclose(f);
	return (none);
}

const char *
ipv6_missing(void)
{
	int fd;

	if ((fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1 &&
	    errno == EAFNOSUPPORT)
		return ("boot the kernel without ipv6.disable=1");
	if (fd != -1)
		close(fd);
	if (has_no_address())
		return ("sysctl -w net.ipv6.conf.all.disable_ipv6=0, "
			"and give an interface an IPv6 address");
	return (NULL);
}
