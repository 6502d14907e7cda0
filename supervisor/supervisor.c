/*
 * The supervisor: binds what is to be bound, gives up what it need not keep, starts children,
 * and watches over them.  It never looks into a datagram.
 */
#include <sys/prctl.h>
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
#include "supervisor/setup.h"
#include "supervisor/supervisor.h"
#include "supervisor/version.h"

/* After SIGTERM a child has this long; the whole end takes 2 s at most. */
#define STOP_TIMEOUT (1500 * MILLISECOND)

/* Messages read from a child in one turn. */
#define MESSAGES_A_TURN 64

enum { PFD_SIGNALS, PFD_RELAY, PFD_MAX };

struct supervisor {
	struct options *options;
	enum log_format format;
	int binary;
	int signals; /* signalfd */
	int64_t now;
	int stopping, stop_sent;
	int64_t stop_until;
	int announced;
	struct child relay;
	struct keeper keeper;
	struct msg msg;
};

static struct supervisor supervisor;

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

static void
start_relay(struct supervisor *s)
{
	if (child_start(&s->relay, s->binary, s->now) == -1) {
		log_error(
		    "child not started", "child=%s error=%s", s->relay.name, strerror(errno));
		s->relay.restart_at = s->now + backoff_next(&s->relay.backoff, 0);
		return;
	}
	if (keeper_tell(&s->keeper) == -1)
		child_condemn(&s->relay, "it does not listen");
}

static void
announce(struct supervisor *s)
{
	char upstream[ENDPOINT_STRLEN];

	if (s->announced)
		return;
	s->announced = 1;
	log_info("started",
	    "version=%s pid=%d listeners=%u upstream=%s session_capacity=%u namespaces=%hhu "
	    "landlock=%u",
	    version, getpid(), s->keeper.config.listeners,
	    endpoint_format_ipv6(&s->keeper.upstream.address, upstream),
	    s->keeper.config.sessions_max, s->keeper.identity.namespaces,
	    s->keeper.identity.landlock);
}

/* ---- what the relay says ---- */

static void
take_message(struct supervisor *s)
{
	const struct log_record *record = (const void *)s->msg.payload;

	switch (s->msg.type) {
	case MSG_READY:
		if (s->relay.ready)
			break;
		s->relay.ready = 1;
		s->relay.pong_until = NEVER;
		s->relay.ping_at = s->now;
		keeper_ready(&s->keeper);
		if (s->relay.ready_once)
			log_warn("child restarted", "child=%s pid=%d restarts=%llu",
			    s->relay.name, s->relay.pid, (unsigned long long)s->relay.restarts);
		s->relay.ready_once = 1;
		announce(s);
		break;
	case MSG_PONG:
		child_pong(&s->relay, (const void *)s->msg.payload, s->now);
		break;
	case MSG_LOG:
		if (log_record_check(record) == -1)
			child_condemn(&s->relay, "malformed log record");
		else
			log_pass_on(record);
		break;
	case MSG_RECORDS:
		if (keeper_records(&s->keeper, &s->msg, s->now) == -1)
			child_condemn(&s->relay, "a record of a socket that it does not have");
		break;
	default:
		child_condemn(&s->relay, "unexpected message");
		break;
	}
}

/* Read at most `most` messages.  Returns whether there may be more. */
static int
read_relay(struct supervisor *s, int most)
{
	int n;

	for (; most > 0; most--) {
		n = msg_receive(s->relay.control, s->relay.sender, &s->msg);
		if (n == -1 && errno == EBADMSG)
			child_condemn(&s->relay, "malformed message");
		if (n == 0)
			child_silent(&s->relay, s->now);
		if (n != 1)
			return (0);
		take_message(s);
	}
	return (1);
}

/* ---- ends ---- */

/* Told by us, or by a SIGTERM that was meant for all of us. */
static int
is_orderly(int status)
{
	return ((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	    (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM));
}

static void
relay_ended(struct supervisor *s, int status)
{
	struct child_end end;

	/* What it still said counts: sessions that it opened are to be kept. */
	while (read_relay(s, MESSAGES_A_TURN))
		;
	if (s->stopping && is_orderly(status)) {
		s->relay.pid = 0;
		return;
	}
	end = child_ended(&s->relay, status, s->now);
	if (s->stopping)
		return;
	/* It could never start: that is no crash. */
	if (!s->relay.ready_once) {
		log_error("shutdown", "reason=%s", "the relay failed at start");
		exit(EXIT_REFUSED);
	}
	keeper_ended(&s->keeper, &end, s->now);
	s->relay.restarts++;
}

static void
reap(struct supervisor *s)
{
	int status;

	if (s->relay.pid != 0 && waitpid(s->relay.pid, &status, WNOHANG) == s->relay.pid)
		relay_ended(s, status);
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
	const struct totals *t = s->keeper.totals;
	uint64_t drops[DROP_REASON_MAX] = { 0 }, errors[OPERATION_MAX] = { 0 };
	uint64_t datagrams[DIRECTION_MAX] = { 0 }, bytes[DIRECTION_MAX] = { 0 };
	const struct listener_totals *l;
	uint32_t i, j, d;

	for (i = 0; i < s->keeper.config.listeners; i++) {
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
	    U(s->relay.restarts), U(t->log_records_suppressed + log_writer_lost()));
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
	int64_t deadline;

	deadline = clock_earlier(child_deadline(&s->relay), keeper_deadline(&s->keeper));
	return (s->stopping ? clock_earlier(deadline, s->stop_until) : deadline);
}

/* Returns whether the program has ended. */
static int
stop_turn(struct supervisor *s)
{
	if (s->relay.pid == 0)
		return (1);
	if (!s->stop_sent)
		s->stop_sent = msg_send(s->relay.control, MSG_STOP, NULL, 0, NULL, 0) == 0;
	if (s->now >= s->stop_until) {
		kill(s->relay.pid, SIGKILL);
		s->stop_until = NEVER;
	}
	return (0);
}

static void
supervisor_turn(struct supervisor *s, const struct pollfd *pfd)
{
	int more = 0;

	if (s->relay.control != -1 && pfd[PFD_RELAY].revents != 0)
		more = read_relay(s, MESSAGES_A_TURN);
	if (pfd[PFD_SIGNALS].revents != 0)
		take_signals(s);
	if (s->stopping)
		return;
	keeper_turn(&s->keeper, s->now);
	/* An answer to the heartbeat may still lie in the socket. */
	if (!more)
		child_turn(&s->relay, s->now);
	if (s->relay.pid == 0 && s->now >= s->relay.restart_at)
		start_relay(s);
}

static void
supervisor_loop(struct supervisor *s)
{
	struct pollfd pfd[PFD_MAX];

	do {
		pfd[PFD_SIGNALS] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
		pfd[PFD_RELAY] = (struct pollfd){
			.fd = s->relay.silent ? -1 : s->relay.control,
			.events = POLLIN,
		};
		if (poll(pfd, PFD_MAX, clock_timeout(next_deadline(s), s->now)) == -1 &&
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
	setup_upstream(s->options, identity, s->binary);
	options_print(s->options, stdout);
	options_not_yet(s->options, print_not_yet);
	return (0);
}

int
supervisor_main(struct options *o)
{
	struct supervisor *s = &supervisor;
	struct msg_identity identity;

	s->options = o;
	if ((s->binary = child_open_binary()) == -1)
		err(EXIT_REFUSED, "/proc/self/exe");
	setup_identity(o, &identity);
	if (o->action == OPTIONS_CHECK)
		return (check(s, &identity));
	start_log(s);
	options_not_yet(o, warn_not_yet);
	child_init(&s->relay, "relay", TITLE_RELAY, FROM_RELAY);
	s->keeper.child = &s->relay;
	setup_listeners(o, &s->keeper);
	setup_confinement(&identity);
	setup_upstream(o, &identity, s->binary);
	setup_keeper(o, &identity, &s->keeper);
	if ((s->signals = open_signals()) == -1)
		err(EXIT_REFUSED, "signalfd");
	s->now = clock_now();
	start_relay(s);
	supervisor_loop(s);
	return (0);
}
