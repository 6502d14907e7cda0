#ifndef SUPERVISOR_UPSTREAM_H
#define SUPERVISOR_UPSTREAM_H

#include "common/messages.h"
#include "supervisor/options.h"

/*
 * Find the upstream's address, if it was given by name, by a look-up in a child of this
 * identity that executes `binary`.  Ends the program with EXIT_REFUSED if there is none.
 */
void upstream_resolve(struct options *options, const struct msg_identity *identity, int binary);

#endif
