#ifndef SUPERVISOR_CAPACITY_H
#define SUPERVISOR_CAPACITY_H

#include "common/messages.h"
#include "supervisor/options.h"
#include "supervisor/ports.h"

/*
 * How many relays, sessions and sockets there can be: what options, descriptors and ports
 * allow, and each worker's share of it.  Functions end the program with EXIT_REFUSED when that
 * is too little.
 */

/* How many workers there shall be. */
uint32_t capacity_workers(const struct options *options);

/* The source ports towards the upstream. */
void capacity_ports(const struct options *options, struct ports *ports);

/*
 * Raise RLIMIT_NOFILE as far as it goes, before any listener is opened.  Returns how many
 * descriptors all that is not an upstream socket will leave.
 */
uint32_t capacity_descriptors(const struct options *options, uint32_t workers);

/* How many descriptors are open now; 0 if /proc does not tell. */
uint32_t capacity_descriptors_open(void);

/* How many upstream sockets all workers can have together. */
uint32_t capacity_slots(uint32_t descriptors, uint32_t workers, uint32_t ports);

/* Set what one worker gets of `slots`, of --max-sessions and of --new-session-rate. */
void capacity_share(struct msg_relay_config *config, const struct options *options,
    uint32_t slots, uint32_t worker, uint32_t workers);

#endif
