#include <sys/epoll.h>
#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/confine.h"
#include "common/log.h"
#include "relay/backlog.h"
#include "relay/control.h"
#include "relay/forward.h"
#include "relay/leave.h"
#include "relay/lifecycle.h"
#include "relay/listeners.h"
#include "relay/records.h"
#include "relay/relay.h"
#include "relay/reserve.h"
#include "relay/session_log.h"
#include "relay/snapshot.h"
#include "relay/socket_pool.h"
#include "relay/sources.h"

/* Sockets of sessions that are served in one turn; epoll_wait(2) names the others next. */
#define SESSIONS_A_TURN 64
#define SESSION_ROUNDS 4

/* Turns in which one session is read before the others are asked for. */
#define LONE_TURNS 8

/* What poll(2) waits for. */
enum { POLL_CONTROL, POLL_METRICS, POLL_SESSIONS, POLL_LISTENERS };

/*
 * So much that waits for sockets, of so many clients (a few have only themselves to blame), pauses
 * the reading of listeners, for so long at most.
 */
#define READ_PAUSE_UNITS (QUEUE_POOL_UNITS / 2)
#define READ_PAUSE_CLIENTS (QUEUE_POOL_UNITS / 16)
#define READ_PAUSE_MAX (20 * MILLISECOND)

static struct relay relay;

/* ---- told: configuration and descriptors, from the supervisor alone ---- */

static void
take_config(struct relay *r)
{
	const struct msg_relay_config *config = &r->config;

	memcpy(&r->config, r->msg.payload, sizeof(r->config));
	if (config->listeners == 0 || config->listeners > LISTENERS_MAX ||
	    config->sessions_max == 0 || config->slots_max == 0 || config->workers == 0)
		fatal("bad configuration", "listeners=%u sessions_max=%u slots_max=%u",
		    config->listeners, config->sessions_max, config->slots_max);
	if ((r->listener = calloc(config->listeners, sizeof(*r->listener))) == NULL ||
	    (r->accounts = reserve((size_t)config->sessions_max * 2, sizeof(*r->accounts))) ==
		NULL)
		fatal("memory", "error=%s", strerror(errno));
	r->upstream.sin6_family = AF_INET6;
	r->upstream.sin6_port = config->upstream_port;
	memcpy(&r->upstream.sin6_addr, config->upstream_address, sizeof(r->upstream.sin6_addr));
	r->before = r->upstream;
}

static void
take_listeners(struct relay *r)
{
	const struct msg_listener *told = (const void *)r->msg.payload;
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct listener *l;
	uint32_t i;

	if (r->msg.count > r->config.listeners - r->nlisteners)
		fatal("bad listeners", "count=%u", r->msg.count);
	for (i = 0; i < r->msg.count; i++, told++) {
		l = &r->listener[r->nlisteners];
		l->fd = r->msg.fds[i];
		share_init(&l->share, r->accounts);
		l->address = sin.sin_addr.s_addr = told->address;
		l->port = sin.sin_port = told->port;
		l->totals = &r->totals->listener[r->nlisteners];
		l->drops_seen =
		    totals_drops_seen(r->totals, r->config.listeners, r->config.slots_max) +
		    r->nlisteners++;
		endpoint_format_ipv4(&sin, l->name);
	}
}

static void
relay_told(struct relay *r)
{
	msg_expect(r->control, MSG_IDENTITY, &r->msg);
	memcpy(&r->identity, r->msg.payload, sizeof(r->identity));
	log_init(r->identity.log_level, msg_log_sink, &r->control);
	msg_expect(r->control, MSG_RELAY_CONFIG, &r->msg);
	take_config(r);
	msg_expect(r->control, MSG_TOTALS, &r->msg);
	if ((r->totals = totals_map(
		 r->msg.fds[0], r->config.listeners, r->config.slots_max, 1)) == NULL)
		fatal("mmap totals", "error=%s", strerror(errno));
	close(r->msg.fds[0]);
	r->drops_seen = totals_drops_seen(r->totals, r->config.listeners, r->config.slots_max) +
	    r->config.listeners;
	while (r->nlisteners < r->config.listeners) {
		msg_expect(r->control, MSG_LISTENERS, &r->msg);
		take_listeners(r);
	}
}

/* What is counted as open now: our predecessor's sessions are handed back one by one. */
static void
begin_counting(struct relay *r)
{
	uint32_t i;

	memset(r->totals->sessions, 0, sizeof(r->totals->sessions));
	for (i = 0; i < r->nlisteners; i++)
		r->listener[i].totals->sessions = 0;
	/* Those that a child begins with, the session set, listeners and their set, if any. */
	r->totals->descriptors =
	    CONTROL_FILENO + 2 + r->nlisteners + (r->listener_set != -1 ? 1 : 0);
}

static void
relay_init(struct relay *r)
{
	struct session_config config = {
		.capacity = r->config.sessions_max,
		.per_address = r->config.sessions_per_address,
		.amplification = r->config.amplification_limit,
		.session_timeout = r->config.session_timeout,
		.unreplied_timeout = r->config.unreplied_timeout,
	};

	arc4random_buf(config.secret, sizeof(config.secret));
	r->now = clock_now();
	if (session_table_init(&r->table, &config) == -1 || socket_pool_init(r) == -1 ||
	    forward_init(r) == -1)
		fatal("memory", "error=%s", strerror(errno));
	r->table.lines = totals_session_counters(r->totals, r->config.listeners);
	if ((r->session_set = epoll_create1(EPOLL_CLOEXEC)) == -1)
		fatal("epoll_create1", "error=%s", strerror(errno));
	listeners_init(r);
	if (sources_init(r) == -1)
		fatal("memory", "error=%s", strerror(errno));
	lifecycle_init(r);
	records_init(r);
	r->replies_due = (struct index_list){ NONE, NONE };
	queue_pool_init(&r->queues);
	begin_counting(r);
}

/* ---- steady state: the only part that sees the network ---- */

/*
 * Back-pressure.  When many clients come at once, the queue of those that wait for a socket soon
 * is full and the next ones would be dropped, while the receive buffers of the listeners hold
 * many times more.  So these are not read until sockets have come, but not for long: clients
 * that have a session are served there, too.
 */
static int
is_read_paused(const struct relay *r)
{
	return (r->queues.units[WAIT_SOCKET] >= READ_PAUSE_UNITS &&
	    r->queues.count[WAIT_SOCKET] >= READ_PAUSE_CLIENTS && r->waiting.first != NONE &&
	    r->supply == SUPPLY_OK && r->now - r->last_read < READ_PAUSE_MAX);
}

/* Whether listeners may be read. */
static int
may_read(const struct relay *r)
{
	return (!r->leaving && !is_read_paused(r));
}

static int
relay_timeout(const struct relay *r)
{
	int64_t deadline = clock_earlier(lifecycle_deadline(r), r->queues.deadline);

	deadline = clock_earlier(deadline, leave_deadline(r));
	if (r->unjudged != NONE)
		return (0);
	if (r->replies_due.first != NONE)
		deadline = clock_earlier(deadline, r->replies_at);
	if (r->log.held > 0)
		deadline = clock_earlier(deadline, r->log.since + SECOND);
	if (is_read_paused(r))
		deadline = clock_earlier(deadline, r->last_read + READ_PAUSE_MAX);
	return (clock_timeout(deadline, r->now));
}

static uint32_t
relay_poll_set(const struct relay *r, struct pollfd *pfd)
{
	pfd[POLL_CONTROL] = (struct pollfd){ .fd = r->control,
		.events = control_unsent(r) ? POLLIN | POLLOUT : POLLIN };
	pfd[POLL_METRICS] =
	    (struct pollfd){ .fd = r->snapshot.link, .events = snapshot_events(r) };
	pfd[POLL_SESSIONS] =
	    (struct pollfd){ .fd = r->leaving ? -1 : r->session_set, .events = POLLIN };
	/* No listener is read before the sessions of our predecessor are back. */
	if (!r->started)
		return (POLL_LISTENERS);
	return (POLL_LISTENERS + listeners_poll(r, pfd + POLL_LISTENERS, may_read(r)));
}

static void
serve_listeners(struct relay *r, const struct pollfd *pfd, uint32_t n)
{
	struct epoll_event ready[LISTENERS_A_TURN];
	struct listener *l;
	uint32_t i;
	int read = may_read(r);

	if (read)
		r->last_read = r->now;
	n = listeners_ready(r, pfd, n, ready);
	for (i = 0; i < n; i++) {
		l = &r->listener[ready[i].data.u32];
		if (l->is_full && (ready[i].events & EPOLLOUT))
			forward_replies(r, l);
		if (read && (ready[i].events & ~(uint32_t)EPOLLOUT))
			forward_from_listener(r, l);
	}
}

/*
 * The session that alone was ready last time is likely to be so again, and is read without asking
 * the set: that saves a flow in bursts a system call a burst.  Only so many times in a row, as
 * poll(2) does not say whether others are waiting, too.  Returns whether there was something.
 */
static int
serve_lone_session(struct relay *r)
{
	if (r->lone_turns == 0)
		return (0);
	r->lone_turns--;
	return (forward_from_upstream(r, &r->lone, 1) > 0);
}

/*
 * While sockets have more than one buffer at a time, they will soon be ready again: their set is
 * then asked once more, without waiting, which costs less than another turn.
 */
static void
serve_sessions(struct relay *r)
{
	struct epoll_event events[SESSIONS_A_TURN];
	int round, n, served = 0;

	if (serve_lone_session(r))
		return;
	for (round = 0; round < SESSION_ROUNDS && served < SESSIONS_A_TURN; round++) {
		n = epoll_wait(r->session_set, events, SESSIONS_A_TURN - served, 0);
		if (n <= 0)
			return;
		if (round == 0)
			r->lone_turns = n == 1 ? LONE_TURNS : 0;
		r->lone = (struct epoll_event){ .events = EPOLLIN, .data = events[0].data };
		if (forward_from_upstream(r, events, n) <= (uint32_t)n)
			return;
		served += n;
	}
}

/* After poll(2) has returned these n entries. */
static void
relay_turn(struct relay *r, const struct pollfd *pfd, uint32_t n)
{
	if (pfd[POLL_CONTROL].revents & ~POLLOUT)
		control_receive(r);
	serve_listeners(r, pfd + POLL_LISTENERS, n - POLL_LISTENERS);
	if (pfd[POLL_SESSIONS].revents && !r->leaving)
		serve_sessions(r);
	if (pfd[POLL_METRICS].revents)
		snapshot_turn(r);
	lifecycle_judge(r);
	lifecycle_expire(r);
	forward_replies_due(r);
	backlog_expire(r);
	leave_turn(r);
	control_send(r);
	r->quit |= leave_is_done(r);
	session_log_summary(r, 0);
}

static void __attribute__((noreturn)) relay_finish(struct relay *r)
{
	if (!r->leaving)
		lifecycle_close_all(r);
	session_log_summary(r, 1);
	_exit(0);
}

void
relay_main(void)
{
	struct relay *r = &relay;
	struct pollfd pfd[POLL_LISTENERS + LISTENERS_POLLED];
	uint32_t n;
	int ready;

	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	r->control = CONTROL_FILENO;
	r->snapshot.link = -1;

	/* 1. Told what it is and what it may use. */
	relay_told(r);
	relay_init(r);
	/* 2. Locked: no way back from here. */
	confine(&relay_confinement, &r->identity);
	if (msg_send(r->control, MSG_READY, NULL, 0, NULL, 0) == -1)
		fatal("supervisor", "error=%s", strerror(errno));
	/* 3. Steady state. */
	while (!r->quit) {
		n = relay_poll_set(r, pfd);
		if ((ready = poll(pfd, n, relay_timeout(r))) == -1 && errno != EINTR)
			fatal("poll", "error=%s", strerror(errno));
		r->now = clock_now();
		/* That clock is coarser than a wait of this length. */
		if (ready == 0)
			r->replies_at = r->now;
		relay_turn(r, pfd, n);
	}
	relay_finish(r);
}
