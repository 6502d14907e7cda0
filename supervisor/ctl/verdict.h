#ifndef SUPERVISOR_CTL_VERDICT_H
#define SUPERVISOR_CTL_VERDICT_H

#include <stddef.h>
#include <stdint.h>

#include "supervisor/ctl/numbers.h"

/* As the exit statuses of monitoring plug-ins are. */
enum verdict_level { VERDICT_OK, VERDICT_WARNING, VERDICT_CRITICAL, VERDICT_UNKNOWN };
extern const char *const verdict_level_names[];

struct thresholds {
	int64_t silence;    /* nanoseconds; 0: never */
	double sessions[3]; /* per cent, by level */
	double drops[3];    /* a second, by level */
};

/* What no limit reaches. */
#define THRESHOLD_NEVER 1e18

#define THRESHOLDS_DEFAULT                               \
	{                                                \
		30 * INT64_C(1000000000), { 0, 80, 95 }, \
		{                                        \
			0, 1, THRESHOLD_NEVER            \
		}                                        \
	}

/* Two readings, and for how many seconds the upstream has been silent at the second; 0: it is not. */
struct reading {
	struct numbers before, now;
	double silence;
};

#define VERDICT_TEXT_MAX 512

struct verdict {
	enum verdict_level level;
	char text[VERDICT_TEXT_MAX]; /* what is wrong; empty if nothing is */
};

void verdict_make(struct verdict *verdict, const struct thresholds *thresholds,
    const struct reading *reading);

#endif
