#include <math.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/ctl/samples.h"
#include "tests/unit/unit.h"

static char said[4096];

/* One line a sample: name, labels, value. */
static void
say(void *arg, const struct sample *s)
{
	size_t i, used = strlen(said);

	ATF_REQUIRE_EQ(arg, said);
	used += (size_t)snprintf(said + used, sizeof(said) - used, "%s", s->name);
	for (i = 0; i < s->labels; i++)
		used += (size_t)snprintf(said + used, sizeof(said) - used, " %s=<%s>",
		    s->label[i].name, s->label[i].value);
	snprintf(said + used, sizeof(said) - used, " %g\n", s->value);
}

/* Feed a text in pieces of this size; returns what is wrong, NULL for nothing. */
static const char *
parse(const char *text, size_t length, size_t piece)
{
	static struct samples s;
	size_t i, n;

	said[0] = '\0';
	samples_init(&s, say, said);
	for (i = 0; i < length; i += n) {
		n = length - i < piece ? length - i : piece;
		if (samples_feed(&s, text + i, n) == -1)
			return (s.error);
	}
	return (samples_end(&s) == -1 ? s.error : NULL);
}

#define PARSE(text) parse(text, strlen(text), strlen(text) + 1)

/* What the format allows, however it is cut. */
CASE(good)
{
	static const char text[] = "# HELP a What\n# TYPE a counter\n\n \t\n"
				   "a 1\n"
				   "a{} 2\n"
				   "a_b:c{x=\"1\",y=\"two words\"} 3.5 1795792566\n"
				   "a{x=\"quote \\\" back \\\\ line \\n \\\\n\",} 1e3\n"
				   " a\t{x=\"}\"}\t+Inf\n"
				   "a NaN -5\n"
				   "a{ x=\"\" , y=\",\" } -7\n";
	size_t piece;

	for (piece = 1; piece < sizeof(text); piece++) {
		const char *error = parse(text, strlen(text), piece);

		/* A blank before the brace is not in the format. */
		ATF_CHECK_STREQ(error, "no number");
		ATF_CHECK_STREQ(said,
		    "a 1\na 2\na_b:c x=<1> y=<two words> 3.5\n"
		    "a x=<quote \" back \\ line \n \\n> 1000\n");
	}
	ATF_CHECK_EQ(PARSE("a{x=\"}\"}\t+Inf\na NaN -5\na{ x=\"\" , y=\",\" } -7\n"), NULL);
	ATF_CHECK_STREQ(said, "a x=<}> inf\na nan\na x=<> y=<,> -7\n");
	ATF_CHECK_EQ(PARSE(""), NULL);
}

CASE(bad)
{
	static const char *const lines[] = { "{x=\"1\"} 1", "a", "a ", "a{", "a{x",
		"a{x=", "a{x=\"", "a{x=\"1", "a{x=\"1\\", "a{x=\"1\"", "a{x=\"1\"}",
		"a{x=\"1\" y=\"2\"} 1", "a{=\"1\"} 1", "a{x=1} 1", "a{x=\"1\"}} 1", "a 1x",
		"a 0x10", "a 1 2 3", "a 1 x", "a one", "a-b 1", "\033[2J 1", "a=1", "a{,} 1" };
	char text[64];
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(text, sizeof(text), "b 1\n%s\nc 1\n", lines[i]);
		ATF_CHECK_MSG(PARSE(text) != NULL, "%s", lines[i]);
		ATF_CHECK_STREQ_MSG(said, "b 1\n", "%s", lines[i]);
	}
	ATF_CHECK_STREQ(PARSE("a 1\nb 2"), "no end");
	ATF_CHECK_STREQ(parse("a 1\0\n", 5, 5), "a zero byte");
}

CASE(bounds)
{
	static char text[SAMPLES_LINE_MAX + 16];
	size_t i, used = 0;

	memset(text, 'a', SAMPLES_LINE_MAX);
	memcpy(text + SAMPLES_LINE_MAX - 2, " 1\n", 4);
	ATF_CHECK_EQ(PARSE(text), NULL);
	memset(text, 'a', SAMPLES_LINE_MAX + 1);
	text[SAMPLES_LINE_MAX + 1] = '\0';
	ATF_CHECK_STREQ(PARSE(text), "too long");
	for (i = 0; i <= SAMPLES_LABELS_MAX; i++) {
		used = (size_t)snprintf(text, sizeof(text), "a{");
		for (size_t l = 0; l < i; l++)
			used +=
			    (size_t)snprintf(text + used, sizeof(text) - used, "l=\"%zu\",", l);
		snprintf(text + used, sizeof(text) - used, "} 1\n");
		ATF_CHECK_EQ(PARSE(text), NULL);
	}
	snprintf(text + used, sizeof(text) - used, "l=\"x\"} 1\n");
	ATF_CHECK_STREQ(PARSE(text), "too many labels");
}

CASE(label)
{
	struct sample s = { .name = "a", .labels = 2 };

	s.label[0].name = "x";
	s.label[0].value = "1";
	s.label[1].name = "xy";
	s.label[1].value = "2";
	ATF_CHECK_STREQ(sample_label(&s, "xy"), "2");
	ATF_CHECK_EQ(sample_label(&s, "y"), NULL);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, good);
	ATF_TP_ADD_TC(tp, bad);
	ATF_TP_ADD_TC(tp, bounds);
	ATF_TP_ADD_TC(tp, label);
	return (atf_no_error());
}
