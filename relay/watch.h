#ifndef RELAY_WATCH_H
#define RELAY_WATCH_H

#include <stdint.h>

struct relay;

/*
 * Change what an epoll set of the relay watches: epoll_ctl(2).  Returns 0, or -1 when a socket
 * cannot be added because fs.epoll.max_user_watches is reached or memory is short, which is said
 * once in the log and for the caller to survive.
 */
int watch_change(
    struct relay *relay, int set, int operation, int fd, uint64_t data, uint32_t events);

#endif
