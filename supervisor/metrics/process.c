#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/metrics/process.h"

/* More than a metrics child of WORKERS_MAX relays may have: see exporter.h. */
#define DESCRIPTORS_MOST 512

/* poll(2) takes no more than the limit, which may have been lowered. */
#define AT_A_TIME 16

void
process_init(struct process *p)
{
	*p = (struct process){ .stat = -1 };
}

void
process_replace(struct process *p, int stat)
{
	if (p->stat != -1)
		close(p->stat);
	p->stat = stat;
}

int
process_open(int32_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	return (open(path, O_RDONLY | O_CLOEXEC));
}

int
process_parse(struct process *p, const char *line, uint64_t ended)
{
	const uint64_t tick = SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t user, system, cpu, pages;
	const char *name_end;

	/* The second field is its name in parentheses, in which anything may stand. */
	if ((name_end = strrchr(line, ')')) == NULL ||
	    sscanf(name_end + 1,
		" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		" %*d %*d %*d %*d %*d %*d %*u %" SCNu64 " %" SCNu64,
		&user, &system, &p->virtual, &pages) != 4)
		return (-1);
	p->resident = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	cpu = ended + (user + system) * tick;
	if (p->cpu < cpu)
		p->cpu = cpu;
	return (0);
}

void
process_read(struct process *p, uint64_t ended)
{
	char line[512];
	ssize_t n = -1;

	if (p->stat != -1)
		n = pread(p->stat, line, sizeof(line) - 1, 0);
	line[n > 0 ? n : 0] = '\0';
	if (process_parse(p, line, ended) == -1) {
		/* It was reaped: what it used is in `ended`, or soon will be. */
		process_replace(p, -1);
		p->resident = p->virtual = 0;
		if (p->cpu < ended)
			p->cpu = ended;
	}
	/* Nor does one that waits to be reaped have any. */
	if (p->virtual == 0)
		p->descriptors = 0;
}

uint32_t
process_count_descriptors(uint32_t limit)
{
	struct pollfd pfd[AT_A_TIME];
	uint32_t i, first, n = 0;

	if (limit > DESCRIPTORS_MOST)
		limit = DESCRIPTORS_MOST;
	for (first = 0; first < limit; first += AT_A_TIME) {
		for (i = 0; i < AT_A_TIME; i++)
			pfd[i] = (struct pollfd){ .fd = (int)(first + i) };
		if (poll(pfd, AT_A_TIME, 0) == -1)
			break;
		/* Those that are none say so. */
		for (i = 0; i < AT_A_TIME; i++)
			n += !(pfd[i].revents & POLLNVAL);
	}
	return (n);
}
