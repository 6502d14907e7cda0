/* What the helper programs of the system tests share. */

#ifndef TESTS_SYSTEM_HELPER_H
#define TESTS_SYSTEM_HELPER_H

#include <sys/resource.h>

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
