/*
 * The metrics child: HTTP on one side, the relay on the other, and no way to anything else.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/confine.h"
#include "common/log.h"
#include "supervisor/metrics/http.h"
#include "supervisor/metrics/metrics.h"
#include "supervisor/metrics/microhttpd.h"

enum { PFD_CONTROL, PFD_HTTP, PFD_LINKS };

struct metrics {
	int control;
	int quit;
	int pong_due;
	struct msg_ping pong;
	struct msg_identity identity;
	struct sources sources;
	struct http http;
	struct msg msg;
};

static struct metrics metrics;

/* ---- told ---- */

/* Address space for all that there can be; memory is used as totals come. */
static void
reserve(struct sources *sources)
{
	uint32_t i, n = sources->config.listeners;

	if ((sources->listener = calloc(n, sizeof(*sources->listener))) == NULL)
		fatal("memory", "error=%s", strerror(errno));
	for (i = 0; i < sources->config.workers; i++)
		if ((sources->relay[i].totals = calloc(1, totals_size(n, 0))) == NULL)
			fatal("memory", "error=%s", strerror(errno));
}

/* Returns how many more are known now. */
static uint32_t
take_listeners(struct metrics *m, uint32_t told)
{
	if (m->msg.count > m->sources.config.listeners - told)
		fatal("bad listeners", "count=%u", m->msg.count);
	memcpy(&m->sources.listener[told], m->msg.payload,
	    m->msg.count * sizeof(*m->sources.listener));
	return (m->msg.count);
}

static void
metrics_told(struct metrics *m)
{
	const char *wrong;
	uint32_t told = 0;

	msg_expect(m->control, MSG_IDENTITY, &m->msg);
	memcpy(&m->identity, m->msg.payload, sizeof(m->identity));
	log_init(m->identity.log_level, msg_log_sink, &m->control);
	if ((wrong = microhttpd_load()) != NULL)
		fatal("http library missing", "error=%s remedy=%s", wrong, microhttpd_remedy);
	msg_expect(m->control, MSG_METRICS_CONFIG, &m->msg);
	memcpy(&m->sources.config, m->msg.payload, sizeof(m->sources.config));
	if (m->sources.config.listeners == 0 || m->sources.config.listeners > LISTENERS_MAX ||
	    m->sources.config.workers == 0 || m->sources.config.workers > WORKERS_MAX)
		fatal("bad configuration", "listeners=%u workers=%u",
		    m->sources.config.listeners, m->sources.config.workers);
	reserve(&m->sources);
	while (told < m->sources.config.listeners) {
		msg_expect(m->control, MSG_METRICS_LISTENERS, &m->msg);
		told += take_listeners(m, told);
	}
	msg_expect(m->control, MSG_HTTP_LISTENER, &m->msg);
	/* What can be opened now only. */
	m->sources.supervisor.stat = process_open(m->identity.parent);
	m->sources.metrics.stat = process_open(getpid());
	m->sources.descriptors = m->identity.descriptors;
	if (http_init(&m->http, m->msg.fds[0], &m->sources) == -1)
		fatal("http server", "error=%s", strerror(errno));
}

/* ---- steady state ---- */

/* The relay that a message with a descriptor is about. */
static struct source *
told_relay(struct metrics *m)
{
	const struct msg_link *told = (const void *)m->msg.payload;

	if (told->worker >= m->sources.config.workers)
		fatal("bad link", "worker=%u", told->worker);
	return (&m->sources.relay[told->worker]);
}

static void
take_message(struct metrics *m)
{
	switch (m->msg.type) {
	case MSG_METRICS_STATUS:
		memcpy(&m->sources.status, m->msg.payload, sizeof(m->sources.status));
		break;
	case MSG_PROCESS:
		process_replace(&told_relay(m)->process, m->msg.fds[0]);
		break;
	case MSG_LINK:
		link_replace(&told_relay(m)->link, m->msg.fds[0]);
		break;
	case MSG_PING:
		memcpy(&m->pong, m->msg.payload, sizeof(m->pong));
		m->pong_due = 1;
		break;
	case MSG_STOP:
		m->quit = 1;
		break;
	default:
		fatal("unexpected message", "type=%d", (int)m->msg.type);
	}
}

static void
receive(struct metrics *m)
{
	int n;

	while ((n = msg_receive(m->control, FROM_SUPERVISOR, &m->msg)) == 1)
		take_message(m);
	/* Without the supervisor there is no sense in going on. */
	if (n == 0)
		_exit(EXIT_REFUSED);
	if (errno != EAGAIN)
		fatal("bad message", "error=%s", strerror(errno));
}

static void
metrics_turn(struct metrics *m, const struct pollfd *pfd)
{
	struct link *link;
	uint32_t i;

	m->sources.now = clock_now();
	clock_follow(m->sources.config.started, &m->sources.started);
	if (pfd[PFD_CONTROL].revents & (POLLIN | POLLERR | POLLHUP | POLLNVAL))
		receive(m);
	for (i = 0; i < m->sources.config.workers; i++) {
		link = &m->sources.relay[i].link;
		link_turn(link);
		link_expire(link, m->sources.now);
	}
	http_turn(&m->http);
	if (m->pong_due)
		m->pong_due = msg_send(m->control, MSG_PONG, &m->pong, 1, NULL, 0) == -1;
}

static int64_t
next_deadline(const struct metrics *m)
{
	int64_t deadline = http_deadline(&m->http);
	uint32_t i;

	for (i = 0; i < m->sources.config.workers; i++)
		deadline = clock_earlier(deadline, link_deadline(&m->sources.relay[i].link));
	return (deadline);
}

static nfds_t
metrics_watch(const struct metrics *m, struct pollfd *pfd)
{
	uint32_t i, n = m->sources.config.workers;

	pfd[PFD_CONTROL].fd = m->control;
	pfd[PFD_CONTROL].events = POLLIN | (m->pong_due ? POLLOUT : 0);
	pfd[PFD_HTTP].fd = m->http.epoll;
	pfd[PFD_HTTP].events = POLLIN;
	for (i = 0; i < n; i++) {
		pfd[PFD_LINKS + i].fd = m->sources.relay[i].link.fd;
		pfd[PFD_LINKS + i].events = POLLIN;
	}
	return (PFD_LINKS + n);
}

void
metrics_main(void)
{
	struct metrics *m = &metrics;
	struct pollfd pfd[PFD_LINKS + WORKERS_MAX];
	nfds_t n;
	int i;

	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	m->control = CONTROL_FILENO;
	m->sources.now = clock_now();
	process_init(&m->sources.supervisor);
	process_init(&m->sources.metrics);
	for (i = 0; i < WORKERS_MAX; i++) {
		process_init(&m->sources.relay[i].process);
		link_init(&m->sources.relay[i].link);
	}

	/* 1. Told what it is and what it may use. */
	metrics_told(m);
	/* 2. Locked: no way back from here. */
	confine(&metrics_confinement, &m->identity);
	if (msg_send(m->control, MSG_READY, NULL, 0, NULL, 0) == -1)
		fatal("supervisor", "error=%s", strerror(errno));
	/* 3. Steady state. */
	while (!m->quit) {
		n = metrics_watch(m, pfd);
		if (poll(pfd, n, clock_timeout(next_deadline(m), clock_now())) == -1 &&
		    errno != EINTR)
			fatal("poll", "error=%s", strerror(errno));
		metrics_turn(m, pfd);
	}
	_exit(0);
}
