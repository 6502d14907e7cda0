#include <sys/mman.h>
#include <sys/stat.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "supervisor/legacy.h"
#include "supervisor/store.h"
#include "tests/unit/unit.h"

#define LISTENERS 2
#define SLOTS 8
#define NOW 1000

static struct store store;
static struct legacy legacy;

/* A session on the next slot. */
static struct slot *
add_session(uint16_t port)
{
	uint32_t slot = store_add(&store, 10, port);
	struct msg_record record = {
		.name = { slot, store.slots[slot].generation },
		.record = { .id = 1000 + slot,
		    .client_address = 1,
		    .client_port = 2,
		    .listener = LISTENERS - 1,
		    .state = SESSION_ASSURED,
		    .opened = NOW - 1 },
	};

	store_set(&store, slot, SLOT_POOLED);
	ATF_REQUIRE_EQ(store_record(&store, &record), 0);
	return (&store.slots[slot]);
}

/* A store in which all is as it should be: two sessions, and a socket that serves none. */
static void
make_store(void)
{
	uint32_t i;

	ATF_REQUIRE_EQ(store_init(&store, LISTENERS, SLOTS), 0);
	for (i = 0; i < LISTENERS; i++)
		store.listener[i] =
		    (struct store_listener){ .cookie = i + 1, .address = 5 + i, .port = 6 };
	store.head->workers = 1;
	store.head->port = 7;
	store.head->written = NOW;
	strlcpy(store.head->upstream, "[2001:db8::1]:7", sizeof(store.head->upstream));
	(void)add_session(40000);
	(void)store_add(&store, 11, 40001);
	(void)add_session(40002);
}

static const char *
read_store(void)
{
	return (legacy_read_memory(&legacy, store.fd, NOW));
}

CASE(good)
{
	make_store();
	ATF_CHECK(legacy_is_memory(store.fd));
	ATF_REQUIRE_EQ(read_store(), NULL);
	ATF_CHECK_EQ(legacy.sessions, 2);
	ATF_CHECK_EQ(legacy.session[0].port, 40000);
	ATF_CHECK_EQ(legacy.session[1].port, 40002);
	ATF_CHECK_EQ(legacy.session[1].record.id, 1002);
	ATF_CHECK_EQ(legacy.listeners, LISTENERS);
	ATF_CHECK_EQ(legacy.listener[1].cookie, 2);
	ATF_CHECK_EQ(legacy.address.sin6_port, 7);
	ATF_CHECK_STREQ(legacy.upstream, "[2001:db8::1]:7");
	ATF_CHECK_EQ(legacy.totals, NULL);
	legacy_free(&legacy);
	store_free(&store);
}

/* Set `field` of the store to `value`, and have it refused; then it is as before. */
#define REFUSED(field, value)                                                            \
	do {                                                                             \
		__typeof__(field) was = (field);                                         \
                                                                                         \
		(field) = (__typeof__(field))(value);                                    \
		ATF_CHECK_MSG(read_store() != NULL, "%s = %s is taken", #field, #value); \
		legacy_free(&legacy);                                                    \
		(field) = was;                                                           \
	} while (0)

CASE(head)
{
	struct store_head *head;

	make_store();
	head = store.head;
	REFUSED(head->magic[0], 'U');
	REFUSED(head->version, STORE_VERSION + 1);
	REFUSED(head->version, 0);
	REFUSED(head->layout[0], head->layout[0] + 1);
	REFUSED(head->layout[LAYOUT_TOTALS - 1], 0);
	REFUSED(head->listeners, 0);
	REFUSED(head->listeners, 1);
	REFUSED(head->listeners, UINT32_MAX);
	REFUSED(head->slots, 0);
	REFUSED(head->slots, SLOTS - 1);
	REFUSED(head->slots, UINT32_MAX);
	REFUSED(head->workers, 0);
	REFUSED(head->workers, UINT32_MAX);
	REFUSED(head->worker, 1);
	REFUSED(head->worker, UINT32_MAX);
	REFUSED(head->port, 0);
	REFUSED(head->written, NOW + 1);
	REFUSED(head->written, 0);
	REFUSED(head->written, INT64_MIN);
	REFUSED(head->upstream[0], '\0');
	REFUSED(head->upstream[3], '\n');
	REFUSED(head->upstream[3], '\x80');
	REFUSED(store.listener[1].port, 0);
	REFUSED(store.listener[0].cookie, 0);
	memset(head->upstream, 'x', sizeof(head->upstream));
	ATF_CHECK(read_store() != NULL);
	legacy_free(&legacy);
	store_free(&store);
}

/* The same with a field of a slot: the session is left out, the others are not. */
#define LEFT_OUT(field, value)                                                           \
	do {                                                                             \
		__typeof__(field) was = (field);                                         \
                                                                                         \
		(field) = (__typeof__(field))(value);                                    \
		ATF_REQUIRE_EQ(read_store(), NULL);                                      \
		ATF_CHECK_MSG(legacy.sessions == 1, "%s = %s is taken", #field, #value); \
		ATF_CHECK_EQ(legacy.session[0].port, 40002);                             \
		legacy_free(&legacy);                                                    \
		(field) = was;                                                           \
	} while (0)

CASE(slots)
{
	struct slot *slot;

	make_store();
	slot = &store.slots[0];
	LEFT_OUT(slot->state, SLOT_FREE);
	LEFT_OUT(slot->state, SLOT_POOLED);
	LEFT_OUT(slot->state, SLOT_STATE_MAX);
	LEFT_OUT(slot->state, UINT8_MAX);
	LEFT_OUT(slot->port, 0);
	LEFT_OUT(slot->record.id, 0);
	LEFT_OUT(slot->record.client_port, 0);
	LEFT_OUT(slot->record.listener, LISTENERS);
	LEFT_OUT(slot->record.listener, UINT16_MAX);
	LEFT_OUT(slot->record.state, SESSION_CLOSED);
	LEFT_OUT(slot->record.state, UINT8_MAX);
	LEFT_OUT(slot->record.opened, NOW + 1);
	LEFT_OUT(slot->record.opened, INT64_MIN);
	LEFT_OUT(slot->record.pad[2], 1);
	store_free(&store);
}

/* Memory of any other size, or with anything in it. */
CASE(foreign)
{
	uint8_t bytes[4096];
	size_t size;
	int fd, i;

	make_store();
	for (i = 0; i < 1000; i++) {
		size = arc4random_uniform(sizeof(bytes)) + 1;
		arc4random_buf(bytes, sizeof(bytes));
		/* Every other one begins as it should. */
		if (i % 2 == 0)
			memcpy(bytes, store.head,
			    size < sizeof(*store.head) ? size : sizeof(*store.head));
		ATF_REQUIRE((fd = memory_create("foreign", size)) != -1);
		ATF_REQUIRE_EQ(pwrite(fd, bytes, size, 0), (ssize_t)size);
		ATF_CHECK(size == store_size(LISTENERS, SLOTS) ||
		    legacy_read_memory(&legacy, fd, NOW) != NULL);
		legacy_free(&legacy);
		close(fd);
	}
	ATF_REQUIRE((fd = memory_create("empty", 0)) != -1);
	ATF_CHECK(!legacy_is_memory(fd));
	ATF_CHECK(legacy_read_memory(&legacy, fd, NOW) != NULL);
	close(fd);
	ATF_REQUIRE((fd = memory_create("huge", (size_t)1 << 40)) != -1);
	ATF_CHECK(legacy_read_memory(&legacy, fd, NOW) != NULL);
	close(fd);
	store_free(&store);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, good);
	ATF_TP_ADD_TC(tp, head);
	ATF_TP_ADD_TC(tp, slots);
	ATF_TP_ADD_TC(tp, foreign);
	return (atf_no_error());
}
