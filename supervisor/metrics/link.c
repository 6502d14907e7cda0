#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/metrics/link.h"

void
link_init(struct link *l)
{
	l->fd = -1;
	l->had_one = 0;
	STAILQ_INIT(&l->asked);
	STAILQ_INIT(&l->waiting);
}

/* Take the first question off its list, and tell its asker. */
static void
finish(struct question_list *list, uint32_t next)
{
	struct question *q = STAILQ_FIRST(list);
	const struct link_asker *asker = q->asker;

	STAILQ_REMOVE_HEAD(list, entry);
	free(q);
	/* Last, as it may ask again. */
	if (asker != NULL)
		asker->end(asker->arg, next);
}

/* Ask what waits, in its order, as far as the relay takes it. */
static void
ask_waiting(struct link *l)
{
	struct question *q;

	while (l->fd != -1 && (q = STAILQ_FIRST(&l->waiting)) != NULL) {
		if (q->asker == NULL) {
			finish(&l->waiting, LINK_FAILED);
			continue;
		}
		if (msg_send(l->fd, q->type, &q->ask, 1, NULL, 0) == -1)
			return;
		STAILQ_REMOVE_HEAD(&l->waiting, entry);
		STAILQ_INSERT_TAIL(&l->asked, q, entry);
	}
}

void
link_replace(struct link *l, int fd)
{
	struct question_list failed = STAILQ_HEAD_INITIALIZER(failed);

	if (l->fd != -1)
		close(l->fd);
	l->fd = fd;
	l->had_one = 1;
	/* Apart, as those who fail may ask again. */
	STAILQ_CONCAT(&failed, &l->asked);
	while (!STAILQ_EMPTY(&failed))
		finish(&failed, LINK_FAILED);
	ask_waiting(l);
}

int
link_ask(struct link *l, enum msg_type type, uint32_t from, const struct link_asker *asker,
    int64_t now)
{
	struct question *q;

	if ((l->fd == -1 && l->had_one) || (q = malloc(sizeof(*q))) == NULL)
		return (-1);
	q->type = type;
	q->ask.from = from;
	q->answered = 0;
	q->asker = asker;
	q->deadline = now + LINK_PATIENCE;
	STAILQ_INSERT_TAIL(&l->waiting, q, entry);
	ask_waiting(l);
	return (0);
}

void
link_cancel(struct link *l, const struct link_asker *asker)
{
	struct question *q;

	STAILQ_FOREACH(q, &l->asked, entry)
		if (q->asker == asker)
			q->asker = NULL;
	STAILQ_FOREACH(q, &l->waiting, entry)
		if (q->asker == asker)
			q->asker = NULL;
}

static enum msg_type
answer_to(enum msg_type question)
{
	switch (question) {
	case MSG_ASK_LISTENERS:
		return (MSG_ANSWER_LISTENERS);
	case MSG_ASK_SESSIONS:
		return (MSG_ANSWER_SESSIONS);
	default:
		return (MSG_ANSWER_TOTALS);
	}
}

/* Whether this is the one message that a question asks for; another would be one too many. */
static int
is_answer(struct question *q, const struct msg *msg)
{
	if (q->answered || msg->type != answer_to(q->type))
		return (0);
	q->answered = 1;
	return (1);
}

void
link_turn(struct link *l)
{
	static struct msg msg;
	const struct msg_answer_end *end = (const void *)msg.payload;
	struct question *q;
	int n;

	while (l->fd != -1) {
		n = msg_receive(l->fd, FROM_RELAY, &msg);
		if (n == -1 && errno == EAGAIN)
			break;
		q = STAILQ_FIRST(&l->asked);
		/* Gone, or no relay of ours: its successor has a new link. */
		if (n != 1 || q == NULL || (msg.type != MSG_ANSWER_END && !is_answer(q, &msg)))
			link_replace(l, -1);
		else if (msg.type == MSG_ANSWER_END)
			finish(&l->asked, end->next);
		else if (q->asker != NULL)
			q->asker->take(q->asker->arg, &msg);
	}
	ask_waiting(l);
}

/* Expired questions stay in their order: the answer may still come, for nobody. */
static void
expire(struct question_list *list, int64_t now)
{
	const struct link_asker *asker;
	struct question *q;

	STAILQ_FOREACH(q, list, entry) {
		if (now < q->deadline)
			continue;
		q->deadline = NEVER;
		asker = q->asker;
		q->asker = NULL;
		if (asker != NULL)
			asker->end(asker->arg, LINK_FAILED);
	}
}

void
link_expire(struct link *l, int64_t now)
{
	expire(&l->asked, now);
	expire(&l->waiting, now);
	/* While there is no relay, nobody else would free them. */
	while (!STAILQ_EMPTY(&l->waiting) && STAILQ_FIRST(&l->waiting)->asker == NULL)
		finish(&l->waiting, LINK_FAILED);
}

int64_t
link_deadline(const struct link *l)
{
	const struct question *q;
	int64_t deadline = NEVER;

	STAILQ_FOREACH(q, &l->asked, entry)
		deadline = clock_earlier(deadline, q->deadline);
	STAILQ_FOREACH(q, &l->waiting, entry)
		deadline = clock_earlier(deadline, q->deadline);
	return (deadline);
}
