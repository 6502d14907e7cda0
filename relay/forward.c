/*
 * A datagram's way.
 *
 * From a client: a batch is received on the listener; neighbours of one client go to its
 * session's socket in one call.  From the upstream: the sockets that are ready are received
 * from in turn, and their datagrams leave together on the listener.  Buffers are as large as
 * a datagram can be, so nothing is ever truncated; what is larger than the user wants is
 * dropped and counted.
 *
 * The order within a session and direction is kept: once one datagram has to wait, those that
 * follow wait behind it.
 */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "relay/relay.h"

/* Datagrams of one receive call, and bytes of each: more than any datagram has. */
#define BATCH 32
#define SLOT_SIZE 65536

/* Batches that a turn takes from one side before the other has its turn. */
#define ROUNDS 8

#define EVENTS 64

/* What the control messages of a received datagram say. */
struct received {
	uint32_t local_address;
	uint32_t queue_drops; /* of the socket so far: datagrams that found it full */
	uint8_t tos;
};

/* Messages on their way out through one socket. */
struct outbox {
	uint32_t count;
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in name[BATCH];
	uint32_t session[BATCH]; /* that each is counted for, or NONE */
	uint8_t tos[BATCH];
	_Alignas(struct cmsghdr) char control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo)) +
	    CMSG_SPACE(sizeof(int))];
};

struct batch {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	union {
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} name[BATCH];
	_Alignas(struct cmsghdr) char control[BATCH][128];
	struct outbox up, down;
	unsigned char payload[BATCH][SLOT_SIZE];
};

static const enum operation write_operation[] = { UPSTREAM_WRITE, CLIENT_WRITE };
static const enum drop_reason write_error[] = { DROP_UPSTREAM_WRITE_ERROR,
	DROP_CLIENT_WRITE_ERROR };

int
forward_init(struct relay *r)
{
	struct batch *b;
	int i;

	b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b == MAP_FAILED)
		return (-1);
	for (i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){ b->payload[i], SLOT_SIZE };
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
		b->msg[i].msg_hdr.msg_name = &b->name[i];
		b->msg[i].msg_hdr.msg_control = b->control[i];
	}
	r->batch = b;
	return (0);
}

/* ---- receive ---- */

/* Fill the slots from `first` on.  Returns their number, or -1 with errno. */
static int
receive(struct batch *b, int fd, uint32_t first)
{
	uint32_t i;

	for (i = first; i < BATCH; i++) {
		b->msg[i].msg_hdr.msg_namelen = sizeof(b->name[i]);
		b->msg[i].msg_hdr.msg_controllen = sizeof(b->control[i]);
	}
	return (recvmmsg(fd, b->msg + first, BATCH - first, MSG_DONTWAIT, NULL));
}

/* All control messages, in whatever order they come. */
static void
parse_control(struct msghdr *mh, struct received *received)
{
	struct cmsghdr *cmsg;
	struct in_pktinfo pktinfo;
	int tclass;

	memset(received, 0, sizeof(*received));
	for (cmsg = CMSG_FIRSTHDR(mh); cmsg != NULL; cmsg = CMSG_NXTHDR(mh, cmsg)) {
		if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
			memcpy(&pktinfo, CMSG_DATA(cmsg), sizeof(pktinfo));
			/* Not ipi_addr, which may be a broadcast address: ip(7). */
			received->local_address = pktinfo.ipi_spec_dst.s_addr;
		} else if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_TOS)
			received->tos = *CMSG_DATA(cmsg);
		else if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SO_RXQ_OVFL)
			memcpy(&received->queue_drops, CMSG_DATA(cmsg), sizeof(uint32_t));
		else if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_TCLASS) {
			memcpy(&tclass, CMSG_DATA(cmsg), sizeof(tclass));
			received->tos = (uint8_t)tclass;
		}
	}
}

/* ---- send ---- */

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

static struct msghdr *
post(struct outbox *box, uint32_t session, const void *payload, size_t length, uint8_t tos)
{
	uint32_t i = box->count++;
	struct msghdr *mh = &box->msg[i].msg_hdr;

	box->iov[i] = (struct iovec){ (void *)(uintptr_t)payload, length };
	box->session[i] = session;
	box->tos[i] = tos;
	memset(mh, 0, sizeof(*mh));
	mh->msg_iov = &box->iov[i];
	mh->msg_iovlen = 1;
	mh->msg_control = box->control[i];
	return (mh);
}

static void
post_to_upstream(
    struct outbox *box, uint32_t session, const void *payload, size_t length, uint8_t tos)
{
	struct msghdr *mh = post(box, session, payload, length, tos);
	int tclass = tos;

	if (tos != 0)
		put_control(mh, IPPROTO_IPV6, IPV6_TCLASS, &tclass, sizeof(tclass));
}

/* To `address` and `port`, from `local`: all in network byte order. */
static void
post_to_client(struct outbox *box, uint32_t session, const void *payload, size_t length,
    uint8_t tos, uint32_t address, uint16_t port, uint32_t local)
{
	struct in_pktinfo pktinfo = { .ipi_spec_dst = { local } };
	struct sockaddr_in *to = &box->name[box->count];
	struct msghdr *mh = post(box, session, payload, length, tos);
	int value = tos;

	*to = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = port,
		.sin_addr = { address },
	};
	mh->msg_name = to;
	mh->msg_namelen = sizeof(*to);
	put_control(mh, IPPROTO_IP, IP_PKTINFO, &pktinfo, sizeof(pktinfo));
	if (tos != 0)
		put_control(mh, IPPROTO_IP, IP_TOS, &value, sizeof(value));
}

static void
count_sent(struct relay *r, struct listener_totals *totals, enum direction direction,
    uint32_t session, size_t length)
{
	struct session *s;

	totals->datagrams[direction]++;
	totals->bytes[direction] += length;
	if (session == NONE)
		return;
	s = &r->table.sessions[session];
	s->packets[direction]++;
	s->bytes[direction] += length;
}

/*
 * Send the outbox's messages.  Returns how many are done with, sent or dropped and counted:
 * fewer than all when the socket would block.  sendmmsg(2) stops at the first message that
 * fails and tells why only when that is the first of a call; and the reason may be an ICMP
 * error that belongs to an earlier one.  So whatever fails is sent again, once.
 */
static uint32_t
transmit(struct relay *r, int fd, struct outbox *box, struct listener_totals *totals,
    enum direction direction)
{
	uint32_t i = 0, k;
	int n, again = 0;

	while (i < box->count) {
		n = sendmmsg(fd, box->msg + i, box->count - i, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1 && !again) {
			totals->errors[write_operation[direction]]++;
			again = 1;
			continue;
		}
		if (n == -1) {
			totals->drops[direction][write_error[direction]]++;
			again = 0;
			i++;
			continue;
		}
		again = 0;
		for (k = 0; k < (uint32_t)n; k++, i++)
			count_sent(r, totals, direction, box->session[i], box->iov[i].iov_len);
	}
	return (i);
}

/* ---- from a client ---- */

static struct listener_totals *
session_totals(struct relay *r, const struct session *s)
{
	return (r->listener[s->key.listener].totals);
}

/* Have the outbox's messages from `i` on wait for the session's socket. */
static void
wait_for_upstream(struct relay *r, struct session *s, uint32_t i)
{
	struct outbox *box = &r->batch->up;
	struct datagram head = {
		.deadline = s->fd == -1 ? s->opened + SOCKET_WAIT_MAX
					: r->now + r->config.write_timeout,
		.session = session_index(&r->table, s),
	};

	for (; i < box->count; i++) {
		head.length = (uint16_t)box->iov[i].iov_len;
		head.tos = box->tos[i];
		if (queue_append(&r->queues, &s->queue, head.session, NONE, &head,
			box->iov[i].iov_base) == -1)
			session_totals(r, s)->drops[CLIENT_TO_UPSTREAM][s->fd == -1
				? DROP_SESSION_UNAVAILABLE
				: DROP_UPSTREAM_WRITE_ERROR]++;
	}
	supply_watch_write(r, s, s->queue != NULL);
}

/*
 * SO_RXQ_OVFL counts from the socket's beginning, modulo 2^32, and is absent while nothing was
 * dropped: socket(7).  What was seen last is kept in the totals, so that a relay goes on where
 * its predecessor was, with the same sockets.
 */
static void
count_queue_drops(struct listener_totals *totals, uint32_t drops)
{
	if (drops == 0)
		return;
	totals->receive_queue_drops += drops - totals->receive_queue_seen;
	totals->receive_queue_seen = drops;
}

static void
client_spoke(struct relay *r, struct session *s, uint32_t local_address)
{
	enum session_state before = s->state;

	if (s->local_address != local_address) {
		s->local_address = local_address;
		if (s->slot != NONE)
			supply_due(r, s);
	}
	if (session_client_spoke(&r->table, s, r->now))
		lifecycle_state_changed(r, s, before);
}

static struct session_key
key_of(const struct relay *r, const struct listener *l, uint32_t i)
{
	const struct sockaddr_in *from = &r->batch->name[i].in;

	return ((struct session_key){
	    from->sin_addr.s_addr, from->sin_port, (uint16_t)(l - r->listener) });
}

/*
 * Relay the run of datagrams that starts at slot `i` and comes from one client.  Returns the
 * slot after it.
 */
static uint32_t
forward_run(struct relay *r, struct listener *l, uint32_t i, uint32_t n)
{
	struct batch *b = r->batch;
	struct session_key key = key_of(r, l, i), next;
	struct session *s = session_find(&r->table, &key);
	struct received received;
	size_t length;

	b->up.count = 0;
	do {
		parse_control(&b->msg[i].msg_hdr, &received);
		count_queue_drops(l->totals, received.queue_drops);
		length = b->msg[i].msg_len;
		if (length > r->config.datagram_max)
			l->totals->drops[CLIENT_TO_UPSTREAM][DROP_OVERSIZE]++;
		else if (s == NULL &&
		    (s = lifecycle_open(r, &key, received.local_address)) == NULL)
			; /* counted */
		else {
			client_spoke(r, s, received.local_address);
			post_to_upstream(&b->up, session_index(&r->table, s), b->payload[i],
			    length, received.tos);
		}
		if (++i == n)
			break;
		next = key_of(r, l, i);
	} while (memcmp(&key, &next, sizeof(key)) == 0);
	if (s == NULL || b->up.count == 0)
		return (i);
	if (s->fd == -1 || s->queue != NULL)
		wait_for_upstream(r, s, 0);
	else
		wait_for_upstream(
		    r, s, transmit(r, s->fd, &b->up, l->totals, CLIENT_TO_UPSTREAM));
	return (i);
}

void
forward_from_listener(struct relay *r, struct listener *l)
{
	uint32_t i;
	int n, round;

	for (round = 0; round < ROUNDS; round++) {
		n = receive(r->batch, l->fd, 0);
		if (n == -1) {
			if (errno != EAGAIN && errno != EINTR)
				l->totals->errors[CLIENT_READ]++;
			return;
		}
		for (i = 0; i < (uint32_t)n;)
			i = forward_run(r, l, i, (uint32_t)n);
		if (n < BATCH)
			return;
	}
}

/* ---- from the upstream ---- */

/* Have the outbox's messages from `i` on wait for the listener. */
static void
wait_for_client(struct relay *r, struct listener *l, uint32_t i)
{
	struct outbox *box = &r->batch->down;
	struct datagram head = { .deadline = r->now + r->config.write_timeout };
	const struct session *s;

	for (; i < box->count; i++) {
		s = &r->table.sessions[box->session[i]];
		head.session = box->session[i];
		head.client_address = s->key.client_address;
		head.client_port = s->key.client_port;
		head.local_address = s->local_address;
		head.length = (uint16_t)box->iov[i].iov_len;
		head.tos = box->tos[i];
		if (queue_append(&r->queues, &l->queue, NONE, (uint32_t)(l - r->listener),
			&head, box->iov[i].iov_base) == -1)
			l->totals->drops[UPSTREAM_TO_CLIENT][DROP_CLIENT_WRITE_ERROR]++;
	}
}

static void
flush_to_clients(struct relay *r, struct listener *l)
{
	struct outbox *box = &r->batch->down;

	if (box->count == 0)
		return;
	wait_for_client(r, l,
	    l->queue != NULL ? 0 : transmit(r, l->fd, box, l->totals, UPSTREAM_TO_CLIENT));
	box->count = 0;
}

static int
from_upstream(const struct relay *r, const struct sockaddr_in6 *from)
{
	return (from->sin6_port == r->upstream.sin6_port &&
	    IN6_ARE_ADDR_EQUAL(&from->sin6_addr, &r->upstream.sin6_addr));
}

static void
collect_reply(struct relay *r, struct session *s, uint32_t i)
{
	struct batch *b = r->batch;
	struct listener_totals *totals = session_totals(r, s);
	enum session_state before = s->state;
	struct received received;

	if (!from_upstream(r, &b->name[i].in6)) {
		totals->drops[UPSTREAM_TO_CLIENT][DROP_SOURCE_DENIED]++;
		return;
	}
	r->totals->upstream_last_reply = r->wall;
	if (session_upstream_spoke(&r->table, s, r->now))
		lifecycle_state_changed(r, s, before);
	if (b->msg[i].msg_len > r->config.datagram_max) {
		totals->drops[UPSTREAM_TO_CLIENT][DROP_OVERSIZE]++;
		return;
	}
	parse_control(&b->msg[i].msg_hdr, &received);
	post_to_client(&b->down, session_index(&r->table, s), b->payload[i], b->msg[i].msg_len,
	    received.tos, s->key.client_address, s->key.client_port, s->local_address);
}

/* What comes in on a socket in stock is late, and meant for nobody. */
static void
discard_late(int fd)
{
	struct msghdr mh;
	int i;

	for (i = 0; i < BATCH; i++) {
		memset(&mh, 0, sizeof(mh));
		if (recvmsg(fd, &mh, MSG_DONTWAIT) == -1)
			return;
	}
}

/*
 * Receive from a session's socket into the slots from *used on.  Returns whether there may
 * be more.
 */
static int
collect(struct relay *r, struct session *s, uint32_t *used)
{
	struct batch *b = r->batch;
	uint32_t i, room = BATCH - *used;
	int n;

	n = receive(b, s->fd, *used);
	if (n == -1) {
		if (errno == EAGAIN || errno == EINTR)
			return (0);
		/* An ICMP error: counted and survived; what was behind it comes next turn. */
		session_totals(r, s)->errors[UPSTREAM_READ]++;
		return (1);
	}
	for (i = *used; i < *used + (uint32_t)n; i++)
		collect_reply(r, s, i);
	*used += (uint32_t)n;
	return ((uint32_t)n == room);
}

static int
forward_events(struct relay *r, const struct epoll_event *events, int n)
{
	struct listener *l = NULL, *mine;
	struct session *s;
	uint32_t slot, used = 0;
	int i, more = 0;

	for (i = 0; i < n; i++) {
		if (supply_event(r, events[i].data.u64, &slot, &s) == -1)
			continue;
		if (s == NULL) {
			discard_late(r->sockets[slot].fd);
			continue;
		}
		if (events[i].events & EPOLLOUT)
			forward_session_queue(r, s);
		if (!(events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
			continue;
		mine = &r->listener[s->key.listener];
		if (l != NULL && (l != mine || used == BATCH)) {
			flush_to_clients(r, l);
			used = 0;
		}
		l = mine;
		more |= collect(r, s, &used);
	}
	if (l != NULL)
		flush_to_clients(r, l);
	return (more);
}

void
forward_from_upstream(struct relay *r)
{
	struct epoll_event events[EVENTS];
	int n, round;

	for (round = 0; round < ROUNDS; round++) {
		n = epoll_wait(r->epoll, events, EVENTS, 0);
		if (n <= 0)
			return;
		if (!forward_events(r, events, n) && n < EVENTS)
			return;
	}
}

/* ---- what had to wait ---- */

void
forward_session_queue(struct relay *r, struct session *s)
{
	struct outbox *box = &r->batch->up;
	const struct datagram *d;

	while (s->queue != NULL) {
		d = queue_first(s->queue);
		box->count = 0;
		post_to_upstream(box, d->session, d->payload, d->length, d->tos);
		if (transmit(r, s->fd, box, session_totals(r, s), CLIENT_TO_UPSTREAM) == 0)
			break;
		queue_remove_first(&r->queues, &s->queue);
	}
	supply_watch_write(r, s, s->queue != NULL);
}

void
forward_listener_queue(struct relay *r, struct listener *l)
{
	struct outbox *box = &r->batch->down;
	const struct datagram *d;

	while (l->queue != NULL) {
		d = queue_first(l->queue);
		box->count = 0;
		post_to_client(box, d->session, d->payload, d->length, d->tos,
		    d->client_address, d->client_port, d->local_address);
		if (transmit(r, l->fd, box, l->totals, UPSTREAM_TO_CLIENT) == 0)
			break;
		queue_remove_first(&r->queues, &l->queue);
	}
	box->count = 0;
}

void
forward_discard(struct relay *r, struct session *s, enum drop_reason reason)
{
	struct listener *l = &r->listener[s->key.listener];
	struct datagram *d;

	while (s->queue != NULL) {
		l->totals->drops[CLIENT_TO_UPSTREAM][reason]++;
		queue_remove_first(&r->queues, &s->queue);
	}
	/* Replies that wait still go out, but no session counts them any more. */
	if (l->queue != NULL)
		STAILQ_FOREACH(d, &l->queue->datagrams, entry)
			if (d->session == session_index(&r->table, s))
				d->session = NONE;
}

static void
expire_queue(struct relay *r, struct queue *q)
{
	struct session *s = q->session == NONE ? NULL : &r->table.sessions[q->session];
	struct listener *l = &r->listener[s != NULL ? s->key.listener : q->listener];
	struct queue **owner = s != NULL ? &s->queue : &l->queue;
	enum direction direction = s != NULL ? CLIENT_TO_UPSTREAM : UPSTREAM_TO_CLIENT;
	enum drop_reason reason =
	    s != NULL && s->fd == -1 ? DROP_SESSION_UNAVAILABLE : DROP_WRITE_TIMEOUT;

	while (*owner != NULL && queue_first(*owner)->deadline <= r->now) {
		l->totals->drops[direction][reason]++;
		queue_remove_first(&r->queues, owner);
	}
	if (s != NULL && s->queue == NULL)
		supply_watch_write(r, s, 0);
}

void
forward_expire(struct relay *r)
{
	struct queue *q, *next;

	if (r->now < r->queues.deadline)
		return;
	LIST_FOREACH_SAFE(q, &r->queues.queues, entry, next)
		expire_queue(r, q);
	queue_pool_update(&r->queues);
}
