#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "supervisor/ctl/units.h"

char *
units_short(char *to, double number)
{
	static const char prefixes[] = " kMGTPEZY";
	size_t i = 0;

	if (!(number > 0))
		number = 0;
	/* Four digits need no prefix. */
	if (number >= 9999.5)
		for (i = 0; number >= 999.5 && prefixes[i + 1] != '\0'; i++)
			number /= 1000;
	if (i == 0)
		snprintf(
		    to, UNITS_SIZE, "%.*f", number < 9.95 && number != floor(number), number);
	else
		snprintf(to, UNITS_SIZE, "%.*f%c",
		    number < 9.995	 ? 2
			: number < 99.95 ? 1
					 : 0,
		    number, prefixes[i]);
	return (to);
}

char *
units_exact(char *to, double number)
{
	if (!(number > 0))
		number = 0;
	snprintf(to, UNITS_SIZE, number < 1e15 ? "%.0f" : "%.6g", number);
	return (to);
}

static const struct {
	const char *name;
	const char *mark;
	double seconds;
} spans[] = {
	{ "d", "d", 86400 },
	{ "h", "h", 3600 },
	{ "min", "m", 60 },
	{ "s", "s", 1 },
};
#define SPANS (sizeof(spans) / sizeof(spans[0]))

/* The largest unit of which it is one or more; seconds for less. */
static size_t
span_of(double seconds)
{
	size_t i;

	for (i = 0; i < SPANS - 1 && seconds < spans[i].seconds; i++)
		;
	return (i);
}

static double
sensible(double seconds)
{
	return (seconds > 0 ? fmin(seconds, 999999 * spans[0].seconds) : 0);
}

char *
units_age(char *to, double seconds)
{
	size_t i;

	seconds = sensible(seconds);
	i = span_of(seconds);
	/* Four characters, even of a clock that is wrong by ages. */
	if (seconds >= 1000 * spans[0].seconds)
		snprintf(to, UNITS_SIZE, "%.0fy",
		    fmin(999, floor(seconds / spans[0].seconds / 365.25)));
	else
		snprintf(
		    to, UNITS_SIZE, "%.0f%s", floor(seconds / spans[i].seconds), spans[i].mark);
	return (to);
}

char *
units_long(char *to, double seconds)
{
	double rest;
	size_t i;
	int n;

	seconds = sensible(seconds);
	i = span_of(seconds);
	if (seconds < 10) {
		snprintf(to, UNITS_SIZE, "%.1f s", floor(seconds * 10) / 10);
		return (to);
	}
	n = snprintf(
	    to, UNITS_SIZE, "%.0f %s", floor(seconds / spans[i].seconds), spans[i].name);
	if (i + 1 == SPANS)
		return (to);
	rest = floor(fmod(seconds, spans[i].seconds) / spans[i + 1].seconds);
	if (rest > 0)
		snprintf(to + n, UNITS_SIZE - (size_t)n, " %.0f %s", rest, spans[i + 1].name);
	return (to);
}

char *
units_time(char *to, int64_t ns)
{
	time_t seconds = (time_t)(ns / SECOND);
	struct tm tm;

	if (localtime_r(&seconds, &tm) == NULL ||
	    strftime(to, UNITS_SIZE, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		strlcpy(to, "?", UNITS_SIZE);
	return (to);
}
