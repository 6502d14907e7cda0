#include <sys/stat.h>
#include <sys/un.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/log.h"
#include "supervisor/http_listener.h"
#include "supervisor/inherited.h"
#include "supervisor/options_print.h"
#include "supervisor/port_owner.h"
#include "supervisor/resolver.h"
#include "supervisor/sockets.h"
#include "supervisor/visible.h"

/* Room for what --metrics.listen and --chroot may name. */
#define LONGEST_PATH 512

/* Of the Unix socket to serve on; NULL if it is not one. */
static const char *
socket_path(const struct options *o)
{
	return (strncmp(o->metrics_listen, "unix:", 5) == 0 ? o->metrics_listen + 5 : NULL);
}

/* Whether what is at the path of the Unix socket is none, so that no program has it. */
static int
is_other_file(const struct options *o)
{
	struct stat st;

	return (
	    socket_path(o) != NULL && lstat(socket_path(o), &st) == 0 && !S_ISSOCK(st.st_mode));
}

/* Tell what is wrong; `address` is NULL if it is not known, or has none. */
static void
complain_of(const struct options *o, const struct sockaddr_storage *address)
{
	char text[PORT_OWNER_REMEDY];
	int error = errno;
	const char *remedy = bind_remedy(error);
	struct port_owner owner;

	if (socket_path(o) != NULL && error != EADDRINUSE)
		remedy = "want a path in a folder that can be written to";
	if (error == EADDRINUSE && is_other_file(o))
		remedy = "it is no socket: remove it, or choose another path";
	if (address != NULL && error == EADDRINUSE) {
		port_owner_find(SOCK_STREAM, (const struct sockaddr *)address, &owner);
		remedy = port_owner_remedy(&owner, text);
	}
	complain("--metrics.listen %s: %s: %s", o->metrics_listen, strerror(error), remedy);
}

/* Split a path: where its last component is, and that itself. */
static void
split(const char *path, char parent[LONGEST_PATH], char name[LONGEST_PATH])
{
	size_t n = strlen(path);
	const char *last;

	/* Trailing slashes, and those before a dot. */
	while (n > 1 && (path[n - 1] == '/' || strncmp(&path[n - 2], "/.", 2) == 0))
		n--;
	for (last = path + n; last > path && last[-1] != '/'; last--)
		;
	snprintf(name, LONGEST_PATH, "%.*s", (int)(path + n - last), last);
	snprintf(parent, LONGEST_PATH, "%.*s", (int)(last - path), path);
}

/* Whether both name one directory, or would if those that are missing were made. */
static int
is_same(const char *a, const char *b)
{
	char parent[2][LONGEST_PATH], name[2][LONGEST_PATH];
	struct stat st[2];
	int there = stat(a, &st[0]) == 0;

	if (there != (stat(b, &st[1]) == 0))
		return (0);
	if (there)
		return (st[0].st_dev == st[1].st_dev && st[0].st_ino == st[1].st_ino);
	split(a, parent[0], name[0]);
	split(b, parent[1], name[1]);
	return (strcmp(name[0], name[1]) == 0 && is_same(parent[0], parent[1]));
}

void
http_listener_check(const struct options *o)
{
	char folder[LONGEST_PATH], name[LONGEST_PATH];

	if (socket_path(o) == NULL)
		return;
	split(socket_path(o), folder, name);
	if (is_same(folder, o->chroot))
		refuse(EXIT_USAGE,
		    "--metrics.listen %s: is in --chroot %s, which must be empty: want another "
		    "folder",
		    o->metrics_listen, o->chroot);
}

/* The address of a literal or a name, IPv4 or IPv6. */
static void
find_address(const struct options *o, const struct msg_identity *id, int binary,
    struct sockaddr_storage *address)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)address;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)address;
	char host[ENDPOINT_HOST_MAX + 1], interface[IF_NAMESIZE];
	struct msg_resolved result;
	struct in_addr ipv4;
	uint16_t port = 0;

	memset(address, 0, sizeof(*address));
	(void)endpoint_split(o->metrics_listen, host, &port); /* checked before */
	if (endpoint_parse_ipv4(o->metrics_listen, sin) == NULL)
		return;
	memset(address, 0, sizeof(*address));
	if (endpoint_parse_ipv6(host, sin6, interface) == 0) {
		if (endpoint_find_interface(sin6, interface) == -1) {
			complain_of(o, NULL);
			exit(EXIT_REFUSED);
		}
	} else {
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
		memcpy(&ipv4, &sin6->sin6_addr.s6_addr[12], sizeof(ipv4));
		memset(address, 0, sizeof(*address));
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		sin->sin_addr = ipv4;
	}
}

/* Whether a socket can be made in the folder of this path. */
static int
may_make(const char *path)
{
	char folder[LONGEST_PATH], name[LONGEST_PATH];

	split(path, folder, name);
	return (access(folder, W_OK | X_OK) == 0);
}

/* That of the program before us will be closed, and made anew. */
static uint32_t
rehearse_unix(const struct options *o)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = socket_path(o);
	int fd;

	if (may_make(path)) {
		strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
		if ((fd = inherited_take_http((struct sockaddr *)&sun, sizeof(sun))) != -1) {
			close(fd);
			return (0);
		}
		if (http_socket_try_unix(path) == 0)
			return (0);
	}
	complain_of(o, NULL);
	return (1);
}

/*
 * A Unix socket is not made and not replaced; where it would be is looked at.  Its folder may be
 * one that the service manager makes.
 */
static uint32_t
try_unix(const struct options *o, FILE *notes)
{
	if (is_other_file(o)) {
		errno = EADDRINUSE;
		complain_of(o, NULL);
		return (1);
	}
	if (!may_make(socket_path(o)))
		options_print_comment(
		    notes, "metrics.listen", "cannot be made now: %s", strerror(errno));
	return (0);
}

uint32_t
http_listener_try(const struct options *o, const struct msg_identity *id, int binary,
    int is_rehearsal, FILE *notes)
{
	struct sockaddr_storage address;
	struct port_owner owner;
	char name[PORT_OWNER_NAME];
	int fd;

	if (socket_path(o) != NULL)
		return (is_rehearsal ? rehearse_unix(o) : try_unix(o, notes));
	find_address(o, id, binary, &address);
	if ((fd = inherited_take_http((struct sockaddr *)&address, sizeof(address))) == -1)
		fd = http_socket_open(&address);
	if (fd != -1) {
		close(fd);
		return (0);
	}
	if (errno == EADDRINUSE && !is_rehearsal) {
		port_owner_find(SOCK_STREAM, (const struct sockaddr *)&address, &owner);
		if (port_owner_may_be_ours(&owner)) {
			options_print_comment(notes, "metrics.listen", "%s: in use by %s",
			    o->metrics_listen, port_owner_format(&owner, name));
			return (0);
		}
		errno = EADDRINUSE;
	}
	complain_of(o, &address);
	return (1);
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
		if ((fd = inherited_take_http((struct sockaddr *)&address, sizeof(address))) ==
		    -1)
			fd = http_socket_open(&address);
	}
	if (fd == -1) {
		complain_of(o, socket_path(o) != NULL ? NULL : &address);
		exit(EXIT_REFUSED);
	}
	log_info("metrics listener started", "address=%s", o->metrics_listen);
	return (fd);
}

void
http_listener_unlink(const struct options *o)
{
	if (socket_path(o) != NULL)
		(void)unlink(socket_path(o));
}
