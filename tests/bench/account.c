/* CPU time and memory as /proc tells them. */

#include <sys/types.h>

#include <err.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/account.h"

#define KIB 1024

int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

/* The idle and the stolen time of a processor. */
static void
read_idle(int cpu, int64_t *idle, int64_t *steal)
{
	int64_t tick = 1000000000 / sysconf(_SC_CLK_TCK), i, w, s;
	char line[512], name[16];
	FILE *f;
	int length;

	*idle = *steal = 0;
	length = snprintf(name, sizeof(name), "cpu%d ", cpu);
	if ((f = fopen("/proc/stat", "re")) == NULL)
		err(1, "/proc/stat");
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, name, (size_t)length) != 0)
			continue;
		if (sscanf(line + length,
			"%*d %*d %*d %" SCNd64 " %" SCNd64 " %*d %*d %" SCNd64, &i, &w,
			&s) != 3)
			errx(1, "/proc/stat: unexpected form");
		*idle = (i + w) * tick;
		*steal = s * tick;
	}
	fclose(f);
}

/* 0 for a process that has ended. */
static int64_t
read_runtime(pid_t pid)
{
	char path[64];
	int64_t ns = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return (0);
	if (fscanf(f, "%" SCNd64, &ns) != 1)
		ns = 0;
	fclose(f);
	return (ns);
}

static void
read_title(pid_t pid, char *title, size_t size)
{
	char path[64];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	if ((f = fopen(path, "re")) != NULL) {
		n = fread(title, 1, size - 1, f);
		fclose(f);
	}
	title[n] = '\0';
	/* It goes into JSON between quotes. */
	for (char *p = title; *p != '\0'; p++)
		if (*p == '"' || *p == '\\' || *p < ' ')
			*p = ' ';
}

/* This process and all that descend from it, parents first. */
static int
collect(pid_t pid, pid_t *found, int count)
{
	char path[64];
	int child;
	FILE *f;

	if (count == CHILDREN_MAX)
		return (count);
	found[count++] = pid;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return (count);
	while (fscanf(f, "%d", &child) == 1)
		count = collect(child, found, count);
	fclose(f);
	return (count);
}

void
account_read(const struct subject *s, struct account *a)
{
	pid_t pid[CHILDREN_MAX] = { 0 };
	int64_t unused;

	*a = (struct account){ .at = now_ns() };
	if (s->cpu >= 0)
		read_idle(s->cpu, &a->idle, &a->steal);
	read_idle(sched_getcpu(), &a->own_idle, &unused);
	for (int i = 0; i < s->threads; i++)
		a->threads += read_runtime(s->thread[i]);
	if (s->parent != 0)
		a->children = collect(s->parent, pid, 0);
	for (int i = 0; i < a->children; i++) {
		struct child *c = &a->child[i];

		c->pid = pid[i];
		c->ns = read_runtime(c->pid);
		a->processes += c->ns;
		read_title(c->pid, c->title, sizeof(c->title));
	}
}

int64_t
account_child(const struct account *a, const struct account *b, int child)
{
	const struct child *c = &b->child[child];

	for (int i = 0; i < a->children; i++)
		if (a->child[i].pid == c->pid)
			return (c->ns - a->child[i].ns);
	return (c->ns);
}

static int64_t
read_private(pid_t pid)
{
	int64_t total = 0, kib;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return (0);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Private_Clean: %" SCNd64, &kib) == 1 ||
		    sscanf(line, "Private_Dirty: %" SCNd64, &kib) == 1)
			total += kib * KIB;
	fclose(f);
	return (total);
}

int64_t
account_memory(const struct subject *s)
{
	pid_t pid[CHILDREN_MAX] = { 0 };
	int64_t total = 0;
	int count = 0;

	if (s->parent != 0)
		count = collect(s->parent, pid, 0);
	for (int i = 0; i < count; i++)
		total += read_private(pid[i]);
	return (total);
}
