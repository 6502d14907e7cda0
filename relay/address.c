#include <string.h>

#include "relay/address.h"
#include "relay/reserve.h"
#include "relay/siphash.h"

int
address_table_init(
    struct address_table *t, uint32_t capacity, uint32_t places, const uint64_t *secret)
{
	uint32_t buckets = 1;

	while (buckets < capacity)
		buckets <<= 1;
	*t = (struct address_table){
		.addresses = reserve(capacity, sizeof(*t->addresses)),
		.links = reserve(places, sizeof(*t->links)),
		.buckets = reserve(buckets, sizeof(*t->buckets)),
		.capacity = capacity,
		.places = places,
		.mask = buckets - 1,
		.free = NONE,
		.secret = secret,
	};
	return (t->addresses == NULL || t->links == NULL || t->buckets == NULL ? -1 : 0);
}

void
address_table_free(struct address_table *t)
{
	release(t->addresses, t->capacity, sizeof(*t->addresses));
	release(t->links, t->places, sizeof(*t->links));
	release(t->buckets, (size_t)t->mask + 1, sizeof(*t->buckets));
	memset(t, 0, sizeof(*t));
}

/* ---- addresses ---- */

static uint32_t *
find_bucket(const struct address_table *t, uint32_t address)
{
	return (&t->buckets[siphash(t->secret, &address, sizeof(address)) & t->mask]);
}

/* The place of an address, or NONE. */
static uint32_t
find(const struct address_table *t, uint32_t address)
{
	uint32_t i = bucket_get(*find_bucket(t, address));

	while (i != NONE && t->addresses[i].address != address)
		i = t->addresses[i].chain;
	return (i);
}

static uint32_t
insert(struct address_table *t, uint32_t address)
{
	uint32_t *bucket = find_bucket(t, address), i = t->free;

	if (i != NONE)
		t->free = t->addresses[i].chain;
	else
		i = t->used++;
	t->addresses[i] = (struct address){
		.address = address,
		.chain = bucket_get(*bucket),
		.list = { { NONE, NONE }, { NONE, NONE } },
	};
	*bucket = i + 1;
	return (i);
}

static void delete (struct address_table *t, uint32_t self)
{
	struct address *a = &t->addresses[self];
	uint32_t *bucket = find_bucket(t, a->address), i = bucket_get(*bucket);

	if (i == self)
		*bucket = a->chain == NONE ? 0 : a->chain + 1;
	else {
		while (t->addresses[i].chain != self)
			i = t->addresses[i].chain;
		t->addresses[i].chain = a->chain;
	}
	a->chain = t->free;
	t->free = self;
}

/* ---- sessions ---- */

/* An ASSURED one is in no list: it never makes room. */
static struct age_list *
list_of(struct address_table *t, uint32_t session, enum session_state state)
{
	if (state >= SESSION_ASSURED)
		return (NULL);
	return (&t->addresses[t->links[session].address].list[state]);
}

static void
append(struct address_table *t, uint32_t session, enum session_state state)
{
	struct age_list *list = list_of(t, session, state);

	if (list != NULL)
		AGE_LIST_APPEND(list, t->links, session);
}

static void
take_out(struct address_table *t, uint32_t session, enum session_state state)
{
	struct age_list *list = list_of(t, session, state);

	if (list != NULL)
		AGE_LIST_REMOVE(list, t->links, session);
}

void
address_add(struct address_table *t, uint32_t session, uint32_t address)
{
	uint32_t i = find(t, address);

	if (i == NONE)
		i = insert(t, address);
	t->addresses[i].sessions++;
	t->links[session].address = i;
	append(t, session, SESSION_UNREPLIED);
}

void
address_move(
    struct address_table *t, uint32_t session, enum session_state from, enum session_state to)
{
	take_out(t, session, from);
	append(t, session, to);
}

void
address_remove(struct address_table *t, uint32_t session, enum session_state state)
{
	uint32_t i = t->links[session].address;

	take_out(t, session, state);
	if (--t->addresses[i].sessions == 0)
		delete (t, i);
}

uint32_t
address_sessions(const struct address_table *t, uint32_t address)
{
	uint32_t i = find(t, address);

	return (i == NONE ? 0 : t->addresses[i].sessions);
}

uint32_t
address_oldest(const struct address_table *t, uint32_t address, enum session_state state)
{
	uint32_t i = find(t, address);

	return (i == NONE ? NONE : t->addresses[i].list[state].oldest);
}
