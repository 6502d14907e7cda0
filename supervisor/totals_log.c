#include <string.h>

#include "common/log.h"
#include "common/totals.h"
#include "supervisor/child_log.h"
#include "supervisor/log_writer.h"
#include "supervisor/totals_log.h"

static uint64_t
sum_evicted(const struct totals *t)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < SESSION_CLOSED; i++)
		sum += t->sessions_evicted[i];
	return (sum);
}

/* The totals of all workers, and of all listeners as if they were one. */
static void
add_up(const struct keepers *all, struct totals *t, struct listener_totals *l)
{
	uint32_t i, j;

	memset(t, 0, sizeof(*t));
	memset(l, 0, sizeof(*l));
	for (i = 0; i < all->count; i++) {
		totals_add(t, all->keeper[i].totals);
		for (j = 0; j < all->keeper[i].config.listeners; j++)
			totals_add_listener(l, &all->keeper[i].totals->listener[j]);
	}
}

void
totals_log(const struct keepers *all, uint64_t restarts)
{
	struct totals t;
	struct listener_totals l;
	const uint64_t *up = l.drops[CLIENT_TO_UPSTREAM], *down = l.drops[UPSTREAM_TO_CLIENT];

	add_up(all, &t, &l);
#define U(x) ((unsigned long long)(x))
	log_info("totals",
	    "sessions_active=%llu sessions_created=%llu sessions_expired=%llu "
	    "sessions_evicted=%llu sessions_restored=%llu client_to_upstream_datagrams=%llu "
	    "client_to_upstream_bytes=%llu upstream_to_client_datagrams=%llu "
	    "upstream_to_client_bytes=%llu drops_session_unavailable=%llu "
	    "drops_rate_limited=%llu drops_address_limit=%llu drops_source_denied=%llu "
	    "drops_oversize=%llu drops_write_timeout=%llu drops_queue_full=%llu "
	    "drops_upstream_write_error=%llu "
	    "drops_client_write_error=%llu drops_upstream_unreachable=%llu drops_amplification=%llu "
	    "errors_client_read=%llu errors_client_write=%llu errors_upstream_read=%llu "
	    "errors_upstream_write=%llu child_restarts=%llu log_records_suppressed=%llu",
	    U(t.sessions[SESSION_UNREPLIED] + t.sessions[SESSION_REPLIED] +
		t.sessions[SESSION_ASSURED]),
	    U(t.sessions_created), U(t.sessions_closed[CLOSE_IDLE_TIMEOUT]), U(sum_evicted(&t)),
	    U(t.sessions_restored), U(l.datagrams[CLIENT_TO_UPSTREAM]),
	    U(l.bytes[CLIENT_TO_UPSTREAM]), U(l.datagrams[UPSTREAM_TO_CLIENT]),
	    U(l.bytes[UPSTREAM_TO_CLIENT]),
	    U(up[DROP_SESSION_UNAVAILABLE] + down[DROP_SESSION_UNAVAILABLE]),
	    U(up[DROP_RATE_LIMITED] + down[DROP_RATE_LIMITED]),
	    U(up[DROP_ADDRESS_LIMIT] + down[DROP_ADDRESS_LIMIT]),
	    U(up[DROP_SOURCE_DENIED] + down[DROP_SOURCE_DENIED]),
	    U(up[DROP_OVERSIZE] + down[DROP_OVERSIZE]),
	    U(up[DROP_WRITE_TIMEOUT] + down[DROP_WRITE_TIMEOUT]),
	    U(up[DROP_QUEUE_FULL] + down[DROP_QUEUE_FULL]),
	    U(up[DROP_UPSTREAM_WRITE_ERROR] + down[DROP_UPSTREAM_WRITE_ERROR]),
	    U(up[DROP_CLIENT_WRITE_ERROR] + down[DROP_CLIENT_WRITE_ERROR]),
	    U(up[DROP_UPSTREAM_UNREACHABLE] + down[DROP_UPSTREAM_UNREACHABLE]),
	    U(up[DROP_AMPLIFICATION] + down[DROP_AMPLIFICATION]), U(l.errors[CLIENT_READ]),
	    U(l.errors[CLIENT_WRITE]), U(l.errors[UPSTREAM_READ]), U(l.errors[UPSTREAM_WRITE]),
	    U(restarts), U(t.log_records_suppressed + log_writer_lost() + child_log_held()));
#undef U
}
