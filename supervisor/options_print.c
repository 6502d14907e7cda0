#include <arpa/inet.h>
#include <string.h>

#include "common/duration.h"
#include "supervisor/options.h"
#include "supervisor/options_print.h"
#include "supervisor/visible.h"

#define LONGEST_TEXT 512 /* longer ones are cut */

void
options_usage(FILE *out)
{
	char left[64];
	size_t i;

	fprintf(out, "usage: udp46 --listen ADDR:PORT --upstream HOST:PORT [flag ...]\n\n");
	for (i = 0; i < OPTIONS_FLAGS; i++) {
		snprintf(left, sizeof(left), "--%s%s%s", options_flags[i].name,
		    options_flags[i].argument == NULL || options_flags[i].argument[0] == '['
			? ""
			: " ",
		    options_flags[i].argument == NULL ? "" : options_flags[i].argument);
		fprintf(out, "  %-31s %s\n", left, options_flags[i].help);
	}
	fprintf(out, "\nSee udp46(8).\n");
}

static void
print_number(FILE *out, const char *name, uint32_t number, const char *zero)
{
	if (number == 0)
		fprintf(out, "%-26s 0 (%s)\n", name, zero);
	else
		fprintf(out, "%-26s %u\n", name, number);
}

static void
print_duration(FILE *out, const char *name, int64_t ns, const char *zero)
{
	char text[DURATION_STRLEN];

	if (ns == 0)
		fprintf(out, "%-26s 0s (%s)\n", name, zero);
	else
		fprintf(out, "%-26s %s\n", name, duration_format(ns, text, sizeof(text)));
}

static void
print_text(FILE *out, const char *name, const char *text)
{
	char shown[VISIBLE_SIZE(LONGEST_TEXT)];

	fprintf(out, "%-26s %s\n", name, visible(shown, sizeof(shown), text));
}

static void
print_sources(FILE *out, const struct options *o)
{
	static const char *const name[] = { "deny", "allow" };
	char text[SOURCE_PREFIX_STRLEN];
	uint32_t i, given[2] = { 0, 0 };

	for (i = 0; i < o->nsources; i++) {
		given[o->sources[i].allow] = 1;
		fprintf(out, "%-26s %s\n", name[o->sources[i].allow],
		    source_prefix_format(&o->sources[i], text));
	}
	for (i = 0; i < 2; i++)
		if (!given[i])
			fprintf(out, "%-26s none given\n", name[i]);
	print_text(out, "source-file", o->source_file != NULL ? o->source_file : "none");
}

void
options_print(const struct options *o, FILE *out)
{
	char text[ENDPOINT_STRLEN], shown[VISIBLE_SIZE(LONGEST_TEXT)];
	uint32_t i;

	for (i = 0; i < o->listeners; i++)
		fprintf(out, "%-26s %s%s\n", "listen",
		    endpoint_format_ipv4(&o->listen[i], text),
		    o->listen[i].sin_port == 0 ? " (a free port)" : "");
	fprintf(out, "%-26s %s", "upstream", visible(shown, sizeof(shown), o->upstream));
	if (!o->upstream_literal)
		fprintf(out, " (now %s)", endpoint_format_ipv6(&o->upstream_address, text));
	fprintf(out, "\n%-26s %s", "upstream-source",
	    o->upstream_source.sin6_family == 0
		? "chosen by the kernel"
		: endpoint_format_address6(&o->upstream_source, text));
	fprintf(out, "%s%s\n", o->source_interface[0] == '\0' ? "" : "%", o->source_interface);
	if (o->port_low == 0)
		fprintf(out, "%-26s the system's ip_local_port_range\n", "upstream-ports");
	else
		fprintf(out, "%-26s %u-%u\n", "upstream-ports", o->port_low, o->port_high);
	print_sources(out, o);
	print_duration(out, "session-timeout", o->session_timeout, "");
	print_duration(out, "unreplied-timeout", o->unreplied_timeout, "");
	print_number(
	    out, "max-sessions", o->max_sessions, "as many as descriptors and ports allow");
	print_number(out, "max-sessions-per-address", o->max_sessions_per_address, "no limit");
	print_number(out, "new-session-rate", o->new_session_rate, "no limit");
	print_number(out, "amplification-limit", o->amplification_limit, "no limit");
	print_number(out, "read-buffer-size", o->read_buffer_size, "");
	print_number(out, "socket-buffer-size", o->socket_buffer_size, "");
	fprintf(out, "%-26s %s\n", "segment-offload", options_offloads[o->segment_offload]);
	fprintf(out, "%-26s %s\n", "fragment", options_fragments[o->fragment]);
	print_duration(out, "write-timeout", o->write_timeout, "");
	print_number(out, "workers", o->workers, "one a CPU");
	print_duration(out, "resolve-interval", o->resolve_interval, "never again");
	fprintf(out, "%-26s %s\n", "log-level", options_levels[o->log_level]);
	fprintf(out, "%-26s %s\n", "log-format", options_formats[o->log_format]);
	fprintf(out, "%-26s %s\n", "metrics.enabled", o->metrics_enabled ? "true" : "false");
	print_text(out, "metrics.listen", o->metrics_listen);
	fprintf(out, "%-26s %s\n", "metrics.session-labels",
	    o->metrics_session_labels ? "true" : "false");
	print_text(out, "user", o->user);
	print_text(out, "metrics.user", o->metrics_user != NULL ? o->metrics_user : o->user);
	print_text(out, "chroot", o->chroot);
}
