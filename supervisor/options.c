/*
 * The flags: one table, one row each.  A handler reads a value and returns NULL, or what is wrong
 * with it as a phrase, to which options_set() adds flag, value and remedy.
 */
#include <sys/un.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/duration.h"
#include "supervisor/guess.h"
#include "supervisor/options.h"

#define LOWEST_UPSTREAM_PORT 1024
#define LONGEST_CONFIG 255 /* every message about it names it */
#define LARGEST_SOCKET_BUFFER (1 << 30)

/* ---- values ---- */

/*
 * Make room for one more element of an array that has `count`: for as many again, at 1, 2, 4 and
 * so on.  Returns the array, or NULL.
 */
static void *
grow(void *array, uint32_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return (array);
	return (reallocarray(array, count == 0 ? 1 : 2 * (size_t)count, size));
}

static const char *
set_listen(struct options *o, const char *value)
{
	struct sockaddr_in sin;
	struct sockaddr_in *listen;
	const char *error;

	if (strchr(value, ',') != NULL)
		return ("names several, which takes several --listen");
	if (*value == '[' || strchr(value, ':') != strrchr(value, ':'))
		return ("is an IPv6 address, and clients have IPv4");
	if ((error = endpoint_parse_ipv4(value, &sin)) != NULL)
		return (error);
	if (o->listeners == LISTENERS_MAX)
		return ("is one listener too many: 65535 are possible");
	if ((listen = grow(o->listen, o->listeners, sizeof(*listen))) == NULL)
		return ("finds no memory");
	o->listen = listen;
	o->listen[o->listeners++] = sin;
	return (NULL);
}

static const char *
add_source(struct options *o, const char *value, int allow)
{
	struct source_prefix prefix = { .allow = (uint8_t)allow }, *sources;
	const char *error;

	if ((error = source_prefix_parse(value, &prefix)) != NULL)
		return (error);
	if ((sources = grow(o->sources, o->nsources, sizeof(*sources))) == NULL)
		return ("finds no memory");
	o->sources = sources;
	o->sources[o->nsources++] = prefix;
	return (NULL);
}

static const char *
set_allow(struct options *o, const char *value)
{
	return (add_source(o, value, 1));
}

static const char *
set_deny(struct options *o, const char *value)
{
	return (add_source(o, value, 0));
}

static const char *
set_source_file(struct options *o, const char *value)
{
	o->source_file = value;
	return (*value == '\0' ? "is empty" : NULL);
}

static const char *
set_state_file(struct options *o, const char *value)
{
	o->state_file = value;
	if (value[0] != '/')
		return ("is no absolute path");
	return (value[strlen(value) - 1] == '/' ? "is a folder" : NULL);
}

static const char *
set_upstream(struct options *o, const char *value)
{
	struct in_addr ipv4;
	const char *error;
	uint16_t port;

	if (strstr(value, "://") != NULL)
		return ("is a URL");
	if ((error = endpoint_split(value, o->upstream_host, &port)) != NULL)
		return (error);
	if (port == 0)
		return ("has port 0");
	if (inet_pton(AF_INET, o->upstream_host, &ipv4) == 1)
		return ("is an IPv4 address");
	if (strlcpy(o->upstream, value, sizeof(o->upstream)) >= sizeof(o->upstream))
		return ("is too long");
	memset(&o->upstream_address, 0, sizeof(o->upstream_address));
	o->upstream_literal = endpoint_parse_ipv6(o->upstream_host, &o->upstream_address,
				  o->upstream_interface) == 0;
	o->upstream_address.sin6_family = AF_INET6;
	o->upstream_address.sin6_port = htons(port);
	if (o->upstream_literal)
		return (endpoint_check_upstream(&o->upstream_address, o->upstream_interface));
	if (errno == ENODEV)
		return ("names what cannot be an interface");
	/* A colon or blank is in no host name: a literal with a mistake. */
	if (value[0] == '[' || strpbrk(o->upstream_host, ": \t%/") != NULL)
		return ("is neither an IPv6 address nor a host name");
	return (NULL);
}

static const char *
set_upstream_source(struct options *o, const char *value)
{
	memset(&o->upstream_source, 0, sizeof(o->upstream_source));
	if (endpoint_parse_ipv6(value, &o->upstream_source, o->source_interface) == -1)
		return (errno == ENODEV ? "names what cannot be an interface"
					: "is not an IPv6 address");
	return (endpoint_check_upstream(&o->upstream_source, o->source_interface));
}

/* A plain decimal number: no blanks, no sign. */
static const char *
parse_number(const char *value, uint32_t low, uint32_t high, uint32_t *number)
{
	const char *error;

	if (*value == '\0' || value[strspn(value, "0123456789")] != '\0')
		return ("is not a number");
	*number = (uint32_t)strtonum(value, low, high, &error);
	return (error == NULL ? NULL : "is out of range");
}

static const char *
set_upstream_ports(struct options *o, const char *value)
{
	const char *dash = strchr(value, '-'), *error;
	char low[16];
	uint32_t from, to;

	if (dash == NULL || (size_t)(dash - value) >= sizeof(low))
		return ("is not a range");
	memcpy(low, value, (size_t)(dash - value));
	low[dash - value] = '\0';
	if ((error = parse_number(low, LOWEST_UPSTREAM_PORT, 65535, &from)) != NULL ||
	    (error = parse_number(dash + 1, LOWEST_UPSTREAM_PORT, 65535, &to)) != NULL)
		return (error);
	if (from > to)
		return ("is an empty range");
	o->port_low = (uint16_t)from;
	o->port_high = (uint16_t)to;
	return (NULL);
}

static const char *
set_positive_duration(int64_t *to, const char *value)
{
	const char *error = duration_parse(value, to);

	return (error == NULL && *to == 0 ? "is zero" : error);
}

static const char *
set_session_timeout(struct options *o, const char *value)
{
	return (set_positive_duration(&o->session_timeout, value));
}

static const char *
set_unreplied_timeout(struct options *o, const char *value)
{
	o->unreplied_timeout_given = 1;
	return (set_positive_duration(&o->unreplied_timeout, value));
}

static const char *
set_write_timeout(struct options *o, const char *value)
{
	return (set_positive_duration(&o->write_timeout, value));
}

static const char *
set_resolve_interval(struct options *o, const char *value)
{
	return (duration_parse(value, &o->resolve_interval));
}

static const char *
set_max_sessions(struct options *o, const char *value)
{
	return (parse_number(value, 0, INT32_MAX, &o->max_sessions));
}

static const char *
set_max_sessions_per_address(struct options *o, const char *value)
{
	return (parse_number(value, 0, INT32_MAX, &o->max_sessions_per_address));
}

static const char *
set_new_session_rate(struct options *o, const char *value)
{
	return (parse_number(value, 0, 1000000, &o->new_session_rate));
}

static const char *
set_amplification_limit(struct options *o, const char *value)
{
	return (parse_number(value, 0, 1000000, &o->amplification_limit));
}

static const char *
set_read_buffer_size(struct options *o, const char *value)
{
	return (parse_number(value, 1, INT32_MAX, &o->read_buffer_size));
}

static const char *
set_socket_buffer_size(struct options *o, const char *value)
{
	return (parse_number(value, 4096, LARGEST_SOCKET_BUFFER, &o->socket_buffer_size));
}

static const char *
set_workers(struct options *o, const char *value)
{
	return (parse_number(value, 0, WORKERS_MAX, &o->workers));
}

/* The index of value in names, in any case, or -1. */
static int
find_name(const char *const *names, const char *value)
{
	int i;

	for (i = 0; names[i] != NULL; i++)
		if (strcasecmp(names[i], value) == 0)
			return (i);
	return (-1);
}

const char *const options_offloads[] = { "auto", "on", "off", NULL };
const char *const options_fragments[] = { "allow", "deny", NULL };
const char *const options_levels[] = { "debug", "info", "warn", "error", NULL };
const char *const options_formats[] = { "auto", "json", "text", NULL };

static const char *
set_segment_offload(struct options *o, const char *value)
{
	int i = find_name(options_offloads, value);

	o->segment_offload = i;
	return (i == -1 ? "is unknown" : NULL);
}

static const char *
set_fragment(struct options *o, const char *value)
{
	int i = find_name(options_fragments, value);

	o->fragment = i;
	return (i == -1 ? "is unknown" : NULL);
}

static const char *
set_log_level(struct options *o, const char *value)
{
	int i = find_name(options_levels, value);

	o->log_level = i;
	return (i == -1 ? "is unknown" : NULL);
}

static const char *
set_log_format(struct options *o, const char *value)
{
	int i = find_name(options_formats, value);

	o->log_format = i;
	return (i == -1 ? "is unknown" : NULL);
}

const char *
options_parse_bool(const char *value, int *to)
{
	static const char *const yes[] = { "true", "t", "1", NULL };
	static const char *const no[] = { "false", "f", "0", NULL };

	*to = value == NULL || find_name(yes, value) != -1;
	return (*to || find_name(no, value) != -1 ? NULL : "is not a boolean");
}

static const char *
set_metrics_enabled(struct options *o, const char *value)
{
	return (options_parse_bool(value, &o->metrics_enabled));
}

static const char *
set_metrics_session_labels(struct options *o, const char *value)
{
	return (options_parse_bool(value, &o->metrics_session_labels));
}

static const char *
set_metrics_listen(struct options *o, const char *value)
{
	char host[ENDPOINT_HOST_MAX + 1], interface[IF_NAMESIZE];
	struct sockaddr_in6 sin6;
	const char *error;
	uint16_t port;

	if (strlcpy(o->metrics_listen, value, sizeof(o->metrics_listen)) >=
	    sizeof(o->metrics_listen))
		return ("is too long");
	if (strncmp(value, "unix:", 5) == 0) {
		if (value[5] != '/')
			return ("is no absolute path");
		if (strlen(value + 5) >= sizeof(((struct sockaddr_un *)0)->sun_path))
			return ("is too long for a Unix socket");
		return (NULL);
	}
	if ((error = endpoint_split(value, host, &port)) != NULL)
		return (error);
	if (value[0] == '[' && endpoint_parse_ipv6(host, &sin6, interface) == -1)
		return ("is not an IPv6 address");
	return (NULL);
}

static const char *
set_user(struct options *o, const char *value)
{
	o->user = value;
	return (*value == '\0' ? "is empty" : NULL);
}

static const char *
set_metrics_user(struct options *o, const char *value)
{
	o->metrics_user = value;
	return (*value == '\0' ? "is empty" : NULL);
}

static const char *
set_chroot(struct options *o, const char *value)
{
	o->chroot = value;
	o->chroot_given = 1;
	if (value[0] != '/')
		return ("is no absolute path");
	return (
	    strlen(value) < sizeof(((struct msg_identity *)0)->chroot) ? NULL : "is too long");
}

static const char *
set_config(struct options *o, const char *value)
{
	o->config = value;
	if (*value == '\0')
		return ("is empty");
	return (strlen(value) <= LONGEST_CONFIG ? NULL : "is too long");
}

static const char *
set_check(struct options *o, const char *value)
{
	(void)value;
	o->action = OPTIONS_CHECK;
	return (NULL);
}

static const char *
set_version(struct options *o, const char *value)
{
	(void)value;
	o->action = OPTIONS_VERSION;
	return (NULL);
}

static const char *
set_help(struct options *o, const char *value)
{
	(void)value;
	o->action = OPTIONS_HELP;
	return (NULL);
}

/* ---- the table ---- */

#define WANT_DURATION "a duration such as 500ms, 180s, 3m or 1h30m, above zero"
#define WANT_PREFIX "an IPv4 prefix such as 192.0.2.0/24"
#define WANT_BOOL "true, false, t, f, 1 or 0"

const struct flag options_flags[] = {
	{ "listen", "ADDR:PORT", "ADDR:PORT with a literal IPv4 address, such as 0.0.0.0:51820",
	    "IPv4 address to listen on; repeatable; port 0 takes a free one", set_listen,
	    FLAG_LISTEN },
	{ "upstream", "HOST:PORT",
	    "[IPv6]:PORT, [fe80::1%eth0]:PORT, or NAME:PORT with an AAAA record",
	    "IPv6 service to relay to", set_upstream, FLAG_ONCE },
	{ "upstream-source", "IPV6", "an IPv6 address of this host",
	    "source address towards the upstream (the kernel chooses)", set_upstream_source,
	    FLAG_ONCE },
	{ "upstream-ports", "LOW-HIGH", "LOW-HIGH with 1024 <= LOW <= HIGH <= 65535",
	    "source ports towards the upstream (the system's ip_local_port_range)",
	    set_upstream_ports, FLAG_ONCE },
	{ "allow", "PREFIX", WANT_PREFIX,
	    "IPv4 prefix that may open sessions, all others may not; repeatable", set_allow,
	    FLAG_SOURCES },
	{ "deny", "PREFIX", WANT_PREFIX,
	    "IPv4 prefix that may not; the longest match wins; repeatable", set_deny,
	    FLAG_SOURCES },
	{ "source-file", "PATH", "the path of a file",
	    "more of both: 'allow PREFIX' or 'deny PREFIX' a line", set_source_file,
	    FLAG_ONCE },
	{ "state-file", "PATH", "the absolute path of a file in a folder that is there",
	    "keep sessions over a reboot in this file (none)", set_state_file, FLAG_ONCE },
	{ "session-timeout", "DUR", WANT_DURATION,
	    "end a session after this long a silence (180s)", set_session_timeout, FLAG_ONCE },
	{ "unreplied-timeout", "DUR", WANT_DURATION,
	    "the same for sessions that are not ASSURED (30s)", set_unreplied_timeout,
	    FLAG_ONCE },
	{ "max-sessions", "N", "a number up to 2147483647; 0 means as many as possible",
	    "sessions at once (0: as many as descriptors and ports allow)", set_max_sessions,
	    FLAG_ONCE },
	{ "max-sessions-per-address", "N", "a number up to 2147483647; 0 means no limit",
	    "sessions at once of one client address (0: no limit)",
	    set_max_sessions_per_address, FLAG_ONCE },
	{ "new-session-rate", "N", "a number up to 1000000; 0 means no limit",
	    "new sessions a second (5000; 0: no limit)", set_new_session_rate, FLAG_ONCE },
	{ "amplification-limit", "N", "a number up to 1000000; 0 means no limit",
	    "times the bytes it sent, for a client that is not ASSURED (0: no limit)",
	    set_amplification_limit, FLAG_ONCE },
	{ "read-buffer-size", "N", "a number of bytes from 1 to 2147483647",
	    "largest datagram relayed, in bytes (65536)", set_read_buffer_size, FLAG_ONCE },
	{ "socket-buffer-size", "N", "a number of bytes from 4096 to 1073741824",
	    "buffers of a listener, four times a session's, in bytes (4194304)",
	    set_socket_buffer_size, FLAG_ONCE },
	{ "segment-offload", "MODE", "auto, on or off", "UDP_GRO and UDP_SEGMENT (auto)",
	    set_segment_offload, FLAG_ONCE },
	{ "fragment", "MODE", "allow or deny", "datagrams larger than the path (allow)",
	    set_fragment, FLAG_ONCE },
	{ "write-timeout", "DUR", WANT_DURATION,
	    "drop a datagram that cannot be sent for this long (5s)", set_write_timeout,
	    FLAG_ONCE },
	{ "workers", "N", "a number from 0 to 64; 0 means one a CPU", "relay processes (1)",
	    set_workers, FLAG_ONCE },
	{ "resolve-interval", "DUR", "a duration such as 60s; 0s turns it off",
	    "resolve an upstream name again this often (60s)", set_resolve_interval,
	    FLAG_ONCE },
	{ "log-level", "LEVEL", "debug, info, warn or error",
	    "least level that is logged (info)", set_log_level, FLAG_ONCE },
	{ "log-format", "FORMAT", "auto, json or text",
	    "form of the log (auto: text on a terminal, else json)", set_log_format,
	    FLAG_ONCE },
	{ "metrics.enabled", "[=BOOL]", WANT_BOOL, "serve metrics over HTTP (false)",
	    set_metrics_enabled, FLAG_ONCE },
	{ "metrics.listen", "ADDR:PORT", "ADDR:PORT, [IPv6]:PORT, NAME:PORT or unix:/path",
	    "where to serve them (127.0.0.1:9108)", set_metrics_listen, FLAG_ONCE },
	{ "metrics.session-labels", "[=BOOL]", WANT_BOOL, "metrics of every session (false)",
	    set_metrics_session_labels, FLAG_ONCE },
	{ "user", "NAME", "the name of an unprivileged user",
	    "identity of the children when started as root (udp46)", set_user, FLAG_ONCE },
	{ "metrics.user", "NAME", "the name of an unprivileged user",
	    "identity of the metrics child (as --user)", set_metrics_user, FLAG_ONCE },
	{ "chroot", "DIR", "an absolute path of at most 255 characters",
	    "empty directory to lock the children into (/var/empty)", set_chroot, FLAG_ONCE },
	{ "config", "PATH", "the path of a file, of at most 255 characters",
	    "take flags from there, 'NAME VALUE' a line; those given here win", set_config,
	    FLAG_COMMAND },
	{ "check", NULL, NULL, "check the configuration, print what it means, exit (also -n)",
	    set_check, FLAG_COMMAND },
	{ "version", NULL, NULL, "print version, commit and date, exit (also -V)", set_version,
	    FLAG_COMMAND },
	{ "help", NULL, NULL, "print this, exit (also -h)", set_help, FLAG_COMMAND },
};

void
options_init(struct options *o)
{
	memset(o, 0, sizeof(*o));
	o->session_timeout = 180 * SECOND;
	o->unreplied_timeout = 30 * SECOND;
	o->new_session_rate = 5000;
	o->read_buffer_size = 65536;
	o->socket_buffer_size = 4194304;
	o->write_timeout = 5 * SECOND;
	o->workers = 1;
	o->resolve_interval = 60 * SECOND;
	o->log_level = LOG_LEVEL_INFO;
	o->user = "udp46";
	o->chroot = "/var/empty";
	strlcpy(o->metrics_listen, "127.0.0.1:9108", sizeof(o->metrics_listen));
}

const struct flag *
options_find(const char *name)
{
	size_t i;

	for (i = 0; i < OPTIONS_FLAGS; i++)
		if (strcmp(options_flags[i].name, name) == 0)
			return (&options_flags[i]);
	return (NULL);
}

/* No value needs any, and some come back in messages of others. */
static int
has_control(const char *value)
{
	for (; value != NULL && *value != '\0'; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return (1);
	return (0);
}

int
options_set(
    struct options *o, const struct flag *flag, const char *value, char *error, size_t size)
{
	char meant[OPTIONS_SHOWN_MAX];
	const char *wrong, *guess;
	size_t n;

	wrong = has_control(value) ? "has a control character" : flag->set(o, value);
	if (wrong == NULL)
		return (0);
	snprintf(error, size, "--%s: '%.*s' %s: want %s", flag->name, OPTIONS_SHOWN_MAX,
	    value != NULL ? value : "", wrong, flag->wanted);
	guess = has_control(value)
	    ? NULL
	    : guess_value(meant, sizeof(meant), flag->name, value != NULL ? value : "");
	if (guess != NULL && (n = strlen(error)) < size)
		snprintf(error + n, size - n, "; did you mean %s?", guess);
	return (-1);
}

void
options_forget(struct options *o, enum flag_kind kind)
{
	if (kind == FLAG_LISTEN)
		o->listeners = 0;
	else if (kind == FLAG_SOURCES)
		o->nsources = 0;
}

void
options_free(struct options *o)
{
	free(o->listen);
	o->listen = NULL;
	o->listeners = 0;
	free(o->sources);
	o->sources = NULL;
	o->nsources = 0;
	free(o->file_text);
	o->file_text = NULL;
}
