/*
 * Memory of any bytes that a supervisor is said to have left: it is taken or refused, and what is
 * taken holds in every field.  The first bytes are in the place of what differs from a good head.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/record.h"
#include "supervisor/legacy.h"
#include "supervisor/store.h"

#define SLOTS_MOST 64
#define NOW 1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct legacy *legacy)
{
	const struct legacy_session *s;
	uint32_t i;

	if (legacy->worker >= legacy->workers || legacy->workers > WORKERS_MAX ||
	    strnlen(legacy->upstream, sizeof(legacy->upstream)) == sizeof(legacy->upstream) ||
	    legacy->written > NOW)
		abort();
	for (i = 0; i < legacy->listeners; i++)
		if (legacy->listener[i].port == 0 || legacy->listener[i].cookie == 0)
			abort();
	for (s = legacy->session; s < legacy->session + legacy->sessions; s++)
		if (s->port == 0 || !record_holds(&s->record, legacy->listeners, NOW))
			abort();
}

/* A head that fits a memfd of so many listeners and slots, with what the input says over it. */
static void
make_head(struct store_head *head, uint32_t listeners, uint32_t slots)
{
	const uint32_t layout[] = STORE_LAYOUT;

	memset(head, 0, sizeof(*head));
	memcpy(head->magic, STORE_MAGIC, sizeof(head->magic));
	head->version = STORE_VERSION;
	memcpy(head->layout, layout, sizeof(layout));
	head->listeners = listeners;
	head->slots = slots;
	head->workers = head->port = 1;
	head->written = NOW;
	head->upstream[0] = 'x';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[sizeof(struct store_head) + 4 * sizeof(struct store_listener) +
	    SLOTS_MOST * sizeof(struct slot)];
	struct legacy legacy;
	uint32_t listeners, slots;
	size_t n, at;
	int fd;

	if (size < 3)
		return (0);
	listeners = data[0] % 4 + 1;
	slots = data[1] % SLOTS_MOST + 1;
	n = store_size(listeners, slots);
	memset(buf, 0, sizeof(buf));
	make_head((struct store_head *)buf, listeners, slots);
	/* Odd: over the head, too. */
	at = data[2] & 1 ? data[2] : sizeof(struct store_head);
	memcpy(buf + at, data + 3, size - 3 < n - at ? size - 3 : n - at);
	if ((fd = memory_create("fuzz", n)) == -1 || pwrite(fd, buf, n, 0) != (ssize_t)n)
		abort();
	if (legacy_read_memory(&legacy, fd, NOW) == NULL)
		check(&legacy);
	legacy_free(&legacy);
	close(fd);
	return (0);
}
