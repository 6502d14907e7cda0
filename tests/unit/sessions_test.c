#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/metrics/sessions.h"
#include "tests/unit/unit.h"

static struct sessions_query
ask_for(const char *name, const char *value)
{
	struct sessions_query q;

	sessions_query_init(&q);
	ATF_REQUIRE_MSG(sessions_query_set(&q, name, value) == NULL, "%s=%s", name, value);
	return (q);
}

CASE(query_good)
{
	struct sessions_query q;

	sessions_query_init(&q);
	ATF_CHECK(
	    !q.has_client && q.state == -1 && q.limit == UINT32_MAX && q.sort == SORT_NONE);
	q = ask_for("client", "192.0.2.1");
	ATF_CHECK(q.has_client && q.client == htonl(0xc0000201));
	ATF_CHECK_EQ(ask_for("state", "assured").state, SESSION_ASSURED);
	ATF_CHECK_EQ(ask_for("limit", "200").limit, 200);
	ATF_CHECK_EQ(ask_for("sort", "idle").sort, SORT_IDLE);
	/* Not ours to understand. */
	ask_for("refresh", "x");
	ask_for("", "");
}

CASE(query_bad)
{
	static const char *const bad[][2] = {
		{ "client", "" },
		{ "client", "192.0.2" },
		{ "client", "::1" },
		{ "state", "closed" },
		{ "state", "" },
		{ "limit", "0" },
		{ "limit", "-1" },
		{ "limit", "1x" },
		{ "limit", "99999999999" },
		{ "sort", "" },
		{ "sort", "name" },
	};
	struct sessions_query q;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		sessions_query_init(&q);
		ATF_CHECK_MSG(sessions_query_set(&q, bad[i][0], bad[i][1]) != NULL, "%s=%s",
		    bad[i][0], bad[i][1]);
	}
	ATF_CHECK(sessions_query_set(&q, "state", NULL) != NULL);
}

CASE(match)
{
	struct msg_session s = { .record = {
				     .client_address = htonl(0xc0000201), .state = 1 } };
	struct sessions_query q = ask_for("client", "192.0.2.1");

	ATF_CHECK(sessions_match(&q, &s));
	q = ask_for("client", "192.0.2.2");
	ATF_CHECK(!sessions_match(&q, &s));
	q = ask_for("state", "replied");
	ATF_CHECK(sessions_match(&q, &s));
	q = ask_for("state", "assured");
	ATF_CHECK(!sessions_match(&q, &s));
}

CASE(heap)
{
	struct sessions_query q = ask_for("sort", "bytes");
	struct sessions_heap h;
	uint32_t i;

	/* The best 100 of 5000, which come in no order. */
	q.limit = 100;
	ATF_REQUIRE_EQ(sessions_heap_init(&h, &q), 0);
	for (i = 0; i < 5000; i++) {
		struct msg_session s = { .bytes = { i * 7919 % 5000, 0 } };

		sessions_heap_add(&h, &s);
	}
	sessions_heap_sort(&h);
	ATF_REQUIRE_EQ(h.count, 100);
	for (i = 0; i < 100; i++)
		ATF_CHECK_EQ(h.sessions[i].bytes[0], 4999 - i);
	sessions_heap_free(&h);
}

CASE(heap_orders)
{
	static const struct msg_session s[] = {
		{ .bytes = { 5, 5 },
		    .packets = { 1, 0 },
		    .last_client = 30,
		    .last_upstream = 1 },
		{ .bytes = { 0, 30 },
		    .packets = { 2, 2 },
		    .last_client = 10,
		    .last_upstream = 20 },
		{ .bytes = { 20, 0 },
		    .packets = { 0, 9 },
		    .last_client = 5,
		    .last_upstream = 6 },
	};
	static const char *const sorts[] = { "bytes", "packets", "idle" };
	static const uint64_t first[] = { 30, 0, 0 };
	struct sessions_heap h;
	struct sessions_query q;
	size_t i, j;

	for (i = 0; i < 3; i++) {
		q = ask_for("sort", sorts[i]);
		ATF_REQUIRE_EQ(sessions_heap_init(&h, &q), 0);
		for (j = 0; j < 3; j++)
			sessions_heap_add(&h, &s[j]);
		sessions_heap_sort(&h);
		ATF_REQUIRE_EQ(h.count, 3);
		ATF_CHECK_EQ(h.sessions[0].bytes[1], first[i]);
		sessions_heap_free(&h);
	}
}

CASE(heap_is_bounded)
{
	struct sessions_query q = ask_for("sort", "bytes");
	struct sessions_heap h;

	ATF_REQUIRE_EQ(sessions_heap_init(&h, &q), 0);
	ATF_CHECK_EQ(h.limit, SESSIONS_SORTED_MAX);
	sessions_heap_free(&h);
}

CASE(json)
{
	const struct msg_session s = {
		.record = { .id = 0xabc,
		    .created = INT64_C(1790000000123456789),
		    .client_address = htonl(0xc0000207),
		    .client_port = htons(4500),
		    .state = SESSION_ASSURED },
		.upstream_local_port = htons(40000),
		.upstream_local_address = { 0x20, 0x01, 0x0d, 0xb8, [15] = 5 },
		.last_client = INT64_C(1790000001000000000),
		.last_upstream = INT64_C(1790000002000000000),
		.packets = { 1, 2 },
		.bytes = { 3, 4 },
	};
	const struct msg_listener listener = { .port = htons(51820) };
	struct text t = { 0 };

	sessions_write(&t, &s, &listener, "[2001:db8::9]:51820");
	ATF_CHECK_STREQ(t.buf,
	    "{\"session_id\":\"0000000000000abc\",\"listener\":\"0.0.0.0:51820\","
	    "\"client_address\":\"192.0.2.7\",\"client_port\":4500,"
	    "\"upstream_local_address\":\"2001:db8::5\",\"upstream_local_port\":40000,"
	    "\"upstream_remote_address\":\"2001:db8::9\",\"upstream_remote_port\":51820,"
	    "\"state\":\"assured\",\"created\":\"2026-09-21T14:13:20.123456789Z\","
	    "\"last_client_packet\":\"2026-09-21T14:13:21.000000000Z\","
	    "\"last_upstream_packet\":\"2026-09-21T14:13:22.000000000Z\","
	    "\"client_to_upstream_packets\":1,\"client_to_upstream_bytes\":3,"
	    "\"upstream_to_client_packets\":2,\"upstream_to_client_bytes\":4}");
	text_free(&t);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, query_good);
	ATF_TP_ADD_TC(tp, query_bad);
	ATF_TP_ADD_TC(tp, match);
	ATF_TP_ADD_TC(tp, heap);
	ATF_TP_ADD_TC(tp, heap_orders);
	ATF_TP_ADD_TC(tp, heap_is_bounded);
	ATF_TP_ADD_TC(tp, json);
	return (atf_no_error());
}
