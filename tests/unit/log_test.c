#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/log_writer.h"
#include "tests/unit/unit.h"

static struct log_record last;
static char line[LOG_LINE_MAX];

static void
keep(const struct log_record *record, void *arg)
{
	(void)arg;
	last = *record;
	last.time = INT64_C(1790000000123456789);
}

static const char *
format(enum log_format format)
{
	ATF_REQUIRE_EQ(log_record_check(&last), 0);
	line[log_record_format(&last, format, line)] = '\0';
	return (line);
}

#define TIME "2026-09-21T14:13:20.123Z"

CASE(both_formats)
{
	log_init(LOG_LEVEL_DEBUG, keep, NULL);
	log_info("listener started", "listener=%s port=%u on=%hhu ratio=%.3f n=%lld",
	    "192.0.2.1:51820", 7U, (unsigned char)1, 0.5, -3LL);
	ATF_CHECK_STREQ(format(LOG_FORMAT_TEXT),
	    "time=" TIME " level=INFO msg=\"listener started\" listener=192.0.2.1:51820 port=7 "
	    "on=true ratio=0.500 n=-3\n");
	ATF_CHECK_STREQ(format(LOG_FORMAT_JSON),
	    "{\"time\":\"" TIME "\",\"level\":\"INFO\",\"msg\":\"listener started\","
	    "\"listener\":\"192.0.2.1:51820\",\"port\":7,\"on\":true,\"ratio\":0.500,\"n\":-3}\n");
	ATF_CHECK_STREQ(format(LOG_FORMAT_JOURNAL),
	    "<6>listener started listener=192.0.2.1:51820 port=7 on=true ratio=0.500 n=-3\n");
}

CASE(escapes)
{
	log_init(LOG_LEVEL_DEBUG, keep, NULL);
	log_warn("x", "a=%s b=%s c=%s d=%s e=%s", "new\nline\x1b[2J", "quote\"back\\slash",
	    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xff\xc3(\xed\xa0\x80\xc0\xaf\xc2\x9b",
	    "");
	ATF_CHECK_STREQ(format(LOG_FORMAT_TEXT),
	    "time=" TIME " level=WARN msg=x a=\"new\\u000aline\\u001b[2J\" "
	    "b=\"quote\\\"back\\\\slash\" c=\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\" "
	    "d=\"\\ufffd\\ufffd(\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\" e=\"\"\n");
	ATF_CHECK(
	    strstr(format(LOG_FORMAT_JSON), "\"a\":\"new\\u000aline\\u001b[2J\"") != NULL);
	ATF_CHECK(strchr(line, '\x1b') == NULL);
	log_error("new\nline", "a=%s", "b=c");
	ATF_CHECK_STREQ(format(LOG_FORMAT_JOURNAL), "<3>\"new\\u000aline\" a=\"b=c\"\n");
	ATF_CHECK_EQ(strchr(line, '\n'), line + strlen(line) - 1);
}

CASE(every_byte)
{
	char value[2] = { 0 };
	const char *p;
	int c;

	log_init(LOG_LEVEL_DEBUG, keep, NULL);
	for (c = 1; c < 256; c++) {
		value[0] = (char)c;
		log_info("x", "a=%s", value);
		for (p = format(LOG_FORMAT_TEXT); p[1] != '\0'; p++)
			ATF_CHECK((unsigned char)*p >= ' ' && (unsigned char)*p < 0x7f);
	}
}

CASE(too_long)
{
	char value[2 * LOG_TEXT_MAX];

	log_init(LOG_LEVEL_DEBUG, keep, NULL);
	memset(value, 'x', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	/* Whole fields are left out, never half of one. */
	log_info("long", "a=%d b=%s c=%d", 1, value, 2);
	ATF_CHECK_STREQ(format(LOG_FORMAT_TEXT), "time=" TIME " level=INFO msg=long a=1 c=2\n");
	log_info(value, "a=%d", 1);
	ATF_CHECK(strstr(format(LOG_FORMAT_TEXT), " a=1\n") != NULL);
}

CASE(longest_line)
{
	char value[LOG_TEXT_MAX - 32];

	log_init(LOG_LEVEL_DEBUG, keep, NULL);
	memset(value, '\x01', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	log_info("x", "a=%s", value);
	ATF_CHECK(log_record_format(&last, LOG_FORMAT_JSON, line) < sizeof(line));
}

CASE(levels)
{
	log_init(LOG_LEVEL_WARN, keep, NULL);
	memset(&last, 0, sizeof(last));
	log_debug("a", "b=%d", 1);
	log_info("a", "b=%d", 1);
	ATF_CHECK_EQ(last.length, 0);
	ATF_CHECK(!log_enabled(LOG_LEVEL_INFO) && log_enabled(LOG_LEVEL_ERROR));
	errno = EDOM;
	log_error("a", "b=%d", 1);
	ATF_CHECK_EQ(errno, EDOM);
	ATF_CHECK_EQ(last.level, LOG_LEVEL_ERROR);
}

/* Records as a hostile child could make them. */
static int
check(uint8_t level, const char *text, uint16_t length)
{
	struct log_record record;

	memset(&record, 'z', sizeof(record));
	record.level = level;
	record.length = length;
	memcpy(record.text, text, length < LOG_TEXT_MAX ? length : 0);
	return (log_record_check(&record));
}

#define CHECK(level, text) check(level, text, sizeof(text))

CASE(hostile_records)
{
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg"), 0);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0sa\0x"), 0);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0na\0-0.25"), 0);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_MAX, "msg"), -1);
	ATF_CHECK_EQ(check(LOG_LEVEL_INFO, "msg", 3), -1);
	ATF_CHECK_EQ(check(LOG_LEVEL_INFO, "", 0), -1);
	ATF_CHECK_EQ(check(LOG_LEVEL_INFO, "", LOG_TEXT_MAX + 1), -1);
	ATF_CHECK_EQ(check(LOG_LEVEL_INFO, "", UINT16_MAX), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0sa"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0\0x"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0s\0x"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0xa\0x"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0sa b\0x"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0sa\"\0x"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0sA\0x"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO,
			 "msg\0na\0"
			 "1,\"b\":2"),
	    -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0na\0"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO,
			 "msg\0na\0"
			 "01"),
	    -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO,
			 "msg\0na\0"
			 "1."),
	    -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0na\0nan"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0ba\0yes"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0ba\0true"), 0);
	/* What the supervisor says. */
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0schild\0metrics"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0slevel\0INFO"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0smsg\0started"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0stime\0now"), -1);
	ATF_CHECK_EQ(CHECK(LOG_LEVEL_INFO, "msg\0schildren\0x"), 0);
}

CASE(passed_on)
{
	struct log_record record;
	char value[2 * LOG_TEXT_MAX];
	size_t n;

	log_init(LOG_LEVEL_INFO, keep, NULL);
	memset(value, 'x', sizeof(value));
	/* However long a record is, its end says whose it is. */
	for (n = 0; n < LOG_TEXT_MAX - 6; n++) {
		value[n] = '\0';
		log_info("x", "a=%s", value);
		value[n] = 'x';
		record = last;
		log_pass_on(&record, "relay-64");
		line[log_record_format(&last, LOG_FORMAT_TEXT, line)] = '\0';
		ATF_REQUIRE_STREQ(line + strlen(line) - 16, " child=relay-64\n");
	}
	record.level = LOG_LEVEL_DEBUG;
	last.length = 0;
	log_pass_on(&record, "relay");
	ATF_CHECK_EQ(last.length, 0);
}

CASE(times)
{
	log_init(LOG_LEVEL_DEBUG, keep, NULL);
	log_info("x", "a=%d", 1);
	last.time = INT64_MIN;
	ATF_CHECK(strncmp(format(LOG_FORMAT_TEXT), "time=1970-01-01T00:00:00.000Z ", 30) == 0);
	last.time = INT64_MAX;
	ATF_CHECK(strncmp(format(LOG_FORMAT_TEXT), "time=2262-04-11T23:47:16.854Z ", 30) == 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, both_formats);
	ATF_TP_ADD_TC(tp, escapes);
	ATF_TP_ADD_TC(tp, every_byte);
	ATF_TP_ADD_TC(tp, too_long);
	ATF_TP_ADD_TC(tp, longest_line);
	ATF_TP_ADD_TC(tp, levels);
	ATF_TP_ADD_TC(tp, hostile_records);
	ATF_TP_ADD_TC(tp, passed_on);
	ATF_TP_ADD_TC(tp, times);
	return (atf_no_error());
}
