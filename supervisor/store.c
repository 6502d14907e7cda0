#include <sys/mman.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "supervisor/store.h"

size_t
store_size(uint32_t listeners, uint32_t max)
{
	return (sizeof(struct store_head) + listeners * sizeof(struct store_listener) +
	    max * sizeof(struct slot));
}

int
store_init(struct store *store, uint32_t listeners, uint32_t max)
{
	const uint32_t layout[] = STORE_LAYOUT;
	size_t size = store_size(listeners, max);

	memset(store, 0, sizeof(*store));
	store->max = max;
	store->free = -1;
	if ((store->fd = memory_create("udp46 records", size)) == -1)
		return (-1);
	store->head = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, store->fd, 0);
	if (store->head == MAP_FAILED) {
		close(store->fd);
		return (-1);
	}
	store->listener = (struct store_listener *)(store->head + 1);
	store->slots = (struct slot *)(store->listener + listeners);
	memcpy(store->head->magic, STORE_MAGIC, sizeof(store->head->magic));
	store->head->version = STORE_VERSION;
	memcpy(store->head->layout, layout, sizeof(layout));
	store->head->listeners = listeners;
	store->head->slots = max;
	return (0);
}

void
store_free(struct store *store)
{
	munmap(store->head, store_size(store->head->listeners, store->max));
	close(store->fd);
	memset(store, 0, sizeof(*store));
}

int
store_is_unsaved(const struct store *store, uint32_t i)
{
	const struct slot *slot = &store->slots[i];

	switch (slot->saved) {
	case SAVED_NOT:
		return (slot->state != SLOT_FREE && slot->record.state == SESSION_ASSURED);
	case SAVED_IN_VAIN:
		return (1);
	default:
		return (0);
	}
}

void
store_set_saved(struct store *store, uint32_t i, enum slot_saved saved)
{
	struct slot *slot = &store->slots[i];

	store->unsaved -= (uint32_t)store_is_unsaved(store, i);
	if (saved == SAVED)
		slot->saved_port = slot->port;
	slot->saved = (uint8_t)saved;
	store->unsaved += (uint32_t)store_is_unsaved(store, i);
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
	slot->record = (struct session_record){ 0 };
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

void
store_set_record(struct store *store, uint32_t i, const struct session_record *record)
{
	struct slot *slot = &store->slots[i];
	struct session_record new = *record;

	store->unsaved -= (uint32_t)store_is_unsaved(store, i);
	/* Whoever ends us in between leaves no record rather than half of two. */
	__atomic_store_n(&slot->record.id, 0, __ATOMIC_SEQ_CST);
	new.id = 0;
	slot->record = new;
	__atomic_store_n(&slot->record.id, record->id, __ATOMIC_SEQ_CST);
	store->unsaved += (uint32_t)store_is_unsaved(store, i);
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
	store_set_record(store, i, &record->record);
	return (0);
}

int
store_remove(struct store *store, uint32_t i)
{
	struct slot *slot = &store->slots[i];
	int fd = slot->fd;

	store->unsaved -= (uint32_t)store_is_unsaved(store, i);
	store_set(store, i, SLOT_FREE);
	if (slot->saved == SAVED)
		slot->saved = SAVED_IN_VAIN;
	store->unsaved += (uint32_t)store_is_unsaved(store, i);
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
