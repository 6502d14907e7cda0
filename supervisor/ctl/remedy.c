#include <string.h>

#include "common/totals.h"
#include "supervisor/ctl/remedy.h"

/* In the order of enum drop_reason. */
static const char remedies[][REMEDY_MAX + 1] = {
	"raise --max-sessions, --upstream-ports",
	"raise --new-session-rate, or block them",
	"raise --max-sessions-per-address",
	"none, if --deny is right: a stranger",
	"raise --read-buffer-size",
	"link too slow? raise --write-timeout",
	"link too slow for what one of them sends",
	"see errors: a firewall, a broken route",
	"see errors: a firewall, a broken route",
	"ip -6 route get ADDRESS; udp46's log",
	"forged? else raise --amplification-limit",
};
_Static_assert(sizeof(remedies) / sizeof(remedies[0]) == DROP_REASON_MAX, "");

const char *const remedy_queue_names[] = { "receive_queue_up", "receive_queue_down" };
_Static_assert(sizeof(remedy_queue_names) / sizeof(remedy_queue_names[0]) == DIRECTION_MAX, "");

const char *
remedy_of(const char *reason)
{
	int i;

	for (i = 0; i < DROP_REASON_MAX; i++)
		if (strcmp(reason, drop_reason_names[i]) == 0)
			return (remedies[i]);
	for (i = 0; i < DIRECTION_MAX; i++)
		if (strcmp(reason, remedy_queue_names[i]) == 0)
			return ("raise --socket-buffer-size, --workers");
	return (NULL);
}
