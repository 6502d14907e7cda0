#ifndef RELAY_RECEIVE_QUEUE_H
#define RELAY_RECEIVE_QUEUE_H

#include <stdint.h>

#include "relay/receive_batch.h"

/*
 * What the kernel drops because a socket's receive queue is full.
 *
 * With each datagram it tells how many were dropped before that one was queued: SO_RXQ_OVFL of
 * socket(7).  So what is lost at a burst's end would show with the next datagram only, which may
 * never come.  Therefore a socket whose queue was long is asked when it has been read empty; one
 * whose queue is short has dropped nothing and costs nothing.
 */

/*
 * Note what was told: the kernel's count modulo 2^32, from the socket's beginning, 0 for nothing.
 * What it has grown by since *seen is added to *drops.
 */
void receive_queue_told(uint32_t told, uint32_t *seen, uint64_t *drops);

/*
 * After a receive of `n` buffers into the slots from `first` on: whether the queue is empty now
 * and was long, as *is_long remembers from one receive to the next; `size` is that of the
 * smallest receive buffer in bytes.
 */
int receive_queue_was_long(const struct receive_batch *batch, uint32_t first, uint32_t n,
    uint32_t size, uint8_t *is_long);

/* Ask the socket, and note its answer. */
void receive_queue_ask(int fd, uint32_t *seen, uint64_t *drops);

#endif
