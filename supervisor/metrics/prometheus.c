#include <arpa/inet.h>

#include "common/clock.h"
#include "common/endpoint.h"
#include "supervisor/metrics/prometheus.h"

#define U(x) ((unsigned long long)(x))

/* A piece of the text is about so long, however many listeners there are. */
#define PIECE_SIZE 32768

/* Where the numbers come from: what was told, and the sum of what all relays count. */
struct prometheus {
	const struct msg_metrics_config *config;
	const struct msg_metrics_status *status;
	const struct source *relay;
	const struct msg_listener *listener;
	const struct process *supervisor;
	const struct process *metrics;
	int64_t started;
	struct totals totals;
};

static void
head(struct text *t, const char *name, const char *type, const char *help)
{
	text_printf(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A family of one sample without labels. */
static void
single(struct text *t, const char *name, const char *type, const char *help, uint64_t value)
{
	head(t, name, type, help);
	text_printf(t, "%s %llu\n", name, U(value));
}

/* Seconds since the epoch, as Prometheus wants times. */
static void
timestamp(struct text *t, const char *name, const char *help, int64_t ns)
{
	head(t, name, "gauge", help);
	text_printf(t, "%s %lld.%03u\n", name, (long long)(ns / SECOND),
	    (unsigned int)(ns % SECOND / MILLISECOND));
}

static const char *
listener_name(const struct msg_listener *listener, char *buf)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = listener->port,
		.sin_addr = { listener->address },
	};

	return (endpoint_format_ipv4(&sin, buf));
}

/* ---- listeners: one or several samples each of every family ---- */

/* One sample: `member` is the counter's place in a listener's totals. */
static void
by_listener(
    struct text *t, const char *name, size_t member, const char *listener, const char *totals)
{
	text_printf(t, "%s{listener=\"%s\"} %llu\n", name, listener,
	    U(*(const uint64_t *)(const void *)(totals + member)));
}

/* One for each direction: `member` is the place of an array of two. */
static void
by_direction(
    struct text *t, const char *name, size_t member, const char *listener, const char *totals)
{
	const uint64_t *values = (const void *)(totals + member);
	int d;

	for (d = 0; d < DIRECTION_MAX; d++)
		text_printf(t, "%s{listener=\"%s\",direction=\"%s\"} %llu\n", name, listener,
		    direction_names[d], U(values[d]));
}

static void
by_reason(
    struct text *t, const char *name, size_t member, const char *listener, const char *totals)
{
	const uint64_t *values = (const void *)(totals + member);
	int d, reason;

	for (d = 0; d < DIRECTION_MAX; d++)
		for (reason = 0; reason < DROP_REASON_MAX; reason++)
			text_printf(t,
			    "%s{listener=\"%s\",direction=\"%s\",reason=\"%s\"} %llu\n", name,
			    listener, direction_names[d], drop_reason_names[reason],
			    U(*values++));
}

static void
by_operation(
    struct text *t, const char *name, size_t member, const char *listener, const char *totals)
{
	const uint64_t *values = (const void *)(totals + member);
	int operation;

	for (operation = 0; operation < OPERATION_MAX; operation++)
		text_printf(t, "%s{listener=\"%s\",operation=\"%s\"} %llu\n", name, listener,
		    operation_names[operation], U(values[operation]));
}

#define MEMBER(member) offsetof(struct listener_totals, member)

static const struct {
	const char *name;
	const char *type;
	const char *help;
	size_t member;
	void (*write)(struct text *t, const char *name, size_t member, const char *listener,
	    const char *totals);
} listener_families[] = {
	{ "udp46_listener_sessions", "gauge", "Sessions of a listener that are open now.",
	    MEMBER(sessions), by_listener },
	{ "udp46_datagrams_total", "counter", "Datagrams relayed.", MEMBER(datagrams),
	    by_direction },
	{ "udp46_bytes_total", "counter", "Bytes of payload relayed.", MEMBER(bytes),
	    by_direction },
	{ "udp46_drops_total", "counter", "Datagrams dropped, by reason.", MEMBER(drops),
	    by_reason },
	{ "udp46_errors_total", "counter",
	    "Errors of sockets, ICMP errors among them, by the operation that met them.",
	    MEMBER(errors), by_operation },
	{ "udp46_upstream_socket_open_errors_total", "counter",
	    "Clients for whom no upstream socket was to be had.",
	    MEMBER(upstream_socket_open_errors), by_listener },
	{ "udp46_upstream_write_errors_total", "counter", "Sends to the upstream that failed.",
	    MEMBER(errors[UPSTREAM_WRITE]), by_listener },
	{ "udp46_client_write_errors_total", "counter", "Sends to clients that failed.",
	    MEMBER(errors[CLIENT_WRITE]), by_listener },
	{ "udp46_receive_queue_drops_total", "counter",
	    "Datagrams that the kernel dropped because a socket's receive buffer was full.",
	    MEMBER(receive_queue_drops), by_direction },
};

#define LISTENER_FAMILIES (sizeof(listener_families) / sizeof(listener_families[0]))

/* One listener's samples of one family: what all relays have counted there. */
static void
listener_samples(struct text *t, const struct prometheus *p, uint32_t family, uint32_t listener)
{
	char name[ENDPOINT_STRLEN];
	struct listener_totals sum = p->relay[0].totals->listener[listener];
	uint32_t i;

	for (i = 1; i < p->config->workers; i++)
		totals_add_listener(&sum, &p->relay[i].totals->listener[listener]);
	listener_families[family].write(t, listener_families[family].name,
	    listener_families[family].member, listener_name(&p->listener[listener], name),
	    (const char *)&sum);
}

/* From `place` on, a piece.  Returns whether that was all. */
static int
listeners(struct text *t, const struct prometheus *p, struct prometheus_place *place)
{
	for (; place->family < LISTENER_FAMILIES; place->family++, place->listener = 0) {
		for (; place->listener < p->config->listeners; place->listener++) {
			if (t->len >= PIECE_SIZE)
				return (0);
			if (place->listener == 0)
				head(t, listener_families[place->family].name,
				    listener_families[place->family].type,
				    listener_families[place->family].help);
			listener_samples(t, p, place->family, place->listener);
		}
	}
	return (1);
}

/* ---- the program, the upstream, sessions, workers ---- */

static void
histogram(struct text *t, const char *name, const char *help, const struct histogram *h)
{
	static const int bounds[HISTOGRAM_BUCKETS - 1] = HISTOGRAM_BOUNDS;
	uint64_t count = 0;
	int i;

	head(t, name, "histogram", help);
	for (i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		count += h->bucket[i];
		text_printf(t, "%s_bucket{le=\"%d\"} %llu\n", name, bounds[i], U(count));
	}
	count += h->bucket[i];
	text_printf(t, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %llu.%09llu\n%s_count %llu\n", name,
	    U(count), name, U(h->sum / SECOND), U(h->sum % SECOND), name, U(count));
}

static void
sessions(struct text *t, const struct prometheus *p)
{
	const struct totals *n = &p->totals;
	uint64_t active = 0;
	int i;

	for (i = 0; i < SESSION_CLOSED; i++)
		active += n->sessions[i];
	single(t, "udp46_sessions_active", "gauge", "Sessions that are open now.", active);
	single(t, "udp46_session_capacity", "gauge", "Sessions that can be open at once.",
	    p->config->session_capacity);
	head(t, "udp46_sessions", "gauge", "Sessions that are open now, by state.");
	for (i = 0; i < SESSION_CLOSED; i++)
		text_printf(t, "udp46_sessions{state=\"%s\"} %llu\n", session_state_names[i],
		    U(n->sessions[i]));
	single(t, "udp46_sessions_created_total", "counter", "Sessions opened.",
	    n->sessions_created);
	single(t, "udp46_sessions_expired_total", "counter",
	    "Sessions closed because both sides were silent.",
	    n->sessions_closed[CLOSE_IDLE_TIMEOUT]);
	head(t, "udp46_sessions_closed_total", "counter", "Sessions closed, by reason.");
	for (i = 0; i < CLOSE_REASON_MAX; i++)
		text_printf(t, "udp46_sessions_closed_total{reason=\"%s\"} %llu\n",
		    close_reason_names[i], U(n->sessions_closed[i]));
	head(t, "udp46_sessions_evicted_total", "counter",
	    "Sessions closed in favour of a new one, by the state they were in.");
	for (i = 0; i < SESSION_CLOSED; i++)
		text_printf(t, "udp46_sessions_evicted_total{state=\"%s\"} %llu\n",
		    session_state_names[i], U(n->sessions_evicted[i]));
	single(t, "udp46_sessions_restored_total", "counter",
	    "Sessions that a relay took over from one that had crashed.", n->sessions_restored);
	histogram(t, "udp46_session_duration_seconds", "Age of sessions when they were closed.",
	    &n->session_duration);
	histogram(t, "udp46_session_idle_seconds",
	    "How long sessions had been silent when they were closed.", &n->session_idle);
}

static void
restarts(struct text *t, const struct prometheus *p)
{
	static const char name[] = "udp46_child_restarts_total";
	char worker[WORKER_NAME_MAX];
	uint32_t i;

	head(t, name, "counter", "Children started again after they ended.");
	for (i = 0; i < p->config->workers; i++)
		text_printf(t, "%s{child=\"%s\"} %llu\n", name,
		    worker_name(i, p->config->workers, worker),
		    U(p->status->relay_restarts[i]));
	text_printf(t, "%s{child=\"metrics\"} %llu\n", name, U(p->status->metrics_restarts));
	text_printf(t, "%s{child=\"resolver\"} %llu\n", name, U(p->status->resolver_restarts));
}

/* One sample without a label from the only relay, or one a relay. */
static void
relay_up(struct text *t, const struct prometheus *p)
{
	static const char name[] = "udp46_relay_up";
	char worker[WORKER_NAME_MAX];
	uint32_t i, n = p->config->workers;

	head(t, name, "gauge", "Whether the relay answered just now.");
	if (n == 1)
		text_printf(t, "%s %d\n", name, p->relay[0].up);
	for (i = 0; n > 1 && i < n; i++)
		text_printf(t, "%s{child=\"%s\"} %d\n", name, worker_name(i, n, worker),
		    p->relay[i].up);
}

/* ---- processes: the supervisor by the names that all programs use, then its children ---- */

static void
sample_of(struct text *t, const char *name, const char *child, uint64_t value)
{
	text_printf(t, "%s{child=\"%s\"} %llu\n", name, child, U(value));
}

static void
seconds(struct text *t, uint64_t ns)
{
	text_printf(t, " %llu.%06llu\n", U(ns / SECOND), U(ns % SECOND / MICROSECOND));
}

static void
seconds_of(struct text *t, const char *name, const char *child, uint64_t ns)
{
	text_printf(t, "%s{child=\"%s\"}", name, child);
	seconds(t, ns);
}

/* One sample of each child that stays: `member` is its place in a struct process. */
static void
by_child(struct text *t, const struct prometheus *p, const char *name, size_t member,
    void (*sample)(struct text *t, const char *name, const char *child, uint64_t value))
{
	char worker[WORKER_NAME_MAX];
	uint32_t i, n = p->config->workers;

#define VALUE(process) (*(const uint64_t *)(const void *)((const char *)(process) + member))
	for (i = 0; i < n; i++)
		sample(t, name, worker_name(i, n, worker), VALUE(&p->relay[i].process));
	sample(t, name, "metrics", VALUE(p->metrics));
#undef VALUE
}

static void
supervisor(struct text *t, const struct prometheus *p)
{
	static const char cpu[] = "process_cpu_seconds_total";

	head(t, cpu, "counter", "CPU time that the supervisor has used.");
	text_printf(t, "%s", cpu);
	seconds(t, p->supervisor->cpu);
	single(t, "process_resident_memory_bytes", "gauge", "Memory of the supervisor.",
	    p->supervisor->resident);
	single(t, "process_virtual_memory_bytes", "gauge", "Address space of the supervisor.",
	    p->supervisor->virtual);
	single(t, "process_open_fds", "gauge", "Descriptors that the supervisor has open.",
	    p->supervisor->descriptors);
	single(t, "process_max_fds", "gauge", "Descriptors that the supervisor may have.",
	    p->config->descriptors);
}

static void
children(struct text *t, const struct prometheus *p)
{
	static const char cpu[] = "udp46_child_cpu_seconds_total";
	static const char memory[] = "udp46_child_resident_memory_bytes";
	static const char descriptors[] = "udp46_child_open_fds";

	head(t, cpu, "counter", "CPU time used by a child and by those before it.");
	by_child(t, p, cpu, offsetof(struct process, cpu), seconds_of);
	seconds_of(t, cpu, "resolver", p->status->resolver_cpu);
	head(t, memory, "gauge", "Memory of a child; 0 while it does not run.");
	by_child(t, p, memory, offsetof(struct process, resident), sample_of);
	head(t, descriptors, "gauge",
	    "Descriptors that a child has open; 0 while it does not run.");
	by_child(t, p, descriptors, offsetof(struct process, descriptors), sample_of);
}

static void
program(struct text *t, const struct prometheus *p)
{
	head(t, "udp46_build_info", "gauge", "The build that runs; always 1.");
	text_printf(t, "udp46_build_info{version=\"%s\",commit=\"%s\",date=\"%s\"} 1\n",
	    p->config->version, p->config->commit, p->config->date);
	timestamp(t, "process_start_time_seconds",
	    "When the program was started, in seconds since the epoch.", p->started);
	relay_up(t, p);
	single(t, "udp46_listeners", "gauge", "Addresses that are listened on.",
	    p->config->listeners);
	restarts(t, p);
	supervisor(t, p);
	children(t, p);
	single(t, "udp46_log_records_suppressed_total", "counter",
	    "Log records held back by the limit, or lost because nobody read them.",
	    p->totals.log_records_suppressed + p->status->log_records_lost);
}

static void
upstream(struct text *t, const struct prometheus *p)
{
	int64_t last = p->totals.upstream_last_reply, silent = p->status->silent_since;

	head(t, "udp46_upstream_info", "gauge", "The upstream's address; always 1.");
	text_printf(t, "udp46_upstream_info{address=\"%s\"} 1\n", p->status->upstream);
	single(t, "udp46_upstream_changes_total", "counter",
	    "Times that another address of the upstream's name was taken.",
	    p->status->upstream_changes);
	single(t, "udp46_upstream_source_changes_total", "counter",
	    "Times that sessions got another source address or interface towards the upstream.",
	    p->status->source_changes);
	single(t, "udp46_upstream_path_mtu_bytes", "gauge",
	    "Largest IPv6 packet that crosses the path to the upstream whole, as far as the "
	    "kernel knows; 0 before there was a route.",
	    p->status->path_mtu);
	timestamp(t, "udp46_upstream_last_reply_timestamp_seconds",
	    "When the upstream was last heard, in seconds since the epoch; 0: not yet.",
	    last == 0 ? 0 : clock_wall_at(last));
	timestamp(t, "udp46_upstream_silent_since_timestamp_seconds",
	    "Since when clients wait in vain for the upstream; 0: they do not.",
	    silent == 0 ? 0 : clock_wall_at(silent));
	single(t, "udp46_dns_resolve_errors_total", "counter",
	    "Look-ups of the upstream's name that failed.", p->status->resolve_errors);
}

/* How the work is spread: only with several workers. */
static void
workers(struct text *t, const struct prometheus *p)
{
	static const char active[] = "udp46_worker_sessions_active";
	static const char relayed[] = "udp46_worker_datagrams_total";
	char worker[WORKER_NAME_MAX];
	const struct totals *n;
	uint64_t sum;
	uint32_t i, l, d;

	head(t, active, "gauge", "Sessions of one worker that are open now.");
	for (i = 0; i < p->config->workers; i++) {
		n = p->relay[i].totals;
		for (sum = d = 0; d < SESSION_CLOSED; d++)
			sum += n->sessions[d];
		text_printf(t, "%s{child=\"%s\"} %llu\n", active,
		    worker_name(i, p->config->workers, worker), U(sum));
	}
	head(t, relayed, "counter", "Datagrams relayed by one worker.");
	for (i = 0; i < p->config->workers; i++) {
		for (d = 0; d < DIRECTION_MAX; d++) {
			for (sum = l = 0; l < p->config->listeners; l++)
				sum += p->relay[i].totals->listener[l].datagrams[d];
			text_printf(t, "%s{child=\"%s\",direction=\"%s\"} %llu\n", relayed,
			    worker_name(i, p->config->workers, worker), direction_names[d],
			    U(sum));
		}
	}
}

static void
add_up(struct prometheus *p, const struct sources *from)
{
	uint32_t i;

	*p = (struct prometheus){ &from->config, &from->status, from->relay, from->listener,
		&from->supervisor, &from->metrics, from->started, *from->relay[0].totals };
	for (i = 1; i < from->config.workers; i++)
		totals_add(&p->totals, from->relay[i].totals);
	/* What no relay can count. */
	p->totals.sessions_closed[CLOSE_RESTORE_FAILED] += from->status.sessions_discarded;
}

int
prometheus_totals(struct text *t, const struct sources *from, struct prometheus_place *place)
{
	struct prometheus p;

	add_up(&p, from);
	if (place->family == 0 && place->listener == 0) {
		program(t, &p);
		upstream(t, &p);
		sessions(t, &p);
	}
	if (!listeners(t, &p, place))
		return (0);
	single(t, "udp46_segment_offload_fallbacks_total", "counter",
	    "Segmented sends that were refused and repeated datagram by datagram.",
	    p.totals.segment_offload_fallbacks);
	if (from->config.workers > 1)
		workers(t, &p);
	return (1);
}

/* ---- sessions ---- */

static const struct {
	const char *name;
	const char *type;
	const char *help;
} session_families[] = {
	{ "udp46_session_info", "gauge", "An open session and its addresses; always 1." },
	{ "udp46_session_packets_total", "counter", "Datagrams relayed for an open session." },
	{ "udp46_session_bytes_total", "counter", "Bytes relayed for an open session." },
	{ "udp46_session_last_activity_timestamp_seconds", "gauge",
	    "When either side of an open session was last heard, in seconds since the epoch." },
};
_Static_assert(
    sizeof(session_families) / sizeof(session_families[0]) == SESSION_FAMILY_MAX, "");

void
prometheus_session_head(struct text *t, enum session_family family)
{
	head(t, session_families[family].name, session_families[family].type,
	    session_families[family].help);
}

static void
session_info(
    struct text *t, const char *listener, const struct sources *p, const struct msg_session *s)
{
	char address[ENDPOINT_HOST_MAX + 1];
	uint16_t port = 0;

	(void)endpoint_split(p->status.upstream, address, &port);
	text_printf(t,
	    "udp46_session_info{session_id=\"%016llx\",listener=\"%s\",client_address=\"",
	    U(s->record.id), listener);
	text_ipv4(t, s->record.client_address);
	text_printf(
	    t, "\",client_port=\"%u\",upstream_local_address=\"", ntohs(s->record.client_port));
	text_ipv6(t, s->upstream_local_address);
	text_printf(t,
	    "\",upstream_local_port=\"%u\",upstream_remote_address=\"%s\","
	    "upstream_remote_port=\"%u\"} 1\n",
	    ntohs(s->upstream_local_port), address, port);
}

static void
session_samples(struct text *t, enum session_family family, const char *listener,
    const struct msg_session *s)
{
	const int64_t last[] = { s->last_client, s->last_upstream };
	int d;

	for (d = 0; d < DIRECTION_MAX; d++) {
		text_printf(t, "%s{session_id=\"%016llx\",listener=\"%s\",direction=\"%s\"} ",
		    session_families[family].name, U(s->record.id), listener,
		    direction_names[d]);
		if (family == SESSION_FAMILY_LAST_ACTIVITY)
			text_printf(t, "%lld.%03u\n", (long long)(last[d] / SECOND),
			    (unsigned int)(last[d] % SECOND / MILLISECOND));
		else
			text_printf(t, "%llu\n",
			    U(family == SESSION_FAMILY_PACKETS ? s->packets[d] : s->bytes[d]));
	}
}

void
prometheus_session(struct text *t, enum session_family family, const struct sources *p,
    const struct msg_session *s)
{
	char listener[ENDPOINT_STRLEN];

	if (s->record.listener >= p->config.listeners)
		return;
	listener_name(&p->listener[s->record.listener], listener);
	if (family == SESSION_FAMILY_INFO)
		session_info(t, listener, p, s);
	else
		session_samples(t, family, listener, s);
}
