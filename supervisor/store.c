#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/store.h"

int
store_init(struct store *store, uint32_t max)
{
	memset(store, 0, sizeof(*store));
	store->max = max;
	store->free = -1;
	store->slots = calloc(max, sizeof(*store->slots));
	return (store->slots == NULL ? -1 : 0);
}

void
store_free(struct store *store)
{
	free(store->slots);
	memset(store, 0, sizeof(*store));
}

void
store_set(struct store *store, uint32_t i, enum slot_state state)
{
	struct slot *slot = &store->slots[i];

	store->count[slot->state]--;
	slot->state = (uint8_t)state;
	store->count[state]++;
}

int
store_has_room(const struct store *store)
{
	return (store->free != -1 || store->used < store->max);
}

uint32_t
store_add(struct store *store, int fd, uint16_t port)
{
	struct slot *slot;
	uint32_t i;

	if (store->free != -1) {
		i = (uint32_t)store->free;
		store->free = store->slots[i].fd;
	} else
		i = store->used++;
	slot = &store->slots[i];
	slot->fd = fd;
	slot->port = port;
	slot->generation++;
	store_set(store, i, SLOT_KEPT);
	return (i);
}

int
store_has(const struct store *store, const struct socket_name *name)
{
	const struct slot *slot;

	if (name->slot >= store->used)
		return (0);
	slot = &store->slots[name->slot];
	return (slot->generation == name->generation && slot->state != SLOT_FREE &&
	    slot->state != SLOT_KEPT);
}

int
store_record(struct store *store, const struct msg_record *record)
{
	uint32_t i = record->name.slot;

	if (!store_has(store, &record->name)) {
		errno = EBADMSG;
		return (-1);
	}
	store_set(store, i, SLOT_OPEN);
	store->slots[i].record = record->record;
	return (0);
}

int
store_remove(struct store *store, uint32_t i)
{
	struct slot *slot = &store->slots[i];
	int fd = slot->fd;

	store_set(store, i, SLOT_FREE);
	slot->fd = store->free;
	store->free = (int)i;
	return (fd);
}

struct msg_socket
store_socket(const struct store *store, uint32_t i)
{
	return ((struct msg_socket){
	    .name = { i, store->slots[i].generation },
	    .port = store->slots[i].port,
	});
}
