/*
 * replaced: udp46 that at SIGUSR1 stops its children, keeps what it knows of their sessions, and
 * starts new ones in their place before it logs its totals; for the tests.
 *
 * It is linked with udp46's own objects and --wrap=totals_log.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "supervisor/children.h"
#include "supervisor/totals_log.h"

void __real_totals_log(const struct keepers *, uint64_t);
void __wrap_totals_log(const struct keepers *, uint64_t);

static void
replace(struct children *c)
{
	struct pollfd pfd[CHILDREN_POLLFDS];
	int64_t now = clock_now();
	uint32_t n;

	children_stop(c, 1, now);
	while (!children_stop_turn(c, now)) {
		n = children_watch(c, now, pfd);
		/* That a child has ended is told by a signal, whose descriptor we do not have. */
		if (poll(pfd, n, 1) == -1 && errno != EINTR)
			err(EXIT_REFUSED, "poll");
		now = clock_now();
		children_hear(c, pfd, now);
		children_reap(c, now);
	}
	children_start(c, now);
}

void
__wrap_totals_log(const struct keepers *keepers, uint64_t restarts)
{
	replace((struct children *)((uintptr_t)keepers - offsetof(struct children, keepers)));
	__real_totals_log(keepers, restarts);
}
