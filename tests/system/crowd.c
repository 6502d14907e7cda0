/*
 * crowd: many UDP clients over IPv4 that never stop, each with a socket of its own, for the
 * tests of what happens to them while the world behind the relay changes.  Beside them newcomers
 * arrive all the time, who are done when they are answered.  The helper `mirror` answers, and
 * says which port it saw.
 *
 * It is told on standard input what happens.  "event": what is reported begins now.  "again": the
 * network can carry datagrams again, so being served is counted from here.  "report": no more is
 * sent until what is under way had its time; then one line tells what became of all since the
 * event, and it goes on.  End of file ends it, with a last line: how many were sent and received.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"
#include "helper.h"

#define SECOND 1000000
#define EVENTS 256
#define BURST 32	     /* most sent at once, however late it is */
#define NUMBERS_MAX 4096     /* datagrams of one client */
#define NEWCOMERS_MAX 1024   /* at one time */
#define LATENCIES_MAX 100000 /* newcomers in one report */
#define KINDS_MAX 8
#define COMMANDS UINT32_MAX

struct client {
	int fd; /* -1: a newcomer's place that is free */
	uint32_t id, next;
	uint32_t base; /* the first number since the event */
	uint32_t again;
	uint8_t seen[NUMBERS_MAX / 8];
	uint32_t highest; /* received, plus 1 */
	uint32_t got;	  /* since the event */
	uint16_t port, ports;
	uint16_t source, home;	    /* as of its last answer */
	int64_t begun, due;	    /* a newcomer's */
	int64_t last, gap, longest; /* arrival, and longest time without one, since the event */
	int64_t served;		    /* 0, or the first answer to what was sent since `again` */
};

static struct client *clients; /* and newcomers after them */
static uint32_t count = 1, tag, ids;
static int rate = 5, arrivals, wait_ms = 2000, epoll;
static struct sockaddr_in server;
static struct in_addr first;
static uint32_t addresses = 1, ports = 1;

static int64_t event_at, again_at, interval;
static int sent, received, duplicated, reordered, corrupt, errors;
static int newcomers, *latency;

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: crowd [-a first_address] [-A addresses] [-N newcomers] [-n clients]\n"
	    "             [-P ports] [-r rate] [-w milliseconds] address port\n"
	    "  -a, -A  source addresses, used in turn\n"
	    "  -N      newcomers a second\n"
	    "  -P      server ports from the given one on, used in turn\n"
	    "  -r      datagrams a second of each (5)\n"
	    "  -w      how long to wait for answers before a report\n");
	exit(2);
}

/* ---- one client ---- */

static void
client_open(uint32_t i)
{
	struct client *c = &clients[i];
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
	struct sockaddr_in sin = { .sin_family = AF_INET }, to = server;

	memset(c, 0, sizeof(*c));
	c->id = ids++;
	sin.sin_addr.s_addr = htonl(ntohl(first.s_addr) + c->id % addresses);
	to.sin_port = htons((uint16_t)(ntohs(server.sin_port) + c->id % ports));
	if ((c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) == -1)
		err(1, "socket %u", i);
	if (bind(c->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		err(1, "bind, connect %u", i);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) == -1)
		err(1, "epoll_ctl %u", i);
}

static void
client_send(struct client *c)
{
	struct crowd_datagram d = { .tag = tag, .client = c->id, .number = c->next };

	if (c->next == NUMBERS_MAX)
		errx(1, "a client has sent all that it may");
	c->next++;
	sent++;
	/* An ICMP error that is still pending is not this datagram's. */
	if (send(c->fd, &d, sizeof(d), 0) == -1 && send(c->fd, &d, sizeof(d), 0) == -1)
		errors++;
}

static void
client_answered(struct client *c, const struct crowd_datagram *d, int64_t now)
{
	uint8_t bit = (uint8_t)(1U << d->number % 8), *seen = &c->seen[d->number / 8];

	if (*seen & bit) {
		duplicated++;
		return;
	}
	*seen |= bit;
	received++;
	if (d->number + 1 < c->highest)
		reordered++;
	else
		c->highest = d->number + 1;
	if (c->port != d->port)
		c->ports++;
	c->port = d->port;
	c->source = d->source;
	c->home = d->home;
	if (d->number >= c->base)
		c->got++;
	if (c->last != 0 && now - c->last > c->longest)
		c->longest = now - c->last;
	c->last = now;
	if (d->number >= c->again && c->served == 0)
		c->served = now;
}

/* A newcomer has its answer, which is all that it wanted. */
static void
newcomer_served(struct client *c, int64_t now)
{
	int64_t from = c->begun > again_at ? c->begun : again_at;

	if (newcomers < LATENCIES_MAX)
		latency[newcomers++] = (int)(now > from ? (now - from) / 1000 : 0);
	close(c->fd);
	c->fd = -1;
}

static void
client_receive(struct client *c, int64_t now)
{
	struct crowd_datagram d;
	ssize_t n;

	while (c->fd != -1 && (n = recv(c->fd, &d, sizeof(d), MSG_TRUNC)) != -1) {
		if (n != sizeof(d) || d.tag != tag || d.client != c->id ||
		    d.number >= c->next) {
			corrupt++;
			continue;
		}
		client_answered(c, &d, now);
		if (c >= clients + count)
			newcomer_served(c, now);
	}
}

/* ---- all of them ---- */

/* Each has the same interval, so they are due in turn. */
static void
send_due(int64_t now)
{
	static int64_t due;
	static uint32_t turn;
	int n;

	/* Not all at once what this process was too late for. */
	if (due < now - interval)
		due = now;
	for (n = 0; n < BURST && due <= now; n++) {
		client_send(&clients[turn]);
		turn = (turn + 1) % count;
		due += interval / count;
	}
}

static void
begin_newcomer(int64_t now)
{
	static int64_t due;
	uint32_t i;

	if (arrivals == 0 || due > now)
		return;
	due = now + SECOND / arrivals;
	for (i = count; i < count + NEWCOMERS_MAX; i++)
		if (clients[i].fd == -1) {
			client_open(i);
			clients[i].begun = clients[i].due = now;
			return;
		}
	errx(1, "too many newcomers are not answered");
}

/* Each sends until it is answered. */
static void
send_newcomers(int64_t now)
{
	struct client *c;

	for (c = clients + count; c < clients + count + NEWCOMERS_MAX; c++)
		if (c->fd != -1 && c->due <= now) {
			c->due = now + interval;
			client_send(c);
		}
}

/* Take what has come.  Returns whether there is a command. */
static bool
take(int timeout)
{
	struct epoll_event event[EVENTS];
	bool command = false;
	int64_t now;
	int i, n;

	n = epoll_wait(epoll, event, EVENTS, timeout);
	now = now_us();
	for (i = 0; i < n; i++) {
		if (event[i].data.u32 == COMMANDS)
			command = true;
		else
			client_receive(&clients[event[i].data.u32], now);
	}
	return (command);
}

static void
settle(void)
{
	int64_t now = now_us(), until = now + (int64_t)wait_ms * 1000;
	uint32_t i;

	do {
		send_newcomers(now);
		(void)take(1);
		now = now_us();
		for (i = 0; i < count; i++)
			if (clients[i].got != clients[i].next - clients[i].base)
				break;
		if (i < count)
			continue;
		for (; i < count + NEWCOMERS_MAX; i++)
			if (clients[i].fd != -1)
				break;
		if (i == count + NEWCOMERS_MAX)
			return;
	} while (now < until);
}

/* ---- commands ---- */

static void
begin_event(void)
{
	struct client *c;

	event_at = again_at = now_us();
	newcomers = 0;
	for (c = clients; c < clients + count; c++) {
		c->base = c->again = c->next;
		c->got = 0;
		c->longest = c->served = 0;
	}
}

static void
network_is_back(void)
{
	struct client *c;

	again_at = now_us();
	for (c = clients; c < clients + count; c++) {
		c->again = c->next;
		c->served = 0;
	}
}

static int
compare(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

/* Of n numbers, which are sorted by it: " NAME_median=N NAME_most=N". */
static void
print_spread(const char *name, int *number_of, int n)
{
	qsort(number_of, (size_t)n, sizeof(*number_of), compare);
	printf(" %s_median=%d %s_most=%d", name, n == 0 ? 0 : number_of[n / 2], name,
	    n == 0 ? 0 : number_of[n - 1]);
}

/* The different ones of a field of all clients: " NAME=N,N...". */
static void
print_kinds(const char *name, size_t offset)
{
	uint16_t kind[KINDS_MAX], value;
	int kinds = 0, k;
	uint32_t i;

	printf(" %s", name);
	for (i = 0; i < count && kinds < KINDS_MAX; i++) {
		memcpy(&value, (char *)&clients[i] + offset, sizeof(value));
		for (k = 0; k < kinds && kind[k] != value; k++)
			;
		if (k == kinds) {
			printf("%c%x", kinds == 0 ? '=' : ',', value);
			kind[kinds++] = value;
		}
	}
}

static void
report_clients(void)
{
	int *numbers, lost = 0, moved = 0, unserved = 0, n = 0, since = 0;
	int64_t served = again_at;
	struct client *c;

	if ((numbers = calloc(count, sizeof(*numbers))) == NULL)
		err(1, NULL);
	for (c = clients; c < clients + count; c++) {
		since += (int)(c->next - c->base);
		numbers[n] = (int)(c->next - c->base - c->got);
		lost += numbers[n++];
		/* The first answer is no change. */
		moved += c->ports > 1;
		unserved += c->served == 0;
		if (c->served > served)
			served = c->served;
	}
	printf(" clients=%u unserved=%d served_ms=%d port_changes=%d sent=%d lost=%d", count,
	    unserved, (int)((served - again_at) / 1000), moved, since, lost);
	print_spread("lost", numbers, n);
	for (n = 0; n < (int)count; n++)
		numbers[n] = (int)(clients[n].longest / 1000);
	print_spread("gap", numbers, n);
	print_kinds("source", offsetof(struct client, source));
	print_kinds("home", offsetof(struct client, home));
	free(numbers);
}

static void
report(void)
{
	int waiting = 0;
	uint32_t i;

	settle();
	for (i = count; i < count + NEWCOMERS_MAX; i++)
		waiting += clients[i].fd != -1;
	/* This pause was ours. */
	for (i = 0; i < count; i++)
		clients[i].last = 0;
	printf("report ms=%d", (int)((now_us() - event_at) / 1000));
	report_clients();
	printf(" newcomers=%d waiting=%d", newcomers, waiting);
	print_spread("newcomer", latency, newcomers);
	printf(" duplicated=%d reordered=%d corrupt=%d errors=%d\n", duplicated, reordered,
	    corrupt, errors);
}

/* Returns whether there will be more. */
static bool
obey(void)
{
	char line[64];
	ssize_t n;

	if ((n = read(STDIN_FILENO, line, sizeof(line) - 1)) <= 0)
		return (false);
	line[n] = '\0';
	if (strcmp(line, "event\n") == 0)
		begin_event();
	else if (strcmp(line, "again\n") == 0)
		network_is_back();
	else if (strcmp(line, "report\n") == 0)
		report();
	else
		errx(2, "unknown command: %s", line);
	return (true);
}

/* ---- what it is told at first ---- */

static void
read_options(int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "A:a:N:n:P:r:w:")) != -1) {
		switch (ch) {
		case 'A':
			addresses = (uint32_t)number(optarg, 1, 200);
			break;
		case 'a':
			first = ipv4_address(optarg);
			break;
		case 'N':
			arrivals = number(optarg, 0, 1000);
			break;
		case 'n':
			count = (uint32_t)number(optarg, 1, 60000);
			break;
		case 'P':
			ports = (uint32_t)number(optarg, 1, UINT16_MAX);
			break;
		case 'r':
			rate = number(optarg, 1, 1000);
			break;
		case 'w':
			wait_ms = number(optarg, 1, 600000);
			break;
		default:
			usage();
		}
	}
	if (optind + 2 != argc)
		usage();
	server = ipv4_endpoint(argv[optind], argv[optind + 1]);
	interval = SECOND / rate;
}

int
main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = COMMANDS };
	int64_t now;

	read_options(argc, argv);
	raise_descriptor_limit();
	setvbuf(stdout, NULL, _IOLBF, 0);
	clients = calloc(count + NEWCOMERS_MAX, sizeof(*clients));
	latency = calloc(LATENCIES_MAX, sizeof(*latency));
	if (clients == NULL || latency == NULL)
		err(1, NULL);
	if ((epoll = epoll_create1(0)) == -1 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) == -1)
		err(1, "epoll");
	tag = arc4random();
	for (uint32_t i = 0; i < count + NEWCOMERS_MAX; i++) {
		clients[i].fd = -1;
		if (i < count)
			client_open(i);
	}
	begin_event();
	do {
		now = now_us();
		send_due(now);
		begin_newcomer(now);
		send_newcomers(now);
	} while (!take(1) || obey());
	settle();
	printf("all_sent=%d all_received=%d\n", sent, received);
	return (0);
}
