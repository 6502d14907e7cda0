/* From prefixes to a table, and what is looked up there. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/source_table.h"
#include "supervisor/source_list.h"
#include "tests/unit/unit.h"

#define MANY 100000

/* Of the processor, which others may use meanwhile. */
static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ((int64_t)ts.tv_sec * SECOND + ts.tv_nsec);
}

static struct source_list list;
static struct source_prefix all[MANY]; /* what was added, for the naive search */
static uint32_t count;

static struct source_prefix
prefix(const char *text, int allow)
{
	struct source_prefix p = { .allow = (uint8_t)allow };
	const char *error = source_prefix_parse(text, &p);

	ATF_REQUIRE_MSG(error == NULL, "%s %s", text, error);
	return (p);
}

static void
add(struct source_prefix p)
{
	p.line = ++count;
	all[count - 1] = p;
	ATF_REQUIRE_EQ(source_list_add(&list, &p), 0);
}

static int
build(void)
{
	struct source_prefix conflict[2];
	int built;

	while ((built = source_list_build(&list, conflict)) == 0)
		continue;
	if (built == 1)
		ATF_REQUIRE(
		    source_table_holds(list.table, source_table_size(list.table->ranges)));
	return (built);
}

static void
begin(void)
{
	source_list_free(&list);
	count = 0;
}

static int
allows(const char *address)
{
	return (source_table_allows(list.table, inet_addr(address)));
}

/* Each prefix, one after the other. */
static int
naive(uint32_t address)
{
	uint32_t i, mask;
	int best = -1, verdict = !list.allows;

	for (i = 0; i < count; i++) {
		mask = all[i].length == 0 ? 0 : UINT32_MAX << (32 - all[i].length);
		if ((address & mask) == all[i].address && all[i].length > best) {
			best = all[i].length;
			verdict = all[i].allow;
		}
	}
	return (verdict);
}

static void
check(uint32_t address)
{
	int got = source_table_allows(list.table, htonl(address));

	ATF_REQUIRE_MSG(got == naive(address), "%08x: %d", address, got);
}

CASE(none)
{
	begin();
	ATF_REQUIRE_EQ(build(), 1);
	ATF_CHECK_EQ(list.table->ranges, 1);
	ATF_CHECK(allows("0.0.0.0") && allows("192.0.2.1") && allows("255.255.255.255"));
	source_list_free(&list);
}

CASE(nested)
{
	begin();
	add(prefix("10.0.0.0/8", 0));
	add(prefix("10.1.0.0/16", 1));
	add(prefix("10.1.2.0/24", 0));
	add(prefix("10.1.2.3", 1));
	add(prefix("10.255.255.255", 1));
	add(prefix("11.0.0.0/32", 1));
	ATF_REQUIRE_EQ(build(), 1);
	/* With an allowed one, all others are denied. */
	ATF_CHECK(!allows("9.255.255.255") && !allows("192.0.2.1"));
	ATF_CHECK(!allows("10.0.0.0") && !allows("10.0.255.255") && !allows("10.2.0.0"));
	ATF_CHECK(allows("10.1.0.0") && allows("10.1.1.255") && allows("10.1.255.255"));
	ATF_CHECK(!allows("10.1.2.0") && !allows("10.1.2.2") && !allows("10.1.2.4"));
	ATF_CHECK(allows("10.1.2.3") && allows("10.255.255.255") && allows("11.0.0.0"));
	ATF_CHECK(!allows("11.0.0.1") && !allows("10.255.255.254"));
	source_list_free(&list);

	begin();
	add(prefix("255.255.255.255", 0));
	add(prefix("0.0.0.0/32", 0));
	add(prefix("128.0.0.0/1", 0));
	add(prefix("255.255.255.254", 0));
	ATF_REQUIRE_EQ(build(), 1);
	ATF_CHECK(!allows("0.0.0.0") && allows("0.0.0.1") && allows("127.255.255.255"));
	ATF_CHECK(!allows("128.0.0.0") && !allows("255.255.255.255"));
	/* Neighbours of one verdict are one range. */
	ATF_CHECK_EQ(list.table->ranges, 3);
	source_list_free(&list);

	begin();
	add(prefix("0.0.0.0/0", 0));
	add(prefix("0.0.0.0/32", 1));
	ATF_REQUIRE_EQ(build(), 1);
	ATF_CHECK(allows("0.0.0.0") && !allows("0.0.0.1") && !allows("255.255.255.255"));
	source_list_free(&list);
}

CASE(conflicts)
{
	struct source_prefix conflict[2] = { { 0 }, { 0 } };
	int built;

	begin();
	add(prefix("192.0.2.0/24", 1));
	add(prefix("10.0.0.0/8", 1));
	add(prefix("192.0.2.0/25", 0));
	add(prefix("192.0.2.0/24", 1));
	add(prefix("10.0.0.0/8", 0));
	while ((built = source_list_build(&list, conflict)) == 0)
		continue;
	ATF_CHECK(built == -1 && errno == EEXIST);
	/* In the order in which they were added. */
	ATF_CHECK(conflict[0].line == 2 && conflict[1].line == 5);
	ATF_CHECK(conflict[0].allow && !conflict[1].allow);
	source_list_free(&list);
}

/* Small sets in a small part of the addresses, so that all of these can be tried. */
CASE(random_sets)
{
	uint32_t turn, i, n, bits, address;
	struct source_prefix p = { 0 };

	for (turn = 0; turn < 300; turn++) {
		begin();
		n = arc4random_uniform(60);
		bits = 2 + arc4random_uniform(9);
		for (i = 0; i < n; i++) {
			p.length = (uint8_t)(32 - arc4random_uniform(bits + 1));
			p.address = 0xc0000000 | (arc4random() & ((1U << bits) - 1));
			p.address &= UINT32_MAX << (32 - p.length);
			p.allow = (uint8_t)arc4random_uniform(2);
			for (address = 0; address < count; address++)
				if (all[address].address == p.address &&
				    all[address].length == p.length)
					p.allow = all[address].allow;
			add(p);
		}
		ATF_REQUIRE_EQ(build(), 1);
		for (address = 0; address < 1U << (bits + 1); address++)
			check(0xc0000000 - 2 + address);
		check(0);
		check(UINT32_MAX);
		source_list_free(&list);
	}
}

/* As many as there can be in one block of the table, and in all of them. */
CASE(dense)
{
	struct source_prefix p = { .length = 32 };
	uint32_t i;

	begin();
	for (i = 0; i < MANY; i++) {
		p.address = 0x0a000000 + i;
		p.allow = i & 1;
		add(p);
	}
	ATF_REQUIRE_EQ(build(), 1);
	for (i = 0; i < MANY; i++)
		ATF_REQUIRE_EQ(source_table_allows(list.table, htonl(0x0a000000 + i)), i & 1);
	ATF_CHECK(!allows("9.255.255.255") && !allows("192.0.2.1"));
	source_list_free(&list);
}

/* Prefixes like those of a block list: of all lengths, mostly long, everywhere. */
static void
add_many(void)
{
	struct source_prefix p = { 0 };
	uint32_t i;

	for (i = 0; i < MANY; i++) {
		p.length = (uint8_t)(32 - arc4random_uniform(arc4random_uniform(4) ? 9 : 25));
		p.address = arc4random() & UINT32_MAX << (32 - p.length);
		/* No contradiction: the verdict follows from the prefix. */
		p.allow = (p.address >> 9 ^ p.address >> 3 ^ p.length) & 1;
		add(p);
	}
}

CASE(many)
{
	static uint32_t address[1 << 20];
	struct source_prefix conflict[2];
	int64_t start, begun, longest = 0, building, looking = INT64_MAX;
	uint32_t i, turn, allowed = 0, steps = 0, n = sizeof(address) / sizeof(address[0]);
	size_t size;
	int built;

	begin();
	add_many();
	start = now_ns();
	do {
		begun = now_ns();
		built = source_list_build(&list, conflict);
		steps++;
		if (now_ns() - begun > longest)
			longest = now_ns() - begun;
	} while (built == 0);
	building = now_ns() - start;
	ATF_REQUIRE_EQ(built, 1);
	for (i = 0; i < 2000; i++)
		check(i < 1000 ? arc4random() : all[arc4random_uniform(MANY)].address);
	arc4random_buf(address, sizeof(address));
	for (turn = 0; turn < 5; turn++) {
		start = now_ns();
		for (i = 0; i < n; i++)
			allowed += (uint32_t)source_table_allows(list.table, address[i]);
		if (now_ns() - start < looking)
			looking = now_ns() - start;
	}
	size = source_table_size(list.table->ranges);
	printf("%u prefixes, %u ranges, %zu bytes; built in %lld us, in %u steps, the longest "
	       "%lld us; a look takes %lld ns (%u allowed)\n",
	    count, list.table->ranges, size, (long long)building / 1000, steps,
	    (long long)longest / 1000, (long long)looking / n, allowed);
	ATF_CHECK(size <= 8 << 20);
	ATF_CHECK(looking / n <= 100);
	ATF_CHECK(building <= SECOND / 2);
	ATF_CHECK(steps >= 50);
	source_list_free(&list);
}

CASE(too_many)
{
	struct source_prefix p = { .length = 32 };
	uint32_t i;

	begin();
	for (i = 0; i < SOURCE_PREFIXES_MAX; i++) {
		p.address = i * 4099;
		ATF_REQUIRE_EQ(source_list_add(&list, &p), 0);
	}
	ATF_CHECK(source_list_add(&list, &p) == -1 && errno == E2BIG);
	ATF_REQUIRE_EQ(build(), 1);
	ATF_CHECK(!source_table_allows(list.table, htonl(4099)));
	ATF_CHECK(source_table_allows(list.table, htonl(4098)));
	source_list_free(&list);
}

/* A table that would be left when it is looked at, or one of another size, is none. */
CASE(bounds)
{
	static struct source_table bad;
	size_t size;

	begin();
	add(prefix("192.0.2.0/24", 0));
	ATF_REQUIRE_EQ(build(), 1);
	size = source_table_size(list.table->ranges);
	ATF_CHECK(source_table_holds(list.table, size));
	ATF_CHECK(!source_table_holds(list.table, size - 1));
	ATF_CHECK(!source_table_holds(list.table, size + sizeof(uint32_t)));
	ATF_CHECK(!source_table_holds(list.table, 0));
	ATF_CHECK(!source_table_holds(&bad, sizeof(bad)));
	list.table->block[SOURCE_BLOCKS] = list.table->ranges;
	ATF_CHECK(!source_table_holds(list.table, size));
	list.table->block[SOURCE_BLOCKS]--;
	list.table->block[0] = UINT32_MAX;
	ATF_CHECK(!source_table_holds(list.table, size));
	list.table->block[0] = 0;
	list.table->first_allowed = 2;
	ATF_CHECK(!source_table_holds(list.table, size));
	source_list_free(&list);
}

CASE(texts)
{
	static const char *const bad[] = { "", "/", "/8", "10", "10/8", "10.0.0.0/",
		"10.0.0.0/33", "10.0.0.0/032", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/8 ",
		" 10.0.0.0/8", "10.0.0.0/8x", "10.0.0.0/99999999999", "10.0.0.256",
		"10.0.0.0.0", "010.0.0.0/8", "0x0a.0.0.0/8", "10.0.0.1/8", "0.0.0.1/31",
		"1.0.0.0/0", "2001:db8::/32", "192.0.2.100000000000000000000/32" };
	struct source_prefix p;
	char text[SOURCE_PREFIX_STRLEN];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_MSG(source_prefix_parse(bad[i], &p) != NULL, "'%s'", bad[i]);
	p = prefix("255.255.255.255", 0);
	ATF_CHECK_STREQ(source_prefix_format(&p, text), "255.255.255.255/32");
	p = prefix("0.0.0.0/0", 0);
	ATF_CHECK_STREQ(source_prefix_format(&p, text), "0.0.0.0/0");
	p = prefix("128.0.0.0/1", 0);
	ATF_CHECK_STREQ(source_prefix_format(&p, text), "128.0.0.0/1");
	ATF_CHECK_STREQ(
	    source_prefix_parse("10.1.2.3/8", &p), "has host bits, 10.0.0.0/8 has none");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, none);
	ATF_TP_ADD_TC(tp, nested);
	ATF_TP_ADD_TC(tp, conflicts);
	ATF_TP_ADD_TC(tp, random_sets);
	ATF_TP_ADD_TC(tp, dense);
	ATF_TP_ADD_TC(tp, many);
	ATF_TP_ADD_TC(tp, too_many);
	ATF_TP_ADD_TC(tp, bounds);
	ATF_TP_ADD_TC(tp, texts);
	return (atf_no_error());
}
