/*
 * Values as people write them who know them from other programs.  What is guessed is right in
 * form: who reads it can copy it.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/endpoint.h"
#include "supervisor/guess.h"

static int
is_number(const char *text)
{
	return (*text != '\0' && text[strspn(text, "0123456789")] == '\0');
}

static int
is_port(const char *text)
{
	return (is_number(text) && strlen(text) <= 5 && atoi(text) <= 65535);
}

/* "51820", ":51820", "*:51820" and "[::]:51820" have a port, and mean `any`. */
static const char *
guess_any(char *to, size_t size, const char *any, const char *value)
{
	static const char *const before[] = { "*:", "[::]:", ":", "" };
	size_t i;

	for (i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		if (strncmp(value, before[i], strlen(before[i])) != 0 ||
		    !is_port(value + strlen(before[i])))
			continue;
		snprintf(to, size, "%s:%s", any, value + strlen(before[i]));
		return (to);
	}
	return (NULL);
}

static const char *
guess_listen(char *to, size_t size, const char *value)
{
	if (strncmp(value, "localhost:", 10) == 0 && is_port(value + 10)) {
		snprintf(to, size, "127.0.0.1:%s", value + 10);
		return (to);
	}
	return (guess_any(to, size, "0.0.0.0", value));
}

/* An IPv6 address without brackets: with a port after the last colon, or without one. */
static const char *
guess_brackets(char *to, size_t size, const char *value)
{
	char host[ENDPOINT_HOST_MAX + 1], interface[IF_NAMESIZE];
	const char *colon = strrchr(value, ':');
	struct sockaddr_in6 sin6;

	if (colon == NULL || strlen(value) >= sizeof(host))
		return (NULL);
	if (*value == '[') {
		if (value[strlen(value) - 1] != ']')
			return (NULL);
		snprintf(host, sizeof(host), "%.*s", (int)strlen(value) - 2, value + 1);
		if (endpoint_parse_ipv6(host, &sin6, interface) == -1)
			return (NULL);
		snprintf(to, size, "%s:PORT", value);
		return (to);
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - value), value);
	if (is_port(colon + 1) && endpoint_parse_ipv6(host, &sin6, interface) == 0)
		snprintf(to, size, "[%s]:%s", host, colon + 1);
	else if (endpoint_parse_ipv6(value, &sin6, interface) == 0)
		snprintf(to, size, "[%s]:PORT", value);
	else
		return (NULL);
	return (to);
}

static const char *
guess_metrics_listen(char *to, size_t size, const char *value)
{
	const char *guess;

	if (*value == '/') {
		snprintf(to, size, "unix:%s", value);
		return (to);
	}
	if ((guess = guess_any(to, size, "127.0.0.1", value)) != NULL)
		return (guess);
	return (guess_brackets(to, size, value));
}

/* A number without a unit: seconds, as almost everywhere. */
static const char *
guess_duration(char *to, size_t size, const char *value)
{
	if (!is_number(value) || strlen(value) > 9 || value[strspn(value, "0")] == '\0')
		return (NULL);
	snprintf(to, size, "%ss", value);
	return (to);
}

static const struct {
	const char *flag;
	const char *(*guess)(char *to, size_t size, const char *value);
} guesses[] = {
	{ "listen", guess_listen },
	{ "upstream", guess_brackets },
	{ "metrics.listen", guess_metrics_listen },
	{ "session-timeout", guess_duration },
	{ "unreplied-timeout", guess_duration },
	{ "write-timeout", guess_duration },
	{ "resolve-interval", guess_duration },
};

const char *
guess_value(char *to, size_t size, const char *flag, const char *value)
{
	size_t i;

	if (strlen(value) + sizeof("[]:PORT") > size)
		return (NULL);
	for (i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++)
		if (strcmp(guesses[i].flag, flag) == 0)
			return (guesses[i].guess(to, size, value));
	return (NULL);
}
