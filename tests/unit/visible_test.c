#include <string.h>

#include "supervisor/visible.h"
#include "tests/unit/unit.h"

#define TEXT "a\033\377\n\177\303\251 b"

/* Whatever the room, it ends within, and is the beginning of what it would be with more. */
CASE(cut)
{
	char whole[VISIBLE_SIZE(sizeof(TEXT))], part[VISIBLE_SIZE(sizeof(TEXT)) + 1];
	size_t size;

	visible(whole, sizeof(whole), TEXT);
	ATF_CHECK_STREQ(whole, "a^[M^?\\n^?M-CM-) b");
	for (size = 1; size < sizeof(whole); size++) {
		memset(part, 'x', sizeof(part));
		ATF_CHECK_EQ(visible(part, size, TEXT), part);
		ATF_REQUIRE(memchr(part, '\0', size) != NULL);
		ATF_CHECK_EQ(part[size], 'x');
		ATF_CHECK_EQ(strncmp(part, whole, strlen(part)), 0);
		/* No more is missing than would not have fitted. */
		ATF_CHECK(strlen(part) == strlen(whole) || strlen(part) + 4 >= size - 1);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, cut);
	return (atf_no_error());
}
