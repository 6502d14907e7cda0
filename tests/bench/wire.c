#include <sys/epoll.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/account.h"
#include "tests/bench/wire.h"

#define EVENTS 256
#define SLOTS 16	/* messages in one recvmmsg */
#define SLOT_SIZE 65536 /* UDP_GRO cuts off what does not fit */
#define PATTERN 65536
#define BUFFER (32 << 20) /* a burst must not be lost at our own ends */
#define TRAIN_BYTES 65000
#define FORGED_NETWORK 0xcb007100U /* 203.0.113.0/24: a documentation network */
#define FORGED_HOSTS 254
#define FORGED_PORT 1024

#define HOME UINT32_MAX /* in an epoll event: not a flow */

/* The head of every datagram; what follows is determined by it. */
struct header {
	uint32_t tag, flow, number;
	uint8_t kind, way;
	uint16_t size;
	int64_t sent_at;
	int64_t begun_at; /* of an echo: when the client sent what this answers */
};
_Static_assert(sizeof(struct header) == SIZE_MIN_, "a header is what every datagram holds");

static uint8_t pattern[PATTERN + SIZE_MAX_];

static const uint8_t *
pattern_of(const struct header *h)
{
	uint32_t x = h->flow * 2654435761U + h->number * 40503U + h->way * 97U;

	return (pattern + ((x ^ x >> 16) & (PATTERN - 1)));
}

/* ---- sockets ---- */

static void
enter(const char *namespace)
{
	int fd;

	if ((fd = open(namespace, O_RDONLY | O_CLOEXEC)) == -1 || setns(fd, CLONE_NEWNET) == -1)
		err(1, "%s", namespace);
	close(fd);
}

static int
open_socket(struct wire *w, int domain, uint32_t id)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = id };
	int fd, on = 1, buffer = BUFFER;

	if ((fd = socket(domain, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == -1)
		err(1, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)) == -1 ||
	    (w->gro && setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) == -1))
		err(1, "setsockopt");
	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event) == -1)
		err(1, "epoll_ctl");
	return (fd);
}

static void
open_client(struct wire *w, int i)
{
	struct sockaddr_in source = { .sin_family = AF_INET };

	source.sin_addr.s_addr = htonl(ntohl(w->first.s_addr) + (uint32_t)(i % w->addresses));
	w->flow[i].fd = open_socket(w, AF_INET, (uint32_t)i);
	if (bind(w->flow[i].fd, (struct sockaddr *)&source, sizeof(source)) == -1)
		err(1, "bind of client %d", i);
	if (connect(w->flow[i].fd, (struct sockaddr *)&w->relay, sizeof(w->relay)) == -1)
		err(1, "connect of client %d", i);
}

void
wire_open(struct wire *w)
{
	struct sockaddr_in6 home = { .sin6_family = AF_INET6 };

	if ((w->flow = calloc((size_t)w->flows + 1, sizeof(*w->flow))) == NULL ||
	    (w->forged = calloc(FORGED_MAX, 1)) == NULL ||
	    (w->owner = calloc(UINT16_MAX + 1, sizeof(*w->owner))) == NULL)
		err(1, NULL);
	memset(w->owner, -1, (UINT16_MAX + 1) * sizeof(*w->owner));
	arc4random_buf(pattern, sizeof(pattern));
	w->tag = arc4random();
	if ((w->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	enter(w->home_ns);
	w->home = open_socket(w, AF_INET6, HOME);
	home.sin6_port = htons((uint16_t)w->port);
	if (bind(w->home, (struct sockaddr *)&home, sizeof(home)) == -1)
		err(1, "bind of the home");
	enter(w->client_ns);
	for (int i = 0; i < w->flows; i++)
		open_client(w, i);
	if ((w->raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)) == -1)
		err(1, "raw socket");
}

/* ---- sending ---- */

struct outgoing {
	struct header header;
	struct iovec iov[2];
};

static struct outgoing outgoing[BURST_MAX];
static struct iovec train[BURST_MAX][2];

static void
compose(struct wire *w, struct outgoing *o, enum way way, enum kind kind, int flow)
{
	size_t size = kind == KIND_DATA ? (size_t)w->size : SIZE_MIN_;

	o->header = (struct header){ .tag = w->tag,
		.flow = (uint32_t)flow,
		.kind = (uint8_t)kind,
		.way = (uint8_t)way,
		.size = (uint16_t)size };
	/* Hellos are repeated as need be, and so not numbered. */
	if (kind != KIND_HELLO && kind != KIND_FORGED)
		o->header.number = w->flow[flow].sent[way]++;
	o->header.sent_at = now_ns();
	o->iov[0] = (struct iovec){ &o->header, sizeof(o->header) };
	o->iov[1].iov_base = (void *)(uintptr_t)pattern_of(&o->header);
	o->iov[1].iov_len = size - sizeof(o->header);
}

static void
address(struct wire *w, struct msghdr *m, enum way way, int flow)
{
	if (way == DOWN) {
		m->msg_name = &w->flow[flow].peer;
		m->msg_namelen = sizeof(w->flow[flow].peer);
	}
}

static int
socket_of(struct wire *w, enum way way, int flow)
{
	return (way == UP ? w->flow[flow].fd : w->home);
}

/* The datagrams that wait in outgoing, as one: the kernel cuts it into datagrams of one size. */
static int
send_train(struct wire *w, enum way way, int flow, int first, int count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
	struct msghdr m = { .msg_iov = train[0], .msg_iovlen = 2 * (size_t)count };
	struct cmsghdr *c = (struct cmsghdr *)control;
	uint16_t segment = outgoing[first].header.size;

	for (int i = 0; i < count; i++)
		memcpy(train[i], outgoing[first + i].iov, sizeof(train[i]));
	if (count > 1) {
		c->cmsg_level = SOL_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(segment));
		memcpy(CMSG_DATA(c), &segment, sizeof(segment));
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
	}
	address(w, &m, way, flow);
	return (sendmsg(socket_of(w, way, flow), &m, 0) == -1 ? 0 : count);
}

/* The datagrams that wait in outgoing, one by one but with as few system calls as can be. */
static int
send_each(struct wire *w, enum way way, int count)
{
	struct mmsghdr m[BURST_MAX];
	int sent = 0, flow, n, run;

	memset(m, 0, sizeof(m[0]) * (size_t)count);
	for (int i = 0; i < count; i++) {
		m[i].msg_hdr.msg_iov = outgoing[i].iov;
		m[i].msg_hdr.msg_iovlen = 2;
		address(w, &m[i].msg_hdr, way, (int)outgoing[i].header.flow);
	}
	for (int i = 0; i < count; i += run) {
		flow = (int)outgoing[i].header.flow;
		/* The home has one socket for all flows, each client one of its own. */
		for (run = 1; i + run < count; run++)
			if (way == UP && (int)outgoing[i + run].header.flow != flow)
				break;
		if ((n = sendmmsg(socket_of(w, way, flow), m + i, (unsigned int)run, 0)) > 0)
			sent += n;
	}
	return (sent);
}

void
wire_send(struct wire *w, enum way way, enum kind kind, int flow, int count, bool interleave)
{
	int most = TRAIN_BYTES / w->size, sent = 0;

	if (most > count)
		most = count;
	for (int i = 0; i < count; i++)
		compose(w, &outgoing[i], way, kind, interleave ? (flow + i) % w->bulk : flow);
	if (w->trains && !interleave)
		for (int i = 0; i < count; i += most)
			sent +=
			    send_train(w, way, flow, i, count - i < most ? count - i : most);
	else
		sent = send_each(w, way, count);
	if (kind == KIND_HELLO)
		return;
	w->tally[way].sent += sent;
	w->tally[way].unsent += count - sent;
}

/* The home's answer to a datagram: it carries when that was sent. */
static void
answer(struct wire *w, const struct header *to)
{
	if (to->kind == KIND_HELLO) {
		wire_send(w, DOWN, KIND_HELLO, (int)to->flow, 1, false);
		return;
	}
	compose(w, &outgoing[0], DOWN, KIND_ECHO, (int)to->flow);
	outgoing[0].header.begun_at = to->sent_at;
	if (send_each(w, DOWN, 1) == 1)
		w->tally[DOWN].sent++;
	else
		w->tally[DOWN].unsent++;
}

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	struct header header;
} __attribute__((packed));

void
wire_forge(struct wire *w)
{
	uint32_t i = (uint32_t)w->forged_sent;
	struct packet p = {
		.ip = { .version = 4,
		    .ihl = 5,
		    .ttl = 64,
		    .protocol = IPPROTO_UDP,
		    .daddr = w->relay.sin_addr.s_addr,
		    .tot_len = htons(sizeof(p)) },
		.udp = { .dest = w->relay.sin_port,
		    .len = htons(sizeof(p.udp) + sizeof(p.header)) },
		.header = { .tag = w->tag,
		    .flow = i,
		    .kind = KIND_FORGED,
		    .size = sizeof(p.header),
		    .sent_at = now_ns() },
	};

	if (i >= FORGED_MAX)
		errx(1, "too many forged datagrams");
	p.ip.saddr = htonl(FORGED_NETWORK + 1 + i % FORGED_HOSTS);
	p.udp.source = htons((uint16_t)(FORGED_PORT + i / FORGED_HOSTS));
	if (sendto(w->raw, &p, sizeof(p), 0, (struct sockaddr *)&w->relay, sizeof(w->relay)) !=
	    -1)
		w->forged_sent++;
}

/* ---- receiving: every datagram is checked in full ---- */

static void
count_forged(struct wire *w, const struct header *h)
{
	if (h->flow >= FORGED_MAX || w->forged[h->flow])
		w->forged_repeated++;
	else {
		w->forged[h->flow] = 1;
		w->forged_seen++;
	}
}

/* In order, late, or once more? */
static void
count_number(struct tally *t, struct arrivals *a, uint32_t number)
{
	uint64_t bit = (uint64_t)1 << (number & 63),
		 *word = &a->seen[number / 64 % (RECENT / 64)];

	if (number >= a->next) {
		/* Forget what was RECENT numbers before those that are passed now. */
		if (number - a->next >= RECENT)
			memset(a->seen, 0, sizeof(a->seen));
		else
			for (uint32_t n = a->next; n <= number; n++)
				a->seen[n / 64 % (RECENT / 64)] &= ~((uint64_t)1 << (n & 63));
		a->next = number + 1;
	} else if (a->next - number > RECENT || (*word & bit) != 0) {
		t->duplicated++;
		return;
	} else
		t->reordered++;
	*word |= bit;
	t->delivered++;
}

/* A flow is known at home by the address it came from; no other flow may have the same. */
static void
learn_peer(struct wire *w, uint32_t flow, const struct sockaddr_in6 *from)
{
	struct flow *f = &w->flow[flow];
	int32_t *owner = &w->owner[ntohs(from->sin6_port)];

	if (f->known && f->peer.sin6_port == from->sin6_port)
		return;
	if (f->known || *owner != -1)
		w->tally[UP].moved++;
	*owner = (int32_t)flow;
	f->peer = *from;
	f->known = true;
}

static bool
is_intact(const struct wire *w, const uint8_t *p, size_t length, struct header *h)
{
	if (length < sizeof(*h))
		return (false);
	memcpy(h, p, sizeof(*h));
	return (h->tag == w->tag && h->size == length && h->kind < KIND_MAX &&
	    (h->kind == KIND_FORGED || h->flow < (uint32_t)w->flows) &&
	    (h->kind != KIND_DATA || length == (size_t)w->size) &&
	    memcmp(p + sizeof(*h), pattern_of(h), length - sizeof(*h)) == 0);
}

/* id: the flow of the socket that it came in at, or HOME. */
static void
take_datagram(struct wire *w, uint32_t id, const struct sockaddr_in6 *from, const uint8_t *p,
    size_t length, int64_t now)
{
	enum way way = id == HOME ? UP : DOWN;
	struct tally *t = &w->tally[way];
	struct header h;

	if (!is_intact(w, p, length, &h) || h.way != way || (way == DOWN && h.flow != id)) {
		t->corrupt++;
		return;
	}
	t->last = now;
	if (h.kind == KIND_FORGED) {
		count_forged(w, &h);
		return;
	}
	if (way == UP)
		learn_peer(w, h.flow, from);
	else
		w->flow[h.flow].answered = true;
	if (h.kind != KIND_HELLO) {
		count_number(t, &w->flow[h.flow].arrivals[way], h.number);
		histogram_add(h.kind == KIND_PROBE ? &t->probe : &t->latency,
		    now - (h.begun_at != 0 ? h.begun_at : h.sent_at));
	}
	if (way == UP && (h.kind == KIND_HELLO || h.kind == KIND_ECHO))
		answer(w, &h);
}

/* What UDP_GRO joined is taken apart again. */
static void
take_message(struct wire *w, uint32_t id, struct msghdr *m, size_t length, int64_t now)
{
	const uint8_t *p = m->msg_iov->iov_base;
	size_t segment = length, n;
	struct cmsghdr *c;
	int size;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&size, CMSG_DATA(c), sizeof(size));
			segment = (size_t)size;
		}
	do {
		n = length < segment ? length : segment;
		take_datagram(w, id, m->msg_name, p, n, now);
		p += n;
		length -= n;
	} while (length > 0);
}

static void
drain(struct wire *w, uint32_t id)
{
	static uint8_t slot[SLOTS][SLOT_SIZE];
	static struct sockaddr_in6 from[SLOTS];
	_Alignas(struct cmsghdr) char control[SLOTS][CMSG_SPACE(sizeof(int))];
	struct mmsghdr m[SLOTS];
	struct iovec iov[SLOTS];
	int fd = id == HOME ? w->home : w->flow[id].fd, n;
	int64_t now;

	do {
		for (int i = 0; i < SLOTS; i++) {
			iov[i] = (struct iovec){ slot[i], SLOT_SIZE };
			m[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
				.msg_namelen = sizeof(from[i]),
				.msg_iov = &iov[i],
				.msg_iovlen = 1,
				.msg_control = control[i],
				.msg_controllen = sizeof(control[i]) };
		}
		/* An ICMP error that waits is read away with the next turn. */
		if ((n = recvmmsg(fd, m, SLOTS, MSG_DONTWAIT, NULL)) <= 0)
			return;
		now = now_ns();
		for (int i = 0; i < n; i++)
			take_message(w, id, &m[i].msg_hdr, m[i].msg_len, now);
	} while (n == SLOTS);
}

void
wire_receive(struct wire *w, int64_t until)
{
	struct epoll_event event[EVENTS];
	int64_t left = until - now_ns();
	struct timespec ts;
	int n;

	if (left < 0)
		left = 0;
	ts.tv_sec = left / 1000000000;
	ts.tv_nsec = left % 1000000000;
	n = epoll_pwait2(w->epoll, event, EVENTS, &ts, NULL);
	if (n == -1 && errno != EINTR)
		err(1, "epoll_pwait2");
	for (int i = 0; i < n; i++)
		drain(w, event[i].data.u32);
}
