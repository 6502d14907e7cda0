/*
 * greedy: udp46 with a relay that has been taken over, for the tests: it claims that each socket
 * that it is handed serves a session, and that the session has ended, as fast as it can.
 *
 * It is linked with udp46's own objects and --wrap=relay_main.
 */
#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"

void __wrap_relay_main(void);

static struct msg msg;

static void
say(enum msg_type type, const void *payload, size_t count)
{
	struct pollfd pfd = { .fd = CONTROL_FILENO, .events = POLLOUT };

	while (msg_send(CONTROL_FILENO, type, payload, count, NULL, 0) == -1)
		if (errno != EAGAIN || poll(&pfd, 1, -1) == -1)
			_exit(EXIT_REFUSED);
}

static void
claim(const struct msg_socket *sockets, uint32_t count)
{
	struct msg_record records[MSG_FDS_MAX];
	uint32_t i;

	memset(records, 0, sizeof(records));
	for (i = 0; i < count; i++)
		records[i].name = sockets[i].name;
	say(MSG_RECORDS, records, count);
	for (i = 0; i < count; i++)
		records[i].record.state = SESSION_CLOSED;
	say(MSG_RECORDS, records, count);
}

void
__wrap_relay_main(void)
{
	msg_expect(CONTROL_FILENO, MSG_IDENTITY, &msg);
	msg_expect(CONTROL_FILENO, MSG_RELAY_CONFIG, &msg);
	msg_expect(CONTROL_FILENO, MSG_TOTALS, &msg);
	msg_expect(CONTROL_FILENO, MSG_LISTENERS, &msg);
	say(MSG_READY, NULL, 0);
	while (msg_wait(CONTROL_FILENO, FROM_SUPERVISOR, &msg, -1) == 1) {
		if (msg.type == MSG_SOCKETS)
			claim((const void *)msg.payload, msg.count);
		else if (msg.type == MSG_PING)
			say(MSG_PONG, msg.payload, 1);
		else if (msg.type == MSG_STOP)
			_exit(0);
		msg_close_fds(&msg);
	}
	_exit(EXIT_REFUSED);
}
