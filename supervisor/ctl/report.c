#include <arpa/inet.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "common/clock.h"
#include "supervisor/ctl/remedy.h"
#include "supervisor/ctl/report.h"
#include "supervisor/ctl/row.h"
#include "supervisor/ctl/verdict.h"
#include "supervisor/visible.h"

#define TEXT_MAX 1024

static void
put_text(struct json_object *o, const char *key, const char *text)
{
	char shown[VISIBLE_SIZE(TEXT_MAX)];

	json_object_object_add(
	    o, key, json_object_new_string(visible(shown, sizeof(shown), text)));
}

/* A counter, or seconds to the millisecond. */
static void
put_number(struct json_object *o, const char *key, double number)
{
	char visible_key[VISIBLE_SIZE(COUNTS_NAME_MAX)], text[40];

	visible(visible_key, sizeof(visible_key), key);
	if (number == floor(number) && fabs(number) < 9e15)
		json_object_object_add(o, visible_key, json_object_new_int64((int64_t)number));
	else {
		snprintf(text, sizeof(text), fabs(number) < 1e15 ? "%.3f" : "%.17g", number);
		json_object_object_add(o, visible_key, json_object_new_double_s(number, text));
	}
}

static void
put_counts(struct json_object *o, const char *key, const struct counts *counts)
{
	struct json_object *inner = json_object_new_object();
	size_t i;

	for (i = 0; i < counts->count; i++)
		put_number(inner, counts->of[i].name, counts->of[i].value);
	json_object_object_add(o, key, inner);
}

static void
put_directions(struct json_object *o, const char *key, const double numbers[DIRECTION_MAX])
{
	struct json_object *inner = json_object_new_object();
	size_t d;

	for (d = 0; d < DIRECTION_MAX; d++)
		put_number(inner, direction_names[d], numbers[d]);
	json_object_object_add(o, key, inner);
}

static void
put_rates(struct json_object *o, const char *key, const struct reading *r,
    const double was[DIRECTION_MAX], const double is[DIRECTION_MAX])
{
	double rates[DIRECTION_MAX];
	size_t d;

	for (d = 0; d < DIRECTION_MAX; d++)
		rates[d] = numbers_rate(&r->before, &r->now, was[d], is[d]);
	put_directions(o, key, rates);
}

struct json_object *
report_reading(const struct reading *r, const struct verdict *v)
{
	struct json_object *o = json_object_new_object();
	const struct numbers *n = &r->now;

	put_text(o, "level", verdict_level_names[v->level]);
	put_text(o, "finding", v->text);
	put_text(o, "version", n->version);
	put_text(o, "commit", n->commit);
	put_text(o, "date", n->date);
	put_number(o, "started", n->started);
	put_number(o, "listeners", n->listeners);
	put_text(o, "upstream", n->upstream);
	put_number(o, "upstream_last_reply", n->last_reply);
	put_number(o, "upstream_silence_seconds", r->silence);
	put_number(o, "upstream_path_mtu", n->path_mtu);
	put_number(o, "upstream_changes", n->upstream_changes);
	put_number(o, "resolve_errors", n->resolve_errors);
	put_number(o, "relays_up", numbers_relays(n, 1));
	put_number(o, "relays_down", numbers_relays(n, 0));
	put_number(o, "sessions_active", n->active);
	put_number(o, "session_capacity", n->capacity);
	put_counts(o, "sessions", &n->sessions);
	put_number(o, "sessions_created", n->created);
	put_number(o, "sessions_expired", n->expired);
	put_number(o, "sessions_restored", n->restored);
	put_counts(o, "sessions_evicted", &n->evicted);
	put_directions(o, "datagrams", n->datagrams);
	put_directions(o, "bytes", n->bytes);
	put_rates(o, "datagrams_per_second", r, r->before.datagrams, n->datagrams);
	put_rates(o, "bytes_per_second", r, r->before.bytes, n->bytes);
	put_counts(o, "drops", &n->drops);
	put_directions(o, "receive_queue_drops", n->queue_drops);
	put_counts(o, "errors", &n->errors);
	put_counts(o, "child_restarts", &n->restarts);
	put_number(o, "log_records_suppressed", n->log_suppressed);
	return (o);
}

/* ---- drops ---- */

static void
put_drop(
    struct json_object *all, const struct reading *r, const char *reason, double was, double is)
{
	struct json_object *o = json_object_new_object();
	const char *remedy = remedy_of(reason);

	put_text(o, "reason", reason);
	put_number(o, "count", is);
	put_number(o, "per_second", numbers_rate(&r->before, &r->now, was, is));
	if (remedy != NULL)
		put_text(o, "remedy", remedy);
	json_object_array_add(all, o);
}

struct json_object *
report_drops(const struct reading *r)
{
	struct json_object *all = json_object_new_array();
	const struct counts *drops = &r->now.drops;
	size_t i;

	for (i = 0; i < drops->count; i++)
		put_drop(all, r, drops->of[i].name,
		    counts_get(&r->before.drops, drops->of[i].name), drops->of[i].value);
	for (i = 0; i < DIRECTION_MAX; i++)
		put_drop(all, r, remedy_queue_names[i], r->before.queue_drops[i],
		    r->now.queue_drops[i]);
	return (all);
}

/* ---- sessions ---- */

/* As the server says it. */
static void
put_time(struct json_object *o, const char *key, int64_t ns)
{
	time_t seconds = (time_t)(ns / SECOND);
	char text[64] = "", whole[128];
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return;
	snprintf(whole, sizeof(whole), "%s.%09lldZ", text, (long long)(ns % SECOND));
	put_text(o, key, whole);
}

static void
put_unsigned(struct json_object *o, const char *key, uint64_t number)
{
	json_object_object_add(o, key, json_object_new_uint64(number));
}

struct json_object *
report_row(const struct row *row, int rates)
{
	struct json_object *o = json_object_new_object();
	char text[ENDPOINT_STRLEN], key[64];
	size_t d;

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)row->id);
	put_text(o, "session_id", text);
	put_text(o, "listener", endpoint_format_ipv4(&row->listener, text));
	inet_ntop(AF_INET, &row->client.sin_addr, text, sizeof(text));
	put_text(o, "client_address", text);
	put_unsigned(o, "client_port", ntohs(row->client.sin_port));
	inet_ntop(AF_INET6, &row->local, text, sizeof(text));
	put_text(o, "upstream_local_address", text);
	put_unsigned(o, "upstream_local_port", row->local_port);
	put_text(o, "upstream_remote_address", row->remote);
	put_unsigned(o, "upstream_remote_port", row->remote_port);
	put_text(o, "state", session_state_names[row->state]);
	put_time(o, "created", row->created);
	put_time(o, "last_client_packet", row->last[CLIENT_TO_UPSTREAM]);
	put_time(o, "last_upstream_packet", row->last[UPSTREAM_TO_CLIENT]);
	for (d = 0; d < DIRECTION_MAX; d++) {
		snprintf(key, sizeof(key), "%s_packets", direction_names[d]);
		put_unsigned(o, key, row->packets[d]);
		snprintf(key, sizeof(key), "%s_bytes", direction_names[d]);
		put_unsigned(o, key, row->bytes[d]);
		if (!rates)
			continue;
		snprintf(key, sizeof(key), "%s_packets_per_second", direction_names[d]);
		put_number(o, key, row->packet_rate[d]);
		snprintf(key, sizeof(key), "%s_bytes_per_second", direction_names[d]);
		put_number(o, key, row->byte_rate[d]);
	}
	return (o);
}

void
report_print(struct json_object *o)
{
	puts(json_object_to_json_string_ext(
	    o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}
