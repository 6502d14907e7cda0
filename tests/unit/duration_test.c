#include <string.h>

#include "common/clock.h"
#include "common/duration.h"
#include "tests/unit/unit.h"

static const struct {
	const char *text;
	int64_t ns;
} good[] = {
	{ "0", 0 },
	{ "0s", 0 },
	{ "180s", 180 * SECOND },
	{ "3m", 180 * SECOND },
	{ "500ms", 500 * MILLISECOND },
	{ "1h30m", 5400 * SECOND },
	{ "1.5s", 1500 * MILLISECOND },
	{ ".5s", 500 * MILLISECOND },
	{ "1.s", SECOND },
	{ "2h1m3.25s", 7263 * SECOND + 250 * MILLISECOND },
	{ "10us", 10 * MICROSECOND },
	{ "10\xc2\xb5s", 10 * MICROSECOND },
	{ "10\xce\xbcs", 10 * MICROSECOND },
	{ "7ns", 7 },
	{ "0.000000001s", 1 },
	{ "1.00000000000000000000000001s", SECOND },
	{ "2562047h", INT64_C(2562047) * 3600 * SECOND },
};

CASE(parse_good)
{
	int64_t ns;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ATF_CHECK_MSG(duration_parse(good[i].text, &ns) == NULL, "%s", good[i].text);
		ATF_CHECK_EQ_MSG(ns, good[i].ns, "%s", good[i].text);
	}
}

CASE(parse_bad)
{
	static const char *const bad[][2] = {
		{ "", "is empty" },
		{ "180", "has no unit" },
		{ "1h30", "has no unit" },
		{ "-5s", "has a sign" },
		{ "+5s", "has a sign" },
		{ "s", "is not a duration" },
		{ ".s", "is not a duration" },
		{ "5 s", "has an unknown unit" },
		{ "5d", "has an unknown unit" },
		{ " 5s", "is not a duration" },
		{ "5s ", "is not a duration" },
		{ "99999999999999999999s", "is too long" },
		{ "2562048h", "is too long" },
		{ "2562047h1000000h", "is too long" },
	};
	const char *error;
	int64_t ns;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error = duration_parse(bad[i][0], &ns);
		ATF_REQUIRE_MSG(error != NULL, "'%s' was taken", bad[i][0]);
		ATF_CHECK_STREQ_MSG(error, bad[i][1], "'%s'", bad[i][0]);
	}
}

CASE(format)
{
	static const struct {
		int64_t ns;
		const char *text;
	} table[] = {
		{ 0, "0s" },
		{ 180 * SECOND, "3m" },
		{ 5400 * SECOND, "1h30m" },
		{ 1500 * MILLISECOND, "1.5s" },
		{ 100 * MILLISECOND, "100ms" },
		{ 1500 * MICROSECOND, "1.5ms" },
		{ 1001, "1.001us" },
		{ 9, "9ns" },
		{ 60 * SECOND + 1, "1m1ns" },
	};
	char text[DURATION_STRLEN];
	int64_t back;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		ATF_CHECK_STREQ(
		    duration_format(table[i].ns, text, sizeof(text)), table[i].text);
		ATF_CHECK(duration_parse(text, &back) == NULL);
		ATF_CHECK_EQ(back, table[i].ns);
	}
	/* The longest there is, and a room too small. */
	duration_format(INT64_MAX, text, sizeof(text));
	ATF_CHECK(duration_parse(text, &back) == NULL && back == INT64_MAX);
	ATF_CHECK(strlen(duration_format(INT64_MAX, text, 8)) < 8);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, parse_good);
	ATF_TP_ADD_TC(tp, parse_bad);
	ATF_TP_ADD_TC(tp, format);
	return (atf_no_error());
}
