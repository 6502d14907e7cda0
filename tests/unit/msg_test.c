#include <sys/socket.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"
#include "common/totals.h"
#include "tests/unit/unit.h"

static struct msg msg;

/* Send any bytes and descriptors, right or wrong. */
static void
send_raw(int fd, uint32_t type, uint32_t length, size_t really, int nfds)
{
	static unsigned char payload[MSG_PAYLOAD_MAX + 4096];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MSG_FDS_MAX * sizeof(int))];
	struct msg_header header = { type, length };
	struct iovec iov[2] = { { &header, sizeof(header) }, { payload, really } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };
	struct cmsghdr *cmsg;
	int i, fds[MSG_FDS_MAX];

	if (nfds > 0) {
		for (i = 0; i < nfds; i++)
			fds[i] = STDERR_FILENO;
		mh.msg_control = control;
		mh.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, (size_t)nfds * sizeof(int));
	}
	ATF_REQUIRE(sendmsg(fd, &mh, 0) > 0);
}

static int
count_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return (n);
}

/* What this sends must be refused, and leave no descriptor behind. */
static void
check_refused(enum msg_sender sender, uint32_t type, uint32_t length, size_t really, int nfds)
{
	int pair[2], before;

	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	before = count_descriptors();
	send_raw(pair[0], type, length, really, nfds);
	errno = 0;
	ATF_CHECK_MSG(msg_receive(pair[1], sender, &msg) == -1 && errno == EBADMSG,
	    "type %u length %u really %zu descriptors %d", type, length, really, nfds);
	ATF_CHECK_EQ(count_descriptors(), before);
	close(pair[0]);
	close(pair[1]);
}

CASE(round_trip)
{
	struct msg_socket sockets[3] = { { .port = 1 }, { .port = 2 }, { .port = 3 } };
	int pair[2], fds[3] = { STDERR_FILENO, STDERR_FILENO, STDERR_FILENO }, i;

	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	ATF_REQUIRE_EQ(msg_send(pair[0], MSG_SOCKETS, sockets, 3, fds, 3), 0);
	ATF_REQUIRE_EQ(msg_receive(pair[1], FROM_SUPERVISOR, &msg), 1);
	ATF_CHECK_EQ(msg.type, MSG_SOCKETS);
	ATF_CHECK_EQ(msg.count, 3);
	ATF_CHECK_EQ(msg.nfds, 3);
	ATF_CHECK(memcmp(msg.payload, sockets, sizeof(sockets)) == 0);
	for (i = 0; i < 3; i++)
		ATF_CHECK(fcntl(msg.fds[i], F_GETFD) & FD_CLOEXEC);
	msg_close_fds(&msg);
	ATF_CHECK(msg_receive(pair[1], FROM_SUPERVISOR, &msg) == -1 && errno == EAGAIN);
	ATF_REQUIRE_EQ(msg_send(pair[0], MSG_START, NULL, 0, NULL, 0), 0);
	ATF_REQUIRE_EQ(msg_receive(pair[1], FROM_SUPERVISOR, &msg), 1);
	ATF_CHECK_EQ(msg.type, MSG_START);
	close(pair[0]);
	ATF_CHECK_EQ(msg_receive(pair[1], FROM_SUPERVISOR, &msg), 0);
	close(pair[1]);
}

CASE(full_message)
{
	static struct msg_restore restore[MSG_FDS_MAX];
	int pair[2], fds[MSG_FDS_MAX], i;

	for (i = 0; i < MSG_FDS_MAX; i++)
		fds[i] = STDERR_FILENO;
	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	ATF_REQUIRE_EQ(
	    msg_send(pair[0], MSG_RESTORE, restore, MSG_FDS_MAX, fds, MSG_FDS_MAX), 0);
	ATF_REQUIRE_EQ(msg_receive(pair[1], FROM_SUPERVISOR, &msg), 1);
	ATF_CHECK_EQ(msg.nfds, MSG_FDS_MAX);
	msg_close_fds(&msg);
	close(pair[0]);
	close(pair[1]);
}

CASE(full_batches)
{
	const uint32_t listener = sizeof(struct msg_listener);
	const uint32_t told = MSG_PAYLOAD_MAX / listener;
	const uint32_t totals = sizeof(struct listener_totals);
	const struct {
		enum msg_sender sender;
		enum msg_type type;
		uint32_t size, most;
		int fds;
	} batches[] = {
		{ FROM_SUPERVISOR, MSG_LISTENERS, listener, MSG_FDS_MAX, MSG_FDS_MAX },
		{ FROM_SUPERVISOR, MSG_METRICS_LISTENERS, listener, told, 0 },
		{ FROM_RELAY, MSG_ANSWER_LISTENERS, totals, MSG_LISTENERS_MAX, 0 },
	};
	struct msg_header header;
	uint32_t i, length;

	for (i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
		length = batches[i].size * batches[i].most;
		header = (struct msg_header){ batches[i].type, length };
		ATF_CHECK_EQ(msg_check(&header, length, batches[i].fds, batches[i].sender),
		    (ssize_t)batches[i].most);
		/* One more, half of one, none; and a descriptor too many. */
		ATF_CHECK_EQ(
		    msg_check(&header, length, batches[i].fds + 1, batches[i].sender), -1);
		header.length = length += batches[i].size;
		ATF_CHECK_EQ(msg_check(&header, length, batches[i].fds, batches[i].sender), -1);
		header.length = length = batches[i].size / 2;
		ATF_CHECK_EQ(msg_check(&header, length, 0, batches[i].sender), -1);
		header.length = 0;
		ATF_CHECK_EQ(msg_check(&header, 0, 0, batches[i].sender), -1);
	}
	/* What one may say, another may not. */
	check_refused(FROM_RELAY, MSG_METRICS_LISTENERS, listener, listener, 0);
	check_refused(FROM_METRICS, MSG_ANSWER_LISTENERS, totals, totals, 0);
	check_refused(
	    FROM_RELAY, MSG_ASK_LISTENERS, sizeof(struct msg_ask), sizeof(struct msg_ask), 0);
}

CASE(wrong_type)
{
	check_refused(FROM_SUPERVISOR, 0, 0, 0, 0);
	check_refused(FROM_SUPERVISOR, MSG_TYPE_MAX, 0, 0, 0);
	check_refused(FROM_SUPERVISOR, UINT32_MAX, 0, 0, 0);
}

CASE(wrong_sender)
{
	check_refused(FROM_RELAY, MSG_START, 0, 0, 0);
	check_refused(FROM_RELAY, MSG_RESOLVED, sizeof(struct msg_resolved),
	    sizeof(struct msg_resolved), 0);
	check_refused(FROM_RESOLVER, MSG_RECORDS, sizeof(struct msg_record),
	    sizeof(struct msg_record), 0);
	check_refused(FROM_METRICS, MSG_TROUBLE, sizeof(struct msg_trouble),
	    sizeof(struct msg_trouble), 0);
	check_refused(FROM_SUPERVISOR, MSG_READY, 0, 0, 0);
}

CASE(wrong_length)
{
	const uint32_t size = sizeof(struct msg_record), ping = sizeof(struct msg_ping);
	int pair[2];

	/* The header says one thing, the message is another. */
	check_refused(FROM_RELAY, MSG_RECORDS, size, size - 1, 0);
	check_refused(FROM_RELAY, MSG_RECORDS, size, size + 1, 0);
	check_refused(FROM_RELAY, MSG_RECORDS, UINT32_MAX, size, 0);
	/* Consistent, but short, long, empty, or in between. */
	check_refused(FROM_RELAY, MSG_PONG, ping - 1, ping - 1, 0);
	check_refused(FROM_RELAY, MSG_PONG, ping + 1, ping + 1, 0);
	check_refused(FROM_RELAY, MSG_PONG, 2 * ping, 2 * ping, 0);
	check_refused(FROM_RELAY, MSG_PONG, 0, 0, 0);
	check_refused(FROM_RELAY, MSG_READY, 1, 1, 0);
	check_refused(FROM_RELAY, MSG_RECORDS, 0, 0, 0);
	check_refused(FROM_RELAY, MSG_RECORDS, size + 1, size + 1, 0);
	/* One element too many, and more than any message has. */
	check_refused(
	    FROM_RELAY, MSG_RECORDS, size * (MSG_FDS_MAX + 1), size * (MSG_FDS_MAX + 1), 0);
	check_refused(
	    FROM_RELAY, MSG_RECORDS, MSG_PAYLOAD_MAX + 4000, MSG_PAYLOAD_MAX + 4000, 0);
	/* Not even a header. */
	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	ATF_REQUIRE_EQ(send(pair[0], "1234567", 7, 0), 7);
	ATF_CHECK(msg_receive(pair[1], FROM_RELAY, &msg) == -1 && errno == EBADMSG);
	close(pair[0]);
	close(pair[1]);
}

CASE(wrong_descriptors)
{
	const uint32_t size = sizeof(struct msg_socket);

	check_refused(FROM_SUPERVISOR, MSG_SOCKETS, 2 * size, 2 * size, 0);
	check_refused(FROM_SUPERVISOR, MSG_SOCKETS, 2 * size, 2 * size, 1);
	check_refused(FROM_SUPERVISOR, MSG_SOCKETS, 2 * size, 2 * size, 3);
	check_refused(FROM_SUPERVISOR, MSG_TOTALS, 0, 0, 0);
	check_refused(FROM_SUPERVISOR, MSG_TOTALS, 0, 0, 2);
	check_refused(FROM_SUPERVISOR, MSG_START, 0, 0, 1);
	check_refused(FROM_SUPERVISOR, MSG_SOURCES, sizeof(struct msg_sources),
	    sizeof(struct msg_sources), 0);
	check_refused(
	    FROM_RELAY, MSG_SOURCES, sizeof(struct msg_sources), sizeof(struct msg_sources), 1);
	check_refused(FROM_RELAY, MSG_READY, 0, 0, 1);
}

CASE(never_waits)
{
	static struct msg_record records[MSG_FDS_MAX];
	int pair[2], n;

	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	for (n = 0; n < 100000; n++)
		if (msg_send(pair[0], MSG_RECORDS, records, MSG_FDS_MAX, NULL, 0) == -1)
			break;
	ATF_CHECK_EQ(errno, EAGAIN);
	ATF_CHECK(n > 0 && n < 100000);
	close(pair[1]);
	ATF_CHECK(msg_send(pair[0], MSG_RECORDS, records, 1, NULL, 0) == -1 &&
	    (errno == EPIPE || errno == ECONNRESET));
	close(pair[0]);
}

CASE(unread_at_the_end)
{
	struct msg_ping ping = { 1 };
	struct msg_record records[100] = { 0 };
	int pair[2], i;

	/* The peer dies with a message of ours unread; what it had sent is all there. */
	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	ATF_REQUIRE_EQ(msg_send(pair[1], MSG_PING, &ping, 1, NULL, 0), 0);
	for (i = 0; i < 100; i++)
		ATF_REQUIRE_EQ(msg_send(pair[0], MSG_RECORDS, &records[i], 1, NULL, 0), 0);
	close(pair[0]);
	for (i = 0; i < 100; i++)
		ATF_REQUIRE_EQ_MSG(
		    msg_receive(pair[1], FROM_RELAY, &msg), 1, "record %d: %d", i, errno);
	ATF_CHECK_EQ(msg_receive(pair[1], FROM_RELAY, &msg), 0);
	close(pair[1]);
}

CASE(refused_descriptors)
{
	struct msg_link link = { 0 };
	int pair[2], fd = STDERR_FILENO, before;

	ATF_REQUIRE_EQ(msg_pair(pair), 0);
	msg_refuse_fds(pair[1]);
	before = count_descriptors();
	if (msg_send(pair[0], MSG_LINK, &link, 1, &fd, 1) == -1)
		ATF_CHECK_EQ(errno, EPERM);
	else
		ATF_CHECK_EQ(msg_receive(pair[1], FROM_RELAY, &msg), -1);
	ATF_CHECK_EQ(count_descriptors(), before);
	/* Messages without any are as ever, and so is the other way. */
	ATF_REQUIRE_EQ(msg_send(pair[0], MSG_READY, NULL, 0, NULL, 0), 0);
	ATF_CHECK_EQ(msg_receive(pair[1], FROM_RELAY, &msg), 1);
	ATF_REQUIRE_EQ(msg_send(pair[1], MSG_LINK, &link, 1, &fd, 1), 0);
	ATF_CHECK_EQ(msg_receive(pair[0], FROM_SUPERVISOR, &msg), 1);
	msg_close_fds(&msg);
	close(pair[0]);
	close(pair[1]);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, round_trip);
	ATF_TP_ADD_TC(tp, full_message);
	ATF_TP_ADD_TC(tp, full_batches);
	ATF_TP_ADD_TC(tp, wrong_type);
	ATF_TP_ADD_TC(tp, wrong_sender);
	ATF_TP_ADD_TC(tp, wrong_length);
	ATF_TP_ADD_TC(tp, wrong_descriptors);
	ATF_TP_ADD_TC(tp, never_waits);
	ATF_TP_ADD_TC(tp, unread_at_the_end);
	ATF_TP_ADD_TC(tp, refused_descriptors);
	return (atf_no_error());
}
