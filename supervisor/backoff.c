#include "common/clock.h"
#include "supervisor/backoff.h"

#define BACKOFF_FIRST (100 * MILLISECOND)
#define BACKOFF_MOST (30 * SECOND)
#define BACKOFF_CALM (60 * SECOND)

int64_t
backoff_next(struct backoff *backoff, int64_t ran)
{
	int64_t delay;

	if (ran >= BACKOFF_CALM)
		backoff->delay = 0;
	delay = backoff->delay;
	backoff->delay = delay == 0 ? BACKOFF_FIRST : delay * 2;
	if (backoff->delay > BACKOFF_MOST)
		backoff->delay = BACKOFF_MOST;
	return (delay);
}
