#include <arpa/inet.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/status.h"
#include "tests/unit/unit.h"

static void
check_age(int64_t age, const char *expected)
{
	char text[32];

	ATF_CHECK_STREQ(status_format_age(age, text, sizeof(text)), expected);
}

CASE(age)
{
	check_age(0, "0 s");
	check_age(59 * SECOND + 999 * MILLISECOND, "59 s");
	check_age(60 * SECOND, "1 min");
	check_age(3599 * SECOND, "59 min");
	check_age(3600 * SECOND, "1 h");
	check_age(47 * 3600 * SECOND, "1 d");
	check_age(INT64_MAX, "106751 d");
}

CASE(line)
{
	static struct totals totals;
	static struct keepers keepers;
	char text[320];

	keepers.count = 1;
	keepers.keeper[0].totals = &totals;
	keepers.outage.kind = OUTAGE_NONE;
	inet_pton(AF_INET6, "2001:db8::10", &keepers.upstream.address.sin6_addr);
	ATF_CHECK_STREQ(status_format(&keepers, 100 * SECOND, text, sizeof(text)),
	    "0 sessions, upstream 2001:db8::10, no reply yet");
	totals.upstream_last_reply = 98 * SECOND;
	keepers.keeper[0].store.count[SLOT_OPEN] = 3;
	ATF_CHECK_STREQ(status_format(&keepers, 100 * SECOND, text, sizeof(text)),
	    "3 sessions, upstream 2001:db8::10, last reply 2 s ago");
	keepers.keeper[0].store.count[SLOT_OPEN] = 1;
	keepers.outage.kind = OUTAGE_ROUTE;
	ATF_CHECK_STREQ(status_format(&keepers, 200 * SECOND, text, sizeof(text)),
	    "1 session, upstream 2001:db8::10 unreachable, last reply 1 min ago");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, age);
	ATF_TP_ADD_TC(tp, line);
	return (atf_no_error());
}
