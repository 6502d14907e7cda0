#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/metrics/document.h"

#define READ_END (-1)
#define READ_BROKEN (-2)

/*
 * How long all relays together may take to tell of their listeners: with the last question's
 * own patience, less than a connection has.
 */
#define LISTENERS_PATIENCE (2 * SECOND)

static void take(void *arg, const struct msg *msg);
static void end(void *arg, uint32_t next);
static void end_totals(struct document *d);

/*
 * Whether there is a number for everything that relays count: none at all is better than
 * zeros where there were more before.
 */
static int
is_known(const struct sources *sources)
{
	uint32_t i;

	for (i = 0; i < sources->config.workers; i++)
		if (!sources->relay[i].known)
			return (0);
	return (1);
}

static void
ask(struct inquiry *q, enum msg_type type, uint32_t from)
{
	q->type = type;
	q->from = from;
	q->told = 0;
	q->document->waiting++;
	if (link_ask(&q->relay->link, type, from, &q->asker, q->document->sources->now) == -1)
		end(q, LINK_FAILED);
}

static void
ask_all(struct document *d)
{
	uint32_t i;

	/* One more than are asked, so that the last refusal, not the first, is the end. */
	d->waiting = 1;
	for (i = 0; i < d->sources->config.workers; i++)
		ask(&d->inquiry[i], MSG_ASK_TOTALS, 0);
	if (--d->waiting == 0)
		end_totals(d);
}

struct document *
document_new(enum document_kind kind, struct sources *sources,
    const struct sessions_query *query, void (*ready)(struct document *), void *arg)
{
	struct document *d;
	uint32_t i;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	d->kind = kind;
	d->sources = sources;
	d->query = *query;
	d->up = 1;
	d->patience = sources->now + LISTENERS_PATIENCE;
	for (i = 0; i < sources->config.workers; i++)
		d->inquiry[i] = (struct inquiry){
			.document = d,
			.relay = &sources->relay[i],
			.asker = { take, end, &d->inquiry[i] },
		};
	if (query->sort != SORT_NONE && sessions_heap_init(&d->heap, query) == -1) {
		free(d);
		errno = ENOMEM;
		return (NULL);
	}
	ask_all(d);
	d->ready = ready;
	d->arg = arg;
	return (d);
}

void
document_free(struct document *d)
{
	uint32_t i;

	for (i = 0; i < d->sources->config.workers; i++)
		link_cancel(&d->inquiry[i].relay->link, &d->inquiry[i].asker);
	sessions_heap_free(&d->heap);
	text_free(&d->text);
	free(d);
}

/* ---- pieces ---- */

static void
write_session(struct document *d, const struct msg_session *s)
{
	if (d->written++ > 0)
		text_printf(&d->text, ",\n");
	sessions_write(&d->text, s, &d->sources->listener[s->record.listener],
	    d->sources->status.upstream);
}

static void
take_session(struct document *d, const struct msg_session *s)
{
	/* The relay's word is not trusted. */
	if (s->record.listener >= d->sources->config.listeners ||
	    s->record.state >= SESSION_CLOSED)
		return;
	if (d->kind == DOCUMENT_METRICS)
		prometheus_session(&d->text, d->family, d->sources, s);
	else if (!sessions_match(&d->query, s))
		return;
	else if (d->query.sort != SORT_NONE)
		sessions_heap_add(&d->heap, s);
	else if (d->written < d->query.limit)
		write_session(d, s);
}

/* How many listeners the answer to this question tells of. */
static uint32_t
listeners_of(const struct inquiry *q)
{
	uint32_t left = q->document->sources->config.listeners - q->from;

	return (left < MSG_LISTENERS_MAX ? left : MSG_LISTENERS_MAX);
}

static void
take(void *arg, const struct msg *msg)
{
	struct inquiry *q = arg;
	const struct msg_session *s = (const void *)msg->payload;
	uint32_t i;

	if (msg->type == MSG_ANSWER_TOTALS) {
		q->told = 1;
		memcpy(q->relay->totals, msg->payload, sizeof(*q->relay->totals));
	} else if (msg->type == MSG_ANSWER_LISTENERS) {
		if (msg->count != listeners_of(q))
			return;
		q->told = msg->count;
		memcpy(&q->relay->totals->listener[q->from], msg->payload,
		    msg->count * sizeof(struct listener_totals));
	} else if (msg->type == MSG_ANSWER_SESSIONS) {
		for (i = 0; i < msg->count; i++)
			take_session(q->document, &s[i]);
	}
}

/* After the totals, each family of session metrics in turn. */
static void
next_family(struct document *d)
{
	if (!d->sources->config.session_labels || !d->up || ++d->family == SESSION_FAMILY_MAX)
		d->done = 1;
	else
		prometheus_session_head(&d->text, d->family);
}

/* What all processes use now, for the first piece. */
static void
read_processes(struct sources *s)
{
	const struct msg_metrics_status *status = &s->status;
	struct source *relay = s->relay;
	uint32_t i;

	process_read(&s->supervisor, 0);
	s->supervisor.descriptors = status->descriptors;
	process_read(&s->metrics, status->metrics_cpu);
	s->metrics.descriptors = process_count_descriptors(s->descriptors);
	for (i = 0; i < s->config.workers; i++, relay++) {
		relay->process.descriptors = relay->totals->descriptors;
		process_read(&relay->process, status->relay_cpu[i]);
	}
}

/* A piece of the totals; the last one begins what comes after them. */
static void
write_totals(struct document *d)
{
	if (prometheus_totals(&d->text, d->sources, &d->place) == 0)
		return;
	d->totals_due = 0;
	d->family = -1;
	next_family(d);
}

/*
 * All relays have answered, or will not.  Totals are then what they were, but of sessions
 * nothing is known.
 */
static void
end_totals(struct document *d)
{
	d->answered = 1;
	if (d->kind == DOCUMENT_HEALTH)
		d->done = 1;
	else if (d->kind == DOCUMENT_SESSIONS && d->up)
		text_printf(&d->text, "[");
	else if (d->kind == DOCUMENT_METRICS && is_known(d->sources)) {
		d->totals_due = 1;
		read_processes(d->sources);
		write_totals(d);
	} else
		d->broken = 1;
}

static void
end_list(struct document *d)
{
	uint32_t i;

	if (d->query.sort != SORT_NONE) {
		sessions_heap_sort(&d->heap);
		for (i = 0; i < d->heap.count; i++)
			write_session(d, &d->heap.sessions[i]);
	}
	text_printf(&d->text, "]\n");
	d->done = 1;
}

/*
 * Whether a relay may go on at this place: farther by what an answer holds at least, and within
 * its table, which has two places for each session.  Or a list might have no end.
 */
static int
is_next(const struct document *d, uint32_t next)
{
	return (next >= d->from + MSG_SESSIONS_MAX &&
	    next <= 2 * (uint64_t)d->sources->config.session_capacity);
}

/* A relay has told of some of its sessions; `next` says where it would go on. */
static void
end_sessions(struct document *d, uint32_t next)
{
	int enough = d->kind == DOCUMENT_SESSIONS && d->written >= d->query.limit;

	if (next == LINK_ALL) {
		d->from = 0;
		d->worker = (d->worker + 1) % d->sources->config.workers;
	} else if (is_next(d, next))
		d->from = next;
	else
		d->broken = 1; /* LINK_FAILED, too */
	if (d->broken || (next != LINK_ALL && !enough))
		return;
	if (d->kind == DOCUMENT_METRICS && d->worker == 0)
		next_family(d);
	else if (d->kind == DOCUMENT_SESSIONS && (d->worker == 0 || enough))
		end_list(d);
}

/*
 * Where to go on with the totals of a relay's listeners.  It must have told of as many as a
 * message holds, and go on after them, or a list might have no end.
 */
static uint32_t
next_listeners(const struct inquiry *q, uint32_t next)
{
	const struct sources *sources = q->document->sources;
	uint32_t expected = q->from + q->told;

	if (next == LINK_FAILED || q->told == 0)
		return (LINK_FAILED);
	if (q->type == MSG_ASK_TOTALS)
		return (0);
	if (expected == sources->config.listeners)
		expected = LINK_ALL;
	else if (sources->now >= q->document->patience)
		return (LINK_FAILED);
	return (next == expected ? next : LINK_FAILED);
}

static void
end(void *arg, uint32_t next)
{
	struct inquiry *q = arg;
	struct document *d = q->document;

	d->waiting--;
	if (d->kind == DOCUMENT_METRICS && !d->answered) {
		next = next_listeners(q, next);
		if (next < LINK_FAILED) {
			ask(q, MSG_ASK_LISTENERS, next);
			return;
		}
		q->relay->known |= next == LINK_ALL;
	}
	q->relay->up = next != LINK_FAILED;
	d->up = d->up && q->relay->up;
	if (d->answered)
		end_sessions(d, next);
	else if (d->waiting == 0)
		end_totals(d);
	if (d->text.failed)
		d->broken = 1;
	if (d->answered && d->ready != NULL)
		d->ready(d);
}

ssize_t
document_read(struct document *d, char *buf, size_t max)
{
	size_t n;

	if (d->sent == d->text.len && d->totals_due) {
		text_reset(&d->text);
		d->sent = 0;
		write_totals(d);
		d->broken |= d->text.failed;
	}
	if (d->broken)
		return (READ_BROKEN);
	n = d->text.len - d->sent;
	if (n > 0) {
		n = n < max ? n : max;
		memcpy(buf, d->text.buf + d->sent, n);
		d->sent += n;
		return ((ssize_t)n);
	}
	if (d->done)
		return (READ_END);
	if (d->waiting == 0) {
		text_reset(&d->text);
		d->sent = 0;
		ask(&d->inquiry[d->worker], MSG_ASK_SESSIONS, d->from);
		if (d->broken)
			return (READ_BROKEN);
	}
	return (0);
}
