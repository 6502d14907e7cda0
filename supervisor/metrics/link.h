#ifndef METRICS_LINK_H
#define METRICS_LINK_H

#include <sys/queue.h>
#include <stdint.h>

#include "common/msg.h"

/*
 * Who asks the relay something.  An answer is one take(), or none, and one end(); when the
 * relay is gone, says nothing for 2 s, or says more than it was asked for, end() comes with
 * next LINK_FAILED.
 */
struct link_asker {
	void (*take)(void *arg, const struct msg *msg);
	void (*end)(void *arg, uint32_t next);
	void *arg;
};

#define LINK_ALL UINT32_MAX	     /* that was all */
#define LINK_FAILED (UINT32_MAX - 1) /* no answer */

/* How long the relay may take for an answer. */
#define LINK_PATIENCE (2 * SECOND)

struct question {
	STAILQ_ENTRY(question) entry;
	enum msg_type type;
	struct msg_ask ask;
	int answered;			/* but for the end */
	const struct link_asker *asker; /* NULL: it is not interested any more */
	int64_t deadline;		/* NEVER once it failed */
};

STAILQ_HEAD(question_list, question);

/* The socketpair with the relay, and what it is asked, in order. */
struct link {
	int fd;			      /* -1: there is none */
	int had_one;		      /* there was: the relay is gone, not still to come */
	struct question_list asked;   /* an answer is due */
	struct question_list waiting; /* for the first relay, or for room in its socket */
};

void link_init(struct link *link);

/* Take a new socket, or -1: there is none any more.  Whoever asked the old one fails. */
void link_replace(struct link *link, int fd);

/*
 * Ask for MSG_ASK_TOTALS, or for MSG_ASK_LISTENERS or MSG_ASK_SESSIONS from `from` on; before
 * the first relay the question waits.  Returns 0, or -1 when there is no relay any more, and
 * then no function is called.  `asker` must stay until its end() or link_cancel().
 */
int link_ask(struct link *link, enum msg_type type, uint32_t from,
    const struct link_asker *asker, int64_t now);

/* This asker waits no longer. */
void link_cancel(struct link *link, const struct link_asker *asker);

/* Take answers in, as many as have come, and ask what had to wait. */
void link_turn(struct link *link);

/* Fail what has waited too long; and when to come again. */
void link_expire(struct link *link, int64_t now);
int64_t link_deadline(const struct link *link);

#endif
