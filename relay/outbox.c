/*
 * Fewer, larger sends.  The kernel's path through UDP and IP costs about the same for a train
 * of datagrams as for one, so what came in as a train (UDP_GRO) leaves as one (UDP_SEGMENT), or
 * as a few if it is more than may leave at once, and neighbours of one size are joined by their
 * buffers alone.  Nothing is copied.
 *
 * A train can be refused where its datagrams alone are not: larger than the path (EMSGSIZE,
 * or EINVAL on older kernels), or a device that cannot (EIO).  The same datagrams then go out
 * one by one, and the caller is told, so that it asks for that until later.
 */
#include <netinet/udp.h>
#include <errno.h>
#include <string.h>

#include "relay/inbox.h"
#include "relay/outbox.h"

void
outbox_clear(struct outbox *box)
{
	box->parcels = box->buffers = 0;
}

/* ---- filling ---- */

static void
put_control(struct msghdr *mh, int level, int type, const void *data, size_t size)
{
	struct cmsghdr *cmsg;

	cmsg = (struct cmsghdr *)((char *)mh->msg_control + mh->msg_controllen);
	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(cmsg), data, size);
	mh->msg_controllen += CMSG_SPACE(size);
}

static void
address(struct outbox *box, uint32_t i, const struct destination *to, uint8_t tos)
{
	struct in_pktinfo pktinfo = { .ipi_spec_dst = { to->local } };
	struct msghdr *mh = &box->msg[i].msg_hdr;
	int value = tos;

	mh->msg_control = box->control[i];
	if (to->address == 0) {
		if (tos != 0)
			put_control(mh, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof(value));
		return;
	}
	box->name[i] = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = to->port,
		.sin_addr = { to->address },
	};
	mh->msg_name = &box->name[i];
	mh->msg_namelen = sizeof(box->name[i]);
	put_control(mh, IPPROTO_IP, IP_PKTINFO, &pktinfo, sizeof(pktinfo));
	if (tos != 0)
		put_control(mh, IPPROTO_IP, IP_TOS, &value, sizeof(value));
}

/* Whether this datagram can join the last parcel. */
static int
joins(const struct outbox *box, uint32_t owner, const struct received *in)
{
	const struct parcel *p;
	uint32_t size;

	if (box->parcels == 0 || box->buffers == OUTBOX_BUFFERS || in->segment != 0)
		return (0);
	p = &box->parcel[box->parcels - 1];
	size = p->segment == 0 ? p->length : p->segment;
	return (p->owner == owner && p->tos == in->tos && !p->plain &&
	    /* made of datagrams, one a buffer, all of one size so far */
	    (p->segment == 0 || p->buffers > 1) && p->length == size * p->buffers &&
	    in->length > 0 && in->length <= size && p->buffers < TRAIN_DATAGRAMS_MAX &&
	    p->length + in->length <= TRAIN_BYTES_MAX);
}

static void
add_buffer(struct outbox *box, const struct received *in, uint32_t length)
{
	box->iov[box->buffers++] = (struct iovec){ (void *)(uintptr_t)in->payload, length };
}

static void
join(struct outbox *box, const struct received *in)
{
	struct parcel *p = &box->parcel[box->parcels - 1];

	if (p->segment == 0)
		p->segment = p->length;
	p->length += in->length;
	p->buffers++;
	add_buffer(box, in, in->length);
}

/* Make a parcel of the first `length` bytes.  Returns -1 when the box is full. */
static int
add_parcel(struct outbox *box, uint32_t owner, const struct received *in, uint32_t length,
    int plain, const struct destination *to)
{
	uint32_t i = box->parcels;

	if (i == OUTBOX_PARCELS || box->buffers == OUTBOX_BUFFERS)
		return (-1);
	box->parcels++;
	box->parcel[i] = (struct parcel){
		.owner = owner,
		.length = length,
		.segment = length > in->segment ? in->segment : 0,
		.buffer = box->buffers,
		.buffers = 1,
		.tos = in->tos,
		.plain = (uint8_t)plain,
	};
	add_buffer(box, in, length);
	memset(&box->msg[i], 0, sizeof(box->msg[i]));
	address(box, i, to, in->tos);
	return (0);
}

/*
 * Bytes of it that one parcel can hold: a datagram, or as many of a train as the kernel takes
 * at once.  One of them at least: nothing bounds what a segment size may be.
 */
static uint32_t
parcel_length(const struct received *in)
{
	uint32_t n;

	if (in->segment == 0 ||
	    (in->length <= TRAIN_BYTES_MAX &&
		datagrams_of(in->length, in->segment) <= TRAIN_DATAGRAMS_MAX))
		return (in->length);
	n = TRAIN_BYTES_MAX / in->segment;
	n = n == 0 ? 1 : n < TRAIN_DATAGRAMS_MAX ? n : TRAIN_DATAGRAMS_MAX;
	return (in->length < n * in->segment ? in->length : n * in->segment);
}

int
outbox_add(struct outbox *box, uint32_t owner, struct received *in, int plain,
    const struct destination *to)
{
	uint32_t n;

	if (!plain && joins(box, owner, in)) {
		join(box, in);
		return (0);
	}
	do {
		n = parcel_length(in);
		if (add_parcel(box, owner, in, n, plain, to) == -1)
			return (-1);
		in->payload += n;
		in->length -= n;
	} while (in->length > 0);
	return (0);
}

uint32_t
outbox_bytes(const struct outbox *box, uint32_t parcel)
{
	uint32_t bytes = 0;

	for (; parcel < box->parcels; parcel++)
		bytes += box->parcel[parcel].length;
	return (bytes);
}

void
outbox_copy(const struct outbox *box, uint32_t parcel, unsigned char *to)
{
	const struct parcel *p = &box->parcel[parcel];
	uint32_t i;

	for (i = p->buffer; i < p->buffer + p->buffers; i++) {
		memcpy(to, box->iov[i].iov_base, box->iov[i].iov_len);
		to += box->iov[i].iov_len;
	}
}

/* ---- sending ---- */

/* Buffers and segment size of each message, as late as here: joining changes both. */
static void
seal(struct outbox *box)
{
	struct msghdr *mh;
	uint16_t segment;
	uint32_t i;

	for (i = 0; i < box->parcels; i++) {
		mh = &box->msg[i].msg_hdr;
		mh->msg_iov = &box->iov[box->parcel[i].buffer];
		mh->msg_iovlen = box->parcel[i].buffers;
		segment = (uint16_t)box->parcel[i].segment;
		/* Never on a single datagram: some paths lose it. */
		if (segment != 0 && !box->parcel[i].plain)
			put_control(mh, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	}
}

/*
 * One call of sendmmsg(2), which stops at the first message that fails and tells why only when
 * that is the first; and the reason may be an ICMP error that belongs to an earlier datagram.
 * So what fails is repeated once: *again is the caller's memory of that.  Returns the number
 * of messages that were sent, 0 if the first failed and is to be repeated, -1 if it must be
 * dropped, -2 if it would block.
 */
static int
send_some(int fd, struct mmsghdr *msg, uint32_t n, int *again)
{
	int sent;

	do
		sent = sendmmsg(fd, msg, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent == -1 && errno == EINTR);
	if (sent > 0) {
		*again = 0;
		return (sent);
	}
	if (errno == EAGAIN)
		return (-2);
	*again = !*again;
	return (*again ? 0 : -1);
}

/* Take the first `n` datagrams off a parcel. */
static void
advance(struct outbox *box, struct parcel *p, uint32_t n)
{
	struct iovec *iov = &box->iov[p->buffer];
	uint32_t bytes = n * p->segment;

	if (p->buffers > 1) {
		p->buffer += n;
		p->buffers = (uint16_t)(p->buffers - n);
	} else {
		iov->iov_base = (unsigned char *)iov->iov_base + bytes;
		iov->iov_len -= bytes;
	}
	p->length -= bytes;
	if (p->length <= p->segment)
		p->segment = 0;
}

/* Make a message of each datagram of a parcel. */
static uint32_t
take_apart(const struct outbox *box, uint32_t parcel, struct mmsghdr *msg, struct iovec *iov)
{
	const struct parcel *p = &box->parcel[parcel];
	const struct iovec *buffer = &box->iov[p->buffer];
	uint32_t i, n = datagrams_of(p->length, p->segment), left;

	for (i = 0; i < n; i++) {
		if (p->buffers > 1)
			iov[i] = buffer[i];
		else {
			left = p->length - i * p->segment;
			iov[i].iov_base =
			    (unsigned char *)buffer->iov_base + (size_t)i * p->segment;
			iov[i].iov_len =
			    p->segment != 0 && left > p->segment ? p->segment : left;
		}
		msg[i] = box->msg[parcel];
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	return (n);
}

/* Send a parcel datagram by datagram.  Returns 0, or -1 with the rest in it if it would block. */
static int
send_plain(struct outbox *box, uint32_t parcel, int fd, const struct outbox_report *report)
{
	struct parcel *p = &box->parcel[parcel];
	struct mmsghdr msg[TRAIN_DATAGRAMS_MAX];
	struct iovec iov[TRAIN_DATAGRAMS_MAX];
	uint32_t i = 0, k, n = take_apart(box, parcel, msg, iov);
	int sent, again = 0;

	while (i < n) {
		sent = send_some(fd, msg + i, n - i, &again);
		if (sent == -2) {
			advance(box, p, i);
			return (-1);
		}
		if (sent == 0)
			report->failed(report->arg, p->owner);
		if (sent == -1) {
			report->dropped(report->arg, p->owner, 1);
			i++;
		}
		for (k = 0; sent > 0 && k < (uint32_t)sent; k++, i++)
			report->sent(report->arg, p->owner, 1, (uint32_t)iov[i].iov_len);
	}
	return (0);
}

/* A refusal of the train as such; its datagrams may get through. */
static int
is_refusal(const struct parcel *p, int error)
{
	return (p->segment != 0 && (error == EMSGSIZE || error == EINVAL || error == EIO));
}

static void
refuse(struct outbox *box, uint32_t parcel, const struct outbox_report *report)
{
	struct parcel *p = &box->parcel[parcel];

	p->plain = 1;
	/* The last control message. */
	box->msg[parcel].msg_hdr.msg_controllen -= CMSG_SPACE(sizeof(uint16_t));
	report->refused(report->arg, p->owner);
}

/* Parcels from i on that leave as they are. */
static uint32_t
run_length(const struct outbox *box, uint32_t i)
{
	uint32_t n = 0;

	while (i + n < box->parcels &&
	    (!box->parcel[i + n].plain || box->parcel[i + n].segment == 0))
		n++;
	return (n);
}

uint32_t
outbox_send(struct outbox *box, int fd, const struct outbox_report *report)
{
	const struct parcel *p;
	uint32_t i = 0, n;
	int sent, again = 0;

	seal(box);
	while (i < box->parcels) {
		p = &box->parcel[i];
		if ((n = run_length(box, i)) == 0) {
			if (send_plain(box, i, fd, report) == -1)
				return (i);
			i++;
			continue;
		}
		sent = send_some(fd, &box->msg[i], n, &again);
		if (sent == -2)
			return (i);
		if (sent <= 0 && is_refusal(p, errno)) {
			refuse(box, i, report);
			again = 0;
			continue;
		}
		if (sent == 0)
			report->failed(report->arg, p->owner);
		if (sent == -1) {
			report->dropped(
			    report->arg, p->owner, datagrams_of(p->length, p->segment));
			i++;
		}
		for (; sent > 0; sent--, i++)
			report->sent(report->arg, box->parcel[i].owner,
			    datagrams_of(box->parcel[i].length, box->parcel[i].segment),
			    box->parcel[i].length);
	}
	return (i);
}
