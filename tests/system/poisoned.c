/*
 * poisoned: udp46 with a flaw, for the tests: a relay that is handed back a session of a client
 * at port 6666 dies of it.
 *
 * It is linked with udp46's own objects and --wrap=lifecycle_restore.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "common/messages.h"
#include "relay/lifecycle.h"

#define KILLS 6666

void __real_lifecycle_restore(struct relay *, const struct msg_restore *, int);
void __wrap_lifecycle_restore(struct relay *, const struct msg_restore *, int);

void
__wrap_lifecycle_restore(struct relay *r, const struct msg_restore *restore, int fd)
{
	if (restore->record.client_port == htons(KILLS))
		abort();
	__real_lifecycle_restore(r, restore, fd);
}
