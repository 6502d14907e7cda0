#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <atf-c.h>

/* Define a case and its body in one go; list it with ATF_TP_ADD_TC. */
#define CASE(name)                 \
	ATF_TC_WITHOUT_HEAD(name); \
	ATF_TC_BODY(name, tc)

#endif
