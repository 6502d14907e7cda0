/*
 * hold_ports: a foreign program that has the UDP ports LOW to HIGH of IPv6, all but the first
 * few, until it is ended.  For the tests of what happens when ports run out.
 */

#include <sys/socket.h>

#include <netinet/in.h>

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "helper.h"

int
main(int argc, char **argv)
{
	int fd, free_ports, high, low, on = 1, held = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: hold_ports low high free\n");
		return (2);
	}
	low = number(argv[1], 1, UINT16_MAX);
	high = number(argv[2], low, UINT16_MAX);
	free_ports = number(argv[3], 0, high - low + 1);
	raise_descriptor_limit();
	for (int port = low + free_ports; port <= high; port++) {
		struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
			.sin6_port = htons((uint16_t)port) };

		if ((fd = socket(AF_INET6, SOCK_DGRAM, 0)) == -1)
			err(1, "socket");
		if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == -1)
			err(1, "setsockopt");
		/* One that somebody has already is not free either. */
		if (bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)) == -1)
			warn("port %d", port);
		else
			held++;
	}
	printf("holding %d\n", held);
	fflush(stdout);
	for (;;)
		pause();
}
