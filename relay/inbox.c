#include <sys/mman.h>
#include <netinet/udp.h>
#include <string.h>

#include "relay/inbox.h"

struct inbox *
inbox_new(void)
{
	struct inbox *b;
	int i;

	/* Pages of slots that are never filled stay untouched. */
	b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b == MAP_FAILED)
		return (NULL);
	for (i = 0; i < INBOX_SLOTS; i++) {
		b->iov[i] = (struct iovec){ b->payload[i], INBOX_SLOT_SIZE };
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
		b->msg[i].msg_hdr.msg_name = &b->name[i];
		b->msg[i].msg_hdr.msg_control = b->control[i];
	}
	b->used = INBOX_SLOTS;
	return (b);
}

int
inbox_receive(struct inbox *b, int fd, uint32_t first)
{
	uint32_t i;
	int n;

	/* The kernel changed both in the slots that it filled, and in no other. */
	for (i = first; i < b->used; i++) {
		b->msg[i].msg_hdr.msg_namelen = sizeof(b->name[i]);
		b->msg[i].msg_hdr.msg_controllen = sizeof(b->control[i]);
	}
	n = recvmmsg(fd, b->msg + first, INBOX_SLOTS - first, MSG_DONTWAIT, NULL);
	b->used = first + (n > 0 ? (uint32_t)n : 0);
	return (n);
}

static void
read_ip(const struct cmsghdr *cmsg, struct received *received)
{
	struct in_pktinfo pktinfo;

	if (cmsg->cmsg_type == IP_PKTINFO) {
		memcpy(&pktinfo, CMSG_DATA(cmsg), sizeof(pktinfo));
		/* Not ipi_addr, which may be a broadcast address: ip(7). */
		received->local_address = pktinfo.ipi_spec_dst.s_addr;
	} else if (cmsg->cmsg_type == IP_TOS)
		received->tos = *CMSG_DATA(cmsg);
}

void
inbox_read(struct inbox *b, uint32_t slot, struct received *received)
{
	struct msghdr *mh = &b->msg[slot].msg_hdr;
	struct cmsghdr *cmsg;
	int value;

	memset(received, 0, sizeof(*received));
	received->payload = b->payload[slot];
	received->length = b->msg[slot].msg_len;
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
