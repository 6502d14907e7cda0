#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "relay/receive_batch.h"
#include "relay/reserve.h"
#include "relay/session.h"
#include "relay/siphash.h"

int
session_table_init(struct session_table *table, const struct session_config *config)
{
	uint32_t buckets = 1;
	int state;

	memset(table, 0, sizeof(*table));
	table->config = *config;
	while (buckets < config->capacity)
		buckets <<= 1;
	table->mask = buckets - 1;
	table->free = NONE;
	for (state = 0; state < SESSION_CLOSED; state++)
		table->list[state] = (struct age_list){ NONE, NONE };
	/*
	 * A closed session keeps its place until its record is sent, or until its turn among
	 * those that wait for a socket.  There is room for as many of these as of open ones;
	 * with more the table is full.
	 */
	table->sessions = reserve((size_t)config->capacity * 2, sizeof(struct session));
	table->buckets = reserve(buckets, sizeof(uint32_t));
	if (table->sessions == NULL || table->buckets == NULL)
		goto fail;
	if (config->per_address > 0 &&
	    address_table_init(&table->addresses, config->capacity, config->capacity * 2,
		table->config.secret) == -1)
		goto fail;
	if (config->amplification > 0 &&
	    (table->replied = reserve((size_t)config->capacity * 2, sizeof(uint64_t))) == NULL)
		goto fail;
	return (0);
fail:
	session_table_free(table);
	errno = ENOMEM;
	return (-1);
}

void
session_table_free(struct session_table *table)
{
	release(table->sessions, (size_t)table->config.capacity * 2, sizeof(struct session));
	release(table->buckets, table->mask + 1, sizeof(uint32_t));
	release(table->replied, (size_t)table->config.capacity * 2, sizeof(uint64_t));
	address_table_free(&table->addresses);
	memset(table, 0, sizeof(*table));
}

/* ---- lists in order of last activity ---- */

static void
list_move(struct session_table *table, struct session *s, enum session_state state)
{
	uint32_t i = session_index(table, s);

	if (s->state == state && s->newer == NONE)
		return;
	if (table->config.per_address > 0)
		address_move(&table->addresses, i, s->state, state);
	AGE_LIST_REMOVE(&table->list[s->state], table->sessions, i);
	s->state = (uint8_t)state;
	AGE_LIST_APPEND(&table->list[state], table->sessions, i);
}

static struct session *
oldest(const struct session_table *table, enum session_state state)
{
	uint32_t i = table->list[state].oldest;

	return (i == NONE ? NULL : &table->sessions[i]);
}

/* ---- the table ---- */

uint32_t
session_hash(const struct session_table *table, const struct session_key *key)
{
	uint32_t hash =
	    (uint32_t)siphash(table->config.secret, key, sizeof(*key)) & table->mask;

	__builtin_prefetch(&table->buckets[hash]);
	return (hash);
}

void
session_prefetch(const struct session_table *table, uint32_t hash)
{
	uint32_t i = bucket_get(table->buckets[hash]);

	if (i == NONE)
		return;
	/* It is about to be written to, as its counters. */
	__builtin_prefetch(&table->sessions[i], 1);
}

void
session_prefetch_counters(const struct session_table *table, uint32_t hash)
{
	uint32_t i = bucket_get(table->buckets[hash]);

	if (i != NONE && table->sessions[i].slot != NONE)
		__builtin_prefetch(&table->lines[table->sessions[i].slot], 1);
}

static uint32_t *
find_bucket(struct session_table *table, const struct session_key *key)
{
	return (&table->buckets[session_hash(table, key)]);
}

struct session *
session_find(struct session_table *table, const struct session_key *key)
{
	return (session_find_hashed(table, key, session_hash(table, key)));
}

struct session *
session_find_hashed(struct session_table *table, const struct session_key *key, uint32_t hash)
{
	struct session *s;
	uint32_t i;

	for (i = bucket_get(table->buckets[hash]); i != NONE; i = s->chain) {
		s = &table->sessions[i];
		if (memcmp(&s->key, key, sizeof(*key)) == 0)
			return (s);
	}
	return (NULL);
}

struct session *
session_open(struct session_table *table, const struct session_key *key, uint64_t id,
    int64_t now, int64_t wall)
{
	struct session *s;
	uint32_t *bucket, i;

	if (table->count >= table->config.capacity)
		goto full;
	if ((i = table->free) != NONE)
		table->free = table->sessions[i].next;
	else if (table->used < table->config.capacity * 2)
		i = table->used++;
	else
		goto full;
	s = &table->sessions[i];
	memset(s, 0, sizeof(*s));
	s->key = *key;
	s->fd = -1;
	s->slot = NONE;
	s->next = NONE;
	s->own.last[CLIENT_TO_UPSTREAM] = s->opened = now;
	s->created = wall;
	table->ids++;
	s->id =
	    id != 0 ? id : siphash(table->config.secret + 2, &table->ids, sizeof(table->ids));
	bucket = find_bucket(table, key);
	s->chain = bucket_get(*bucket);
	*bucket = i + 1;
	AGE_LIST_APPEND(&table->list[SESSION_UNREPLIED], table->sessions, i);
	if (table->config.per_address > 0)
		address_add(&table->addresses, i, key->client_address);
	if (table->replied != NULL)
		table->replied[i] = 0;
	table->count++;
	return (s);
full:
	errno = ENFILE;
	return (NULL);
}

void
session_take_slot(struct session_table *table, struct session *s, uint32_t slot)
{
	table->lines[slot].counters = s->own;
	s->slot = slot;
}

void
session_record(const struct session *s, struct session_record *record)
{
	*record = (struct session_record){
		.id = s->id,
		.created = s->created,
		.client_address = s->key.client_address,
		.local_address = s->local_address,
		.client_port = s->key.client_port,
		.listener = s->key.listener,
		.state = s->state,
		.opened = s->opened,
	};
}

int
session_client_spoke(struct session_table *table, struct session *s, int64_t now)
{
	enum session_state before = s->state;

	session_counters(table, s)->last[CLIENT_TO_UPSTREAM] = now;
	list_move(table, s, before == SESSION_REPLIED ? SESSION_ASSURED : before);
	return (s->state != before);
}

int
session_upstream_spoke(struct session_table *table, struct session *s, int64_t now)
{
	enum session_state before = s->state;

	session_counters(table, s)->last[UPSTREAM_TO_CLIENT] = now;
	list_move(table, s, before == SESSION_UNREPLIED ? SESSION_REPLIED : before);
	return (s->state != before);
}

static uint64_t
most(uint64_t a, uint64_t b)
{
	return (a > b ? a : b);
}

/* What counts of the datagrams of a direction: see session_allow_reply(). */
static uint64_t
weight(const struct session_counters *c, enum direction direction)
{
	return (most(c->bytes[direction], c->packets[direction]));
}

/* All that it may get before it is ASSURED. */
static uint64_t
allowance(const struct session_table *table, const struct session_counters *c)
{
	uint64_t all;

	if (__builtin_mul_overflow(
		table->config.amplification, weight(c, CLIENT_TO_UPSTREAM), &all))
		return (UINT64_MAX);
	return (all);
}

uint32_t
session_allow_reply(
    struct session_table *table, struct session *s, uint32_t length, uint32_t segment)
{
	uint32_t all = datagrams_of(length, segment);
	uint64_t *replied, left;

	if (table->config.amplification == 0 || s->state == SESSION_ASSURED)
		return (all);
	replied = &table->replied[session_index(table, s)];
	left = allowance(table, session_counters(table, s)) - *replied;
	if (most(length, 1) > left) {
		all = segment == 0 ? 0 : (uint32_t)(left / segment);
		length = all * segment;
	}
	*replied += all == 0 ? 0 : most(length, 1);
	return (all);
}

void
session_resume(struct session_table *table, struct session *s,
    const struct session_record *record, const struct session_counters *counters)
{
	enum session_state state = record->state;
	uint64_t replied;

	s->local_address = record->local_address;
	s->opened = record->opened;
	s->own = *counters;
	/* No record tells of the first reply. */
	if (state == SESSION_UNREPLIED && counters->last[UPSTREAM_TO_CLIENT] != 0)
		state = SESSION_REPLIED;
	list_move(table, s, state);
	if (table->replied == NULL)
		return;
	replied = weight(counters, UPSTREAM_TO_CLIENT);
	if (replied > allowance(table, counters))
		replied = allowance(table, counters);
	table->replied[session_index(table, s)] = replied;
}

void
session_close(struct session_table *table, struct session *s)
{
	uint32_t *bucket = find_bucket(table, &s->key), i, self = session_index(table, s);

	if (bucket_get(*bucket) == self)
		*bucket = s->chain == NONE ? 0 : s->chain + 1;
	else {
		for (i = bucket_get(*bucket); table->sessions[i].chain != self;)
			i = table->sessions[i].chain;
		table->sessions[i].chain = s->chain;
	}
	AGE_LIST_REMOVE(&table->list[s->state], table->sessions, self);
	if (table->config.per_address > 0)
		address_remove(&table->addresses, self, s->state);
	s->state = SESSION_CLOSED;
	table->count--;
}

void
session_free(struct session_table *table, struct session *s)
{
	s->next = table->free;
	table->free = session_index(table, s);
}

/* ---- time ---- */

static int64_t
expiry(const struct session_table *table, struct session *s)
{
	return (clock_after(session_last(table, s),
	    s->state == SESSION_ASSURED ? table->config.session_timeout
					: table->config.unreplied_timeout));
}

struct session *
session_expired(struct session_table *table, int64_t now)
{
	struct session *s;
	int state;

	for (state = 0; state < SESSION_CLOSED; state++)
		if ((s = oldest(table, state)) != NULL && expiry(table, s) <= now)
			return (s);
	return (NULL);
}

int64_t
session_deadline(const struct session_table *table)
{
	struct session *s;
	int64_t deadline = NEVER;
	int state;

	for (state = 0; state < SESSION_CLOSED; state++)
		if ((s = oldest(table, state)) != NULL)
			deadline = clock_earlier(deadline, expiry(table, s));
	return (deadline);
}

/* ---- who makes room ---- */

/* The one at the old end of a list, if it has had its second. */
static struct session *
victim(const struct session_table *table, uint32_t oldest_index, int64_t now)
{
	struct session *s = oldest_index == NONE ? NULL : &table->sessions[oldest_index];

	return (s != NULL && now - s->opened >= SECOND ? s : NULL);
}

struct session *
session_victim(struct session_table *table, int64_t now)
{
	struct session *s;

	if ((s = victim(table, table->list[SESSION_UNREPLIED].oldest, now)) != NULL)
		return (s);
	return (victim(table, table->list[SESSION_REPLIED].oldest, now));
}

int
session_address_limited(const struct session_table *table, uint32_t address)
{
	uint32_t limit = table->config.per_address;

	return (limit > 0 && address_sessions(&table->addresses, address) >= limit);
}

struct session *
session_address_victim(struct session_table *table, uint32_t address, int64_t now)
{
	const struct address_table *a = &table->addresses;
	struct session *s;

	if ((s = victim(table, address_oldest(a, address, SESSION_UNREPLIED), now)) != NULL)
		return (s);
	return (victim(table, address_oldest(a, address, SESSION_REPLIED), now));
}

struct session *
session_any(struct session_table *table)
{
	struct session *s;
	int state;

	for (state = 0; state < SESSION_CLOSED; state++)
		if ((s = oldest(table, state)) != NULL)
			return (s);
	return (NULL);
}
