#include <arpa/inet.h>
#include <stdio.h>

#include "common/clock.h"
#include "supervisor/ctl/line.h"
#include "supervisor/ctl/row.h"
#include "supervisor/ctl/units.h"

static double
seconds_since(int64_t now, int64_t then)
{
	return ((double)(now - then) / SECOND);
}

char *
line_of_totals(char to[LINE_SIZE], const struct row *row, int64_t now)
{
	char client[ENDPOINT_STRLEN], listener[ENDPOINT_STRLEN], age[UNITS_SIZE],
	    idle[UNITS_SIZE], up[UNITS_SIZE], down[UNITS_SIZE];

	if (row == NULL)
		snprintf(to, LINE_SIZE, "%-21s %-21s %5s %-9s%4s %4s %5s %5s", "CLIENT",
		    "LISTENER", "PORT", "STATE", "AGE", "IDLE", "UP", "DOWN");
	else
		snprintf(to, LINE_SIZE, "%-21s %-21s %5u %-9s%4s %4s %5s %5s",
		    endpoint_format_ipv4(&row->client, client),
		    endpoint_format_ipv4(&row->listener, listener), row->local_port,
		    session_state_names[row->state],
		    units_age(age, seconds_since(now, row->created)),
		    units_age(idle, seconds_since(now, row_last(row))),
		    units_short(up, (double)row->bytes[CLIENT_TO_UPSTREAM]),
		    units_short(down, (double)row->bytes[UPSTREAM_TO_CLIENT]));
	return (to);
}

char *
line_of_rates(char to[LINE_SIZE], const struct row *row, int64_t now)
{
	char client[ENDPOINT_STRLEN], listener[ENDPOINT_STRLEN], idle[UNITS_SIZE],
	    text[5][UNITS_SIZE];
	size_t d;

	if (row == NULL) {
		snprintf(to, LINE_SIZE, "%-21s %5s %-9s %4s %6s %6s %6s %6s %6s %-21s",
		    "CLIENT", "PORT", "STATE", "IDLE", "UP/S", "bit/s", "DOWN/S", "bit/s",
		    "BYTES", "LISTENER");
		return (to);
	}
	for (d = 0; d < DIRECTION_MAX; d++) {
		units_short(text[2 * d], row->packet_rate[d]);
		units_short(text[2 * d + 1], 8 * row->byte_rate[d]);
	}
	units_short(text[4], (double)row->bytes[0] + (double)row->bytes[1]);
	snprintf(to, LINE_SIZE, "%-21s %5u %-9s %4s %6s %6s %6s %6s %6s %-21s",
	    endpoint_format_ipv4(&row->client, client), row->local_port,
	    session_state_names[row->state], units_age(idle, seconds_since(now, row_last(row))),
	    text[0], text[1], text[2], text[3], text[4],
	    endpoint_format_ipv4(&row->listener, listener));
	return (to);
}
