#ifndef COMMON_WORKER_H
#define COMMON_WORKER_H

#include <stdint.h>

/* Relays of one program: --workers. */
#define WORKERS_MAX 64

#define WORKER_NAME_MAX 16

/*
 * What worker number `worker`, from 0, of so many is called in the log, in the list of
 * processes and in metrics: "relay" if it is the only one, else "relay-1" and so on.  Returns
 * `name`.
 */
const char *worker_name(uint32_t worker, uint32_t workers, char name[WORKER_NAME_MAX]);

/*
 * This worker's part of what all of them have together: as equal as it can be, and the parts
 * add up to `total`.
 */
uint32_t worker_share(uint32_t total, uint32_t worker, uint32_t workers);

#endif
