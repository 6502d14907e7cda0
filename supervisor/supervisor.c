/*
 * The supervisor: binds what is to be bound, gives up what it need not keep, starts children,
 * and watches over them.  It never looks into a datagram.
 */
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/confine.h"
#include "supervisor/capacity.h"
#include "supervisor/exporter.h"
#include "supervisor/http_listener.h"
#include "supervisor/identity.h"
#include "supervisor/keepers.h"
#include "supervisor/listeners.h"
#include "supervisor/supervisor.h"
#include "supervisor/upstream.h"
#include "supervisor/version.h"

/* After SIGTERM a child has this long; the whole end takes 2 s at most. */
#define STOP_TIMEOUT (1500 * MILLISECOND)

#define RESEND_AFTER (5 * MILLISECOND)

enum { PFD_SIGNALS, PFD_CHILDREN };

#define CHILDREN_MAX (WORKERS_MAX + 1)

struct supervisor {
	struct options *options;
	enum log_format format;
	int binary;
	int signals; /* signalfd */
	int64_t now;
	int64_t resend_at; /* NEVER, or when to try again to tell the metrics child */
	int stopping;
	int64_t stop_until;
	int announced;
	/* The relays, each at its keeper's index, then the metrics child, if there is one. */
	uint32_t children;
	struct child child[CHILDREN_MAX];
	struct keepers keepers;
	struct exporter exporter; /* without a child: none */
	struct msg msg;
};

static struct supervisor supervisor;

/* The keeper of a relay; NULL for another child. */
static struct keeper *
keeper_of(struct supervisor *s, const struct child *child)
{
	ptrdiff_t i = child - s->child;

	return (i < s->keepers.count ? &s->keepers.keeper[i] : NULL);
}

/* ---- start ---- */

static void
start_log(struct supervisor *s)
{
	const struct options *o = s->options;

	s->format = o->log_format == FORMAT_TEXT ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
	if (o->log_format == FORMAT_AUTO && isatty(STDOUT_FILENO))
		s->format = LOG_FORMAT_TEXT;
	log_init(o->log_level, log_writer, &s->format);
}

static int
open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		err(EXIT_REFUSED, "sigprocmask");
	return (signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

static int
tell(struct supervisor *s, const struct child *child)
{
	struct keeper *k = keeper_of(s, child);

	return (k != NULL ? keeper_tell(k) : exporter_tell(&s->exporter));
}

static void
start(struct supervisor *s, struct child *child)
{
	if (child_start(child, s->binary, s->now) == -1) {
		log_error(
		    "child not started", "child=%s error=%s", child->name, strerror(errno));
		child->restart_at = s->now + backoff_next(&child->backoff, 0);
		return;
	}
	if (tell(s, child) == -1)
		child_condemn(child, "it does not listen");
}

/* Once, when every child is ready. */
static void
announce(struct supervisor *s)
{
	const struct msg_identity *identity = &s->keepers.keeper[0].identity;
	char upstream[ENDPOINT_STRLEN];
	uint32_t i, capacity = 0;

	for (i = 0; i < s->children; i++)
		if (!s->child[i].ready_once)
			return;
	if (s->announced)
		return;
	s->announced = 1;
	for (i = 0; i < s->keepers.count; i++)
		capacity += s->keepers.keeper[i].config.sessions_max;
	log_info("started",
	    "version=%s pid=%d listeners=%u workers=%u upstream=%s session_capacity=%u "
	    "namespaces=%hhu landlock=%u",
	    version, getpid(), s->options->listeners, s->keepers.count,
	    endpoint_format_ipv6(&s->keepers.upstream.address, upstream), capacity,
	    identity->namespaces, identity->landlock);
}

/* ---- what children say ---- */

static void
child_ready(struct supervisor *s, struct child *child)
{
	struct keeper *k = keeper_of(s, child);

	if (child->ready)
		return;
	child->ready = 1;
	child->pong_until = NEVER;
	child->ping_at = s->now;
	if (k != NULL)
		s->exporter.link_due[child - s->child] = 1;
	if (child->ready_once)
		log_warn("child restarted", "child=%s pid=%d restarts=%llu", child->name,
		    child->pid, (unsigned long long)child->restarts);
	child->ready_once = 1;
	announce(s);
}

static void
take_message(struct supervisor *s, struct child *child)
{
	struct keeper *k = keeper_of(s, child);

	switch (s->msg.type) {
	case MSG_READY:
		child_ready(s, child);
		break;
	case MSG_PONG:
		child_pong(child, (const void *)s->msg.payload, s->now);
		break;
	case MSG_RECORDS:
		if (k == NULL || keeper_records(k, &s->msg, s->now) == -1)
			child_condemn(child, "a record of a socket that it does not have");
		break;
	default:
		child_condemn(child, "unexpected message");
		break;
	}
}

static void
hear_child(struct supervisor *s, struct child *child)
{
	while (child_receive(child, &s->msg, s->now))
		take_message(s, child);
	child_read_stderr(child, s->now);
}

/* ---- ends ---- */

/* Told by us, or by a SIGTERM that was meant for all of us. */
static int
is_orderly(int status)
{
	return ((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	    (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM));
}

/* The child was reaped, and all that it had said was heard. */
static void
ended(struct supervisor *s, struct child *child, pid_t pid, int status)
{
	struct keeper *k = keeper_of(s, child);
	struct child_end end;

	if (s->stopping && is_orderly(status))
		return;
	end = child_ended(child, pid, status, s->now);
	if (s->stopping)
		return;
	/* It could never start: that is no crash. */
	if (!child->ready_once) {
		log_error(
		    "shutdown", "reason=%s child=%s", "a child failed at start", child->name);
		exit(EXIT_REFUSED);
	}
	if (k != NULL)
		keeper_ended(k, &end, s->now);
	child->restarts++;
	s->exporter.changed = 1;
}

static void
reap(struct supervisor *s)
{
	struct child *child;
	uint32_t i;
	pid_t pid;

	for (i = 0; i < s->children; i++) {
		child = &s->child[i];
		if (!child_has_ended(child))
			continue;
		/* What it still said counts: sessions that it opened are to be kept. */
		hear_child(s, child);
		pid = child->pid;
		ended(s, child, pid, child_reap(child, s->now));
	}
}

/* ---- signals ---- */

static uint64_t
sum_evicted(const struct totals *t)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < SESSION_CLOSED; i++)
		sum += t->sessions_evicted[i];
	return (sum);
}

static void
log_totals(struct supervisor *s)
{
	static struct totals sum;
	const struct totals *t = &sum;
	uint64_t restarts = 0, drops[DROP_REASON_MAX] = { 0 }, errors[OPERATION_MAX] = { 0 };
	uint64_t datagrams[DIRECTION_MAX] = { 0 }, bytes[DIRECTION_MAX] = { 0 };
	const struct listener_totals *l;
	uint32_t i, j, d;

	memset(&sum, 0, sizeof(sum));
	for (i = 0; i < s->keepers.count; i++)
		totals_add(&sum, s->keepers.keeper[i].totals);
	for (i = 0; i < s->children; i++)
		restarts += s->child[i].restarts;
	for (i = 0; i < s->options->listeners; i++) {
		l = &t->listener[i];
		for (d = 0; d < DIRECTION_MAX; d++) {
			datagrams[d] += l->datagrams[d];
			bytes[d] += l->bytes[d];
			for (j = 0; j < DROP_REASON_MAX; j++)
				drops[j] += l->drops[d][j];
		}
		for (j = 0; j < OPERATION_MAX; j++)
			errors[j] += l->errors[j];
	}
#define U(x) ((unsigned long long)(x))
	log_info("totals",
	    "sessions_active=%llu sessions_created=%llu sessions_expired=%llu "
	    "sessions_evicted=%llu sessions_restored=%llu client_to_upstream_datagrams=%llu "
	    "client_to_upstream_bytes=%llu upstream_to_client_datagrams=%llu "
	    "upstream_to_client_bytes=%llu drops_session_unavailable=%llu "
	    "drops_rate_limited=%llu drops_address_limit=%llu drops_source_denied=%llu "
	    "drops_oversize=%llu drops_write_timeout=%llu drops_upstream_write_error=%llu "
	    "drops_client_write_error=%llu drops_upstream_unreachable=%llu "
	    "errors_client_read=%llu errors_client_write=%llu errors_upstream_read=%llu "
	    "errors_upstream_write=%llu child_restarts=%llu log_records_suppressed=%llu",
	    U(t->sessions[SESSION_UNREPLIED] + t->sessions[SESSION_REPLIED] +
		t->sessions[SESSION_ASSURED]),
	    U(t->sessions_created), U(t->sessions_closed[CLOSE_IDLE_TIMEOUT]),
	    U(sum_evicted(t)), U(t->sessions_restored), U(datagrams[CLIENT_TO_UPSTREAM]),
	    U(bytes[CLIENT_TO_UPSTREAM]), U(datagrams[UPSTREAM_TO_CLIENT]),
	    U(bytes[UPSTREAM_TO_CLIENT]), U(drops[DROP_SESSION_UNAVAILABLE]),
	    U(drops[DROP_RATE_LIMITED]), U(drops[DROP_ADDRESS_LIMIT]),
	    U(drops[DROP_SOURCE_DENIED]), U(drops[DROP_OVERSIZE]), U(drops[DROP_WRITE_TIMEOUT]),
	    U(drops[DROP_UPSTREAM_WRITE_ERROR]), U(drops[DROP_CLIENT_WRITE_ERROR]),
	    U(drops[DROP_UPSTREAM_UNREACHABLE]), U(errors[CLIENT_READ]),
	    U(errors[CLIENT_WRITE]), U(errors[UPSTREAM_READ]), U(errors[UPSTREAM_WRITE]),
	    U(restarts), U(t->log_records_suppressed + log_writer_lost() + child_log_held()));
#undef U
}

static void
stop(struct supervisor *s, const char *signal)
{
	if (s->stopping)
		return;
	log_info("stopping", "signal=%s", signal);
	s->stopping = 1;
	s->stop_until = s->now + STOP_TIMEOUT;
}

static void
take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			reap(s);
			break;
		case SIGTERM:
		case SIGINT:
			stop(s, sigabbrev_np((int)info.ssi_signo));
			break;
		case SIGHUP:
			log_warn("signal ignored", "signal=%s reason=%s", "HUP",
			    "resolving again is not built in yet");
			break;
		case SIGUSR1:
			log_totals(s);
			break;
		}
	}
}

/* ---- loop ---- */

static int64_t
next_deadline(const struct supervisor *s)
{
	int64_t deadline = s->resend_at;
	uint32_t i;

	if (s->stopping)
		return (s->stop_until);
	for (i = 0; i < s->keepers.count; i++)
		deadline = clock_earlier(deadline, keeper_deadline(&s->keepers.keeper[i]));
	for (i = 0; i < s->children; i++)
		deadline = clock_earlier(deadline, child_deadline(&s->child[i], s->now));
	return (deadline);
}

/* Returns whether the program has ended. */
static int
stop_turn(struct supervisor *s)
{
	struct child *child;
	uint32_t i;
	int left = 0;

	for (i = 0; i < s->children; i++) {
		child = &s->child[i];
		if (child->pid == 0)
			continue;
		left++;
		if (s->now >= s->stop_until)
			child_kill(child, SIGKILL);
		else if (!child->told_to_stop)
			child->told_to_stop =
			    msg_send(child->control, MSG_STOP, NULL, 0, NULL, 0) == 0;
	}
	if (s->now >= s->stop_until)
		s->stop_until = NEVER;
	return (left == 0);
}

static void
tell_metrics(struct supervisor *s)
{
	struct msg_metrics_status *status = &s->exporter.status;
	uint64_t lost = log_writer_lost() + child_log_held();
	uint32_t i;

	s->resend_at = NEVER;
	if (s->exporter.child == NULL)
		return;
	status->sessions_discarded = 0;
	for (i = 0; i < s->keepers.count; i++) {
		status->relay_restarts[i] = s->child[i].restarts;
		status->sessions_discarded += s->keepers.keeper[i].discarded;
	}
	status->metrics_restarts = s->exporter.child->restarts;
	if (status->log_records_lost != lost) {
		status->log_records_lost = lost;
		s->exporter.changed = 1;
	}
	if (exporter_turn(&s->exporter, s->child) == -1)
		s->resend_at = s->now + RESEND_AFTER;
}

static void
supervisor_turn(struct supervisor *s, const struct pollfd *pfd)
{
	const struct pollfd *mine = pfd + PFD_CHILDREN;
	struct child *child;
	uint32_t i;

	for (i = 0; i < s->children; i++, mine += CHILD_POLLFDS)
		if (mine[0].revents != 0 || mine[1].revents != 0 || s->child[i].unread)
			hear_child(s, &s->child[i]);
	if (pfd[PFD_SIGNALS].revents != 0)
		take_signals(s);
	if (s->stopping)
		return;
	for (i = 0; i < s->keepers.count; i++)
		keeper_turn(&s->keepers.keeper[i], s->now);
	tell_metrics(s);
	for (i = 0; i < s->children; i++) {
		child = &s->child[i];
		child_turn(child, s->now);
		if (child->pid == 0 && s->now >= child->restart_at)
			start(s, child);
	}
}

static void
supervisor_loop(struct supervisor *s)
{
	struct pollfd pfd[PFD_CHILDREN + CHILDREN_MAX * CHILD_POLLFDS];
	nfds_t n;
	uint32_t i;

	do {
		n = PFD_CHILDREN;
		pfd[PFD_SIGNALS] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
		for (i = 0; i < s->children; i++, n += CHILD_POLLFDS)
			child_watch(&s->child[i], s->now, &pfd[n]);
		if (poll(pfd, n, clock_timeout(next_deadline(s), s->now)) == -1 &&
		    errno != EINTR)
			err(EXIT_REFUSED, "poll");
		s->now = clock_now();
		supervisor_turn(s, pfd);
	} while (!s->stopping || !stop_turn(s));
	log_info("shutdown", "pid=%d", getpid());
}

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
check(struct supervisor *s, struct msg_identity *identity)
{
	/* What look-ups have to say is not asked for. */
	identity->log_level = LOG_LEVEL_ERROR;
	upstream_resolve(s->options, identity, s->binary);
	options_print(s->options, stdout);
	options_not_yet(s->options, print_not_yet);
	return (0);
}

/* Records a second of one relay of so many. */
static uint32_t
records_of(uint32_t workers)
{
	uint32_t records = CHILD_RECORDS_A_SECOND / workers;

	return (records < CHILD_RECORDS_LEAST ? CHILD_RECORDS_LEAST : records);
}

/* The children, none of which runs yet: a relay for each keeper, and who serves metrics. */
static void
init_children(struct supervisor *s)
{
	char name[WORKER_NAME_MAX];
	uint32_t i, workers = s->keepers.count;

	for (i = 0; i < workers; i++) {
		child_init(&s->child[i], worker_name(i, workers, name), FROM_RELAY,
		    records_of(workers));
		s->keepers.keeper[i].child = &s->child[i];
	}
	s->children = workers;
	if (!s->options->metrics_enabled)
		return;
	child_init(&s->child[s->children], "metrics", FROM_METRICS, CHILD_RECORDS_LEAST);
	s->exporter.child = &s->child[s->children++];
}

int
supervisor_main(struct options *o)
{
	struct supervisor *s = &supervisor;
	struct msg_identity identity;
	uint32_t i;

	s->options = o;
	if ((s->binary = child_open_binary()) == -1)
		err(EXIT_REFUSED, "/proc/self/exe");
	identity_init(o, &identity);
	if (o->action == OPTIONS_CHECK)
		return (check(s, &identity));
	start_log(s);
	options_not_yet(o, warn_not_yet);
	s->keepers.count = capacity_workers(o);
	init_children(s);
	listeners_open(o, &s->keepers);
	if (o->metrics_enabled) {
		identity_metrics(o, &identity, &s->exporter.identity);
		s->exporter.listener =
		    http_listener_open(o, &identity, s->exporter.identity.gid, s->binary);
	}
	identity_confine(&identity);
	upstream_resolve(o, &identity, s->binary);
	keepers_init(o, &identity, &s->keepers);
	if (o->metrics_enabled)
		exporter_init(o, &s->keepers, &s->exporter);
	if ((s->signals = open_signals()) == -1)
		err(EXIT_REFUSED, "signalfd");
	s->now = clock_now();
	s->resend_at = NEVER;
	for (i = 0; i < s->children; i++)
		start(s, &s->child[i]);
	supervisor_loop(s);
	if (o->metrics_enabled)
		http_listener_unlink(o);
	return (0);
}
