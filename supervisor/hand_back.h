#ifndef SUPERVISOR_HAND_BACK_H
#define SUPERVISOR_HAND_BACK_H

#include "supervisor/keeper.h"

/*
 * Hand the next sessions back to a relay that is ready, as many as it takes now; and when it has
 * answered all, tell it to start.  Returns 0, or -1 when the relay must read first.
 */
int hand_back(struct keeper *keeper);

/*
 * The relay has ended; what it was handed back and did not answer is still OFFERED.  Decide
 * what its successor is handed first, and throw away a session that was found to end relays.
 */
void hand_back_ended(struct keeper *keeper, const struct child_end *end, int64_t now);

#endif
