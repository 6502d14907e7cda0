#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/endpoint.h"
#include "common/totals.h"
#include "supervisor/metrics/sessions.h"

#define U(x) ((unsigned long long)(x))

/* ---- what is asked for ---- */

void
sessions_query_init(struct sessions_query *q)
{
	memset(q, 0, sizeof(*q));
	q->state = -1;
	q->limit = UINT32_MAX;
}

static const char *
set_state(struct sessions_query *q, const char *value)
{
	for (q->state = 0; q->state < SESSION_CLOSED; q->state++)
		if (strcmp(value, session_state_names[q->state]) == 0)
			return (NULL);
	return ("unreplied, replied or assured");
}

static const char *
set_sort(struct sessions_query *q, const char *value)
{
	static const char *const names[] = { "", "bytes", "packets", "idle" };
	int i;

	for (i = SORT_BYTES; i < SORT_MAX; i++)
		if (strcmp(value, names[i]) == 0) {
			q->sort = i;
			return (NULL);
		}
	return ("bytes, packets or idle");
}

static const char *
set_limit(struct sessions_query *q, const char *value)
{
	const char *error;

	if (*value == '\0' || value[strspn(value, "0123456789")] != '\0')
		return ("a number from 1 to 4294967294");
	q->limit = (uint32_t)strtonum(value, 1, UINT32_MAX - 1, &error);
	return (error == NULL ? NULL : "a number from 1 to 4294967294");
}

const char *
sessions_query_set(struct sessions_query *q, const char *name, const char *value)
{
	if (value == NULL)
		value = "";
	if (strcmp(name, "client") == 0) {
		q->has_client = 1;
		return (inet_pton(AF_INET, value, &q->client) == 1 ? NULL : "an IPv4 address");
	}
	if (strcmp(name, "state") == 0)
		return (set_state(q, value));
	if (strcmp(name, "sort") == 0)
		return (set_sort(q, value));
	if (strcmp(name, "limit") == 0)
		return (set_limit(q, value));
	return (NULL);
}

int
sessions_match(const struct sessions_query *q, const struct msg_session *s)
{
	return ((!q->has_client || q->client == s->record.client_address) &&
	    (q->state == -1 || q->state == s->record.state));
}

/* ---- the best of them ---- */

static uint64_t
weight(enum sessions_sort sort, const struct msg_session *s)
{
	int64_t last = s->last_client > s->last_upstream ? s->last_client : s->last_upstream;

	switch (sort) {
	case SORT_BYTES:
		return (s->bytes[0] + s->bytes[1]);
	case SORT_PACKETS:
		return (s->packets[0] + s->packets[1]);
	default:
		return (UINT64_MAX - (uint64_t)last);
	}
}

int
sessions_heap_init(struct sessions_heap *h, const struct sessions_query *q)
{
	memset(h, 0, sizeof(*h));
	h->sort = q->sort;
	h->limit = q->limit < SESSIONS_SORTED_MAX ? q->limit : SESSIONS_SORTED_MAX;
	h->sessions = calloc(h->limit, sizeof(*h->sessions));
	return (h->sessions == NULL ? -1 : 0);
}

void
sessions_heap_free(struct sessions_heap *h)
{
	free(h->sessions);
	memset(h, 0, sizeof(*h));
}

static void
swap(struct sessions_heap *h, uint32_t a, uint32_t b)
{
	struct msg_session s = h->sessions[a];

	h->sessions[a] = h->sessions[b];
	h->sessions[b] = s;
}

static int
is_worse(const struct sessions_heap *h, uint32_t a, uint32_t b)
{
	return (weight(h->sort, &h->sessions[a]) < weight(h->sort, &h->sessions[b]));
}

static void
sift_up(struct sessions_heap *h, uint32_t i)
{
	for (; i > 0 && is_worse(h, i, (i - 1) / 2); i = (i - 1) / 2)
		swap(h, i, (i - 1) / 2);
}

static void
sift_down(struct sessions_heap *h)
{
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < h->count) {
		if (child + 1 < h->count && is_worse(h, child + 1, child))
			child++;
		if (!is_worse(h, child, i))
			return;
		swap(h, i, child);
		i = child;
	}
}

void
sessions_heap_add(struct sessions_heap *h, const struct msg_session *s)
{
	if (h->count < h->limit) {
		h->sessions[h->count] = *s;
		sift_up(h, h->count++);
	} else if (weight(h->sort, s) > weight(h->sort, &h->sessions[0])) {
		h->sessions[0] = *s;
		sift_down(h);
	}
}

void
sessions_heap_sort(struct sessions_heap *h)
{
	uint32_t all = h->count;

	/* The worst goes to the end, again and again. */
	while (h->count > 1) {
		swap(h, 0, --h->count);
		sift_down(h);
	}
	h->count = all;
}

/* ---- JSON ---- */

void
sessions_write(struct text *t, const struct msg_session *s, const struct msg_listener *l,
    const char *upstream)
{
	char address[ENDPOINT_HOST_MAX + 1];
	uint16_t port = 0;

	(void)endpoint_split(upstream, address, &port);
	text_printf(t, "{\"session_id\":\"%016llx\",\"listener\":\"", U(s->record.id));
	text_ipv4(t, l->address);
	text_printf(t, ":%u\",\"client_address\":\"", ntohs(l->port));
	text_ipv4(t, s->record.client_address);
	text_printf(t, "\",\"client_port\":%u,\"upstream_local_address\":\"",
	    ntohs(s->record.client_port));
	text_ipv6(t, s->upstream_local_address);
	text_printf(t,
	    "\",\"upstream_local_port\":%u,\"upstream_remote_address\":\"%s\","
	    "\"upstream_remote_port\":%u,\"state\":\"%s\",\"created\":\"",
	    ntohs(s->upstream_local_port), address, port, session_state_names[s->record.state]);
	text_time(t, s->record.created);
	text_printf(t, "\",\"last_client_packet\":\"");
	text_time(t, s->last_client);
	text_printf(t, "\",\"last_upstream_packet\":\"");
	text_time(t, s->last_upstream);
	text_printf(t,
	    "\",\"client_to_upstream_packets\":%llu,\"client_to_upstream_bytes\":%llu,"
	    "\"upstream_to_client_packets\":%llu,\"upstream_to_client_bytes\":%llu}",
	    U(s->packets[CLIENT_TO_UPSTREAM]), U(s->bytes[CLIENT_TO_UPSTREAM]),
	    U(s->packets[UPSTREAM_TO_CLIENT]), U(s->bytes[UPSTREAM_TO_CLIENT]));
}
