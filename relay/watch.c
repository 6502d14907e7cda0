#include <sys/epoll.h>
#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "relay/relay.h"
#include "relay/watch.h"

int
watch_change(struct relay *r, int set, int operation, int fd, uint64_t data, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	if (epoll_ctl(set, operation, fd, &event) == 0)
		return (0);
	if (operation != EPOLL_CTL_ADD || (errno != ENOSPC && errno != ENOMEM))
		fatal("epoll_ctl", "operation=%d error=%s", operation, strerror(errno));
	if (!r->watch_refused)
		log_warn("socket not watched", "error=%s", strerror(errno));
	r->watch_refused = 1;
	return (-1);
}
