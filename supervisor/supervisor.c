/*
 * The supervisor: binds what is to be bound, gives up what it need not keep, starts children,
 * and watches over them.  It never looks into a datagram.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/capacity.h"
#include "supervisor/children.h"
#include "supervisor/http_listener.h"
#include "supervisor/identity.h"
#include "supervisor/signals.h"
#include "supervisor/supervisor.h"
#include "supervisor/totals_log.h"
#include "supervisor/udp_listeners.h"
#include "supervisor/upstream.h"
#include "supervisor/version.h"

enum { PFD_SIGNALS, PFD_CHILDREN };

struct supervisor {
	struct options *options;
	enum log_format format;
	int signals; /* signalfd */
	int64_t now;
	int announced;
	struct children children;
};

static struct supervisor supervisor;

static void
start_log(struct supervisor *s)
{
	const struct options *o = s->options;

	s->format = o->log_format == FORMAT_TEXT ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
	if (o->log_format == FORMAT_AUTO && isatty(STDOUT_FILENO))
		s->format = LOG_FORMAT_TEXT;
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
	for (i = 0; i < keepers->count; i++)
		capacity += keepers->keeper[i].config.sessions_max;
	log_info("started",
	    "version=%s pid=%d listeners=%u workers=%u upstream=%s session_capacity=%u "
	    "namespaces=%hhu landlock=%u",
	    version, getpid(), s->options->listeners, keepers->count,
	    endpoint_format_ipv6(&keepers->upstream.address, upstream), capacity,
	    identity->namespaces, identity->landlock);
}

/* ---- loop ---- */

static void
stop(struct supervisor *s, int signo)
{
	if (s->children.stopping)
		return;
	log_info("stopping", "signal=%s", sigabbrev_np(signo));
	children_stop(&s->children, s->now);
}

static void
take_signals(struct supervisor *s)
{
	int signo;

	while ((signo = signals_next(s->signals)) != 0) {
		switch (signo) {
		case SIGCHLD:
			children_reap(&s->children, s->now);
			break;
		case SIGTERM:
		case SIGINT:
			stop(s, signo);
			break;
		case SIGHUP:
			log_warn("signal ignored", "signal=%s reason=%s", "HUP",
			    "resolving again is not built in yet");
			break;
		case SIGUSR1:
			totals_log(&s->children.keepers, children_restarts(&s->children));
			break;
		}
	}
}

static void
supervisor_turn(struct supervisor *s, const struct pollfd *pfd)
{
	children_hear(&s->children, &pfd[PFD_CHILDREN], s->now);
	if (pfd[PFD_SIGNALS].revents != 0)
		take_signals(s);
	if (!s->announced && children_ready(&s->children))
		announce(s);
	if (!s->children.stopping)
		children_turn(&s->children, s->now);
}

static void
supervisor_loop(struct supervisor *s)
{
	struct pollfd pfd[PFD_CHILDREN + CHILDREN_POLLFDS];
	int64_t deadline;
	nfds_t n;

	pfd[PFD_SIGNALS] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	do {
		n = PFD_CHILDREN + children_watch(&s->children, s->now, &pfd[PFD_CHILDREN]);
		deadline = children_deadline(&s->children, s->now);
		if (poll(pfd, n, clock_timeout(deadline, s->now)) == -1 && errno != EINTR)
			err(EXIT_REFUSED, "poll");
		s->now = clock_now();
		supervisor_turn(s, pfd);
	} while (!s->children.stopping || !children_stop_turn(&s->children, s->now));
	log_info("shutdown", "pid=%d", getpid());
}

/* ---- start ---- */

static void
warn_not_yet(const char *flag, const char *meaning)
{
	log_warn("not built in yet", "flag=%s meaning=%s", flag, meaning);
}

static void
print_not_yet(const char *flag, const char *meaning)
{
	warnx("%s: not built in yet: %s", flag, meaning);
}

static int
check(struct options *o, struct msg_identity *identity, int binary)
{
	/* What look-ups have to say is not asked for. */
	identity->log_level = LOG_LEVEL_ERROR;
	upstream_resolve(o, identity, binary);
	options_print(o, stdout);
	options_not_yet(o, print_not_yet);
	return (0);
}

int
supervisor_main(struct options *o)
{
	struct supervisor *s = &supervisor;
	struct keepers *keepers = &s->children.keepers;
	struct exporter *exporter = &s->children.exporter;
	struct msg_identity identity;
	int binary;

	s->options = o;
	if ((binary = child_open_binary()) == -1)
		err(EXIT_REFUSED, "/proc/self/exe");
	identity_init(o, &identity);
	if (o->action == OPTIONS_CHECK)
		return (check(o, &identity, binary));
	start_log(s);
	options_not_yet(o, warn_not_yet);
	children_init(&s->children, capacity_workers(o), o->metrics_enabled, binary);
	keepers->descriptors = capacity_descriptors(o, keepers->count);
	udp_listeners_open(o, keepers);
	if (o->metrics_enabled) {
		identity_metrics(o, &identity, &exporter->identity);
		exporter->listener =
		    http_listener_open(o, &identity, exporter->identity.gid, binary);
	}
	identity_confine(&identity);
	upstream_resolve(o, &identity, binary);
	keepers_init(o, &identity, keepers);
	if (o->metrics_enabled)
		exporter_init(o, keepers, exporter);
	if ((s->signals = signals_open()) == -1)
		err(EXIT_REFUSED, "signalfd");
	s->now = clock_now();
	children_start(&s->children, s->now);
	supervisor_loop(s);
	if (o->metrics_enabled)
		http_listener_unlink(o);
	return (0);
}
