#ifndef COMMON_MSG_H
#define COMMON_MSG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/messages.h"

/* The descriptor at which every child finds its control socket. */
#define CONTROL_FILENO 3

/* Who sent a message: a bit each, so that a rule can allow several. */
enum msg_sender {
	FROM_SUPERVISOR = 1,
	FROM_RELAY = 2,
	FROM_METRICS = 4,
	FROM_RESOLVER = 8,
	FROM_CHILD = FROM_RELAY | FROM_METRICS | FROM_RESOLVER,
};

struct msg_header {
	uint32_t type;	 /* enum msg_type */
	uint32_t length; /* of the payload, in bytes */
};

/* A received and checked message.  The descriptors are close-on-exec and the receiver's. */
struct msg {
	enum msg_type type;
	uint32_t count; /* elements of the payload: 1 unless it is an array */
	int nfds;
	int fds[MSG_FDS_MAX];
	_Alignas(8) unsigned char payload[MSG_PAYLOAD_MAX];
};

/*
 * Check a header and the length and descriptors that came with it against the rules:
 * length, type, permission, size, number of descriptors.  `received` counts the bytes after
 * the header.  Returns the number of elements, or -1 with errno EBADMSG.
 */
ssize_t msg_check(
    const struct msg_header *header, size_t received, int nfds, enum msg_sender sender);

/*
 * Send `count` elements and their descriptors (NULL, 0 where the type carries none) on a
 * socket made by msg_pair().  Never waits.  Returns 0, or -1 with errno: EAGAIN when the
 * receiver must catch up first, EPIPE or ECONNRESET when it is gone.  See unix(7).
 */
int msg_send(
    int fd, enum msg_type type, const void *payload, size_t count, const int *fds, int nfds);

/*
 * Receive the next message from `sender`.  Never waits.  Returns 1 with *msg filled, 0 at
 * end of file, after all that the peer sent before it went, or -1 with errno: EAGAIN when
 * there is none, EBADMSG for one that breaks a rule (its descriptors are closed), or what
 * recvmsg(2) says.
 */
int msg_receive(int fd, enum msg_sender sender, struct msg *msg);

/* Wait at most timeout_ms (-1: for ever) for the next message; else as msg_receive(). */
int msg_wait(int fd, enum msg_sender sender, struct msg *msg, int timeout_ms);

/*
 * For a child that is being told what it is: wait 10 s for the supervisor's next message, which
 * must be of this type.  Ends the process otherwise, silently if the supervisor is gone.
 */
void msg_expect(int fd, enum msg_type type, struct msg *msg);

/*
 * Have the kernel refuse descriptors that the peer would send here, from Linux 6.16 on; before,
 * they are closed when they come.  See SO_PASSRIGHTS in unix(7).
 */
void msg_refuse_fds(int fd);

/* Close the descriptors of a message that nobody took. */
void msg_close_fds(struct msg *msg);

/*
 * Make a connected pair of SOCK_SEQPACKET sockets, close-on-exec and non-blocking.
 * Returns 0, or -1 with errno.  See socketpair(2).
 */
int msg_pair(int pair[2]);

/* A log sink for children: sends the record to the socket that *(int *)arg names. */
void msg_log_sink(const struct log_record *record, void *arg);

/* Records that msg_log_sink() could not send since it was last asked. */
uint32_t msg_log_lost(void);

#endif
