#ifndef SUPERVISOR_OFFLOAD_H
#define SUPERVISOR_OFFLOAD_H

#include "supervisor/options.h"

/*
 * Whether a kernel of this release (as of uname(2)) may corrupt trains whose segments are all
 * equal: 7.0-rc1 to 7.1.4.  It cannot be probed.
 */
int offload_is_broken(const char *release);

/*
 * Whether trains shall be received (UDP_GRO) and sent (UDP_SEGMENT): as `mode` says, AUTO
 * meaning where the kernel knows how and is not broken.  Logs why not, if not off by choice.
 */
int offload_decide(enum segment_offload mode);

/* Ask for trains on this socket, or for none; without the kernel's help they come one by one. */
void offload_set(int fd, int trains);

#endif
