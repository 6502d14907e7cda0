#include <stdio.h>

#include "supervisor/ctl/drops.h"
#include "supervisor/ctl/http_client.h"
#include "supervisor/ctl/reading.h"
#include "supervisor/ctl/remedy.h"
#include "supervisor/ctl/report.h"
#include "supervisor/ctl/settings.h"
#include "supervisor/ctl/units.h"
#include "supervisor/visible.h"

/* The name is cut where the columns would not fit any more. */
static void
print_drop(const struct reading *r, const char *reason, double was, double is)
{
	char count[UNITS_SIZE], rate[UNITS_SIZE], shown[VISIBLE_SIZE(COUNTS_NAME_MAX)];
	const char *remedy = remedy_of(reason);

	printf("%-20.20s %10s %6s  %s\n", visible(shown, sizeof(shown), reason),
	    units_exact(count, is),
	    units_short(rate, numbers_rate(&r->before, &r->now, was, is)),
	    remedy == NULL ? "not known to this program: it is older" : remedy);
}

int
drops_run(const struct settings *s, struct http_client *client, struct fault *fault)
{
	static struct reading r;
	size_t i;

	if (reading_take(client, s->interval, &r, fault) == -1)
		return (-1);
	if (s->json) {
		report_print(report_drops(&r));
		return (0);
	}
	printf("%-20s %10s %6s  %s\n", "REASON", "DATAGRAMS", "/S", "WHAT TO DO");
	for (i = 0; i < r.now.drops.count; i++)
		print_drop(&r, r.now.drops.of[i].name,
		    counts_get(&r.before.drops, r.now.drops.of[i].name),
		    r.now.drops.of[i].value);
	for (i = 0; i < DIRECTION_MAX; i++)
		print_drop(
		    &r, remedy_queue_names[i], r.before.queue_drops[i], r.now.queue_drops[i]);
	return (0);
}
