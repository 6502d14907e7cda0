#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "relay/queue.h"
#include "tests/unit/unit.h"

/* What the datagrams of a case wait for. */
static enum queue_wait wait_for;
static uint8_t group;

static int
append(struct queue_pool *pool, struct queue **queue, int64_t deadline, const char *text)
{
	struct datagram head = { .deadline = deadline, .length = (uint32_t)strlen(text) };
	const struct queue_owner owner = { .session = 1, .wait = wait_for, .group = group };
	uint32_t half = head.length / 2;
	const struct iovec iov[] = { { (void *)(uintptr_t)text, half },
		{ (void *)(uintptr_t)(text + half), head.length - half } };

	/* In two buffers. */
	return (queue_append(pool, queue, &owner, &head, iov, 2));
}

CASE(order)
{
	struct queue_pool pool;
	struct queue *queue = NULL;

	queue_pool_init(&pool);
	ATF_CHECK_EQ(pool.deadline, NEVER);
	ATF_REQUIRE_EQ(append(&pool, &queue, 10, "one"), 0);
	ATF_REQUIRE_EQ(append(&pool, &queue, 20, ""), 0);
	ATF_REQUIRE_EQ(append(&pool, &queue, 5, "three"), 0);
	ATF_CHECK_EQ(pool.deadline, 5);
	ATF_CHECK(memcmp(queue_first(queue)->payload, "one", 3) == 0);
	queue_remove_first(&pool, &queue);
	ATF_CHECK_EQ(queue_first(queue)->length, 0);
	queue_pool_update(&pool);
	ATF_CHECK_EQ(pool.deadline, 20);
	queue_remove_first(&pool, &queue);
	ATF_CHECK(memcmp(queue_first(queue)->payload, "three", 5) == 0);
	queue_remove_first(&pool, &queue);
	ATF_CHECK(queue == NULL);
	ATF_CHECK_EQ(pool.units[WAIT_ROOM], 0);
	ATF_CHECK(queue_longest(&pool, WAIT_ROOM) == NULL);
	ATF_CHECK_EQ(pool.deadline, NEVER);
}

static void
check_bounds(void)
{
	struct queue_pool pool;
	struct queue *queues[QUEUE_POOL_UNITS / QUEUE_UNITS + 1] = { NULL };
	int i, j, full = QUEUE_POOL_UNITS / QUEUE_UNITS;

	queue_pool_init(&pool);
	for (i = 0; i < full; i++) {
		for (j = 0; j < QUEUE_UNITS; j++)
			ATF_REQUIRE_EQ(append(&pool, &queues[i], 1, "x"), 0);
		/* A queue of its own bound, whatever is left of the pool. */
		ATF_CHECK(append(&pool, &queues[i], 1, "x") == -1 && errno == ENOMEM);
	}
	ATF_CHECK_EQ(pool.units[wait_for], QUEUE_POOL_UNITS);
	ATF_CHECK(append(&pool, &queues[full], 1, "x") == -1 && errno == ENOBUFS);
	ATF_CHECK(queues[full] == NULL);
	/* Those who wait for something else are not concerned. */
	wait_for = !wait_for;
	ATF_CHECK_EQ(append(&pool, &queues[full], 1, "x"), 0);
	queue_remove_first(&pool, &queues[full]);
	wait_for = !wait_for;
	queue_remove_first(&pool, &queues[0]);
	ATF_CHECK_EQ(append(&pool, &queues[full], 1, "x"), 0);
	for (i = 0; i <= full; i++)
		while (queues[i] != NULL)
			queue_remove_first(&pool, &queues[i]);
	ATF_CHECK(LIST_EMPTY(&pool.queues));
}

CASE(bounds)
{
	for (wait_for = 0; wait_for < WAIT_MAX; wait_for++)
		check_bounds();
}

/* A train counts for as many as it is large; what is left of it gives the rest back. */
CASE(bytes)
{
	static unsigned char payload[65535];
	struct datagram head = { .deadline = 1, .length = sizeof(payload), .segment = 1000 };
	struct queue_owner owner = { .session = 1 };
	const struct iovec iov = { payload, sizeof(payload) };
	struct queue *queues[64] = { NULL }, *newcomer = NULL;
	struct queue_pool pool;
	uint32_t i, n = 0, each = 1 + sizeof(payload) / QUEUE_UNIT;

	queue_pool_init(&pool);
	for (i = 0; i < 640; i++)
		if (queue_append(&pool, &queues[i % 64], &owner, &head, &iov, 1) == 0)
			n++;
	ATF_CHECK_EQ(n, QUEUE_POOL_UNITS / each);
	ATF_CHECK_EQ(pool.units[WAIT_ROOM], n * each);
	owner.wait = WAIT_SOCKET;
	ATF_CHECK_EQ(queue_append(&pool, &newcomer, &owner, &head, &iov, 1), 0);
	queue_keep_last(&pool, newcomer, 535);
	ATF_CHECK_EQ(queue_first(newcomer)->segment, 0);
	ATF_CHECK_EQ(pool.units[WAIT_SOCKET], 1);
	queue_remove_first(&pool, &newcomer);
	for (i = 0; i < 64; i++)
		while (queues[i] != NULL)
			queue_remove_first(&pool, &queues[i]);
	ATF_CHECK(pool.units[WAIT_ROOM] == 0 && pool.units[WAIT_SOCKET] == 0);
}

CASE(longest)
{
	struct queue *queues[3] = { NULL };
	struct queue_pool pool;
	int i, j;

	wait_for = WAIT_ROOM;
	queue_pool_init(&pool);
	ATF_CHECK(queue_longest(&pool, WAIT_ROOM) == NULL);
	for (i = 0; i < 3; i++)
		for (j = 0; j < 10 * (i + 1); j++)
			ATF_REQUIRE_EQ(append(&pool, &queues[i], 1, "x"), 0);
	ATF_CHECK(queue_longest(&pool, WAIT_ROOM) == queues[2]);
	ATF_CHECK_EQ(queue_load(&pool, queues[2], NULL), 30);
	for (j = 0; j < 11; j++)
		queue_remove_first(&pool, &queues[2]);
	ATF_CHECK(queue_longest(&pool, WAIT_ROOM) == queues[1]);
	ATF_CHECK(queue_longest(&pool, WAIT_SOCKET) == NULL);
	for (i = 0; i < 3; i++)
		while (queues[i] != NULL)
			queue_remove_first(&pool, &queues[i]);
	ATF_CHECK(queue_longest(&pool, WAIT_ROOM) == NULL);
}

/* Many short queues of one group are more than a longer one of another. */
CASE(groups)
{
	struct queue *few = NULL, *many[20] = { NULL };
	struct queue_owner owner = { .wait = WAIT_SOCKET, .group = 7 };
	struct queue_pool pool;
	int i;

	wait_for = WAIT_SOCKET;
	queue_pool_init(&pool);
	for (group = 3, i = 0; i < 10; i++)
		ATF_REQUIRE_EQ(append(&pool, &few, 1, "x"), 0);
	ATF_CHECK(queue_longest(&pool, WAIT_SOCKET) == few);
	for (group = 7, i = 0; i < 20; i++)
		ATF_REQUIRE_EQ(append(&pool, &many[i], 1, "x"), 0);
	ATF_CHECK_EQ(queue_load(&pool, NULL, &owner), 20);
	ATF_CHECK_EQ(queue_longest(&pool, WAIT_SOCKET)->owner.group, 7);
	for (i = 0; i < 11; i++)
		queue_remove_first(&pool, &many[i]);
	ATF_CHECK(queue_longest(&pool, WAIT_SOCKET) == few);
	while (few != NULL)
		queue_remove_first(&pool, &few);
	for (; i < 20; i++)
		queue_remove_first(&pool, &many[i]);
	ATF_CHECK_EQ(queue_load(&pool, NULL, &owner), 0);
	ATF_CHECK(queue_longest(&pool, WAIT_SOCKET) == NULL);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, order);
	ATF_TP_ADD_TC(tp, bounds);
	ATF_TP_ADD_TC(tp, bytes);
	ATF_TP_ADD_TC(tp, longest);
	ATF_TP_ADD_TC(tp, groups);
	return (atf_no_error());
}
