#include <sys/stat.h>
#include <sys/un.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/log.h"
#include "supervisor/fd_names.h"
#include "supervisor/inherited.h"
#include "supervisor/log_writer.h"
#include "supervisor/visible.h"

/* More than any limit lets be open but one that somebody has raised. */
#define NUMBERS_MAX (1 << 20)

/* Said one by one; the rest is counted. */
#define SAID_MAX 8

static const char *const kind_names[] = {
	"",
	"IPv4 UDP socket",
	"IPv6 UDP socket",
	"listening stream socket",
	"memfd",
	"other",
};
_Static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == INHERITED_KIND_MAX, "");

static struct inherited *all;
static uint32_t count;
static char *all_names;

/* Sockets to the upstream by port, index + 1 of the first, as there are thousands. */
static uint32_t by_port[65536];

/* ---- what they are ---- */

/* The value of a socket option that is an int, or -1. */
static int
option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value;

	return (getsockopt(fd, level, name, &value, &len) == -1 ? -1 : value);
}

static enum inherited_kind
kind_of_memory(int fd, const struct stat *st)
{
	const int sealed = F_SEAL_SHRINK | F_SEAL_GROW;
	int seals = fcntl(fd, F_GET_SEALS);

	if (!S_ISREG(st->st_mode) || seals == -1 || (seals & sealed) != sealed)
		return (INHERITED_OTHER);
	return (INHERITED_MEMORY);
}

static enum inherited_kind
kind_of_datagram(struct inherited *d, const struct sockaddr_storage *local)
{
	const struct sockaddr_in *sin = (const void *)local;
	const struct sockaddr_in6 *sin6 = (const void *)local;
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	if (option(d->fd, SOL_SOCKET, SO_PROTOCOL) != IPPROTO_UDP)
		return (INHERITED_OTHER);
	if (local->ss_family == AF_INET && sin->sin_port != 0 &&
	    getpeername(d->fd, (struct sockaddr *)&peer, &len) == -1) {
		d->address = sin->sin_addr.s_addr;
		d->port = sin->sin_port;
		return (INHERITED_LISTENER);
	}
	if (local->ss_family == AF_INET6 && sin6->sin6_port != 0 &&
	    option(d->fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1) {
		d->port = sin6->sin6_port;
		d->next = by_port[ntohs(d->port)];
		by_port[ntohs(d->port)] = (uint32_t)(d - all) + 1;
		return (INHERITED_UPSTREAM);
	}
	return (INHERITED_OTHER);
}

static enum inherited_kind
kind_of(struct inherited *d)
{
	struct sockaddr_storage local = { 0 };
	socklen_t len = sizeof(local);
	struct stat st;

	if (fstat(d->fd, &st) == -1)
		return (INHERITED_TAKEN);
	if (!S_ISSOCK(st.st_mode))
		return (kind_of_memory(d->fd, &st));
	if (getsockname(d->fd, (struct sockaddr *)&local, &len) == -1)
		return (INHERITED_OTHER);
	switch (option(d->fd, SOL_SOCKET, SO_TYPE)) {
	case SOCK_DGRAM:
		return (kind_of_datagram(d, &local));
	case SOCK_STREAM:
		return (option(d->fd, SOL_SOCKET, SO_ACCEPTCONN) == 1 ? INHERITED_HTTP
								      : INHERITED_OTHER);
	default:
		return (INHERITED_OTHER);
	}
}

/* ---- taking note ---- */

/* How many descriptors are for us. */
static uint32_t
promised(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *error;
	long long n;

	if (pid == NULL || fds == NULL || strtonum(pid, 1, INT32_MAX, &error) != getpid())
		return (0);
	n = strtonum(fds, 1, INT32_MAX - INHERITED_FIRST, &error);
	return (error == NULL ? (uint32_t)n : 0);
}

/* The next of the names, which are separated by colons. */
static const char *
next_name(char **names)
{
	const char *name = *names == NULL ? NULL : strsep(names, ":");

	return (name == NULL || *name == '\0' ? "unnamed" : name);
}

static void
take_note(uint32_t n)
{
	const char *given = getenv("LISTEN_FDNAMES");
	char *names = given == NULL ? NULL : strdup(given);
	struct inherited *d;

	all_names = names;
	if ((all = calloc(n, sizeof(*all))) == NULL)
		err(EXIT_REFUSED, "LISTEN_FDS");
	for (d = all; d < all + n; d++) {
		d->fd = INHERITED_FIRST + (int)(d - all);
		d->name = next_name(&names);
		if ((d->kind = kind_of(d)) == INHERITED_TAKEN)
			continue;
		(void)fcntl(d->fd, F_SETFD, FD_CLOEXEC);
		(void)fcntl(d->fd, F_SETFL, O_RDWR | O_NONBLOCK);
	}
	count = n;
}

void
inherited_init(void)
{
	uint32_t n = promised();

	/* Whatever it says: the array is as large, and what is not open is none. */
	if (n > NUMBERS_MAX)
		n = NUMBERS_MAX;
	while (n > 0 && fcntl(INHERITED_FIRST + (int)n - 1, F_GETFD) == -1)
		n--;
	closefrom(INHERITED_FIRST + (int)n);
	if (n > 0)
		take_note(n);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* ---- taking ---- */

struct inherited *
inherited_next(enum inherited_kind kind, const struct inherited *last)
{
	uint32_t i = last == NULL ? 0 : (uint32_t)(last - all) + 1;

	for (; i < count; i++)
		if (all[i].kind == kind)
			return (&all[i]);
	return (NULL);
}

struct inherited *
inherited_listener(const struct sockaddr_in *sin)
{
	struct inherited *d = NULL;

	while ((d = inherited_next(INHERITED_LISTENER, d)) != NULL)
		if (d->address == sin->sin_addr.s_addr && d->port == sin->sin_port)
			break;
	return (d);
}

uint32_t
inherited_count(enum inherited_kind kind)
{
	const struct inherited *d = NULL;
	uint32_t n = 0;

	while ((d = inherited_next(kind, d)) != NULL)
		n++;
	return (n);
}

uint64_t
inherited_cookie(int fd)
{
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie;

	return (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == -1 ? 0 : cookie);
}

int
inherited_take(struct inherited *d)
{
	d->kind = INHERITED_TAKEN;
	return (d->fd);
}

static int
is_peer(int fd, const struct sockaddr_in6 *peer)
{
	struct sockaddr_in6 sin6 = { 0 };
	socklen_t len = sizeof(sin6);

	if (getpeername(fd, (struct sockaddr *)&sin6, &len) == -1)
		return (errno == ENOTCONN);
	return (sin6.sin6_port == peer->sin6_port &&
	    IN6_ARE_ADDR_EQUAL(&sin6.sin6_addr, &peer->sin6_addr));
}

int
inherited_take_upstream(uint16_t port, const struct sockaddr_in6 *peer)
{
	uint32_t i;

	for (i = by_port[port]; i != 0; i = all[i - 1].next)
		if (all[i - 1].kind == INHERITED_UPSTREAM &&
		    (peer == NULL || is_peer(all[i - 1].fd, peer)))
			return (inherited_take(&all[i - 1]));
	return (-1);
}

int
inherited_take_http(const struct sockaddr *address, socklen_t len)
{
	struct sockaddr_storage local;
	struct inherited *d = NULL;
	socklen_t local_len;

	while ((d = inherited_next(INHERITED_HTTP, d)) != NULL) {
		memset(&local, 0, sizeof(local));
		local_len = sizeof(local);
		if (getsockname(d->fd, (struct sockaddr *)&local, &local_len) == 0 &&
		    local_len <= len && memcmp(&local, address, local_len) == 0)
			return (inherited_take(d));
	}
	return (-1);
}

static void
say_closed(const struct inherited *d)
{
	char name[VISIBLE_SIZE(64)];

	log_warn("inherited descriptor refused", "descriptor=%d name=%s kind=%s", d->fd,
	    visible(name, sizeof(name), d->name), kind_names[d->kind]);
}

void
inherited_close(void)
{
	struct inherited *d;
	uint32_t said = 0;

	for (d = all; d < all + count; d++) {
		if (d->kind == INHERITED_TAKEN)
			continue;
		if (said++ < SAID_MAX)
			say_closed(d);
		fd_name_drop(d->name);
		close(inherited_take(d));
	}
	if (said > SAID_MAX)
		log_warn("more inherited descriptors refused", "count=%u", said - SAID_MAX);
	free(all);
	free(all_names);
	all = NULL;
	all_names = NULL;
	count = 0;
	memset(by_port, 0, sizeof(by_port));
}
