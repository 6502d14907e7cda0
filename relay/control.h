#ifndef RELAY_CONTROL_H
#define RELAY_CONTROL_H

struct relay;

/* Do what the supervisor says.  Ends the process when it is gone, or talks nonsense. */
void control_receive(struct relay *relay);

/* Send what the supervisor is owed, as far as it takes it. */
void control_send(struct relay *relay);

/* Whether something waits for the control socket to take it. */
int control_unsent(const struct relay *relay);

#endif
