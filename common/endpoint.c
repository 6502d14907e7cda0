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
	if (sin->sin_addr.s_addr == htonl(INADDR_BROADCAST))
		return ("is a broadcast address");
	sin->sin_port = htons(port);
	return (NULL);
}

/* Whether the kernel lets an interface have this name: dev_valid_name() there. */
static int
is_interface_name(const char *name)
{
	return (*name != '\0' && strlen(name) < IF_NAMESIZE && strcmp(name, ".") != 0 &&
	    strcmp(name, "..") != 0 && strpbrk(name, "/: \t\n\v\f\r\240") == NULL);
}

/* An index in digits, or a name.  Returns 0, or -1 if it can be neither. */
static int
parse_scope(const char *text, uint32_t *index, char *interface)
{
	const char *error;

	if (!is_interface_name(text))
		return (-1);
	if (text[strspn(text, "0123456789")] != '\0') {
		strlcpy(interface, text, IF_NAMESIZE);
		return (0);
	}
	*index = (uint32_t)strtonum(text, 1, INT32_MAX, &error);
	return (error == NULL ? 0 : -1);
}

int
endpoint_parse_ipv6(const char *host, struct sockaddr_in6 *sin6, char *interface)
{
	char address[INET6_ADDRSTRLEN];
	const char *percent;
	size_t len = strlen(host);

	interface[0] = '\0';
	sin6->sin6_scope_id = 0;
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
	if (percent != NULL &&
	    parse_scope(percent + 1, &sin6->sin6_scope_id, interface) == -1) {
		errno = ENODEV;
		return (-1);
	}
	sin6->sin6_family = AF_INET6;
	if (!IN6_IS_ADDR_LINKLOCAL(&sin6->sin6_addr)) {
		interface[0] = '\0';
		sin6->sin6_scope_id = 0;
	}
	return (0);
}

int
endpoint_find_interface(struct sockaddr_in6 *sin6, const char *interface)
{
	unsigned int index;

	if (*interface == '\0')
		return (0);
	if ((index = if_nametoindex(interface)) == 0 && errno != ENODEV)
		return (-1); /* it does not say */
	sin6->sin6_scope_id = index;
	return (index == 0 ? -1 : 0);
}

const char *
endpoint_check_upstream(const struct sockaddr_in6 *sin6, const char *interface)
{
	const struct in6_addr *a = &sin6->sin6_addr;

	if (IN6_IS_ADDR_V4MAPPED(a))
		return ("is an IPv4-mapped address");
	if (IN6_IS_ADDR_UNSPECIFIED(a))
		return ("is the unspecified address");
	if (IN6_IS_ADDR_MULTICAST(a))
		return ("is a multicast address");
	if (IN6_IS_ADDR_LINKLOCAL(a) && sin6->sin6_scope_id == 0 && *interface == '\0')
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
endpoint_format_address6(const struct sockaddr_in6 *sin6, char *buf)
{
	char address[INET6_ADDRSTRLEN], name[IF_NAMESIZE];
	unsigned int scope = sin6->sin6_scope_id;

	inet_ntop(AF_INET6, &sin6->sin6_addr, address, sizeof(address));
	if (scope == 0)
		strlcpy(buf, address, ENDPOINT_STRLEN);
	else if (if_indextoname(scope, name) != NULL)
		snprintf(buf, ENDPOINT_STRLEN, "%s%%%s", address, name);
	else
		snprintf(buf, ENDPOINT_STRLEN, "%s%%%u", address, scope);
	return (buf);
}

char *
endpoint_format_ipv6(const struct sockaddr_in6 *sin6, char *buf)
{
	char address[ENDPOINT_STRLEN];
	unsigned int port = ntohs(sin6->sin6_port);

	endpoint_format_address6(sin6, address);
	snprintf(buf, ENDPOINT_STRLEN, "[%.*s]:%u", ENDPOINT_STRLEN - 10, address, port);
	return (buf);
}
