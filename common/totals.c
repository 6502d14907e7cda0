#include <sys/mman.h>
#include <stddef.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/totals.h"

const char *const direction_names[] = { "client_to_upstream", "upstream_to_client" };
_Static_assert(sizeof(direction_names) / sizeof(direction_names[0]) == DIRECTION_MAX, "");

const char *const drop_reason_names[] = {
	"session_unavailable",
	"rate_limited",
	"address_limit",
	"source_denied",
	"oversize",
	"write_timeout",
	"queue_full",
	"upstream_write_error",
	"client_write_error",
	"upstream_unreachable",
	"amplification",
};
_Static_assert(sizeof(drop_reason_names) / sizeof(drop_reason_names[0]) == DROP_REASON_MAX, "");

const char *const operation_names[] = {
	"client_read",
	"client_write",
	"upstream_read",
	"upstream_write",
};
_Static_assert(sizeof(operation_names) / sizeof(operation_names[0]) == OPERATION_MAX, "");

const char *const close_reason_names[] = {
	"idle_timeout",
	"evicted",
	"shutdown",
	"source_denied",
	"restore_failed",
};
_Static_assert(
    sizeof(close_reason_names) / sizeof(close_reason_names[0]) == CLOSE_REASON_MAX, "");

const char *const session_state_names[] = { "unreplied", "replied", "assured", "closed" };
_Static_assert(
    sizeof(session_state_names) / sizeof(session_state_names[0]) == SESSION_STATE_MAX, "");

/* Whole cache lines. */
size_t
totals_sums_size(size_t totals, size_t listener_totals, uint32_t listeners)
{
	size_t line = sizeof(struct session_line);
	size_t size = totals + listeners * listener_totals;

	return ((size + line - 1) / line * line);
}

static size_t
sums_size(uint32_t listeners)
{
	return (
	    totals_sums_size(sizeof(struct totals), sizeof(struct listener_totals), listeners));
}

size_t
totals_size(uint32_t listeners, uint32_t sockets)
{
	return (sums_size(listeners) + sockets * sizeof(struct session_line) +
	    ((size_t)listeners + sockets) * sizeof(uint32_t));
}

int
totals_create(uint32_t listeners, uint32_t sockets)
{
	return (memory_create("udp46 totals", totals_size(listeners, sockets)));
}

struct totals *
totals_map(int fd, uint32_t listeners, uint32_t sockets, int writable)
{
	void *p;

	p = mmap(NULL, totals_size(listeners, sockets),
	    writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	return (p == MAP_FAILED ? NULL : p);
}

void
totals_unmap(struct totals *totals, uint32_t listeners, uint32_t sockets)
{
	munmap(totals, totals_size(listeners, sockets));
}

struct session_line *
totals_session_counters(struct totals *totals, uint32_t listeners)
{
	return ((struct session_line *)(void *)((char *)totals + sums_size(listeners)));
}

uint32_t *
totals_drops_seen(struct totals *totals, uint32_t listeners, uint32_t sockets)
{
	return ((uint32_t *)(void *)(totals_session_counters(totals, listeners) + sockets));
}

/* Numbers of 64 bits are all that there is in either struct. */
static void
add(void *sum, const void *part, size_t size)
{
	const uint64_t *from = part;
	uint64_t *to = sum;
	size_t i;

	for (i = 0; i < size / sizeof(*to); i++)
		to[i] += from[i];
}

void
totals_add(struct totals *sum, const struct totals *part)
{
	int64_t last = sum->upstream_last_reply;

	if (last < part->upstream_last_reply)
		last = part->upstream_last_reply;
	add(sum, part, sizeof(*sum));
	sum->upstream_last_reply = last;
}

void
totals_add_listener(struct listener_totals *sum, const struct listener_totals *part)
{
	add(sum, part, sizeof(*sum));
}

void
histogram_observe(struct histogram *histogram, int64_t ns)
{
	static const int bounds[HISTOGRAM_BUCKETS - 1] = HISTOGRAM_BOUNDS;
	int i;

	if (ns < 0)
		ns = 0;
	for (i = 0; i < HISTOGRAM_BUCKETS - 1 && ns > bounds[i] * SECOND; i++)
		;
	histogram->bucket[i]++;
	histogram->sum += (uint64_t)ns;
}
