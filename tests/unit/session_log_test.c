#include <arpa/inet.h>
#include <string.h>

#include "common/log.h"
#include "relay/relay.h"
#include "relay/session_log.h"
#include "supervisor/log_writer.h"
#include "tests/unit/unit.h"

/* A line in which journalctl(1) puts time, host and program before what we say. */
#define COLUMNS 100
#define BEFORE strlen("Nov 27 18:03:50 relay udp46[1234]: ")

static struct totals totals;
static struct listener listener = { .name = "203.0.113.100:51820" };
static struct upstream_socket socket_of_it = { .port = 54321 };
static struct session_line counters;
static struct session session = { .key = { .client_port = 0 }, .state = SESSION_ASSURED };
static struct relay relay = { .listener = &listener,
	.sockets = &socket_of_it,
	.totals = &totals,
	.table = { .lines = &counters } };
static unsigned int records;
static char line[LOG_LINE_MAX];

static void
keep(const struct log_record *record, void *arg)
{
	size_t n = log_record_format(record, *(enum log_format *)arg, line);

	line[n - 1] = '\0';
	records++;
}

static void
begin(enum log_level level, enum log_format format)
{
	static enum log_format chosen;

	chosen = format;
	log_init(level, keep, &chosen);
	inet_pton(AF_INET, "198.51.100.200", &session.key.client_address);
	session.key.client_port = htons(51820);
	session.id = 0x0123456789abcdef;
	session.opened = SECOND;
	counters.counters = (struct session_counters){ .packets = { 184501, 305112 },
		.bytes = { 18450144, 401512345 } };
	relay.config.workers = 1;
	relay.now = 3601 * SECOND + 123 * MILLISECOND;
	relay.log.since = relay.now;
	relay.log.written = relay.log.held = 0;
	totals.log_records_suppressed = 0;
	records = 0;
}

/* So many sessions come and go at once. */
static void
live(unsigned int n)
{
	for (; n > 0; n--) {
		session_log_created(&relay, &session);
		session_log_closed(&relay, &session, CLOSE_IDLE_TIMEOUT);
	}
}

CASE(one_line_a_session)
{
	begin(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	session_log_created(&relay, &session);
	ATF_CHECK_EQ(records, 0);
	live(1);
	ATF_CHECK_EQ(records, 1);
	ATF_CHECK_STREQ(strstr(line, "msg="),
	    "msg=\"session closed\" session_id=0123456789abcdef "
	    "client_address=198.51.100.200 client_port=51820 reason=idle_timeout "
	    "state=assured duration=3600.123 client_to_upstream_packets=184501 "
	    "client_to_upstream_bytes=18450144 upstream_to_client_packets=305112 "
	    "upstream_to_client_bytes=401512345 upstream_local_port=54321 "
	    "listener=203.0.113.100:51820");
	begin(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
	live(1);
	ATF_CHECK_EQ(records, 2);
}

/* What is at the beginning of the line is seen without scrolling; all of it is two lines. */
CASE(journal)
{
	begin(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
	live(1);
	ATF_CHECK_STREQ(line,
	    "<6>session closed client=198.51.100.200:51820 reason=idle_timeout state=assured "
	    "duration=3600.123 up=184501/18450144 down=305112/401512345 port=54321 "
	    "listener=203.0.113.100:51820");
	ATF_CHECK(strstr(line, " state=") - line <= (long)(COLUMNS - BEFORE));
	ATF_CHECK(strlen(line) <= 2 * COLUMNS - strlen(" child=relay"));
}

/* How many of 150 sessions' records are written at this level, and how many are held back. */
static void
check_limit(enum log_level level, unsigned int written, unsigned int held)
{
	begin(level, LOG_FORMAT_TEXT);
	live(150);
	ATF_CHECK_EQ(records, written);
	ATF_CHECK_EQ(totals.log_records_suppressed, held);
}

/* The limit is one for both levels; what nobody would have seen is not held back. */
CASE(held_back)
{
	check_limit(LOG_LEVEL_INFO, 100, 50);
	session_log_summary(&relay, 1);
	ATF_CHECK_STREQ(strstr(line, "msg="), "msg=\"session records suppressed\" count=50");
	check_limit(LOG_LEVEL_DEBUG, 100, 200);
	session_log_summary(&relay, 1);
	ATF_CHECK_STREQ(strstr(line, "msg="), "msg=\"session records suppressed\" count=200");
	check_limit(LOG_LEVEL_WARN, 0, 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, one_line_a_session);
	ATF_TP_ADD_TC(tp, journal);
	ATF_TP_ADD_TC(tp, held_back);
	return (atf_no_error());
}
