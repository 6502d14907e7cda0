#include <stdlib.h>
#include <string.h>

#include "supervisor/config_file.h"
#include "tests/unit/unit.h"

static struct config_file file;

/* The text in memory of just its size, so that a sanitizer sees who goes beyond. */
static int
parse(const char *text, size_t length)
{
	char *copy = malloc(length + 1);

	config_file_free(&file);
	ATF_REQUIRE(copy != NULL);
	memcpy(copy, text, length);
	return (config_file_parse(&file, copy, length));
}

#define PARSE(text) parse(text, sizeof(text) - 1)

static void
check_line(uint32_t i, const char *name, const char *value, uint32_t number)
{
	const struct config_line *line = &file.line[i];

	ATF_REQUIRE(i < file.count);
	ATF_CHECK_STREQ(line->name, name);
	if (value == NULL)
		ATF_CHECK(line->value == NULL);
	else
		ATF_CHECK_STREQ(line->value, value);
	ATF_CHECK_EQ(line->number, number);
}

CASE(lines)
{
	ATF_REQUIRE_EQ(PARSE("# a comment\n"
			     "\n"
			     "user nobody\n"
			     "  \tuser\t \tnobody # one of them\n"
			     "#user games\n"
			     "user no#body\n"
			     "   \t\n"
			     "user # nobody\n"
			     "user #\n"
			     "user\t\n"
			     "user"),
	    0);
	ATF_REQUIRE_EQ(file.count, 7);
	check_line(0, "user", "nobody", 3);
	check_line(1, "user", "nobody", 4);
	check_line(2, "user", "no#body", 6);
	check_line(3, "user", NULL, 8);
	check_line(4, "user", NULL, 9);
	check_line(5, "user", NULL, 10);
	check_line(6, "user", NULL, 11);
	ATF_REQUIRE_EQ(PARSE(""), 0);
	ATF_REQUIRE_EQ(PARSE("\n\n"), 0);
	ATF_CHECK_EQ(file.count, 0);
	config_file_free(&file);
}

CASE(quotes)
{
	ATF_REQUIRE_EQ(PARSE("a \"\"\n"
			     "a \" b # c \"\t# d\n"
			     "a \"\\\\\\\"\\001\\377\\1011\"\n"
			     "a \\n\n"
			     "a 'b'\n"
			     "\"a\" b"),
	    0);
	ATF_REQUIRE_EQ(file.count, 6);
	check_line(0, "a", "", 1);
	check_line(1, "a", " b # c ", 2);
	check_line(2, "a", "\\\"\001\377A1", 3);
	check_line(3, "a", "\\n", 4);
	check_line(4, "a", "'b'", 5);
	check_line(5, "\"a\"", "b", 6);
	config_file_free(&file);
}

/* What is wrong with the third line. */
static void
check_wrong(const char *line, size_t length, const char *error)
{
	char text[CONFIG_LINE_MAX + 64] = "user nobody\n\n";
	size_t n = strlen(text);

	memcpy(text + n, line, length);
	ATF_REQUIRE_EQ(parse(text, n + length), -1);
	ATF_CHECK_EQ(file.number, 3);
	ATF_REQUIRE_MSG(strstr(file.error, error) != NULL, "%s", file.error);
	ATF_REQUIRE_MSG(strstr(file.error, "want ") != NULL, "%s", file.error);
	config_file_free(&file);
}

#define WRONG(line, error) check_wrong(line, sizeof(line) - 1, error)

CASE(wrong)
{
	char longest[CONFIG_LINE_MAX + 2];

	WRONG("a b c\n", "'c' is too much");
	WRONG("a b\tc # d\n", "'c # d' is too much");
	WRONG("a \"b\" \"c\"", "'\"c\"' is too much");
	WRONG("a = b\n", "has a '=': want a blank alone after a");
	WRONG("a \"", "without its end");
	WRONG("a \"b", "without its end");
	WRONG("a \"b\n\"", "without its end");
	WRONG("a \"b\\\"", "without its end");
	WRONG("a \"b\\", "means nothing");
	WRONG("a \"b\\1", "means nothing");
	WRONG("a \"b\\12", "means nothing");
	WRONG("a \"b\\12\"", "means nothing");
	WRONG("a \"b\\18\"", "means nothing");
	WRONG("a \"b\\000\"", "means nothing");
	WRONG("a \"b\\400\"", "means nothing");
	WRONG("a \"b\\x41\"", "means nothing");
	WRONG("a \"b\"#", "within a word");
	WRONG("a \"b\"c", "within a word");
	WRONG("a b\"c\"", "within a word");
	WRONG("a b\r\n", "a carriage return");
	WRONG("\r", "a carriage return");
	WRONG("a b\rc\n", "a control character");
	WRONG("a b\0", "a control character");
	WRONG("#\0\n", "a control character");
	WRONG("a\177b", "a control character");
	memset(longest, '#', sizeof(longest));
	check_wrong(longest, CONFIG_LINE_MAX + 1, "too long");
	longest[CONFIG_LINE_MAX + 1] = '\n';
	check_wrong(longest, CONFIG_LINE_MAX + 2, "too long");
	ATF_CHECK_EQ(parse(longest, CONFIG_LINE_MAX), 0);
	config_file_free(&file);
}

/* Of a program that thinks that text begins so. */
CASE(mark)
{
	ATF_CHECK_EQ(PARSE("\xef\xbb\xbfuser nobody\n"), -1);
	ATF_CHECK_EQ(file.number, 1);
	ATF_CHECK_STREQ(file.error, "begins with a byte order mark: want text without one");
	ATF_CHECK_EQ(PARSE("\xef\xbb"), 0);
	config_file_free(&file);
}

/* What is printed of a value is read as that value. */
static void
check_printed(const char *value, const char *expected)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	ATF_REQUIRE(out != NULL);
	fputs("a ", out);
	config_file_print_value(out, value);
	fclose(out);
	if (expected != NULL)
		ATF_CHECK_STREQ(text + 2, expected);
	ATF_REQUIRE_EQ_MSG(parse(text, length), 0, "%s: %s", text, file.error);
	ATF_REQUIRE_EQ(file.count, 1);
	check_line(0, "a", value, 1);
	free(text);
	config_file_free(&file);
}

CASE(printed)
{
	char value[4] = "";
	int first, second;

	check_printed("", "\"\"");
	check_printed("a\\b#", "a\\b#");
	check_printed("#", "\"#\"");
	check_printed("a b", "\"a b\"");
	check_printed("\"\\", "\"\\\"\\\\\"");
	check_printed("\303\2441", "\"\\303\\2441\"");
	for (first = 1; first < 256; first++)
		for (second = 0; second < 256; second++) {
			value[0] = (char)first;
			value[1] = (char)second;
			check_printed(value, NULL);
		}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, lines);
	ATF_TP_ADD_TC(tp, quotes);
	ATF_TP_ADD_TC(tp, wrong);
	ATF_TP_ADD_TC(tp, mark);
	ATF_TP_ADD_TC(tp, printed);
	return (atf_no_error());
}
