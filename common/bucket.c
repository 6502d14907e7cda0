#include "common/bucket.h"
#include "common/clock.h"

void
bucket_init(struct bucket *bucket, uint32_t rate, uint32_t depth, int64_t now)
{
	bucket->rate = rate;
	bucket->tokens = bucket->full = (int64_t)depth * SECOND;
	bucket->filled = now;
}

int
bucket_has(struct bucket *bucket, int64_t now)
{
	int64_t passed = now - bucket->filled;

	if (bucket->rate == 0)
		return (1);
	/* The product could overflow otherwise. */
	if (passed > (bucket->full - bucket->tokens) / bucket->rate)
		bucket->tokens = bucket->full;
	else
		bucket->tokens += passed * bucket->rate;
	bucket->filled = now;
	return (bucket->tokens >= SECOND);
}

int
bucket_take(struct bucket *bucket, int64_t now)
{
	if (!bucket_has(bucket, now))
		return (0);
	bucket->tokens -= SECOND;
	return (1);
}
