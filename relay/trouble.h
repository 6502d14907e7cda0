#ifndef RELAY_TROUBLE_H
#define RELAY_TROUBLE_H

struct relay;
struct session;

/* Note that a send to the upstream, or a receive from it, failed with this errno. */
void trouble_failed(struct relay *relay, int error);

/* Note a datagram from the client, before the session does: is it one of many in vain? */
void trouble_client_spoke(struct relay *relay, struct session *session);

/* Whether the supervisor is to be told, now. */
int trouble_unsent(const struct relay *relay);

/* Tell it.  Returns 0, or -1 when it must read first. */
int trouble_send(struct relay *relay);

#endif
