#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/ctl/http_client.h"
#include "supervisor/ctl/overview.h"
#include "supervisor/ctl/reading.h"
#include "supervisor/ctl/report.h"
#include "supervisor/ctl/settings.h"
#include "supervisor/ctl/target.h"
#include "supervisor/ctl/units.h"
#include "supervisor/ctl/wrap.h"

#define LIST_MAX 1024

/* "12 assured, 1 replied"; those that are 0 only if `zeroes`. */
static const char *
list_counts(const struct counts *counts, int zeroes, const char *none, char list[LIST_MAX])
{
	char number[UNITS_SIZE];
	size_t i, used = 0;

	list[0] = '\0';
	for (i = 0; i < counts->count; i++)
		if ((zeroes || counts->of[i].value > 0) && used < LIST_MAX - 1)
			used += (size_t)snprintf(list + used, LIST_MAX - used, "%s%s %s",
			    used == 0 ? "" : ", ", units_exact(number, counts->of[i].value),
			    counts->of[i].name);
	return (used == 0 ? none : list);
}

/* "rate_limited 1203 (2.1/s), ...". */
static const char *
list_rates(const struct reading *r, const struct counts *before, const struct counts *now,
    char list[LIST_MAX])
{
	char number[UNITS_SIZE], rate[UNITS_SIZE];
	const char *name;
	size_t i, used = 0;

	for (i = 0; i < now->count; i++) {
		name = now->of[i].name;
		if (now->of[i].value == 0 || used >= LIST_MAX - 1)
			continue;
		units_short(rate,
		    numbers_rate(
			&r->before, &r->now, counts_get(before, name), now->of[i].value));
		used += (size_t)snprintf(list + used, LIST_MAX - used, "%s%s %s (%s/s)",
		    used == 0 ? "" : ", ", name, units_exact(number, now->of[i].value), rate);
	}
	return (used == 0 ? "none" : list);
}

static void
print_upstream(const struct numbers *n)
{
	double now = (double)clock_wall() / SECOND;
	char age[UNITS_SIZE], changes[UNITS_SIZE], errors[UNITS_SIZE];

	if (n->last_reply == 0)
		wrap_print(stdout, "upstream", "%s, no reply yet", n->upstream);
	else
		wrap_print(stdout, "upstream", "%s, last reply %s ago", n->upstream,
		    units_long(age, now - n->last_reply));
	wrap_print(stdout, "", "path MTU %.0f, moved %s times, %s failed look-ups", n->path_mtu,
	    units_exact(changes, n->upstream_changes), units_exact(errors, n->resolve_errors));
}

static void
print_sessions(const struct numbers *n)
{
	char list[LIST_MAX], created[UNITS_SIZE], expired[UNITS_SIZE], evicted[UNITS_SIZE],
	    restored[UNITS_SIZE];

	wrap_print(stdout, "sessions", "%.0f of %.0f (%.0f %%): %s", n->active, n->capacity,
	    n->capacity > 0 ? 100 * n->active / n->capacity : 0,
	    list_counts(&n->sessions, 1, "none", list));
	wrap_print(stdout, "", "%s created, %s expired, %s evicted, %s restored",
	    units_exact(created, n->created), units_exact(expired, n->expired),
	    units_exact(evicted, counts_sum(&n->evicted)), units_exact(restored, n->restored));
}

static void
print_traffic(const struct reading *r)
{
	static const char *const names[] = { "to upstream", "to clients" };
	char packets[UNITS_SIZE], bits[UNITS_SIZE], all[UNITS_SIZE], bytes[UNITS_SIZE];
	int d;

	printf("\n%-12s%14s%12s%20s%12s\n", "", "datagrams/s", "bit/s", "datagrams", "bytes");
	for (d = 0; d < DIRECTION_MAX; d++)
		printf("%-12s%14s%12s%20s%12s\n", names[d],
		    units_short(packets,
			numbers_rate(
			    &r->before, &r->now, r->before.datagrams[d], r->now.datagrams[d])),
		    units_short(bits,
			8 *
			    numbers_rate(
				&r->before, &r->now, r->before.bytes[d], r->now.bytes[d])),
		    units_exact(all, r->now.datagrams[d]), units_short(bytes, r->now.bytes[d]));
	printf("\n");
}

static void
print_losses(const struct reading *r)
{
	const double queue = r->now.queue_drops[0] + r->now.queue_drops[1];
	char list[LIST_MAX], number[UNITS_SIZE];

	wrap_print(stdout, "drops", "%s", list_rates(r, &r->before.drops, &r->now.drops, list));
	if (queue > 0)
		wrap_print(
		    stdout, "", "%s found a receive buffer full", units_exact(number, queue));
	wrap_print(
	    stdout, "errors", "%s", list_rates(r, &r->before.errors, &r->now.errors, list));
	wrap_print(stdout, "children", "%d of %zu relays up; restarts: %s",
	    numbers_relays(&r->now, 1), r->now.up.count,
	    list_counts(&r->now.restarts, 1, "none", list));
	wrap_print(
	    stdout, "log", "%s records held back", units_exact(number, r->now.log_suppressed));
}

int
overview_run(const struct settings *s, struct http_client *client, struct fault *fault)
{
	static struct reading r;
	struct verdict v;
	char up[UNITS_SIZE];

	if (reading_take(client, s->interval, &r, fault) == -1)
		return (-1);
	verdict_make(&v, &s->thresholds, &r);
	if (s->json) {
		report_print(report_reading(&r, &v));
		return (0);
	}
	wrap_print(
	    stdout, "udp46", "%s, commit %s, of %s", r.now.version, r.now.commit, r.now.date);
	wrap_print(stdout, "", "up %s, %.0f listener%s, metrics at %s",
	    units_long(up, (double)clock_wall() / SECOND - r.now.started), r.now.listeners,
	    r.now.listeners == 1 ? "" : "s", client->target->of[0].name);
	wrap_print(stdout, verdict_level_names[v.level], "%s",
	    v.text[0] == '\0' ? "nothing is wrong" : v.text);
	printf("\n");
	print_upstream(&r.now);
	print_sessions(&r.now);
	print_traffic(&r);
	print_losses(&r);
	return (0);
}
