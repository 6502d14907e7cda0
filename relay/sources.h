#ifndef RELAY_SOURCES_H
#define RELAY_SOURCES_H

struct relay;
struct session_key;

/* Once the listeners are known.  Returns 0, or -1 with errno ENOMEM. */
int sources_init(struct relay *relay);

/*
 * Whether this can be a client's: somebody can be answered there, and it is not one of our own
 * listeners, who would relay the answers again and again.
 */
int sources_can_be_client(const struct relay *relay, const struct session_key *key);

#endif
