#include <sys/stat.h>
#include <sys/syscall.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/fd_names.h"
#include "supervisor/inherited.h"
#include "supervisor/log_writer.h"
#include "supervisor/program.h"

static char path[PATH_MAX];
static char **arguments;
static int count; /* of them */

/* The kernel says so of a file that has been replaced since; what took its place is there. */
static void
find_replacement(void)
{
	static const char mark[] = " (deleted)";
	size_t n = strlen(path), end = sizeof(mark) - 1;

	if (n > end && strcmp(path + n - end, mark) == 0 && access(path, F_OK) == -1)
		path[n - end] = '\0';
}

void
program_init(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	int i;

	/* Without /proc there is nothing that could be executed anew. */
	path[n == -1 ? 0 : n] = '\0';
	find_replacement();
	if ((arguments = calloc((size_t)argc + 1, sizeof(*arguments))) == NULL)
		err(EXIT_REFUSED, "arguments");
	for (i = 0; i < argc; i++)
		if ((arguments[i] = strdup(argv[i])) == NULL)
			err(EXIT_REFUSED, "arguments");
	count = argc;
}

const char *
program_path(void)
{
	return (path);
}

/* Returns NULL, or what is wrong with it. */
static const char *
judge(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return ("is not a regular file");
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return ("does not belong to root");
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return ("can be written to by others than its owner");
	return (NULL);
}

int
program_open(const char **wrong)
{
	struct stat st;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1 || fstat(fd, &st) == -1)
		*wrong = strerror(errno);
	else if ((*wrong = judge(&st)) == NULL)
		return (fd);
	if (fd != -1)
		close(fd);
	return (-1);
}

/* ---- descriptors ---- */

/* Which of those that are wanted is at a descriptor's number: its index + 1, or 0. */
struct places {
	int max; /* numbers below it */
	uint32_t *at;
};

/* Returns 0, or -1 with errno. */
static int
find_places(struct places *p, const int *fds, uint32_t n)
{
	uint32_t i;

	/*
	 * Not the limit, which may be a thousand million.  One that makes room goes to the lowest
	 * that is free from INHERITED_FIRST + n on, and there are no more than n.
	 */
	p->max = INHERITED_FIRST + 2 * (int)n;
	for (i = 0; i < n; i++)
		if (fds[i] >= p->max)
			p->max = fds[i] + 1;
	if ((p->at = calloc((size_t)p->max + 1, sizeof(*p->at))) == NULL)
		return (-1);
	for (i = 0; i < n; i++)
		p->at[fds[i]] = i + 1;
	return (0);
}

/* Close all but the standard ones and those that are wanted. */
static void
close_others(const struct places *p)
{
	int fd, from = INHERITED_FIRST;

	for (fd = INHERITED_FIRST; fd < p->max; fd++) {
		if (p->at[fd] == 0)
			continue;
		if (fd > from)
			(void)syscall(
			    SYS_close_range, (unsigned int)from, (unsigned int)fd - 1, 0);
		from = fd + 1;
	}
	closefrom(from);
}

/* Have fds[i] at `target`; another that is wanted makes room.  Returns 0, or -1 with errno. */
static int
place(struct places *p, int *fds, uint32_t n, uint32_t i, int target)
{
	int moved;

	if (p->at[target] != 0) {
		if ((moved = fcntl(target, F_DUPFD, INHERITED_FIRST + (int)n)) == -1)
			return (-1);
		fds[p->at[target] - 1] = moved;
		p->at[moved] = p->at[target];
	}
	if (dup2(fds[i], target) == -1)
		return (-1);
	close(fds[i]);
	p->at[fds[i]] = 0;
	p->at[target] = i + 1;
	fds[i] = target;
	return (0);
}

/*
 * Have fds[i] at INHERITED_FIRST + i, open across execve(2), and no other descriptor.  Returns 0, or -1
 * with errno.
 */
static int
arrange(int *fds, uint32_t n)
{
	struct places p;
	int target, error = 0;
	uint32_t i;

	if (find_places(&p, fds, n) == -1)
		return (-1);
	close_others(&p);
	for (i = 0; i < n && error == 0; i++) {
		target = INHERITED_FIRST + (int)i;
		if (fds[i] != target)
			error = place(&p, fds, n, i, target);
		if (error == 0)
			error = fcntl(target, F_SETFD, 0);
	}
	free(p.at);
	return (error);
}

/* ---- execution ---- */

/* Our arguments, and `first` before them.  Returns NULL with errno ENOMEM. */
static char **
extend_arguments(const char *first)
{
	char **all = calloc((size_t)count + 2, sizeof(*all));
	int i, n = 0;

	if (all == NULL)
		return (NULL);
	all[n++] = arguments[0];
	if (first != NULL)
		all[n++] = (char *)(uintptr_t)first;
	for (i = 1; i < count; i++)
		all[n++] = arguments[i];
	return (all);
}

/* Returns 0, or -1 with errno. */
static int
set_environment(const char *const *names, uint32_t n)
{
	char number[16], *list = NULL;
	size_t size = 0;
	FILE *f;
	uint32_t i;

	if ((f = open_memstream(&list, &size)) == NULL)
		return (-1);
	/* A program with too many cannot be executed.  Those of sessions, at the end, say least. */
	for (i = 0; i < n && size <= FD_NAMES_MAX; i++) {
		fprintf(f, "%s%s", i == 0 ? "" : ":", names[i] == NULL ? "" : names[i]);
		if (fflush(f) == EOF)
			break;
	}
	if (fclose(f) == EOF)
		return (-1);
	setenv("LISTEN_FDNAMES", list, 1);
	free(list);
	snprintf(number, sizeof(number), "%u", n);
	setenv("LISTEN_FDS", number, 1);
	snprintf(number, sizeof(number), "%d", getpid());
	return (setenv("LISTEN_PID", number, 1));
}

void
program_execute(
    int program, const char *first, const int *fds, const char *const *names, uint32_t n)
{
	char **extended = extend_arguments(first);
	int *all = calloc((size_t)n + 1, sizeof(*all));

	if (extended == NULL || all == NULL || set_environment(names, n) == -1)
		goto failed;
	if (n > 0)
		memcpy(all, fds, n * sizeof(*all));
	all[n] = program;
	if (arrange(all, n + 1) == -1)
		goto failed;
	(void)fcntl(all[n], F_SETFD, FD_CLOEXEC);
	fexecve(all[n], extended, environ);
failed:
	free(extended);
	free(all);
}
