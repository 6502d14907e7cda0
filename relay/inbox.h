#ifndef RELAY_INBOX_H
#define RELAY_INBOX_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <stdint.h>

/*
 * Buffers that one receive call fills.  Each holds what the kernel can hand over at once, a
 * datagram of any size or a train of them (UDP_GRO): a smaller one would lose the rest of a
 * train.
 *
 * Their number, and that of calls in a turn, matter little, as a burst is one train or two.
 * Measured with `make bench` (full_up, flows_10000; medians of 5 runs in turn): 8 buffers
 * cost 2 to 13 % more CPU a datagram than 32, and 64 not less; 1, 2, 8 or 32 calls in a turn
 * are all alike, so it is one, which gives every side its turn soonest.
 */
#define INBOX_SLOTS 32
#define INBOX_SLOT_SIZE 65536

/* What was received into a slot. */
struct received {
	const unsigned char *payload;
	uint32_t length;
	uint32_t segment; /* size of each datagram of a train but the last; 0: a single one */
	uint32_t local_address; /* IPv4: that it was sent to, as one that it can be sent from */
	uint32_t queue_drops;	/* as of SO_RXQ_OVFL, 0 if absent */
	uint8_t tos;
};

struct inbox {
	struct mmsghdr msg[INBOX_SLOTS];
	struct iovec iov[INBOX_SLOTS];
	union {
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} name[INBOX_SLOTS];
	_Alignas(struct cmsghdr) char control[INBOX_SLOTS][128];
	uint32_t used; /* slots from the first on that were filled since they were set up */
	unsigned char payload[INBOX_SLOTS][INBOX_SLOT_SIZE];
};

/* Make an inbox.  Returns NULL with errno ENOMEM. */
struct inbox *inbox_new(void);

/*
 * Receive into the slots from `first` on, without waiting.  Returns their number, or -1 with
 * errno as of recvmmsg(2).
 */
int inbox_receive(struct inbox *inbox, int fd, uint32_t first);

/* Read all control messages of a slot, in whatever order they come. */
void inbox_read(struct inbox *inbox, uint32_t slot, struct received *received);

/* Datagrams of so many bytes with this segment size. */
static inline uint32_t
datagrams_of(uint32_t length, uint32_t segment)
{
	return (segment == 0 ? 1 : (length + segment - 1) / segment);
}

#endif
