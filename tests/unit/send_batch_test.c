#include <sys/socket.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "relay/receive_batch.h"
#include "relay/send_batch.h"
#include "tests/unit/unit.h"

static struct send_batch batch;
static const struct destination connected = { 0, 0, 0 };
static unsigned char payload[65536];

/* What the batch reports. */
static struct {
	uint32_t sent, bytes, dropped, failed, refused;
} heard;

static void
sent(void *arg, uint32_t owner, uint32_t datagrams, uint32_t bytes)
{
	(void)arg;
	(void)owner;
	heard.sent += datagrams;
	heard.bytes += bytes;
}

static void
dropped(void *arg, uint32_t owner, uint32_t datagrams)
{
	(void)arg;
	(void)owner;
	heard.dropped += datagrams;
}

static void
failed(void *arg, uint32_t owner)
{
	(void)arg;
	(void)owner;
	heard.failed++;
}

static void
refused(void *arg, uint32_t owner)
{
	(void)arg;
	(void)owner;
	heard.refused++;
}

/*
 * What the kernel makes of calls of sendmmsg(2), one after another, until a 0: an errno, or
 * with a minus so many messages and no more.
 */
static const int *fate;

int __real_sendmmsg(int fd, struct mmsghdr *msg, unsigned int n, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *msg, unsigned int n, int flags);

int
__wrap_sendmmsg(int fd, struct mmsghdr *msg, unsigned int n, int flags)
{
	int now = fate == NULL || *fate == 0 ? 0 : *fate++;

	if (now > 0) {
		errno = now;
		return (-1);
	}
	if (now < 0 && n > (unsigned int)-now)
		n = (unsigned int)-now;
	return (__real_sendmmsg(fd, msg, n, flags));
}

static const struct send_report report = { sent, dropped, failed, refused, NULL };

static void
begin(void)
{
	size_t i;

	send_batch_clear(&batch);
	memset(&heard, 0, sizeof(heard));
	for (i = 0; i < sizeof(payload); i++)
		payload[i] = (unsigned char)(i * 31 + i / 256);
}

/* Returns how many bytes found no room. */
static uint32_t
add(uint32_t owner, uint32_t at, uint32_t length, uint32_t segment, uint8_t tos, int plain)
{
	struct received in = {
		.payload = payload + at, .length = length, .segment = segment, .tos = tos
	};

	if (send_batch_add(&batch, owner, &in, plain, &connected) == 0)
		return (0);
	ATF_CHECK_EQ(in.payload + in.length, payload + at + length);
	return (in.length);
}

/* Two UDP sockets on the loopback address, connected to each other. */
static void
make_pair(int pair[2])
{
	struct sockaddr_in6 sin6[2];
	socklen_t len = sizeof(sin6[0]);
	int i, size = 4 << 20;

	for (i = 0; i < 2; i++) {
		ATF_REQUIRE((pair[i] = socket(AF_INET6, SOCK_DGRAM, 0)) != -1);
		memset(&sin6[i], 0, sizeof(sin6[i]));
		sin6[i].sin6_family = AF_INET6;
		sin6[i].sin6_addr = in6addr_loopback;
		ATF_REQUIRE_EQ(bind(pair[i], (struct sockaddr *)&sin6[i], len), 0);
		ATF_REQUIRE_EQ(getsockname(pair[i], (struct sockaddr *)&sin6[i], &len), 0);
		setsockopt(pair[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	}
	for (i = 0; i < 2; i++)
		ATF_REQUIRE_EQ(connect(pair[i], (struct sockaddr *)&sin6[!i], len), 0);
}

/* The next datagram must be this part of the payload. */
static void
expect(int fd, uint32_t at, uint32_t length)
{
	static unsigned char buf[65536];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	ATF_REQUIRE_EQ(poll(&pfd, 1, 5000), 1);
	n = recv(fd, buf, sizeof(buf), 0);
	ATF_REQUIRE_EQ_MSG(n, (ssize_t)length, "%zd bytes instead of %u", n, length);
	ATF_CHECK(memcmp(buf, payload + at, length) == 0);
}

static void
expect_nothing(int fd)
{
	unsigned char byte;

	ATF_CHECK(recv(fd, &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
}

CASE(neighbours_are_joined)
{
	int pair[2];

	make_pair(pair);
	begin();
	add(1, 0, 100, 0, 0, 0);
	add(1, 100, 100, 0, 0, 0);
	add(1, 200, 100, 0, 0, 0);
	add(1, 300, 40, 0, 0, 0); /* the last may be shorter */
	add(1, 340, 40, 0, 0, 0); /* and then it is the last */
	ATF_CHECK_EQ(batch.messages, 2);
	ATF_CHECK_EQ(batch.message[0].segment, 100);
	ATF_CHECK_EQ(send_batch_send(&batch, pair[0], &report), 2);
	expect(pair[1], 0, 100);
	expect(pair[1], 100, 100);
	expect(pair[1], 200, 100);
	expect(pair[1], 300, 40);
	expect(pair[1], 340, 40);
	expect_nothing(pair[1]);
	ATF_CHECK(heard.sent == 5 && heard.bytes == 380 && heard.failed == 0);
}

CASE(strangers_are_not)
{
	begin();
	add(1, 0, 100, 0, 0, 0);
	add(2, 0, 100, 0, 0, 0);    /* another session */
	add(2, 0, 100, 0, 0xb8, 0); /* another TOS */
	add(2, 0, 101, 0, 0xb8, 0); /* larger */
	add(2, 0, 0, 0, 0xb8, 0);   /* empty */
	add(2, 0, 0, 0, 0xb8, 0);
	add(2, 0, 50, 50, 0xb8, 1); /* one by one */
	add(2, 0, 50, 0, 0xb8, 1);
	ATF_CHECK_EQ(batch.messages, 8);
	/* A train is complete. */
	begin();
	add(1, 0, 300, 100, 0, 0);
	add(1, 0, 100, 0, 0, 0);
	ATF_CHECK_EQ(batch.messages, 2);
}

CASE(trains)
{
	int pair[2], i;

	make_pair(pair);
	begin();
	add(1, 0, 950, 100, 0, 0);
	ATF_CHECK_EQ(send_batch_send(&batch, pair[0], &report), 1);
	for (i = 0; i < 9; i++)
		expect(pair[1], (uint32_t)i * 100, 100);
	expect(pair[1], 900, 50);
	expect_nothing(pair[1]);
	ATF_CHECK(heard.sent == 10 && heard.bytes == 950);
}

CASE(trains_are_cut)
{
	uint32_t i, n = 0;

	/* At most 64 datagrams... */
	begin();
	add(1, 0, 130 * 10, 10, 0, 0);
	ATF_CHECK_EQ(batch.messages, 3);
	for (i = 0; i < batch.messages; i++) {
		ATF_CHECK(batch.message[i].length <= 64 * 10);
		n += batch.message[i].length;
	}
	ATF_CHECK_EQ(n, 1300);
	/* ... and at most 65,000 bytes. */
	begin();
	add(1, 0, 65527, 1420, 0, 0);
	ATF_CHECK_EQ(batch.messages, 2);
	ATF_CHECK_EQ(batch.message[0].length, 45 * 1420);
	ATF_CHECK_EQ(send_batch_bytes(&batch, 0), 65527);
	/* A shorter last one is not cut off while there is room for it. */
	begin();
	add(1, 0, 65000, 1440, 0, 0);
	ATF_CHECK_EQ(batch.messages, 1);
	/* A rest of one datagram is no train. */
	begin();
	add(1, 0, 65 * 10, 10, 0, 0);
	ATF_CHECK_EQ(batch.message[1].segment, 0);
}

/* Whatever a segment size says: a datagram has room, and the array an end. */
CASE(too_large_for_a_train)
{
	static const uint32_t segments[] = { 65001, 65506, 65507, 65535, 70000 };
	int pair[2];
	size_t i;

	for (i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
		begin();
		ATF_CHECK_EQ(add(1, 0, 65507, segments[i], 0, 0), 0);
		ATF_CHECK_EQ(batch.messages, segments[i] < 65507 ? 2 : 1);
		ATF_CHECK(batch.message[0].segment == 0 && batch.message[1].segment == 0);
		ATF_CHECK_EQ(send_batch_bytes(&batch, 0), 65507);
	}
	make_pair(pair);
	begin();
	ATF_CHECK_EQ(add(1, 0, 65400, 65001, 0, 0), 0);
	ATF_CHECK_EQ(send_batch_send(&batch, pair[0], &report), 2);
	expect(pair[1], 0, 65001);
	expect(pair[1], 65001, 399);
	ATF_CHECK(heard.sent == 2 && heard.bytes == 65400 && heard.refused == 0);
}

CASE(too_many_for_the_batch)
{
	uint32_t left, at, most = SEND_BATCH_MESSAGES * TRAIN_DATAGRAMS_MAX;
	int plain;

	for (plain = 0; plain <= 1; plain++) {
		begin();
		left = add(1, 0, 65507, 1, 0, plain);
		ATF_CHECK_EQ(left, 65507 - most);
		ATF_CHECK(batch.messages == SEND_BATCH_MESSAGES &&
		    batch.buffers == SEND_BATCH_BUFFERS);
		/* Full is full, for a neighbour and for nothing at all. */
		ATF_CHECK_EQ(add(1, 0, 1, 0, 0, plain), 1);
		ATF_CHECK_EQ(add(1, 0, 65507, 1, 0, plain), 65507);
		ATF_CHECK_EQ(send_batch_bytes(&batch, 0), most);
		/* Emptied, it takes the rest. */
		for (at = 65507 - left; left > 0; at = 65507 - left) {
			send_batch_clear(&batch);
			left = add(1, at, left, 1, 0, plain);
		}
		ATF_CHECK_EQ(send_batch_bytes(&batch, 0), 65507 % most);
	}
}

CASE(fills)
{
	int n;

	begin();
	for (n = 0; add((uint32_t)n, 0, 65527, 1420, 0, 0) == 0;)
		n++;
	ATF_CHECK(n > 10 && batch.messages == SEND_BATCH_MESSAGES);
	begin();
	for (n = 0; n < SEND_BATCH_BUFFERS; n++)
		ATF_CHECK_EQ(add(1, 0, 100, 0, 0, 0), 0);
	ATF_CHECK_EQ(batch.messages, 1);
	ATF_CHECK_EQ(add(1, 0, 100, 0, 0, 0), 100);
	/* There are messages left, but no buffer. */
	ATF_CHECK_EQ(add(2, 0, 100, 0, 0, 0), 100);
	ATF_CHECK_EQ(batch.buffers, SEND_BATCH_BUFFERS);
}

CASE(one_by_one)
{
	int pair[2], i;

	make_pair(pair);
	begin();
	add(1, 0, 950, 100, 0, 1);
	add(1, 1000, 60, 0, 0, 1);
	ATF_CHECK_EQ(send_batch_send(&batch, pair[0], &report), 2);
	for (i = 0; i < 9; i++)
		expect(pair[1], (uint32_t)i * 100, 100);
	expect(pair[1], 900, 50);
	expect(pair[1], 1000, 60);
	ATF_CHECK(heard.sent == 11 && heard.bytes == 1010);
}

CASE(pending_error)
{
	int pair[2];

	/* Nobody listens: an ICMP error waits when the next is sent, and that gets through. */
	make_pair(pair);
	close(pair[1]);
	begin();
	ATF_REQUIRE_EQ(send(pair[0], "x", 1, 0), 1);
	add(1, 0, 100, 0, 0, 0);
	ATF_CHECK_EQ(send_batch_send(&batch, pair[0], &report), 1);
	ATF_CHECK(heard.failed == 1 && heard.sent == 1 && heard.dropped == 0);
}

CASE(refused_train)
{
	static const int refusals[][2] = { { EMSGSIZE, 0 }, { EINVAL, 0 }, { EIO, 0 } };
	int pair[2];
	size_t i;
	uint32_t k;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		make_pair(pair);
		begin();
		add(1, 0, 950, 100, 0, 0);
		add(2, 1000, 60, 0, 0, 0);
		fate = refusals[i];
		ATF_CHECK_EQ(send_batch_send(&batch, pair[0], &report), 2);
		for (k = 0; k < 9; k++)
			expect(pair[1], k * 100, 100);
		expect(pair[1], 900, 50);
		expect(pair[1], 1000, 60);
		ATF_CHECK(heard.refused == 1 && heard.sent == 11 && heard.bytes == 1010);
		ATF_CHECK(heard.failed == 0 && heard.dropped == 0);
		close(pair[0]);
		close(pair[1]);
	}
}

/* The call says how many went before the one that failed, and not why that did. */
CASE(hidden_refusal)
{
	static const int two_then_refused[] = { -1, EIO, -1, 0 };
	int pair[2];
	uint32_t k;

	make_pair(pair);
	begin();
	for (k = 0; k < 3; k++)
		add(k, k * 1000, 300, 100, 0, 0);
	fate = two_then_refused;
	ATF_CHECK_EQ(send_batch_send(&batch, pair[0], &report), 3);
	for (k = 0; k < 9; k++)
		expect(pair[1], k / 3 * 1000 + k % 3 * 100, 100);
	ATF_CHECK(heard.refused == 1 && heard.sent == 9 && heard.dropped == 0);
	ATF_CHECK(!batch.message[0].plain && batch.message[1].plain && !batch.message[2].plain);
}

CASE(no_buffers)
{
	static const int once[] = { ENOBUFS, 0 }, twice[] = { ENOBUFS, ENOBUFS, 0 };
	int pair[2];

	make_pair(pair);
	begin();
	add(1, 0, 300, 100, 0, 0);
	add(2, 1000, 60, 0, 0, 0);
	fate = once;
	ATF_CHECK_EQ(send_batch_send(&batch, pair[0], &report), 2);
	ATF_CHECK(heard.failed == 1 && heard.sent == 4 && heard.dropped == 0);
	/* What cannot be sent holds nobody up: there is nothing to wait for. */
	begin();
	add(1, 0, 300, 100, 0, 0);
	add(2, 1000, 60, 0, 0, 0);
	fate = twice;
	ATF_CHECK_EQ(send_batch_send(&batch, pair[0], &report), 2);
	ATF_CHECK(heard.failed == 1 && heard.sent == 1 && heard.dropped == 3);
	/* Datagram by datagram, one is lost, not the train. */
	begin();
	add(1, 0, 300, 100, 0, 1);
	fate = twice;
	ATF_CHECK_EQ(send_batch_send(&batch, pair[0], &report), 1);
	ATF_CHECK(heard.failed == 1 && heard.sent == 2 && heard.dropped == 1);
	ATF_CHECK_EQ(heard.refused, 0);
}

CASE(interrupted)
{
	static const int signals[] = { EINTR, -1, EINTR, 0 };
	int pair[2];

	make_pair(pair);
	begin();
	add(1, 0, 100, 0, 0, 0);
	add(2, 100, 100, 0, 0, 0);
	fate = signals;
	ATF_CHECK_EQ(send_batch_send(&batch, pair[0], &report), 2);
	ATF_CHECK(heard.sent == 2 && heard.failed == 0 && heard.dropped == 0);
}

CASE(too_large)
{
	int pair[2];

	make_pair(pair);
	begin();
	add(1, 0, 65536, 0, 0, 0);
	add(2, 0, 100, 0, 0, 0);
	ATF_CHECK_EQ(send_batch_send(&batch, pair[0], &report), 2);
	ATF_CHECK(heard.failed == 1 && heard.sent == 1 && heard.dropped == 1);
	expect(pair[1], 0, 100);
}

/* What a message carries, all of it. */
static void
copy_message(uint32_t i, unsigned char *to)
{
	const struct message *m = &batch.message[i];
	const struct iovec *iov;

	for (iov = &batch.iov[m->buffer]; iov < &batch.iov[m->buffer + m->buffers]; iov++) {
		memcpy(to, iov->iov_base, iov->iov_len);
		to += iov->iov_len;
	}
}

CASE(would_block)
{
	unsigned char rest[65536];
	uint32_t done, left;
	int pair[2], size = 1;

	/* A local socket blocks when its receiver does not read. */
	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	ATF_REQUIRE_EQ(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	begin();
	add(1, 0, 500, 0, 0, 0);
	add(2, 500, 6100, 100, 0, 1); /* a train, one by one */
	add(3, 7000, 100, 0, 0, 0);
	done = send_batch_send(&batch, pair[0], &report);
	ATF_REQUIRE_EQ(done, 1);
	ATF_REQUIRE(heard.sent > 1 && heard.dropped == 0 && heard.failed == 0);
	/* What is left of the train is its end. */
	left = batch.message[1].length;
	ATF_CHECK_EQ(left, 6100 - (heard.sent - 1) * 100);
	ATF_CHECK_EQ(send_batch_bytes(&batch, done), left + 100);
	copy_message(done, rest);
	ATF_CHECK(memcmp(rest, payload + 500 + 6100 - left, left) == 0);
}

CASE(copies)
{
	unsigned char copy[400];

	begin();
	add(1, 1000, 100, 0, 0, 0);
	add(1, 3000, 100, 0, 0, 0);
	add(1, 2000, 50, 0, 0, 0);
	ATF_REQUIRE_EQ(batch.messages, 1);
	copy_message(0, copy);
	ATF_CHECK(memcmp(copy, payload + 1000, 100) == 0);
	ATF_CHECK(memcmp(copy + 100, payload + 3000, 100) == 0);
	ATF_CHECK(memcmp(copy + 200, payload + 2000, 50) == 0);
}

CASE(counts)
{
	ATF_CHECK_EQ(datagrams_of(0, 0), 1);
	ATF_CHECK_EQ(datagrams_of(1400, 0), 1);
	ATF_CHECK_EQ(datagrams_of(1400, 700), 2);
	ATF_CHECK_EQ(datagrams_of(1401, 700), 3);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, neighbours_are_joined);
	ATF_TP_ADD_TC(tp, strangers_are_not);
	ATF_TP_ADD_TC(tp, trains);
	ATF_TP_ADD_TC(tp, trains_are_cut);
	ATF_TP_ADD_TC(tp, too_large_for_a_train);
	ATF_TP_ADD_TC(tp, too_many_for_the_batch);
	ATF_TP_ADD_TC(tp, fills);
	ATF_TP_ADD_TC(tp, one_by_one);
	ATF_TP_ADD_TC(tp, pending_error);
	ATF_TP_ADD_TC(tp, refused_train);
	ATF_TP_ADD_TC(tp, hidden_refusal);
	ATF_TP_ADD_TC(tp, no_buffers);
	ATF_TP_ADD_TC(tp, interrupted);
	ATF_TP_ADD_TC(tp, too_large);
	ATF_TP_ADD_TC(tp, would_block);
	ATF_TP_ADD_TC(tp, copies);
	ATF_TP_ADD_TC(tp, counts);
	return (atf_no_error());
}
