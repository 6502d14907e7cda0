#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/state_file.h"

#define VERSION 1
#define ORDER 0x01020304

_Static_assert(sizeof(struct state_header) % 8 == 0 && sizeof(struct state_listener) % 8 == 0 &&
	sizeof(struct state_session) % 8 == 0,
    "what state_file_sum() takes");

/* Two of these are no more than an int64_t holds, and what is older is just old. */
#define AGE_MOST (SESSION_AGE_MOST / 2)

/* ---- checksum ---- */

uint64_t
state_file_sum(const void *data, size_t size, uint64_t sum)
{
	const unsigned char *from = data;
	uint64_t word;

	/* As FNV-1a, but by words, with a step that brings high bits down. */
	for (; size >= sizeof(word); size -= sizeof(word), from += sizeof(word)) {
		memcpy(&word, from, sizeof(word));
		sum = (sum ^ word) * UINT64_C(0x100000001b3) + UINT64_C(0xcbf29ce484222325);
		sum ^= sum >> 32;
	}
	return (sum);
}

static uint64_t
checksum(const void *buffer, size_t size)
{
	const size_t from = offsetof(struct state_header, size);

	return (state_file_sum((const unsigned char *)buffer + from, size - from, 0));
}

void
state_file_seal(void *buffer, size_t size)
{
	((struct state_header *)buffer)->checksum = checksum(buffer, size);
}

/* ---- writing ---- */

static size_t
file_size(uint64_t listeners, uint64_t sessions)
{
	return (sizeof(struct state_header) + listeners * sizeof(struct state_listener) +
	    sessions * sizeof(struct state_session));
}

size_t
state_file_size(const struct legacy *legacy)
{
	return (file_size(legacy->listeners, legacy->sessions));
}

/* How long `when` is ago, at most `most`; a relay may have put any number there. */
static int64_t
age_of(int64_t when, int64_t now, int64_t most)
{
	if (when >= now)
		return (0);
	return (when < now - most ? most : now - when);
}

static void
write_session(const struct legacy_session *from, int64_t now, struct state_session *to)
{
	const struct session_record *r = &from->record;
	const struct session_counters *c = &from->counters;
	int i;

	*to = (struct state_session){
		.id = r->id,
		.created = r->created,
		.age = age_of(r->opened, now, AGE_MOST),
		.client_address = r->client_address,
		.local_address = r->local_address,
		.client_port = r->client_port,
		.listener = r->listener,
		.port = from->port,
	};
	for (i = 0; i < DIRECTION_MAX; i++) {
		to->silence[i] = c->last[i] == 0 ? -1 : age_of(c->last[i], now, to->age);
		to->packets[i] = c->packets[i];
		to->bytes[i] = c->bytes[i];
	}
}

void
state_file_write(const struct legacy *legacy, const struct state_moment *now, void *buffer)
{
	struct state_header *header = buffer;
	struct state_listener *listener = (void *)(header + 1);
	struct state_session *session = (void *)(listener + legacy->listeners);
	uint32_t i;

	*header = (struct state_header){
		.magic = STATE_MAGIC,
		.version = VERSION,
		.order = ORDER,
		.size = state_file_size(legacy),
		.written = now->wall,
		.listeners = legacy->listeners,
		.sessions = legacy->sessions,
		.port = legacy->address.sin6_port,
	};
	memcpy(header->address, &legacy->address.sin6_addr, sizeof(header->address));
	strlcpy(header->upstream, legacy->upstream, sizeof(header->upstream));
	for (i = 0; i < legacy->listeners; i++)
		listener[i] = (struct state_listener){ legacy->listener[i].address,
			legacy->listener[i].port, 0 };
	for (i = 0; i < legacy->sessions; i++)
		write_session(&legacy->session[i], now->now, &session[i]);
	state_file_seal(buffer, header->size);
}

/* ---- reading ---- */

static int
is_text(const char *text, size_t size)
{
	size_t i, n = strnlen(text, size);

	if (n == 0 || n == size)
		return (0);
	for (i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return (0);
	return (1);
}

int
state_file_is_ours(const void *buffer, size_t size)
{
	static const char magic[8] = STATE_MAGIC;

	return (
	    size == 0 || (size >= sizeof(magic) && memcmp(buffer, magic, sizeof(magic)) == 0));
}

/* Returns NULL, or what is wrong with the file as a whole. */
static const char *
judge(const struct state_header *h, size_t size)
{
	if (!state_file_is_ours(h, size))
		return ("is no state file of udp46");
	if (size < sizeof(*h))
		return ("is cut short");
	if (h->version != VERSION || h->order != ORDER)
		return ("is of another version");
	if (h->listeners > LISTENERS_MAX || h->sessions > STATE_SESSIONS_MAX ||
	    h->size != size || size != file_size(h->listeners, h->sessions))
		return ("has another size than it says");
	if (h->checksum != checksum(h, size))
		return ("is damaged");
	if (!is_text(h->upstream, sizeof(h->upstream)) || h->port == 0 || h->written < 0 ||
	    h->pad[0] != 0 || h->pad[1] != 0 || h->pad[2] != 0)
		return ("says what cannot be");
	return (NULL);
}

static int
is_age(int64_t age, int64_t most)
{
	return (age >= 0 && age <= most);
}

/* Whether this can be an ASSURED session.  A socket is its alone, so is its port. */
static int
holds(const struct state_session *s, uint32_t listeners, const unsigned char *seen)
{
	int i;

	for (i = 0; i < DIRECTION_MAX; i++)
		if (s->silence[i] != -1 && !is_age(s->silence[i], s->age))
			return (0);
	return (s->id != 0 && s->created >= 0 && is_age(s->age, AGE_MOST) &&
	    s->client_address != 0 && !IN_MULTICAST(ntohl(s->client_address)) &&
	    !IN_BADCLASS(ntohl(s->client_address)) && !IN_MULTICAST(ntohl(s->local_address)) &&
	    !IN_BADCLASS(ntohl(s->local_address)) && s->client_port != 0 &&
	    s->listener < listeners && s->port != 0 && !seen[s->port] && s->pad == 0);
}

/* The moment in this boot that was so long ago; 0 would be none. */
static int64_t
moment(int64_t now, int64_t age, int64_t since)
{
	int64_t all = age + since, when = now - (all > AGE_MOST ? AGE_MOST : all);

	return (when == 0 ? -1 : when);
}

static void
take_session(
    const struct state_session *from, int64_t now, int64_t since, struct legacy_session *to)
{
	int i;

	*to = (struct legacy_session){ .port = from->port };
	to->record = (struct session_record){
		.id = from->id,
		.created = from->created,
		.client_address = from->client_address,
		.local_address = from->local_address,
		.client_port = from->client_port,
		.listener = from->listener,
		.state = SESSION_ASSURED,
		.opened = moment(now, from->age, since),
	};
	for (i = 0; i < DIRECTION_MAX; i++) {
		if (from->silence[i] != -1)
			to->counters.last[i] = moment(now, from->silence[i], since);
		to->counters.packets[i] = from->packets[i];
		to->counters.bytes[i] = from->bytes[i];
	}
}

static int64_t
time_since(int64_t written, int64_t wall)
{
	if (wall <= written)
		return (0);
	return (wall - written > AGE_MOST ? AGE_MOST : wall - written);
}

/* When something last came, if ever. */
static int64_t
heard(const struct legacy_session *s, enum direction direction)
{
	int64_t last = s->counters.last[direction];

	return (last == 0 ? s->record.opened : last);
}

static void
take_sessions(const struct state_session *from, int64_t now, int64_t timeout,
    struct legacy *legacy, struct state_facts *facts)
{
	unsigned char seen[STATE_SESSIONS_MAX + 1] = { 0 };
	struct legacy_session *to;
	uint32_t i;

	for (i = 0; i < facts->sessions; i++) {
		if (!holds(&from[i], legacy->listeners, seen)) {
			facts->invalid++;
			continue;
		}
		seen[from[i].port] = 1;
		to = &legacy->session[legacy->sessions];
		take_session(&from[i], now, facts->age, to);
		if (now - heard(to, CLIENT_TO_UPSTREAM) > timeout &&
		    now - heard(to, UPSTREAM_TO_CLIENT) > timeout)
			facts->expired++;
		else
			legacy->sessions++;
	}
}

/* Returns 0, or -1 if a listener can be none. */
static int
take_listeners(const struct state_listener *from, struct legacy *legacy)
{
	uint32_t i;

	for (i = 0; i < legacy->listeners; i++) {
		if (from[i].port == 0 || from[i].pad != 0)
			return (-1);
		legacy->listener[i].address = from[i].address;
		legacy->listener[i].port = from[i].port;
	}
	return (0);
}

static void
take_header(const struct state_header *h, const struct state_moment *now, struct legacy *legacy,
    struct state_facts *facts)
{
	facts->age = time_since(h->written, now->wall);
	facts->sessions = h->sessions;
	strlcpy(legacy->upstream, h->upstream, sizeof(legacy->upstream));
	legacy->address.sin6_family = AF_INET6;
	legacy->address.sin6_port = h->port;
	memcpy(&legacy->address.sin6_addr, h->address, sizeof(h->address));
	legacy->workers = 1;
	legacy->listeners = h->listeners;
}

const char *
state_file_read(const void *buffer, size_t size, const struct state_moment *now,
    int64_t timeout, struct legacy *legacy, struct state_facts *facts)
{
	const struct state_header *h = buffer;
	const struct state_listener *listener = (const void *)(h + 1);
	const char *wrong;

	*facts = (struct state_facts){ 0 };
	memset(legacy, 0, sizeof(*legacy));
	if ((wrong = judge(h, size)) != NULL)
		return (wrong);
	legacy->listener = calloc((size_t)h->listeners + 1, sizeof(*legacy->listener));
	legacy->session = calloc((size_t)h->sessions + 1, sizeof(*legacy->session));
	if (legacy->listener == NULL || legacy->session == NULL) {
		legacy_free(legacy);
		return (strerror(ENOMEM));
	}
	take_header(h, now, legacy, facts);
	if (take_listeners(listener, legacy) == -1) {
		legacy_free(legacy);
		return ("says what cannot be");
	}
	take_sessions(
	    (const void *)(listener + h->listeners), now->now, timeout, legacy, facts);
	return (NULL);
}
