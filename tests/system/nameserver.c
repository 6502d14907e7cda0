/*
 * nameserver: a DNS server on 127.0.0.1, of the kind that one should not have, for the tests.
 *
 * The file `zone` says what it does, whatever the name in question is; it may change at any time:
 *
 *	answer ADDRESS...	its addresses, IPv6 and IPv4
 *	late SECONDS ADDRESS...	the same, so much later
 *	many N ADDRESS...	N more addresses, half of them before these and half after
 *	garbage			what is no answer, several times
 *	never
 *
 * It says "ready", and "query" for each one that comes.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"

#define HEADER 12
#define UDP_MAX 512
#define ADDRESSES_MAX 2000
#define TYPE_A 1
#define TYPE_AAAA 28

static struct {
	char mode[16];
	int number;
	struct in6_addr address[ADDRESSES_MAX]; /* IPv4 as IPv4-mapped, with `is_ipv4` */
	int is_ipv4[ADDRESSES_MAX];
	int count;
} zone;

static uint8_t query[UDP_MAX], answer[UINT16_MAX];

/* ---- what it is told ---- */

static void
add(const char *text)
{
	int i = zone.count++;

	if (inet_pton(AF_INET6, text, &zone.address[i]) == 1)
		return;
	zone.is_ipv4[i] = 1;
	if (inet_pton(AF_INET, text, &zone.address[i].s6_addr[12]) != 1)
		errx(2, "zone: %s", text);
}

/* Addresses at which nobody is. */
static void
add_others(int first, int last)
{
	char text[INET6_ADDRSTRLEN];

	for (; first < last; first++) {
		snprintf(text, sizeof(text), "2001:db8:1:0:1::%x", (unsigned int)first);
		add(text);
	}
}

static void
read_zone(void)
{
	char line[1024], *rest = line, *word;
	FILE *f;

	if ((f = fopen("zone", "r")) == NULL || fgets(line, sizeof(line), f) == NULL)
		err(1, "zone");
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	snprintf(zone.mode, sizeof(zone.mode), "%s", strsep(&rest, " "));
	if (strcmp(zone.mode, "late") == 0 || strcmp(zone.mode, "many") == 0)
		zone.number = number(strsep(&rest, " "), 1, ADDRESSES_MAX / 2);
	if (strcmp(zone.mode, "many") == 0)
		add_others(0, zone.number / 2);
	while ((word = strsep(&rest, " ")) != NULL)
		add(word);
	if (strcmp(zone.mode, "many") == 0)
		add_others(zone.number / 2, zone.number);
}

/* ---- what it says ---- */

static size_t
put_record(size_t at, int i)
{
	size_t length = zone.is_ipv4[i] ? 4 : 16;
	uint8_t head[12] = {
		0xc0,
		HEADER, /* the name in question */
		0,
		zone.is_ipv4[i] ? TYPE_A : TYPE_AAAA, /* type */
		0,
		1, /* Internet */
		0,
		0,
		0,
		1, /* for a second */
		0,
		(uint8_t)length,
	};

	memcpy(answer + at, head, sizeof(head));
	memcpy(answer + at + sizeof(head), zone.address[i].s6_addr + 16 - length, length);
	return (at + sizeof(head) + length);
}

/* To a question of `length` bytes, without a second section.  Returns its length, at most most. */
static size_t
make_answer(size_t length, size_t most)
{
	int i, found = 0, type = query[length - 3];
	size_t end = length;

	memcpy(answer, query, length);
	answer[2] = 0x84; /* an answer, with authority */
	answer[3] = 0;
	for (i = 0; i < zone.count; i++)
		if (type == (zone.is_ipv4[i] ? TYPE_A : TYPE_AAAA)) {
			end = put_record(end, i);
			found++;
		}
	if (end > most) {
		answer[2] |= 0x02; /* truncated: ask by TCP */
		found = 0;
		end = length;
	}
	answer[6] = (uint8_t)(found >> 8);
	answer[7] = (uint8_t)found;
	return (end);
}

/* Noise; the right question with noise for records; half a header; a name that has no end. */
static void
send_garbage(int fd, const struct sockaddr *to, socklen_t tolen, size_t length)
{
	for (int i = 0; i < 16; i++) {
		size_t n = arc4random_uniform(UDP_MAX);

		arc4random_buf(answer, sizeof(answer));
		if (i % 4 == 1) {
			(void)make_answer(length, UDP_MAX);
			answer[7] = 16;
			n = UDP_MAX;
		} else if (i % 4 == 2) {
			(void)make_answer(length, UDP_MAX);
			n = HEADER / 2;
		} else if (i % 4 == 3) {
			n = make_answer(length, UDP_MAX) + 2;
			answer[7] = 1;
			answer[n - 2] = 0xc0;
			answer[n - 1] = (uint8_t)(n - 2);
		}
		(void)sendto(fd, answer, n, 0, to, tolen);
	}
}

static void
serve_udp(int fd)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	const struct sockaddr *to = (struct sockaddr *)&from;
	ssize_t n = recvfrom(fd, query, sizeof(query), 0, (struct sockaddr *)&from, &len);

	if (n <= HEADER + 4 || fork() != 0)
		return;
	if (strcmp(zone.mode, "garbage") == 0)
		send_garbage(fd, to, len, (size_t)n);
	else if (strcmp(zone.mode, "never") != 0) {
		if (strcmp(zone.mode, "late") == 0)
			sleep((unsigned int)zone.number);
		(void)sendto(fd, answer, make_answer((size_t)n, UDP_MAX), 0, to, len);
	}
	_exit(0);
}

static void
serve_tcp(int listener)
{
	uint8_t length[2];
	size_t n;
	int fd = accept(listener, NULL, NULL);

	if (fork() != 0) {
		close(fd);
		return;
	}
	if (recv(fd, length, 2, MSG_WAITALL) != 2)
		_exit(1);
	n = (size_t)length[0] << 8 | length[1];
	if (n <= HEADER + 4 || n > sizeof(query) ||
	    recv(fd, query, n, MSG_WAITALL) != (ssize_t)n)
		_exit(1);
	n = make_answer(n, sizeof(answer));
	length[0] = (uint8_t)(n >> 8);
	length[1] = (uint8_t)n;
	_exit(write(fd, length, 2) != 2 || write(fd, answer, n) != (ssize_t)n);
}

static int
server_open(int type)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(53) };
	int fd, on = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, type, 0)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "port 53");
	if (type == SOCK_STREAM && listen(fd, 16) == -1)
		err(1, "listen");
	return (fd);
}

int
main(void)
{
	struct pollfd pfd[2] = {
		{ .fd = server_open(SOCK_DGRAM), .events = POLLIN },
		{ .fd = server_open(SOCK_STREAM), .events = POLLIN },
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Each question has a process of its own, that nobody waits for. */
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	puts("ready");
	while (poll(pfd, 2, -1) > 0) {
		memset(&zone, 0, sizeof(zone));
		read_zone();
		puts("query");
		if (pfd[0].revents != 0)
			serve_udp(pfd[0].fd);
		if (pfd[1].revents != 0)
			serve_tcp(pfd[1].fd);
	}
	return (1);
}
