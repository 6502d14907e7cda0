#ifndef SUPERVISOR_HTTP_LISTENER_H
#define SUPERVISOR_HTTP_LISTENER_H

#include <sys/types.h>
#include <stdint.h>
#include <stdio.h>

#include "common/messages.h"
#include "supervisor/options.h"

/*
 * End the program with EXIT_USAGE if the Unix socket would be in the directory of --chroot, which
 * has to be empty at the next start: a socket stays behind when its program is killed.
 */
void http_listener_check(const struct options *options);

/*
 * Whether it could be bound: in a rehearsal by who takes the place of the program that has what is
 * inherited; else a TCP address, which in use by an udp46 that runs is worth a note.  Tells of the
 * fault, and returns how many there are.
 */
uint32_t http_listener_try(const struct options *options, const struct msg_identity *identity,
    int binary, int is_rehearsal, FILE *notes);

/*
 * Bind where metrics are served: a TCP address, by name if need be (a look-up in a child of
 * this identity that executes `binary`), or a Unix socket of group `gid`.  Returns the
 * descriptor.  Ends the program with EXIT_REFUSED if it cannot be had.
 */
int http_listener_open(
    const struct options *options, const struct msg_identity *identity, gid_t gid, int binary);

/* Remove the Unix socket of --metrics.listen, if it is one. */
void http_listener_unlink(const struct options *options);

#endif
