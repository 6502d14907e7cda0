#ifndef METRICS_DOCUMENT_H
#define METRICS_DOCUMENT_H

#include "supervisor/metrics/prometheus.h"
#include "supervisor/metrics/sessions.h"
#include "supervisor/metrics/sources.h"

enum document_kind {
	DOCUMENT_METRICS,
	DOCUMENT_SESSIONS,
	DOCUMENT_HEALTH,
};

/*
 * A document that is being made for one request, in pieces: each is written when the last was
 * sent, from one answer of a relay.  So its size costs no memory, and a reader who is slow
 * slows only himself.  All relays are asked for their totals at once, which tells whether
 * they answer, and for those of their listeners, as many as a message holds at a time; then
 * for their sessions, one relay after another.
 */
struct inquiry {
	struct document *document;
	struct source *relay;
	struct link_asker asker;
	enum msg_type type; /* of the question */
	uint32_t from;	    /* and the place that it is about */
	uint32_t told;	    /* what came for it: totals, or those of so many listeners */
};

struct document {
	enum document_kind kind;
	struct sources *sources;
	struct sessions_query query;
	struct sessions_heap heap;
	struct text text;	       /* the piece */
	size_t sent;		       /* of it */
	int answered;		       /* what the first piece takes has come, or will not */
	int up;			       /* every relay that was asked has answered */
	uint32_t waiting;	       /* for so many answers */
	int done;		       /* the piece is the last one */
	int broken;		       /* no piece will follow, though more were due */
	int64_t patience;	       /* until then relays may tell of their listeners */
	int totals_due;		       /* not all of them is written yet, */
	struct prometheus_place place; /* but up to here */
	int family;		       /* of session metrics, that are being written */
	uint32_t written;	       /* sessions */
	uint32_t worker;	       /* whose sessions are wanted */
	uint32_t from;		       /* place of the next ones */
	struct inquiry inquiry[WORKERS_MAX];
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
