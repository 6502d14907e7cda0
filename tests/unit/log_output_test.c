/*
 * Each kind of output, when it takes no more: no write waits (or the alarm that every case sets would
 * end it), nothing is torn unseen, and what is shared with others stays as it was.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/log_output.h"
#include "tests/unit/unit.h"

#define LINE_SIZE 100
#define NOBODY 65534

static struct log_output output;
static unsigned int written, taken; /* lines, each with its number */

/* The line with this number, with its newline. */
static const char *
numbered(unsigned int number)
{
	static char line[LINE_SIZE + 1];

	memset(line, 'x', sizeof(line));
	line[snprintf(line, sizeof(line), "%u", number)] = '.';
	line[LINE_SIZE - 1] = '\n';
	line[LINE_SIZE] = '\0';
	return (line);
}

static int
write_line(void)
{
	int error = log_output_write(&output, numbered(written++), LINE_SIZE);

	taken += error == 0;
	return (error);
}

/* Until no line is taken for a while: what a terminal took goes on by and by.  Its errno. */
static int
fill(void)
{
	int error = 0, refused;

	for (refused = 0; refused < 5; refused++) {
		while (write_line() == 0) {
			ATF_REQUIRE(written < 100000);
			refused = 0;
		}
		error = errno;
		usleep(10000);
	}
	return (error);
}

static void
begin(int fd)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	written = taken = 0;
	log_output_open(&output, fd);
}

static int
flags_of(int fd)
{
	return (fcntl(fd, F_GETFL));
}

/* Read all that comes; how many lines are whole, and how many are not. */
static unsigned int
read_lines(int fd, unsigned int *torn)
{
	static char buf[1 << 20];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char *line, *end;
	size_t len = 0;
	ssize_t n;
	unsigned int whole = 0;

	*torn = 0;
	while (poll(&pfd, 1, 300) == 1 && (n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	for (line = buf; *line != '\0'; line = *end == '\0' ? end : end + 1) {
		end = line + strcspn(line, "\n");
		if (end[-(end > line)] == '\r')
			end[-1] = 'x'; /* what a terminal adds */
		if (*end == '\n' &&
		    strncmp(line, numbered((unsigned int)atoi(line)), LINE_SIZE - 1) == 0)
			whole++;
		else if (end > line)
			(*torn)++;
	}
	return (whole);
}

/* A reader that stops takes no line; when it has read, the next line is whole. */
static void
check_stall(int reader, int fd, int error, unsigned int torn_most)
{
	unsigned int whole, torn;
	int flags = flags_of(fd);

	begin(fd);
	ATF_REQUIRE_EQ(flags_of(fd), flags);
	ATF_REQUIRE_EQ(fill(), error);
	whole = read_lines(reader, &torn);
	printf("written %u, taken %u, whole %u, torn %u\n", written, taken, whole, torn);
	/* Of a line that was torn, only its newline may have been left. */
	ATF_REQUIRE(whole >= taken && whole <= taken + torn_most);
	ATF_REQUIRE(torn <= torn_most);
	ATF_REQUIRE(torn > 0 || !output.torn);
	ATF_REQUIRE_EQ(write_line(), 0);
	ATF_REQUIRE_EQ(read_lines(reader, &torn), 1);
	ATF_REQUIRE_EQ(flags_of(fd), flags);
}

CASE(pipe_stalls)
{
	int pair[2];

	alarm(60);
	ATF_REQUIRE_EQ(pipe(pair), 0);
	check_stall(pair[0], pair[1], EAGAIN, 0);
	ATF_CHECK_EQ(output.way, LOG_OUTPUT_OWN);
}

CASE(sockets_stall)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int pair[2], i;

	alarm(60);
	for (i = 0; i < 3; i++) {
		ATF_REQUIRE_EQ(socketpair(AF_UNIX, types[i], 0, pair), 0);
		check_stall(pair[0], pair[1], EAGAIN, 0);
		ATF_CHECK_EQ(output.way, LOG_OUTPUT_SEND);
		close(pair[0]);
		ATF_CHECK_EQ(write_line(), -1);
		close(pair[1]);
	}
}

/* pair[0] is the master's. */
static void
make_terminal(int pair[2])
{
	ATF_REQUIRE((pair[0] = posix_openpt(O_RDWR | O_NOCTTY)) != -1);
	ATF_REQUIRE(grantpt(pair[0]) == 0 && unlockpt(pair[0]) == 0);
	ATF_REQUIRE((pair[1] = open(ptsname(pair[0]), O_RDWR | O_NOCTTY)) != -1);
}

/* What its user does with ^S and ^Q, which take a moment. */
static void
type_stop_and_go(int master)
{
	ATF_REQUIRE_EQ(write(master, "\023", 1), 1);
	ATF_REQUIRE_EQ(fill(), EAGAIN);
	ATF_REQUIRE_EQ(write(master, "\021", 1), 1);
	while (write_line() == -1)
		usleep(1000);
}

CASE(terminal_stalls)
{
	int pair[2];

	alarm(60);
	make_terminal(pair);
	check_stall(pair[0], pair[1], EAGAIN, 1);
	ATF_CHECK_EQ(output.way, LOG_OUTPUT_OWN);
	type_stop_and_go(pair[0]);
	close(pair[0]);
	ATF_CHECK_EQ(write_line(), -1);
	ATF_CHECK_EQ(errno, EIO);
}

/* In a process of its own; there only what is required counts. */
static void
as_nobody(void (*which)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		alarm(60);
		which();
		fflush(stdout);
		_exit(0);
	}
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
}

static void
become_nobody(int fd)
{
	ATF_REQUIRE_EQ(fchmod(fd, 0), 0);
	ATF_REQUIRE(geteuid() != 0 || seteuid(NOBODY) == 0);
}

/* Whoever started us blocks the signal, and ignores it. */
static void
refuse_alarm(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGALRM, SIG_IGN);
}

static void
foreign_pipe(void)
{
	int pair[2];

	ATF_REQUIRE_EQ(pipe(pair), 0);
	become_nobody(pair[1]);
	refuse_alarm();
	check_stall(pair[0], pair[1], EAGAIN, 0);
	ATF_REQUIRE_EQ(output.way, LOG_OUTPUT_TIMED);
}

/* poll(2) says "writable" with room for one byte, and then only the timer helps. */
static void
foreign_terminal(void)
{
	int pair[2];

	make_terminal(pair);
	become_nobody(pair[1]);
	refuse_alarm();
	check_stall(pair[0], pair[1], EAGAIN, 1);
	ATF_REQUIRE_EQ(output.way, LOG_OUTPUT_TIMED);
	type_stop_and_go(pair[0]);
}

static void
controlling_terminal(void)
{
	int pair[2];

	ATF_REQUIRE(setsid() != -1);
	ATF_REQUIRE((pair[0] = posix_openpt(O_RDWR | O_NOCTTY)) != -1);
	ATF_REQUIRE(grantpt(pair[0]) == 0 && unlockpt(pair[0]) == 0);
	ATF_REQUIRE((pair[1] = open(ptsname(pair[0]), O_RDWR)) != -1);
	become_nobody(pair[1]);
	check_stall(pair[0], pair[1], EAGAIN, 1);
	ATF_REQUIRE_EQ(output.way, LOG_OUTPUT_OWN);
}

CASE(foreign)
{
	as_nobody(foreign_pipe);
	as_nobody(foreign_terminal);
	as_nobody(controlling_terminal);
}

/* What is no output, or none that can be opened again. */
CASE(odd)
{
	int pair[2], fd;

	alarm(60);
	begin(-1);
	ATF_CHECK_EQ(write_line(), -1);
	ATF_CHECK_EQ(errno, EBADF);
	/* The wrong end of a pipe: what goes there must not come out of it. */
	ATF_REQUIRE_EQ(pipe(pair), 0);
	begin(pair[0]);
	ATF_CHECK_EQ(write_line(), -1);
	/* Nobody reads: neither when it is opened again nor later. */
	close(pair[0]);
	begin(pair[1]);
	ATF_CHECK_EQ(write_line(), -1);
	ATF_CHECK_EQ(errno, EPIPE);
	/* The master of a terminal, where /proc would make another. */
	make_terminal(pair);
	begin(pair[0]);
	ATF_CHECK_EQ(write_line(), 0);
	ATF_CHECK_EQ(output.fd, pair[0]);
	ATF_REQUIRE((fd = open("/dev/full", O_WRONLY)) != -1);
	begin(fd);
	ATF_CHECK_EQ(write_line(), -1);
	ATF_CHECK_EQ(errno, ENOSPC);
	ATF_REQUIRE((fd = open("/dev/null", O_RDWR)) != -1);
	begin(fd);
	ATF_CHECK_EQ(write_line(), 0);
}

/* A FIFO that its reader leaves, and another comes. */
CASE(fifo)
{
	unsigned int torn;
	int reader, fd;

	alarm(60);
	ATF_REQUIRE_EQ(mkfifo("fifo", 0600), 0);
	ATF_REQUIRE((reader = open("fifo", O_RDONLY | O_NONBLOCK)) != -1);
	ATF_REQUIRE((fd = open("fifo", O_WRONLY)) != -1);
	begin(fd);
	ATF_CHECK_EQ(write_line(), 0);
	close(reader);
	ATF_CHECK_EQ(write_line(), -1);
	ATF_CHECK_EQ(errno, EPIPE);
	ATF_REQUIRE((reader = open("fifo", O_RDONLY | O_NONBLOCK)) != -1);
	ATF_CHECK_EQ(write_line(), 0);
	ATF_CHECK_EQ(read_lines(reader, &torn), 2);
	ATF_CHECK_EQ(torn, 0);
	/* A line must fit what a pipe takes at once. */
	ATF_CHECK_EQ(log_output_write(&output, numbered(0), PIPE_BUF + 1), -1);
	ATF_CHECK_EQ(errno, EMSGSIZE);
}

static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;

	ATF_REQUIRE_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	ATF_REQUIRE_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int
open_file(int flags)
{
	int fd;

	ATF_REQUIRE((fd = open("file", O_WRONLY | O_CREAT | flags, 0600)) != -1);
	return (fd);
}

/* How many whole lines are in the file, of all there. */
static unsigned int
lines_in_file(unsigned int *torn)
{
	unsigned int whole;
	int fd;

	ATF_REQUIRE((fd = open("file", O_RDONLY)) != -1);
	whole = read_lines(fd, torn);
	close(fd);
	return (whole);
}

/* What a full disk does: a part is taken, then nothing.  With O_APPEND, and without. */
static void
check_full(int flags)
{
	unsigned int torn;
	int fd;

	fd = open_file(flags | O_TRUNC);
	begin(fd);
	limit_files(10 * LINE_SIZE + 30);
	(void)fill();
	ATF_CHECK_EQ(taken, 10);
	ATF_CHECK_EQ(output.torn, 1);
	ATF_CHECK_EQ(write_line(), -1);
	ATF_CHECK_EQ(errno, EFBIG);
	/* Room for the end of that line, and a part of another. */
	limit_files(10 * LINE_SIZE + 31);
	ATF_CHECK_EQ(write_line(), -1);
	ATF_CHECK_EQ(output.torn, 0);
	limit_files(10 * LINE_SIZE + 50);
	ATF_CHECK_EQ(write_line(), -1);
	limit_files(1 << 20);
	ATF_CHECK_EQ(write_line(), 0);
	ATF_CHECK_EQ(write_line(), 0);
	ATF_CHECK_EQ(lines_in_file(&torn), 12);
	ATF_CHECK_EQ(torn, 2);
	close(fd);
}

CASE(file_full)
{
	unsigned int torn;
	int fd;

	check_full(0);
	check_full(O_APPEND);
	/* A successor does not go on with the half of a line, either. */
	ATF_REQUIRE_EQ(truncate("file", LINE_SIZE + 30), 0);
	fd = open_file(O_APPEND);
	begin(fd);
	ATF_CHECK_EQ(write_line(), 0);
	ATF_CHECK_EQ(lines_in_file(&torn), 2);
	ATF_CHECK_EQ(torn, 1);
	/* But after a whole one there is nothing to end. */
	close(fd);
	fd = open_file(O_APPEND);
	begin(fd);
	ATF_CHECK_EQ(write_line(), 0);
	ATF_CHECK_EQ(lines_in_file(&torn), 3);
	ATF_CHECK_EQ(torn, 1);
}

CASE(file_truncated)
{
	unsigned int torn;
	struct stat st;
	int fd, i;

	for (i = 0; i < 2; i++) {
		fd = open_file(O_TRUNC | (i == 0 ? 0 : O_APPEND));
		begin(fd);
		limit_files(2 * LINE_SIZE + 30);
		ATF_CHECK_EQ(write_line() + write_line() + write_line(), -1);
		limit_files(1 << 20);
		ATF_REQUIRE_EQ(truncate("file", 0), 0);
		ATF_CHECK_EQ(write_line() + write_line(), 0);
		ATF_REQUIRE_EQ(fstat(fd, &st), 0);
		ATF_CHECK_EQ(st.st_size, 2 * LINE_SIZE);
		ATF_CHECK_EQ(lines_in_file(&torn), 2);
		ATF_CHECK_EQ(torn, 0);
		close(fd);
	}
}

/* Who has the same description writes on where we end, and we where he does. */
CASE(file_shared)
{
	unsigned int torn;
	int fd = open_file(O_TRUNC);

	ATF_REQUIRE_EQ(write(fd, numbered(7), LINE_SIZE), LINE_SIZE);
	begin(fd);
	ATF_CHECK_EQ(write_line(), 0);
	ATF_REQUIRE_EQ(write(fd, numbered(8), LINE_SIZE), LINE_SIZE);
	ATF_CHECK_EQ(write_line(), 0);
	ATF_CHECK_EQ(lines_in_file(&torn), 4);
	ATF_CHECK_EQ(torn, 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, pipe_stalls);
	ATF_TP_ADD_TC(tp, sockets_stall);
	ATF_TP_ADD_TC(tp, terminal_stalls);
	ATF_TP_ADD_TC(tp, foreign);
	ATF_TP_ADD_TC(tp, odd);
	ATF_TP_ADD_TC(tp, fifo);
	ATF_TP_ADD_TC(tp, file_full);
	ATF_TP_ADD_TC(tp, file_truncated);
	ATF_TP_ADD_TC(tp, file_shared);
	return (atf_no_error());
}
