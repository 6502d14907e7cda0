#ifndef RELAY_SOCKET_POOL_H
#define RELAY_SOCKET_POOL_H

#include <stdint.h>

struct msg_socket;
struct relay;
struct session;

/* Reserve the slots.  Returns 0, or -1 with errno ENOMEM. */
int socket_pool_init(struct relay *relay);

/*
 * Take a socket into its slot.  Ends the process if the supervisor talks nonsense: no such slot,
 * or one that is in use.
 */
void socket_pool_add(struct relay *relay, const struct msg_socket *socket, int fd);

/*
 * Have the session set watch the socket in a slot.  If it serves no session it is then free.
 * Returns 0, or -1 if the kernel refuses: until that is tried again no client gets the socket,
 * and a session that has it sends, but does not receive.  It is no use to hand it back: the next
 * would be no better.
 */
int socket_pool_watch(struct relay *relay, uint32_t slot);

/* Try those again that the kernel refused to watch. */
void socket_pool_watch_again(struct relay *relay);

/* Whether there is no free socket. */
int socket_pool_is_empty(const struct relay *relay);

/* Give the session the first free socket, of a pool that is not empty, or the one in a slot. */
void socket_pool_take(struct relay *relay, struct session *session);
void socket_pool_assign(struct relay *relay, uint32_t slot, struct session *session);

/* Close the socket in a slot; its session, if it has one, has none afterwards. */
void socket_pool_close(struct relay *relay, uint32_t slot);

/* Close the first free socket, if there is one.  Returns its slot, or NONE. */
uint32_t socket_pool_close_free(struct relay *relay);

/*
 * The slot that an event of the session set is about, and its session, or NULL if it is free.
 * Returns -1 if that socket is not ours any more.
 */
int socket_pool_find(
    struct relay *relay, uint64_t data, uint32_t *slot, struct session **session);

/* The session has got something to send, or no longer has. */
void socket_pool_watch_write(struct relay *relay, struct session *session);

#endif
