#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "supervisor/metrics/text.h"

static int
grow(struct text *t, size_t need)
{
	size_t size = t->size == 0 ? 4096 : t->size;
	char *buf;

	while (size - t->len <= need)
		size *= 2;
	if (size == t->size)
		return (0);
	if ((buf = realloc(t->buf, size)) == NULL) {
		t->failed = 1;
		return (-1);
	}
	t->buf = buf;
	t->size = size;
	return (0);
}

void
text_printf(struct text *t, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n < 0 || grow(t, (size_t)n) == -1)
		return;
	va_start(ap, format);
	vsnprintf(t->buf + t->len, t->size - t->len, format, ap);
	va_end(ap);
	t->len += (size_t)n;
}

void
text_time(struct text *t, int64_t ns)
{
	time_t seconds;
	struct tm tm;
	char buf[32];

	if (ns < 0)
		ns = 0;
	seconds = (time_t)(ns / SECOND);
	if (gmtime_r(&seconds, &tm) == NULL ||
	    strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return;
	text_printf(t, "%s.%09uZ", buf, (unsigned int)(ns % SECOND));
}

void
text_ipv4(struct text *t, uint32_t address)
{
	char buf[INET_ADDRSTRLEN];

	text_printf(t, "%s", inet_ntop(AF_INET, &address, buf, sizeof(buf)));
}

void
text_ipv6(struct text *t, const uint8_t address[16])
{
	char buf[INET6_ADDRSTRLEN];

	text_printf(t, "%s", inet_ntop(AF_INET6, address, buf, sizeof(buf)));
}

void
text_reset(struct text *t)
{
	t->len = 0;
	t->failed = 0;
}

void
text_free(struct text *t)
{
	free(t->buf);
	memset(t, 0, sizeof(*t));
}
