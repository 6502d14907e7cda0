#include <arpa/inet.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "relay/relay.h"
#include "relay/session_log.h"

/* Of all workers together. */
#define RECORDS_A_SECOND 100

static int
may_log(struct relay *r, enum log_level level)
{
	if (!log_enabled(level))
		return (0);
	if (r->now - r->log.since >= SECOND && r->log.held == 0) {
		r->log.since = r->now;
		r->log.written = 0;
	}
	if (r->log.written < RECORDS_A_SECOND / r->config.workers) {
		r->log.written++;
		return (1);
	}
	r->log.held++;
	/* At once: who is killed before the summary has still counted. */
	r->totals->log_records_suppressed++;
	return (0);
}

static const char *
format_client(const struct session *s, char *buf)
{
	struct in_addr address = { s->key.client_address };

	inet_ntop(AF_INET, &address, buf, INET_ADDRSTRLEN);
	return (buf);
}

static const char *
format_id(const struct session *s, char buf[17])
{
	snprintf(buf, 17, "%016llx", (unsigned long long)s->id);
	return (buf);
}

void
session_log_created(struct relay *r, const struct session *s)
{
	char id[17], client[INET_ADDRSTRLEN];

	if (!may_log(r, LOG_LEVEL_DEBUG))
		return;
	log_debug("session created",
	    "session_id=%s listener=%s client_address=%s client_port=%u "
	    "upstream_local_port=%u",
	    format_id(s, id), r->listener[s->key.listener].name, format_client(s, client),
	    ntohs(s->key.client_port), (unsigned int)r->sockets[s->slot].port);
}

void
session_log_closed(struct relay *r, struct session *s, enum close_reason reason)
{
	const struct session_counters *c = session_counters(&r->table, s);
	char id[17], client[INET_ADDRSTRLEN];

	if (!may_log(r, LOG_LEVEL_INFO))
		return;
	log_info("session closed",
	    "session_id=%s client_address=%s client_port=%u reason=%s state=%s duration=%.3f "
	    "client_to_upstream_packets=%llu client_to_upstream_bytes=%llu "
	    "upstream_to_client_packets=%llu upstream_to_client_bytes=%llu "
	    "upstream_local_port=%u listener=%s",
	    format_id(s, id), format_client(s, client), ntohs(s->key.client_port),
	    close_reason_names[reason], session_state_names[s->state],
	    (double)(r->now - s->opened) / (double)SECOND,
	    (unsigned long long)c->packets[CLIENT_TO_UPSTREAM],
	    (unsigned long long)c->bytes[CLIENT_TO_UPSTREAM],
	    (unsigned long long)c->packets[UPSTREAM_TO_CLIENT],
	    (unsigned long long)c->bytes[UPSTREAM_TO_CLIENT],
	    (unsigned int)r->sockets[s->slot].port, r->listener[s->key.listener].name);
}

void
session_log_too_large(struct relay *r, struct session *s, enum direction direction)
{
	char id[17], client[INET_ADDRSTRLEN];

	if (s->too_large || !may_log(r, LOG_LEVEL_WARN))
		return;
	s->too_large = 1;
	log_warn("datagram too large for the path",
	    "session_id=%s listener=%s client_address=%s client_port=%u direction=%s",
	    format_id(s, id), r->listener[s->key.listener].name, format_client(s, client),
	    ntohs(s->key.client_port), direction_names[direction]);
}

void
session_log_capacity(struct relay *r, int full)
{
	if (full == r->full)
		return;
	r->full = full;
	if (full)
		log_warn("session capacity reached", "session_capacity=%u",
		    r->table.config.capacity);
	else
		log_info("session capacity available", "session_capacity=%u sessions_active=%u",
		    r->table.config.capacity, r->table.count);
}

void
session_log_summary(struct relay *r, int at_once)
{
	r->totals->log_records_suppressed += msg_log_lost();
	if (r->log.held == 0 || (!at_once && r->now - r->log.since < SECOND))
		return;
	log_info("session records suppressed", "count=%u", r->log.held);
	r->log.held = 0;
}
