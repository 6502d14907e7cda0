/* A message as a hostile child could send it: what passes the rules must fit its payload. */
#include <sys/socket.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/msg.h"
#include "supervisor/log_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct msg msg;
	static char line[LOG_LINE_MAX];
	static int pair[2] = { -1, -1 };
	enum msg_sender sender;

	if (pair[0] == -1 && msg_pair(pair) == -1)
		abort();
	if (size < 2)
		return (0);
	sender = 1 << data[0] % 4;
	if (send(pair[0], data + 1, size - 1, MSG_DONTWAIT) == -1)
		return (0);
	if (msg_receive(pair[1], sender, &msg) != 1)
		return (0);
	if (msg.type == 0 || msg.type >= MSG_TYPE_MAX || msg.count == 0 || msg.nfds != 0)
		abort();
	if (msg.type == MSG_LOG && log_record_check((void *)msg.payload) == 0 &&
	    log_record_format((void *)msg.payload, data[0] & 1, line) > sizeof(line))
		abort();
	return (0);
}
