#ifndef SUPERVISOR_CTL_REMEDY_H
#define SUPERVISOR_CTL_REMEDY_H

/* What to do about datagrams that are dropped for this reason, in a few words; NULL: not known. */
const char *remedy_of(const char *reason);

/* The names that drops of full receive buffers have here, by direction: no reason of the relay's. */
extern const char *const remedy_queue_names[];

/* At most this long, so that a line of `udp46ctl drops` fits. */
#define REMEDY_MAX 40

#endif
