#include <sys/resource.h>
#include <sys/stat.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/confine.h"
#include "common/landlock.h"
#include "supervisor/offload.h"
#include "supervisor/resolver.h"
#include "supervisor/setup.h"
#include "supervisor/version.h"
#include "supervisor/visible.h"

/* Descriptors of the supervisor beside sockets of the stores and listeners. */
#define SUPERVISOR_DESCRIPTORS 64
#define SUPERVISOR_DESCRIPTORS_A_WORKER 4

#define PORT_RANGE_FILE "/proc/sys/net/ipv4/ip_local_port_range"
#define PORT_RESERVED_FILE "/proc/sys/net/ipv4/ip_local_reserved_ports"

/* ---- who the children are ---- */

/* The user whom `flag` named, if we are root; else ourselves. */
static void
find_user(const char *flag, const char *name, struct msg_identity *id)
{
	const struct passwd *pw;

	id->uid = getuid();
	id->gid = getgid();
	if (geteuid() != 0)
		return;
	if ((pw = getpwnam(name)) == NULL)
		refuse(EXIT_REFUSED,
		    "%s %s: no such user: create it (see systemd-sysusers(8)) or name another",
		    flag, name);
	if (pw->pw_uid == 0 || pw->pw_gid == 0)
		refuse(EXIT_REFUSED, "%s %s: is root: name an unprivileged user", flag, name);
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	id->change_user = 1;
}

/* Returns NULL, or what is wrong with the directory. */
static const char *
judge_chroot(const char *path)
{
	const struct dirent *entry;
	struct stat st;
	DIR *dir;
	int entries = 0;

	if (lstat(path, &st) == -1)
		return (strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return ("is not a directory");
	if (st.st_uid != 0)
		return ("is not owned by root");
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return ("can be written to by others than root");
	if ((dir = opendir(path)) == NULL)
		return (strerror(errno));
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			entries++;
	closedir(dir);
	return (entries == 0 ? NULL : "is not empty");
}

static void
setup_chroot(const struct options *o, struct msg_identity *id)
{
	const char *wrong;

	if (o->action == OPTIONS_RUN && geteuid() == 0 && mkdir(o->chroot, 0755) == -1 &&
	    errno != EEXIST)
		refuse(EXIT_REFUSED, "--chroot %s: mkdir: %s", o->chroot, strerror(errno));
	if ((wrong = judge_chroot(o->chroot)) == NULL) {
		strlcpy(id->chroot, o->chroot, sizeof(id->chroot));
		return;
	}
	/* Root makes it at start; others do without, unless they asked for it. */
	if (access(o->chroot, F_OK) == -1 && errno == ENOENT &&
	    (geteuid() == 0 || !o->chroot_given))
		return;
	refuse(EXIT_REFUSED,
	    "--chroot %s: %s: want an empty directory that only root can write to", o->chroot,
	    wrong);
}

void
setup_identity(const struct options *o, struct msg_identity *id)
{
	memset(id, 0, sizeof(*id));
	id->parent = getpid();
	id->log_level = (uint8_t)o->log_level;
	id->landlock = (uint8_t)landlock_abi();
	if (o->metrics_user != NULL)
		find_user("--metrics.user", o->metrics_user, id);
	find_user("--user", o->user, id);
	setup_chroot(o, id);
}

/* ---- the upstream ---- */

void
setup_upstream(struct options *o, const struct msg_identity *id, int binary)
{
	struct msg_resolved result;
	char text[ENDPOINT_STRLEN];

	if (o->upstream_literal)
		return;
	if (resolve(o->upstream_host, 0, id, binary, &result) == -1)
		refuse(EXIT_REFUSED, "--upstream %s: %s: want a name with an AAAA record",
		    o->upstream, result.ipv4_only ? "has an IPv4 address only" : result.error);
	memcpy(&o->upstream_address.sin6_addr, result.found[0].address,
	    sizeof(o->upstream_address.sin6_addr));
	o->upstream_address.sin6_scope_id = result.found[0].scope;
	log_info("upstream resolved", "upstream=%s address=%s", o->upstream,
	    endpoint_format_ipv6(&o->upstream_address, text));
}

/* ---- sockets ---- */

static const char *
bind_remedy(int error)
{
	switch (error) {
	case EADDRINUSE:
		return ("stop the program that has it (ss -lnp) or choose another");
	case EADDRNOTAVAIL:
		return ("name an address of this host, or 0.0.0.0 for all");
	case EACCES:
		return ("start as root, or with CAP_NET_BIND_SERVICE");
	default:
		return ("see bind(2)");
	}
}

uint32_t
setup_workers(const struct options *o)
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

static void __attribute__((noreturn)) refuse_listener(const struct sockaddr_in *sin)
{
	char text[ENDPOINT_STRLEN];
	int error = errno;

	refuse(EXIT_REFUSED, "--listen %s: %s: %s", endpoint_format_ipv4(sin, text),
	    strerror(error), bind_remedy(error));
}

/* Listener number `i` of every worker. */
static void
open_listeners(const struct options *o, struct keepers *all, uint32_t i)
{
	enum listener_share share = all->count == 1 ? LISTENER_ALONE : LISTENER_FIRST;
	struct sockaddr_in sin = o->listen[i];
	char text[ENDPOINT_STRLEN];
	struct keeper *k;

	for (k = all->keeper; k < all->keeper + all->count; k++) {
		k->listener_fds[i] =
		    listener_open(&sin, o->socket_buffer_size, all->upstream.trains, share);
		if (k->listener_fds[i] == -1)
			refuse_listener(&sin);
		k->listener[i].address = sin.sin_addr.s_addr;
		k->listener[i].port = sin.sin_port;
		share = LISTENER_NEXT;
	}
	/* Sessions of one address are counted by one worker, so that the limit is exact. */
	if (all->count > 1 && o->max_sessions_per_address > 0 &&
	    listener_group_by_address(all->keeper[0].listener_fds[i], all->count) == -1)
		refuse_listener(&sin);
	log_info("listener started", "listener=%s", endpoint_format_ipv4(&sin, text));
}

void
setup_listeners(const struct options *o, struct keepers *all)
{
	uint32_t i;

	all->upstream.trains = offload_decide(o->segment_offload);
	for (i = 0; i < o->listeners; i++)
		open_listeners(o, all, i);
	if (buffers_limited())
		log_warn("socket buffers limited", "socket_buffer_size=%u remedy=%s",
		    o->socket_buffer_size,
		    "raise net.core.rmem_max and wmem_max, or grant CAP_NET_ADMIN");
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

static void
setup_ports(const struct options *o, struct ports *ports)
{
	uint16_t low = o->port_low, high = o->port_high;
	char *reserved = NULL;
	size_t size = 0;
	FILE *f;

	if (low == 0)
		read_port_range(&low, &high);
	if ((f = fopen(PORT_RESERVED_FILE, "re")) != NULL) {
		if (getline(&reserved, &size, f) == -1) {
			free(reserved);
			reserved = NULL;
		}
		fclose(f);
	}
	if (ports_init(ports, low, high, reserved != NULL ? reserved : "") == -1) {
		if (errno == ERANGE)
			refuse(EXIT_REFUSED,
			    "--upstream-ports %u-%u: all reserved by ip_local_reserved_ports: "
			    "name another range",
			    low, high);
		err(EXIT_REFUSED, "ports");
	}
	free(reserved);
}

static rlim_t
raise_descriptors(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(EXIT_REFUSED, "getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(EXIT_REFUSED, "setrlimit");
	return (rl.rlim_cur);
}

/* How many upstream sockets there can be, of all workers together. */
static uint32_t
count_slots(const struct options *o, const struct keepers *all)
{
	rlim_t descriptors = raise_descriptors();
	uint32_t slots = all->ports.total;
	uint32_t fixed = SUPERVISOR_DESCRIPTORS +
	    all->count * (o->listeners + SUPERVISOR_DESCRIPTORS_A_WORKER);

	if (descriptors < fixed + all->count)
		refuse(EXIT_REFUSED, "RLIMIT_NOFILE is %llu: want at least %u",
		    (unsigned long long)descriptors, fixed + all->count);
	if (slots < all->count)
		refuse(EXIT_REFUSED, "--workers %u: only %u upstream ports: want one a worker",
		    all->count, slots);
	if (descriptors - fixed < slots)
		slots = (uint32_t)(descriptors - fixed);
	return (slots);
}

/* How many sessions this worker can have, and how many sockets for them with those in stock. */
static void
set_capacity(struct msg_relay_config *config, uint32_t slots, uint32_t max_sessions)
{
	config->slots_max = config->sessions_max = slots;
	if (max_sessions == 0 || max_sessions >= slots)
		return;
	config->sessions_max = max_sessions;
	if (slots - max_sessions > STOCK_TARGET)
		config->slots_max = max_sessions + STOCK_TARGET;
}

static void
share_capacity(const struct options *o, struct keepers *all)
{
	uint32_t i, slots = count_slots(o, all), sum = 0;

	for (i = 0; i < all->count; i++) {
		set_capacity(&all->keeper[i].config, worker_share(slots, i, all->count),
		    worker_share(o->max_sessions, i, all->count));
		sum += all->keeper[i].config.sessions_max;
	}
	if (o->max_sessions > sum)
		log_warn("capacity below --max-sessions",
		    "max_sessions=%u session_capacity=%u ports=%u", o->max_sessions, sum,
		    all->ports.total);
}

static uint32_t
share_rate(uint32_t rate, uint32_t worker, uint32_t workers)
{
	uint32_t share = worker_share(rate, worker, workers);

	/* 0 would be no limit. */
	return (rate > 0 && share == 0 ? 1 : share);
}

static void
setup_totals(struct keeper *k)
{
	if ((k->totals_fd = totals_create()) == -1 ||
	    (k->totals = totals_map(k->totals_fd, 0)) == NULL)
		err(EXIT_REFUSED, "memfd");
}

static void
setup_keeper(const struct options *o, const struct msg_identity *id, struct keepers *all,
    uint32_t worker)
{
	struct keeper *k = &all->keeper[worker];
	struct msg_relay_config *config = &k->config;

	setup_totals(k);
	config->listeners = o->listeners;
	config->workers = (uint8_t)all->count;
	config->segment_offload = (uint8_t)all->upstream.trains;
	config->session_timeout = o->session_timeout;
	config->unreplied_timeout = o->unreplied_timeout;
	config->write_timeout = o->write_timeout;
	config->sessions_per_address = o->max_sessions_per_address;
	config->new_session_rate = share_rate(o->new_session_rate, worker, all->count);
	config->datagram_max = o->read_buffer_size;
	memcpy(config->upstream_address, &o->upstream_address.sin6_addr,
	    sizeof(config->upstream_address));
	config->upstream_port = o->upstream_address.sin6_port;
	k->upstream = &all->upstream;
	k->ports = &all->ports;
	k->identity = *id;
	k->identity.descriptors = config->slots_max + o->listeners + RELAY_DESCRIPTORS;
	if (keeper_init(k, clock_now()) == -1)
		err(EXIT_REFUSED, "socket store");
}

void
setup_keepers(const struct options *o, const struct msg_identity *id, struct keepers *all)
{
	uint32_t i;

	setup_ports(o, &all->ports);
	all->upstream.address = o->upstream_address;
	all->upstream.source = o->upstream_source;
	all->upstream.buffer_size = o->socket_buffer_size / 4;
	share_capacity(o, all);
	for (i = 0; i < all->count; i++)
		setup_keeper(o, id, all, i);
}

/* ---- confinement ---- */

void
setup_confinement(struct msg_identity *id)
{
	const char *step;

	if (confine_supervisor() == -1)
		err(EXIT_REFUSED, "capabilities");
	if ((step = confine_probe(id)) == NULL)
		id->namespaces = 1;
	else
		log_warn("namespaces unavailable", "step=%s error=%s instead=%s", step,
		    strerror(errno), id->change_user ? "chroot" : "neither");
	if (id->landlock == 0)
		log_warn("landlock unavailable", "remedy=%s",
		    "a kernel of 5.13 or newer with landlock in its lsm= list");
	if (id->chroot[0] == '\0')
		log_warn("chroot unavailable", "remedy=%s",
		    "let root make the directory of --chroot");
}

/* ---- metrics ---- */

/* Of the Unix socket to serve on; NULL if it is not one. */
static const char *
socket_path(const struct options *o)
{
	return (strncmp(o->metrics_listen, "unix:", 5) == 0 ? o->metrics_listen + 5 : NULL);
}

static void
listen_or_die(const struct options *o, int fd)
{
	int error = errno;
	const char *remedy = bind_remedy(error);

	if (fd != -1)
		return;
	if (socket_path(o) != NULL && error != EADDRINUSE)
		remedy = "want a path in a folder that can be written to";
	refuse(EXIT_REFUSED, "--metrics.listen %s: %s: %s", o->metrics_listen, strerror(error),
	    remedy);
}

/* The address of a literal or a name, IPv4 or IPv6. */
static void
find_http_address(const struct options *o, const struct msg_identity *id, int binary,
    struct sockaddr_storage *address)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)address;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)address;
	char host[ENDPOINT_HOST_MAX + 1];
	struct msg_resolved result;
	uint16_t port = 0;

	memset(address, 0, sizeof(*address));
	(void)endpoint_split(o->metrics_listen, host, &port); /* checked before */
	if (endpoint_parse_ipv4(o->metrics_listen, sin) == NULL)
		return;
	memset(address, 0, sizeof(*address));
	if (endpoint_parse_ipv6(host, sin6) == -1) {
		if (resolve(host, 1, id, binary, &result) == -1)
			refuse(EXIT_REFUSED,
			    "--metrics.listen %s: %s: want an address of this host",
			    o->metrics_listen, result.error);
		sin6->sin6_family = AF_INET6;
		memcpy(&sin6->sin6_addr, result.found[0].address, sizeof(sin6->sin6_addr));
		sin6->sin6_scope_id = result.found[0].scope;
	}
	sin6->sin6_port = htons(port);
	if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
		memset(address, 0, sizeof(*address));
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		memcpy(&sin->sin_addr, result.found[0].address + 12, sizeof(sin->sin_addr));
	}
}

void
setup_http_listener(
    const struct options *o, const struct msg_identity *id, int binary, struct exporter *e)
{
	struct sockaddr_storage address;

	e->identity = *id;
	find_user("--metrics.user", o->metrics_user != NULL ? o->metrics_user : o->user,
	    &e->identity);
	if (socket_path(o) != NULL)
		e->listener = http_listener_open_unix(socket_path(o), e->identity.gid);
	else {
		find_http_address(o, id, binary, &address);
		e->listener = http_listener_open(&address);
	}
	listen_or_die(o, e->listener);
	log_info("metrics listener started", "address=%s", o->metrics_listen);
}

void
setup_exporter(const struct options *o, const struct keepers *all, struct exporter *e)
{
	struct msg_metrics_config *config = &e->config;
	const struct keeper *k = &all->keeper[0];
	uint32_t i;

	e->identity.namespaces = k->identity.namespaces;
	e->identity.descriptors = EXPORTER_DESCRIPTORS + all->count;
	config->started = clock_wall();
	config->listeners = k->config.listeners;
	config->workers = all->count;
	for (i = 0; i < all->count; i++)
		config->session_capacity += all->keeper[i].config.sessions_max;
	config->session_labels = (uint32_t)o->metrics_session_labels;
	strlcpy(config->version, version, sizeof(config->version));
	strlcpy(config->commit, version_commit, sizeof(config->commit));
	strlcpy(config->date, version_date, sizeof(config->date));
	memcpy(config->listener, k->listener, sizeof(config->listener));
	endpoint_format_ipv6(&all->upstream.address, e->status.upstream);
}

void
setup_unlink_http(const struct options *o)
{
	if (socket_path(o) != NULL)
		(void)unlink(socket_path(o));
}
