#ifndef COMMON_CONFINE_H
#define COMMON_CONFINE_H

#include "common/filter.h"
#include "common/messages.h"

/* What a kind of child gives up; a row of the table in confine.c. */
struct confinement;

extern const struct confinement relay_confinement;
extern const struct confinement metrics_confinement;
extern const struct confinement resolver_confinement;

/*
 * Lock the calling process up as the row and the identity say, and read everything back.
 * The descriptors that it holds stay usable.  There is no way back, and no failure that the
 * caller could survive: anything that does not apply ends the process by fatal(), which
 * names the step.  Logs what is in force.
 */
void confine(const struct confinement *confinement, const struct msg_identity *identity);

/*
 * Try in a forked child whether the steps that need user namespaces work here, as the
 * given identity.  Returns NULL if they do, else the name of the step that failed, with
 * its errno.
 */
const char *confine_probe(const struct msg_identity *identity);

/*
 * Keep of the capabilities that this process holds at most those that supervising takes,
 * none at all if it does not run as root, and set no_new_privs.  Returns 0, or -1 with
 * errno.  See capabilities(7).
 */
int confine_supervisor(void);

/*
 * Lock a fork of the supervisor up that writes the state file: no descriptor but WRITER_FILE and
 * WRITER_FOLDER, no capability, and its filter.  Returns 0, or -1 with errno.
 */
int confine_writer(int file, int folder);

#endif
