#ifndef SUPERVISOR_SILENCE_H
#define SUPERVISOR_SILENCE_H

#include "supervisor/sockets.h"

/*
 * An upstream to which there is a way, and that answers nobody though clients wait for it: said
 * once, and once when it answers again.  All zero at first, but for look_at.
 */
struct silence {
	int64_t since;	 /* when clients began to wait in vain; 0: not said */
	int64_t look_at; /* NEVER, or when to call silence_turn() */
};

void silence_init(struct silence *silence);

/*
 * Clients have waited in vain since then, a relay says; the last reply, to whomever, came at
 * `reply`, 0 for never.
 */
void silence_heard(struct silence *silence, const struct upstream *upstream, int64_t vain_since,
    int64_t reply, int64_t now);

/* Look whether it is over. */
void silence_turn(
    struct silence *silence, const struct upstream *upstream, int64_t reply, int64_t now);

#endif
