#include <errno.h>

#include "supervisor/store.h"
#include "tests/unit/unit.h"

static struct msg_record
record_of(const struct store *store, uint32_t slot, uint8_t state)
{
	return ((struct msg_record){
	    .name = { slot, store->slots[slot].generation },
	    .record = { .id = 1000 + slot, .state = state },
	});
}

CASE(life)
{
	struct msg_record record;
	struct store store;
	uint32_t a, b;

	ATF_REQUIRE_EQ(store_init(&store, 1, 2), 0);
	a = store_add(&store, 10, 40000);
	b = store_add(&store, 11, 40001);
	ATF_CHECK(a != b && !store_has_room(&store));
	ATF_CHECK_EQ(store.count[SLOT_KEPT], 2);
	store_set(&store, a, SLOT_POOLED);
	ATF_CHECK_EQ(store.count[SLOT_POOLED], 1);
	record = record_of(&store, a, SESSION_UNREPLIED);
	ATF_CHECK_EQ(store_record(&store, &record), 0);
	ATF_CHECK_EQ(store.count[SLOT_OPEN], 1);
	ATF_CHECK_EQ(store.slots[a].record.id, 1000 + a);
	/* Changed, not opened again. */
	record = record_of(&store, a, SESSION_ASSURED);
	ATF_CHECK_EQ(store_record(&store, &record), 0);
	ATF_CHECK_EQ(store.count[SLOT_OPEN], 1);
	ATF_CHECK_EQ(store_remove(&store, a), 10);
	ATF_CHECK_EQ(store.count[SLOT_OPEN], 0);
	ATF_CHECK(store_has_room(&store));
	ATF_CHECK_EQ(store_add(&store, 12, 40002), a);
	/* Nothing is left of who had it before. */
	ATF_CHECK_EQ(store.slots[a].record.id, 0);
	store_free(&store);
}

CASE(handed_back)
{
	struct msg_record record;
	struct store store;
	uint32_t a;

	ATF_REQUIRE_EQ(store_init(&store, 1, 8), 0);
	a = store_add(&store, 10, 40000);
	store_set(&store, a, SLOT_POOLED);
	record = record_of(&store, a, SESSION_ASSURED);
	ATF_REQUIRE_EQ(store_record(&store, &record), 0);
	/* The next relay does not have it until it is handed back. */
	store_set(&store, a, SLOT_KEPT);
	ATF_CHECK(!store_has(&store, &record.name));
	ATF_CHECK(store_record(&store, &record) == -1 && errno == EBADMSG);
	store_set(&store, a, SLOT_OFFERED);
	ATF_CHECK(store_has(&store, &record.name));
	ATF_CHECK_EQ(store_record(&store, &record), 0);
	ATF_CHECK(store.count[SLOT_OFFERED] == 0 && store.count[SLOT_OPEN] == 1);
	store_free(&store);
}

CASE(foreign_names)
{
	struct msg_record record;
	struct store store;
	uint32_t a;

	ATF_REQUIRE_EQ(store_init(&store, 1, 8), 0);
	a = store_add(&store, 10, 40000);
	/* Not handed out yet. */
	record = record_of(&store, a, SESSION_UNREPLIED);
	ATF_CHECK(store_record(&store, &record) == -1 && errno == EBADMSG);
	store_set(&store, a, SLOT_POOLED);
	ATF_CHECK(store_has(&store, &record.name));
	/* Another generation, another slot, none at all. */
	record.name.generation++;
	ATF_CHECK(!store_has(&store, &record.name));
	ATF_CHECK(store_record(&store, &record) == -1 && errno == EBADMSG);
	record.name = (struct socket_name){ a + 1, 1 };
	ATF_CHECK(!store_has(&store, &record.name));
	record.name = (struct socket_name){ UINT32_MAX, 1 };
	ATF_CHECK(!store_has(&store, &record.name));
	/* A slot used again is not the one that it was. */
	record = record_of(&store, a, SESSION_UNREPLIED);
	store_remove(&store, a);
	ATF_CHECK(!store_has(&store, &record.name));
	ATF_REQUIRE_EQ(store_add(&store, 11, 40001), a);
	store_set(&store, a, SLOT_POOLED);
	ATF_CHECK(!store_has(&store, &record.name));
	store_free(&store);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, life);
	ATF_TP_ADD_TC(tp, handed_back);
	ATF_TP_ADD_TC(tp, foreign_names);
	return (atf_no_error());
}
