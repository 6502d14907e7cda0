#ifndef RELAY_SOURCES_H
#define RELAY_SOURCES_H

#include <stdint.h>

struct relay;
struct session_key;

/* Once the listeners are known.  Returns 0, or -1 with errno ENOMEM. */
int sources_init(struct relay *relay);

/*
 * Whether this can be a client's: somebody can be answered there, and it is not one of our own
 * listeners, who would relay the answers again and again.
 */
int sources_can_be_client(const struct relay *relay, const struct session_key *key);

/*
 * Take a table of so many bytes in place of the one before.  Ends the process if the supervisor
 * talks nonsense.  Sessions are to be judged by it, from now on.
 */
void sources_take(struct relay *relay, int fd, uint32_t size);

/* Whether an address, in network byte order, may have sessions. */
int sources_may_be_client(const struct relay *relay, uint32_t address);

#endif
