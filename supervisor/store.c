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

static void
set_state(struct store *store, struct slot *slot, enum slot_state state)
{
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
	set_state(store, slot, SLOT_SPARE);
	return (i);
}

void
store_handed_out(struct store *store, uint32_t slot)
{
	if (store->slots[slot].state == SLOT_SPARE)
		set_state(store, &store->slots[slot], SLOT_STOCK);
}

int
store_has(const struct store *store, const struct socket_name *name)
{
	const struct slot *slot;

	if (name->slot >= store->used)
		return (0);
	slot = &store->slots[name->slot];
	return (slot->generation == name->generation &&
	    (slot->state == SLOT_STOCK || slot->state == SLOT_OPEN));
}

int
store_record(struct store *store, const struct msg_record *record)
{
	struct slot *slot;

	if (!store_has(store, &record->name)) {
		errno = EBADMSG;
		return (-1);
	}
	slot = &store->slots[record->name.slot];
	set_state(store, slot, SLOT_OPEN);
	slot->record = record->record;
	return (0);
}

int
store_remove(struct store *store, uint32_t i)
{
	struct slot *slot = &store->slots[i];
	int fd = slot->fd;

	set_state(store, slot, SLOT_FREE);
	slot->fd = store->free;
	store->free = (int)i;
	return (fd);
}
