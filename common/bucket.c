#include "common/clock.h"
#include "common/bucket.h"

void
bucket_init(struct bucket *bucket, uint32_t rate, int64_t now)
{
	bucket->rate = rate;
	bucket->tokens = (int64_t)rate * SECOND;
	bucket->filled = now;
}

int
bucket_take(struct bucket *bucket, int64_t now)
{
	int64_t full = (int64_t)bucket->rate * SECOND;

	if (bucket->rate == 0)
		return (1);
	/* After a second it is full: longer would overflow. */
	if (now - bucket->filled >= SECOND)
		bucket->tokens = full;
	else
		bucket->tokens += (now - bucket->filled) * bucket->rate;
	if (bucket->tokens > full)
		bucket->tokens = full;
	bucket->filled = now;
	if (bucket->tokens < SECOND)
		return (0);
	bucket->tokens -= SECOND;
	return (1);
}
