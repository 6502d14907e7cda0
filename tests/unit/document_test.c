/*
 * Documents, with the test as the relay: what is asked in which order, and that no relay can
 * make a list endless or have anything shown that it did not tell.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/metrics/document.h"
#include "tests/unit/unit.h"

#define LISTENERS (2 * MSG_LISTENERS_MAX + 3)

static struct sources sources;
static struct msg_listener addresses[LISTENERS];
static struct listener_totals told[LISTENERS];
static struct msg msg;
static int relay;

static void
begin(uint32_t listeners)
{
	uint32_t i;
	int pair[2];

	memset(&sources, 0, sizeof(sources));
	sources.now = SECOND;
	sources.config.listeners = listeners;
	sources.config.workers = 1;
	sources.listener = addresses;
	for (i = 0; i < LISTENERS; i++) {
		addresses[i].address = htonl(0xc0000201);
		addresses[i].port = htons((uint16_t)(5000 + i));
		told[i].datagrams[0] = i + 1;
	}
	ATF_REQUIRE((sources.relay[0].totals = calloc(1, totals_size(listeners, 0))) != NULL);
	process_init(&sources.supervisor);
	process_init(&sources.metrics);
	process_init(&sources.relay[0].process);
	link_init(&sources.relay[0].link);
	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	link_replace(&sources.relay[0].link, pair[0]);
	relay = pair[1];
}

static struct document *
ask(enum document_kind kind)
{
	struct sessions_query query;
	struct document *d;

	sessions_query_init(&query);
	ATF_REQUIRE((d = document_new(kind, &sources, &query, NULL, NULL)) != NULL);
	return (d);
}

/* Take the question that must have come; returns the place that it is about. */
static uint32_t
asked(enum msg_type type)
{
	const struct msg_ask *question = (const void *)msg.payload;

	ATF_REQUIRE_EQ(msg_receive(relay, FROM_METRICS, &msg), 1);
	ATF_REQUIRE_EQ(msg.type, type);
	return (question->from);
}

static int
is_asked(void)
{
	return (msg_receive(relay, FROM_METRICS, &msg) == 1);
}

static void
answer(enum msg_type type, const void *payload, uint32_t count, uint32_t next)
{
	struct msg_answer_end last = { next };

	if (count > 0)
		ATF_REQUIRE_EQ(msg_send(relay, type, payload, count, NULL, 0), 0);
	ATF_REQUIRE_EQ(msg_send(relay, MSG_ANSWER_END, &last, 1, NULL, 0), 0);
	link_turn(&sources.relay[0].link);
}

static void
answer_totals(void)
{
	static _Alignas(8) unsigned char totals[sizeof(struct totals)];

	asked(MSG_ASK_TOTALS);
	answer(MSG_ANSWER_TOTALS, totals, 1, LINK_ALL);
}

static void
answer_listeners(uint32_t from, uint32_t count, uint32_t next)
{
	ATF_CHECK_EQ(asked(MSG_ASK_LISTENERS), from);
	answer(MSG_ANSWER_LISTENERS, &told[from], count, next);
}

/* All of the document; and the longest piece, which is what is held of it at once. */
static size_t
read_all(struct document *d, char **all, size_t *longest)
{
	static char piece[1 << 20];
	size_t size = 0;
	ssize_t n;

	*all = NULL;
	*longest = 0;
	while ((n = document_read(d, piece, sizeof(piece))) > 0) {
		ATF_REQUIRE((*all = realloc(*all, size + (size_t)n + 1)) != NULL);
		memcpy(*all + size, piece, (size_t)n);
		size += (size_t)n;
		(*all)[size] = '\0';
		if ((size_t)n > *longest)
			*longest = (size_t)n;
	}
	ATF_REQUIRE_EQ(n, -1);
	return (size);
}

CASE(listeners)
{
	struct document *d;
	char line[128], *all;
	size_t longest, size;
	uint32_t i;

	begin(LISTENERS);
	d = ask(DOCUMENT_METRICS);
	answer_totals();
	answer_listeners(0, MSG_LISTENERS_MAX, MSG_LISTENERS_MAX);
	answer_listeners(MSG_LISTENERS_MAX, MSG_LISTENERS_MAX, 2 * MSG_LISTENERS_MAX);
	ATF_CHECK(!d->answered);
	answer_listeners(2 * MSG_LISTENERS_MAX, 3, LINK_ALL);
	ATF_CHECK(d->answered && d->up && !is_asked());
	size = read_all(d, &all, &longest);
	for (i = 0; i < LISTENERS; i++) {
		snprintf(line, sizeof(line),
		    "\nudp46_datagrams_total{listener=\"192.0.2.1:%u\","
		    "direction=\"client_to_upstream\"} %u\n",
		    5000 + i, i + 1);
		ATF_CHECK_MSG(strstr(all, line) != NULL, "%s", line);
	}
	/* Each family once, though it takes several pieces. */
	ATF_CHECK(strstr(strstr(all, "# TYPE udp46_drops_total ") + 1,
		      "# TYPE udp46_drops_total ") == NULL);
	ATF_CHECK(strstr(all, "# TYPE udp46_receive_queue_drops_total ") != NULL);
	ATF_CHECK(strstr(all, "\nudp46_segment_offload_fallbacks_total 0\n") != NULL);
	ATF_CHECK_MSG(size > 300000 && longest < 65536, "size %zu longest %zu", size, longest);
	free(all);
	document_free(d);
}

CASE(totals_alone)
{
	struct document *d;

	/* Health needs no more, and neither do lists of sessions. */
	begin(LISTENERS);
	d = ask(DOCUMENT_HEALTH);
	answer_totals();
	ATF_CHECK(d->answered && d->up && !is_asked());
	document_free(d);
	d = ask(DOCUMENT_SESSIONS);
	answer_totals();
	ATF_CHECK(d->answered && d->up && !is_asked());
	document_free(d);
}

/* A relay that answers so to its first question about listeners is not believed. */
static void
check_refused(uint32_t listeners, uint32_t count, uint32_t next)
{
	struct document *d;
	char byte;

	begin(listeners);
	d = ask(DOCUMENT_METRICS);
	answer_totals();
	answer_listeners(0, count, next);
	ATF_CHECK_MSG(d->answered && !d->up && !is_asked(), "count %u next %u", count, next);
	/* Nothing was ever known of it. */
	ATF_CHECK_EQ(document_read(d, &byte, 1), -2);
	document_free(d);
	close(relay);
}

CASE(endless)
{
	/* Too few, none, too many; stays, goes back, goes on too far, or behind the last. */
	check_refused(LISTENERS, 1, 1);
	check_refused(LISTENERS, 0, MSG_LISTENERS_MAX);
	check_refused(3, 4, LINK_ALL);
	check_refused(LISTENERS, MSG_LISTENERS_MAX, 0);
	check_refused(LISTENERS, MSG_LISTENERS_MAX, 1);
	check_refused(LISTENERS, MSG_LISTENERS_MAX, 2 * MSG_LISTENERS_MAX);
	check_refused(LISTENERS, MSG_LISTENERS_MAX, LINK_ALL);
	check_refused(LISTENERS, MSG_LISTENERS_MAX, LINK_FAILED);
	check_refused(MSG_LISTENERS_MAX, MSG_LISTENERS_MAX, MSG_LISTENERS_MAX);
	check_refused(3, 3, 3);
}

CASE(no_totals)
{
	struct document *d;

	begin(3);
	d = ask(DOCUMENT_METRICS);
	asked(MSG_ASK_TOTALS);
	answer(MSG_ANSWER_TOTALS, NULL, 0, LINK_ALL);
	ATF_CHECK(d->answered && !d->up && !is_asked());
	document_free(d);
}

CASE(slow)
{
	struct document *d;
	char line[128], *all;
	size_t longest;

	/* Each answer in time, but all of them would take for ever. */
	begin(LISTENERS);
	d = ask(DOCUMENT_METRICS);
	answer_totals();
	sources.now += LINK_PATIENCE / 2;
	answer_listeners(0, MSG_LISTENERS_MAX, MSG_LISTENERS_MAX);
	ATF_CHECK(!d->answered);
	sources.now += LINK_PATIENCE;
	answer_listeners(MSG_LISTENERS_MAX, MSG_LISTENERS_MAX, 2 * MSG_LISTENERS_MAX);
	ATF_CHECK(d->answered && !d->up && !is_asked());
	document_free(d);
	/* Once it has told all, the last that is known is shown while it does not. */
	d = ask(DOCUMENT_METRICS);
	answer_totals();
	answer_listeners(0, MSG_LISTENERS_MAX, MSG_LISTENERS_MAX);
	answer_listeners(MSG_LISTENERS_MAX, MSG_LISTENERS_MAX, 2 * MSG_LISTENERS_MAX);
	answer_listeners(2 * MSG_LISTENERS_MAX, 3, LINK_ALL);
	document_free(d);
	d = ask(DOCUMENT_METRICS);
	close(relay);
	link_turn(&sources.relay[0].link);
	ATF_CHECK(d->answered && !d->up);
	read_all(d, &all, &longest);
	ATF_CHECK(strstr(all, "\nudp46_relay_up 0\n") != NULL);
	snprintf(line, sizeof(line),
	    "listener=\"192.0.2.1:%u\",direction=\"client_to_upstream\"} %u\n",
	    5000 + LISTENERS - 1, LISTENERS);
	ATF_CHECK(strstr(all, line) != NULL);
	free(all);
	document_free(d);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, listeners);
	ATF_TP_ADD_TC(tp, totals_alone);
	ATF_TP_ADD_TC(tp, endless);
	ATF_TP_ADD_TC(tp, no_totals);
	ATF_TP_ADD_TC(tp, slow);
	return (atf_no_error());
}
