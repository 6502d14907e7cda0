/*
 * As monitoring plug-ins are: one line, of which what follows '|' is for graphs, and an exit status
 * that is the level.
 */
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/ctl/check.h"
#include "supervisor/ctl/fault.h"
#include "supervisor/ctl/http_client.h"
#include "supervisor/ctl/reading.h"
#include "supervisor/ctl/report.h"
#include "supervisor/ctl/settings.h"
#include "supervisor/ctl/units.h"
#include "supervisor/visible.h"

/* Within a text '|' would begin the data, and a line end it. */
static void
print_text(const char *text)
{
	char shown[VISIBLE_SIZE(VERDICT_TEXT_MAX + FAULT_TEXT_MAX)], *c;

	visible(shown, sizeof(shown), text);
	for (c = shown; *c != '\0'; c++)
		putchar(*c == '|' ? '/' : *c);
}

static void
print_summary(const struct reading *r)
{
	char up[UNITS_SIZE], down[UNITS_SIZE], shown[VISIBLE_SIZE(sizeof(r->now.upstream))];

	print_text(visible(shown, sizeof(shown), r->now.upstream));
	printf(", %.0f of %.0f sessions, %s datagrams a second up, %s down", r->now.active,
	    r->now.capacity,
	    units_short(up,
		numbers_rate(&r->before, &r->now, r->before.datagrams[0], r->now.datagrams[0])),
	    units_short(down,
		numbers_rate(
		    &r->before, &r->now, r->before.datagrams[1], r->now.datagrams[1])));
}

/* NAME=VALUE[;WARNING;CRITICAL;LEAST;MOST]; a threshold that nothing reaches is left empty. */
static void
print_data(const struct reading *r, const struct thresholds *t)
{
	const struct numbers *b = &r->before, *n = &r->now;
	char limits[2][32];
	int level;

	for (level = VERDICT_WARNING; level <= VERDICT_CRITICAL; level++) {
		limits[level - 1][0] = '\0';
		if (t->drops[level] < THRESHOLD_NEVER)
			snprintf(limits[level - 1], sizeof(limits[0]), "%g", t->drops[level]);
	}
	printf(" | sessions=%.0f;%.0f;%.0f;0;%.0f", n->active,
	    ceil(n->capacity * t->sessions[VERDICT_WARNING] / 100),
	    ceil(n->capacity * t->sessions[VERDICT_CRITICAL] / 100), n->capacity);
	printf(" silence=%.1fs;;%g;0", r->silence, (double)t->silence / SECOND);
	printf(" drops_per_second=%.3f;%s;%s;0",
	    numbers_rate(b, n, counts_sum(&b->drops), counts_sum(&n->drops)), limits[0],
	    limits[1]);
	printf(" drops=%.0fc errors=%.0fc restarts=%.0fc", counts_sum(&n->drops),
	    counts_sum(&n->errors), counts_sum(&n->restarts));
	printf(" datagrams_up=%.0fc datagrams_down=%.0fc bytes_up=%.0fc bytes_down=%.0fc",
	    n->datagrams[0], n->datagrams[1], n->bytes[0], n->bytes[1]);
}

/* It is a result, too, that there is nobody to ask. */
static int
refuse_check(const struct settings *s, const struct fault *fault)
{
	enum verdict_level level =
	    fault->kind == FAULT_DOWN ? VERDICT_CRITICAL : VERDICT_UNKNOWN;
	char shown[VISIBLE_SIZE(FAULT_TEXT_MAX)];
	struct json_object *o;

	if (s->json) {
		o = json_object_new_object();
		json_object_object_add(
		    o, "level", json_object_new_string(verdict_level_names[level]));
		json_object_object_add(o, "finding",
		    json_object_new_string(visible(shown, sizeof(shown), fault->text)));
		report_print(o);
		return (level);
	}
	printf("udp46 %s: ", verdict_level_names[level]);
	print_text(fault->text);
	printf("\n");
	return (level);
}

static int
take_anything(void *arg, const char *data, size_t length)
{
	(void)arg;
	(void)data;
	(void)length;
	return (0);
}

int
check_run(const struct settings *s, struct http_client *client, struct fault *fault)
{
	static struct reading r;
	struct verdict v;
	int health;

	health = http_client_get(client, "/healthz", take_anything, NULL, fault);
	if (health == -1 || reading_take(client, s->interval, &r, fault) == -1)
		return (refuse_check(s, fault));
	verdict_make(&v, &s->thresholds, &r);
	if (health == 503 && numbers_relays(&r.now, 0) == 0) {
		/* It did not answer a second ago. */
		v.level = v.level > VERDICT_WARNING ? v.level : VERDICT_WARNING;
		strlcpy(v.text, "a relay did not answer at once", sizeof(v.text));
	}
	if (s->json) {
		report_print(report_reading(&r, &v));
		return (v.level);
	}
	printf("udp46 %s: ", verdict_level_names[v.level]);
	if (v.text[0] == '\0')
		print_summary(&r);
	else
		print_text(v.text);
	print_data(&r, &s->thresholds);
	printf("\n");
	return (v.level);
}
