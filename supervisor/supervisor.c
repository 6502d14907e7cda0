/*
 * The supervisor: binds what is to be bound, gives up what it need not keep, starts children,
 * and watches over them.  It never looks into a datagram.
 */
#include <sys/wait.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/confine.h"
#include "supervisor/activation.h"
#include "supervisor/adoption.h"
#include "supervisor/capacity.h"
#include "supervisor/children.h"
#include "supervisor/dry_run.h"
#include "supervisor/fd_store.h"
#include "supervisor/http_listener.h"
#include "supervisor/identity.h"
#include "supervisor/inherited.h"
#include "supervisor/ipv6.h"
#include "supervisor/log_output.h"
#include "supervisor/log_writer.h"
#include "supervisor/notify.h"
#include "supervisor/program.h"
#include "supervisor/route.h"
#include "supervisor/silence.h"
#include "supervisor/signals.h"
#include "supervisor/source_filter.h"
#include "supervisor/state_reader.h"
#include "supervisor/state_writer.h"
#include "supervisor/status.h"
#include "supervisor/supervisor.h"
#include "supervisor/totals_log.h"
#include "supervisor/udp_listeners.h"
#include "supervisor/upgrade.h"
#include "supervisor/upstream.h"
#include "supervisor/version.h"

enum {
	PFD_SIGNALS,
	PFD_ROUTE,
	PFD_UPGRADE,
	PFD_RESOLVER,
	PFD_CHILDREN = PFD_RESOLVER + CHILD_POLLFDS
};

struct supervisor {
	struct options *options;
	enum log_format format;
	int signals; /* signalfd */
	int64_t now;
	int announced;
	int totals_wanted; /* as soon as there are some */
	struct msg_identity identity;
	struct upstream_name upstream;
	struct route route;
	struct silence silence;
	int begun; /* its address is known, and the children were started */
	struct adoption adoption;
	struct upgrade upgrade;
	struct state_reader state;
	struct state_writer writer;
	struct children children;

	struct notify notify;
	int ready;	   /* it was told so */
	int reloading;	   /* it was told that, and not yet that this is over */
	int64_t status_at; /* when to look next whether its status has changed */
	struct fd_store fd_store;
};

/* How often the status is looked at: as often as the route, for which we wake up anyway. */
#define STATUS_EVERY (10 * SECOND)

static struct supervisor supervisor;

static void
start_log(struct supervisor *s)
{
	const struct options *o = s->options;

	s->format = o->log_format == FORMAT_TEXT ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
	if (o->log_format == FORMAT_AUTO && isatty(STDOUT_FILENO))
		s->format = LOG_FORMAT_TEXT;
	else if (o->log_format == FORMAT_AUTO && log_output_is_journal(STDOUT_FILENO))
		s->format = LOG_FORMAT_JOURNAL;
	log_writer_open(STDOUT_FILENO);
	log_init(o->log_level, log_writer, &s->format);
}

/* Once, when every child is ready. */
static void
announce(struct supervisor *s)
{
	const struct keepers *keepers = &s->children.keepers;
	const struct msg_identity *identity = &keepers->keeper[0].identity;
	char upstream[ENDPOINT_STRLEN];
	uint32_t i, capacity = 0;

	s->announced = 1;
	children_count_descriptors(&s->children);
	for (i = 0; i < keepers->count; i++)
		capacity += keepers->keeper[i].config.sessions_max;
	log_info("started",
	    "version=%s upstream=%s listeners=%u workers=%u session_capacity=%u pid=%d "
	    "namespaces=%hhu landlock=%u",
	    version, upstream_format(&keepers->upstream, upstream), s->options->listeners,
	    keepers->count, capacity, getpid(), identity->namespaces, identity->landlock);
}

/* The listener for HTTP; -1: none. */
static int
http(const struct supervisor *s)
{
	return (s->options->metrics_enabled ? s->children.exporter.listener : -1);
}

/* The same if a successor can use it: that of a Unix socket makes its file anew. */
static int
lasting_http(const struct supervisor *s)
{
	int is_unix = strncmp(s->options->metrics_listen, "unix:", 5) == 0;

	return (is_unix ? -1 : http(s));
}

/* The upstream's address is known: what depends on it, and the children. */
static void
begin(struct supervisor *s)
{
	struct children *c = &s->children;

	keepers_init(s->options, &s->upstream.address, &s->identity, &c->keepers);
	adoption_finish(&s->adoption, &c->keepers);
	state_reader_restore(&s->state, &c->keepers, s->now);
	state_writer_start(&s->writer, &c->keepers, s->now);
	if (s->options->metrics_enabled)
		exporter_init(s->options, &c->keepers, &c->exporter);
	fd_store_init(&s->fd_store, &s->notify, &c->keepers, lasting_http(s), s->now);
	children_start(c, s->now);
	s->begun = 1;
}

static void
upstream_changed(struct supervisor *s)
{
	struct exporter *e = &s->children.exporter;

	if (!s->begun) {
		begin(s);
		return;
	}
	keepers_move(&s->children.keepers, &s->upstream.address, s->now);
	e->status.upstream_changes++;
	endpoint_format_ipv6(&s->upstream.address, e->status.upstream);
	e->changed = 1;
	/* The way there may be another. */
	s->route.look_at = s->now;
}

static void
watch_route(struct supervisor *s)
{
	struct keepers *keepers = &s->children.keepers;
	struct exporter *e = &s->children.exporter;
	int moved;

	if (!s->begun)
		return;
	moved = route_turn(&s->route, &keepers->upstream, s->now);
	if (moved) {
		keepers_reroute(keepers, s->now);
		e->status.source_changes++;
	}
	if (moved || e->status.path_mtu != s->route.path_mtu)
		e->changed = 1;
	e->status.path_mtu = s->route.path_mtu;
}

static void
watch_silence(struct supervisor *s)
{
	const struct keepers *k = &s->children.keepers;
	struct exporter *e = &s->children.exporter;

	if (s->begun && s->now >= s->silence.look_at)
		silence_turn(&s->silence, &k->upstream, keepers_last_reply(k, s->now), s->now);
	if (e->status.silent_since != s->silence.since)
		e->changed = 1;
	e->status.silent_since = s->silence.since;
}

static void
watch_resolver(struct supervisor *s)
{
	const struct upstream_name *u = &s->upstream;
	struct exporter *e = &s->children.exporter;

	if (e->status.resolve_errors == u->errors &&
	    e->status.resolver_cpu == u->resolver.child.cpu)
		return;
	e->status.resolve_errors = u->errors;
	e->status.resolver_cpu = u->resolver.child.cpu;
	e->changed = 1;
}

static void
log_totals(struct supervisor *s)
{
	s->totals_wanted = !s->begun;
	if (s->begun)
		totals_log(&s->children.keepers, children_restarts(&s->children));
}

/* ---- the service manager ---- */

/*
 * Others wait for what they ask for: a host that boots must not wait for the network because of
 * us.  So we are ready when children are, with or without a way to the upstream, or when all that
 * is missing is an answer about its name: then nobody can do anything but wait.
 */
static int
is_ready(const struct supervisor *s)
{
	return (s->announced || (!s->begun && s->upstream.errors > 0));
}

static void
tell_status(struct supervisor *s)
{
	char status[NOTIFY_STATUS_MAX];

	s->status_at = s->now + STATUS_EVERY;
	if (s->begun)
		status_format(&s->children.keepers, s->now, status, sizeof(status));
	else
		snprintf(status, sizeof(status), "waiting for the address of %s",
		    s->options->upstream);
	notify_status(&s->notify, status);
}

/* Its end is READY, of whoever has taken over if that is what it comes to. */
static void
begin_reload(struct supervisor *s)
{
	if (!s->ready)
		return;
	notify_reloading(&s->notify);
	s->reloading = 1;
}

static void
tell_manager(struct supervisor *s)
{
	if (s->notify.fd == -1)
		return;
	if (!s->ready && is_ready(s)) {
		s->ready = 1;
		notify_ready(&s->notify, s->now);
	}
	/* Not when a name has been looked up: that takes its time, and goes on anyway. */
	if (s->reloading && s->upgrade.program == -1 &&
	    source_filter_deadline(&s->children.keepers.sources, s->now) == NEVER) {
		s->reloading = 0;
		notify_ready(&s->notify, s->now);
	}
	if (s->ready && s->now >= s->status_at)
		tell_status(s);
	fd_store_turn(&s->fd_store, s->now);
}

static int64_t
manager_deadline(const struct supervisor *s)
{
	int64_t deadline = notify_deadline(&s->notify);

	if (s->notify.fd == -1 || s->children.stopping)
		return (deadline);
	deadline = clock_earlier(deadline, fd_store_deadline(&s->fd_store));
	return (s->ready ? clock_earlier(deadline, s->status_at) : deadline);
}

/* ---- loop ---- */

static void
stop(struct supervisor *s, int signo)
{
	int upgrading = s->upgrade.ready;

	/* Whoever wants the end wants no successor in our place. */
	upgrade_cancel(&s->upgrade);
	if (s->children.stopping && !upgrading)
		return;
	log_info("stopping", "signal=%s", signals_name(signo));
	notify_stopping(&s->notify);
	resolver_stop(&s->upstream.resolver, s->now);
	/* Before they are closed. */
	state_writer_stop(&s->writer, s->now);
	/* It may be a restart: who comes next finds all sessions in the manager's store. */
	children_stop(&s->children, s->begun && s->fd_store.max > 0, s->now);
}

static void
upgrade(struct supervisor *s)
{
	if (!upgrade_turn(&s->upgrade, s->now))
		return;
	log_info("upgrading", "program=%s version=%s", program_path(), version);
	resolver_stop(&s->upstream.resolver, s->now);
	/* It was written when this was asked for. */
	state_writer_hurry(&s->writer, s->now);
	children_stop(&s->children, 1, s->now);
}

static void
refresh(struct supervisor *s)
{
	int name = upstream_look_up(&s->upstream, s->now);
	int file = source_filter_reload(&s->children.keepers.sources);

	if (name == -1 && file == -1)
		log_info("signal ignored", "signal=%s reason=%s", "HUP",
		    "the upstream is not given by name, and there is no source file");
	begin_reload(s);
}

static int
is_ours(const struct supervisor *s, pid_t pid)
{
	uint32_t i;

	for (i = 0; i < s->children.count; i++)
		if (pid == s->children.child[i].pid)
			return (1);
	return (pid == s->upstream.resolver.child.pid || pid == s->writer.pid ||
	    pid == s->upgrade.checker);
}

/*
 * Children that we have not started: what the program before us in this process did not wait for,
 * and in a container, whose first process we may be, all that lose their parent.
 */
static void
reap_others(const struct supervisor *s)
{
	siginfo_t info = { 0 };

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0 &&
	    !is_ours(s, info.si_pid)) {
		(void)waitpid(info.si_pid, NULL, WNOHANG);
		info.si_pid = 0;
	}
}

static void
take_signals(struct supervisor *s)
{
	int signo;

	while ((signo = signals_next(s->signals)) != 0) {
		switch (signo) {
		case SIGCHLD:
			children_reap(&s->children, s->now);
			state_writer_reap(&s->writer, s->now);
			reap_others(s);
			break;
		case SIGTERM:
		case SIGINT:
			stop(s, signo);
			break;
		case SIGHUP:
			refresh(s);
			break;
		case SIGUSR1:
			log_totals(s);
			break;
		case SIGUSR2:
			if (s->children.stopping)
				break;
			upgrade_begin(&s->upgrade, &s->children.keepers, http(s), s->now);
			/* If the other one fails, it has come to an end, too. */
			state_writer_flush(&s->writer, s->now);
			begin_reload(s);
			break;
		}
	}
}

/* Something is wrong on the way to the upstream, a relay says. */
static void
look_at_trouble(struct supervisor *s)
{
	struct troubles *trouble = &s->children.troubles;
	struct keepers *k = &s->children.keepers;
	int64_t reply;

	if (trouble->child == NULL)
		return;
	reply = keepers_last_reply(k, s->now);
	upstream_suspect(&s->upstream, s->now);
	if (trouble->error != 0)
		outage_heard(&k->outage, trouble->child->name, &k->upstream, trouble->error,
		    reply, s->now);
	silence_heard(&s->silence, &k->upstream, trouble->vain_since, reply,
	    k->outage.kind != OUTAGE_NONE, s->now);
	if (upstream_fail_over(&s->upstream, trouble->vain_since, reply, s->now))
		upstream_changed(s);
	*trouble = (struct troubles){ 0 };
}

static void
supervisor_turn(struct supervisor *s, const struct pollfd *pfd)
{
	struct keepers *k = &s->children.keepers;

	children_hear(&s->children, &pfd[PFD_CHILDREN], s->now);
	if (pfd[PFD_SIGNALS].revents != 0)
		take_signals(s);
	state_writer_turn(&s->writer, s->now);
	if (s->children.stopping)
		return;
	upgrade(s);
	look_at_trouble(s);
	source_filter_turn(&s->children.keepers.sources);
	if (upstream_turn(&s->upstream, s->now))
		upstream_changed(s);
	if (pfd[PFD_ROUTE].revents != 0)
		route_hear(&s->route, s->now);
	watch_route(s);
	if (s->begun && s->now >= k->outage.look_at)
		outage_turn(&k->outage, &k->upstream, keepers_last_reply(k, s->now), s->now);
	watch_silence(s);
	watch_resolver(s);
	if (s->begun && !s->announced && children_ready(&s->children))
		announce(s);
	if (s->totals_wanted)
		log_totals(s);
	children_turn(&s->children, s->now);
	tell_manager(s);
}

/* The earliest of what is not the children's. */
static int64_t
own_deadline(const struct supervisor *s)
{
	const struct keepers *k = &s->children.keepers;
	int64_t deadline = clock_earlier(log_writer_deadline(), manager_deadline(s));

	deadline = clock_earlier(deadline, state_writer_deadline(&s->writer));
	if (s->children.stopping)
		return (deadline);
	deadline = clock_earlier(deadline, upstream_deadline(&s->upstream, s->now));
	deadline = clock_earlier(deadline, source_filter_deadline(&k->sources, s->now));
	deadline = clock_earlier(deadline, upgrade_deadline(&s->upgrade));
	if (!s->begun)
		return (deadline);
	deadline = clock_earlier(deadline, k->outage.look_at);
	deadline = clock_earlier(deadline, s->silence.look_at);
	return (clock_earlier(deadline, route_deadline(&s->route)));
}

static void
supervisor_loop(struct supervisor *s)
{
	struct pollfd pfd[PFD_CHILDREN + CHILDREN_POLLFDS];
	int64_t deadline;
	nfds_t n;

	pfd[PFD_SIGNALS] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	do {
		route_watch(&s->route, &pfd[PFD_ROUTE]);
		if (s->children.stopping)
			pfd[PFD_ROUTE].fd = -1;
		upgrade_watch(&s->upgrade, &pfd[PFD_UPGRADE]);
		upstream_watch(&s->upstream, s->now, &pfd[PFD_RESOLVER]);
		n = PFD_CHILDREN + children_watch(&s->children, s->now, &pfd[PFD_CHILDREN]);
		deadline =
		    clock_earlier(children_deadline(&s->children, s->now), own_deadline(s));
		if (poll(pfd, n, clock_timeout(deadline, s->now)) == -1 && errno != EINTR)
			err(EXIT_REFUSED, "poll");
		s->now = clock_now();
		supervisor_turn(s, pfd);
		log_writer_turn(s->now);
		/* Here and not by a timer's signal: it says that this loop goes round. */
		notify_turn(&s->notify, s->now);
	} while (!s->children.stopping || !children_stop_turn(&s->children, s->now) ||
	    !state_writer_ended(&s->writer));
	if (s->begun)
		keepers_pass_on(&s->children.keepers, log_writer_lost() + child_log_held());
	if (s->upgrade.ready)
		upgrade_finish(&s->upgrade, &s->children.keepers, lasting_http(s));
	log_info("shutdown", "pid=%d", getpid());
}

/* ---- start ---- */

/* What is strange, though it works. */
static void
log_oddities(const struct options *o)
{
	const char *remedy;
	size_t i;

	for (i = 0; i < OPTIONS_FLAGS; i++)
		if (o->repeated & UINT64_C(1) << i)
			log_warn("flag given again", "flag=%s used=%s", options_flags[i].name,
			    "the last one");
	if ((remedy = ipv6_missing()) != NULL)
		log_warn("no IPv6 on this host", "remedy=%s", remedy);
}

int
supervisor_main(struct options *o)
{
	struct supervisor *s = &supervisor;
	struct keepers *keepers = &s->children.keepers;
	struct exporter *exporter = &s->children.exporter;
	int binary;

	s->options = o;
	/* Before anything takes its time: each signal is kept until it can be served. */
	if (o->action != OPTIONS_CHECK && (s->signals = signals_open()) == -1)
		err(EXIT_REFUSED, "signalfd");
	if ((binary = child_open_binary()) == -1)
		err(EXIT_REFUSED, "/proc/self/exe");
	http_listener_check(o);
	identity_init(o, &s->identity);
	if (o->action == OPTIONS_CHECK)
		return (dry_run(o, &s->identity, binary));
	start_log(s);
	log_oddities(o);
	notify_open(&s->notify);
	children_init(&s->children, capacity_workers(o), o->metrics_enabled, binary);
	fd_store_limit();
	keepers->descriptors = capacity_descriptors(o, keepers->count);
	upgrade_init(&s->upgrade);
	adoption_read(&s->adoption, o, keepers->count);
	if (s->adoption.found == 0)
		activation_check_kinds();
	udp_listeners_open(o, &s->adoption, keepers);
	if (o->metrics_enabled) {
		identity_metrics(o, &s->identity, &exporter->identity);
		exporter->listener =
		    http_listener_open(o, &s->identity, exporter->identity.gid, binary);
	}
	activation_close_doubles(keepers);
	if (s->adoption.found == 0)
		activation_check_left(0);
	identity_confine(&s->identity);
	source_filter_init(&keepers->sources, o);
	state_reader_read(&s->state, o, keepers->count);
	state_writer_init(&s->writer, s->state.path);
	s->now = clock_now();
	silence_init(&s->silence);
	route_open(&s->route, s->now);
	upstream_init(&s->upstream, o, &s->identity, binary, s->now);
	upstream_know(&s->upstream, state_reader_upstream(&s->state));
	upstream_know(&s->upstream, adoption_upstream(&s->adoption, o->upstream));
	if (s->upstream.address.sin6_family != 0)
		begin(s);
	reap_others(s);
	supervisor_loop(s);
	if (o->metrics_enabled)
		http_listener_unlink(o);
	return (0);
}
