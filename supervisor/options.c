/*
 * The command line: one table, one row a flag.  A handler reads a value and returns NULL, or
 * what is wrong with it as a phrase, to which options_parse() adds flag, value and remedy.
 */
#include <sys/un.h>
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/duration.h"
#include "supervisor/options.h"
#include "supervisor/visible.h"

#define LOWEST_UPSTREAM_PORT 1024
#define LARGEST_SOCKET_BUFFER (1 << 30)
#define LONGEST_TEXT 512 /* that --check prints; longer ones are cut */

struct flag {
	const char *name;
	const char *argument; /* NULL: none; "[=BOOL]": optional */
	const char *wanted;   /* the remedy: what would be right */
	const char *help;
	const char *(*set)(struct options *, const char *value);
};

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
set_upstream(struct options *o, const char *value)
{
	struct in_addr ipv4;
	const char *error;
	uint16_t port;

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

static const char *const offload_names[] = { "auto", "on", "off", NULL };
static const char *const fragment_names[] = { "allow", "deny", NULL };
static const char *const level_names[] = { "debug", "info", "warn", "error", NULL };
static const char *const format_names[] = { "auto", "json", "text", NULL };

static const char *
set_segment_offload(struct options *o, const char *value)
{
	int i = find_name(offload_names, value);

	o->segment_offload = i;
	return (i == -1 ? "is unknown" : NULL);
}

static const char *
set_fragment(struct options *o, const char *value)
{
	int i = find_name(fragment_names, value);

	o->fragment = i;
	return (i == -1 ? "is unknown" : NULL);
}

static const char *
set_log_level(struct options *o, const char *value)
{
	int i = find_name(level_names, value);

	o->log_level = i;
	return (i == -1 ? "is unknown" : NULL);
}

static const char *
set_log_format(struct options *o, const char *value)
{
	int i = find_name(format_names, value);

	o->log_format = i;
	return (i == -1 ? "is unknown" : NULL);
}

static const char *
parse_bool(const char *value, int *to)
{
	static const char *const yes[] = { "true", "t", "1", NULL };
	static const char *const no[] = { "false", "f", "0", NULL };

	*to = value == NULL || find_name(yes, value) != -1;
	return (*to || find_name(no, value) != -1 ? NULL : "is not a boolean");
}

static const char *
set_metrics_enabled(struct options *o, const char *value)
{
	return (parse_bool(value, &o->metrics_enabled));
}

static const char *
set_metrics_session_labels(struct options *o, const char *value)
{
	return (parse_bool(value, &o->metrics_session_labels));
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

static const struct flag flags[] = {
	{ "listen", "ADDR:PORT", "ADDR:PORT with a literal IPv4 address, such as 0.0.0.0:51820",
	    "IPv4 address to listen on; repeatable; port 0 takes a free one", set_listen },
	{ "upstream", "HOST:PORT",
	    "[IPv6]:PORT, [fe80::1%eth0]:PORT, or NAME:PORT with an AAAA record",
	    "IPv6 service to relay to", set_upstream },
	{ "upstream-source", "IPV6", "an IPv6 address of this host",
	    "source address towards the upstream (the kernel chooses)", set_upstream_source },
	{ "upstream-ports", "LOW-HIGH", "LOW-HIGH with 1024 <= LOW <= HIGH <= 65535",
	    "source ports towards the upstream (the system's ip_local_port_range)",
	    set_upstream_ports },
	{ "allow", "PREFIX", WANT_PREFIX,
	    "IPv4 prefix that may open sessions, all others may not; repeatable", set_allow },
	{ "deny", "PREFIX", WANT_PREFIX,
	    "IPv4 prefix that may not; the longest match wins; repeatable", set_deny },
	{ "source-file", "PATH", "the path of a file",
	    "more of both: 'allow PREFIX' or 'deny PREFIX' a line", set_source_file },
	{ "session-timeout", "DUR", WANT_DURATION,
	    "end a session after this long a silence (180s)", set_session_timeout },
	{ "unreplied-timeout", "DUR", WANT_DURATION,
	    "the same for sessions that are not ASSURED (30s)", set_unreplied_timeout },
	{ "max-sessions", "N", "a number up to 2147483647; 0 means as many as possible",
	    "sessions at once (0: as many as descriptors and ports allow)", set_max_sessions },
	{ "max-sessions-per-address", "N", "a number up to 2147483647; 0 means no limit",
	    "sessions at once of one client address (0: no limit)",
	    set_max_sessions_per_address },
	{ "new-session-rate", "N", "a number up to 1000000; 0 means no limit",
	    "new sessions a second (5000; 0: no limit)", set_new_session_rate },
	{ "amplification-limit", "N", "a number up to 1000000; 0 means no limit",
	    "times the bytes it sent, for a client that is not ASSURED (0: no limit)",
	    set_amplification_limit },
	{ "read-buffer-size", "N", "a number of bytes from 1 to 2147483647",
	    "largest datagram relayed, in bytes (65536)", set_read_buffer_size },
	{ "socket-buffer-size", "N", "a number of bytes from 4096 to 1073741824",
	    "buffers of a listener, four times a session's, in bytes (4194304)",
	    set_socket_buffer_size },
	{ "segment-offload", "MODE", "auto, on or off", "UDP_GRO and UDP_SEGMENT (auto)",
	    set_segment_offload },
	{ "fragment", "MODE", "allow or deny", "datagrams larger than the path (allow)",
	    set_fragment },
	{ "write-timeout", "DUR", WANT_DURATION,
	    "drop a datagram that cannot be sent for this long (5s)", set_write_timeout },
	{ "workers", "N", "a number from 0 to 64; 0 means one a CPU", "relay processes (1)",
	    set_workers },
	{ "resolve-interval", "DUR", "a duration such as 60s; 0s turns it off",
	    "resolve an upstream name again this often (60s)", set_resolve_interval },
	{ "log-level", "LEVEL", "debug, info, warn or error",
	    "least level that is logged (info)", set_log_level },
	{ "log-format", "FORMAT", "auto, json or text",
	    "form of the log (auto: text on a terminal, else json)", set_log_format },
	{ "metrics.enabled", "[=BOOL]", WANT_BOOL, "serve metrics over HTTP (false)",
	    set_metrics_enabled },
	{ "metrics.listen", "ADDR:PORT", "ADDR:PORT, [IPv6]:PORT, NAME:PORT or unix:/path",
	    "where to serve them (127.0.0.1:9108)", set_metrics_listen },
	{ "metrics.session-labels", "[=BOOL]", WANT_BOOL, "metrics of every session (false)",
	    set_metrics_session_labels },
	{ "user", "NAME", "the name of an unprivileged user",
	    "identity of the children when started as root (udp46)", set_user },
	{ "metrics.user", "NAME", "the name of an unprivileged user",
	    "identity of the metrics child (as --user)", set_metrics_user },
	{ "chroot", "DIR", "an absolute path of at most 255 characters",
	    "empty directory to lock the children into (/var/empty)", set_chroot },
	{ "check", NULL, NULL, "check the configuration, print what it means, exit (also -n)",
	    set_check },
	{ "version", NULL, NULL, "print version, commit and date, exit", set_version },
	{ "help", NULL, NULL, "print this, exit", set_help },
};

#define NFLAGS (sizeof(flags) / sizeof(flags[0]))

static void
set_defaults(struct options *o)
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

/* By port; 0.0.0.0 is the first that has it. */
static int
compare_listen(const void *a, const void *b)
{
	const struct sockaddr_in *x = a, *y = b;

	if (x->sin_port != y->sin_port)
		return ((int)x->sin_port - (int)y->sin_port);
	if (x->sin_addr.s_addr == y->sin_addr.s_addr)
		return (0);
	return (x->sin_addr.s_addr < y->sin_addr.s_addr ? -1 : 1);
}

/* Whether these two, in this order, cannot be bound both.  Port 0 is another one each time. */
static int
collide(const struct sockaddr_in *x, const struct sockaddr_in *y)
{
	return (x->sin_port == y->sin_port && x->sin_port != 0 &&
	    (x->sin_addr.s_addr == htonl(INADDR_ANY) ||
		x->sin_addr.s_addr == y->sin_addr.s_addr));
}

static int
check_listen(const struct options *o, char *error, size_t size)
{
	char one[ENDPOINT_STRLEN], other[ENDPOINT_STRLEN];
	struct sockaddr_in *sorted;
	uint32_t i;

	if ((sorted = calloc(o->listeners, sizeof(*sorted))) == NULL) {
		snprintf(error, size, "--listen: no memory");
		return (-1);
	}
	memcpy(sorted, o->listen, o->listeners * sizeof(*sorted));
	qsort(sorted, o->listeners, sizeof(*sorted), compare_listen);
	/* The first of several that collide does so with the one after it. */
	for (i = 1; i < o->listeners; i++)
		if (collide(&sorted[i - 1], &sorted[i]))
			break;
	if (i < o->listeners && compare_listen(&sorted[i - 1], &sorted[i]) == 0)
		snprintf(error, size, "--listen: '%s' is given twice: want each once",
		    endpoint_format_ipv4(&sorted[i], one));
	else if (i < o->listeners)
		snprintf(error, size,
		    "--listen %s has the port on every address, --listen %s on one: want one "
		    "of them, or another port",
		    endpoint_format_ipv4(&sorted[i - 1], one),
		    endpoint_format_ipv4(&sorted[i], other));
	free(sorted);
	return (i < o->listeners ? -1 : 0);
}

/* A prefix must not be both allowed and denied. */
static int
check_sources(const struct options *o, char *error, size_t size)
{
	struct source_list list = { 0 };
	struct source_prefix conflict[2];
	char text[SOURCE_PREFIX_STRLEN];
	uint32_t i;
	int built = 0;

	for (i = 0; i < o->nsources && built == 0; i++)
		built = source_list_add(&list, &o->sources[i]);
	while (built == 0)
		built = source_list_build(&list, conflict);
	if (built == -1 && errno == EEXIST)
		snprintf(error, size,
		    "--allow, --deny: '%s' is given to both: want it with one of them",
		    source_prefix_format(&conflict[0], text));
	else if (built == -1)
		snprintf(error, size, "--allow, --deny: %s", strerror(errno));
	source_list_free(&list);
	return (built == -1 ? -1 : 0);
}

/* What the flags mean together. */
static int
check_together(struct options *o, char *error, size_t size)
{
	char given[DURATION_STRLEN], most[DURATION_STRLEN];

	if (o->listeners == 0) {
		snprintf(error, size, "--listen is missing: want %s", flags[0].wanted);
		return (-1);
	}
	if (check_listen(o, error, size) == -1 || check_sources(o, error, size) == -1)
		return (-1);
	if (o->upstream[0] == '\0') {
		snprintf(error, size, "--upstream is missing: want %s", flags[1].wanted);
		return (-1);
	}
	if (o->max_sessions > 0 && o->workers > o->max_sessions) {
		snprintf(error, size,
		    "--workers %u is above --max-sessions %u: want a session a worker at least",
		    o->workers, o->max_sessions);
		return (-1);
	}
	if (o->unreplied_timeout <= o->session_timeout)
		return (0);
	if (!o->unreplied_timeout_given) {
		o->unreplied_timeout = o->session_timeout;
		return (0);
	}
	snprintf(error, size,
	    "--unreplied-timeout %s is above the session timeout: want at most %s",
	    duration_format(o->unreplied_timeout, given, sizeof(given)),
	    duration_format(o->session_timeout, most, sizeof(most)));
	return (-1);
}

/* Whether the element of argv spells the flag in full: getopt takes abbreviations. */
static int
is_exact(const char *element, const char *name)
{
	element += strspn(element, "-");
	return (
	    strcspn(element, "=") == strlen(name) && strncmp(element, name, strlen(name)) == 0);
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

static void
fill_getopt(struct option *longopts)
{
	size_t i;

	memset(longopts, 0, (NFLAGS + 1) * sizeof(*longopts));
	for (i = 0; i < NFLAGS; i++) {
		longopts[i].name = flags[i].name;
		longopts[i].has_arg = flags[i].argument == NULL ? no_argument
		    : flags[i].argument[0] == '['		? optional_argument
								: required_argument;
	}
}

/* `flag` is what stood before it without a value, or NULL. */
static void
refuse_argument(const struct flag *flag, const char *argument, char *error, size_t size)
{
	int ignored;

	if (flag != NULL && flag->argument != NULL && parse_bool(argument, &ignored) == NULL)
		snprintf(error, size, "stray argument '%s': want --%s=%s", argument, flag->name,
		    argument);
	else
		snprintf(error, size, "stray argument '%s': flags only, see --help", argument);
}

int
options_parse(struct options *o, int argc, char **argv, char *error, size_t size)
{
	struct option longopts[NFLAGS + 1];
	const struct flag *flag, *bare = NULL;
	const char *wrong;
	int c, at, index;

	set_defaults(o);
	fill_getopt(longopts);
	opterr = 0;
	optind = 0; /* glibc: start afresh */
	for (at = 1;; at = optind) {
		index = -1;
		c = getopt_long_only(argc, argv, "+:n", longopts, &index);
		if (c == -1)
			break;
		if (c == 'n') {
			o->action = OPTIONS_CHECK;
			bare = NULL;
			continue;
		}
		if (c == ':') {
			snprintf(error, size, "%s has no value: see --help", argv[at]);
			return (-1);
		}
		if (c == '?' || !is_exact(argv[at], flags[index].name)) {
			snprintf(
			    error, size, "unknown flag or value '%s': see --help", argv[at]);
			return (-1);
		}
		flag = &flags[index];
		bare = optarg == NULL ? flag : NULL;
		wrong = has_control(optarg) ? "has a control character" : flag->set(o, optarg);
		if (wrong != NULL) {
			snprintf(error, size, "--%s: '%s' %s: want %s", flag->name,
			    optarg != NULL ? optarg : "", wrong, flag->wanted);
			return (-1);
		}
		if (o->action == OPTIONS_HELP || o->action == OPTIONS_VERSION)
			return (0);
	}
	if (optind < argc) {
		refuse_argument(bare, argv[optind], error, size);
		return (-1);
	}
	return (check_together(o, error, size));
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
}

void
options_usage(FILE *out)
{
	char left[64];
	size_t i;

	fprintf(out, "usage: udp46 --listen ADDR:PORT --upstream HOST:PORT [flag ...]\n\n");
	for (i = 0; i < NFLAGS; i++) {
		snprintf(left, sizeof(left), "--%s%s%s", flags[i].name,
		    flags[i].argument == NULL || flags[i].argument[0] == '[' ? "" : " ",
		    flags[i].argument == NULL ? "" : flags[i].argument);
		fprintf(out, "  %-31s %s\n", left, flags[i].help);
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
	fprintf(out, "%-26s %s\n", "segment-offload", offload_names[o->segment_offload]);
	fprintf(out, "%-26s %s\n", "fragment", fragment_names[o->fragment]);
	print_duration(out, "write-timeout", o->write_timeout, "");
	print_number(out, "workers", o->workers, "one a CPU");
	print_duration(out, "resolve-interval", o->resolve_interval, "never again");
	fprintf(out, "%-26s %s\n", "log-level", level_names[o->log_level]);
	fprintf(out, "%-26s %s\n", "log-format", format_names[o->log_format]);
	fprintf(out, "%-26s %s\n", "metrics.enabled", o->metrics_enabled ? "true" : "false");
	print_text(out, "metrics.listen", o->metrics_listen);
	fprintf(out, "%-26s %s\n", "metrics.session-labels",
	    o->metrics_session_labels ? "true" : "false");
	print_text(out, "user", o->user);
	print_text(out, "metrics.user", o->metrics_user != NULL ? o->metrics_user : o->user);
	print_text(out, "chroot", o->chroot);
}
