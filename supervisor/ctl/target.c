/*
 * Where udp46 serves its metrics, and a connection to there.  Names are looked up once, before
 * anything is read, so that the filter can forbid opening files from then on.
 */
#include <sys/un.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/ctl/fault.h"
#include "supervisor/ctl/target.h"

#define DEFAULT_SOCKET "unix:/run/udp46/metrics.sock"
#define DEFAULT_TCP "127.0.0.1:9108"

static int
add(struct target *t, const struct sockaddr *address, socklen_t length, const char *name)
{
	if (t->count == TARGET_ADDRESSES)
		return (0);
	memcpy(&t->of[t->count].address, address, length);
	t->of[t->count].length = length;
	strlcpy(t->of[t->count++].name, name, TARGET_NAME_MAX);
	return (0);
}

static int
add_socket(struct target *t, const char *text, struct fault *fault)
{
	const char *path = text + strlen("unix:");
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (*path != '/' ||
	    strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >= sizeof(sun.sun_path))
		return (fault_set(fault, FAULT_OURS,
		    "--metrics %s: want unix: and an absolute path of at most %zu bytes", text,
		    sizeof(sun.sun_path) - 1));
	return (add(t, (const struct sockaddr *)&sun, sizeof(sun), text));
}

static int
add_host(struct target *t, const char *text, struct fault *fault)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *found, *a;
	char host[ENDPOINT_HOST_MAX + 1], service[8];
	const char *wrong;
	uint16_t port = 0;
	int error;

	wrong = strstr(text, "://") != NULL ? "is a URL" : endpoint_split(text, host, &port);
	if (wrong != NULL)
		return (fault_set(fault, FAULT_OURS,
		    "--metrics %s: %s: want what --metrics.listen of udp46 has, as in " DEFAULT_TCP
		    " or " DEFAULT_SOCKET,
		    text, wrong));
	snprintf(service, sizeof(service), "%u", port);
	if ((error = getaddrinfo(host, service, &hints, &found)) != 0)
		return (fault_set(fault, FAULT_OURS,
		    "--metrics %s: %s: want an address, or a name that has one", text,
		    error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error)));
	for (a = found; a != NULL; a = a->ai_next)
		(void)add(t, a->ai_addr, a->ai_addrlen, text);
	freeaddrinfo(found);
	return (0);
}

int
target_parse(struct target *t, const char *text, struct fault *fault)
{
	t->count = 0;
	if (text == NULL) {
		if (add_socket(t, DEFAULT_SOCKET, fault) == -1)
			return (-1);
		text = DEFAULT_TCP;
	}
	return (strncmp(text, "unix:", 5) == 0 ? add_socket(t, text, fault)
					       : add_host(t, text, fault));
}

int
target_wait(int fd, short events, int64_t deadline, int interrupt)
{
	struct pollfd pfd[2] = { { .fd = fd, .events = events },
		{ .fd = interrupt, .events = POLLIN } };
	int n;

	do
		n = poll(pfd, 2, clock_timeout(deadline, clock_now()));
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return (-1);
	if (pfd[0].revents != 0)
		return (0);
	errno = n == 0 ? ETIMEDOUT : ECANCELED;
	return (-1);
}

/* Returns a socket, or -1 with errno. */
static int
connect_to(const struct sockaddr *address, socklen_t length, int64_t deadline, int interrupt)
{
	int fd, error = 0;
	socklen_t size = sizeof(error);

	fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (-1);
	if (connect(fd, address, length) == 0)
		return (fd);
	if (errno == EINPROGRESS && target_wait(fd, POLLOUT, deadline, interrupt) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0) {
		if (error == 0)
			return (fd);
		errno = error;
	}
	error = errno;
	close(fd);
	errno = error;
	return (-1);
}

/* Nobody is there; anything else says that it is we who cannot ask. */
static int
is_down(int error)
{
	return (error == ECONNREFUSED || error == ENOENT || error == ETIMEDOUT ||
	    error == EAGAIN || error == EHOSTUNREACH || error == ENETUNREACH ||
	    error == ECONNRESET);
}

int
target_connect(
    const struct target *t, int64_t deadline, int interrupt, size_t *which, struct fault *fault)
{
	char tried[FAULT_TEXT_MAX - 160] = "";
	enum fault_kind kind = FAULT_DOWN;
	const char *remedy =
	    "is udp46 running, with --metrics.enabled and this --metrics.listen?";
	size_t i, used;
	int fd;

	for (i = 0; i < t->count; i++) {
		fd = connect_to((const struct sockaddr *)&t->of[i].address, t->of[i].length,
		    deadline, interrupt);
		if (fd != -1) {
			*which = i;
			return (fd);
		}
		if (errno == ECANCELED)
			return (fault_set(fault, FAULT_CANCELLED, "interrupted"));
		if (!is_down(errno))
			kind = FAULT_OURS;
		if (errno == EACCES)
			remedy = "the socket is for the group of --metrics.user: try as root";
		used = strlen(tried);
		snprintf(tried + used, sizeof(tried) - used, "%s%s: %s", used == 0 ? "" : "; ",
		    t->of[i].name, strerror(errno));
	}
	return (fault_set(fault, kind, "%s: %s", tried, remedy));
}
