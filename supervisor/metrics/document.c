#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/metrics/document.h"

#define READ_END (-1)
#define READ_BROKEN (-2)

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
ask(struct document *d, uint32_t worker, enum msg_type type)
{
	struct inquiry *q = &d->inquiry[worker];

	d->waiting++;
	if (link_ask(&q->relay->link, type, d->from, &q->asker, d->sources->now) == -1)
		end(q, LINK_FAILED);
}

static void
ask_all(struct document *d)
{
	uint32_t i;

	/* One more than are asked, so that the last refusal, not the first, is the end. */
	d->waiting = 1;
	for (i = 0; i < d->sources->config.workers; i++)
		ask(d, i, MSG_ASK_TOTALS);
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
	for (i = 0; i < sources->config.workers; i++)
		d->inquiry[i] =
		    (struct inquiry){ d, &sources->relay[i], { take, end, &d->inquiry[i] } };
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
	sessions_write(&d->text, s, &d->sources->config, d->sources->status.upstream);
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

static void
take(void *arg, const struct msg *msg)
{
	const struct inquiry *q = arg;
	const struct msg_session *s = (const void *)msg->payload;
	uint32_t i;

	if (msg->type == MSG_ANSWER_TOTALS) {
		memcpy(&q->relay->totals, msg->payload, sizeof(q->relay->totals));
		q->relay->known = 1;
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
		prometheus_totals(&d->text, d->sources);
		d->family = -1;
		next_family(d);
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

static void
end(void *arg, uint32_t next)
{
	const struct inquiry *q = arg;
	struct document *d = q->document;

	d->waiting--;
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
	size_t n = d->text.len - d->sent;

	if (d->broken)
		return (READ_BROKEN);
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
		ask(d, d->worker, MSG_ASK_SESSIONS);
		if (d->broken)
			return (READ_BROKEN);
	}
	return (0);
}
