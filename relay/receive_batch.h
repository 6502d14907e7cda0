#ifndef RELAY_RECEIVE_BATCH_H
#define RELAY_RECEIVE_BATCH_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <stdint.h>

/*
 * What one call of recvmmsg(2) brings.
 *
 * A train is a buffer of several datagrams, segments of one size of which only the last may be
 * shorter: what UDP_GRO hands over and UDP_SEGMENT takes, see udp(7).  Each slot has room for
 * whatever the kernel can hand over at once, a datagram of any size or a train: a smaller one
 * would lose the rest of a train.
 *
 * Their number, and that of calls in a turn, matter little, as a burst is one train or two.
 * Measured with `make bench` (full_up, flows_10000; medians of 5 runs in turn): 8 buffers
 * cost 2 to 13 % more CPU a datagram than 32, and 64 not less; 1, 2, 8 or 32 calls in a turn
 * are all alike, so it is one, which gives every side its turn soonest.
 */
#define RECEIVE_BATCH_SLOTS 32
#define RECEIVE_SLOT_SIZE 65536

/* What was received into a slot. */
struct received {
	const unsigned char *payload;
	uint32_t length;
	uint32_t segment; /* size of each datagram of a train but the last; 0: a single one */
	uint32_t local_address; /* IPv4: that it was sent to, as one that it can be sent from */
	uint32_t queue_drops;	/* as of SO_RXQ_OVFL, 0 if absent */
	uint8_t tos;
	uint8_t to_many; /* IPv4: it was sent to a broadcast or multicast address */
};

struct receive_batch {
	struct mmsghdr msg[RECEIVE_BATCH_SLOTS];
	struct iovec iov[RECEIVE_BATCH_SLOTS];
	union {
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} name[RECEIVE_BATCH_SLOTS];
	_Alignas(struct cmsghdr) char control[RECEIVE_BATCH_SLOTS][128];
	uint32_t used; /* slots from the first on that were filled since they were set up */
	unsigned char payload[RECEIVE_BATCH_SLOTS][RECEIVE_SLOT_SIZE];
};

/* Make one.  Returns NULL with errno ENOMEM. */
struct receive_batch *receive_batch_new(void);

/*
 * Receive into the slots from `first` on, without waiting.  Returns their number, or -1 with
 * errno as of recvmmsg(2).
 */
int receive_batch_fill(struct receive_batch *batch, int fd, uint32_t first);

/* Read all control messages of a slot, in whatever order they come. */
void receive_batch_read(struct receive_batch *batch, uint32_t slot, struct received *received);

/* Datagrams of so many bytes with this segment size. */
static inline uint32_t
datagrams_of(uint32_t length, uint32_t segment)
{
	return (segment == 0 ? 1 : (length + segment - 1) / segment);
}

#endif
