#ifndef METRICS_SOURCES_H
#define METRICS_SOURCES_H

#include "common/totals.h"
#include "supervisor/metrics/link.h"
#include "supervisor/metrics/process.h"

/* What is known of a relay, and how to ask for more. */
struct source {
	struct link link;
	struct totals *totals; /* the last that it told */
	int known;	       /* all of them */
	int up;		       /* it answered when it was last asked */
	struct process process;
};

/* What documents are made of: told by the supervisor, and by relays when asked. */
struct sources {
	struct msg_metrics_config config;
	struct msg_listener *listener; /* config.listeners of them */
	struct msg_metrics_status status;
	struct source relay[WORKERS_MAX]; /* config.workers of them */
	struct process supervisor;
	struct process metrics; /* this one, */
	uint32_t descriptors;	/* which may have so many */
	int64_t now;		/* clock_now() of this turn */
	int64_t started;	/* clock_wall() of the program's start */
};

#endif
