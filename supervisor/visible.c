#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBBSD_OPENBSD_VIS /* it wants to know which vis(3) */
#include <vis.h>

#include "supervisor/log_output.h"
#include "supervisor/visible.h"

#define MESSAGE_MAX 1024
#define VISIBLE_FLAGS (VIS_CSTYLE | VIS_NL | VIS_TAB | VIS_NOSLASH)

/* One by one: what does not fit into strnvis(3)'s room it leaves without an end. */
char *
visible(char *to, size_t size, const char *text)
{
	char one[VISIBLE_SIZE(1)];
	size_t n, used = 0;

	for (; *text != '\0'; text++) {
		n = (size_t)(vis(one, (unsigned char)*text, VISIBLE_FLAGS,
				 (unsigned char)text[1]) -
		    one);
		if (used + n >= size)
			break;
		memcpy(to + used, one, n);
		used += n;
	}
	to[used] = '\0';
	return (to);
}

static void __attribute__((format(printf, 1, 0))) say(const char *format, va_list ap)
{
	char message[MESSAGE_MAX], shown[VISIBLE_SIZE(MESSAGE_MAX)];

	vsnprintf(message, sizeof(message), format, ap);
	/* As an error, where systemd asks for priorities: sd-daemon(3). */
	fprintf(stderr, "%s%s: %s\n", log_output_is_journal(STDERR_FILENO) ? "<3>" : "",
	    getprogname(), visible(shown, sizeof(shown), message));
}

void
complain(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
}

void
refuse(int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	exit(status);
}
