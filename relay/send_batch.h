#ifndef RELAY_SEND_BATCH_H
#define RELAY_SEND_BATCH_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <stdint.h>

/* Messages that leave together, and buffers that they are made of. */
#define SEND_BATCH_MESSAGES 64
#define SEND_BATCH_BUFFERS 64

/* A train on its way out: before Linux 6.9 the kernel takes no more than 64 at once. */
#define TRAIN_DATAGRAMS_MAX 64
#define TRAIN_BYTES_MAX 65000

/*
 * What one message of sendmmsg(2) carries: a datagram, a train that came in as one buffer, or
 * neighbours of one size that are joined to one.
 */
struct message {
	uint32_t owner;	  /* session that it is counted for, or UINT32_MAX */
	uint32_t length;  /* bytes in all */
	uint32_t segment; /* size of each datagram but the last; 0: a single one */
	uint32_t buffer;  /* the first of its buffers, in `iov` of the batch */
	uint16_t buffers; /* 1, or one a datagram */
	uint8_t tos;
	uint8_t plain; /* datagram by datagram */
};

struct received;

/* IP_PKTINFO, IP_TOS or IPV6_TCLASS, and UDP_SEGMENT. */
#define SEND_CONTROL_SIZE                                                  \
	(CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int)) + \
	    CMSG_SPACE(sizeof(uint16_t)))

struct send_batch {
	uint32_t messages, buffers;
	struct message message[SEND_BATCH_MESSAGES];
	struct mmsghdr msgvec[SEND_BATCH_MESSAGES];
	struct iovec iov[SEND_BATCH_BUFFERS];
	struct sockaddr_in name[SEND_BATCH_MESSAGES];
	_Alignas(struct cmsghdr) char control[SEND_BATCH_MESSAGES][SEND_CONTROL_SIZE];
};

/* Where a message goes: all in network byte order. */
struct destination {
	uint32_t address; /* IPv4; with 0 the socket is connected to it */
	uint16_t port;
	uint32_t local; /* the address that it leaves from */
};

/* What became of a message, one by one, as send_batch_send() goes along. */
struct send_report {
	/* So many datagrams, of so many bytes in all, were sent, or dropped: errno says why. */
	void (*sent)(void *arg, uint32_t owner, uint32_t datagrams, uint32_t bytes);
	void (*dropped)(void *arg, uint32_t owner, uint32_t datagrams);
	/* A send failed, with errno; it is repeated once. */
	void (*failed)(void *arg, uint32_t owner);
	/* A train was refused, and goes out datagram by datagram. */
	void (*refused)(void *arg, uint32_t owner);
	void *arg;
};

/* Empty the batch. */
void send_batch_clear(struct send_batch *batch);

/*
 * Add what was received: one datagram, or a train, which is cut if it is more than the kernel
 * takes at once.  A datagram that continues its predecessor (same owner, destination and TOS,
 * no larger, that one not smaller than those before) is joined with it, unless `plain`, which
 * keeps every datagram single.  The payload must stay until it is sent.  Returns 0, or -1 when
 * the batch is full: then *in is what is still to be added, after the batch was sent and emptied.
 * An empty batch always takes something.
 */
int send_batch_add(struct send_batch *batch, uint32_t owner, struct received *in, int plain,
    const struct destination *to);

/*
 * Send everything.  Returns the first message that would have blocked, changed to what of it
 * is still to be sent, or the number of messages if there is none.
 */
uint32_t send_batch_send(struct send_batch *batch, int fd, const struct send_report *report);

/* Bytes of the messages from `message` on. */
uint32_t send_batch_bytes(const struct send_batch *batch, uint32_t message);

#endif
