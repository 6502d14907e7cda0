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

void
totals_log(const struct keepers *all, uint64_t restarts)
{
	static struct totals sum;
	const struct totals *t = &sum;
	uint64_t drops[DROP_REASON_MAX] = { 0 }, errors[OPERATION_MAX] = { 0 };
	uint64_t datagrams[DIRECTION_MAX] = { 0 }, bytes[DIRECTION_MAX] = { 0 };
	const struct listener_totals *l;
	uint32_t i, j, d;

	memset(&sum, 0, sizeof(sum));
	for (i = 0; i < all->count; i++)
		totals_add(&sum, all->keeper[i].totals);
	for (i = 0; i < all->keeper[0].config.listeners; i++) {
		l = &t->listener[i];
		for (d = 0; d < DIRECTION_MAX; d++) {
			datagrams[d] += l->datagrams[d];
			bytes[d] += l->bytes[d];
			for (j = 0; j < DROP_REASON_MAX; j++)
				drops[j] += l->drops[d][j];
		}
		for (j = 0; j < OPERATION_MAX; j++)
			errors[j] += l->errors[j];
	}
#define U(x) ((unsigned long long)(x))
	log_info("totals",
	    "sessions_active=%llu sessions_created=%llu sessions_expired=%llu "
	    "sessions_evicted=%llu sessions_restored=%llu client_to_upstream_datagrams=%llu "
	    "client_to_upstream_bytes=%llu upstream_to_client_datagrams=%llu "
	    "upstream_to_client_bytes=%llu drops_session_unavailable=%llu "
	    "drops_rate_limited=%llu drops_address_limit=%llu drops_source_denied=%llu "
	    "drops_oversize=%llu drops_write_timeout=%llu drops_queue_full=%llu "
	    "drops_upstream_write_error=%llu "
	    "drops_client_write_error=%llu drops_upstream_unreachable=%llu "
	    "errors_client_read=%llu errors_client_write=%llu errors_upstream_read=%llu "
	    "errors_upstream_write=%llu child_restarts=%llu log_records_suppressed=%llu",
	    U(t->sessions[SESSION_UNREPLIED] + t->sessions[SESSION_REPLIED] +
		t->sessions[SESSION_ASSURED]),
	    U(t->sessions_created), U(t->sessions_closed[CLOSE_IDLE_TIMEOUT]),
	    U(sum_evicted(t)), U(t->sessions_restored), U(datagrams[CLIENT_TO_UPSTREAM]),
	    U(bytes[CLIENT_TO_UPSTREAM]), U(datagrams[UPSTREAM_TO_CLIENT]),
	    U(bytes[UPSTREAM_TO_CLIENT]), U(drops[DROP_SESSION_UNAVAILABLE]),
	    U(drops[DROP_RATE_LIMITED]), U(drops[DROP_ADDRESS_LIMIT]),
	    U(drops[DROP_SOURCE_DENIED]), U(drops[DROP_OVERSIZE]), U(drops[DROP_WRITE_TIMEOUT]),
	    U(drops[DROP_QUEUE_FULL]), U(drops[DROP_UPSTREAM_WRITE_ERROR]),
	    U(drops[DROP_CLIENT_WRITE_ERROR]), U(drops[DROP_UPSTREAM_UNREACHABLE]),
	    U(errors[CLIENT_READ]), U(errors[CLIENT_WRITE]), U(errors[UPSTREAM_READ]),
	    U(errors[UPSTREAM_WRITE]), U(restarts),
	    U(t->log_records_suppressed + log_writer_lost() + child_log_held()));
#undef U
}
