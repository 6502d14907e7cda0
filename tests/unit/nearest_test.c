#include <stdio.h>
#include <string.h>

#include "supervisor/nearest.h"
#include "supervisor/options.h"
#include "tests/unit/unit.h"

CASE(distance)
{
	static const struct {
		const char *a, *b;
		unsigned int distance;
	} pairs[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
		{ "abc", "abc", 0 },
		{ "abc", "abd", 1 },
		{ "abc", "acb", 1 },
		{ "abc", "bac", 1 },
		{ "abc", "ab", 1 },
		{ "abc", "xabc", 1 },
		{ "ab", "ba", 1 },
		{ "ca", "abc", 3 },
		{ "kitten", "sitting", 3 },
		{ "upstrem", "upstream", 1 },
		{ "listne", "listen", 1 },
	};
	char longest[NEAREST_WORD_MAX + 1];
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		ATF_CHECK_EQ_MSG(nearest_distance(pairs[i].a, pairs[i].b), pairs[i].distance,
		    "%s %s", pairs[i].a, pairs[i].b);
		ATF_CHECK_EQ_MSG(nearest_distance(pairs[i].b, pairs[i].a), pairs[i].distance,
		    "%s %s", pairs[i].b, pairs[i].a);
	}
	memset(longest, 'x', NEAREST_WORD_MAX);
	longest[NEAREST_WORD_MAX] = '\0';
	ATF_CHECK_EQ(nearest_distance(longest, longest), 0);
	ATF_CHECK_EQ(nearest_distance(longest, ""), NEAREST_WORD_MAX);
	for (i = 0; i < OPTIONS_FLAGS; i++)
		ATF_CHECK(strlen(options_flags[i].name) <= NEAREST_WORD_MAX);
}

CASE(flags)
{
	static const char *const meant[][2] = {
		{ "upstrem", "upstream" },
		{ "upsteam", "upstream" },
		{ "Upstream", "upstream" },
		{ "list", "listen" },
		{ "lisetn", "listen" },
		{ "worker", "workers" },
		{ "usr", "user" },
		{ "session_timeout", "session-timeout" },
		{ "metrics-enabled", "metrics.enabled" },
		{ "max-session", "max-sessions" },
		{ "max-sessons", "max-sessions" },
		{ "metrics", NULL },
		{ "", NULL },
		{ "x", NULL },
		{ "xy", NULL },
		{ "nonsense", NULL },
		{ "listen-listen-listen-listen-listen-listen-listen", NULL },
	};
	const struct flag *flag;
	size_t i;

	for (i = 0; i < sizeof(meant) / sizeof(meant[0]); i++) {
		flag = nearest_flag(meant[i][0]);
		if (meant[i][1] == NULL)
			ATF_CHECK_MSG(flag == NULL, "%s: %s", meant[i][0], flag->name);
		else
			ATF_CHECK_STREQ_MSG(
			    flag != NULL ? flag->name : "none", meant[i][1], "%s", meant[i][0]);
	}
	/* Each flag, with any letter gone, is found again, or nothing is. */
	for (i = 0; i < OPTIONS_FLAGS; i++) {
		char name[NEAREST_WORD_MAX + 1];

		snprintf(name, sizeof(name), "%s", options_flags[i].name + 1);
		flag = nearest_flag(name);
		ATF_CHECK_MSG(flag == &options_flags[i] || strlen(name) < 3, "%s", name);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, distance);
	ATF_TP_ADD_TC(tp, flags);
	return (atf_no_error());
}
