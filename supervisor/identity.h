#ifndef SUPERVISOR_IDENTITY_H
#define SUPERVISOR_IDENTITY_H

#include "common/messages.h"
#include "supervisor/options.h"

/*
 * Who the children are and how they are confined.  Every function ends the program with
 * EXIT_REFUSED when the system refuses, naming flag and value.
 */

/* From --user and --chroot; the directory is judged, or made. */
void identity_init(const struct options *options, struct msg_identity *identity);

/* The metrics child's: as the others', but for --metrics.user. */
void identity_metrics(const struct options *options, const struct msg_identity *identity,
    struct msg_identity *metrics);

/*
 * Give up what the supervisor will not need, find out what confinement works here, and log
 * what does not.  See confine.h.
 */
void identity_confine(struct msg_identity *identity);

#endif
