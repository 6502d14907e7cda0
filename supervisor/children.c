#include <sys/wait.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/capacity.h"
#include "supervisor/children.h"
#include "supervisor/log_writer.h"
#include "supervisor/relocation.h"

/* After SIGTERM a child has this long; the whole end takes 2 s at most. */
#define STOP_TIMEOUT (1500 * MILLISECOND)

#define RESEND_AFTER (5 * MILLISECOND)

/* How often at most the metrics child is told how many descriptors are open. */
#define DESCRIPTORS_EVERY SECOND

/* The keeper of a relay; NULL for another child. */
static struct keeper *
keeper_of(struct children *c, const struct child *child)
{
	ptrdiff_t i = child - c->child;

	return (i < c->keepers.count ? &c->keepers.keeper[i] : NULL);
}

/* ---- start ---- */

/* Records a second of one relay of so many. */
static uint32_t
records_of(uint32_t workers)
{
	uint32_t records = CHILD_RECORDS_A_SECOND / workers;

	return (records < CHILD_RECORDS_LEAST ? CHILD_RECORDS_LEAST : records);
}

void
children_init(struct children *c, uint32_t workers, int metrics, int binary)
{
	char name[WORKER_NAME_MAX];
	uint32_t i;

	c->binary = binary;
	c->resend_at = NEVER;
	for (i = 0; i < workers; i++) {
		child_init(&c->child[i], worker_name(i, workers, name), FROM_RELAY,
		    records_of(workers));
		c->keepers.keeper[i].child = &c->child[i];
	}
	c->count = c->keepers.count = workers;
	if (!metrics)
		return;
	child_init(&c->child[c->count], "metrics", FROM_METRICS, CHILD_RECORDS_LEAST);
	c->exporter.child = &c->child[c->count++];
}

static void
start(struct children *c, struct child *child, int64_t now)
{
	struct keeper *k = keeper_of(c, child);

	if (child_start(child, c->binary, now) == -1) {
		log_error(
		    "child not started", "child=%s error=%s", child->name, strerror(errno));
		child->restart_at = now + backoff_next(&child->backoff, 0);
		return;
	}
	if (k != NULL)
		keeper_started(k, now);
	else
		exporter_started(&c->exporter);
}

void
children_start(struct children *c, int64_t now)
{
	uint32_t i;

	c->stopping = c->keep = 0;
	c->resend_at = NEVER;
	for (i = 0; i < c->count; i++)
		start(c, &c->child[i], now);
}

int
children_ready(const struct children *c)
{
	uint32_t i;

	for (i = 0; i < c->count; i++)
		if (!c->child[i].ready_once)
			return (0);
	return (1);
}

uint64_t
children_restarts(const struct children *c)
{
	uint64_t restarts = 0;
	uint32_t i;

	for (i = 0; i < c->count; i++)
		restarts += c->child[i].restarts;
	return (restarts);
}

/* ---- what they say ---- */

static void
child_ready(struct children *c, struct child *child, int64_t now)
{
	struct keeper *k = keeper_of(c, child);

	if (child->ready)
		return;
	child->ready = 1;
	child->pong_until = NEVER;
	child->ping_at = now;
	if (k != NULL)
		c->exporter.link_due[child - c->child] = 1;
	if (child->ready_once && !child->told_to_stop)
		log_warn("child restarted", "child=%s pid=%d restarts=%llu", child->name,
		    child->pid, (unsigned long long)child->restarts);
	child->ready_once = 1;
	child->told_to_stop = 0;
}

static void
take_message(struct children *c, struct child *child, int64_t now)
{
	struct keeper *k = keeper_of(c, child);

	switch (c->msg.type) {
	case MSG_READY:
		child_ready(c, child, now);
		break;
	case MSG_PONG:
		child_pong(child, (const void *)c->msg.payload, now);
		break;
	case MSG_RECORDS:
		if (k == NULL || keeper_records(k, &c->msg, now) == -1)
			child_condemn(child, "a record of a socket that it does not have");
		break;
	case MSG_UPSTREAM:
		if (k == NULL || relocation_answered(k, now) == -1)
			child_condemn(child, "an answer that nobody had asked for");
		break;
	case MSG_TROUBLE:
		if (k == NULL ||
		    troubles_take(&c->troubles, k, (const void *)c->msg.payload, now) == -1)
			child_condemn(child, "trouble that there cannot be");
		break;
	default:
		child_condemn(child, "unexpected message");
		break;
	}
}

static void
hear(struct children *c, struct child *child, int64_t now)
{
	while (child_receive(child, &c->msg, now))
		take_message(c, child, now);
	child_read_stderr(child, now);
}

uint32_t
children_watch(const struct children *c, int64_t now, struct pollfd *pfd)
{
	uint32_t i;

	for (i = 0; i < c->count; i++)
		child_watch(&c->child[i], now, pfd + (size_t)i * CHILD_POLLFDS);
	return (c->count * CHILD_POLLFDS);
}

void
children_hear(struct children *c, const struct pollfd *pfd, int64_t now)
{
	uint32_t i;

	for (i = 0; i < c->count; i++, pfd += CHILD_POLLFDS)
		if (pfd[0].revents != 0 || pfd[1].revents != 0 || c->child[i].unread)
			hear(c, &c->child[i], now);
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
ended(struct children *c, struct child *child, pid_t pid, int status, int64_t now)
{
	struct keeper *k = keeper_of(c, child);
	struct child_end end = { 0 };

	if (!c->stopping || !is_orderly(status))
		end = child_ended(child, pid, status, now);
	if (c->stopping) {
		if (c->keep && k != NULL)
			keeper_ended(k, &end, now);
		return;
	}
	/* It could never start: that is no crash. */
	if (!child->ready_once) {
		log_error(
		    "shutdown", "reason=%s child=%s", "a child failed at start", child->name);
		exit(EXIT_REFUSED);
	}
	if (k != NULL)
		keeper_ended(k, &end, now);
	child->restarts++;
	c->exporter.changed = 1;
}

void
children_reap(struct children *c, int64_t now)
{
	struct child *child;
	uint32_t i;
	pid_t pid;

	for (i = 0; i < c->count; i++) {
		child = &c->child[i];
		if (!child_has_ended(child))
			continue;
		/* What it still said counts: sessions that it opened are to be kept. */
		hear(c, child, now);
		pid = child->pid;
		ended(c, child, pid, child_reap(child, now), now);
	}
}

void
children_stop(struct children *c, int keep, int64_t now)
{
	uint32_t i;

	c->stopping = 1;
	c->keep = keep;
	c->stop_until = now + STOP_TIMEOUT;
	/* They may have been told to stop and keep, and now are not to. */
	for (i = 0; i < c->count; i++)
		c->child[i].told_to_stop = 0;
}

static int
tell_to_stop(const struct children *c, const struct child *child)
{
	const struct msg_stop stop = { .keep = (uint32_t)c->keep };

	/* It has received nothing yet, and waits for other messages. */
	if (c->keep && !child->ready) {
		child_kill(child, SIGTERM);
		return (1);
	}
	return (msg_send(child->control, MSG_STOP, &stop, 1, NULL, 0) == 0);
}

int
children_stop_turn(struct children *c, int64_t now)
{
	struct child *child;
	uint32_t i;
	int left = 0;

	c->resend_at = NEVER;
	/* Clients that wait for a socket are to get one. */
	for (i = 0; c->keep && i < c->keepers.count; i++)
		keeper_turn(&c->keepers.keeper[i], now);
	for (i = 0; i < c->count; i++) {
		child = &c->child[i];
		if (child->pid == 0)
			continue;
		left++;
		if (now >= c->stop_until)
			child_kill(child, SIGKILL);
		else if (!child->told_to_stop)
			child->told_to_stop = tell_to_stop(c, child);
		if (!child->told_to_stop)
			c->resend_at = now + RESEND_AFTER;
	}
	if (now >= c->stop_until)
		c->stop_until = NEVER;
	return (left == 0);
}

/* ---- turns ---- */

int64_t
children_deadline(const struct children *c, int64_t now)
{
	int64_t deadline = c->resend_at;
	uint32_t i;

	if (c->stopping)
		deadline = clock_earlier(deadline, c->stop_until);
	if (c->stopping && !c->keep)
		return (deadline);
	for (i = 0; i < c->keepers.count; i++)
		deadline = clock_earlier(deadline, keeper_deadline(&c->keepers.keeper[i]));
	for (i = 0; !c->stopping && i < c->count; i++)
		deadline = clock_earlier(deadline, child_deadline(&c->child[i], now));
	return (deadline);
}

/* Sockets of all stores. */
static uint32_t
sockets(const struct children *c)
{
	const struct store *store;
	uint32_t i, state, n = 0;

	for (i = 0; i < c->keepers.count; i++) {
		store = &c->keepers.keeper[i].store;
		for (state = SLOT_KEPT; state < SLOT_STATE_MAX; state++)
			n += store->count[state];
	}
	return (n);
}

void
children_count_descriptors(struct children *c)
{
	uint32_t open;

	if (c->exporter.child == NULL)
		return;
	open = capacity_descriptors_open();
	c->descriptors = open == 0 ? 0 : open - sockets(c);
}

/* Returns whether it is time to tell; if not, *again is when it will be. */
static int
descriptors_changed(struct children *c, int64_t now, int64_t *again)
{
	uint64_t open = c->descriptors + sockets(c);

	if (c->descriptors == 0 || c->exporter.status.descriptors == open)
		return (0);
	if (now - c->descriptors_told < DESCRIPTORS_EVERY) {
		*again = c->descriptors_told + DESCRIPTORS_EVERY;
		return (0);
	}
	c->descriptors_told = now;
	c->exporter.status.descriptors = open;
	return (1);
}

static void
tell_metrics(struct children *c, int64_t now)
{
	struct msg_metrics_status *status = &c->exporter.status;
	uint64_t lost = log_writer_lost() + child_log_held();
	uint32_t i;

	c->resend_at = NEVER;
	if (c->exporter.child == NULL)
		return;
	c->exporter.changed |= descriptors_changed(c, now, &c->resend_at);
	status->sessions_discarded = 0;
	for (i = 0; i < c->keepers.count; i++) {
		status->relay_restarts[i] = c->child[i].restarts;
		status->relay_cpu[i] = c->child[i].cpu;
		status->sessions_discarded += c->keepers.keeper[i].discarded;
	}
	status->metrics_restarts = c->exporter.child->restarts;
	status->metrics_cpu = c->exporter.child->cpu;
	if (status->log_records_lost != lost) {
		status->log_records_lost = lost;
		c->exporter.changed = 1;
	}
	if (exporter_turn(&c->exporter, c->child) == -1)
		c->resend_at = now + RESEND_AFTER;
}

void
children_turn(struct children *c, int64_t now)
{
	struct child *child;
	uint32_t i;

	for (i = 0; i < c->keepers.count; i++)
		keeper_turn(&c->keepers.keeper[i], now);
	tell_metrics(c, now);
	for (i = 0; i < c->count; i++) {
		child = &c->child[i];
		child_turn(child, now);
		if (child->pid == 0 && now >= child->restart_at)
			start(c, child, now);
	}
}
