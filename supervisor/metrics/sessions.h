#ifndef METRICS_SESSIONS_H
#define METRICS_SESSIONS_H

#include "common/messages.h"
#include "supervisor/metrics/text.h"

enum sessions_sort {
	SORT_NONE,
	SORT_BYTES, /* most first, both directions */
	SORT_PACKETS,
	SORT_IDLE, /* longest silent first */
	SORT_MAX
};

/* The most sessions of a sorted list; others are streamed without a limit. */
#define SESSIONS_SORTED_MAX 1000

/* What /debug/sessions was asked for. */
struct sessions_query {
	int has_client;
	uint32_t client; /* network byte order */
	int state;	 /* enum session_state, or -1 for all */
	uint32_t limit;	 /* UINT32_MAX: none */
	enum sessions_sort sort;
};

/* The best so far of a sorted list: a heap with the worst at the top, of at most `limit`. */
struct sessions_heap {
	struct msg_session *sessions;
	uint32_t count, limit;
	enum sessions_sort sort;
};

void sessions_query_init(struct sessions_query *query);

/*
 * Read one parameter of the query string; unknown ones are ignored.  Returns NULL, or what
 * would be right.
 */
const char *sessions_query_set(
    struct sessions_query *query, const char *name, const char *value);

/* Whether the query wants this session. */
int sessions_match(const struct sessions_query *query, const struct msg_session *session);

/* A heap for a sorted query.  Returns 0, or -1 with errno ENOMEM. */
int sessions_heap_init(struct sessions_heap *heap, const struct sessions_query *query);
void sessions_heap_free(struct sessions_heap *heap);
void sessions_heap_add(struct sessions_heap *heap, const struct msg_session *session);

/* Put the heap's sessions in order, best first.  It is a list from then on. */
void sessions_heap_sort(struct sessions_heap *heap);

/* Write one session, of this listener, as a JSON object. */
void sessions_write(struct text *text, const struct msg_session *session,
    const struct msg_listener *listener, const char *upstream);

#endif
