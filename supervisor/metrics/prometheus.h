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

/* How far the text is written: up to this listener of this family. */
struct prometheus_place {
	uint32_t family;
	uint32_t listener;
};

/*
 * Write all families but those of sessions in Prometheus's text format 0.0.4: every listener,
 * direction and known reason is there, also at 0.  The numbers of all relays are added up, but
 * for those of the families that name a child.  The text comes in pieces: *place is all 0 for
 * the first one, and is moved on.  Returns whether this was the last piece.
 */
int prometheus_totals(
    struct text *text, const struct sources *from, struct prometheus_place *place);

/* Write the head of a family of session metrics, and one session's samples of it. */
void prometheus_session_head(struct text *text, enum session_family family);
void prometheus_session(struct text *text, enum session_family family,
    const struct sources *from, const struct msg_session *session);

#endif
