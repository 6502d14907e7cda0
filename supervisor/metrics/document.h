#ifndef METRICS_DOCUMENT_H
#define METRICS_DOCUMENT_H

#include "common/totals.h"
#include "supervisor/metrics/link.h"
#include "supervisor/metrics/prometheus.h"
#include "supervisor/metrics/sessions.h"

/* What documents are made of: told by the supervisor, and by the relay when asked. */
struct sources {
	struct msg_metrics_config config;
	struct msg_metrics_status status;
	struct totals totals; /* the last that the relay told */
	int totals_known;     /* it did */
	struct link link;
	int64_t now; /* clock_now() of this turn */
};

enum document_kind {
	DOCUMENT_METRICS,
	DOCUMENT_SESSIONS,
	DOCUMENT_HEALTH,
};

/*
 * A document that is being made for one request, in pieces: each is written when the last was
 * sent, from one answer of the relay.  So its size costs no memory, and a reader who is slow
 * slows only himself.
 */
struct document {
	enum document_kind kind;
	struct sources *sources;
	struct sessions_query query;
	struct sessions_heap heap;
	struct text text; /* the piece */
	size_t sent;	  /* of it */
	int answered;	  /* the first answer has come, or will not */
	int relay_up;	  /* it has come */
	int waiting;	  /* for an answer */
	int done;	  /* the piece is the last one */
	int broken;	  /* no piece will follow, though more were due */
	int family;	  /* of session metrics, that are being written */
	uint32_t written; /* sessions */
	uint32_t from;	  /* place of the next sessions */
	struct link_asker asker;
	void (*ready)(struct document *); /* an answer has come */
	void *arg;			  /* ready()'s */
};

/*
 * Make a document and ask for its first piece.  `ready` is called when there is something to
 * send, unless that is so at once (document->answered).  Returns NULL with errno ENOMEM.
 */
struct document *document_new(enum document_kind kind, struct sources *sources,
    const struct sessions_query *query, void (*ready)(struct document *), void *arg);
void document_free(struct document *document);

/*
 * Take up to `max` bytes.  Returns their number; 0 when the next piece is still to come, and
 * ready() will be called; -1 at the end, -2 when it cannot be finished.
 */
ssize_t document_read(struct document *document, char *buf, size_t max);

#endif
