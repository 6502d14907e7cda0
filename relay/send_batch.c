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

#include "relay/receive_batch.h"
#include "relay/send_batch.h"

void
send_batch_clear(struct send_batch *batch)
{
	batch->messages = batch->buffers = 0;
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
address(struct send_batch *batch, uint32_t i, const struct destination *to, uint8_t tos)
{
	struct in_pktinfo pktinfo = { .ipi_spec_dst = { to->local } };
	struct msghdr *mh = &batch->msgvec[i].msg_hdr;
	int value = tos;

	mh->msg_control = batch->control[i];
	if (to->address == 0) {
		if (tos != 0)
			put_control(mh, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof(value));
		return;
	}
	batch->name[i] = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = to->port,
		.sin_addr = { to->address },
	};
	mh->msg_name = &batch->name[i];
	mh->msg_namelen = sizeof(batch->name[i]);
	put_control(mh, IPPROTO_IP, IP_PKTINFO, &pktinfo, sizeof(pktinfo));
	if (tos != 0)
		put_control(mh, IPPROTO_IP, IP_TOS, &value, sizeof(value));
}

/* Whether this datagram can join the last message. */
static int
joins(const struct send_batch *batch, uint32_t owner, const struct received *in)
{
	const struct message *p;
	uint32_t size;

	if (batch->messages == 0 || batch->buffers == SEND_BATCH_BUFFERS || in->segment != 0)
		return (0);
	p = &batch->message[batch->messages - 1];
	size = p->segment == 0 ? p->length : p->segment;
	return (p->owner == owner && p->tos == in->tos && !p->plain &&
	    /* made of datagrams, one a buffer, all of one size so far */
	    (p->segment == 0 || p->buffers > 1) && p->length == size * p->buffers &&
	    in->length > 0 && in->length <= size && p->buffers < TRAIN_DATAGRAMS_MAX &&
	    p->length + in->length <= TRAIN_BYTES_MAX);
}

static void
add_buffer(struct send_batch *batch, const struct received *in, uint32_t length)
{
	batch->iov[batch->buffers++] = (struct iovec){ (void *)(uintptr_t)in->payload, length };
}

static void
join(struct send_batch *batch, const struct received *in)
{
	struct message *p = &batch->message[batch->messages - 1];

	if (p->segment == 0)
		p->segment = p->length;
	p->length += in->length;
	p->buffers++;
	add_buffer(batch, in, in->length);
}

/* Make a message of the first `length` bytes.  Returns -1 when the batch is full. */
static int
add_message(struct send_batch *batch, uint32_t owner, const struct received *in,
    uint32_t length, int plain, const struct destination *to)
{
	uint32_t i = batch->messages;

	if (i == SEND_BATCH_MESSAGES || batch->buffers == SEND_BATCH_BUFFERS)
		return (-1);
	batch->messages++;
	batch->message[i] = (struct message){
		.owner = owner,
		.length = length,
		.segment = length > in->segment ? in->segment : 0,
		.buffer = batch->buffers,
		.buffers = 1,
		.tos = in->tos,
		.plain = (uint8_t)plain,
	};
	add_buffer(batch, in, length);
	memset(&batch->msgvec[i], 0, sizeof(batch->msgvec[i]));
	address(batch, i, to, in->tos);
	return (0);
}

/*
 * Bytes of it that one message can hold: a datagram, or as many of a train as the kernel takes
 * at once.  One of them at least: nothing bounds what a segment size may be.
 */
static uint32_t
message_length(const struct received *in)
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
send_batch_add(struct send_batch *batch, uint32_t owner, struct received *in, int plain,
    const struct destination *to)
{
	uint32_t n;

	if (!plain && joins(batch, owner, in)) {
		join(batch, in);
		return (0);
	}
	do {
		n = message_length(in);
		if (add_message(batch, owner, in, n, plain, to) == -1)
			return (-1);
		in->payload += n;
		in->length -= n;
	} while (in->length > 0);
	return (0);
}

uint32_t
send_batch_bytes(const struct send_batch *batch, uint32_t message)
{
	uint32_t bytes = 0;

	for (; message < batch->messages; message++)
		bytes += batch->message[message].length;
	return (bytes);
}

/* ---- sending ---- */

/* Buffers and segment size of each message, as late as here: joining changes both. */
static void
seal(struct send_batch *batch)
{
	struct msghdr *mh;
	uint16_t segment;
	uint32_t i;

	for (i = 0; i < batch->messages; i++) {
		mh = &batch->msgvec[i].msg_hdr;
		mh->msg_iov = &batch->iov[batch->message[i].buffer];
		mh->msg_iovlen = batch->message[i].buffers;
		segment = (uint16_t)batch->message[i].segment;
		/* Never on a single datagram: some paths lose it. */
		if (segment != 0 && !batch->message[i].plain)
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
	/* The latter while the socket is moved to another address: it has none for a moment. */
	if (errno == EAGAIN || errno == EDESTADDRREQ)
		return (-2);
	*again = !*again;
	return (*again ? 0 : -1);
}

/* Take the first `n` datagrams off a message. */
static void
advance(struct send_batch *batch, struct message *p, uint32_t n)
{
	struct iovec *iov = &batch->iov[p->buffer];
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

/* Make a message of each datagram of a message. */
static uint32_t
take_apart(
    const struct send_batch *batch, uint32_t message, struct mmsghdr *msg, struct iovec *iov)
{
	const struct message *p = &batch->message[message];
	const struct iovec *buffer = &batch->iov[p->buffer];
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
		msg[i] = batch->msgvec[message];
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	return (n);
}

/* Send a message datagram by datagram.  Returns 0, or -1 with the rest in it if it would block. */
static int
send_plain(struct send_batch *batch, uint32_t message, int fd, const struct send_report *report)
{
	struct message *p = &batch->message[message];
	struct mmsghdr msg[TRAIN_DATAGRAMS_MAX];
	struct iovec iov[TRAIN_DATAGRAMS_MAX];
	uint32_t i = 0, k, n = take_apart(batch, message, msg, iov);
	int sent, again = 0;

	while (i < n) {
		sent = send_some(fd, msg + i, n - i, &again);
		if (sent == -2) {
			advance(batch, p, i);
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
is_refusal(const struct message *p, int error)
{
	return (p->segment != 0 && (error == EMSGSIZE || error == EINVAL || error == EIO));
}

static void
refuse(struct send_batch *batch, uint32_t message, const struct send_report *report)
{
	struct message *p = &batch->message[message];

	p->plain = 1;
	/* The last control message. */
	batch->msgvec[message].msg_hdr.msg_controllen -= CMSG_SPACE(sizeof(uint16_t));
	report->refused(report->arg, p->owner);
}

/* Messages from i on that leave as they are. */
static uint32_t
run_length(const struct send_batch *batch, uint32_t i)
{
	uint32_t n = 0;

	while (i + n < batch->messages &&
	    (!batch->message[i + n].plain || batch->message[i + n].segment == 0))
		n++;
	return (n);
}

uint32_t
send_batch_send(struct send_batch *batch, int fd, const struct send_report *report)
{
	const struct message *p;
	uint32_t i = 0, n;
	int sent, again = 0;

	seal(batch);
	while (i < batch->messages) {
		p = &batch->message[i];
		if ((n = run_length(batch, i)) == 0) {
			if (send_plain(batch, i, fd, report) == -1)
				return (i);
			i++;
			continue;
		}
		sent = send_some(fd, &batch->msgvec[i], n, &again);
		if (sent == -2)
			return (i);
		if (sent <= 0 && is_refusal(p, errno)) {
			refuse(batch, i, report);
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
			report->sent(report->arg, batch->message[i].owner,
			    datagrams_of(batch->message[i].length, batch->message[i].segment),
			    batch->message[i].length);
	}
	return (i);
}
