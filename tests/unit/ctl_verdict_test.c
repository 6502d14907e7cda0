#include <string.h>

#include "common/clock.h"
#include "supervisor/ctl/reading.h"
#include "supervisor/ctl/row.h"
#include "supervisor/ctl/verdict.h"
#include "tests/unit/unit.h"

static struct reading r;
static struct verdict v;

static void
set(struct counts *counts, const char *name, double value)
{
	size_t i;

	for (i = 0; i < counts->count && strcmp(counts->of[i].name, name) != 0; i++)
		;
	strlcpy(counts->of[i].name, name, COUNTS_NAME_MAX);
	counts->of[i].value = value;
	if (i == counts->count)
		counts->count++;
}

/* A relay at rest, and a second between the readings. */
static void
begin(void)
{
	memset(&r, 0, sizeof(r));
	r.now.at = SECOND;
	r.now.capacity = 100;
	r.now.active = 10;
	r.now.last_reply = r.before.last_reply = 1000;
	strlcpy(r.now.upstream, "[2001:db8::1]:7000", sizeof(r.now.upstream));
	set(&r.now.up, "relay", 1);
}

static enum verdict_level
judge(void)
{
	const struct thresholds t = THRESHOLDS_DEFAULT;

	verdict_make(&v, &t, &r);
	ATF_CHECK((v.level == VERDICT_OK) == (v.text[0] == '\0'));
	return (v.level);
}

CASE(ok)
{
	begin();
	ATF_CHECK_EQ(judge(), VERDICT_OK);
}

CASE(relay)
{
	begin();
	set(&r.now.up, "relay-2", 0);
	ATF_CHECK_EQ(judge(), VERDICT_CRITICAL);
	ATF_CHECK(strstr(v.text, "1 of 2 relays") != NULL);
}

CASE(sessions)
{
	static const struct {
		double active;
		enum verdict_level level;
	} cases[] = { { 79, VERDICT_OK }, { 80, VERDICT_WARNING }, { 94, VERDICT_WARNING },
		{ 95, VERDICT_CRITICAL }, { 100, VERDICT_CRITICAL } };
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin();
		r.now.active = cases[i].active;
		ATF_CHECK_EQ_MSG(judge(), cases[i].level, "%g", cases[i].active);
	}
}

/* A second apart; the reason that grew most is named. */
CASE(drops)
{
	struct thresholds t = THRESHOLDS_DEFAULT;

	begin();
	set(&r.before.drops, "oversize", 1000);
	set(&r.now.drops, "oversize", 1001);
	ATF_CHECK_EQ(judge(), VERDICT_OK);
	set(&r.now.drops, "rate_limited", 5);
	ATF_CHECK_EQ(judge(), VERDICT_WARNING);
	ATF_CHECK(strstr(v.text, "rate_limited") != NULL);
	t.drops[VERDICT_CRITICAL] = 5.5;
	verdict_make(&v, &t, &r);
	ATF_CHECK_EQ(v.level, VERDICT_CRITICAL);
	begin();
	set(&r.before.drops, "upstream_unreachable", 3);
	set(&r.now.drops, "upstream_unreachable", 3);
	ATF_CHECK_EQ(judge(), VERDICT_OK);
	set(&r.now.drops, "upstream_unreachable", 4);
	ATF_CHECK_EQ(judge(), VERDICT_CRITICAL);
	ATF_CHECK(strstr(v.text, "no route") != NULL);
}

/* Silent for `silence` seconds, with one more sign that clients want something. */
static enum verdict_level
silent(double silence, double trying, double datagrams, double errors)
{
	begin();
	r.silence = silence;
	r.asking.known = 1;
	r.asking.trying = trying;
	r.now.datagrams[CLIENT_TO_UPSTREAM] = datagrams;
	set(&r.now.errors, "upstream_read", errors);
	return (judge());
}

CASE(silence)
{
	struct thresholds t = THRESHOLDS_DEFAULT;

	ATF_CHECK_EQ(silent(29, 29, 100, 100), VERDICT_OK);
	ATF_CHECK_EQ(silent(30, 30, 0, 0), VERDICT_CRITICAL);
	ATF_CHECK_EQ(silent(30, 0, 1, 0), VERDICT_CRITICAL);
	ATF_CHECK_EQ(silent(30, 0, 0, 1), VERDICT_CRITICAL);
	/* Keepalives of an idle tunnel. */
	ATF_CHECK_EQ(silent(150, 0, 0, 0), VERDICT_OK);
	ATF_CHECK_EQ(silent(180, 0, 0, 0), VERDICT_CRITICAL);
	ATF_CHECK(strstr(v.text, "[2001:db8::1]:7000 has answered nobody for 3 min") != NULL);
	t.silence = 0;
	verdict_make(&v, &t, &r);
	ATF_CHECK_EQ(v.level, VERDICT_OK);
}

static struct row
client(int64_t created, int64_t last, uint64_t answers)
{
	struct row row = { .created = created * SECOND };

	row.last[CLIENT_TO_UPSTREAM] = last * SECOND;
	row.packets[UPSTREAM_TO_CLIENT] = answers;
	return (row);
}

/* What sessions tell, against the last reply. */
CASE(asked)
{
	struct row rows[] = { client(900, 1040, 5), client(1010, 1030, 0),
		client(1020, 1025, 0) };
	size_t i;

	begin();
	reading_conclude(&r);
	ATF_CHECK_EQ(r.silence, 0);
	for (i = 0; i < 3; i++)
		reading_add(&r, &rows[i]);
	reading_conclude(&r);
	ATF_CHECK_EQ(r.silence, 40);
	ATF_CHECK_EQ(r.asking.trying, 20);
	/* Answered: by the clock's grain before the question. */
	r.now.last_reply = 1039.99;
	reading_conclude(&r);
	ATF_CHECK_EQ(r.silence, 0);
	/* Never a reply. */
	r.now.last_reply = 0;
	reading_conclude(&r);
	ATF_CHECK_EQ(r.silence, 20);
}

CASE(answered)
{
	begin();
	ATF_CHECK(!reading_is_answered(&r));
	r.now.datagrams[UPSTREAM_TO_CLIENT] = 1;
	ATF_CHECK(reading_is_answered(&r));
	begin();
	r.now.last_reply = 1001;
	ATF_CHECK(reading_is_answered(&r));
	begin();
	r.now.active = 0;
	ATF_CHECK(reading_is_answered(&r));
}

/* The worst counts, all are said, and however much there is it ends within. */
CASE(several)
{
	begin();
	set(&r.now.up, "relay", 0);
	set(&r.now.drops, "oversize", 100);
	r.now.active = 100;
	memset(r.now.upstream, 'x', sizeof(r.now.upstream) - 1);
	r.silence = 1000;
	ATF_CHECK_EQ(judge(), VERDICT_CRITICAL);
	ATF_CHECK(strstr(v.text, "relays") != NULL &&
	    strstr(v.text, "answered nobody") != NULL &&
	    strstr(v.text, "sessions are open") != NULL);
	ATF_CHECK(memchr(v.text, '\0', sizeof(v.text)) != NULL);
}

/* A program that began anew counts from 0. */
CASE(rates)
{
	begin();
	r.now.at = 2 * SECOND;
	ATF_CHECK_EQ(numbers_rate(&r.before, &r.now, 10, 30), 10);
	ATF_CHECK_EQ(numbers_rate(&r.before, &r.now, 30, 10), 5);
	r.now.at = r.before.at;
	ATF_CHECK_EQ(numbers_rate(&r.before, &r.now, 10, 30), 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, ok);
	ATF_TP_ADD_TC(tp, relay);
	ATF_TP_ADD_TC(tp, sessions);
	ATF_TP_ADD_TC(tp, drops);
	ATF_TP_ADD_TC(tp, silence);
	ATF_TP_ADD_TC(tp, asked);
	ATF_TP_ADD_TC(tp, answered);
	ATF_TP_ADD_TC(tp, several);
	ATF_TP_ADD_TC(tp, rates);
	return (atf_no_error());
}
