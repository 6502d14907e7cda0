#include <arpa/inet.h>
#include <net/if.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/endpoint.h"

static const char *
parse_port(const char *text, uint16_t *port)
{
	const char *error;
	size_t i;

	if (*text == '\0')
		return ("has an empty port");
	/* strtonum(3) would take blanks and a sign. */
	for (i = 0; text[i] != '\0'; i++)
		if (text[i] < '0' || text[i] > '9')
			return ("has a port that is not a number");
	*port = (uint16_t)strtonum(text, 0, 65535, &error);
	return (error == NULL ? NULL : "has a port above 65535");
}

const char *
endpoint_split(const char *text, char *host, uint16_t *port)
{
	const char *colon, *start = text, *end;

	if (*text == '[') {
		start = text + 1;
		if ((end = strchr(start, ']')) == NULL)
			return ("has no closing bracket");
		colon = end + 1;
		if (*colon != ':')
			return ("has no port");
	} else {
		if ((colon = strrchr(text, ':')) == NULL)
			return ("has no port");
		if (strchr(text, ':') != colon)
			return ("has an IPv6 address without brackets");
		end = colon;
	}
	if (end == start)
		return ("has no host");
	if ((size_t)(end - start) > ENDPOINT_HOST_MAX)
		return ("has a host name of more than 255 characters");
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	return (parse_port(colon + 1, port));
}

const char *
endpoint_parse_ipv4(const char *text, struct sockaddr_in *sin)
{
	char host[ENDPOINT_HOST_MAX + 1];
	const char *error;
	uint16_t port;

	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	if ((error = endpoint_split(text, host, &port)) != NULL)
		return (error);
	if (inet_pton(AF_INET, host, &sin->sin_addr) != 1)
		return ("is not a literal IPv4 address");
	if (IN_MULTICAST(ntohl(sin->sin_addr.s_addr)))
		return ("is a multicast address");
	sin->sin_port = htons(port);
	return (NULL);
}

int
endpoint_parse_ipv6(const char *host, struct sockaddr_in6 *sin6)
{
	char address[INET6_ADDRSTRLEN];
	const char *percent;
	size_t len = strlen(host);
	unsigned int scope = 0;

	if ((percent = strchr(host, '%')) != NULL)
		len = (size_t)(percent - host);
	if (len >= sizeof(address)) {
		errno = EINVAL;
		return (-1);
	}
	memcpy(address, host, len);
	address[len] = '\0';
	if (inet_pton(AF_INET6, address, &sin6->sin6_addr) != 1) {
		errno = EINVAL;
		return (-1);
	}
	if (percent != NULL && (scope = if_nametoindex(percent + 1)) == 0) {
		errno = ENODEV;
		return (-1);
	}
	sin6->sin6_family = AF_INET6;
	sin6->sin6_scope_id = scope;
	return (0);
}

const char *
endpoint_check_upstream(const struct sockaddr_in6 *sin6)
{
	const struct in6_addr *a = &sin6->sin6_addr;

	if (IN6_IS_ADDR_V4MAPPED(a))
		return ("is an IPv4-mapped address");
	if (IN6_IS_ADDR_UNSPECIFIED(a))
		return ("is the unspecified address");
	if (IN6_IS_ADDR_MULTICAST(a))
		return ("is a multicast address");
	if (IN6_IS_ADDR_LINKLOCAL(a) && sin6->sin6_scope_id == 0)
		return ("is link-local and names no interface (fe80::1%eth0)");
	return (NULL);
}

char *
endpoint_format_ipv4(const struct sockaddr_in *sin, char *buf)
{
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &sin->sin_addr, address, sizeof(address));
	snprintf(buf, ENDPOINT_STRLEN, "%s:%u", address, ntohs(sin->sin_port));
	return (buf);
}

char *
endpoint_format_ipv6(const struct sockaddr_in6 *sin6, char *buf)
{
	char address[INET6_ADDRSTRLEN], name[IF_NAMESIZE];
	unsigned int port = ntohs(sin6->sin6_port);

	inet_ntop(AF_INET6, &sin6->sin6_addr, address, sizeof(address));
	if (sin6->sin6_scope_id == 0)
		snprintf(buf, ENDPOINT_STRLEN, "[%s]:%u", address, port);
	else if (if_indextoname(sin6->sin6_scope_id, name) != NULL)
		snprintf(buf, ENDPOINT_STRLEN, "[%s%%%s]:%u", address, name, port);
	else
		snprintf(buf, ENDPOINT_STRLEN, "[%s%%%u]:%u", address,
		    (unsigned int)sin6->sin6_scope_id, port);
	return (buf);
}
