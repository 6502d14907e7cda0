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

/*
 * What clients have done, as far as it is known: when any of them last sent, and how long the
 * eldest that never got an answer has been trying.  All by the clock of the server.
 */
struct asking {
	int known;
	double last;   /* seconds since the epoch */
	double trying; /* seconds */
};

/* Two readings, with what was between them. */
struct reading {
	struct numbers before, now;
	struct asking asking; /* known when there was no reply between the two */
	double silence; /* seconds from the last reply to the last question; 0: answered */
};

#define VERDICT_TEXT_MAX 512

struct verdict {
	enum verdict_level level;
	char text[VERDICT_TEXT_MAX]; /* what is wrong; empty if nothing is */
};

/*
 * Judge.  That the upstream is silent is believed if clients ask for something: one of them has
 * tried for so long without ever being answered, errors come back, or they send a datagram a
 * second; without that after VERDICT_PATIENCE times as long, since an idle tunnel's keepalives
 * want no answer.
 */
#define VERDICT_PATIENCE 6
void verdict_make(struct verdict *verdict, const struct thresholds *thresholds,
    const struct reading *reading);

#endif
