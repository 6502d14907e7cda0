#ifndef RELAY_OUTBOX_H
#define RELAY_OUTBOX_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <stdint.h>

/* Parcels that leave together, and buffers that they are made of. */
#define OUTBOX_PARCELS 64
#define OUTBOX_BUFFERS 64

/* A train on its way out: before Linux 6.9 the kernel takes no more than 64 at once. */
#define TRAIN_DATAGRAMS_MAX 64
#define TRAIN_BYTES_MAX 65000

/*
 * What one message of sendmmsg(2) carries: a datagram, a train that came in as one buffer, or
 * neighbours of one size that are joined to one.
 */
struct parcel {
	uint32_t owner;	  /* session that it is counted for, or UINT32_MAX */
	uint32_t length;  /* bytes in all */
	uint32_t segment; /* size of each datagram but the last; 0: a single one */
	uint32_t buffer;  /* the first of its buffers */
	uint16_t buffers; /* 1, or one a datagram */
	uint8_t tos;
	uint8_t plain; /* datagram by datagram */
};

struct received;

struct outbox {
	uint32_t parcels, buffers;
	struct parcel parcel[OUTBOX_PARCELS];
	struct mmsghdr msg[OUTBOX_PARCELS];
	struct iovec iov[OUTBOX_BUFFERS];
	struct sockaddr_in name[OUTBOX_PARCELS];
	_Alignas(
	    struct cmsghdr) char control[OUTBOX_PARCELS][CMSG_SPACE(sizeof(struct in_pktinfo)) +
	    CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint16_t))];
};

/* Where a parcel goes: all in network byte order. */
struct destination {
	uint32_t address; /* IPv4; with 0 the socket is connected to it */
	uint16_t port;
	uint32_t local; /* the address that it leaves from */
};

/* What became of a parcel, one by one, as outbox_send() goes along. */
struct outbox_report {
	/* So many datagrams, of so many bytes in all, were sent or dropped. */
	void (*sent)(void *arg, uint32_t owner, uint32_t datagrams, uint32_t bytes);
	void (*dropped)(void *arg, uint32_t owner, uint32_t datagrams);
	/* A send failed; it is repeated once. */
	void (*failed)(void *arg, uint32_t owner);
	/* A train was refused, and goes out datagram by datagram. */
	void (*refused)(void *arg, uint32_t owner);
	void *arg;
};

/* Empty the box. */
void outbox_clear(struct outbox *box);

/*
 * Add what was received: one datagram, or a train, which is cut if it is more than the kernel
 * takes at once.  A datagram that continues its predecessor (same owner, destination and TOS,
 * no larger, that one not smaller than those before) is joined with it, unless `plain`, which
 * keeps every datagram single.  The payload must stay until it is sent.  Returns 0, or -1 when
 * the box is full: then *in is what is still to be added, after the box was sent and emptied.
 * An empty box always takes something.
 */
int outbox_add(struct outbox *box, uint32_t owner, struct received *in, int plain,
    const struct destination *to);

/*
 * Send everything.  Returns the first parcel that would have blocked, changed to what of it
 * is still to be sent, or the number of parcels if there is none.
 */
uint32_t outbox_send(struct outbox *box, int fd, const struct outbox_report *report);

/* Bytes of the parcels from `parcel` on. */
uint32_t outbox_bytes(const struct outbox *box, uint32_t parcel);

/* Copy a parcel's bytes, all of them, to `to`. */
void outbox_copy(const struct outbox *box, uint32_t parcel, unsigned char *to);

#endif
