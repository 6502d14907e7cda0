#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/duration.h"
#include "supervisor/options.h"
#include "supervisor/options_together.h"

/* A listener, and which of them it is. */
struct nth_listen {
	struct sockaddr_in address;
	uint32_t nth;
};

/* By port; 0.0.0.0 is the first that has it. */
static int
compare_address(const struct sockaddr_in *x, const struct sockaddr_in *y)
{
	if (x->sin_port != y->sin_port)
		return ((int)x->sin_port - (int)y->sin_port);
	if (x->sin_addr.s_addr == y->sin_addr.s_addr)
		return (0);
	return (x->sin_addr.s_addr < y->sin_addr.s_addr ? -1 : 1);
}

/* Of one address, in the order in which they are given. */
static int
compare_listen(const void *a, const void *b)
{
	const struct nth_listen *x = a, *y = b;
	int order = compare_address(&x->address, &y->address);

	if (order != 0)
		return (order);
	return (x->nth < y->nth ? -1 : 1);
}

/* Whether these two, in this order, cannot be bound both.  Port 0 is another one each time. */
static int
collide(const struct sockaddr_in *x, const struct sockaddr_in *y)
{
	return (x->sin_port == y->sin_port && x->sin_port != 0 &&
	    (x->sin_addr.s_addr == htonl(INADDR_ANY) ||
		x->sin_addr.s_addr == y->sin_addr.s_addr));
}

static void
blame_listen(const struct nth_listen *x, const struct nth_listen *y, struct blame *blame,
    char *error, size_t size)
{
	char one[ENDPOINT_STRLEN], other[ENDPOINT_STRLEN];

	blame->flag[0] = "listen";
	blame->nth[0] = x->nth > y->nth ? x->nth : y->nth;
	if (compare_address(&x->address, &y->address) == 0)
		snprintf(error, size, "--listen: '%s' is given twice: want each once",
		    endpoint_format_ipv4(&y->address, one));
	else
		snprintf(error, size,
		    "--listen %s has the port on every address, --listen %s on one: want one "
		    "of them, or another port",
		    endpoint_format_ipv4(&x->address, one),
		    endpoint_format_ipv4(&y->address, other));
}

static int
check_listen(const struct options *o, struct blame *blame, char *error, size_t size)
{
	struct nth_listen *sorted;
	uint32_t i;

	if ((sorted = calloc(o->listeners, sizeof(*sorted))) == NULL) {
		snprintf(error, size, "--listen: no memory");
		return (-1);
	}
	for (i = 0; i < o->listeners; i++)
		sorted[i] = (struct nth_listen){ o->listen[i], i };
	qsort(sorted, o->listeners, sizeof(*sorted), compare_listen);
	/* The first of several that collide does so with the one after it. */
	for (i = 1; i < o->listeners; i++)
		if (collide(&sorted[i - 1].address, &sorted[i].address))
			break;
	if (i < o->listeners)
		blame_listen(&sorted[i - 1], &sorted[i], blame, error, size);
	free(sorted);
	return (i < o->listeners ? -1 : 0);
}

/* A prefix must not be both allowed and denied. */
static int
check_sources(const struct options *o, struct blame *blame, char *error, size_t size)
{
	struct source_list list = { 0 };
	struct source_prefix prefix, conflict[2] = { { 0 } };
	char text[SOURCE_PREFIX_STRLEN];
	uint32_t i;
	int built = 0;

	for (i = 0; i < o->nsources && built == 0; i++) {
		prefix = o->sources[i];
		prefix.line = i;
		built = source_list_add(&list, &prefix);
	}
	while (built == 0)
		built = source_list_build(&list, conflict);
	if (built == -1 && errno == EEXIST) {
		/* Sorting keeps the order in which they are given. */
		blame->flag[0] = "allow";
		blame->nth[0] = conflict[1].line;
		snprintf(error, size,
		    "--allow, --deny: '%s' is given to both: want it with one of them",
		    source_prefix_format(&conflict[0], text));
	} else if (built == -1)
		snprintf(error, size, "--allow, --deny: %s", strerror(errno));
	source_list_free(&list);
	return (built == -1 ? -1 : 0);
}

/* Where to listen without --listen. */
static const struct sockaddr_in *others;
static uint32_t nothers;

void
options_listen_otherwise(const struct sockaddr_in *listen, uint32_t n)
{
	others = listen;
	nothers = n;
}

static void
listen_otherwise(struct options *o)
{
	if (nothers == 0 || (o->listen = calloc(nothers, sizeof(*o->listen))) == NULL)
		return;
	memcpy(o->listen, others, nothers * sizeof(*o->listen));
	o->listeners = nothers;
}

int
options_together(struct options *o, struct blame *blame, char *error, size_t size)
{
	char given[DURATION_STRLEN], most[DURATION_STRLEN];

	*blame = (struct blame){ .flag = { NULL } };
	if (o->listeners == 0)
		listen_otherwise(o);
	if (o->listeners == 0) {
		snprintf(error, size, "--listen is missing: want %s", options_flags[0].wanted);
		return (-1);
	}
	if (check_listen(o, blame, error, size) == -1 ||
	    check_sources(o, blame, error, size) == -1)
		return (-1);
	if (o->upstream[0] == '\0') {
		snprintf(
		    error, size, "--upstream is missing: want %s", options_flags[1].wanted);
		return (-1);
	}
	if (o->max_sessions > 0 && o->workers > o->max_sessions) {
		blame->flag[0] = "workers";
		blame->flag[1] = "max-sessions";
		snprintf(error, size,
		    "--workers %u is above --max-sessions %u: want a session a worker at least",
		    o->workers, o->max_sessions);
		return (-1);
	}
	if (o->unreplied_timeout <= o->session_timeout)
		return (0);
	if (!o->unreplied_timeout_given) {
		o->unreplied_timeout = o->session_timeout;
		return (0);
	}
	blame->flag[0] = "unreplied-timeout";
	blame->flag[1] = "session-timeout";
	snprintf(error, size,
	    "--unreplied-timeout %s is above the session timeout: want at most %s",
	    duration_format(o->unreplied_timeout, given, sizeof(given)),
	    duration_format(o->session_timeout, most, sizeof(most)));
	return (-1);
}
