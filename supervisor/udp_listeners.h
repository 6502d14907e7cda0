#ifndef SUPERVISOR_UDP_LISTENERS_H
#define SUPERVISOR_UDP_LISTENERS_H

#include <stdio.h>

#include "supervisor/adoption.h"
#include "supervisor/keepers.h"
#include "supervisor/options.h"

/*
 * Bind what --listen names, with several workers a group of sockets at each address.  This and
 * the HTTP listener are the last that may take a privilege beyond the supervisor's own.  Ends
 * the program with EXIT_REFUSED if an address cannot be had.
 */
void udp_listeners_open(
    const struct options *options, const struct adoption *adoption, struct keepers *keepers);

/*
 * Whether they could be bound by who takes the place of the program that has those which are
 * inherited, or if none are by who starts when an udp46 that runs now does not any more: that, and
 * a unit's socket, are worth a note.  Tells of each fault, and returns how many there are.
 */
uint32_t udp_listeners_try(const struct options *options, FILE *notes);

#endif
