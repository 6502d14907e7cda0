/*
 * Who gets a session, and how one begins and ends.
 *
 * A client without one costs a token, must not exceed its address's share, and needs a place
 * in the table and a socket.  Where either is short, a session that has proved nothing makes
 * room: the UNREPLIED or REPLIED one that has been silent for longest, unless it is younger
 * than a second.  An ASSURED session never does, so a flood from forged sources cannot push
 * out clients who are being served.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "relay/relay.h"

/* Closing costs up to 25 us each: so many a turn, the rest in the next. */
#define EXPIRE_A_TURN 64

/* Of all workers together. */
#define RECORDS_A_SECOND 100

/* ---- log ---- */

static int
may_log(struct relay *r)
{
	if (!log_enabled(LOG_LEVEL_INFO))
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

static void
log_opened(struct relay *r, const struct session *s)
{
	char id[17], client[INET_ADDRSTRLEN];

	if (!may_log(r))
		return;
	log_info("session created",
	    "session_id=%s listener=%s client_address=%s client_port=%u "
	    "upstream_local_port=%u",
	    format_id(s, id), r->listener[s->key.listener].name, format_client(s, client),
	    ntohs(s->key.client_port), (unsigned int)r->sockets[s->slot].port);
}

static void
log_closed(struct relay *r, const struct session *s, enum close_reason reason)
{
	char id[17], client[INET_ADDRSTRLEN];

	if (!may_log(r))
		return;
	log_info("session closed",
	    "session_id=%s listener=%s client_address=%s client_port=%u reason=%s state=%s "
	    "client_to_upstream_packets=%llu client_to_upstream_bytes=%llu "
	    "upstream_to_client_packets=%llu upstream_to_client_bytes=%llu duration=%.3f",
	    format_id(s, id), r->listener[s->key.listener].name, format_client(s, client),
	    ntohs(s->key.client_port), close_reason_names[reason],
	    session_state_names[s->state], (unsigned long long)s->packets[CLIENT_TO_UPSTREAM],
	    (unsigned long long)s->bytes[CLIENT_TO_UPSTREAM],
	    (unsigned long long)s->packets[UPSTREAM_TO_CLIENT],
	    (unsigned long long)s->bytes[UPSTREAM_TO_CLIENT],
	    (double)(r->now - s->opened) / (double)SECOND);
}

/* Say once that the table is full, and once that it no longer is. */
static void
log_capacity(struct relay *r, int full)
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

/* ---- begin ---- */

static int
make_room(struct relay *r)
{
	struct session *victim;

	if (r->table.count >= r->table.config.capacity)
		log_capacity(r, 1);
	else if (r->stock.first != NONE || r->supply != SUPPLY_EXHAUSTED)
		return (0);
	if ((victim = session_victim(&r->table, r->now)) == NULL)
		return (-1);
	lifecycle_close(r, victim, CLOSE_EVICTED);
	return (0);
}

/* Why this client must not have a session; DROP_REASON_MAX: it may. */
static enum drop_reason
admit(struct relay *r, const struct session_key *key)
{
	/* Nobody can be answered there. */
	if (key->client_port == 0)
		return (DROP_SOURCE_DENIED);
	if (r->supply == SUPPLY_UNREACHABLE && r->stock.first == NONE) {
		r->listener[key->listener].totals->upstream_socket_open_errors++;
		return (DROP_UPSTREAM_UNREACHABLE);
	}
	if (r->stock.first == NONE && r->queues.count[WAIT_SOCKET] >= QUEUE_POOL_DATAGRAMS)
		return (DROP_SESSION_UNAVAILABLE);
	if (session_address_limited(&r->table, key->client_address))
		return (DROP_ADDRESS_LIMIT);
	if (!bucket_take(&r->new_sessions, r->now))
		return (DROP_RATE_LIMITED);
	if (make_room(r) == -1)
		return (DROP_SESSION_UNAVAILABLE);
	return (DROP_REASON_MAX);
}

struct session *
lifecycle_open(
    struct relay *r, const struct session_key *key, uint32_t local_address, uint32_t datagrams)
{
	enum drop_reason reason = admit(r, key);
	struct session *s = NULL;

	if (reason == DROP_REASON_MAX) {
		s = session_open(&r->table, key, 0, r->now, clock_wall_at(r->now));
		reason = DROP_SESSION_UNAVAILABLE;
	}
	if (s == NULL) {
		r->listener[key->listener].totals->drops[CLIENT_TO_UPSTREAM][reason] +=
		    datagrams;
		return (NULL);
	}
	s->local_address = local_address;
	supply_socket(r, s);
	return (s);
}

void
lifecycle_opened(struct relay *r, struct session *s)
{
	r->totals->sessions_created++;
	r->totals->sessions[s->state]++;
	supply_due(r, s);
	log_opened(r, s);
}

void
lifecycle_state_changed(struct relay *r, struct session *s, enum session_state before)
{
	r->totals->sessions[before]--;
	r->totals->sessions[s->state]++;
	/* That the upstream answered is soon learnt again; the record need not tell. */
	if (s->state == SESSION_ASSURED)
		supply_due(r, s);
}

int
lifecycle_restore(struct relay *r, const struct msg_restore *restore, int fd)
{
	const struct session_record *record = &restore->record;
	const struct session_key key = { record->client_address, record->client_port,
		record->listener };
	int64_t wall = clock_wall_at(r->now);
	struct session *s;

	if (!session_record_holds(record, r->nlisteners, wall) ||
	    session_find(&r->table, &key) != NULL)
		return (-1);
	if ((s = session_open(&r->table, &key, record->id, r->now, record->created)) == NULL)
		return (-1);
	s->local_address = record->local_address;
	s->opened = r->now - (wall - record->created);
	session_set_state(&r->table, s, record->state);
	s->slot = restore->socket.name.slot;
	s->fd = fd;
	r->totals->sessions[s->state]++;
	r->totals->sessions_restored++;
	return (0);
}

/* ---- end ---- */

static void
count_closed(struct relay *r, const struct session *s, enum close_reason reason)
{
	int64_t last = s->last_client > s->last_upstream ? s->last_client : s->last_upstream;

	r->totals->sessions[s->state]--;
	r->totals->sessions_closed[reason]++;
	if (reason == CLOSE_EVICTED)
		r->totals->sessions_evicted[s->state]++;
	histogram_observe(&r->totals->session_duration, r->now - s->opened);
	histogram_observe(&r->totals->session_idle, r->now - last);
}

void
lifecycle_close(struct relay *r, struct session *s, enum close_reason reason)
{
	int served = s->slot != NONE;

	forward_discard(r, s, served ? DROP_WRITE_TIMEOUT : DROP_SESSION_UNAVAILABLE);
	if (served) {
		count_closed(r, s, reason);
		log_closed(r, s, reason);
		supply_close_socket(r, s);
	}
	session_close(&r->table, s);
	if (served)
		supply_due(r, s);
	else if (!s->waiting)
		session_free(&r->table, s);
}

void
lifecycle_expire(struct relay *r)
{
	uint32_t capacity = r->table.config.capacity;
	struct session *s;
	int i;

	for (i = 0; i < EXPIRE_A_TURN; i++) {
		if ((s = session_expired(&r->table, r->now)) == NULL)
			break;
		lifecycle_close(r, s, CLOSE_IDLE_TIMEOUT);
	}
	/* Not at every eviction: a table under pressure is full, whoever comes and goes. */
	if (i > 0 && r->table.count < capacity - capacity / 8)
		log_capacity(r, 0);
}

int64_t
lifecycle_deadline(const struct relay *r)
{
	return (session_deadline(&r->table));
}

void
lifecycle_close_all(struct relay *r)
{
	struct session *s;

	while ((s = session_any(&r->table)) != NULL)
		lifecycle_close(r, s, CLOSE_SHUTDOWN);
}
