#include <stddef.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/ctl/fault.h"
#include "supervisor/ctl/http_client.h"
#include "supervisor/ctl/numbers.h"
#include "supervisor/ctl/samples.h"
#include "supervisor/ctl/target.h"

#define MEMBER(member) offsetof(struct numbers, member)

/* Families of one number, and their places: without those the answer is not whole. */
static const struct {
	const char *name;
	size_t place;
} singles[] = {
	{ "process_start_time_seconds", MEMBER(started) },
	{ "udp46_listeners", MEMBER(listeners) },
	{ "udp46_log_records_suppressed_total", MEMBER(log_suppressed) },
	{ "udp46_upstream_changes_total", MEMBER(upstream_changes) },
	{ "udp46_upstream_path_mtu_bytes", MEMBER(path_mtu) },
	{ "udp46_upstream_last_reply_timestamp_seconds", MEMBER(last_reply) },
	{ "udp46_upstream_silent_since_timestamp_seconds", MEMBER(silent_since) },
	{ "udp46_dns_resolve_errors_total", MEMBER(resolve_errors) },
	{ "udp46_sessions_active", MEMBER(active) },
	{ "udp46_session_capacity", MEMBER(capacity) },
	{ "udp46_sessions_created_total", MEMBER(created) },
	{ "udp46_sessions_expired_total", MEMBER(expired) },
	{ "udp46_sessions_restored_total", MEMBER(restored) },
};
#define SINGLES (sizeof(singles) / sizeof(singles[0]))

/* Families by direction, added up over listeners. */
static const struct {
	const char *name;
	size_t place;
} directed[] = {
	{ "udp46_datagrams_total", MEMBER(datagrams) },
	{ "udp46_bytes_total", MEMBER(bytes) },
	{ "udp46_receive_queue_drops_total", MEMBER(queue_drops) },
};
#define DIRECTED (sizeof(directed) / sizeof(directed[0]))

/* Families by another label, added up over all others. */
static const struct {
	const char *name;
	const char *label;
	const char *without; /* the name of the only one, which has no such label */
	size_t place;
} labelled[] = {
	{ "udp46_sessions", "state", NULL, MEMBER(sessions) },
	{ "udp46_sessions_evicted_total", "state", NULL, MEMBER(evicted) },
	{ "udp46_sessions_closed_total", "reason", NULL, MEMBER(closed) },
	{ "udp46_drops_total", "reason", NULL, MEMBER(drops) },
	{ "udp46_errors_total", "operation", NULL, MEMBER(errors) },
	{ "udp46_child_restarts_total", "child", NULL, MEMBER(restarts) },
	{ "udp46_relay_up", "child", "relay", MEMBER(up) },
};
#define LABELLED (sizeof(labelled) / sizeof(labelled[0]))

#define SEEN_BUILD (1U << SINGLES)
#define SEEN_UPSTREAM (1U << (SINGLES + 1))
/* With one relay it comes last, so the answer was not cut. */
#define SEEN_LAST (1U << (SINGLES + 2))
#define SEEN_UP (1U << (SINGLES + 3))
#define SEEN_ALL ((1U << (SINGLES + 4)) - 1)

static double *
number_at(struct numbers *n, size_t place)
{
	return ((double *)(void *)((char *)n + place));
}

static void
count(struct counts *counts, const char *name, double value)
{
	size_t i;

	for (i = 0; i < counts->count; i++)
		if (strcmp(counts->of[i].name, name) == 0) {
			counts->of[i].value += value;
			return;
		}
	if (i == COUNTS_MAX ||
	    strlcpy(counts->of[i].name, name, COUNTS_NAME_MAX) >= COUNTS_NAME_MAX)
		return;
	counts->of[i].value = value;
	counts->count++;
}

static void
take_text(struct numbers *n, const struct sample *s)
{
	const struct {
		const char *family, *label;
		char *to;
		size_t size;
		unsigned int seen;
	} texts[] = {
		{ "udp46_build_info", "version", n->version, sizeof(n->version), SEEN_BUILD },
		{ "udp46_build_info", "commit", n->commit, sizeof(n->commit), SEEN_BUILD },
		{ "udp46_build_info", "date", n->date, sizeof(n->date), SEEN_BUILD },
		{ "udp46_upstream_info", "address", n->upstream, sizeof(n->upstream),
		    SEEN_UPSTREAM },
	};
	const char *value;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(s->name, texts[i].family) == 0 &&
		    (value = sample_label(s, texts[i].label)) != NULL) {
			strlcpy(texts[i].to, value, texts[i].size);
			n->seen |= texts[i].seen;
		}
	if (strcmp(s->name, "udp46_segment_offload_fallbacks_total") == 0)
		n->seen |= SEEN_LAST;
}

static void
take_sample(void *arg, const struct sample *s)
{
	struct numbers *n = arg;
	const char *value;
	size_t i, d;

	/* Nothing that udp46 counts is negative, or has more than 64 bits, or is no number. */
	if (!(s->value >= 0 && s->value <= (double)UINT64_MAX))
		return;
	for (i = 0; i < SINGLES; i++)
		if (strcmp(s->name, singles[i].name) == 0) {
			*number_at(n, singles[i].place) = s->value;
			n->seen |= 1U << i;
			return;
		}
	for (i = 0; i < DIRECTED; i++)
		if (strcmp(s->name, directed[i].name) == 0 &&
		    (value = sample_label(s, "direction")) != NULL)
			for (d = 0; d < DIRECTION_MAX; d++)
				if (strcmp(value, direction_names[d]) == 0)
					number_at(n, directed[i].place)[d] += s->value;
	for (i = 0; i < LABELLED; i++)
		if (strcmp(s->name, labelled[i].name) == 0) {
			value = sample_label(s, labelled[i].label);
			if (value == NULL)
				value = labelled[i].without;
			if (value != NULL)
				count((struct counts *)(void *)((char *)n + labelled[i].place),
				    value, s->value);
		}
	if (strcmp(s->name, "udp46_relay_up") == 0)
		n->seen |= SEEN_UP;
	take_text(n, s);
}

struct numbers_reader {
	struct samples samples;
	struct fault *fault;
	const char *who;
};

static int
refuse_line(const struct numbers_reader *reader)
{
	return (fault_set(reader->fault, FAULT_NONSENSE,
	    "%s: line %lu of /metrics: %s: is that udp46?", reader->who, reader->samples.line,
	    reader->samples.error));
}

static int
take_piece(void *arg, const char *data, size_t length)
{
	struct numbers_reader *reader = arg;

	return (samples_feed(&reader->samples, data, length) == -1 ? refuse_line(reader) : 0);
}

int
numbers_read(const struct http_client *client, struct numbers *n, struct fault *fault)
{
	struct numbers_reader reader = { .fault = fault, .who = client->target->of[0].name };
	int status;

	memset(n, 0, sizeof(*n));
	samples_init(&reader.samples, take_sample, n);
	status = http_client_get(client, "/metrics", take_piece, &reader, fault);
	n->at = clock_now();
	if (status == -1)
		return (-1);
	if (status != 200)
		return (fault_set(fault, FAULT_NONSENSE,
		    "%s: status %d for /metrics: is it the address of --metrics.listen?",
		    reader.who, status));
	if (samples_end(&reader.samples) == -1)
		return (refuse_line(&reader));
	if (n->seen != SEEN_ALL)
		return (fault_set(fault, FAULT_NONSENSE,
		    "%s: /metrics is not that of udp46, or was cut: is it the address of "
		    "--metrics.listen?",
		    reader.who));
	return (0);
}

double
counts_get(const struct counts *counts, const char *name)
{
	size_t i;

	for (i = 0; i < counts->count; i++)
		if (strcmp(counts->of[i].name, name) == 0)
			return (counts->of[i].value);
	return (0);
}

double
counts_sum(const struct counts *counts)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < counts->count; i++)
		sum += counts->of[i].value;
	return (sum);
}

int
numbers_relays(const struct numbers *n, int up)
{
	int relays = 0;
	size_t i;

	for (i = 0; i < n->up.count; i++)
		relays += (n->up.of[i].value > 0) == (up != 0);
	return (relays);
}

double
numbers_rate(const struct numbers *before, const struct numbers *now, double was, double is)
{
	double seconds = (double)(now->at - before->at) / SECOND;

	if (seconds <= 0)
		return (0);
	return ((is >= was ? is - was : is) / seconds);
}
