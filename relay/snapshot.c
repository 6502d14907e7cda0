/*
 * What the metrics child asks.
 *
 * It asks for the totals, or for the listeners' or the sessions from some place on, and gets one
 * bounded message; then it asks again.  So its pace is its own: nothing is remembered here but
 * the question in hand, nothing piles up, and no datagram waits for a dump of any size.
 */
#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "relay/relay.h"
#include "relay/snapshot.h"

/* Questions answered in one turn. */
#define ANSWERS_A_TURN 2

/* Places looked at for one answer: closed sessions leave empty ones. */
#define PLACES_AN_ANSWER (8 * MSG_SESSIONS_MAX)

void
snapshot_link(struct relay *r, int fd)
{
	if (r->snapshot.link != -1) {
		close(r->snapshot.link);
		r->totals->descriptors--;
	}
	memset(&r->snapshot, 0, sizeof(r->snapshot));
	r->snapshot.link = fd;
	if (fd != -1)
		r->totals->descriptors++;
}

static void
unlink_metrics(struct relay *r, const char *why)
{
	log_debug("metrics child unlinked", "reason=%s", why);
	snapshot_link(r, -1);
}

short
snapshot_events(const struct relay *r)
{
	/* One question at a time: while an answer waits, no other is read. */
	return (r->snapshot.asked ? POLLOUT : POLLIN);
}

/* Returns whether there is a question in hand. */
static int
take_question(struct relay *r)
{
	int n;

	if (r->snapshot.asked)
		return (1);
	n = msg_receive(r->snapshot.link, FROM_METRICS, &r->msg);
	if (n == -1 && errno == EAGAIN)
		return (0);
	if (n != 1) {
		unlink_metrics(r, n == 0 ? "it is gone" : "malformed message");
		return (0);
	}
	r->snapshot.type = r->msg.type;
	memcpy(&r->snapshot.question, r->msg.payload, sizeof(r->snapshot.question));
	r->snapshot.asked = 1;
	r->snapshot.answered = 0;
	return (1);
}

/* When it was by the wall clock, but for a tick; never before the session. */
static int64_t
wall_of(const struct session *s, int64_t when)
{
	int64_t wall = clock_wall_at(when);

	return (when == s->opened || wall < s->created ? s->created : wall);
}

static void
describe(struct relay *r, struct session *s, struct msg_session *to)
{
	const struct session_counters *c = session_counters(&r->table, s);
	int64_t upstream = c->last[UPSTREAM_TO_CLIENT];
	struct sockaddr_in6 local = { 0 };
	socklen_t len = sizeof(local);

	memset(to, 0, sizeof(*to));
	clock_follow(s->opened, &s->created);
	session_record(s, &to->record);
	/* Asked for each time: it changes when the upstream moves. */
	if (getsockname(s->fd, (struct sockaddr *)&local, &len) == 0) {
		to->upstream_local_port = local.sin6_port;
		memcpy(to->upstream_local_address, &local.sin6_addr,
		    sizeof(to->upstream_local_address));
	}
	to->last_client = wall_of(s, c->last[CLIENT_TO_UPSTREAM]);
	/* Before the first reply that is the time of creation. */
	to->last_upstream = wall_of(s, upstream != 0 ? upstream : s->opened);
	memcpy(to->packets, c->packets, sizeof(to->packets));
	memcpy(to->bytes, c->bytes, sizeof(to->bytes));
}

static int
answer_sessions(struct relay *r)
{
	static struct msg_session sessions[MSG_SESSIONS_MAX];
	struct session_table *table = &r->table;
	struct session *s;
	uint32_t i = r->snapshot.question.from, places = 0, n = 0;

	for (; i < table->used && n < MSG_SESSIONS_MAX && places < PLACES_AN_ANSWER;
	     i++, places++) {
		s = &table->sessions[i];
		if (s->fd != -1 && s->state < SESSION_CLOSED)
			describe(r, s, &sessions[n++]);
	}
	r->snapshot.end.next = i < table->used ? i : UINT32_MAX;
	if (n == 0)
		return (0);
	return (msg_send(r->snapshot.link, MSG_ANSWER_SESSIONS, sessions, n, NULL, 0));
}

static int
answer_listeners(struct relay *r)
{
	uint32_t from = r->snapshot.question.from, n;

	if (from >= r->nlisteners)
		return (0);
	n = r->nlisteners - from;
	if (n > MSG_LISTENERS_MAX) {
		n = MSG_LISTENERS_MAX;
		r->snapshot.end.next = from + n;
	}
	return (msg_send(
	    r->snapshot.link, MSG_ANSWER_LISTENERS, &r->totals->listener[from], n, NULL, 0));
}

static int
answer_question(struct relay *r)
{
	r->snapshot.end.next = UINT32_MAX;
	switch (r->snapshot.type) {
	case MSG_ASK_LISTENERS:
		return (answer_listeners(r));
	case MSG_ASK_SESSIONS:
		return (answer_sessions(r));
	default:
		return (msg_send(r->snapshot.link, MSG_ANSWER_TOTALS, r->totals, 1, NULL, 0));
	}
}

/* Returns 0, or -1 when the link takes no more. */
static int
answer(struct relay *r)
{
	if (!r->snapshot.answered) {
		if (answer_question(r) == -1)
			return (-1);
		r->snapshot.answered = 1;
	}
	if (msg_send(r->snapshot.link, MSG_ANSWER_END, &r->snapshot.end, 1, NULL, 0) == -1)
		return (-1);
	r->snapshot.asked = 0;
	return (0);
}

void
snapshot_turn(struct relay *r)
{
	int i;

	for (i = 0; i < ANSWERS_A_TURN && r->snapshot.link != -1; i++) {
		if (!take_question(r))
			return;
		if (answer(r) == -1) {
			if (errno != EAGAIN)
				unlink_metrics(r, strerror(errno));
			return;
		}
	}
}
