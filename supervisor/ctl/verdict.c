#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/ctl/units.h"
#include "supervisor/ctl/verdict.h"

const char *const verdict_level_names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

/* The worst counts, and each finding is said. */
static void __attribute__((format(printf, 3, 4)))
find(struct verdict *v, enum verdict_level level, const char *format, ...)
{
	size_t used = strlen(v->text);
	va_list ap;

	if (used > 0 && used + 2 < sizeof(v->text))
		used += (size_t)snprintf(v->text + used, sizeof(v->text) - used, "; ");
	va_start(ap, format);
	vsnprintf(v->text + used, sizeof(v->text) - used, format, ap);
	va_end(ap);
	if (level > v->level)
		v->level = level;
}

/* The worst level whose threshold is reached. */
static enum verdict_level
level_of(double value, const double threshold[3], int above)
{
	int level;

	for (level = VERDICT_CRITICAL; level > VERDICT_OK; level--)
		if (value > threshold[level] || (!above && value >= threshold[level]))
			break;
	return ((enum verdict_level)level);
}

static double
rate_of_errors(const struct reading *r, const char *operation)
{
	return (numbers_rate(&r->before, &r->now, counts_get(&r->before.errors, operation),
	    counts_get(&r->now.errors, operation)));
}

static void
judge_upstream(struct verdict *v, const struct thresholds *t, const struct reading *r)
{
	char age[UNITS_SIZE];
	int errors;

	if (t->silence == 0 || r->silence == 0 || r->silence < (double)t->silence / SECOND)
		return;
	errors = rate_of_errors(r, "upstream_read") + rate_of_errors(r, "upstream_write") > 0;
	find(v, VERDICT_CRITICAL, "the upstream %s has answered nobody for %s%s",
	    r->now.upstream, units_long(age, r->silence),
	    errors ? " and refuses, or is not reached: is its service up?"
		   : ": is it up, does its firewall let this host in?");
}

/* Nobody can get a session, so no session tells of it. */
static void
judge_route(struct verdict *v, const struct reading *r)
{
	static const char reason[] = "upstream_unreachable";

	if (counts_get(&r->now.drops, reason) > counts_get(&r->before.drops, reason))
		find(v, VERDICT_CRITICAL,
		    "there is no route to the upstream %s: try 'ip -6 route get' with its address",
		    r->now.upstream);
}

static void
judge_relays(struct verdict *v, const struct reading *r)
{
	int down = numbers_relays(&r->now, 0), up = numbers_relays(&r->now, 1);

	if (down > 0)
		find(v, VERDICT_CRITICAL,
		    "%d of %d relays %s not answer: the log of udp46 says why", down, down + up,
		    down == 1 ? "does" : "do");
}

static void
judge_sessions(struct verdict *v, const struct thresholds *t, const struct reading *r)
{
	double percent;
	enum verdict_level level;

	if (r->now.capacity <= 0)
		return;
	percent = 100 * r->now.active / r->now.capacity;
	if ((level = level_of(percent, t->sessions, 0)) != VERDICT_OK)
		find(v, level,
		    "%.0f of %.0f sessions are open (%.0f %%): raise --max-sessions, "
		    "--upstream-ports or LimitNOFILE",
		    r->now.active, r->now.capacity, percent);
}

/* Names the reason that grows fastest. */
static void
judge_drops(struct verdict *v, const struct thresholds *t, const struct reading *r)
{
	const struct counts *now = &r->now.drops;
	double rate, all = 0, most = 0;
	const char *reason = "";
	enum verdict_level level;
	char text[UNITS_SIZE];
	size_t i;

	for (i = 0; i < now->count; i++) {
		rate = numbers_rate(&r->before, &r->now,
		    counts_get(&r->before.drops, now->of[i].name), now->of[i].value);
		all += rate;
		if (rate > most) {
			most = rate;
			reason = now->of[i].name;
		}
	}
	if ((level = level_of(all, t->drops, 1)) != VERDICT_OK)
		find(v, level,
		    "%s datagrams a second are dropped, most as %s: see udp46ctl drops",
		    units_short(text, all), reason);
}

void
verdict_make(struct verdict *v, const struct thresholds *t, const struct reading *r)
{
	*v = (struct verdict){ VERDICT_OK, "" };
	judge_relays(v, r);
	judge_route(v, r);
	judge_upstream(v, t, r);
	judge_sessions(v, t, r);
	judge_drops(v, t, r);
}
