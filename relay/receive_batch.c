#include <sys/mman.h>
#include <netinet/udp.h>
#include <string.h>

#include "relay/receive_batch.h"

struct receive_batch *
receive_batch_new(void)
{
	struct receive_batch *batch;
	int i;

	/* Pages of slots that are never filled stay untouched. */
	batch = mmap(
	    NULL, sizeof(*batch), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (batch == MAP_FAILED)
		return (NULL);
	for (i = 0; i < RECEIVE_BATCH_SLOTS; i++) {
		batch->iov[i] = (struct iovec){ batch->payload[i], RECEIVE_SLOT_SIZE };
		batch->msg[i].msg_hdr.msg_iov = &batch->iov[i];
		batch->msg[i].msg_hdr.msg_iovlen = 1;
		batch->msg[i].msg_hdr.msg_name = &batch->name[i];
		batch->msg[i].msg_hdr.msg_control = batch->control[i];
	}
	batch->used = RECEIVE_BATCH_SLOTS;
	return (batch);
}

int
receive_batch_fill(struct receive_batch *batch, int fd, uint32_t first)
{
	uint32_t i;
	int n;

	/* The kernel changed both in the slots that it filled, and in no other. */
	for (i = first; i < batch->used; i++) {
		batch->msg[i].msg_hdr.msg_namelen = sizeof(batch->name[i]);
		batch->msg[i].msg_hdr.msg_controllen = sizeof(batch->control[i]);
	}
	n = recvmmsg(fd, batch->msg + first, RECEIVE_BATCH_SLOTS - first, MSG_DONTWAIT, NULL);
	batch->used = first + (n > 0 ? (uint32_t)n : 0);
	return (n);
}

static void
read_ip(const struct cmsghdr *cmsg, struct received *received)
{
	struct in_pktinfo pktinfo;

	if (cmsg->cmsg_type == IP_PKTINFO) {
		memcpy(&pktinfo, CMSG_DATA(cmsg), sizeof(pktinfo));
		/*
		 * An address to answer from, and the one in the header, see ip(7): they differ if
		 * that is not one of ours alone.
		 */
		received->local_address = pktinfo.ipi_spec_dst.s_addr;
		received->to_many = pktinfo.ipi_addr.s_addr != pktinfo.ipi_spec_dst.s_addr;
	} else if (cmsg->cmsg_type == IP_TOS)
		received->tos = *CMSG_DATA(cmsg);
}

void
receive_batch_read(struct receive_batch *batch, uint32_t slot, struct received *received)
{
	struct msghdr *mh = &batch->msg[slot].msg_hdr;
	struct cmsghdr *cmsg;
	int value;

	memset(received, 0, sizeof(*received));
	received->payload = batch->payload[slot];
	received->length = batch->msg[slot].msg_len;
	for (cmsg = CMSG_FIRSTHDR(mh); cmsg != NULL; cmsg = CMSG_NXTHDR(mh, cmsg)) {
		if (cmsg->cmsg_level == IPPROTO_IP) {
			read_ip(cmsg, received);
			continue;
		}
		memcpy(&value, CMSG_DATA(cmsg), sizeof(value));
		if (cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_GRO)
			received->segment = (uint32_t)value;
		else if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SO_RXQ_OVFL)
			received->queue_drops = (uint32_t)value;
		else if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_TCLASS)
			received->tos = (uint8_t)value;
	}
	/* One datagram is no train, whatever its size is called. */
	if (received->segment >= received->length)
		received->segment = 0;
}
