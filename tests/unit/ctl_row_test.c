#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/row.h"
#include "supervisor/ctl/row_reader.h"
#include "tests/unit/unit.h"

/* A session as the server says it, but for one field. */
static const char *const fields[][2] = {
	{ "session_id", "\"00000000000000ff\"" },
	{ "listener", "\"192.0.2.1:5000\"" },
	{ "client_address", "\"198.51.100.7\"" },
	{ "client_port", "6001" },
	{ "upstream_local_address", "\"2001:db8::1\"" },
	{ "upstream_local_port", "40000" },
	{ "upstream_remote_address", "\"fe80::1%eth0\"" },
	{ "upstream_remote_port", "7000" },
	{ "state", "\"assured\"" },
	{ "created", "\"2026-01-02T03:04:05.250000000Z\"" },
	{ "last_client_packet", "\"2026-01-02T03:04:06Z\"" },
	{ "last_upstream_packet", "\"2026-01-02T03:04:07.5Z\"" },
	{ "client_to_upstream_packets", "1" },
	{ "client_to_upstream_bytes", "200" },
	{ "upstream_to_client_packets", "3" },
	{ "upstream_to_client_bytes", "18446744073709551615" },
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static const char *
make(const char *key, const char *value)
{
	static char text[2048];
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < FIELDS; i++)
		if (strcmp(fields[i][0], key) != 0 || value != NULL)
			used += (size_t)snprintf(text + used, sizeof(text) - used,
			    "%s\"%s\":%s", used == 0 ? "{" : ",", fields[i][0],
			    strcmp(fields[i][0], key) == 0 ? value : fields[i][1]);
	snprintf(text + used, sizeof(text) - used, "}");
	return (text);
}

static struct rows rows;

static int
take(void *arg, const struct row *row)
{
	return (rows_add(arg, row));
}

/* Read a document in pieces; returns what is wrong, NULL for nothing. */
static const char *
read_text(const char *text, size_t piece)
{
	struct row_reader r;
	size_t i, n, length = strlen(text);
	int status = 0;

	rows_free(&rows);
	ATF_REQUIRE_EQ(row_reader_init(&r, take, &rows), 0);
	for (i = 0; i < length && status == 0; i += n) {
		n = length - i < piece ? length - i : piece;
		status = row_reader_feed(&r, text + i, n);
	}
	if (status == 0)
		status = row_reader_end(&r);
	row_reader_free(&r);
	ATF_CHECK((status == -1) == (r.error != NULL));
	return (r.error);
}

CASE(good)
{
	char text[4096], local[64];
	const struct row *row;
	size_t piece;

	snprintf(text, sizeof(text), " [%s\n,", make("", ""));
	strlcat(text, make("session_id", "\"0123456789abcdef\""), sizeof(text));
	strlcat(text, "]\n", sizeof(text));
	for (piece = 1; piece < strlen(text) + 2; piece += 7) {
		ATF_REQUIRE_EQ(read_text(text, piece), NULL);
		ATF_REQUIRE_EQ(rows.count, 2);
	}
	row = &rows.row[0];
	ATF_CHECK_EQ(row->id, 255);
	ATF_CHECK_EQ(rows.row[1].id, 0x0123456789abcdef);
	ATF_CHECK_EQ(row->listener.sin_port, htons(5000));
	ATF_CHECK_EQ(row->client.sin_addr.s_addr, htonl(0xc6336407));
	ATF_CHECK_EQ(ntohs(row->client.sin_port), 6001);
	ATF_CHECK_STREQ(inet_ntop(AF_INET6, &row->local, local, sizeof(local)), "2001:db8::1");
	ATF_CHECK_EQ(row->local_port, 40000);
	ATF_CHECK_STREQ(row->remote, "fe80::1%eth0");
	ATF_CHECK_EQ(row->state, SESSION_ASSURED);
	ATF_CHECK_EQ(row->created, INT64_C(1767323045250000000));
	ATF_CHECK_EQ(row->last[CLIENT_TO_UPSTREAM], INT64_C(1767323046000000000));
	ATF_CHECK_EQ(row_last(row), INT64_C(1767323047500000000));
	ATF_CHECK_EQ(row->bytes[UPSTREAM_TO_CLIENT], UINT64_MAX);
	ATF_CHECK_EQ(read_text("[]", 1), NULL);
	ATF_CHECK_EQ(rows.count, 0);
}

/* Each field missing, or of another type, or out of its range, is told by name or as such. */
CASE(bad_fields)
{
	static const char *const values[] = { "null", "true", "{}", "[]", "-1", "1.5", "\"\"",
		"\"\\u001b[2J\"", "\"x\"", "65536000000000000000000" };
	char text[4096];
	size_t i, v;

	for (i = 0; i < FIELDS; i++) {
		snprintf(text, sizeof(text), "[%s]", make(fields[i][0], NULL));
		ATF_CHECK_MSG(read_text(text, 4096) != NULL, "without %s", fields[i][0]);
		for (v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			/* Text stays text, and is escaped where it is shown; a number that is too
			   large is the largest. */
			if (strcmp(fields[i][0], "upstream_remote_address") == 0 &&
			    *values[v] == '"')
				continue;
			if (strstr(fields[i][0], "stream_packets") != NULL ||
			    strstr(fields[i][0], "client_packets") != NULL ||
			    strstr(fields[i][0], "_bytes") != NULL)
				if (*values[v] == '6')
					continue;
			snprintf(text, sizeof(text), "[%s]", make(fields[i][0], values[v]));
			ATF_CHECK_MSG(
			    read_text(text, 4096) != NULL, "%s: %s", fields[i][0], values[v]);
			ATF_CHECK_EQ(rows.count, 0);
		}
	}
}

CASE(bad_documents)
{
	static const char *const texts[] = { "", " ", "[", "[ ", "{}", "null", "1", "[1]",
		"[null]", "[[]]", "[{]", "[{}]", "[{},]", "]", "[]]", "[] x", "<html>",
		"[\"x\"]", "[,]", "[{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}}}]",
		"[{\"a\":\"\xff\"}]", "[{'a':1}]" };
	static char text[20000];
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ATF_CHECK_MSG(read_text(texts[i], 1) != NULL, "%s", texts[i]);
		ATF_CHECK_MSG(read_text(texts[i], 4096) != NULL, "%s", texts[i]);
	}
	snprintf(text, sizeof(text), "[%s", make("", ""));
	ATF_CHECK_STREQ(read_text(text, 4096), "it was cut");
	strlcat(text, make("", ""), sizeof(text));
	ATF_CHECK(read_text(text, 4096) != NULL);
	/* One string without end. */
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "[{\"a\":\"", 7);
	ATF_CHECK_STREQ(read_text(text, 100), "an object that is too large");
}

static struct row
row_of(uint32_t client, uint16_t port, uint64_t bytes, int64_t last)
{
	struct row row = { .id = client + port, .state = SESSION_ASSURED, .local_port = 40000 };

	row.client.sin_addr.s_addr = htonl(client);
	row.client.sin_port = htons(port);
	row.listener.sin_addr.s_addr = htonl(0xc0000201);
	row.listener.sin_port = htons(5000);
	row.bytes[0] = bytes;
	row.packets[1] = 1000 - bytes;
	row.last[0] = last;
	row.created = 100 - last;
	return (row);
}

/* The clients' ports, in order. */
static void
check_order(enum row_key key, int reverse, const char *expected)
{
	char got[64] = "";
	size_t i;

	rows_sort(&rows, key, reverse);
	for (i = 0; i < rows.count; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%u ",
		    ntohs(rows.row[i].client.sin_port));
	ATF_CHECK_STREQ_MSG(got, expected, "%s: %s", row_key_names[key], got);
}

CASE(sorted)
{
	const struct row all[] = { row_of(2, 1, 100, 30), row_of(1, 2, 300, 20),
		row_of(1, 3, 200, 10), row_of(1, 4, 200, 40) };
	size_t i;

	rows_free(&rows);
	for (i = 0; i < 4; i++)
		ATF_REQUIRE_EQ(rows_add(&rows, &all[i]), 0);
	check_order(ROW_BYTES, 0, "2 3 4 1 ");
	check_order(ROW_BYTES, 1, "1 3 4 2 ");
	check_order(ROW_PACKETS, 0, "1 3 4 2 ");
	check_order(ROW_IDLE, 0, "3 2 1 4 ");
	check_order(ROW_AGE, 0, "4 1 2 3 ");
	check_order(ROW_CLIENT, 0, "2 3 4 1 ");
	check_order(ROW_CLIENT, 1, "1 4 3 2 ");
	rows.row[0].byte_rate[1] = 5;
	check_order(ROW_RATE, 0, "1 2 3 4 ");
	rows_free(&rows);
	check_order(ROW_RATE, 0, "");
}

CASE(filtered)
{
	const struct row row = row_of(7, 6001, 0, 0);
	struct row_filter f = { .has_client = 0 };

	ATF_CHECK(row_matches(&f, &row));
	f.has_client = 1;
	ATF_CHECK(!row_matches(&f, &row));
	f.client.s_addr = htonl(7);
	ATF_CHECK(row_matches(&f, &row));
	f.has_state = 1;
	ATF_CHECK(!row_matches(&f, &row));
	f.state = SESSION_ASSURED;
	ATF_CHECK(row_matches(&f, &row));
	f.port = 6002;
	ATF_CHECK(!row_matches(&f, &row));
	f.port = 6001;
	ATF_CHECK(row_matches(&f, &row));
	f.port = 40000;
	ATF_CHECK(row_matches(&f, &row));
	f.listener.sin_family = AF_INET;
	f.listener.sin_port = htons(5001);
	ATF_CHECK(!row_matches(&f, &row));
	f.listener.sin_port = htons(5000);
	ATF_CHECK(row_matches(&f, &row));
	f.listener.sin_addr.s_addr = htonl(1);
	ATF_CHECK(!row_matches(&f, &row));
	f.listener.sin_addr = row.listener.sin_addr;
	ATF_CHECK(row_matches(&f, &row));
}

CASE(rates)
{
	struct rows before = { .count = 0 };
	struct row row = row_of(1, 1, 100, 0);

	rows_free(&rows);
	ATF_REQUIRE_EQ(rows_add(&before, &row), 0);
	row = row_of(3, 3, 100, 0);
	ATF_REQUIRE_EQ(rows_add(&before, &row), 0);
	row = row_of(1, 1, 300, 0);
	row.packets[1] = 1000;
	ATF_REQUIRE_EQ(rows_add(&rows, &row), 0);
	row = row_of(2, 2, 50, 0); /* new */
	ATF_REQUIRE_EQ(rows_add(&rows, &row), 0);
	row = row_of(3, 3, 50, 0); /* counts from 0 again */
	ATF_REQUIRE_EQ(rows_add(&rows, &row), 0);
	rows_rate(&rows, &before, 1, 2);
	ATF_CHECK_EQ(rows.row[0].byte_rate[0], 100);
	ATF_CHECK_EQ(rows.row[0].packet_rate[1], 50);
	ATF_CHECK_EQ(rows.row[1].byte_rate[0], 25);
	ATF_CHECK_EQ(rows.row[2].byte_rate[0], 0);
	/* What may have been there all the time has no rate. */
	rows.row[1].byte_rate[0] = 0;
	rows_rate(&rows, &before, 0, 2);
	ATF_CHECK_EQ(rows.row[0].byte_rate[0], 100);
	ATF_CHECK_EQ(rows.row[1].byte_rate[0], 0);
	rows_free(&before);
	rows_free(&rows);
}

CASE(bounded)
{
	const struct row row = row_of(1, 1, 1, 1);
	size_t i;

	rows_free(&rows);
	for (i = 0; i < ROWS_MAX; i++)
		ATF_REQUIRE_EQ(rows_add(&rows, &row), 0);
	ATF_CHECK_EQ(rows_add(&rows, &row), -1);
	ATF_CHECK_EQ(rows.count, ROWS_MAX);
	rows_free(&rows);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, good);
	ATF_TP_ADD_TC(tp, bad_fields);
	ATF_TP_ADD_TC(tp, bad_documents);
	ATF_TP_ADD_TC(tp, sorted);
	ATF_TP_ADD_TC(tp, filtered);
	ATF_TP_ADD_TC(tp, rates);
	ATF_TP_ADD_TC(tp, bounded);
	return (atf_no_error());
}
