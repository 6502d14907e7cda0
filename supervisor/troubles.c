#include <errno.h>

#include "common/clock.h"
#include "supervisor/troubles.h"

/* A relay says something once a second at most. */
#define TAKE_EVERY (SECOND / 2)

/* Above all that the kernel uses. */
#define ERRNO_MAX 4096

int
troubles_take(struct troubles *t, struct keeper *k, const struct msg_trouble *said, int64_t now)
{
	if (said->error < 0 || said->error >= ERRNO_MAX || said->vain_since < 0 ||
	    said->vain_since > now) {
		errno = EBADMSG;
		return (-1);
	}
	if (k->trouble_at != 0 && now - k->trouble_at < TAKE_EVERY)
		return (0);
	k->trouble_at = now;
	t->child = k->child;
	if (said->error != 0)
		t->error = said->error;
	if (said->vain_since != 0 && (t->vain_since == 0 || said->vain_since < t->vain_since))
		t->vain_since = said->vain_since;
	return (0);
}
