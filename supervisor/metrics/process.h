#ifndef METRICS_PROCESS_H
#define METRICS_PROCESS_H

#include <stdint.h>

/*
 * What a process uses, by the kernel's own account.  The metrics child can open no file, so it
 * holds /proc/PID/stat of each process, opened while that was possible: proc(5).  It is read when
 * somebody asks, and then alone; a process that hangs is seen as well as any other.
 */
struct process {
	int stat;	      /* -1: the process has ended, or nobody knows it */
	uint64_t cpu;	      /* nanoseconds, with those before it; never goes down */
	uint64_t resident;    /* bytes; these are 0 when there is no process */
	uint64_t virtual;     /* bytes */
	uint64_t descriptors; /* open now; whoever knows sets it */
};

void process_init(struct process *process);

/* It is another one from now on, of which this is the stat.  The old one is closed. */
void process_replace(struct process *process, int stat);

/* The stat of the process with this pid.  See open(2). */
int process_open(int32_t pid);

/*
 * Look at it, unless it has ended.  Those before it in its place have used `ended` nanoseconds of
 * CPU time.
 */
void process_read(struct process *process, uint64_t ended);

/* Take up a line of /proc/PID/stat.  Returns 0, or -1 if it is none. */
int process_parse(struct process *process, const char *line, uint64_t ended);

/* How many descriptors below `limit` this process has open. */
uint32_t process_count_descriptors(uint32_t limit);

#endif
