#include <err.h>
#include <stdarg.h>
#include <stdio.h>

#define LIBBSD_OPENBSD_VIS /* it wants to know which strnvis(3) */
#include <vis.h>

#include "supervisor/visible.h"

#define MESSAGE_MAX 1024

char *
visible(char *to, size_t size, const char *text)
{
	strnvis(to, text, size, VIS_CSTYLE | VIS_NL | VIS_TAB | VIS_NOSLASH);
	return (to);
}

void
refuse(int status, const char *format, ...)
{
	char message[MESSAGE_MAX], shown[VISIBLE_SIZE(MESSAGE_MAX)];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	errx(status, "%s", visible(shown, sizeof(shown), message));
}
