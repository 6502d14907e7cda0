#include <arpa/inet.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "supervisor/ctl/fault.h"
#include "supervisor/ctl/http_client.h"
#include "supervisor/ctl/row.h"
#include "supervisor/ctl/row_reader.h"
#include "supervisor/ctl/target.h"

/* One is some 600 bytes. */
#define OBJECT_MAX 16384
#define DEPTH_MAX 4

/* ---- one object ---- */

static const char *
get_text(struct json_object *o, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return (NULL);
	return (json_object_get_string(value));
}

static int
get_number(struct json_object *o, const char *key, uint64_t most, uint64_t *number)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, key, &value) ||
	    !json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return (-1);
	*number = json_object_get_uint64(value);
	return (*number <= most ? 0 : -1);
}

static int
get_port(struct json_object *o, const char *key, uint16_t *port)
{
	uint64_t number;

	if (get_number(o, key, UINT16_MAX, &number) == -1)
		return (-1);
	*port = (uint16_t)number;
	return (0);
}

/* RFC 3339 in UTC, with or without a fraction. */
static int
get_time(struct json_object *o, const char *key, int64_t *ns)
{
	const char *text = get_text(o, key);
	struct tm tm = { .tm_sec = 0 };
	int64_t unit = SECOND;
	time_t seconds;
	char *end;

	if (text == NULL || (end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm)) == NULL)
		return (-1);
	seconds = timegm(&tm);
	if (seconds < 0 || seconds > NEVER / SECOND - 1)
		return (-1);
	*ns = (int64_t)seconds * SECOND;
	if (*end == '.')
		for (end++; *end >= '0' && *end <= '9'; end++)
			*ns += (*end - '0') * (unit /= 10);
	return (strcmp(end, "Z") == 0 ? 0 : -1);
}

static int
get_state(struct json_object *o, uint8_t *state)
{
	const char *text = get_text(o, "state");

	for (*state = 0; text != NULL && *state < SESSION_CLOSED; ++*state)
		if (strcmp(text, session_state_names[*state]) == 0)
			return (0);
	return (-1);
}

static int
get_id(struct json_object *o, uint64_t *id)
{
	const char *text = get_text(o, "session_id");

	if (text == NULL || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
		return (-1);
	*id = strtoull(text, NULL, 16);
	return (0);
}

static const char *
get_addresses(struct json_object *o, struct row *row)
{
	const char *text;

	if ((text = get_text(o, "listener")) == NULL ||
	    endpoint_parse_ipv4(text, &row->listener) != NULL)
		return ("listener");
	if ((text = get_text(o, "client_address")) == NULL ||
	    inet_pton(AF_INET, text, &row->client.sin_addr) != 1)
		return ("client_address");
	if (get_port(o, "client_port", &row->client.sin_port) == -1)
		return ("client_port");
	row->client.sin_family = AF_INET;
	row->client.sin_port = htons(row->client.sin_port);
	if ((text = get_text(o, "upstream_local_address")) == NULL ||
	    inet_pton(AF_INET6, text, &row->local) != 1)
		return ("upstream_local_address");
	if (get_port(o, "upstream_local_port", &row->local_port) == -1)
		return ("upstream_local_port");
	/* It may carry an interface, so it stays text. */
	if ((text = get_text(o, "upstream_remote_address")) == NULL ||
	    strlcpy(row->remote, text, sizeof(row->remote)) >= sizeof(row->remote))
		return ("upstream_remote_address");
	if (get_port(o, "upstream_remote_port", &row->remote_port) == -1)
		return ("upstream_remote_port");
	return (NULL);
}

/* Fill in the row.  Returns NULL, or the name of the field that does not hold. */
static const char *
get_row(struct json_object *o, struct row *row)
{
	static const char *const times[] = { "last_client_packet", "last_upstream_packet" };
	const char *wrong;
	char key[64];
	size_t d;

	memset(row, 0, sizeof(*row));
	if (get_id(o, &row->id) == -1)
		return ("session_id");
	if ((wrong = get_addresses(o, row)) != NULL)
		return (wrong);
	if (get_state(o, &row->state) == -1)
		return ("state");
	if (get_time(o, "created", &row->created) == -1)
		return ("created");
	for (d = 0; d < DIRECTION_MAX; d++) {
		if (get_time(o, times[d], &row->last[d]) == -1)
			return (times[d]);
		snprintf(key, sizeof(key), "%s_packets", direction_names[d]);
		if (get_number(o, key, UINT64_MAX, &row->packets[d]) == -1)
			return ("packets");
		snprintf(key, sizeof(key), "%s_bytes", direction_names[d]);
		if (get_number(o, key, UINT64_MAX, &row->bytes[d]) == -1)
			return ("bytes");
	}
	return (NULL);
}

/* ---- the array ---- */

enum { BEFORE, FIRST, VALUE, INSIDE, AFTER_VALUE, AFTER };

int
row_reader_init(struct row_reader *r, int (*take)(void *arg, const struct row *row), void *arg)
{
	*r = (struct row_reader){ .take = take, .arg = arg, .stage = BEFORE };
	if ((r->tokener = json_tokener_new_ex(DEPTH_MAX)) == NULL)
		return (-1);
	json_tokener_set_flags(r->tokener,
	    JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
		JSON_TOKENER_ALLOW_TRAILING_CHARS);
	return (0);
}

void
row_reader_free(struct row_reader *r)
{
	json_tokener_free(r->tokener);
	r->tokener = NULL;
}

/* A byte between objects.  Returns how much of it was used, or -1. */
static int
take_between(struct row_reader *r, char c)
{
	static const struct {
		int stage;
		char c;
		int next, used;
	} steps[] = {
		{ BEFORE, '[', FIRST, 1 },
		{ FIRST, ']', AFTER, 1 },
		{ FIRST, '{', INSIDE, 0 },
		{ VALUE, '{', INSIDE, 0 },
		{ AFTER_VALUE, ',', VALUE, 1 },
		{ AFTER_VALUE, ']', AFTER, 1 },
	};
	size_t i;

	if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
		return (1);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].stage == r->stage && steps[i].c == c) {
			r->stage = steps[i].next;
			return (steps[i].used);
		}
	r->error = "no array of objects";
	return (-1);
}

static int
take_object(struct row_reader *r, struct json_object *o)
{
	struct row row;
	int status;

	r->error = get_row(o, &row);
	json_object_put(o);
	if (r->error != NULL)
		return (-1);
	status = r->take(r->arg, &row);
	r->count++;
	r->size = 0;
	r->stage = AFTER_VALUE;
	return (status);
}

/* A piece of an object.  Returns how much of it was used, or -1. */
static ssize_t
take_inside(struct row_reader *r, const char *data, size_t length)
{
	size_t n = length < OBJECT_MAX ? length : OBJECT_MAX, used;
	struct json_object *o = json_tokener_parse_ex(r->tokener, data, (int)n);

	if (o != NULL) {
		used = json_tokener_get_parse_end(r->tokener);
		json_tokener_reset(r->tokener);
		return (take_object(r, o) == -1 ? -1 : (ssize_t)used);
	}
	r->size += n;
	if (json_tokener_get_error(r->tokener) != json_tokener_continue)
		r->error = json_tokener_error_desc(json_tokener_get_error(r->tokener));
	else if (r->size > OBJECT_MAX)
		r->error = "an object that is too large";
	else
		return ((ssize_t)n);
	return (-1);
}

int
row_reader_feed(struct row_reader *r, const char *data, size_t length)
{
	ssize_t used;

	for (; length > 0; data += used, length -= (size_t)used) {
		used =
		    r->stage == INSIDE ? take_inside(r, data, length) : take_between(r, *data);
		if (used == -1)
			return (-1);
	}
	return (0);
}

int
row_reader_end(struct row_reader *r)
{
	if (r->stage == AFTER)
		return (0);
	r->error = "it was cut";
	return (-1);
}

/* ---- all of it ---- */

struct get {
	struct row_reader reader;
	const char *who;
	struct fault *fault;
};

static int
refuse_object(struct get *get)
{
	if (get->reader.error == NULL)
		return (-1); /* take has said why */
	return (fault_set(get->fault, FAULT_NONSENSE,
	    "%s: session %lu of /debug/sessions: %s: is that udp46?", get->who,
	    get->reader.count + 1, get->reader.error));
}

static int
take_piece(void *arg, const char *data, size_t length)
{
	struct get *get = arg;

	return (row_reader_feed(&get->reader, data, length) == -1 ? refuse_object(get) : 0);
}

int
row_reader_get(const struct http_client *client, const char *query,
    int (*take)(void *arg, const struct row *row), void *arg, struct fault *fault)
{
	struct get get = { .who = client->target->of[0].name, .fault = fault };
	char path[256];
	int status;

	if (row_reader_init(&get.reader, take, arg) == -1)
		return (fault_set(fault, FAULT_OURS, "out of memory"));
	snprintf(path, sizeof(path), "/debug/sessions%s", query);
	status = http_client_get(client, path, take_piece, &get, fault);
	if (status == 200)
		status = row_reader_end(&get.reader) == -1 ? refuse_object(&get) : 0;
	else if (status == 503)
		status = fault_set(fault, FAULT_DOWN,
		    "%s: the relay does not answer: the log of udp46 says why", get.who);
	else if (status != -1)
		status = fault_set(fault, FAULT_NONSENSE,
		    "%s: status %d for %s: is it the address of --metrics.listen?", get.who,
		    status, path);
	row_reader_free(&get.reader);
	return (status);
}
