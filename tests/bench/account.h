/* What the relay's host and its processes have used so far. */

#ifndef TESTS_BENCH_ACCOUNT_H
#define TESTS_BENCH_ACCOUNT_H

#include <sys/types.h>

#include <stdint.h>

#define CHILDREN_MAX 64
#define THREADS_MAX 8

/* Whom to account for.  0 processors, no parent and no threads are all allowed. */
struct subject {
	int cpu;		   /* the relay's host, or -1 */
	pid_t parent;		   /* of the relay's processes, or 0 */
	pid_t thread[THREADS_MAX]; /* kernel threads that receive for the relay's host */
	int threads;
};

struct child {
	pid_t pid;
	int64_t ns;
	char title[32];
};

/*
 * idle: of the relay's processor, in steps of 10 ms but exact: the kernel takes the time at each
 * entry to and exit from the idle loop.  (Its columns user, system and softirq are samples of the
 * tick, and wrong for a program that sleeps and wakes between two ticks.)
 */
struct account {
	int64_t at, idle, steal, own_idle; /* ns; own: of the processor that this runs on */
	int64_t threads;		   /* ns of the receiving threads */
	int64_t processes;		   /* ns of the relay's processes */
	struct child child[CHILDREN_MAX];
	int children;
};

int64_t now_ns(void);
void account_read(const struct subject *, struct account *);

/* CPU time, in ns, of one child of b since a was read; all of it if it is younger than a. */
int64_t account_child(const struct account *a, const struct account *b, int child);

/* Private memory of the relay's processes, in bytes. */
int64_t account_memory(const struct subject *);

#endif
