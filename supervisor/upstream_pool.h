#ifndef SUPERVISOR_UPSTREAM_POOL_H
#define SUPERVISOR_UPSTREAM_POOL_H

#include "supervisor/keeper.h"

/*
 * Make sockets if the relay's pool has few, hand them out, and tell whether there are any: as
 * much as one turn allows.  Returns 0, or -1 when the relay must read first.
 */
int upstream_pool_turn(struct keeper *keeper, int64_t now);

/* When that must be called next, if nothing happens. */
int64_t upstream_pool_deadline(const struct keeper *keeper);

/* Note whether sockets can be had, and log it if that has changed; `error` is an errno. */
void upstream_pool_supply(struct keeper *keeper, enum supply supply, int error, int64_t now);

/* Close a socket, of the pool or a session's; its port rests. */
void upstream_pool_close(struct keeper *keeper, uint32_t slot, int64_t now);

/* The relay has closed its end: the same.  While no others are to be had, what it frees is next. */
void upstream_pool_closed(struct keeper *keeper, uint32_t slot, int64_t now);

#endif
