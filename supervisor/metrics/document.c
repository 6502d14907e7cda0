#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/metrics/document.h"

#define READ_END (-1)
#define READ_BROKEN (-2)

static void take(void *arg, const struct msg *msg);
static void end(void *arg, uint32_t next);

static struct prometheus
numbers(const struct document *d)
{
	return ((struct prometheus){
	    .config = &d->sources->config,
	    .status = &d->sources->status,
	    .totals = &d->sources->totals,
	    .relay_up = d->relay_up,
	});
}

static void
ask(struct document *d, enum msg_type type)
{
	d->waiting = 1;
	if (link_ask(&d->sources->link, type, d->from, &d->asker, d->sources->now) == -1)
		end(d, LINK_FAILED);
}

struct document *
document_new(enum document_kind kind, struct sources *sources,
    const struct sessions_query *query, void (*ready)(struct document *), void *arg)
{
	struct document *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	d->kind = kind;
	d->sources = sources;
	d->query = *query;
	d->asker = (struct link_asker){ take, end, d };
	if (query->sort != SORT_NONE && sessions_heap_init(&d->heap, query) == -1) {
		free(d);
		errno = ENOMEM;
		return (NULL);
	}
	ask(d, kind == DOCUMENT_SESSIONS ? MSG_ASK_SESSIONS : MSG_ASK_TOTALS);
	d->ready = ready;
	d->arg = arg;
	return (d);
}

void
document_free(struct document *d)
{
	link_cancel(&d->sources->link, &d->asker);
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
	struct prometheus from = numbers(d);

	/* The relay's word is not trusted. */
	if (s->record.listener >= d->sources->config.listeners ||
	    s->record.state >= SESSION_CLOSED)
		return;
	if (d->kind == DOCUMENT_METRICS)
		prometheus_session(&d->text, d->family, &from, s);
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
	struct document *d = arg;
	const struct msg_session *s = (const void *)msg->payload;
	uint32_t i;

	if (msg->type == MSG_ANSWER_TOTALS) {
		memcpy(&d->sources->totals, msg->payload, sizeof(d->sources->totals));
		d->sources->totals_known = 1;
	} else if (msg->type == MSG_ANSWER_SESSIONS) {
		if (d->kind == DOCUMENT_SESSIONS && d->from == 0 && !d->answered)
			text_printf(&d->text, "[");
		d->answered = 1;
		for (i = 0; i < msg->count; i++)
			take_session(d, &s[i]);
	}
}

static void
end_sessions(struct document *d, uint32_t next)
{
	uint32_t i;

	if (!d->answered)
		text_printf(&d->text, "[");
	d->answered = 1;
	d->from = next;
	if (next != LINK_ALL && d->written < d->query.limit)
		return;
	if (d->query.sort != SORT_NONE) {
		sessions_heap_sort(&d->heap);
		for (i = 0; i < d->heap.count; i++)
			write_session(d, &d->heap.sessions[i]);
	}
	text_printf(&d->text, "]\n");
	d->done = 1;
}

static void
end_metrics(struct document *d, uint32_t next)
{
	struct prometheus from;

	if (!d->answered) {
		d->answered = d->relay_up = 1;
		from = numbers(d);
		prometheus_totals(&d->text, &from);
		d->family = -1;
		next = LINK_ALL;
	}
	d->from = next;
	if (next != LINK_ALL)
		return;
	d->from = 0;
	if (!d->sources->config.session_labels || ++d->family == SESSION_FAMILY_MAX)
		d->done = 1;
	else
		prometheus_session_head(&d->text, d->family);
}

/* The relay did not answer: say what is known, or that nothing is. */
static void
end_failed(struct document *d)
{
	struct prometheus from = numbers(d);

	d->relay_up = 0;
	if (d->answered)
		d->broken = 1;
	else if (d->kind == DOCUMENT_METRICS)
		prometheus_totals(&d->text, &from);
	d->answered = d->done = 1;
}

static void
end(void *arg, uint32_t next)
{
	struct document *d = arg;

	d->waiting = 0;
	if (next == LINK_FAILED)
		end_failed(d);
	else if (d->kind == DOCUMENT_METRICS)
		end_metrics(d, next);
	else if (d->kind == DOCUMENT_SESSIONS) {
		d->relay_up = 1;
		end_sessions(d, next);
	} else
		d->answered = d->relay_up = d->done = 1;
	if (d->text.failed)
		d->broken = 1;
	if (d->ready != NULL)
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
	if (!d->waiting) {
		text_reset(&d->text);
		d->sent = 0;
		ask(d, MSG_ASK_SESSIONS);
		if (d->broken)
			return (READ_BROKEN);
	}
	return (0);
}
