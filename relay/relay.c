#include <sys/epoll.h>
#include <sys/socket.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/confine.h"
#include "common/log.h"
#include "relay/relay.h"

/* Events of one turn. */
#define EVENTS 64

/* Datagrams that wait for sockets, and for how long nobody else is then heard. */
#define RUSH (QUEUE_POOL_DATAGRAMS / 2)
#define RUSH_PAUSE (20 * MILLISECOND)

/* How often the control socket is looked at while the set does not watch it. */
#define UNWATCHED_PAUSE (100 * MILLISECOND)

/* What an event is about, in the lower half of its data: a slot of the store, or one of these. */
#define EVENT_CONTROL UINT32_MAX
#define EVENT_SNAPSHOT (UINT32_MAX - 1)
#define EVENT_LISTENER (UINT32_MAX - 1 - LISTENERS_MAX) /* and its index */

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
	r->upstream.sin6_family = AF_INET6;
	r->upstream.sin6_port = config->upstream_port;
	memcpy(&r->upstream.sin6_addr, config->upstream_address, sizeof(r->upstream.sin6_addr));
}

static void
take_listeners(struct relay *r)
{
	const struct msg_listener *told = (const void *)r->msg.payload;
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct listener *l;
	uint32_t i;

	if (r->msg.count != r->config.listeners)
		fatal("bad listeners", "count=%u", r->msg.count);
	for (i = 0; i < r->msg.count; i++, told++) {
		l = &r->listener[i];
		l->fd = r->msg.fds[i];
		l->address = sin.sin_addr.s_addr = told->address;
		l->port = sin.sin_port = told->port;
		l->totals = &r->totals->listener[i];
		endpoint_format_ipv4(&sin, l->name);
	}
	r->nlisteners = r->msg.count;
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
	if ((r->totals = totals_map(r->msg.fds[0], 1)) == NULL)
		fatal("mmap totals", "error=%s", strerror(errno));
	close(r->msg.fds[0]);
	msg_expect(r->control, MSG_LISTENERS, &r->msg);
	take_listeners(r);
}

static void
relay_init(struct relay *r)
{
	struct session_config config = {
		.capacity = r->config.sessions_max,
		.per_address = r->config.sessions_per_address,
		.session_timeout = r->config.session_timeout,
		.unreplied_timeout = r->config.unreplied_timeout,
	};

	arc4random_buf(config.secret, sizeof(config.secret));
	r->now = clock_now();
	if (session_table_init(&r->table, &config) == -1 || supply_init(r) == -1 ||
	    forward_init(r) == -1)
		fatal("memory", "error=%s", strerror(errno));
	if ((r->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		fatal("epoll_create1", "error=%s", strerror(errno));
	bucket_init(
	    &r->new_sessions, r->config.new_session_rate, r->config.new_session_rate, r->now);
	queue_pool_init(&r->queues);
	/* These count what is open now: our predecessor's are handed back one by one. */
	memset(r->totals->sessions, 0, sizeof(r->totals->sessions));
}

/* ---- steady state: the only part that sees the network ---- */

static void
log_held_records(struct relay *r)
{
	uint32_t lost = msg_log_lost();

	r->totals->log_records_suppressed += lost;
	if (r->log.held == 0 || r->now - r->log.since < SECOND)
		return;
	log_info("session records suppressed", "count=%u", r->log.held);
	r->log.held = 0;
}

/*
 * In a rush of newcomers the queue of those who wait for a socket fills at once, and the next
 * ones would be turned away, while the listeners' own buffers hold many times more.  So these
 * are left alone until sockets have come, but not for long: others are served there, too.
 */
static int
is_rushed(const struct relay *r)
{
	return (r->queues.count[WAIT_SOCKET] >= RUSH && r->waiting.first != NONE &&
	    r->supply == SUPPLY_OK && r->now - r->heard < RUSH_PAUSE);
}

static int
relay_timeout(const struct relay *r)
{
	int64_t deadline = clock_earlier(lifecycle_deadline(r), r->queues.deadline);

	if (r->log.held > 0)
		deadline = clock_earlier(deadline, r->log.since + SECOND);
	if (is_rushed(r))
		deadline = clock_earlier(deadline, r->heard + RUSH_PAUSE);
	if (r->watched == 0)
		deadline = clock_earlier(deadline, r->now + UNWATCHED_PAUSE);
	return (clock_timeout(deadline, r->now));
}

int
relay_epoll(struct relay *r, int operation, int fd, uint64_t data, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	if (epoll_ctl(r->epoll, operation, fd, &event) == 0)
		return (0);
	if (operation != EPOLL_CTL_ADD || (errno != ENOSPC && errno != ENOMEM))
		fatal("epoll_ctl", "operation=%d error=%s", operation, strerror(errno));
	if (!r->watch_refused)
		log_warn("socket not watched", "error=%s", strerror(errno));
	r->watch_refused = 1;
	return (-1);
}

/*
 * Have the set say what we want to know of a descriptor, which is in it only if that is
 * something; *watched is what it says so far.
 */
static void
watch(struct relay *r, int fd, uint32_t what, uint32_t *watched, uint32_t wanted)
{
	int operation = *watched == 0 ? EPOLL_CTL_ADD
	    : wanted == 0	      ? EPOLL_CTL_DEL
				      : EPOLL_CTL_MOD;

	/* What is refused is tried again in the next turn. */
	if (*watched != wanted && relay_epoll(r, operation, fd, what, wanted) == 0)
		*watched = wanted;
}

static void
relay_watch(struct relay *r)
{
	struct listener *l;
	uint32_t i, in = is_rushed(r) ? 0 : EPOLLIN;

	watch(r, r->control, EVENT_CONTROL, &r->watched,
	    EPOLLIN | (supply_unsent(r) ? EPOLLOUT : 0));
	if (r->snapshot.link != -1)
		watch(r, r->snapshot.link, EVENT_SNAPSHOT, &r->snapshot.watched,
		    snapshot_events(r));
	/* Nobody is heard before the sessions of our predecessor are back. */
	for (i = 0; r->started && i < r->nlisteners; i++) {
		l = &r->listener[i];
		watch(r, l->fd, EVENT_LISTENER + i, &l->watched,
		    in | (l->queue != NULL ? EPOLLOUT : 0));
	}
}

/* What there is to do beside the sessions' sockets; which are for later in the turn. */
static void
take_event(struct relay *r, const struct epoll_event *event)
{
	uint32_t what = (uint32_t)event->data.u64;

	if (what == EVENT_CONTROL) {
		if (event->events & ~(uint32_t)EPOLLOUT)
			supply_receive(r);
	} else if (what == EVENT_SNAPSHOT)
		r->snapshot.ready = 1;
	else if (what >= EVENT_LISTENER)
		r->listener[what - EVENT_LISTENER].ready = event->events;
}

static void
serve_listeners(struct relay *r, int crowded)
{
	struct listener *l;
	int hear = !is_rushed(r);

	if (hear)
		r->heard = r->now;
	for (l = r->listener; l < r->listener + r->nlisteners; l++) {
		if (l->queue != NULL && (l->ready & EPOLLOUT))
			forward_listener_queue(r, l);
		if (hear && ((l->ready & ~(uint32_t)EPOLLOUT) || crowded))
			forward_from_listener(r, l);
		l->ready = 0;
	}
}

static void
relay_turn(struct relay *r, const struct epoll_event *events, int n)
{
	int i;

	for (i = 0; i < n; i++)
		take_event(r, &events[i]);
	if (r->watched == 0)
		supply_receive(r);
	/* In a crowd of sessions it may be long before the set names a listener. */
	serve_listeners(r, n == EVENTS && r->started);
	forward_from_upstream(r, events, n);
	if (r->snapshot.ready)
		snapshot_turn(r);
	lifecycle_expire(r);
	supply_expire(r);
	forward_expire(r);
	supply_report(r);
	log_held_records(r);
}

static void __attribute__((noreturn)) relay_finish(struct relay *r)
{
	lifecycle_close_all(r);
	r->log.since = r->now - SECOND;
	log_held_records(r);
	_exit(0);
}

void
relay_main(void)
{
	struct relay *r = &relay;
	struct epoll_event events[EVENTS];
	int n;

	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
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
		relay_watch(r);
		n = epoll_wait(r->epoll, events, EVENTS, relay_timeout(r));
		if (n == -1 && errno != EINTR)
			fatal("epoll_wait", "error=%s", strerror(errno));
		r->now = clock_now();
		relay_turn(r, events, n);
	}
	relay_finish(r);
}
