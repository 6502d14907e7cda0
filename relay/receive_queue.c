#include <sys/socket.h>
#include <linux/sock_diag.h>

#include "relay/receive_queue.h"

/*
 * A full queue holds at least this part of the buffer's size in payload and ITEM_OVERHEAD a
 * buffer: the kernel counts what it has allocated, at most some three times as much.
 */
#define LONG_PART 8
#define ITEM_OVERHEAD 512

void
receive_queue_told(uint32_t told, uint32_t *seen, uint64_t *drops)
{
	/* What was queued before the socket was asked tells of less. */
	if (told == 0 || (int32_t)(told - *seen) <= 0)
		return;
	*drops += told - *seen;
	*seen = told;
}

int
receive_queue_was_long(const struct receive_batch *batch, uint32_t first, uint32_t n,
    uint32_t size, uint8_t *is_long)
{
	uint32_t i, bytes = n * ITEM_OVERHEAD;
	int was_long;

	for (i = first; i < first + n; i++)
		bytes += batch->msg[i].msg_len;
	if (bytes >= size / LONG_PART)
		*is_long = 1;
	if (first + n == RECEIVE_BATCH_SLOTS) {
		/* There may be more. */
		*is_long = 1;
		return (0);
	}
	was_long = *is_long;
	*is_long = 0;
	return (was_long);
}

void
receive_queue_ask(int fd, uint32_t *seen, uint64_t *drops)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 && len == sizeof(info))
		receive_queue_told(info[SK_MEMINFO_DROPS], seen, drops);
}
