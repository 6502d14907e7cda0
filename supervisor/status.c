#include <stdio.h>

#include "common/clock.h"
#include "supervisor/status.h"

char *
status_format_age(int64_t age, char *buf, size_t size)
{
	static const struct {
		int64_t unit;
		const char *name;
	} units[] = {
		{ SECOND * 3600 * 24, "d" },
		{ SECOND * 3600, "h" },
		{ SECOND * 60, "min" },
		{ SECOND, "s" },
	};
	size_t i = 0;

	while (i < sizeof(units) / sizeof(units[0]) - 1 && age < units[i].unit)
		i++;
	snprintf(buf, size, "%lld %s", (long long)(age / units[i].unit), units[i].name);
	return (buf);
}

char *
status_format(const struct keepers *all, int64_t now, char *buf, size_t size)
{
	int64_t reply = keepers_last_reply(all, now);
	char address[ENDPOINT_STRLEN], age[32];
	const char *way = all->outage.kind == OUTAGE_NONE ? "" : " unreachable";
	uint32_t i, sessions = 0;

	for (i = 0; i < all->count; i++)
		sessions += all->keeper[i].store.count[SLOT_OPEN];
	endpoint_format_address6(&all->upstream.address, address);
	if (reply == 0)
		snprintf(buf, size, "%u session%s, upstream %s%s, no reply yet", sessions,
		    sessions == 1 ? "" : "s", address, way);
	else
		snprintf(buf, size, "%u session%s, upstream %s%s, last reply %s ago", sessions,
		    sessions == 1 ? "" : "s", address, way,
		    status_format_age(now - reply, age, sizeof(age)));
	return (buf);
}
