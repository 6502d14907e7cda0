#ifndef SUPERVISOR_SETUP_H
#define SUPERVISOR_SETUP_H

#include "supervisor/exporter.h"
#include "supervisor/keeper.h"
#include "supervisor/options.h"

/*
 * What the supervisor does once, while it still has its privileges.  Every function here ends
 * the program with err(3) and EXIT_REFUSED when the system refuses, naming flag and value.
 */

/* Who the children shall be, from --user and --chroot; the chroot is judged, or made. */
void setup_identity(const struct options *options, struct msg_identity *identity);

/* How many relays there shall be. */
uint32_t setup_workers(const struct options *options);

/*
 * Bind the listeners, a group of them at each address if there are several workers: the last
 * thing that may take a privilege beyond the supervisor's own.
 */
void setup_listeners(const struct options *options, struct keepers *keepers);

/* Bind where metrics are served, and name the metrics child's own user, if it has one. */
void setup_http_listener(const struct options *options, const struct msg_identity *identity,
    int binary, struct exporter *exporter);

/* Give up what will not be needed, find out what confinement works here, say what does not. */
void setup_confinement(struct msg_identity *identity);

/* The upstream's address, if it was given by name. */
void setup_upstream(struct options *options, const struct msg_identity *identity, int binary);

/* Ports, stores, totals: all else that relays will be told, to each its share. */
void setup_keepers(const struct options *options, const struct msg_identity *identity,
    struct keepers *keepers);

/* All else that the metrics child will be told. */
void setup_exporter(
    const struct options *options, const struct keepers *keepers, struct exporter *exporter);

/* Remove the Unix socket of --metrics.listen, if it is one. */
void setup_unlink_http(const struct options *options);

#endif
