#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/duration.h"

struct unit {
	const char *name;
	int64_t ns;
};

/* Longer names before their prefixes: "ms" before "m". */
static const struct unit units[] = {
	{ "ns", NANOSECOND },
	{ "us", MICROSECOND },
	{ "\xc2\xb5s", MICROSECOND }, /* U+00B5 micro sign */
	{ "\xce\xbcs", MICROSECOND }, /* U+03BC Greek mu */
	{ "ms", MILLISECOND },
	{ "s", SECOND },
	{ "m", 60 * SECOND },
	{ "h", 3600 * SECOND },
};

static const struct unit *
find_unit(const char *s)
{
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strncmp(s, units[i].name, strlen(units[i].name)) == 0)
			return (&units[i]);
	return (NULL);
}

static int
is_digit(char c)
{
	return (c >= '0' && c <= '9');
}

/* Read "12.5" as whole 12 and 5/10; the fraction stops counting past 15 digits. */
static int
read_number(const char **s, int64_t *whole, int64_t *fraction, int64_t *scale)
{
	const char *start = *s;
	int digits = 0;

	*whole = *fraction = 0;
	*scale = 1;
	for (; is_digit(**s); (*s)++, digits++) {
		if (*whole > (INT64_MAX - 9) / 10) {
			errno = ERANGE;
			return (-1);
		}
		*whole = *whole * 10 + (**s - '0');
	}
	if (**s == '.') {
		for ((*s)++; is_digit(**s); (*s)++, digits++) {
			if (*scale >= INT64_C(1000000000000000))
				continue;
			*fraction = *fraction * 10 + (**s - '0');
			*scale *= 10;
		}
	}
	if (digits == 0) {
		*s = start;
		errno = EINVAL;
		return (-1);
	}
	return (0);
}

const char *
duration_parse(const char *text, int64_t *ns)
{
	const struct unit *unit;
	const char *s = text;
	int64_t whole, fraction, scale, part, total = 0;

	if (strcmp(text, "0") == 0) {
		*ns = 0;
		return (NULL);
	}
	if (*s == '\0')
		return ("is empty");
	if (*s == '-' || *s == '+')
		return ("has a sign");
	do {
		if (read_number(&s, &whole, &fraction, &scale) == -1)
			return (errno == ERANGE ? "is too long" : "is not a duration");
		if (*s == '\0')
			return ("has no unit");
		if ((unit = find_unit(s)) == NULL)
			return ("has an unknown unit");
		s += strlen(unit->name);
		if (__builtin_mul_overflow(whole, unit->ns, &part) ||
		    __builtin_add_overflow(total, part, &total) ||
		    __builtin_add_overflow(
			total, (int64_t)((__int128)fraction * unit->ns / scale), &total))
			return ("is too long");
	} while (*s != '\0');
	*ns = total;
	return (NULL);
}

/* Append "12.5UNIT" for ns in units of `unit`, without trailing zeros. */
static void
append_fraction(int64_t ns, const char *name, int64_t unit, char *buf, size_t size)
{
	char digits[32];
	size_t used = strlen(buf), n;

	snprintf(buf + used, size - used, "%lld", (long long)(ns / unit));
	used = strlen(buf);
	if (ns % unit != 0) {
		/* Nine places after the point, whatever the unit. */
		snprintf(
		    digits, sizeof(digits), "%09lld", (long long)(ns % unit * (SECOND / unit)));
		for (n = 9; n > 0 && digits[n - 1] == '0'; n--)
			digits[n - 1] = '\0';
		snprintf(buf + used, size - used, ".%s", digits);
		used = strlen(buf);
	}
	snprintf(buf + used, size - used, "%s", name);
}

char *
duration_format(int64_t ns, char *buf, size_t size)
{
	size_t used;

	buf[0] = '\0';
	if (ns == 0) {
		snprintf(buf, size, "0s");
		return (buf);
	}
	if (ns >= 3600 * SECOND) {
		snprintf(buf, size, "%lldh", (long long)(ns / (3600 * SECOND)));
		ns %= 3600 * SECOND;
	}
	if (ns >= 60 * SECOND) {
		used = strlen(buf);
		snprintf(buf + used, size - used, "%lldm", (long long)(ns / (60 * SECOND)));
		ns %= 60 * SECOND;
	}
	if (ns >= SECOND)
		append_fraction(ns, "s", SECOND, buf, size);
	else if (ns >= MILLISECOND)
		append_fraction(ns, "ms", MILLISECOND, buf, size);
	else if (ns >= MICROSECOND)
		append_fraction(ns, "us", MICROSECOND, buf, size);
	else if (ns > 0)
		append_fraction(ns, "ns", NANOSECOND, buf, size);
	return (buf);
}
