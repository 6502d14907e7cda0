#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "microhttpd_name.h"
#include "supervisor/metrics/microhttpd.h"

#define NAME_AND_PLACE(name) { "MHD_" #name, offsetof(struct microhttpd, name) },

static const struct {
	const char *name;
	size_t place;
} functions[] = { MICROHTTPD_FUNCTIONS(NAME_AND_PLACE) };

struct microhttpd microhttpd;

const char microhttpd_remedy[] =
    "install libmicrohttpd, which Debian has as the package " MICROHTTPD_PACKAGE;

const char *
microhttpd_load(void)
{
	void *library, *function;
	size_t i;

	/* All of its symbols now: later no file can be read to find one. */
	if ((library = dlopen(MICROHTTPD_SONAME, RTLD_NOW | RTLD_LOCAL)) == NULL)
		return (dlerror());
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if ((function = dlsym(library, functions[i].name)) == NULL)
			return (dlerror());
		memcpy((char *)&microhttpd + functions[i].place, &function, sizeof(function));
	}
	return (NULL);
}
