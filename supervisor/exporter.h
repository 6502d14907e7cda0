#ifndef SUPERVISOR_EXPORTER_H
#define SUPERVISOR_EXPORTER_H

#include "supervisor/child.h"
#include "supervisor/keepers.h"

/*
 * What the metrics child is told; an exporter, in Prometheus's word, is what it is: a program
 * that serves the metrics of another.
 */
struct exporter {
	struct child *child;
	struct msg_identity identity;
	struct msg_metrics_config config;
	struct msg_metrics_status status;
	const struct msg_listener *address; /* of each listener */
	int listener;			    /* HTTP */
	/* Of what the child is told first of all. */
	enum {
		METRICS_TOLD_NOTHING,
		METRICS_TOLD_IDENTITY,
		METRICS_TOLD_CONFIG,
		METRICS_TOLD_LISTENERS,
		METRICS_TOLD_ALL
	} told;
	uint32_t listeners_told;
	int changed;		   /* the status, since it was last sent */
	int link_due[WORKERS_MAX]; /* this relay and the metrics child need a new link */
};

/* Descriptors that a metrics child holds: connections, and what it was handed. */
#define EXPORTER_DESCRIPTORS 96
#define EXPORTER_DESCRIPTORS_A_WORKER 3 /* a link; its process, twice while a new one comes */

/* What stays the same while the program runs; the listener and the user are set before. */
void exporter_init(
    const struct options *options, const struct keepers *keepers, struct exporter *exporter);

/* A metrics child was just started: tell it what it is, as much as it takes now. */
void exporter_started(struct exporter *exporter);

/*
 * Tell what was not told yet, send what changed, and link the child with each relay, of
 * config.workers, if one of the two is new.  Returns 0, or -1 when something must be sent again
 * a little later.
 */
int exporter_turn(struct exporter *exporter, const struct child *relay);

#endif
