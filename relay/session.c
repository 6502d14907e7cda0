#include <sys/mman.h>
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "relay/session.h"
#include "relay/siphash.h"

/* ---- memory ---- */

/* Zeroed pages that become memory when they are touched; malloc(3) would touch some. */
static void *
reserve(size_t count, size_t size)
{
	void *p;

	p = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return (p == MAP_FAILED ? NULL : p);
}

static void
release(void *p, size_t count, size_t size)
{
	if (p != NULL)
		munmap(p, count * size);
}

/* Buckets hold index + 1, so that fresh pages mean "empty". */
static uint32_t
bucket_get(uint32_t bucket)
{
	return (bucket == 0 ? NONE : bucket - 1);
}

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
	table->free = table->addresses_free = NONE;
	for (state = 0; state < SESSION_CLOSED; state++)
		table->list[state] = (struct session_list){ NONE, NONE };
	/*
	 * A closed session keeps its place until its record is sent, or until its turn among
	 * those that wait for a socket.  There is room for as many of these as of open ones;
	 * with more the table is full.
	 */
	table->sessions = reserve((size_t)config->capacity * 2, sizeof(struct session));
	table->buckets = reserve(buckets, sizeof(uint32_t));
	if (table->sessions == NULL || table->buckets == NULL)
		goto fail;
	if (config->per_address > 0) {
		table->addresses = reserve(config->capacity, sizeof(struct address));
		table->address_buckets = reserve(buckets, sizeof(uint32_t));
		if (table->addresses == NULL || table->address_buckets == NULL)
			goto fail;
	}
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
	release(table->addresses, table->config.capacity, sizeof(struct address));
	release(table->address_buckets, table->mask + 1, sizeof(uint32_t));
	memset(table, 0, sizeof(*table));
}

/* ---- sessions an address ---- */

static uint32_t *
address_bucket(struct session_table *table, uint32_t address)
{
	uint64_t hash = siphash(table->config.secret, &address, sizeof(address));

	return (&table->address_buckets[hash & table->mask]);
}

static struct address *
address_find(struct session_table *table, uint32_t address)
{
	uint32_t i;

	for (i = bucket_get(*address_bucket(table, address)); i != NONE;
	     i = table->addresses[i].chain)
		if (table->addresses[i].address == address)
			return (&table->addresses[i]);
	return (NULL);
}

static void
address_count(struct session_table *table, uint32_t address)
{
	struct address *a;
	uint32_t *bucket, i;

	if (table->config.per_address == 0)
		return;
	if ((a = address_find(table, address)) != NULL) {
		a->sessions++;
		return;
	}
	if ((i = table->addresses_free) != NONE)
		table->addresses_free = table->addresses[i].chain;
	else
		i = table->addresses_used++;
	bucket = address_bucket(table, address);
	table->addresses[i] = (struct address){ address, 1, bucket_get(*bucket) };
	*bucket = i + 1;
}

static void
address_uncount(struct session_table *table, uint32_t address)
{
	struct address *a;
	uint32_t *bucket, i, self;

	if (table->config.per_address == 0)
		return;
	if ((a = address_find(table, address)) == NULL || --a->sessions > 0)
		return;
	self = (uint32_t)(a - table->addresses);
	bucket = address_bucket(table, address);
	if (bucket_get(*bucket) == self)
		*bucket = a->chain == NONE ? 0 : a->chain + 1;
	else {
		for (i = bucket_get(*bucket); table->addresses[i].chain != self;)
			i = table->addresses[i].chain;
		table->addresses[i].chain = a->chain;
	}
	a->chain = table->addresses_free;
	table->addresses_free = self;
}

int
session_address_limited(struct session_table *table, uint32_t address)
{
	struct address *a;

	if (table->config.per_address == 0)
		return (0);
	a = address_find(table, address);
	return (a != NULL && a->sessions >= table->config.per_address);
}

/* ---- lists in order of last activity ---- */

static void
list_append(struct session_table *table, struct session *s)
{
	struct session_list *list = &table->list[s->state];
	uint32_t i = session_index(table, s);

	s->older = list->newest;
	s->newer = NONE;
	if (list->newest != NONE)
		table->sessions[list->newest].newer = i;
	else
		list->oldest = i;
	list->newest = i;
}

static void
list_remove(struct session_table *table, struct session *s)
{
	struct session_list *list = &table->list[s->state];

	if (s->older != NONE)
		table->sessions[s->older].newer = s->newer;
	else
		list->oldest = s->newer;
	if (s->newer != NONE)
		table->sessions[s->newer].older = s->older;
	else
		list->newest = s->older;
}

static void
list_move(struct session_table *table, struct session *s, enum session_state state)
{
	if (s->state == state && s->newer == NONE)
		return;
	list_remove(table, s);
	s->state = (uint8_t)state;
	list_append(table, s);
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
	/* Both of its cache lines, which are about to be written to. */
	__builtin_prefetch(&table->sessions[i], 1);
	__builtin_prefetch(&table->sessions[i].bytes, 1);
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
	s->last_client = s->last_upstream = s->opened = now;
	s->created = wall;
	table->ids++;
	s->id =
	    id != 0 ? id : siphash(table->config.secret + 2, &table->ids, sizeof(table->ids));
	bucket = find_bucket(table, key);
	s->chain = bucket_get(*bucket);
	*bucket = i + 1;
	list_append(table, s);
	address_count(table, key->client_address);
	table->count++;
	return (s);
full:
	errno = ENFILE;
	return (NULL);
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
session_record_holds(const struct session_record *record, uint32_t listeners, int64_t now)
{
	return (record->id != 0 && record->client_port != 0 && record->listener < listeners &&
	    record->state < SESSION_CLOSED && record->opened > 0 && record->opened <= now &&
	    record->pad[0] == 0 && record->pad[1] == 0 && record->pad[2] == 0);
}

int
session_client_spoke(struct session_table *table, struct session *s, int64_t now)
{
	enum session_state before = s->state;

	s->last_client = now;
	list_move(table, s, before == SESSION_REPLIED ? SESSION_ASSURED : before);
	return (s->state != before);
}

int
session_upstream_spoke(struct session_table *table, struct session *s, int64_t now)
{
	enum session_state before = s->state;

	s->last_upstream = now;
	list_move(table, s, before == SESSION_UNREPLIED ? SESSION_REPLIED : before);
	return (s->state != before);
}

void
session_set_state(struct session_table *table, struct session *s, enum session_state state)
{
	list_move(table, s, state);
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
	list_remove(table, s);
	address_uncount(table, s->key.client_address);
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
expiry(const struct session_table *table, const struct session *s)
{
	int64_t last = s->last_client > s->last_upstream ? s->last_client : s->last_upstream;

	return (clock_after(last,
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
	const struct session *s;
	int64_t deadline = NEVER;
	int state;

	for (state = 0; state < SESSION_CLOSED; state++)
		if ((s = oldest(table, state)) != NULL)
			deadline = clock_earlier(deadline, expiry(table, s));
	return (deadline);
}

struct session *
session_victim(struct session_table *table, int64_t now)
{
	static const enum session_state order[] = { SESSION_UNREPLIED, SESSION_REPLIED };
	struct session *s;
	size_t i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if ((s = oldest(table, order[i])) != NULL && now - s->opened >= SECOND)
			return (s);
	return (NULL);
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
