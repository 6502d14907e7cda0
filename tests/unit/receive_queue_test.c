#include <sys/socket.h>
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "relay/receive_queue.h"
#include "tests/unit/unit.h"

#define SIZE 4096

CASE(told)
{
	uint32_t seen = 0;
	uint64_t drops = 100;

	/* Nothing was ever dropped: the message is absent. */
	receive_queue_told(0, &seen, &drops);
	ATF_CHECK_EQ(drops, 100);
	receive_queue_told(7, &seen, &drops);
	ATF_CHECK_EQ(drops, 107);
	receive_queue_told(7, &seen, &drops);
	ATF_CHECK_EQ(drops, 107);
	/* From a datagram that was queued before the socket was asked. */
	receive_queue_told(5, &seen, &drops);
	ATF_CHECK_EQ(drops, 107);
	ATF_CHECK_EQ(seen, 7);
}

CASE(told_around)
{
	uint32_t seen = UINT32_MAX - 1;
	uint64_t drops = 0;

	receive_queue_told(3, &seen, &drops);
	ATF_CHECK_EQ(drops, 5);
	ATF_CHECK_EQ(seen, 3);
	receive_queue_told(UINT32_MAX, &seen, &drops);
	ATF_CHECK_EQ(drops, 5);
}

static void
received(struct receive_batch *batch, uint32_t first, uint32_t n, uint32_t length)
{
	uint32_t i;

	for (i = first; i < first + n; i++)
		batch->msg[i].msg_len = length;
}

CASE(was_long)
{
	struct receive_batch *batch = receive_batch_new();
	uint8_t is_long = 0;

	ATF_REQUIRE(batch != NULL);
	/* Nothing, and little: nobody is asked. */
	ATF_CHECK(!receive_queue_was_long(batch, 0, 0, 1 << 20, &is_long));
	received(batch, 0, 3, 1000);
	ATF_CHECK(!receive_queue_was_long(batch, 0, 3, 1 << 20, &is_long));
	/* All slots: it may have been long, and more may be there. */
	received(batch, 0, RECEIVE_BATCH_SLOTS, 10);
	ATF_CHECK(!receive_queue_was_long(batch, 0, RECEIVE_BATCH_SLOTS, 1 << 20, &is_long));
	ATF_CHECK(receive_queue_was_long(batch, 0, 1, 1 << 20, &is_long));
	ATF_CHECK(!receive_queue_was_long(batch, 0, 1, 1 << 20, &is_long));
	/* The slots that another socket left, and then not even one. */
	ATF_CHECK(
	    !receive_queue_was_long(batch, 30, RECEIVE_BATCH_SLOTS - 30, 1 << 20, &is_long));
	ATF_CHECK(receive_queue_was_long(batch, 0, 0, 1 << 20, &is_long));
	/* A few that are large. */
	received(batch, 5, 3, 65000);
	ATF_CHECK(receive_queue_was_long(batch, 5, 3, 1 << 20, &is_long));
	ATF_CHECK(!receive_queue_was_long(batch, 5, 0, 1 << 20, &is_long));
}

/* What a socket really says after its queue was full. */
CASE(ask)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sin);
	struct receive_batch *batch = receive_batch_new();
	uint32_t seen = 0, all = 0;
	uint64_t drops = 0;
	uint8_t is_long = 0;
	int fd, size = SIZE, i, n, asked = 0;

	ATF_REQUIRE(batch != NULL);
	ATF_REQUIRE((fd = socket(AF_INET, SOCK_DGRAM, 0)) != -1);
	ATF_REQUIRE_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	ATF_REQUIRE_EQ(bind(fd, (struct sockaddr *)&sin, len), 0);
	ATF_REQUIRE_EQ(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	for (i = 0; i < 100; i++)
		ATF_REQUIRE_EQ(sendto(fd, "x", 1, 0, (struct sockaddr *)&sin, len), 1);
	while ((n = receive_batch_fill(batch, fd, 0)) > 0) {
		all += (uint32_t)n;
		asked += receive_queue_was_long(batch, 0, (uint32_t)n, SIZE, &is_long);
	}
	asked += receive_queue_was_long(batch, 0, 0, SIZE, &is_long);
	ATF_CHECK_EQ(asked, 1);
	receive_queue_ask(fd, &seen, &drops);
	ATF_CHECK(drops > 0);
	ATF_CHECK_EQ(all + drops, 100);
	receive_queue_ask(fd, &seen, &drops);
	ATF_CHECK_EQ(all + drops, 100);
	close(fd);
	/* What is no socket says nothing. */
	receive_queue_ask(STDERR_FILENO, &seen, &drops);
	ATF_CHECK_EQ(all + drops, 100);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, told);
	ATF_TP_ADD_TC(tp, told_around);
	ATF_TP_ADD_TC(tp, was_long);
	ATF_TP_ADD_TC(tp, ask);
	return (atf_no_error());
}
