/*
 * A program that is linked with libmicrohttpd as udp46 would be, and never run.  The linker
 * sees whether the library has what we use; and the name by which it is loaded is read from here,
 * as are the packages that udp46 depends on.
 */
#include "supervisor/metrics/microhttpd.h"

#define FUNCTION(name) MHD_##name,

static const struct microhttpd linked
    __attribute__((used)) = { MICROHTTPD_FUNCTIONS(FUNCTION) };

int
main(void)
{
	return (0);
}
