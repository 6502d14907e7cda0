#include <sys/resource.h>
#include <sys/stat.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/worker.h"
#include "supervisor/capacity.h"
#include "supervisor/keeper.h"
#include "supervisor/visible.h"

/* Descriptors of the supervisor beside sockets of the stores and listeners. */
#define SUPERVISOR_DESCRIPTORS 64
#define SUPERVISOR_DESCRIPTORS_A_WORKER 5

#define PORT_RANGE_FILE "/proc/sys/net/ipv4/ip_local_port_range"
#define PORT_RESERVED_FILE "/proc/sys/net/ipv4/ip_local_reserved_ports"

uint32_t
capacity_workers(const struct options *o)
{
	uint32_t workers = o->workers;
	cpu_set_t cpus;

	if (workers == 0) {
		if (sched_getaffinity(0, sizeof(cpus), &cpus) == -1)
			err(EXIT_REFUSED, "--workers 0: sched_getaffinity");
		workers = (uint32_t)CPU_COUNT(&cpus);
	}
	if (workers > WORKERS_MAX)
		workers = WORKERS_MAX;
	/* Each must be able to have a session. */
	return (o->max_sessions > 0 && workers > o->max_sessions ? o->max_sessions : workers);
}

static void
read_port_range(uint16_t *low, uint16_t *high)
{
	FILE *f;
	int n = 0;

	if ((f = fopen(PORT_RANGE_FILE, "re")) != NULL) {
		n = fscanf(f, "%hu %hu", low, high);
		fclose(f);
	}
	if (n != 2 || *low == 0 || *low > *high)
		refuse(
		    EXIT_REFUSED, "%s: cannot be read: give --upstream-ports", PORT_RANGE_FILE);
}

/*
 * The ports that are not ours, as ports_init() wants them: those that somebody means for a
 * service here, which may not have begun.
 */
static char *
list_excluded(const struct options *o)
{
	char *list = NULL, *reserved = NULL;
	size_t size = 0, ignored;
	uint32_t i;
	FILE *to, *from;

	if ((to = open_memstream(&list, &ignored)) == NULL)
		err(EXIT_REFUSED, "ports");
	fprintf(to, "%u", ntohs(o->upstream_address.sin6_port));
	for (i = 0; i < o->listeners; i++)
		fprintf(to, ",%u", ntohs(o->listen[i].sin_port));
	if ((from = fopen(PORT_RESERVED_FILE, "re")) != NULL) {
		if (getline(&reserved, &size, from) != -1)
			fprintf(to, ",%s", reserved);
		fclose(from);
	}
	free(reserved);
	if (fclose(to) == EOF)
		err(EXIT_REFUSED, "ports");
	return (list);
}

void
capacity_ports(const struct options *o, struct ports *ports)
{
	uint16_t low = o->port_low, high = o->port_high;
	char *excluded = list_excluded(o);

	if (low == 0)
		read_port_range(&low, &high);
	if (ports_init(ports, low, high, excluded) == -1) {
		if (errno == ERANGE)
			refuse(EXIT_REFUSED,
			    "--upstream-ports %u-%u: all reserved by ip_local_reserved_ports, "
			    "--listen or --upstream: name another range",
			    low, high);
		err(EXIT_REFUSED, "ports");
	}
	free(excluded);
}

uint32_t
capacity_descriptors(const struct options *o, uint32_t workers)
{
	struct rlimit rl;
	uint32_t fixed =
	    SUPERVISOR_DESCRIPTORS + workers * (o->listeners + SUPERVISOR_DESCRIPTORS_A_WORKER);

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(EXIT_REFUSED, "getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(EXIT_REFUSED, "setrlimit");
	if (rl.rlim_cur < fixed + workers)
		refuse(EXIT_REFUSED, "RLIMIT_NOFILE is %llu: want at least %u",
		    (unsigned long long)rl.rlim_cur, fixed + workers);
	return (
	    rl.rlim_cur - fixed < UINT32_MAX ? (uint32_t)(rl.rlim_cur - fixed) : UINT32_MAX);
}

uint32_t
capacity_descriptors_open(void)
{
	struct stat st;
	uint32_t n = 0;
	DIR *d;

	if ((d = opendir("/proc/self/fd")) == NULL)
		return (0);
	/* Linux 6.2 and newer tell; else they are counted, and "." and ".." with them. */
	if (fstat(dirfd(d), &st) == 0 && st.st_size > 0)
		n = (uint32_t)st.st_size;
	else {
		while (readdir(d) != NULL)
			n++;
		n -= 2;
	}
	closedir(d);
	return (n - 1);
}

uint32_t
capacity_slots(uint32_t descriptors, uint32_t workers, uint32_t ports)
{
	if (ports < workers)
		refuse(EXIT_REFUSED, "--workers %u: only %u upstream ports: want one a worker",
		    workers, ports);
	return (descriptors < ports ? descriptors : ports);
}

/* Sessions, and sockets: with those of the pool. */
static void
set_capacity(struct msg_relay_config *config, uint32_t slots, uint32_t max_sessions)
{
	config->slots_max = config->sessions_max = slots;
	if (max_sessions == 0 || max_sessions >= slots)
		return;
	config->sessions_max = max_sessions;
	if (slots - max_sessions > POOL_MAX)
		config->slots_max = max_sessions + POOL_MAX;
}

static uint32_t
share_rate(uint32_t rate, uint32_t worker, uint32_t workers)
{
	uint32_t share = worker_share(rate, worker, workers);

	/* 0 would be no limit. */
	return (rate > 0 && share == 0 ? 1 : share);
}

void
capacity_share(struct msg_relay_config *config, const struct options *o, uint32_t slots,
    uint32_t worker, uint32_t workers)
{
	set_capacity(config, worker_share(slots, worker, workers),
	    worker_share(o->max_sessions, worker, workers));
	config->new_session_rate = share_rate(o->new_session_rate, worker, workers);
}
