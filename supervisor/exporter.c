/*
 * The metrics child learns from the supervisor what only that knows (restarts, look-ups), and
 * all else from the relay, through a socketpair of their own: what it is asked over HTTP never
 * reaches the supervisor.
 */
#include <sys/resource.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/exporter.h"
#include "supervisor/version.h"

void
exporter_init(const struct options *o, const struct keepers *all, struct exporter *e)
{
	struct msg_metrics_config *config = &e->config;
	const struct keeper *k = &all->keeper[0];
	struct rlimit rl;
	uint32_t i;

	e->identity.namespaces = k->identity.namespaces;
	e->identity.descriptors =
	    EXPORTER_DESCRIPTORS + all->count * EXPORTER_DESCRIPTORS_A_WORKER;
	config->descriptors = getrlimit(RLIMIT_NOFILE, &rl) == 0 ? rl.rlim_cur : 0;
	config->started = clock_now();
	config->listeners = k->config.listeners;
	config->workers = all->count;
	for (i = 0; i < all->count; i++)
		config->session_capacity += all->keeper[i].config.sessions_max;
	config->session_labels = (uint32_t)o->metrics_session_labels;
	strlcpy(config->version, version, sizeof(config->version));
	strlcpy(config->commit, version_commit, sizeof(config->commit));
	strlcpy(config->date, version_date, sizeof(config->date));
	e->address = all->listener;
	upstream_format(&all->upstream, e->status.upstream);
}

static int
tell_listeners(struct exporter *e)
{
	const uint32_t most = MSG_PAYLOAD_MAX / sizeof(*e->address);
	uint32_t n, i = e->listeners_told;

	for (; i < e->config.listeners; e->listeners_told = i += n) {
		n = e->config.listeners - i < most ? e->config.listeners - i : most;
		if (msg_send(e->child->control, MSG_METRICS_LISTENERS, &e->address[i], n, NULL,
			0) == -1)
			return (-1);
	}
	return (0);
}

static int
tell_next(struct exporter *e)
{
	int fd = e->child->control;

	switch (e->told) {
	case METRICS_TOLD_NOTHING:
		return (msg_send(fd, MSG_IDENTITY, &e->identity, 1, NULL, 0));
	case METRICS_TOLD_IDENTITY:
		return (msg_send(fd, MSG_METRICS_CONFIG, &e->config, 1, NULL, 0));
	case METRICS_TOLD_CONFIG:
		return (tell_listeners(e));
	default:
		return (msg_send(fd, MSG_HTTP_LISTENER, NULL, 0, &e->listener, 1));
	}
}

/* What is not told yet.  Returns 0, or -1 when the child must read first. */
static int
tell(struct exporter *e)
{
	for (; e->told != METRICS_TOLD_ALL; e->told++)
		if (tell_next(e) == -1)
			return (-1);
	return (0);
}

void
exporter_started(struct exporter *e)
{
	uint32_t i;

	e->told = METRICS_TOLD_NOTHING;
	e->listeners_told = 0;
	e->changed = 1;
	for (i = 0; i < e->config.workers; i++)
		e->link_due[i] = 1;
	(void)tell(e);
}

/*
 * Both take a new end at any time; the old link is at its end then.  The relay first: one that
 * does not read costs the metrics child nothing.  And what tells of its process before the link:
 * whoever can be asked can be looked at.
 */
static int
link_children(int metrics, const struct child *relay, uint32_t worker)
{
	struct msg_link link = { worker };
	int pair[2], error;

	if (msg_pair(pair) == -1)
		return (-1);
	msg_refuse_fds(pair[0]);
	msg_refuse_fds(pair[1]);
	error = msg_send(relay->control, MSG_LINK, &link, 1, &pair[1], 1);
	if (error == 0 && relay->stat != -1)
		error = msg_send(metrics, MSG_PROCESS, &link, 1, &relay->stat, 1);
	if (error == 0)
		error = msg_send(metrics, MSG_LINK, &link, 1, &pair[0], 1);
	close(pair[0]);
	close(pair[1]);
	return (error);
}

int
exporter_turn(struct exporter *e, const struct child *relay)
{
	uint32_t i;
	int error = 0;

	if (e->child->pid == 0)
		return (0);
	if (tell(e) == -1)
		return (-1);
	if (!e->child->ready)
		return (0);
	if (e->changed) {
		if (msg_send(e->child->control, MSG_METRICS_STATUS, &e->status, 1, NULL, 0) ==
		    -1)
			return (-1);
		e->changed = 0;
	}
	for (i = 0; i < e->config.workers; i++, relay++) {
		if (!e->link_due[i] || relay->pid == 0 || !relay->ready)
			continue;
		if (link_children(e->child->control, relay, i) == -1)
			error = -1; /* the others need not wait for this one */
		else
			e->link_due[i] = 0;
	}
	return (error);
}
