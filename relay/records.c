/*
 * What the supervisor is owed: a record of every session that opened, was taken back, changed or
 * closed.  What it knows when we crash is what our successor gets.  A record is not queued but
 * marked in the session, so it is never lost, and several changes in one turn make one record.
 */
#include <string.h>

#include "relay/records.h"
#include "relay/relay.h"

void
records_init(struct relay *r)
{
	r->reports = r->returned = (struct index_list){ NONE, NONE };
}

void
records_due(struct relay *r, struct session *s)
{
	if (s->unreported)
		return;
	s->unreported = 1;
	INDEX_LIST_PUSH(&r->reports, r->table.sessions, session_index(&r->table, s));
}

void
records_return(struct relay *r, uint32_t slot)
{
	INDEX_LIST_PUSH(&r->returned, r->sockets, slot);
}

int
records_unsent(const struct relay *r)
{
	return (r->reports.first != NONE || r->returned.first != NONE);
}

static void
write_record(const struct relay *r, const struct session *s, struct msg_record *to)
{
	memset(to, 0, sizeof(*to));
	to->name.slot = s->slot;
	to->name.generation = r->sockets[s->slot].generation;
	session_record(s, &to->record);
}

/*
 * Send one message of records, of which there are some.  Returns -1 when the supervisor takes no
 * more.
 */
static int
report_sessions(struct relay *r)
{
	struct msg_record records[MSG_FDS_MAX];
	struct session *s;
	uint32_t i = r->reports.first, n = 0;

	do {
		s = &r->table.sessions[i];
		write_record(r, s, &records[n++]);
		i = s->next;
	} while (i != NONE && n < MSG_FDS_MAX);
	if (msg_send(r->control, MSG_RECORDS, records, n, NULL, 0) == -1)
		return (-1);
	while (n-- > 0) {
		s = &r->table.sessions[r->reports.first];
		INDEX_LIST_POP(&r->reports, r->table.sessions);
		s->unreported = 0;
		if (s->state == SESSION_CLOSED)
			session_free(&r->table, s);
	}
	return (0);
}

/* The same for sockets that serve no session. */
static int
report_returned(struct relay *r)
{
	struct msg_record records[MSG_FDS_MAX];
	uint32_t i, n = 0;

	memset(records, 0, sizeof(records));
	for (i = r->returned.first; i != NONE && n < MSG_FDS_MAX; i = r->sockets[i].next) {
		records[n].name.slot = i;
		records[n].name.generation = r->sockets[i].generation;
		records[n++].record.state = SESSION_CLOSED;
	}
	if (msg_send(r->control, MSG_RECORDS, records, n, NULL, 0) == -1)
		return (-1);
	r->returned.first = i;
	return (0);
}

void
records_send(struct relay *r)
{
	while (r->returned.first != NONE)
		if (report_returned(r) == -1)
			return;
	while (r->reports.first != NONE)
		if (report_sessions(r) == -1)
			return;
}
