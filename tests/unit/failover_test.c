#include <string.h>

#include "common/clock.h"
#include "supervisor/failover.h"
#include "tests/unit/unit.h"

static struct failover failover;
static struct sockaddr_in6 current;
static int64_t now = 1000 * SECOND;
static int64_t vain_since; /* 0: nobody waits */

/* An address by its last byte, and the other way round. */
static struct in6_addr
address_of(char byte)
{
	struct in6_addr address = { .s6_addr = { 0x20, 0x01, 0x0d, 0xb8 } };

	address.s6_addr[15] = (uint8_t)byte;
	return (address);
}

/* The name lists these: a character each; digits have a scope besides. */
static void
list(const char *names)
{
	struct msg_resolved result = { 0 };
	struct in6_addr address;

	for (; *names != '\0' && result.count < RESOLVED_MAX; names++, result.count++) {
		address = address_of(*names > '9' ? *names : 'L');
		memcpy(result.found[result.count].address, &address, sizeof(address));
		result.found[result.count].scope = *names > '9' ? 0 : (uint32_t)(*names - '0');
	}
	failover_list(&failover, &result);
}

static char
name_of(const struct failover_address *p)
{
	if (p == NULL)
		return ('-');
	return ((char)(p->scope != 0 ? '0' + p->scope : p->address.s6_addr[15]));
}

static void
use(char name)
{
	current.sin6_addr = address_of(name > '9' ? name : 'L');
	current.sin6_scope_id = name > '9' ? 0 : (uint32_t)(name - '0');
}

static void
start(const char *names)
{
	failover_init(&failover);
	list(names);
	use(name_of(failover_next(&failover, &current)));
	failover_begin(&failover, now);
	vain_since = 0;
}

/* So long clients send in vain, or on so: what is used then. */
static void
in_vain(int64_t time, const char *expected)
{
	char moves[256];
	const struct failover_address *next;
	const int64_t until = now + time;
	size_t n = 0;

	if (vain_since == 0)
		vain_since = now;
	while ((now += SECOND) <= until) {
		next = failover_turn(&failover, &current, vain_since, 0, now);
		if (next == NULL)
			continue;
		use(moves[n++] = name_of(next));
	}
	now = until;
	moves[n] = '\0';
	ATF_CHECK_STREQ(moves, expected);
}

/* The address in use answers, and goes on to. */
static void
answers(void)
{
	now += SECOND;
	vain_since = 0;
	ATF_CHECK(failover_turn(&failover, &current, now - 5 * SECOND, now, now) == NULL);
}

CASE(two)
{
	start("AB");
	in_vain(14 * SECOND, "");
	answers();
	in_vain(14 * SECOND, "");
	answers();
	in_vain(15 * SECOND, "B");
	/* As long as it answers it stays, whatever the name's first one is. */
	answers();
	list("AB");
	ATF_CHECK(failover_lists(&failover, &current));
	now += 3600 * SECOND;
	in_vain(14 * SECOND, "");
	answers();
	in_vain(15 * SECOND, "A");
}

CASE(one)
{
	start("A");
	in_vain(3600 * SECOND, "");
	/* Another one comes: what waited for so long need not wait on. */
	list("AB");
	in_vain(15 * SECOND, "B");
	list("BB");
	answers();
	in_vain(3600 * SECOND, "");
}

CASE(backoff)
{
	/* After 15, 30, 60, 120, 240, 240 ... seconds. */
	start("AB");
	in_vain(224 * SECOND, "BAB");
	in_vain(SECOND, "A");
	in_vain(240 * SECOND, "B");
	in_vain(8 * 240 * SECOND, "ABABABAB");
	/* A reply makes it quick again. */
	answers();
	in_vain(15 * SECOND, "A");
}

CASE(many)
{
	/* Each gets its turn before the patience grows. */
	start("ABCDE");
	in_vain(60 * SECOND, "BCDE");
	in_vain(29 * SECOND, "");
	in_vain(31 * SECOND, "AB");
	/* No more than there is room for. */
	start("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	ATF_CHECK_EQ(failover.count, RESOLVED_MAX);
	in_vain(15 * 15 * SECOND, "BCDEFGHIJKLMNOP");
}

CASE(answered_last)
{
	start("ABCD");
	answers();
	in_vain(30 * SECOND, "BC");
	answers();
	/* A answered last of the others, then B and D never did. */
	in_vain(15 * SECOND, "A");
	in_vain(15 * SECOND, "B");
	in_vain(15 * SECOND, "D");
	/* All were tried: C is the one that answered last. */
	in_vain(30 * SECOND, "C");
	in_vain(30 * SECOND, "A");
}

CASE(lists_change)
{
	start("AB");
	answers();
	in_vain(15 * SECOND, "B");
	/* The one in use is not listed any more: not back to the one that is dead. */
	list("AC");
	ATF_CHECK(!failover_lists(&failover, &current));
	ATF_CHECK_EQ(name_of(failover_next(&failover, &current)), 'C');
	use('C');
	failover_begin(&failover, now);
	in_vain(14 * SECOND, "");
	answers();
	/* All others are new, and then the dead one alone is left. */
	list("XYZ");
	ATF_CHECK_EQ(name_of(failover_next(&failover, &current)), 'X');
	use('X');
	failover_begin(&failover, now);
	in_vain(15 * SECOND, "Y");
	list("X");
	ATF_CHECK_EQ(name_of(failover_next(&failover, &current)), 'X');
	/* Where nothing is listed but what is not in use, that is no reason to wait for less. */
	in_vain(14 * SECOND, "");
	in_vain(SECOND, "X");
}

CASE(order)
{
	/* The same in another order, over and over. */
	start("ABC");
	answers();
	for (int i = 0; i < 10; i++) {
		list(i % 2 ? "CAB" : "BCA");
		ATF_CHECK(failover_lists(&failover, &current));
		in_vain(10 * SECOND, "");
		answers();
	}
	list("CBA");
	in_vain(15 * SECOND, "C");
}

CASE(scope)
{
	/* One address through two interfaces is two. */
	start("12");
	in_vain(15 * SECOND, "2");
	ATF_CHECK_EQ(current.sin6_scope_id, 2);
	answers();
	list("31");
	ATF_CHECK(!failover_lists(&failover, &current));
}

static char
turn(int64_t since, int64_t reply)
{
	return (name_of(failover_turn(&failover, &current, since, reply, now)));
}

CASE(hostile)
{
	static const int64_t times[] = { INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1,
		INT64_MAX };
	int i, k, moves = 0;

	start("AB");
	now += SECOND;
	/* It was used for a second only, since whenever one has waited. */
	for (i = 0; i < 7; i++)
		for (k = 0; k < 7; k++)
			ATF_CHECK_EQ(turn(times[i], times[k]), '-');
	/* None of these is a time to have waited since. */
	now += 100 * SECOND;
	for (k = 0; k < 7; k++) {
		ATF_CHECK_EQ(turn(0, times[k]), '-');
		ATF_CHECK_EQ(turn(-1, times[k]), '-');
		ATF_CHECK_EQ(turn(now + 1, times[k]), '-');
		ATF_CHECK_EQ(turn(INT64_MAX, times[k]), '-');
	}
	ATF_CHECK_EQ(failover.patience, 15 * SECOND);
	/* A reply that is still to come is none. */
	ATF_CHECK_EQ(turn(now - SECOND, now + SECOND), '-');
	ATF_CHECK_EQ(turn(1, now + SECOND), 'B');
	use('B');
	/* Whatever it says, each second: no more than one move in 15 s. */
	for (i = 0; i < 3600; i++) {
		now += SECOND;
		for (k = 0; k < 7; k++)
			if (turn(k % 2 ? 1 : now, i % 16 == 0 ? now : times[k]) != '-')
				moves++;
	}
	ATF_CHECK(moves <= 3600 / 15);
}

CASE(workers)
{
	start("AB");
	answers();
	/* The clients of one wait for long, those of another had a reply just now. */
	for (int i = 0; i < 60; i++) {
		now += 10 * SECOND;
		ATF_CHECK_EQ(turn(now - 60 * SECOND, now - 14 * SECOND), '-');
	}
	/* Each says since when its own wait. */
	ATF_CHECK_EQ(turn(now - 5 * SECOND, now - 14 * SECOND), '-');
	now += SECOND;
	ATF_CHECK_EQ(turn(now - 15 * SECOND, now - 15 * SECOND), 'B');
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, two);
	ATF_TP_ADD_TC(tp, one);
	ATF_TP_ADD_TC(tp, backoff);
	ATF_TP_ADD_TC(tp, many);
	ATF_TP_ADD_TC(tp, answered_last);
	ATF_TP_ADD_TC(tp, lists_change);
	ATF_TP_ADD_TC(tp, order);
	ATF_TP_ADD_TC(tp, scope);
	ATF_TP_ADD_TC(tp, hostile);
	ATF_TP_ADD_TC(tp, workers);
	return (atf_no_error());
}
