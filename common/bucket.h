#ifndef COMMON_BUCKET_H
#define COMMON_BUCKET_H

#include <stdint.h>

/*
 * A token bucket: lets `rate` things a second through, and `depth` at once after a calm.
 * `rate` 0 lets everything through.  `now` is clock_now().
 */
struct bucket {
	uint32_t rate;
	int64_t tokens; /* in units of 1/SECOND of a token */
	int64_t full;
	int64_t filled; /* when tokens were last added */
};

/* Full at first. */
void bucket_init(struct bucket *bucket, uint32_t rate, uint32_t depth, int64_t now);

/* Whether there is a token. */
int bucket_has(struct bucket *bucket, int64_t now);

/* Take a token.  Returns 1, or 0 when there is none. */
int bucket_take(struct bucket *bucket, int64_t now);

#endif
