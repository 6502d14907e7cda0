/*
 * A message as a hostile child could send it: what passes the rules must fit its payload, and
 * what the supervisor then does with it must hold.
 *
 * The input is a sender, a type, how many bytes the payload is longer than the rules want it and
 * how many the header claims beyond that, a number of elements, and bytes that are repeated to
 * make these: so that few bytes make a message that is right, or nearly.
 */
#include <sys/socket.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"
#include "supervisor/log_writer.h"
#include "supervisor/store.h"

#define HEAD 4
#define SLOTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The size of an element of each type that carries no descriptor, found by asking. */
static uint32_t sizes[MSG_TYPE_MAX];

static void
find_sizes(void)
{
	struct msg_header header;
	uint32_t sender;

	for (header.type = 1; header.type < MSG_TYPE_MAX; header.type++)
		for (sender = 1; sender <= FROM_RESOLVER; sender <<= 1)
			for (header.length = 0; header.length <= MSG_PAYLOAD_MAX;
			     header.length++)
				if (msg_check(&header, header.length, 0, sender) == 1)
					sizes[header.type] = header.length;
}

static void
send_raw(int fd, const uint8_t *data, size_t size)
{
	static unsigned char payload[MSG_PAYLOAD_MAX + 512];
	struct msg_header header = { data[1], 0 };
	struct iovec iov[2] = { { &header, sizeof(header) }, { payload, 0 } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };
	size_t i;

	if (header.type < MSG_TYPE_MAX)
		iov[1].iov_len = (size_t)sizes[header.type] * data[3];
	iov[1].iov_len = (iov[1].iov_len + (data[2] & 0xf)) % sizeof(payload);
	header.length = (uint32_t)iov[1].iov_len + (data[2] >> 4);
	for (i = 0; i < iov[1].iov_len; i++)
		payload[i] = size > HEAD ? data[HEAD + i % (size - HEAD)] : 0;
	if (sendmsg(fd, &mh, MSG_DONTWAIT) == -1)
		abort();
}

static void
take_log_record(const struct log_record *record, enum log_format format)
{
	static char line[LOG_LINE_MAX];

	if (log_record_check(record) == 0 &&
	    log_record_format(record, format, line) > sizeof(line))
		abort();
}

static void
take_records(const struct msg *msg)
{
	const struct msg_record *record = (const void *)msg->payload;
	static struct store store;
	uint32_t i;

	if (store.slots == NULL && store_init(&store, 1, SLOTS) == -1)
		abort();
	while (store_has_room(&store))
		store_set(&store, store_add(&store, 0, 1024), SLOT_POOLED);
	for (i = 0; i < msg->count; i++)
		if (store_has(&store, &record[i].name) &&
		    (record[i].record.state == SESSION_CLOSED
			    ? store_remove(&store, record[i].name.slot)
			    : store_record(&store, &record[i])) == -1)
			abort();
	if (store.used > SLOTS)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct msg msg;
	static int pair[2] = { -1, -1 };

	if (pair[0] == -1) {
		find_sizes();
		if (msg_pair(pair) == -1)
			abort();
	}
	if (size < HEAD)
		return (0);
	send_raw(pair[0], data, size);
	if (msg_receive(pair[1], 1 << data[0] % 4, &msg) != 1)
		return (0);
	if (msg.type == 0 || msg.type >= MSG_TYPE_MAX || msg.count == 0 || msg.nfds != 0)
		abort();
	if (msg.type == MSG_LOG)
		take_log_record((const void *)msg.payload, data[0] & 1);
	if (msg.type == MSG_RECORDS)
		take_records(&msg);
	return (0);
}
