#ifndef RELAY_RECORDS_H
#define RELAY_RECORDS_H

#include <stdint.h>

struct relay;
struct session;

/* Nothing is due. */
void records_init(struct relay *relay);

/* The supervisor must be told of this session; if it is closed, it is freed after that. */
void records_due(struct relay *relay, struct session *session);

/* The supervisor must be told that the socket in this slot, which serves no session, was closed. */
void records_return(struct relay *relay, uint32_t slot);

/* Whether a record is due. */
int records_unsent(const struct relay *relay);

/* Send the records that are due, as far as the supervisor takes them. */
void records_send(struct relay *relay);

#endif
