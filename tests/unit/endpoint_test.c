#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/endpoint.h"
#include "tests/unit/unit.h"

CASE(ipv4)
{
	struct sockaddr_in sin;
	char text[ENDPOINT_STRLEN];

	ATF_CHECK(endpoint_parse_ipv4("192.0.2.1:51820", &sin) == NULL);
	ATF_CHECK_EQ(sin.sin_family, AF_INET);
	ATF_CHECK_EQ(ntohs(sin.sin_port), 51820);
	ATF_CHECK_STREQ(endpoint_format_ipv4(&sin, text), "192.0.2.1:51820");
	ATF_CHECK(endpoint_parse_ipv4("0.0.0.0:0", &sin) == NULL);
	ATF_CHECK_STREQ(endpoint_format_ipv4(&sin, text), "0.0.0.0:0");
}

CASE(ipv4_bad)
{
	static const char *const bad[] = { "", ":", "192.0.2.1", "192.0.2.1:", ":53",
		"192.0.2:53", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:+1", "192.0.2.1: 1",
		"192.0.2.1:1x", "[::1]:53", "::1:53", "example.net:53", "224.0.0.1:53",
		"255.255.255.255:53", "192.0.2.1.:53", "0x1.2.3.4:53",
		"192.0.2.1:99999999999999999999" };
	struct sockaddr_in sin;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_MSG(endpoint_parse_ipv4(bad[i], &sin) != NULL, "'%s'", bad[i]);
}

CASE(split)
{
	char host[ENDPOINT_HOST_MAX + 1], longest[ENDPOINT_HOST_MAX + 8];
	uint16_t port;

	ATF_CHECK(endpoint_split("[2001:db8::1]:53", host, &port) == NULL);
	ATF_CHECK_STREQ(host, "2001:db8::1");
	ATF_CHECK_EQ(port, 53);
	ATF_CHECK(endpoint_split("home.example.net:51820", host, &port) == NULL);
	ATF_CHECK_STREQ(host, "home.example.net");
	ATF_CHECK(endpoint_split("[2001:db8::1]", host, &port) != NULL);
	ATF_CHECK(endpoint_split("[2001:db8::1]53", host, &port) != NULL);
	ATF_CHECK(endpoint_split("[2001:db8::1:53", host, &port) != NULL);
	ATF_CHECK(endpoint_split("2001:db8::1:53", host, &port) != NULL);
	ATF_CHECK(endpoint_split("[]:53", host, &port) != NULL);
	memset(longest, 'a', sizeof(longest));
	strlcpy(longest + ENDPOINT_HOST_MAX, ":1", 8);
	ATF_CHECK(endpoint_split(longest, host, &port) == NULL);
	memset(longest, 'a', sizeof(longest));
	strlcpy(longest + ENDPOINT_HOST_MAX + 1, ":1", 7);
	ATF_CHECK(endpoint_split(longest, host, &port) != NULL);
}

CASE(ipv6)
{
	struct sockaddr_in6 sin6;
	char text[ENDPOINT_STRLEN], name[IF_NAMESIZE];

	memset(&sin6, 0, sizeof(sin6));
	ATF_REQUIRE_EQ(endpoint_parse_ipv6("2001:db8::1", &sin6, name), 0);
	sin6.sin6_port = htons(51820);
	ATF_CHECK_STREQ(endpoint_format_ipv6(&sin6, text), "[2001:db8::1]:51820");
	ATF_CHECK(endpoint_parse_ipv6("192.0.2.1", &sin6, name) == -1 && errno == EINVAL);
	ATF_CHECK(endpoint_parse_ipv6("2001:db8::1::2", &sin6, name) == -1 && errno == EINVAL);
	ATF_CHECK(endpoint_parse_ipv6("", &sin6, name) == -1 && errno == EINVAL);
}

CASE(interfaces)
{
	struct sockaddr_in6 sin6;
	char text[ENDPOINT_STRLEN], name[IF_NAMESIZE];

	memset(&sin6, 0, sizeof(sin6));
	ATF_REQUIRE_EQ(endpoint_parse_ipv6("fe80::1%lo", &sin6, name), 0);
	ATF_CHECK_STREQ(name, "lo");
	ATF_CHECK_EQ(sin6.sin6_scope_id, 0);
	ATF_REQUIRE_EQ(endpoint_find_interface(&sin6, name), 0);
	ATF_CHECK_EQ(sin6.sin6_scope_id, if_nametoindex("lo"));
	ATF_CHECK_STREQ(endpoint_format_address6(&sin6, text), "fe80::1%lo");
	sin6.sin6_port = htons(51820);
	ATF_CHECK_STREQ(endpoint_format_ipv6(&sin6, text), "[fe80::1%lo]:51820");
	ATF_CHECK(endpoint_find_interface(&sin6, "none0") == -1 && errno == ENODEV);
	ATF_CHECK_EQ(sin6.sin6_scope_id, 0);
	/* What does not exist yet is read; a number is an index, and not looked up. */
	ATF_REQUIRE_EQ(endpoint_parse_ipv6("fe80::1%fifteen-letters", &sin6, name), 0);
	ATF_CHECK_STREQ(name, "fifteen-letters");
	ATF_REQUIRE_EQ(endpoint_parse_ipv6("fe80::1%4000", &sin6, name), 0);
	ATF_CHECK_STREQ(name, "");
	ATF_CHECK_EQ(sin6.sin6_scope_id, 4000);
	ATF_REQUIRE_EQ(endpoint_find_interface(&sin6, name), 0);
	ATF_CHECK_EQ(sin6.sin6_scope_id, 4000);
	ATF_CHECK_STREQ(endpoint_format_address6(&sin6, text), "fe80::1%4000");
	/* Only link-local addresses need one. */
	ATF_REQUIRE_EQ(endpoint_parse_ipv6("2001:db8::1%none0", &sin6, name), 0);
	ATF_CHECK_STREQ(name, "");
	ATF_CHECK_EQ(sin6.sin6_scope_id, 0);
}

/* The kernel has no interface of such a name, ever. */
CASE(interfaces_bad)
{
	static const char *const bad[] = { "", ".", "..", "sixteen-letters-", "a/b", "a b",
		"a\tb", "a:b", "a\240", "0", "2147483648", "99999999999999" };
	struct sockaddr_in6 sin6;
	char host[64], name[IF_NAMESIZE];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(host, sizeof(host), "fe80::1%%%s", bad[i]);
		ATF_CHECK_MSG(endpoint_parse_ipv6(host, &sin6, name) == -1 && errno == ENODEV,
		    "%s", host);
	}
}

CASE(upstream)
{
	static const char *const bad[] = { "::ffff:192.0.2.1", "::", "ff02::1", "fe80::1" };
	static const char *const good[] = { "2001:db8::1", "::1", "fe80::1%eth0", "fe80::1%2" };
	struct sockaddr_in6 sin6;
	char name[IF_NAMESIZE];
	size_t i;

	memset(&sin6, 0, sizeof(sin6));
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ATF_REQUIRE_EQ(endpoint_parse_ipv6(good[i], &sin6, name), 0);
		ATF_CHECK_MSG(endpoint_check_upstream(&sin6, name) == NULL, "%s", good[i]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ATF_REQUIRE_EQ(endpoint_parse_ipv6(bad[i], &sin6, name), 0);
		ATF_CHECK_MSG(endpoint_check_upstream(&sin6, name) != NULL, "%s", bad[i]);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, ipv4);
	ATF_TP_ADD_TC(tp, ipv4_bad);
	ATF_TP_ADD_TC(tp, split);
	ATF_TP_ADD_TC(tp, ipv6);
	ATF_TP_ADD_TC(tp, interfaces);
	ATF_TP_ADD_TC(tp, interfaces_bad);
	ATF_TP_ADD_TC(tp, upstream);
	return (atf_no_error());
}
