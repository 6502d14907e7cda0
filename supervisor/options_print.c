/*
 * What is printed can be given back by --config: what is set as it is read there, and the rest,
 * which no flag need say or can, in comments.
 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/duration.h"
#include "supervisor/config_file.h"
#include "supervisor/options.h"
#include "supervisor/options_print.h"

/* To the end of a screen: the width of what comes before a help, and of the help. */
#define USAGE_LEFT 33
#define USAGE_RIGHT (79 - USAGE_LEFT)

/* Broken at blanks, into lines that are as far to the right as the first. */
static void
print_help(FILE *out, const char *help)
{
	size_t n;

	while (strlen(help) > USAGE_RIGHT) {
		for (n = USAGE_RIGHT; n > 0 && help[n] != ' '; n--)
			;
		if (n == 0)
			break;
		fprintf(out, "%.*s\n%*s", (int)n, help, USAGE_LEFT + 1, "");
		help += n + 1;
	}
	fprintf(out, "%s\n", help);
}

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
		fprintf(out, "  %-*s ", USAGE_LEFT - 2, left);
		print_help(out, options_flags[i].help);
	}
	fprintf(out, "\nSee udp46(8).\n");
}

void
options_print_comment(FILE *out, const char *name, const char *format, ...)
{
	va_list ap;

	fprintf(out, "# %-24s ", name);
	va_start(ap, format);
	vfprintf(out, format, ap);
	va_end(ap);
	fputc('\n', out);
}

static void
print_value(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%-26s ", name);
	config_file_print_value(out, value);
	fputc('\n', out);
}

static void
print_bool(FILE *out, const char *name, int value)
{
	print_value(out, name, value ? "true" : "false");
}

/* `zero` is what 0 means, or NULL. */
static void
print_number(FILE *out, const char *name, uint32_t number, const char *zero)
{
	fprintf(out, "%-26s %u", name, number);
	if (number == 0 && zero != NULL)
		fprintf(out, " # %s", zero);
	fputc('\n', out);
}

static void
print_duration(FILE *out, const char *name, int64_t ns, const char *zero)
{
	char text[DURATION_STRLEN];

	fprintf(out, "%-26s %s", name, duration_format(ns, text, sizeof(text)));
	if (ns == 0 && zero != NULL)
		fprintf(out, " # %s", zero);
	fputc('\n', out);
}

static void
print_listen(FILE *out, const struct options *o)
{
	char text[ENDPOINT_STRLEN];
	uint32_t i;

	for (i = 0; i < o->listeners; i++)
		fprintf(out, "%-26s %s%s\n", "listen",
		    endpoint_format_ipv4(&o->listen[i], text),
		    o->listen[i].sin_port == 0 ? " # a free port" : "");
}

/* An interface in digits stays that: the name it has now may be another's later. */
static void
print_upstream_source(FILE *out, const struct options *o)
{
	struct sockaddr_in6 source = o->upstream_source;
	char address[ENDPOINT_STRLEN], value[ENDPOINT_STRLEN + IF_NAMESIZE + 1];

	if (source.sin6_family == 0) {
		options_print_comment(out, "upstream-source", "chosen by the kernel");
		return;
	}
	source.sin6_scope_id = 0;
	endpoint_format_address6(&source, address);
	if (o->source_interface[0] != '\0')
		snprintf(value, sizeof(value), "%s%%%s", address, o->source_interface);
	else if (o->upstream_source.sin6_scope_id != 0)
		snprintf(
		    value, sizeof(value), "%s%%%u", address, o->upstream_source.sin6_scope_id);
	else
		strlcpy(value, address, sizeof(value));
	print_value(out, "upstream-source", value);
}

static void
print_upstream(FILE *out, const struct options *o)
{
	char text[ENDPOINT_STRLEN];

	fprintf(out, "%-26s ", "upstream");
	config_file_print_value(out, o->upstream);
	if (!o->upstream_literal)
		fprintf(out, " # now %s", endpoint_format_ipv6(&o->upstream_address, text));
	fputc('\n', out);
	print_upstream_source(out, o);
	if (o->port_low == 0)
		options_print_comment(
		    out, "upstream-ports", "the system's ip_local_port_range");
	else
		fprintf(out, "%-26s %u-%u\n", "upstream-ports", o->port_low, o->port_high);
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
			options_print_comment(out, name[i], "none given");
	if (o->source_file != NULL)
		print_value(out, "source-file", o->source_file);
	else
		options_print_comment(out, "source-file", "none");
}

static void
print_state_file(FILE *out, const struct options *o)
{
	if (o->state_file != NULL)
		print_value(out, "state-file", o->state_file);
	else
		options_print_comment(out, "state-file", "none");
}

/* Given or not makes a difference: whether it may be cut to a session timeout that is given. */
static void
print_unreplied_timeout(FILE *out, const struct options *o)
{
	char text[DURATION_STRLEN];

	if (o->unreplied_timeout_given)
		print_duration(out, "unreplied-timeout", o->unreplied_timeout, NULL);
	else
		options_print_comment(out, "unreplied-timeout", "%s",
		    duration_format(o->unreplied_timeout, text, sizeof(text)));
}

/* Here as well: who is not root does without the default, but not without one that is given. */
static void
print_identity(FILE *out, const struct options *o)
{
	print_value(out, "user", o->user);
	if (o->metrics_user != NULL)
		print_value(out, "metrics.user", o->metrics_user);
	else
		options_print_comment(out, "metrics.user", "as user");
	if (o->chroot_given)
		print_value(out, "chroot", o->chroot);
	else
		options_print_comment(out, "chroot", "%s", o->chroot);
}

void
options_print(const struct options *o, FILE *out)
{
	print_listen(out, o);
	print_upstream(out, o);
	print_sources(out, o);
	print_state_file(out, o);
	print_duration(out, "session-timeout", o->session_timeout, NULL);
	print_unreplied_timeout(out, o);
	print_number(
	    out, "max-sessions", o->max_sessions, "as many as descriptors and ports allow");
	print_number(out, "max-sessions-per-address", o->max_sessions_per_address, "no limit");
	print_number(out, "new-session-rate", o->new_session_rate, "no limit");
	print_number(out, "amplification-limit", o->amplification_limit, "no limit");
	print_number(out, "read-buffer-size", o->read_buffer_size, NULL);
	print_number(out, "socket-buffer-size", o->socket_buffer_size, NULL);
	print_value(out, "segment-offload", options_offloads[o->segment_offload]);
	print_value(out, "fragment", options_fragments[o->fragment]);
	print_duration(out, "write-timeout", o->write_timeout, NULL);
	print_number(out, "workers", o->workers, "one a CPU");
	print_duration(out, "resolve-interval", o->resolve_interval, "never again");
	print_value(out, "log-level", options_levels[o->log_level]);
	print_value(out, "log-format", options_formats[o->log_format]);
	print_bool(out, "metrics.enabled", o->metrics_enabled);
	print_value(out, "metrics.listen", o->metrics_listen);
	print_bool(out, "metrics.session-labels", o->metrics_session_labels);
	print_identity(out, o);
}
