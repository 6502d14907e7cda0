#include <stdio.h>
#include <string.h>

#include "supervisor/source_file.h"
#include "supervisor/source_list.h"
#include "tests/unit/unit.h"

static struct source_list list;
static struct source_file file;

/* Read a text in pieces of so many bytes. */
static int
take(const char *text, size_t length, size_t piece)
{
	size_t n;

	source_list_free(&list);
	file = (struct source_file){ .list = &list };
	for (; length > 0; text += n, length -= n) {
		n = length < piece ? length : piece;
		if (source_file_take(&file, text, n) == -1)
			return (-1);
	}
	return (source_file_end(&file));
}

CASE(lines)
{
	static const char text[] = "# a comment\n"
				   "\n"
				   "allow 192.0.2.0/24\n"
				   "  \tdeny\t 198.51.100.7 # one of them\r\n"
				   "#deny 0.0.0.0/0\n"
				   "deny 10.0.0.0/8#\n"
				   "   \t\r\n"
				   "allow 0.0.0.0/0";
	size_t piece;

	for (piece = 1; piece < sizeof(text); piece++) {
		ATF_REQUIRE_EQ(take(text, sizeof(text) - 1, piece), 0);
		ATF_REQUIRE_EQ(list.count, 4);
		ATF_CHECK(list.prefix[0].address == 0xc0000200 && list.prefix[0].length == 24 &&
		    list.prefix[0].allow && list.prefix[0].line == 3);
		ATF_CHECK(list.prefix[1].address == 0xc6336407 && list.prefix[1].length == 32 &&
		    !list.prefix[1].allow && list.prefix[1].line == 4);
		ATF_CHECK(list.prefix[2].line == 6 && !list.prefix[2].allow);
		ATF_CHECK(list.prefix[3].line == 8 && list.prefix[3].length == 0);
	}
	ATF_REQUIRE_EQ(take("", 0, 1), 0);
	ATF_REQUIRE_EQ(take("\n\n\n", 3, 1), 0);
	ATF_CHECK_EQ(list.count, 0);
	source_list_free(&list);
}

/* What is wrong with the third line. */
static void
check_wrong(const char *line, size_t length, const char *error)
{
	char text[1024];
	size_t n = (size_t)snprintf(text, sizeof(text), "allow 192.0.2.0/24\n\n"), piece;

	memcpy(text + n, line, length);
	for (piece = 1; piece < 400; piece += 7) {
		ATF_REQUIRE_EQ(take(text, n + length, piece), -1);
		ATF_CHECK_EQ(file.line, 3);
		ATF_REQUIRE_MSG(strstr(file.error, error) != NULL, "%s", file.error);
		ATF_REQUIRE_MSG(strstr(file.error, "want ") != NULL, "%s", file.error);
	}
	source_list_free(&list);
}

#define WRONG(line, error) check_wrong(line, sizeof(line) - 1, error)

CASE(wrong)
{
	char longest[SOURCE_LINE_MAX + 2];

	WRONG("permit 10.0.0.0/8\n", "'permit' is unknown");
	WRONG("Allow 10.0.0.0/8\n", "'Allow' is unknown");
	WRONG("10.0.0.0/8\n", "'10.0.0.0/8' is unknown");
	WRONG("allow10.0.0.0/8", "is unknown");
	WRONG("allow\n", "'allow' has no prefix");
	WRONG("deny # 10.0.0.0/8\n", "'deny' has no prefix");
	WRONG("deny 10.0.0.1/8\n", "'10.0.0.1/8' has host bits, 10.0.0.0/8 has none");
	WRONG("deny 10.0.0.0/8 10.0.0.0/8", "'10.0.0.0/8' is too much");
	WRONG("deny 2001:db8::/32\n", "'2001:db8::/32' is no IPv4 prefix");
	WRONG("\xef\xbb\xbf"
	      "allow 10.0.0.0/8\n",
	    "'M-oM-;M-?allow' is unknown");
	WRONG("deny 10.0.0.0/8\0\n", "NUL");
	WRONG("deny 10.0.0.0/8\v\n", "has no length");
	WRONG("deny \033[2J\n", "'^[[2J' is no IPv4 prefix");
	/* A comment may not be endless, either. */
	memset(longest, '#', sizeof(longest));
	check_wrong(longest, SOURCE_LINE_MAX + 1, "is too long");
	longest[SOURCE_LINE_MAX] = '\n';
	ATF_CHECK_EQ(take(longest, SOURCE_LINE_MAX + 1, 1), 0);
	source_list_free(&list);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, lines);
	ATF_TP_ADD_TC(tp, wrong);
	return (atf_no_error());
}
