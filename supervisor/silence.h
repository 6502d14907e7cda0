#ifndef SUPERVISOR_SILENCE_H
#define SUPERVISOR_SILENCE_H

#include "common/clock.h"
#include "supervisor/sockets.h"

/* Until it counts. */
#define SILENCE_PATIENCE (30 * SECOND)

/*
 * An upstream that answers nobody though clients wait for it: said once, and once when it answers
 * again, or they wait no longer; unless it has been said that there is no way to it.  All zero at
 * first, but for look_at.
 */
struct silence {
	int64_t since; /* when clients began to wait in vain; 0: they do not, or not for long */
	int64_t look_at;  /* NEVER, or when to call silence_turn() */
	int64_t heard_at; /* when a relay last said so */
	int said;
};

void silence_init(struct silence *silence);

/*
 * Clients have waited in vain since then, a relay says, though there is a way or `no_way`; the
 * last reply, to whomever, came at `reply`, 0 for never.
 */
void silence_heard(struct silence *silence, const struct upstream *upstream, int64_t vain_since,
    int64_t reply, int no_way, int64_t now);

/* Look whether it is over. */
void silence_turn(
    struct silence *silence, const struct upstream *upstream, int64_t reply, int64_t now);

#endif
