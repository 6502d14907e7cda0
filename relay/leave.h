#ifndef RELAY_LEAVE_H
#define RELAY_LEAVE_H

#include <stdint.h>

struct relay;

/* From now on nothing is received, and what was is sent: a successor goes on. */
void leave_begin(struct relay *relay);

/* Send what can be sent now; when that has lasted too long, drop and count the rest. */
void leave_turn(struct relay *relay);

/* When leave_turn() must be called next, or NEVER. */
int64_t leave_deadline(const struct relay *relay);

/* Whether nothing is left, and the supervisor has all records. */
int leave_is_done(const struct relay *relay);

#endif
