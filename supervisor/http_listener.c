#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/log.h"
#include "supervisor/http_listener.h"
#include "supervisor/resolver.h"
#include "supervisor/sockets.h"
#include "supervisor/visible.h"

/* Of the Unix socket to serve on; NULL if it is not one. */
static const char *
socket_path(const struct options *o)
{
	return (strncmp(o->metrics_listen, "unix:", 5) == 0 ? o->metrics_listen + 5 : NULL);
}

static void __attribute__((noreturn)) refuse_listener(const struct options *o)
{
	int error = errno;
	const char *remedy = bind_remedy(error);

	if (socket_path(o) != NULL && error != EADDRINUSE)
		remedy = "want a path in a folder that can be written to";
	refuse(EXIT_REFUSED, "--metrics.listen %s: %s: %s", o->metrics_listen, strerror(error),
	    remedy);
}

/* The address of a literal or a name, IPv4 or IPv6. */
static void
find_address(const struct options *o, const struct msg_identity *id, int binary,
    struct sockaddr_storage *address)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)address;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)address;
	char host[ENDPOINT_HOST_MAX + 1];
	struct msg_resolved result;
	uint16_t port = 0;

	memset(address, 0, sizeof(*address));
	(void)endpoint_split(o->metrics_listen, host, &port); /* checked before */
	if (endpoint_parse_ipv4(o->metrics_listen, sin) == NULL)
		return;
	memset(address, 0, sizeof(*address));
	if (endpoint_parse_ipv6(host, sin6) == -1) {
		if (resolve(host, 1, id, binary, &result) == -1)
			refuse(EXIT_REFUSED,
			    "--metrics.listen %s: %s: want an address of this host",
			    o->metrics_listen, result.error);
		sin6->sin6_family = AF_INET6;
		memcpy(&sin6->sin6_addr, result.found[0].address, sizeof(sin6->sin6_addr));
		sin6->sin6_scope_id = result.found[0].scope;
	}
	sin6->sin6_port = htons(port);
	if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
		memset(address, 0, sizeof(*address));
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		memcpy(&sin->sin_addr, result.found[0].address + 12, sizeof(sin->sin_addr));
	}
}

int
http_listener_open(
    const struct options *o, const struct msg_identity *id, gid_t gid, int binary)
{
	struct sockaddr_storage address;
	int fd;

	if (socket_path(o) != NULL)
		fd = http_socket_open_unix(socket_path(o), gid);
	else {
		find_address(o, id, binary, &address);
		fd = http_socket_open(&address);
	}
	if (fd == -1)
		refuse_listener(o);
	log_info("metrics listener started", "address=%s", o->metrics_listen);
	return (fd);
}

void
http_listener_unlink(const struct options *o)
{
	if (socket_path(o) != NULL)
		(void)unlink(socket_path(o));
}
