/*
 * The file in which sessions outlive the host: what is written comes back, whatever the clocks have
 * done meanwhile, and what cannot be is left out or refused.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/state_file.h"
#include "tests/unit/unit.h"

#define TIMEOUT (180 * SECOND)
#define WALL (INT64_C(1700000000) * SECOND)
#define NOW (1000 * SECOND)
#define SESSIONS 3

static struct legacy_listener listeners[2];
static struct legacy_session sessions[SESSIONS];
static struct legacy written, got;
static struct state_facts facts;
static unsigned char *file;
static size_t size;

static const struct state_moment then = { NOW, WALL };

static void
fill(void)
{
	uint32_t i;

	for (i = 0; i < 2; i++)
		listeners[i] = (struct legacy_listener){ .address = htonl(0xc0000201 + i),
			.port = htons(5000) };
	for (i = 0; i < SESSIONS; i++) {
		sessions[i] = (struct legacy_session){ .port = (uint16_t)(40000 + i) };
		sessions[i].record = (struct session_record){
			.id = 77 + i,
			.created = WALL - 600 * SECOND,
			.client_address = htonl(0xc633640a + i),
			.local_address = htonl(0xc0000201),
			.client_port = htons(6000),
			.listener = i % 2 == 0 ? 0 : 1,
			.state = SESSION_ASSURED,
			.opened = NOW - 600 * SECOND,
		};
		sessions[i].counters = (struct session_counters){
			.last = { NOW - 20 * SECOND, NOW - 25 * SECOND },
			.packets = { 10 + i, 20 },
			.bytes = { 1000, 2000 },
		};
	}
	written = (struct legacy){ .upstream = "[2001:db8::10]:51820",
		.listeners = 2,
		.sessions = SESSIONS,
		.listener = listeners,
		.session = sessions };
	written.address.sin6_family = AF_INET6;
	written.address.sin6_port = htons(51820);
	inet_pton(AF_INET6, "2001:db8::10", &written.address.sin6_addr);
}

/* Write what is in `written`. */
static void
write_file(void)
{
	free(file);
	size = state_file_size(&written);
	ATF_REQUIRE((file = malloc(size)) != NULL);
	state_file_write(&written, &then, file);
}

static void
make(void)
{
	fill();
	write_file();
}

static struct state_header *
header(void)
{
	return ((struct state_header *)(void *)file);
}

static struct state_session *
session(uint32_t i)
{
	return ((struct state_session *)(void *)(file + sizeof(struct state_header) +
		    2 * sizeof(struct state_listener)) +
	    i);
}

/* A boot later: `now` by its own clock. */
static const char *
read_at(int64_t now, int64_t wall)
{
	const struct state_moment moment = { now, wall };

	return (state_file_read(file, size, &moment, TIMEOUT, &got, &facts));
}

/* Whether the file is refused as a whole, for this reason. */
static int
is_refused(const char *reason)
{
	const char *wrong = read_at(NOW, WALL);

	if (wrong == NULL)
		legacy_free(&got);
	else
		ATF_CHECK(got.listener == NULL && got.session == NULL);
	return (wrong != NULL && strcmp(wrong, reason) == 0);
}

CASE(comes_back)
{
	uint32_t i;

	make();
	/* 30 s without power, 5 s after the boot. */
	ATF_REQUIRE_EQ(read_at(5 * SECOND, WALL + 30 * SECOND), NULL);
	ATF_CHECK_EQ(facts.age, 30 * SECOND);
	ATF_CHECK_EQ(facts.sessions, SESSIONS);
	ATF_CHECK_EQ(facts.invalid, 0);
	ATF_CHECK_EQ(facts.expired, 0);
	ATF_CHECK_STREQ(got.upstream, written.upstream);
	ATF_CHECK_EQ(memcmp(&got.address, &written.address, sizeof(got.address)), 0);
	ATF_REQUIRE_EQ(got.listeners, 2);
	for (i = 0; i < 2; i++) {
		ATF_CHECK_EQ(got.listener[i].address, listeners[i].address);
		ATF_CHECK_EQ(got.listener[i].port, listeners[i].port);
	}
	ATF_REQUIRE_EQ(got.sessions, SESSIONS);
	for (i = 0; i < SESSIONS; i++) {
		struct session_record want = sessions[i].record;

		want.opened = (5 - 30 - 600) * SECOND;
		ATF_CHECK_EQ(memcmp(&got.session[i].record, &want, sizeof(want)), 0);
		ATF_CHECK_EQ(got.session[i].port, sessions[i].port);
		ATF_CHECK_EQ(got.session[i].counters.last[0], (5 - 30 - 20) * SECOND);
		ATF_CHECK_EQ(got.session[i].counters.last[1], (5 - 30 - 25) * SECOND);
		ATF_CHECK_EQ(got.session[i].counters.packets[0], 10 + i);
		ATF_CHECK_EQ(got.session[i].counters.bytes[1], 2000);
	}
	legacy_free(&got);
}

CASE(nothing_to_tell)
{
	fill();
	written.listeners = written.sessions = 0;
	write_file();
	ATF_CHECK_EQ(read_at(NOW, WALL), NULL);
	ATF_CHECK_EQ(got.sessions, 0);
	legacy_free(&got);
}

CASE(wall_clock)
{
	make();
	/* It went back, by a battery that is empty: as if no time had passed. */
	ATF_REQUIRE_EQ(read_at(SECOND, 0), NULL);
	ATF_CHECK_EQ(facts.age, 0);
	ATF_CHECK_EQ(got.sessions, SESSIONS);
	ATF_CHECK_EQ(got.session[0].counters.last[0], SECOND - 20 * SECOND);
	legacy_free(&got);
	/* It went on by decades, or by all that there is. */
	ATF_REQUIRE_EQ(read_at(SECOND, WALL * 2), NULL);
	ATF_CHECK_EQ(facts.expired, SESSIONS);
	ATF_CHECK_EQ(got.sessions, 0);
	legacy_free(&got);
	ATF_REQUIRE_EQ(read_at(SECOND, INT64_MAX), NULL);
	ATF_CHECK_EQ(facts.expired, SESSIONS);
	legacy_free(&got);
}

CASE(silence)
{
	fill();
	/* The one that spoke last counts; without any, its beginning. */
	sessions[0].counters.last[0] = NOW - TIMEOUT - SECOND;
	sessions[1].counters.last[0] = sessions[1].counters.last[1] = NOW - TIMEOUT - SECOND;
	sessions[2].counters.last[0] = sessions[2].counters.last[1] = 0;
	write_file();
	ATF_REQUIRE_EQ(read_at(NOW, WALL), NULL);
	ATF_CHECK_EQ(facts.expired, 2);
	ATF_REQUIRE_EQ(got.sessions, 1);
	ATF_CHECK_EQ(got.session[0].record.id, 77);
	legacy_free(&got);
	sessions[2].record.opened = NOW - SECOND;
	write_file();
	ATF_REQUIRE_EQ(read_at(NOW, WALL), NULL);
	ATF_REQUIRE_EQ(got.sessions, 2);
	ATF_CHECK_EQ(got.session[1].counters.last[0], 0);
	ATF_CHECK_EQ(got.session[1].counters.last[1], 0);
	legacy_free(&got);
}

CASE(moment_zero)
{
	/* 0 would say that nothing ever came. */
	make();
	ATF_REQUIRE_EQ(read_at(20 * SECOND, WALL), NULL);
	ATF_CHECK_EQ(got.session[0].counters.last[0], -1);
	legacy_free(&got);
}

/* A relay can put anything into its memory. */
CASE(nonsense_written)
{
	static const int64_t times[] = { INT64_MIN, -1, 1, NOW, NOW + 1, INT64_MAX };
	size_t i, k;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		for (k = 0; k < sizeof(times) / sizeof(times[0]); k++) {
			fill();
			sessions[0].record.opened = times[i];
			sessions[0].counters.last[0] = times[k];
			write_file();
			ATF_REQUIRE_EQ(read_at(NOW, WALL), NULL);
			ATF_CHECK_EQ(facts.invalid, 0);
			legacy_free(&got);
		}
}

CASE(refused)
{
	size_t all;

	make();
	all = size;
	for (size = 0; size < all; size++)
		ATF_CHECK(read_at(NOW, WALL) != NULL);
	size = 7;
	ATF_CHECK(is_refused("is no state file of udp46"));
	size = 8;
	ATF_CHECK(is_refused("is cut short"));
	size = all - 8;
	ATF_CHECK(is_refused("has another size than it says"));
	size = all;
	file[size - 1] ^= 1;
	ATF_CHECK(is_refused("is damaged"));
	file[size - 1] ^= 1;
	header()->version++;
	ATF_CHECK(is_refused("is of another version"));
	header()->version--;
	header()->order = 0x04030201;
	ATF_CHECK(is_refused("is of another version"));
	make();
	header()->magic[0] = 'U';
	ATF_CHECK(is_refused("is no state file of udp46"));
}

/* With the right checksum. */
#define BAD_HEADER(field, value, reason) \
	make();                          \
	header()->field = value;         \
	state_file_seal(file, size);     \
	ATF_CHECK(is_refused(reason))

CASE(bad_header)
{
	BAD_HEADER(size, size + 1, "has another size than it says");
	BAD_HEADER(size, UINT64_MAX, "has another size than it says");
	BAD_HEADER(listeners, 3, "has another size than it says");
	BAD_HEADER(listeners, UINT32_MAX, "has another size than it says");
	BAD_HEADER(sessions, SESSIONS + 1, "has another size than it says");
	BAD_HEADER(sessions, UINT32_MAX, "has another size than it says");
	BAD_HEADER(written, -1, "says what cannot be");
	BAD_HEADER(written, INT64_MIN, "says what cannot be");
	BAD_HEADER(port, 0, "says what cannot be");
	BAD_HEADER(pad[2], 1, "says what cannot be");
	BAD_HEADER(upstream[0], '\0', "says what cannot be");
	BAD_HEADER(upstream[3], '\n', "says what cannot be");
	make();
	memset(header()->upstream, 'a', sizeof(header()->upstream));
	state_file_seal(file, size);
	ATF_CHECK(is_refused("says what cannot be"));
	fill();
	listeners[1].port = 0;
	write_file();
	ATF_CHECK(is_refused("says what cannot be"));
}

#define BAD(field, value)                           \
	make();                                     \
	session(1)->field = value;                  \
	state_file_seal(file, size);                \
	ATF_REQUIRE_EQ(read_at(NOW, WALL), NULL);   \
	ATF_CHECK_EQ_MSG(facts.invalid, 1, #field); \
	ATF_CHECK_EQ(got.sessions, SESSIONS - 1);   \
	legacy_free(&got)

CASE(bad_session)
{
	BAD(id, 0);
	BAD(created, -1);
	BAD(age, -1);
	BAD(age, INT64_MIN);
	BAD(age, INT64_MAX);
	BAD(age, 0); /* and yet silent for longer */
	BAD(silence[0], -2);
	BAD(silence[1], INT64_MAX);
	BAD(silence[1], 601 * SECOND);
	BAD(client_address, 0);
	BAD(client_address, htonl(0xe0000001));
	BAD(client_address, UINT32_MAX);
	BAD(local_address, htonl(0xe0000001));
	BAD(local_address, UINT32_MAX);
	BAD(client_port, 0);
	BAD(listener, 2);
	BAD(listener, UINT16_MAX);
	BAD(port, 0);
	BAD(port, 40000); /* that of another */
	BAD(pad, 1);
}

CASE(ours)
{
	make();
	ATF_CHECK(state_file_is_ours(file, size));
	ATF_CHECK(state_file_is_ours(file, 8));
	ATF_CHECK(state_file_is_ours(file, 0));
	ATF_CHECK(!state_file_is_ours(file, 7));
	ATF_CHECK(!state_file_is_ours("root:x:0:0:root", 15));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, comes_back);
	ATF_TP_ADD_TC(tp, nothing_to_tell);
	ATF_TP_ADD_TC(tp, wall_clock);
	ATF_TP_ADD_TC(tp, silence);
	ATF_TP_ADD_TC(tp, moment_zero);
	ATF_TP_ADD_TC(tp, nonsense_written);
	ATF_TP_ADD_TC(tp, refused);
	ATF_TP_ADD_TC(tp, bad_header);
	ATF_TP_ADD_TC(tp, bad_session);
	ATF_TP_ADD_TC(tp, ours);
	return (atf_no_error());
}
