#include <string.h>

#include "common/clock.h"
#include "supervisor/ctl/reading.h"
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

CASE(silence)
{
	struct thresholds t = THRESHOLDS_DEFAULT;

	begin();
	r.silence = 29;
	ATF_CHECK_EQ(judge(), VERDICT_OK);
	r.silence = 180;
	ATF_CHECK_EQ(judge(), VERDICT_CRITICAL);
	ATF_CHECK(strstr(v.text,
		      "[2001:db8::1]:7000 has answered nobody for 3 min: is it up") != NULL);
	set(&r.now.errors, "upstream_read", 1);
	ATF_CHECK_EQ(judge(), VERDICT_CRITICAL);
	ATF_CHECK(strstr(v.text, "for 3 min and refuses") != NULL);
	t.silence = 0;
	verdict_make(&v, &t, &r);
	ATF_CHECK_EQ(v.level, VERDICT_OK);
}

/* What udp46 says of it, by a clock that may be another one's. */
CASE(silent_since)
{
	begin();
	ATF_CHECK_EQ(reading_silence(&r.now, 2000 * SECOND), 0);
	r.now.silent_since = 1000;
	ATF_CHECK_EQ(reading_silence(&r.now, 1062 * SECOND), 62);
	ATF_CHECK_EQ(reading_silence(&r.now, 900 * SECOND), 30);
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
	ATF_TP_ADD_TC(tp, silent_since);
	ATF_TP_ADD_TC(tp, several);
	ATF_TP_ADD_TC(tp, rates);
	return (atf_no_error());
}
