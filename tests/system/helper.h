/* What the helper programs of the system tests share. */

#ifndef TESTS_SYSTEM_HELPER_H
#define TESTS_SYSTEM_HELPER_H

#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define HELPER __attribute__((unused)) static

/* A decimal argument between low and high; anything else ends the program. */
HELPER int
number(const char *text, int low, int high)
{
	const char *error;
	int n;

	n = (int)strtonum(text, low, high, &error);
	if (error != NULL)
		errx(2, "%s: %s", text, error);
	return (n);
}

HELPER struct in_addr
ipv4_address(const char *text)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		errx(2, "%s: not an IPv4 address", text);
	return (a);
}

/* An address and a port, each an argument. */
HELPER struct sockaddr_in
ipv4_endpoint(const char *address, const char *port)
{
	return ((struct sockaddr_in){ .sin_family = AF_INET,
	    .sin_addr = ipv4_address(address),
	    .sin_port = htons((uint16_t)number(port, 1, UINT16_MAX)) });
}

/* A server's socket at this IPv6 address, that also receives what this option of ipv6(7) asks for. */
HELPER int
ipv6_server(const char *address, int port, int option)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	int on = 1, size = 16 << 20, fd;

	if (inet_pton(AF_INET6, address, &sin6.sin6_addr) != 1)
		errx(2, "%s: not an IPv6 address", address);
	sin6.sin6_port = htons((uint16_t)port);
	if ((fd = socket(AF_INET6, SOCK_DGRAM, 0)) == -1)
		err(1, "socket");
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, IPPROTO_IPV6, option, &on, sizeof(on)) == -1)
		err(1, "setsockopt");
	/* A burst must not be lost here; without the privilege the default has to do. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)) == -1)
		err(1, "bind [%s]:%d", address, port);
	return (fd);
}

/* Monotonic time in microseconds. */
HELPER int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

/* As many descriptors as this process may have. */
HELPER void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		err(1, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		err(1, "setrlimit");
}

#endif
