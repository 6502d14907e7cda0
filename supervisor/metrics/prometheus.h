#ifndef METRICS_PROMETHEUS_H
#define METRICS_PROMETHEUS_H

#include "supervisor/metrics/sources.h"
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

/*
 * Write all families but those of sessions in Prometheus's text format 0.0.4: every listener,
 * direction and known reason is there, also at 0.  The numbers of all relays are added up, but
 * for those of the families that name a child.
 */
void prometheus_totals(struct text *text, const struct sources *from);

/* Write the head of a family of session metrics, and one session's samples of it. */
void prometheus_session_head(struct text *text, enum session_family family);
void prometheus_session(struct text *text, enum session_family family,
    const struct sources *from, const struct msg_session *session);

#endif
