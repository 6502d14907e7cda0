/*
 * abuse: HTTP clients that behave badly, many at once, for the tests.  Whenever the server ends
 * a connection, another one takes its place, until the time is over, and until as many were
 * opened as -c says: a slow machine takes longer, it does not do less.
 *
 * One line on standard output tells the result: connections that were opened, that the server
 * ended, that could not be opened, bytes that came back, answers among them, and the longest
 * life of a connection in milliseconds.
 */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helper.h"

#define CONNECTIONS_MAX 1024
#define SECOND_US 1000000
#define SECONDS_MAX 60 /* whatever was opened until then */

enum mode {
	SILENT,	  /* sends nothing */
	TRICKLE,  /* a byte a second */
	DEAF,	  /* asks again and again, never reads an answer */
	SIP,	  /* the same, reads a little each second */
	GREEDY,	  /* asks once a second on one connection, reads all: it wants to stay */
	GARBAGE,  /* random bytes */
	HEADERS,  /* one header field of 1 MiB */
	PIPELINE, /* a hundred requests at once, reads all */
	FLOOD,	  /* connects, and goes away at once */
	MODE_MAX
};

static const char *const mode_names[] = { "silent", "trickle", "deaf", "sip", "greedy",
	"garbage", "headers", "pipeline", "flood" };
_Static_assert(sizeof(mode_names) / sizeof(mode_names[0]) == MODE_MAX, "");

struct connection {
	int fd;
	bool connected;
	size_t sent;
	int64_t opened, next_byte, next_sip;
};

static struct connection connection[CONNECTIONS_MAX];
static struct pollfd pfd[CONNECTIONS_MAX];
static struct sockaddr_in server = { .sin_family = AF_INET };
static enum mode mode;

/* What each connection sends. */
static char *speech;
static size_t speech_length;

static long long opened, ended, refused, bytes, answers, longest;

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: abuse [-n at once] [-c at least] [-p path] [-t seconds] mode address port\n"
	    "  modes: silent trickle deaf sip greedy garbage headers pipeline flood\n");
	exit(2);
}

static void
compose(const char *path)
{
	static const char host[] = " HTTP/1.1\r\nHost: test\r\n";
	size_t size = 2 << 20, n = 0;
	int i;

	if ((speech = malloc(size)) == NULL)
		err(1, NULL);
	switch (mode) {
	case GARBAGE:
		arc4random_buf(speech, n = 65536);
		break;
	case TRICKLE:
	case HEADERS:
		n = (size_t)snprintf(speech, size, "GET %s%sX-Long: ", path, host);
		memset(speech + n, 'a', 1 << 20);
		n += 1 << 20;
		if (mode == HEADERS)
			n += (size_t)snprintf(speech + n, size - n, "\r\n\r\n");
		break;
	case GREEDY:
		n = (size_t)snprintf(speech, size, "GET %s%s\r\n", path, host);
		break;
	case DEAF:
	case SIP:
	case PIPELINE:
		for (i = 0; i < 100; i++)
			n += (size_t)snprintf(speech + n, size - n, "GET %s%s%s\r\n", path,
			    host, mode == PIPELINE && i == 99 ? "Connection: close\r\n" : "");
		break;
	default:
		break;
	}
	speech_length = n;
}

static void
connection_close(struct connection *c)
{
	long long life = (now_us() - c->opened) / 1000;

	if (life > longest)
		longest = life;
	close(c->fd);
	c->fd = -1;
}

static void
connection_open(struct connection *c)
{
	int size = 4096;

	memset(c, 0, sizeof(*c));
	if ((c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) == -1)
		err(1, "socket");
	if (mode == DEAF || mode == SIP)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	c->opened = c->next_byte = now_us();
	if (connect(c->fd, (struct sockaddr *)&server, sizeof(server)) == -1 &&
	    errno != EINPROGRESS) {
		refused++;
		close(c->fd);
		c->fd = -1;
		return;
	}
	opened++;
}

static bool
wants_to_send(const struct connection *c)
{
	return (
	    !c->connected || (mode != TRICKLE && mode != GREEDY && c->sent < speech_length));
}

static void
connection_send(struct connection *c)
{
	size_t length = speech_length - c->sent;
	ssize_t n;

	if (mode == TRICKLE || mode == GREEDY) {
		if (now_us() < c->next_byte)
			return;
		c->next_byte += SECOND_US;
		if (mode == TRICKLE)
			length = 1;
	}
	if (length == 0)
		return;
	n = send(c->fd, speech + c->sent, length, MSG_NOSIGNAL);
	if (n > 0)
		c->sent += (size_t)n;
	/* These never come to an end. */
	if ((mode == DEAF || mode == SIP || mode == GREEDY) && c->sent == speech_length)
		c->sent = 0;
}

/* Returns whether the server has ended the connection. */
static bool
connection_receive(struct connection *c)
{
	static char buf[65536];
	const char *p;
	ssize_t n;

	if (mode == SIP) {
		if (now_us() < c->next_sip)
			return (false);
		c->next_sip = now_us() + SECOND_US;
		n = recv(c->fd, buf, 1024, 0);
		bytes += n > 0 ? n : 0;
		return (n == 0 || (n == -1 && errno != EAGAIN));
	}
	while ((n = recv(c->fd, buf, sizeof(buf) - 1, 0)) > 0) {
		bytes += n;
		buf[n] = '\0';
		/* One that is cut by the end of the buffer is missed: it is a rough count. */
		for (p = buf; (p = strstr(p, "HTTP/1.1 ")) != NULL; p++)
			answers++;
	}
	return (n == 0 || (errno != EAGAIN && errno != EINTR));
}

static void
connection_turn(struct connection *c, short events)
{
	if (events & (POLLERR | POLLNVAL)) {
		if (c->connected)
			ended++;
		else
			refused++;
		connection_close(c);
		return;
	}
	if (events & POLLOUT)
		c->connected = true;
	if (!c->connected)
		return;
	if (mode == FLOOD) {
		connection_close(c);
		return;
	}
	connection_send(c);
	if (mode != DEAF && (mode == SIP || events & (POLLIN | POLLHUP)) &&
	    connection_receive(c)) {
		ended++;
		connection_close(c);
	}
}

/* One turn of all `count` connections; those that have ended are opened anew. */
static void
turn(int count)
{
	int i;

	for (i = 0; i < count; i++) {
		if (connection[i].fd == -1)
			connection_open(&connection[i]);
		pfd[i].fd = connection[i].fd;
		pfd[i].events = mode == DEAF || mode == SIP ? 0 : POLLIN;
		if (wants_to_send(&connection[i]))
			pfd[i].events |= POLLOUT;
	}
	if (poll(pfd, (nfds_t)count, 100) == -1)
		err(1, "poll");
	for (i = 0; i < count; i++)
		if (pfd[i].fd != -1)
			connection_turn(&connection[i], pfd[i].revents);
}

int
main(int argc, char **argv)
{
	const char *path = "/metrics";
	int ch, i, count = 64, least = 0, seconds = 5;
	int64_t until, limit;

	while ((ch = getopt(argc, argv, "c:n:p:t:")) != -1) {
		switch (ch) {
		case 'c':
			least = number(optarg, 1, 1000000);
			break;
		case 'n':
			count = number(optarg, 1, CONNECTIONS_MAX);
			break;
		case 'p':
			path = optarg;
			break;
		case 't':
			seconds = number(optarg, 1, SECONDS_MAX);
			break;
		default:
			usage();
		}
	}
	if (optind + 3 != argc)
		usage();
	while (mode < MODE_MAX && strcmp(argv[optind], mode_names[mode]) != 0)
		mode++;
	if (mode == MODE_MAX)
		usage();
	server.sin_addr = ipv4_address(argv[optind + 1]);
	server.sin_port = htons((uint16_t)number(argv[optind + 2], 1, UINT16_MAX));
	raise_descriptor_limit();
	compose(path);

	for (i = 0; i < count; i++)
		connection[i].fd = -1;
	until = now_us() + (int64_t)seconds * SECOND_US;
	limit = now_us() + (int64_t)SECONDS_MAX * SECOND_US;
	while (now_us() < until || (opened < least && now_us() < limit))
		turn(count);
	for (i = 0; i < count; i++)
		if (connection[i].fd != -1)
			connection_close(&connection[i]);
	printf("mode=%s opened=%lld ended=%lld refused=%lld bytes=%lld answers=%lld"
	       " longest_ms=%lld\n",
	    mode_names[mode], opened, ended, refused, bytes, answers, longest);
	return (0);
}
