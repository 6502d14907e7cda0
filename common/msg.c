/*
 * Messages between the processes, over SOCK_SEQPACKET socketpairs, which keep boundaries and
 * show the peer's death.  Every receiver trusts nothing but this table: what does not fit a
 * row never leaves msg_receive().
 */
#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"
#include "common/totals.h"

_Static_assert(sizeof(struct totals) <= MSG_PAYLOAD_MAX, "fits a message");
_Static_assert(sizeof(struct listener_totals) * MSG_LISTENERS_MAX <= MSG_PAYLOAD_MAX, "fits");
_Static_assert(sizeof(struct msg_session) * MSG_SESSIONS_MAX <= MSG_PAYLOAD_MAX, "fits");
_Static_assert(sizeof(struct msg_restore) * MSG_FDS_MAX <= MSG_PAYLOAD_MAX, "fits");

enum msg_fds {
	FDS_NONE,
	FDS_ONE,
	FDS_EACH, /* as many as elements */
};

struct msg_rule {
	uint32_t size; /* of one element, 0 for no payload */
	uint32_t most; /* elements; at least one is required */
	enum msg_fds fds;
	int senders; /* enum msg_sender, ORed */
};

static const struct msg_rule rules[MSG_TYPE_MAX] = {
	[MSG_IDENTITY] = { sizeof(struct msg_identity), 1, FDS_NONE, FROM_SUPERVISOR },
	[MSG_RELAY_CONFIG] = { sizeof(struct msg_relay_config), 1, FDS_NONE, FROM_SUPERVISOR },
	[MSG_LISTENERS] = { sizeof(struct msg_listener), MSG_FDS_MAX, FDS_EACH,
	    FROM_SUPERVISOR },
	[MSG_TOTALS] = { 0, 1, FDS_ONE, FROM_SUPERVISOR },
	[MSG_RESTORE] = { sizeof(struct msg_restore), MSG_FDS_MAX, FDS_EACH, FROM_SUPERVISOR },
	[MSG_START] = { 0, 1, FDS_NONE, FROM_SUPERVISOR },
	[MSG_SOCKETS] = { sizeof(struct msg_socket), MSG_FDS_MAX, FDS_EACH, FROM_SUPERVISOR },
	[MSG_TAKE_BACK] = { sizeof(struct msg_take_back), 1, FDS_NONE, FROM_SUPERVISOR },
	[MSG_SUPPLY] = { sizeof(struct msg_supply), 1, FDS_NONE, FROM_SUPERVISOR },
	[MSG_SOURCES] = { sizeof(struct msg_sources), 1, FDS_ONE, FROM_SUPERVISOR },
	[MSG_UPSTREAM] = { sizeof(struct msg_upstream), 1, FDS_NONE,
	    FROM_SUPERVISOR | FROM_RELAY },
	[MSG_PING] = { sizeof(struct msg_ping), 1, FDS_NONE, FROM_SUPERVISOR },
	[MSG_STOP] = { sizeof(struct msg_stop), 1, FDS_NONE, FROM_SUPERVISOR },
	[MSG_READY] = { 0, 1, FDS_NONE, FROM_CHILD },
	[MSG_PONG] = { sizeof(struct msg_ping), 1, FDS_NONE, FROM_CHILD },
	[MSG_LOG] = { sizeof(struct log_record), 1, FDS_NONE, FROM_CHILD },
	[MSG_RECORDS] = { sizeof(struct msg_record), MSG_FDS_MAX, FDS_NONE, FROM_RELAY },
	[MSG_TROUBLE] = { sizeof(struct msg_trouble), 1, FDS_NONE, FROM_RELAY },
	[MSG_METRICS_CONFIG] = { sizeof(struct msg_metrics_config), 1, FDS_NONE,
	    FROM_SUPERVISOR },
	[MSG_METRICS_LISTENERS] = { sizeof(struct msg_listener),
	    MSG_PAYLOAD_MAX / sizeof(struct msg_listener), FDS_NONE, FROM_SUPERVISOR },
	[MSG_HTTP_LISTENER] = { 0, 1, FDS_ONE, FROM_SUPERVISOR },
	[MSG_METRICS_STATUS] = { sizeof(struct msg_metrics_status), 1, FDS_NONE,
	    FROM_SUPERVISOR },
	[MSG_PROCESS] = { sizeof(struct msg_link), 1, FDS_ONE, FROM_SUPERVISOR },
	[MSG_LINK] = { sizeof(struct msg_link), 1, FDS_ONE, FROM_SUPERVISOR },
	[MSG_ASK_TOTALS] = { sizeof(struct msg_ask), 1, FDS_NONE, FROM_METRICS },
	[MSG_ASK_LISTENERS] = { sizeof(struct msg_ask), 1, FDS_NONE, FROM_METRICS },
	[MSG_ASK_SESSIONS] = { sizeof(struct msg_ask), 1, FDS_NONE, FROM_METRICS },
	[MSG_ANSWER_TOTALS] = { sizeof(struct totals), 1, FDS_NONE, FROM_RELAY },
	[MSG_ANSWER_LISTENERS] = { sizeof(struct listener_totals), MSG_LISTENERS_MAX, FDS_NONE,
	    FROM_RELAY },
	[MSG_ANSWER_SESSIONS] = { sizeof(struct msg_session), MSG_SESSIONS_MAX, FDS_NONE,
	    FROM_RELAY },
	[MSG_ANSWER_END] = { sizeof(struct msg_answer_end), 1, FDS_NONE, FROM_RELAY },
	[MSG_RESOLVE] = { sizeof(struct msg_resolve), 1, FDS_NONE, FROM_SUPERVISOR },
	[MSG_RESOLVED] = { sizeof(struct msg_resolved), 1, FDS_NONE, FROM_RESOLVER },
};

/* How long the supervisor may take to tell a child what it is, in milliseconds. */
#define TELL_TIMEOUT 10000

static uint32_t log_lost;

static int
fds_expected(const struct msg_rule *rule, size_t count)
{
	return (rule->fds == FDS_NONE ? 0 : rule->fds == FDS_ONE ? 1 : (int)count);
}

ssize_t
msg_check(const struct msg_header *header, size_t received, int nfds, enum msg_sender sender)
{
	const struct msg_rule *rule;
	size_t count;

	if (header->length != received)
		goto bad;
	if (header->type == 0 || header->type >= MSG_TYPE_MAX)
		goto bad;
	rule = &rules[header->type];
	if (!(rule->senders & (int)sender))
		goto bad;
	if (rule->size == 0) {
		if (received != 0)
			goto bad;
		count = 1;
	} else {
		count = received / rule->size;
		if (received % rule->size != 0 || count == 0 || count > rule->most)
			goto bad;
	}
	if (nfds != fds_expected(rule, count))
		goto bad;
	return ((ssize_t)count);
bad:
	errno = EBADMSG;
	return (-1);
}

int
msg_send(
    int fd, enum msg_type type, const void *payload, size_t count, const int *fds, int nfds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MSG_FDS_MAX * sizeof(int))];
	struct msg_header header = { type, (uint32_t)(count * rules[type].size) };
	struct iovec iov[2] = {
		{ &header, sizeof(header) },
		{ (void *)(uintptr_t)payload, header.length },
	};
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };
	struct cmsghdr *cmsg;
	ssize_t n;

	if (nfds > 0) {
		memset(control, 0, CMSG_SPACE((size_t)nfds * sizeof(int)));
		mh.msg_control = control;
		mh.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		cmsg = (struct cmsghdr *)(void *)control;
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, (size_t)nfds * sizeof(int));
	}
	n = sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* Both say that the receiver must read first: unix(7). */
	if (n == -1 && (errno == ETOOMANYREFS || errno == ENOBUFS))
		errno = EAGAIN;
	return (n == -1 ? -1 : 0);
}

/* Take the descriptors out of a received message; more than one control message is legal. */
static void
take_fds(struct msghdr *mh, struct msg *msg)
{
	struct cmsghdr *cmsg;
	size_t n;

	for (cmsg = CMSG_FIRSTHDR(mh); cmsg != NULL; cmsg = CMSG_NXTHDR(mh, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(msg->fds + msg->nfds, CMSG_DATA(cmsg), n * sizeof(int));
		msg->nfds += (int)n;
	}
}

int
msg_receive(int fd, enum msg_sender sender, struct msg *msg)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MSG_FDS_MAX * sizeof(int))];
	struct msg_header header;
	struct iovec iov[2] = {
		{ &header, sizeof(header) },
		{ msg->payload, sizeof(msg->payload) },
	};
	struct msghdr mh = {
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n, count;

	msg->nfds = 0;
	/* ECONNRESET, once: the peer has gone and left messages of ours unread; its own are here. */
	do
		n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n == -1 && (errno == EINTR || errno == ECONNRESET));
	if (n <= 0)
		return ((int)n);
	take_fds(&mh, msg);
	if ((mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || (size_t)n < sizeof(header)) {
		msg_close_fds(msg);
		errno = EBADMSG;
		return (-1);
	}
	count = msg_check(&header, (size_t)n - sizeof(header), msg->nfds, sender);
	if (count == -1) {
		msg_close_fds(msg);
		errno = EBADMSG;
		return (-1);
	}
	msg->type = header.type;
	msg->count = (uint32_t)count;
	return (1);
}

int
msg_wait(int fd, enum msg_sender sender, struct msg *msg, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&pfd, 1, timeout_ms);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return (-1);
	if (n == 0) {
		errno = EAGAIN;
		return (-1);
	}
	return (msg_receive(fd, sender, msg));
}

void
msg_expect(int fd, enum msg_type type, struct msg *msg)
{
	if (msg_wait(fd, FROM_SUPERVISOR, msg, TELL_TIMEOUT) != 1)
		_exit(EXIT_REFUSED);
	if (msg->type != type)
		fatal("unexpected message", "type=%d expected=%d", (int)msg->type, (int)type);
}

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

void
msg_refuse_fds(int fd)
{
	int no = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof(no));
}

void
msg_close_fds(struct msg *msg)
{
	int i;

	for (i = 0; i < msg->nfds; i++)
		close(msg->fds[i]);
	msg->nfds = 0;
}

int
msg_pair(int pair[2])
{
	return (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
}

void
msg_log_sink(const struct log_record *record, void *arg)
{
	const int *fd = arg;

	if (msg_send(*fd, MSG_LOG, record, 1, NULL, 0) == -1)
		log_lost++;
}

uint32_t
msg_log_lost(void)
{
	uint32_t lost = log_lost;

	log_lost = 0;
	return (lost);
}
