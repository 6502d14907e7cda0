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

	e->changed = e->link_due = 1;
	/* A new, empty socket takes all of this. */
	if (msg_send(fd, MSG_IDENTITY, &e->identity, 1, NULL, 0) == -1 ||
	    msg_send(fd, MSG_METRICS_CONFIG, &e->config, 1, NULL, 0) == -1 ||
	    msg_send(fd, MSG_HTTP_LISTENER, NULL, 0, &e->listener, 1) == -1)
		return (-1);
	return (0);
}

/* Both take a new end at any time; the old link is at its end then. */
static int
link_children(int relay, int metrics)
{
	int pair[2], error;

	if (msg_pair(pair) == -1)
		return (-1);
	error = msg_send(metrics, MSG_LINK, NULL, 0, &pair[0], 1);
	if (error == 0)
		error = msg_send(relay, MSG_LINK, NULL, 0, &pair[1], 1);
	close(pair[0]);
	close(pair[1]);
	return (error);
}

int
exporter_turn(struct exporter *e, struct child *relay)
{
	if (e->child->pid == 0 || !e->child->ready)
		return (0);
	if (e->changed) {
		if (msg_send(e->child->control, MSG_METRICS_STATUS, &e->status, 1, NULL, 0) ==
		    -1)
			return (-1);
		e->changed = 0;
	}
	if (e->link_due && relay->pid != 0 && relay->ready) {
		if (link_children(relay->control, e->child->control) == -1)
			return (-1);
		e->link_due = 0;
	}
	return (0);
}
