/* A histogram of times with a relative error of at most 1/64. */

#ifndef TESTS_BENCH_HISTOGRAM_H
#define TESTS_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 64 /* in each power of two */
#define HISTOGRAM_POWERS 36

struct histogram {
	uint32_t count[HISTOGRAM_POWERS * HISTOGRAM_STEPS];
	int64_t total, most;
};

static inline void
histogram_add(struct histogram *h, int64_t ns)
{
	uint64_t v = ns < HISTOGRAM_STEPS ? HISTOGRAM_STEPS : (uint64_t)ns;
	unsigned int power = 63 - (unsigned int)__builtin_clzll(v) - 6;

	if (power >= HISTOGRAM_POWERS)
		power = HISTOGRAM_POWERS - 1;
	h->count[power * HISTOGRAM_STEPS + ((v >> power) & (HISTOGRAM_STEPS - 1))]++;
	h->total++;
	if (ns > h->most)
		h->most = ns;
}

/* The time below which this share of all lies, or -1 if there are none. */
static inline int64_t
histogram_quantile(const struct histogram *h, double share)
{
	int64_t below = 0, wanted = (int64_t)((double)h->total * share);

	for (unsigned int i = 0; i < HISTOGRAM_POWERS * HISTOGRAM_STEPS; i++) {
		below += h->count[i];
		if (below > wanted)
			return ((int64_t)(HISTOGRAM_STEPS + i % HISTOGRAM_STEPS)
			    << (i / HISTOGRAM_STEPS));
	}
	return (h->total > 0 ? h->most : -1);
}

#endif
