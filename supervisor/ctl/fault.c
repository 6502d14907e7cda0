#include <stdarg.h>
#include <stdio.h>

#include "supervisor/ctl/fault.h"

int
fault_set(struct fault *fault, enum fault_kind kind, const char *format, ...)
{
	va_list ap;

	fault->kind = kind;
	va_start(ap, format);
	vsnprintf(fault->text, sizeof(fault->text), format, ap);
	va_end(ap);
	return (-1);
}
