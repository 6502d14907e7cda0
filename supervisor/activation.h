#ifndef SUPERVISOR_ACTIVATION_H
#define SUPERVISOR_ACTIVATION_H

#include <netinet/in.h>
#include <stdint.h>

struct keepers;

/*
 * Socket activation: listeners that a unit of systemd has opened for us, see systemd.socket(5).
 * They come as all inherited descriptors do; these are the rules for those that no supervisor
 * before us has left.
 */

/*
 * The addresses of listeners that were handed to us, each once, for when no --listen says where to
 * listen.  Returns how many there are; the array is the caller's.
 */
uint32_t activation_listeners(struct sockaddr_in **listen);

/*
 * Take one that is bound to this address, to be a member of a group if `group`: see SO_REUSEPORT in
 * socket(7).  Returns its descriptor, or -1 if there is none.
 */
int activation_take(const struct sockaddr_in *sin, int group);

/*
 * A unit's socket that cannot be a listener of any kind is a mistake in its configuration: end the
 * program with EXIT_REFUSED.  Before listeners are opened, which it may be in the way of.
 */
void activation_check_kinds(void);

/* The same for one that was not taken, if it has this port, or any port if that is 0. */
void activation_check_left(uint16_t port);

/* Of sockets that came twice, a unit's and as it was kept, close the second. */
void activation_close_doubles(const struct keepers *keepers);

#endif
