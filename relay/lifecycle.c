/*
 * Who gets a session, and how one begins and ends.
 *
 * A client without one costs a token, must not exceed its address's share, and needs a place
 * in the table and a socket.  Where one of these is short, a session that has proved nothing
 * makes room: the UNREPLIED or REPLIED one that has been silent for longest, unless it is
 * younger than a second.  An ASSURED session never does, so a flood from forged sources cannot
 * push out clients who are being served.  Where it is the address's share, one of its own makes
 * room; so a flood from one address replaces no more sessions a second than it may have.  Who
 * waits for a socket when it shows that there are no more is no worse off than who comes after
 * that: one makes room for him, too.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/record.h"
#include "relay/backlog.h"
#include "relay/lifecycle.h"
#include "relay/receive_batch.h"
#include "relay/records.h"
#include "relay/relay.h"
#include "relay/restore.h"
#include "relay/session_log.h"
#include "relay/socket_pool.h"
#include "relay/sources.h"
#include "relay/trouble.h"

/* Closing costs up to 25 us each: so many a turn, the rest in the next. */
#define EXPIRE_A_TURN 64

/* How a session waits for its socket: whether another has made room for it. */
enum { WAITING_HOPEFUL = 1, WAITING_EVICTED };

/*
 * Whose time was up while there was no relay may have sent something meanwhile: that is read
 * first.
 */
#define RESTORED_GRACE SECOND

/* Looks cost up to 0.1 us each. */
#define JUDGE_A_TURN 1024

void
lifecycle_init(struct relay *r)
{
	r->waiting = (struct index_list){ NONE, NONE };
	bucket_init(
	    &r->new_sessions, r->config.new_session_rate, r->config.new_session_rate, r->now);
}

/* ---- begin ---- */

static int
evict(struct relay *r)
{
	struct session *victim;

	if ((victim = session_victim(&r->table, r->now)) == NULL)
		return (-1);
	lifecycle_close(r, victim, CLOSE_EVICTED);
	return (0);
}

/* Returns 0, or -1 if there is none.  Sets *how the newcomer would wait. */
static int
make_room(struct relay *r, uint8_t *how)
{
	*how = WAITING_HOPEFUL;
	if (r->table.count >= r->table.config.capacity)
		session_log_capacity(r, 1);
	else if (!socket_pool_is_empty(r) || r->supply != SUPPLY_EXHAUSTED)
		return (0);
	*how = WAITING_EVICTED;
	return (evict(r));
}

/* Why this client must not have a session; DROP_REASON_MAX: it may, and how it may wait. */
static enum drop_reason
admit(struct relay *r, const struct session_key *key, uint8_t *how)
{
	struct session *own = NULL;

	if (!sources_can_be_client(r, key) || !sources_may_be_client(r, key->client_address))
		return (DROP_SOURCE_DENIED);
	/* What is in the pool leads nowhere, either. */
	if (r->supply == SUPPLY_UNREACHABLE) {
		r->listener[key->listener].totals->upstream_socket_open_errors++;
		return (DROP_UPSTREAM_UNREACHABLE);
	}
	if (socket_pool_is_empty(r) && !backlog_has_room(r, key))
		return (DROP_SESSION_UNAVAILABLE);
	if (session_address_limited(&r->table, key->client_address) &&
	    (own = session_address_victim(&r->table, key->client_address, r->now)) == NULL)
		return (DROP_ADDRESS_LIMIT);
	if (!bucket_take(&r->new_sessions, r->now))
		return (DROP_RATE_LIMITED);
	if (own != NULL) {
		/* Its socket or, if it waits for one, its place there. */
		*how = own->waiting != 0 ? own->waiting : WAITING_EVICTED;
		lifecycle_close(r, own, CLOSE_EVICTED);
	} else if (make_room(r, how) == -1)
		return (DROP_SESSION_UNAVAILABLE);
	return (DROP_REASON_MAX);
}

/* It is open from now on: it has a socket. */
static void
count_open(struct relay *r, const struct session *s)
{
	r->totals->sessions[s->state]++;
	r->listener[s->key.listener].totals->sessions++;
}

/* The session has a socket: count it, report it, log it. */
static void
opened(struct relay *r, struct session *s)
{
	r->totals->sessions_created++;
	count_open(r, s);
	records_due(r, s);
	session_log_created(r, s);
}

struct session *
lifecycle_open(struct relay *r, const struct session_key *key, const struct received *in)
{
	uint8_t how;
	enum drop_reason reason = admit(r, key, &how);
	struct session *s = NULL;

	if (reason == DROP_REASON_MAX) {
		s = session_open(&r->table, key, 0, r->now, clock_wall_at(r->now));
		reason = DROP_SESSION_UNAVAILABLE;
	}
	if (s == NULL) {
		r->listener[key->listener].totals->drops[CLIENT_TO_UPSTREAM][reason] +=
		    datagrams_of(in->length, in->segment);
		return (NULL);
	}
	s->local_address = in->local_address;
	if (!socket_pool_is_empty(r)) {
		socket_pool_take(r, s);
		opened(r, s);
	} else {
		s->waiting = how;
		INDEX_LIST_PUSH(&r->waiting, r->table.sessions, session_index(&r->table, s));
	}
	return (s);
}

static struct session *
pop_waiting(struct relay *r)
{
	struct session *s = &r->table.sessions[r->waiting.first];

	INDEX_LIST_POP(&r->waiting, r->table.sessions);
	s->waiting = 0;
	if (s->state != SESSION_CLOSED)
		return (s);
	/* It ended while it waited. */
	session_free(&r->table, s);
	return (NULL);
}

struct session *
lifecycle_serve_waiting(struct relay *r)
{
	struct session *s;

	while (r->waiting.first != NONE && !socket_pool_is_empty(r)) {
		if ((s = pop_waiting(r)) == NULL)
			continue;
		socket_pool_take(r, s);
		opened(r, s);
		return (s);
	}
	return (NULL);
}

/* Returns NULL if the record does not hold. */
static struct session *
restore_session(struct relay *r, const struct session_record *record, uint32_t slot)
{
	/* Copied before it is looked at; who wrote it may have been an attacker's. */
	struct session_counters counters = r->table.lines[slot].counters;
	const struct session_key key = { record->client_address, record->client_port,
		record->listener };
	struct session *s;

	if (!record_holds(record, r->nlisteners, r->now) || !sources_can_be_client(r, &key) ||
	    session_find(&r->table, &key) != NULL)
		return (NULL);
	if ((s = session_open(&r->table, &key, record->id, r->now, record->created)) == NULL)
		return (NULL);
	restore_check(&counters, record->opened, r->now);
	session_resume(&r->table, s, record, &counters);
	count_open(r, s);
	r->totals->sessions_restored++;
	return (s);
}

void
lifecycle_restore(struct relay *r, const struct msg_restore *restore, int fd)
{
	uint32_t slot = restore->socket.name.slot;
	struct session *s;

	socket_pool_add(r, &restore->socket, fd);
	/* Not before all are back, and in order. */
	r->expire_from = NEVER;
	if ((s = restore_session(r, &restore->record, slot)) == NULL) {
		r->totals->sessions_closed[CLOSE_RESTORE_FAILED]++;
		log_warn("session not restored", "slot=%u", slot);
		socket_pool_close(r, slot);
		records_return(r, slot);
		return;
	}
	socket_pool_assign(r, slot, s);
	/* That is the answer: who dies without one may have died of it. */
	records_due(r, s);
	socket_pool_watch(r, slot);
	if (!sources_may_be_client(r, s->key.client_address))
		lifecycle_close(r, s, CLOSE_SOURCE_DENIED);
}

void
lifecycle_restored(struct relay *r)
{
	if (r->expire_from != NEVER)
		return;
	if (restore_order(&r->table) == -1)
		fatal("memory", "error=%s", strerror(errno));
	r->expire_from = r->now + RESTORED_GRACE;
	if (r->table.count > 0)
		log_info("sessions restored", "count=%u", r->table.count);
}

/* ---- life ---- */

static void
state_changed(struct relay *r, struct session *s, enum session_state before)
{
	r->totals->sessions[before]--;
	r->totals->sessions[s->state]++;
	/* That the upstream answered is soon learnt again; the record need not tell. */
	if (s->state == SESSION_ASSURED)
		records_due(r, s);
}

void
lifecycle_client_spoke(struct relay *r, struct session *s, uint32_t local_address)
{
	enum session_state before = s->state;

	if (s->local_address != local_address) {
		s->local_address = local_address;
		if (s->slot != NONE)
			records_due(r, s);
	}
	trouble_client_spoke(r, s);
	if (session_client_spoke(&r->table, s, r->now))
		state_changed(r, s, before);
}

void
lifecycle_upstream_spoke(struct relay *r, struct session *s)
{
	enum session_state before = s->state;

	if (session_upstream_spoke(&r->table, s, r->now))
		state_changed(r, s, before);
}

/* ---- end ---- */

static void
count_closed(struct relay *r, struct session *s, enum close_reason reason)
{
	r->totals->sessions[s->state]--;
	r->listener[s->key.listener].totals->sessions--;
	r->totals->sessions_closed[reason]++;
	if (reason == CLOSE_EVICTED)
		r->totals->sessions_evicted[s->state]++;
	histogram_observe(&r->totals->session_duration, r->now - s->opened);
	histogram_observe(&r->totals->session_idle, r->now - session_last(&r->table, s));
}

void
lifecycle_close(struct relay *r, struct session *s, enum close_reason reason)
{
	int served = s->slot != NONE;
	enum drop_reason drop = served ? DROP_WRITE_TIMEOUT : DROP_SESSION_UNAVAILABLE;

	backlog_discard(r, s, reason == CLOSE_SOURCE_DENIED ? DROP_SOURCE_DENIED : drop);
	if (served) {
		count_closed(r, s, reason);
		session_log_closed(r, s, reason);
		socket_pool_close(r, s->slot);
	}
	session_close(&r->table, s);
	if (served)
		records_due(r, s);
	else if (!s->waiting)
		session_free(&r->table, s);
}

void
lifecycle_judge(struct relay *r)
{
	struct session *s;
	uint32_t places, closed = 0;

	if (r->unjudged == NONE)
		return;
	for (places = 0; r->unjudged < r->table.used && places < JUDGE_A_TURN; places++) {
		s = &r->table.sessions[r->unjudged++];
		if (s->state == SESSION_CLOSED ||
		    sources_may_be_client(r, s->key.client_address))
			continue;
		lifecycle_close(r, s, CLOSE_SOURCE_DENIED);
		if (++closed == EXPIRE_A_TURN)
			return;
	}
	/* Who comes from now on was judged before he got a session. */
	if (r->unjudged >= r->table.used)
		r->unjudged = NONE;
}

static void
expire_waiting(struct relay *r)
{
	struct session *s;

	while (r->waiting.first != NONE) {
		s = &r->table.sessions[r->waiting.first];
		if (s->state != SESSION_CLOSED && r->now - s->opened < SOCKET_WAIT_MAX)
			return;
		if ((s = pop_waiting(r)) == NULL)
			continue;
		r->listener[s->key.listener].totals->upstream_socket_open_errors++;
		lifecycle_close(r, s, CLOSE_IDLE_TIMEOUT);
	}
}

/* As newcomers do when there are no more sockets, for those who came before that was known. */
static void
evict_for_waiting(struct relay *r)
{
	struct session *s;
	uint32_t i;
	int evicted = 0;

	for (i = r->waiting.first; i != NONE; i = s->next) {
		s = &r->table.sessions[i];
		if (s->state == SESSION_CLOSED || s->waiting == WAITING_EVICTED)
			continue;
		if (evicted++ == EXPIRE_A_TURN || evict(r) == -1)
			return;
		s->waiting = WAITING_EVICTED;
	}
	r->evict_due = 0;
}

void
lifecycle_expire(struct relay *r)
{
	uint32_t capacity = r->table.config.capacity;
	struct session *s;
	int i;

	for (i = 0; i < EXPIRE_A_TURN && r->now >= r->expire_from; i++) {
		if ((s = session_expired(&r->table, r->now)) == NULL)
			break;
		lifecycle_close(r, s, CLOSE_IDLE_TIMEOUT);
	}
	/* Not at every eviction: a table under pressure is full, whoever comes and goes. */
	if (i > 0 && r->table.count < capacity - capacity / 8)
		session_log_capacity(r, 0);
	expire_waiting(r);
	if (r->evict_due)
		evict_for_waiting(r);
}

int64_t
lifecycle_deadline(const struct relay *r)
{
	return (clock_later(session_deadline(&r->table), r->expire_from));
}

void
lifecycle_close_all(struct relay *r)
{
	struct session *s;

	while ((s = session_any(&r->table)) != NULL)
		lifecycle_close(r, s, CLOSE_SHUTDOWN);
}
