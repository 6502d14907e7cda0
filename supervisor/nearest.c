/*
 * What was meant by a flag that there is not.  The distance is that of optimal string alignment:
 * Levenshtein's, in which a swap of two neighbours, the most frequent slip, is one step.
 */
#include <stdio.h>
#include <string.h>

#include "supervisor/nearest.h"
#include "supervisor/options.h"

static unsigned int
least(unsigned int a, unsigned int b)
{
	return (a < b ? a : b);
}

unsigned int
nearest_distance(const char *a, const char *b)
{
	/* Of what precedes: two letters of a, one, and none. */
	unsigned int row[3][NEAREST_WORD_MAX + 1];
	unsigned int *before = row[0], *last = row[1], *now = row[2], *spare;
	size_t i, j, n = strlen(a), m = strlen(b);

	for (j = 0; j <= m; j++)
		last[j] = before[j] = (unsigned int)j;
	for (i = 1; i <= n; i++) {
		now[0] = (unsigned int)i;
		for (j = 1; j <= m; j++) {
			now[j] = least(last[j], now[j - 1]) + 1;
			now[j] = least(now[j], last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return (last[m]);
}

/* The only flag that begins so. */
static const struct flag *
find_abbreviated(const char *name)
{
	const struct flag *found = NULL;
	size_t i;

	for (i = 0; i < OPTIONS_FLAGS; i++) {
		if (strncmp(options_flags[i].name, name, strlen(name)) != 0)
			continue;
		if (found != NULL)
			return (NULL);
		found = &options_flags[i];
	}
	return (found);
}

const struct flag *
nearest_flag(const char *name)
{
	const struct flag *found;
	unsigned int distance, best = NEAREST_WORD_MAX;
	size_t i, n = strlen(name);

	if (n < 2 || n > NEAREST_WORD_MAX)
		return (NULL);
	if ((found = find_abbreviated(name)) != NULL)
		return (found);
	for (i = 0; i < OPTIONS_FLAGS; i++) {
		distance = nearest_distance(name, options_flags[i].name);
		if (distance == best)
			found = NULL;
		if (distance < best) {
			best = distance;
			found = &options_flags[i];
		}
	}
	return (best <= n / 3 ? found : NULL);
}

char *
nearest_hint(char *to, size_t size, const char *dashes, const char *name)
{
	const struct flag *flag = nearest_flag(name);

	to[0] = '\0';
	if (flag != NULL)
		snprintf(to, size, "did you mean %s%s? ", dashes, flag->name);
	return (to);
}
