/*
 * The metrics child learns from the supervisor what only that knows (restarts, look-ups), and
 * all else from the relay, through a socketpair of their own: what it is asked over HTTP never
 * reaches the supervisor.
 */
#include <errno.h>
#include <unistd.h>

#include "supervisor/exporter.h"

int
exporter_tell(struct exporter *e)
{
	int fd = e->child->control;
	uint32_t i;

	e->changed = 1;
	for (i = 0; i < e->config.workers; i++)
		e->link_due[i] = 1;
	/* A new, empty socket takes all of this. */
	if (msg_send(fd, MSG_IDENTITY, &e->identity, 1, NULL, 0) == -1 ||
	    msg_send(fd, MSG_METRICS_CONFIG, &e->config, 1, NULL, 0) == -1 ||
	    msg_send(fd, MSG_HTTP_LISTENER, NULL, 0, &e->listener, 1) == -1)
		return (-1);
	return (0);
}

/*
 * Both take a new end at any time; the old link is at its end then.  The relay first: one that
 * does not read costs the metrics child nothing.
 */
static int
link_children(int metrics, int relay, uint32_t worker)
{
	struct msg_link link = { worker };
	int pair[2], error;

	if (msg_pair(pair) == -1)
		return (-1);
	msg_refuse_fds(pair[0]);
	msg_refuse_fds(pair[1]);
	error = msg_send(relay, MSG_LINK, &link, 1, &pair[1], 1);
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

	if (e->child->pid == 0 || !e->child->ready)
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
		if (link_children(e->child->control, relay->control, i) == -1)
			error = -1; /* the others need not wait for this one */
		else
			e->link_due[i] = 0;
	}
	return (error);
}
