#include <math.h>
#include <string.h>

#include "supervisor/ctl/remedy.h"
#include "supervisor/ctl/units.h"
#include "common/totals.h"
#include "tests/unit/unit.h"

#define CHECK_AS(function, number, expected) \
	ATF_CHECK_STREQ_MSG(function(text, number), expected, "%s", text)

CASE(written)
{
	char text[UNITS_SIZE];

	CHECK_AS(units_short, 0, "0");
	CHECK_AS(units_short, -1, "0");
	CHECK_AS(units_short, (double)NAN, "0");
	CHECK_AS(units_short, 0.25, "0.2");
	CHECK_AS(units_short, 12.3, "12");
	CHECK_AS(units_short, 9999, "9999");
	CHECK_AS(units_short, 10000, "10.0k");
	CHECK_AS(units_short, 123456, "123k");
	CHECK_AS(units_short, 999999, "1.00M");
	CHECK_AS(units_short, 1.5e9, "1.50G");
	CHECK_AS(units_exact, 26000, "26000");
	CHECK_AS(units_exact, 9007199254740992.0, "9.0072e+15");
	CHECK_AS(units_age, -5, "0s");
	CHECK_AS(units_age, 59.9, "59s");
	CHECK_AS(units_age, 60, "1m");
	CHECK_AS(units_age, 86399, "23h");
	CHECK_AS(units_age, 86400.0 * 999, "999d");
	CHECK_AS(units_age, 86400.0 * 1000, "2y");
	CHECK_AS(units_long, 0.26, "0.2 s");
	CHECK_AS(units_long, 62, "1 min 2 s");
	CHECK_AS(units_long, 59, "59 s");
	CHECK_AS(units_long, 86400 * 3 + 3600 * 4 + 5, "3 d 4 h");
	CHECK_AS(units_long, 7200, "2 h");
}

/* Whatever the number, it fits its column. */
CASE(widths)
{
	char text[UNITS_SIZE];
	double number;

	for (number = 1e-9; number < 1e25; number *= 1.0009765) {
		ATF_REQUIRE_MSG(strlen(units_short(text, number)) <= 5, "%g: %s", number, text);
		ATF_REQUIRE_MSG(strlen(units_age(text, number)) <= 4, "%g: %s", number, text);
		ATF_REQUIRE(strlen(units_long(text, number)) < UNITS_SIZE);
		ATF_REQUIRE(strlen(units_exact(text, number)) < UNITS_SIZE);
	}
	units_short(text, (double)INFINITY);
	units_age(text, (double)INFINITY);
	units_long(text, (double)INFINITY);
}

/* Every reason has its remedy. */
CASE(remedies)
{
	size_t i;

	for (i = 0; i < DROP_REASON_MAX; i++)
		ATF_CHECK(remedy_of(drop_reason_names[i]) != NULL);
	for (i = 0; i < DIRECTION_MAX; i++)
		ATF_CHECK(remedy_of(remedy_queue_names[i]) != NULL);
	ATF_CHECK_EQ(remedy_of("unheard_of"), NULL);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, written);
	ATF_TP_ADD_TC(tp, widths);
	ATF_TP_ADD_TC(tp, remedies);
	return (atf_no_error());
}
