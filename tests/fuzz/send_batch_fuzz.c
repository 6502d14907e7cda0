/*
 * Any sequence of datagrams and trains through a send batch, and through the queue where they
 * have to wait, with a kernel that does what the input says: whatever went in must come out
 * once and as it was, or be reported as dropped, in order.
 */
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/receive_batch.h"
#include "relay/send_batch.h"
#include "relay/queue.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

#define OWNERS 3
#define EXPECTED_MAX 8192 /* more than fit the batch at once */

/* A datagram that went in. */
struct expected {
	const unsigned char *payload;
	uint32_t length;
	uint8_t owner, tos;
};

static const struct destination destination[OWNERS] = {
	{ 0, 0, 0 },
	{ 0x01010101, 1, 0x0a0a0a0a },
	{ 0x02020202, 2, 0x0b0b0b0b },
};

static unsigned char payload[RECEIVE_SLOT_SIZE + UINT8_MAX];
static struct expected expected[EXPECTED_MAX];
static uint32_t first, end; /* of those that are still in */
static struct send_batch batch;

/* Left for the reports to account for. */
static uint32_t datagrams[OWNERS], bytes[OWNERS], errors;

static const uint8_t *input;
static size_t input_left;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_sendmmsg(int fd, struct mmsghdr *msg, unsigned int n, int flags);

static uint32_t
take(size_t size)
{
	uint32_t value = 0;

	for (; size > 0 && input_left > 0; size--, input_left--)
		value = value << 8 | *input++;
	return (value);
}

/* ---- the kernel ---- */

/* What the control messages say, each of which must belong to the datagram's owner. */
static uint32_t
read_control(struct msghdr *mh, const struct expected *e)
{
	struct cmsghdr *cmsg;
	struct in_pktinfo pktinfo = { 0 };
	uint16_t segment = 0;
	int tos = 0;

	for (cmsg = CMSG_FIRSTHDR(mh); cmsg != NULL; cmsg = CMSG_NXTHDR(mh, cmsg)) {
		if (cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_SEGMENT)
			memcpy(&segment, CMSG_DATA(cmsg), sizeof(segment));
		else if (cmsg->cmsg_type == IP_PKTINFO && cmsg->cmsg_level == IPPROTO_IP)
			memcpy(&pktinfo, CMSG_DATA(cmsg), sizeof(pktinfo));
		else
			memcpy(&tos, CMSG_DATA(cmsg), sizeof(tos));
	}
	REQUIRE(tos == e->tos && pktinfo.ipi_spec_dst.s_addr == destination[e->owner].local);
	REQUIRE((mh->msg_name == NULL) == (e->owner == 0));
	if (mh->msg_name != NULL)
		REQUIRE(((struct sockaddr_in *)mh->msg_name)->sin_port ==
		    destination[e->owner].port);
	return (segment);
}

/* The next datagram out is the next that went in. */
static void
arrive(const unsigned char *data, uint32_t length, uint8_t owner)
{
	const struct expected *e = &expected[first++];

	REQUIRE(first <= end && e->owner == owner && e->length == length);
	REQUIRE(memcmp(e->payload, data, length) == 0);
	datagrams[owner]++;
	bytes[owner] += length;
}

static void
deliver(struct msghdr *mh)
{
	static unsigned char train[RECEIVE_SLOT_SIZE];
	uint32_t segment, i, n, length = 0, count = 0;
	uint8_t owner;

	REQUIRE(first < end && mh->msg_iovlen >= 1 && mh->msg_iovlen <= TRAIN_DATAGRAMS_MAX);
	owner = expected[first].owner;
	segment = read_control(mh, &expected[first]);
	for (i = 0; i < mh->msg_iovlen; i++) {
		n = (uint32_t)mh->msg_iov[i].iov_len;
		REQUIRE(length + n <= sizeof(train));
		memcpy(train + length, mh->msg_iov[i].iov_base, n);
		length += n;
	}
	if (segment == 0) {
		arrive(train, length, owner);
		return;
	}
	REQUIRE(segment < length && length <= TRAIN_BYTES_MAX);
	for (i = 0; i < length; i += segment, count++)
		arrive(train + i, length - i < segment ? length - i : segment, owner);
	REQUIRE(count <= TRAIN_DATAGRAMS_MAX);
}

int
__wrap_sendmmsg(int fd, struct mmsghdr *msg, unsigned int n, int flags)
{
	static const int error[] = { EAGAIN, EINTR, EMSGSIZE, EINVAL, EIO, ENOBUFS,
		ECONNREFUSED };
	uint32_t i, fate = take(1);

	/* An error, a few of them, or all. */
	(void)fd;
	(void)flags;
	REQUIRE(n > 0 && n <= SEND_BATCH_MESSAGES);
	if (fate > UINT8_MAX - sizeof(error) / sizeof(error[0])) {
		errno = error[UINT8_MAX - fate];
		errors += errno != EAGAIN && errno != EINTR;
		return (-1);
	}
	if (fate > 0 && n > fate)
		n = fate;
	for (i = 0; i < n; i++)
		deliver(&msg[i].msg_hdr);
	return ((int)n);
}

/* ---- the reports ---- */

static void
sent(void *arg, uint32_t owner, uint32_t n, uint32_t length)
{
	(void)arg;
	REQUIRE(n > 0 && n <= datagrams[owner] && length <= bytes[owner]);
	datagrams[owner] -= n;
	bytes[owner] -= length;
}

static void
dropped(void *arg, uint32_t owner, uint32_t n)
{
	(void)arg;
	REQUIRE(n > 0 && errors-- > 0);
	while (n-- > 0)
		REQUIRE(first < end && expected[first++].owner == owner);
}

/* Failed, or refused: of each error one thing is said. */
static void
failed(void *arg, uint32_t owner)
{
	(void)arg;
	REQUIRE(owner < OWNERS && errors-- > 0);
}

static const struct send_report report = { sent, dropped, failed, failed, NULL };

/* ---- the relay ---- */

static void
drain(struct queue_pool *pool, struct queue **queue)
{
	const struct datagram *d;
	struct received in;
	uint32_t owner;

	while (*queue != NULL) {
		d = queue_first(*queue);
		owner = (*queue)->owner.session;
		in = (struct received){ .payload = d->payload,
			.length = d->length,
			.segment = d->segment,
			.tos = d->tos };
		send_batch_clear(&batch);
		REQUIRE(send_batch_add(
			    &batch, owner, &in, (int)take(1) & 1, &destination[owner]) == 0);
		REQUIRE(batch.messages == 1);
		if (send_batch_send(&batch, -1, &report) == 1)
			queue_remove_first(pool, queue);
		else
			queue_keep_last(pool, *queue, send_batch_bytes(&batch, 0));
	}
}

static void
flush(void)
{
	struct queue_owner owner = { 0 };
	const struct message *m;
	struct queue_pool pool;
	/* One for each message, so that all keep their order. */
	struct queue *queue[SEND_BATCH_MESSAGES] = { NULL };
	struct datagram head = { 0 };
	uint32_t i, n = 0;

	queue_pool_init(&pool);
	for (i = send_batch_send(&batch, -1, &report); i < batch.messages; i++) {
		m = &batch.message[i];
		owner.session = m->owner;
		head.length = m->length;
		head.segment = m->segment;
		head.tos = m->tos;
		REQUIRE(queue_append(&pool, &queue[n++], &owner, &head, &batch.iov[m->buffer],
			    m->buffers) == 0);
	}
	for (i = 0; i < n; i++)
		drain(&pool, &queue[i]);
	REQUIRE(pool.count[WAIT_ROOM] == 0 && pool.units[WAIT_ROOM] == 0);
	send_batch_clear(&batch);
	if (first == end)
		first = end = 0;
}

/* Sizes that matter, and any other. */
static uint32_t
take_size(void)
{
	static const uint32_t size[] = { 0, 1, 2, 100, 1000, 1420, 32500, 32501,
		TRAIN_BYTES_MAX, TRAIN_BYTES_MAX + 1, 65507, UINT16_MAX, RECEIVE_SLOT_SIZE };
	uint32_t choice = take(1);

	return (choice < sizeof(size) / sizeof(size[0]) ? size[choice] : take(choice % 4 + 1));
}

static void
add(uint32_t owner, struct received in, int plain)
{
	uint32_t at = 0, n;

	if (datagrams_of(in.length, in.segment < in.length ? in.segment : 0) >
	    EXPECTED_MAX - end)
		return;
	do {
		n = in.length - at;
		if (in.segment != 0 && n > in.segment)
			n = in.segment;
		expected[end++] =
		    (struct expected){ in.payload + at, n, (uint8_t)owner, in.tos };
		at += n;
	} while (at < in.length);
	while (send_batch_add(&batch, owner, &in, plain, &destination[owner]) == -1)
		flush();
}

/* One, or a burst of them, or some and a shorter one. */
static void
add_some(void)
{
	uint32_t how = take(1), owner = how % OWNERS, n;
	struct received in = { .payload = payload + take(1), .tos = how & 0x20 ? 0xb8 : 0 };

	in.length = take_size() % (RECEIVE_SLOT_SIZE + 1);
	in.segment = how & 0x40 && in.length > 0 ? take_size() : 0;
	for (n = how & 0x10 ? take(1) % 80 : 0; n > 0; n--)
		add(owner, in, how & 0x80);
	if (how & 0x08)
		in.length /= 2;
	add(owner, in, how & 0x80);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; payload[1] == 0 && i < sizeof(payload); i++)
		payload[i] = (unsigned char)(i * 31 + i / 256);
	input = data;
	input_left = size;
	first = end = errors = 0;
	send_batch_clear(&batch);
	while (input_left > 0) {
		add_some();
		if (take(1) < 64)
			flush();
	}
	flush();
	REQUIRE(first == end && errors == 0);
	for (i = 0; i < OWNERS; i++)
		REQUIRE(datagrams[i] == 0 && bytes[i] == 0);
	return (0);
}
