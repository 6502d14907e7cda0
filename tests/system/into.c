/*
 * into: runs a program whose standard output is of a kind that a shell does not make.  Another
 * process copies what it says to a file, until the program's end or its own; whoever stops that
 * one (its pid is in FILE.pid) has a reader that does not read, and whoever kills it has none.
 *
 *	terminal	a pseudoterminal that is nobody's controlling terminal
 *	controlling	one that is the program's
 *	background	one that is the program's, in the background, with "stty tostop"
 *	pipe, stream, datagram, seqpacket	a pipe, or a Unix socket of that type
 *	tcp		a TCP connection with small buffers
 *
 * With "foreign-" before it, a user without privilege cannot open it again, as after su(1).
 */

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define FOREIGN "foreign-"

/* pair[0] is the reader's. */
static void
make_terminal(int pair[2], int controlling)
{
	if ((pair[0] = posix_openpt(O_RDWR | O_NOCTTY)) == -1 || grantpt(pair[0]) == -1 ||
	    unlockpt(pair[0]) == -1)
		err(1, "pseudoterminal");
	if (controlling && setsid() == -1)
		err(1, "setsid");
	if ((pair[1] = open(ptsname(pair[0]), O_RDWR | (controlling ? 0 : O_NOCTTY))) == -1)
		err(1, "%s", ptsname(pair[0]));
}

static void
make_tcp(int pair[2])
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int listener, small = 4096;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((listener = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    (pair[1] = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) == -1 ||
	    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == -1 ||
	    bind(listener, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(listener, 1) == -1 ||
	    getsockname(listener, (struct sockaddr *)&sin, &len) == -1 ||
	    connect(pair[1], (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    (pair[0] = accept(listener, NULL, NULL)) == -1)
		err(1, "tcp");
	close(listener);
}

/* The reader's process group is in the foreground instead. */
static void
go_to_background(int terminal, pid_t reader)
{
	struct termios t;

	if (tcgetattr(terminal, &t) == -1)
		err(1, "tcgetattr");
	t.c_lflag |= TOSTOP;
	if (tcsetattr(terminal, TCSANOW, &t) == -1 || setpgid(reader, reader) == -1 ||
	    tcsetpgrp(terminal, reader) == -1)
		err(1, "background");
}

static void
make(const char *kind, int pair[2])
{
	int error = 0;

	if (strcmp(kind, "terminal") == 0)
		make_terminal(pair, 0);
	else if (strcmp(kind, "controlling") == 0 || strcmp(kind, "background") == 0)
		make_terminal(pair, 1);
	else if (strcmp(kind, "tcp") == 0)
		make_tcp(pair);
	else if (strcmp(kind, "pipe") == 0)
		error = pipe(pair);
	else if (strcmp(kind, "stream") == 0)
		error = socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	else if (strcmp(kind, "datagram") == 0)
		error = socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	else if (strcmp(kind, "seqpacket") == 0)
		error = socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
	else
		errx(2, "%s: unknown", kind);
	if (error == -1)
		err(1, "%s", kind);
}

static void
write_pid(const char *file)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s.pid", file);
	if ((f = fopen(path, "we")) == NULL || fprintf(f, "%d\n", getpid()) < 0 ||
	    fclose(f) == EOF)
		err(1, "%s", path);
}

/* A terminal ends with EIO, a datagram socket not at all. */
static void __attribute__((noreturn)) copy(int from, const char *file)
{
	char buf[65536];
	ssize_t n;
	int to;

	/* It is the program that a signal from the terminal is for. */
	signal(SIGHUP, SIG_IGN);
	if ((to = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644)) == -1)
		err(1, "%s", file);
	write_pid(file);
	while ((n = read(from, buf, sizeof(buf))) > 0 || (n == -1 && errno == EINTR))
		if (n > 0 && write(to, buf, (size_t)n) != n)
			err(1, "%s", file);
	_exit(0);
}

int
main(int argc, char **argv)
{
	const char *kind;
	int foreign, pair[2];
	pid_t reader;

	if (argc < 4) {
		fprintf(stderr, "usage: into kind file program [argument ...]\n");
		return (2);
	}
	foreign = strncmp(argv[1], FOREIGN, strlen(FOREIGN)) == 0;
	kind = argv[1] + (foreign ? strlen(FOREIGN) : 0);
	make(kind, pair);
	if (foreign && fchmod(pair[1], 0) == -1)
		err(1, "fchmod");
	if ((reader = fork()) == -1)
		err(1, "fork");
	if (reader == 0) {
		close(pair[1]);
		copy(pair[0], argv[2]);
	}
	if (strcmp(kind, "background") == 0)
		go_to_background(pair[1], reader);
	close(pair[0]);
	if (dup2(pair[1], STDOUT_FILENO) == -1)
		err(1, "dup2");
	close(pair[1]);
	execvp(argv[3], argv + 3);
	err(1, "%s", argv[3]);
}
