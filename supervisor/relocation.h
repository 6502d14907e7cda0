#ifndef SUPERVISOR_RELOCATION_H
#define SUPERVISOR_RELOCATION_H

#include "supervisor/keeper.h"

/* The upstream's address has changed: move every socket of the keeper's there. */
void relocation_begin(struct keeper *keeper, int64_t now);

/* The relay has answered that it knows.  Returns 0, or -1 with errno EBADMSG if nobody asked. */
int relocation_answered(struct keeper *keeper, int64_t now);

/* The relay has ended; its successor is told the new address from the beginning. */
void relocation_ended(struct keeper *keeper);

/* Tell a relay that is ready.  Returns 0, or -1 when it must read first. */
int relocation_tell(struct keeper *keeper);

/* Whether new sockets must wait: the relay does not know yet where they go to. */
int relocation_pending(const struct keeper *keeper);

/* Move some sockets, whether there is a relay or not; and when to come again. */
void relocation_turn(struct keeper *keeper, int64_t now);
int64_t relocation_deadline(const struct keeper *keeper);

#endif
