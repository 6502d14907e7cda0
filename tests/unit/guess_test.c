#include <stdio.h>
#include <string.h>

#include "supervisor/guess.h"
#include "tests/unit/unit.h"

CASE(values)
{
	static const struct {
		const char *flag, *value, *guess; /* NULL: none */
	} cases[] = {
		{ "listen", ":51820", "0.0.0.0:51820" },
		{ "listen", "51820", "0.0.0.0:51820" },
		{ "listen", "*:51820", "0.0.0.0:51820" },
		{ "listen", "[::]:51820", "0.0.0.0:51820" },
		{ "listen", "localhost:1", "127.0.0.1:1" },
		{ "listen", "65536", NULL },
		{ "listen", "123456", NULL },
		{ "listen", "", NULL },
		{ "listen", ":", NULL },
		{ "listen", ":x", NULL },
		{ "listen", "localhost:", NULL },
		{ "listen", "192.0.2.1", NULL },
		{ "upstream", "2001:db8::1:51820", "[2001:db8::1]:51820" },
		{ "upstream", "2001:db8:1:2:3:4:5:6:7000", "[2001:db8:1:2:3:4:5:6]:7000" },
		{ "upstream", "2001:db8:1:2:3:4:5:6", "[2001:db8:1:2:3:4:5:6]:PORT" },
		{ "upstream", "fe80::1%eth0:7000", "[fe80::1%eth0]:7000" },
		{ "upstream", "2001:db8::face", "[2001:db8::face]:PORT" },
		{ "upstream", "2001:db8::1:99999", NULL },
		{ "upstream", "[2001:db8::1]", "[2001:db8::1]:PORT" },
		{ "upstream", "[2001:db8::1", NULL },
		{ "upstream", "[1]", NULL },
		{ "upstream", "[", NULL },
		{ "upstream", "[:", NULL },
		{ "upstream", "home.example.net", NULL },
		{ "upstream", "", NULL },
		{ "metrics.listen", "9108", "127.0.0.1:9108" },
		{ "metrics.listen", "::1:9108", "[::1]:9108" },
		{ "metrics.listen", "/run/m", "unix:/run/m" },
		{ "session-timeout", "180", "180s" },
		{ "session-timeout", "0", NULL },
		{ "session-timeout", "1234567890", NULL },
		{ "session-timeout", "-5", NULL },
		{ "workers", "5", NULL },
	};
	char to[64], host[512];
	const char *guess;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		guess = guess_value(to, sizeof(to), cases[i].flag, cases[i].value);
		if (cases[i].guess == NULL)
			ATF_CHECK_MSG(guess == NULL, "%s: %s", cases[i].value, guess);
		else
			ATF_CHECK_STREQ_MSG(guess != NULL ? guess : "none", cases[i].guess,
			    "%s", cases[i].value);
	}
	/* One that does not fit is none. */
	memset(host, ':', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ATF_CHECK(guess_value(to, sizeof(to), cases[i].flag, host) == NULL);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, values);
	return (atf_no_error());
}
