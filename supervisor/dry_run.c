/*
 * --check: what a start does, but for what would stay.
 */
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/confine.h"
#include "supervisor/capacity.h"
#include "supervisor/dry_run.h"
#include "supervisor/http_listener.h"
#include "supervisor/inherited.h"
#include "supervisor/ipv6.h"
#include "supervisor/keepers.h"
#include "supervisor/metrics/microhttpd.h"
#include "supervisor/options_print.h"
#include "supervisor/sockets.h"
#include "supervisor/udp_listeners.h"
#include "supervisor/upstream.h"
#include "supervisor/visible.h"

/* What is missing now may be there later, and then is used: no fault of the configuration. */
static void
print_route(const struct options *o)
{
	struct upstream upstream = { .error = 0 };
	struct sockaddr_in6 source;
	char text[ENDPOINT_STRLEN];
	const char *remedy;
	uint32_t mtu;

	keepers_upstream(o, &o->upstream_address, &upstream);
	if (upstream_find_interfaces(&upstream) == 0 &&
	    upstream_probe(&upstream, &source, &mtu) == 0) {
		options_print_comment(stdout, "route", "from %s, path MTU %u",
		    endpoint_format_address6(&source, text), mtu);
		return;
	}
	options_print_comment(stdout, "route", "none yet: %s", strerror(errno));
	if ((remedy = ipv6_missing()) != NULL)
		options_print_comment(stdout, "route", "no IPv6 on this host: %s", remedy);
}

/* It is written while all else goes on, so that it cannot be is no error. */
static void
print_state_file(const char *path)
{
	char folder[PATH_MAX];

	if (path == NULL)
		return;
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path) + 1, path);
	if (access(folder, W_OK | X_OK) == -1)
		options_print_comment(stdout, "state-file",
		    "cannot be written: %s: want a folder of this user's", strerror(errno));
}

static void
print_rest(const struct options *o, const struct msg_identity *id)
{
	size_t i;

	for (i = 0; i < OPTIONS_FLAGS; i++)
		if (o->repeated & UINT64_C(1) << i)
			options_print_comment(
			    stdout, options_flags[i].name, "given again: the last one counts");
	if (id->chroot[0] == '\0' && geteuid() == 0)
		options_print_comment(stdout, "chroot", "is made at start");
	print_state_file(o->state_file);
	if (buffers_limited())
		options_print_comment(stdout, "socket-buffer-size",
		    "limited: sysctl -w net.core.rmem_max=%u net.core.wmem_max=%u",
		    o->socket_buffer_size, o->socket_buffer_size);
}

/* Before privileges are given up, as at start.  Who rehearses that has given them up already. */
static void
try_listeners(const struct options *o, const struct msg_identity *id, int binary, FILE *notes)
{
	int is_rehearsal = inherited_count(INHERITED_LISTENER) > 0;
	uint32_t faults = udp_listeners_try(o, notes);

	if (o->metrics_enabled)
		faults += http_listener_try(o, id, binary, is_rehearsal, notes);
	if (faults > 0)
		exit(EXIT_REFUSED);
}

/*
 * Whether there are descriptors and ports enough: it ends us if not.  In a rehearsal: where else one
 * asks, another limit may hold than that of the service.
 */
static void
try_capacity(const struct options *o)
{
	uint32_t workers = capacity_workers(o), descriptors;
	struct ports ports;

	if (inherited_count(INHERITED_LISTENER) == 0)
		return;
	descriptors = capacity_descriptors(o, workers);
	capacity_ports(o, &ports);
	(void)capacity_slots(descriptors, workers, ports.total);
	ports_free(&ports);
}

/* As the metrics child does; no other process that stays has it. */
static void
try_library(void)
{
	const char *wrong = microhttpd_load();

	if (wrong != NULL)
		refuse(EXIT_REFUSED, "--metrics.enabled: %s: %s", wrong, microhttpd_remedy);
}

int
dry_run(struct options *o, struct msg_identity *identity, int binary)
{
	static struct source_filter sources;
	char *text = NULL;
	size_t size;
	FILE *notes;

	/* What look-ups have to say is not asked for. */
	identity->log_level = LOG_LEVEL_ERROR;
	upstream_resolve(o, identity, binary);
	if ((notes = open_memstream(&text, &size)) == NULL)
		err(EXIT_REFUSED, "open_memstream");
	try_listeners(o, identity, binary, notes);
	try_capacity(o);
	/* As the supervisor that runs: what it may read without the rest of its privileges. */
	if (confine_supervisor() == -1)
		err(EXIT_REFUSED, "capabilities");
	if (o->metrics_enabled)
		try_library();
	source_filter_init(&sources, o);
	options_print(o, stdout);
	if (fclose(notes) == EOF)
		err(EXIT_REFUSED, "open_memstream");
	fputs(text, stdout);
	free(text);
	print_rest(o, identity);
	print_route(o);
	puts(OPTIONS_ARE_GOOD);
	/* It may become a file, and half of one must not pass for all. */
	if (fflush(stdout) == EOF)
		err(EXIT_REFUSED, "standard output");
	return (0);
}
