/*
 * notify_server: plays the part of systemd for one service.  It starts COMMAND, whose output is
 * appended to NAME.out and NAME.err and whose pid is left in NAME.pid; prints what that tells it at
 * NOTIFY_SOCKET, which is the path or "@" and a name; and keeps the descriptors that come with it.
 *
 * On standard input it takes, one a line:
 *
 *	pause, go	do not read what it is told, and read it again
 *	open pktinfo=ADDR:PORT	open a socket with IP_PKTINFO, for later
 *	start ITEM...	start COMMAND, with descriptors as LISTEN_FDS, in this order:
 *		stored, reversed	those that are kept, the first one first or last
 *		udp=ADDR:PORT, group=ADDR:PORT	IPv4 sockets, the latter with SO_REUSEPORT
 *		tcp=ADDR:PORT, udp6=PORT, dual=PORT, file, memory
 *		opened		what was opened before
 *		name=NAME		not one, but how the next is called
 *		nameless, stranger	none has a name; they are for another process
 *
 * and prints "message KEY=VALUE ...", "kept NAME", "forgot COUNT NAME", "started PID", "ended PID
 * STATUS", the latter as a shell has it.  FDSTORE and WATCHDOG_USEC are passed on.
 */

#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"

#define KEPT_MAX 32768
#define GIVEN_MAX (KEPT_MAX + 16)

struct given {
	int fd;
	char name[64];
};

static struct given kept[KEPT_MAX], given[GIVEN_MAX];
static int opened = -1;
static int nkept, ngiven, nameless, stranger, paused;
static const char *name, *socket_name;
static char **command;
static sigset_t old_signals;

/* ---- starting it ---- */

static void
give(int fd, const char *as)
{
	if (fd == -1)
		err(1, "descriptor");
	if (ngiven == GIVEN_MAX)
		errx(1, "too many descriptors");
	given[ngiven].fd = fd;
	if (given[ngiven].name[0] == '\0')
		strlcpy(given[ngiven].name, as, sizeof(given[ngiven].name));
	given[++ngiven].name[0] = '\0';
}

static int
bound(int family, int type, const char *where, int group)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in sin = { 0 };
	char address[64];
	const char *colon = strrchr(where, ':');
	int fd = socket(family, type | SOCK_CLOEXEC, 0), on = 1;

	if (fd == -1)
		err(1, "socket");
	if (type == SOCK_STREAM || group)
		(void)setsockopt(
		    fd, SOL_SOCKET, group ? SO_REUSEPORT : SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET6) {
		on = !group;
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		sin6.sin6_port = htons((uint16_t)number(where, 1, UINT16_MAX));
		if (bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)) == -1)
			err(1, "bind %s", where);
		return (fd);
	}
	if (colon == NULL)
		errx(2, "%s: no port", where);
	snprintf(address, sizeof(address), "%.*s", (int)(colon - where), where);
	sin = ipv4_endpoint(address, colon + 1);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind %s", where);
	if (type == SOCK_STREAM && listen(fd, 10) == -1)
		err(1, "listen");
	return (fd);
}

static void
give_kept(int reversed)
{
	for (int i = 0; i < nkept; i++) {
		const struct given *g = &kept[reversed ? nkept - 1 - i : i];

		give(fcntl(g->fd, F_DUPFD_CLOEXEC, 3), g->name);
	}
}

static void
give_item(const char *item)
{
	const char *value = strchr(item, '=');

	value = value == NULL ? "" : value + 1;
	if (strcmp(item, "stored") == 0 || strcmp(item, "reversed") == 0)
		give_kept(item[0] == 'r');
	else if (strncmp(item, "udp=", 4) == 0)
		give(bound(AF_INET, SOCK_DGRAM, value, 0), "udp46.socket");
	else if (strncmp(item, "group=", 6) == 0)
		give(bound(AF_INET, SOCK_DGRAM, value, 1), "udp46.socket");
	else if (strncmp(item, "tcp=", 4) == 0)
		give(bound(AF_INET, SOCK_STREAM, value, 0), "udp46.socket");
	else if (strncmp(item, "udp6=", 5) == 0)
		give(bound(AF_INET6, SOCK_DGRAM, value, 0), "udp46.socket");
	else if (strncmp(item, "dual=", 5) == 0)
		give(bound(AF_INET6, SOCK_DGRAM, value, 1), "udp46.socket");
	else if (strcmp(item, "opened") == 0)
		give(fcntl(opened, F_DUPFD_CLOEXEC, 3), "udp46.socket");
	else if (strcmp(item, "file") == 0)
		give(open("/dev/null", O_RDWR | O_CLOEXEC), "file");
	else if (strcmp(item, "memory") == 0)
		give(memfd_create("memory", MFD_CLOEXEC), "memory");
	else if (strncmp(item, "name=", 5) == 0)
		strlcpy(given[ngiven].name, value, sizeof(given[ngiven].name));
	else if (strcmp(item, "nameless") == 0)
		nameless = 1;
	else if (strcmp(item, "stranger") == 0)
		stranger = 1;
	else
		errx(2, "%s: no such item", item);
}

/* Descriptors to 3 and on, in their order; none of them may be in the way of another. */
static void
place_given(void)
{
	for (int i = 0; i < ngiven; i++)
		if ((given[i].fd = fcntl(given[i].fd, F_DUPFD_CLOEXEC, 3 + ngiven)) == -1)
			err(1, "dup");
	for (int i = 0; i < ngiven; i++)
		if (dup2(given[i].fd, 3 + i) == -1)
			err(1, "dup2");
	closefrom(3 + ngiven);
}

static void
set_listen(void)
{
	char *names = calloc((size_t)ngiven + 1, sizeof(given[0].name)), text[32];

	if (names == NULL)
		err(1, "names");
	for (int i = 0; i < ngiven; i++) {
		strcat(names, i == 0 ? "" : ":");
		strcat(names, given[i].name);
	}
	snprintf(text, sizeof(text), "%d", stranger ? getppid() : getpid());
	setenv("LISTEN_PID", text, 1);
	snprintf(text, sizeof(text), "%d", ngiven);
	setenv("LISTEN_FDS", text, 1);
	if (!nameless)
		setenv("LISTEN_FDNAMES", names, 1);
}

static int
open_output(const char *suffix)
{
	char path[256];

	snprintf(path, sizeof(path), "%s.%s", name, suffix);
	return (open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
}

static void __attribute__((noreturn)) become_command(void)
{
	sigprocmask(SIG_SETMASK, &old_signals, NULL);
	if (dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO) == -1 ||
	    dup2(open_output("out"), STDOUT_FILENO) == -1 ||
	    dup2(open_output("err"), STDERR_FILENO) == -1)
		err(1, "output");
	place_given();
	setenv("NOTIFY_SOCKET", socket_name, 1);
	if (ngiven > 0)
		set_listen();
	execvp(command[0], command);
	err(1, "%s", command[0]);
}

static void
start(char *items)
{
	char path[256], *item;
	FILE *file;
	pid_t pid;

	ngiven = nameless = stranger = 0;
	given[0].name[0] = '\0';
	while ((item = strsep(&items, " ")) != NULL)
		if (*item != '\0')
			give_item(item);
	if ((pid = fork()) == 0)
		become_command();
	for (int i = 0; i < ngiven; i++)
		close(given[i].fd);
	snprintf(path, sizeof(path), "%s.pid", name);
	if ((file = fopen(path, "we")) == NULL || pid == -1)
		err(1, "%s", path);
	fprintf(file, "%d\n", pid);
	fclose(file);
	printf("started %d\n", pid);
}

/* ---- what it says ---- */

/* As systemd does: what is kept already stays as it is. */
static int
is_kept(int fd)
{
	for (int i = 0; i < nkept; i++)
		if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, kept[i].fd, fd) == 0)
			return (1);
	return (0);
}

static void
keep(const int *fds, int n, const char *as)
{
	for (int i = 0; i < n; i++) {
		if (is_kept(fds[i])) {
			close(fds[i]);
			continue;
		}
		if (nkept == KEPT_MAX)
			errx(1, "too many descriptors");
		kept[nkept].fd = fds[i];
		strlcpy(kept[nkept++].name, as, sizeof(kept[0].name));
		printf("kept %s\n", as);
	}
}

static void
forget(const char *as)
{
	int left = 0;

	for (int i = 0; i < nkept; i++) {
		if (strcmp(kept[i].name, as) == 0)
			close(kept[i].fd);
		else
			kept[left++] = kept[i];
	}
	printf("forgot %d %s\n", nkept - left, as);
	nkept = left;
}

/* The value of a line "KEY=VALUE" of the message, "" if there is none. */
static const char *
line_of(const char *text, const char *key, char value[64])
{
	const char *line = strstr(text, key);

	value[0] = '\0';
	if (line != NULL)
		snprintf(value, 64, "%.*s", (int)strcspn(line + strlen(key), "\n"),
		    line + strlen(key));
	return (value);
}

static void
read_message(int fd)
{
	char text[4096], value[64], control[CMSG_SPACE(253 * sizeof(int))];
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n;
	int fds[253], nfds = 0;

	if ((n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC)) == -1)
		err(1, "recvmsg");
	text[n] = '\0';
	for (c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type != SCM_RIGHTS)
			continue;
		nfds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	}
	if (strstr(text, "FDSTORE=1\n") != NULL)
		keep(fds, nfds, line_of(text, "FDNAME=", value));
	if (strstr(text, "FDSTOREREMOVE=1\n") != NULL)
		forget(line_of(text, "FDNAME=", value));
	for (char *p = text; *p != '\0'; p++)
		if (*p == '\n')
			*p = p[1] == '\0' ? '\0' : ' ';
	printf("message %s\n", text);
}

/* ---- what it is told ---- */

static void
obey(char *line)
{
	int on = 1;

	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "pause") == 0)
		paused = 1;
	else if (strcmp(line, "go") == 0)
		paused = 0;
	else if (strncmp(line, "open pktinfo=", 13) == 0) {
		opened = bound(AF_INET, SOCK_DGRAM, line + 13, 0);
		if (setsockopt(opened, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) == -1)
			err(1, "IP_PKTINFO");
	} else if (strncmp(line, "start", 5) == 0)
		start(line + 5);
	else
		errx(2, "%s: no such order", line);
	printf("done %s\n", line);
}

static void
reap(int signals)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	(void)!read(signals, &info, sizeof(info));
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		printf("ended %d %d\n", pid,
		    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int
listen_at(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t length = strlen(path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	if (fd == -1 ||
	    bind(fd, (struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) == -1)
		err(1, "%s", path);
	return (fd);
}

int
main(int argc, char **argv)
{
	sigset_t signals;
	char *line = NULL;
	size_t size = 0;
	struct pollfd pfd[3] = { { .events = POLLIN }, { .events = POLLIN },
		{ .events = POLLIN } };

	if (argc < 4) {
		fprintf(stderr, "usage: notify_server socket name command [argument ...]\n");
		return (2);
	}
	raise_descriptor_limit();
	socket_name = argv[1];
	name = argv[2];
	command = argv + 3;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &old_signals);
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	pfd[1].fd = listen_at(socket_name);
	pfd[2].fd = signalfd(-1, &signals, SFD_CLOEXEC);
	printf("ready\n");
	for (;;) {
		pfd[1].events = paused ? 0 : POLLIN;
		if (poll(pfd, 3, -1) == -1)
			err(1, "poll");
		if (pfd[2].revents != 0)
			reap(pfd[2].fd);
		if (pfd[1].revents & POLLIN)
			read_message(pfd[1].fd);
		if (pfd[0].revents != 0) {
			if (getline(&line, &size, stdin) == -1)
				return (0);
			obey(line);
		}
	}
}
