#ifndef METRICS_PROMETHEUS_H
#define METRICS_PROMETHEUS_H

#include "common/messages.h"
#include "common/totals.h"
#include "supervisor/metrics/text.h"

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Families of session metrics: one pass over all sessions each. */
enum session_family {
	SESSION_FAMILY_INFO,
	SESSION_FAMILY_PACKETS,
	SESSION_FAMILY_BYTES,
	SESSION_FAMILY_LAST_ACTIVITY,
	SESSION_FAMILY_MAX
};

/* Where the numbers come from. */
struct prometheus {
	const struct msg_metrics_config *config;
	const struct msg_metrics_status *status;
	const struct totals *totals;
	int relay_up;
};

/*
 * Write all families but those of sessions in Prometheus's text format 0.0.4: every listener,
 * direction and known reason is there, also at 0.
 */
void prometheus_totals(struct text *text, const struct prometheus *from);

/* Write the head of a family of session metrics, and one session's samples of it. */
void prometheus_session_head(struct text *text, enum session_family family);
void prometheus_session(struct text *text, enum session_family family,
    const struct prometheus *from, const struct msg_session *session);

#endif
