/*
 * A GET of HTTP/1.0 (RFC 1945), whose answer ends with its connection: all that is needed of a
 * protocol whose libraries bring TLS, cookies and proxies along.  The whole request has one
 * deadline; a head is at most HEAD_MAX long, and a body HTTP_BODY_MAX.
 */
#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/ctl/fault.h"
#include "supervisor/ctl/http_client.h"
#include "supervisor/ctl/target.h"

#define HEAD_MAX 8192
#define PIECE_SIZE 65536

struct answer {
	const struct http_client *client;
	const char *name; /* of who answers */
	const char *path;
	int fd;
	int64_t deadline;
	int status; /* 0: the head is not whole yet */
	size_t used;
	char head[HEAD_MAX + 1];
	uint64_t length; /* of the body so far */
	int (*take)(void *arg, const char *data, size_t length);
	void *arg;
	struct fault *fault;
};

static int
fail(const struct answer *a, const char *what)
{
	if (errno == ECANCELED)
		return (fault_set(a->fault, FAULT_CANCELLED, "interrupted"));
	if (errno == ETIMEDOUT)
		return (fault_set(a->fault, FAULT_DOWN,
		    "%s: no answer to %s within %g s: udp46 hangs, is stopped or is very busy; "
		    "--timeout gives it longer",
		    a->name, a->path, (double)a->client->timeout / SECOND));
	return (
	    fault_set(a->fault, FAULT_DOWN, "%s: %s: %s %s: udp46 may be restarting; try again",
		a->name, what, a->path, strerror(errno)));
}

static int
send_request(const struct answer *a)
{
	char request[512];
	size_t length, sent = 0;
	ssize_t n;

	length = (size_t)snprintf(request, sizeof(request),
	    "GET %s HTTP/1.0\r\nHost: udp46\r\nUser-Agent: udp46ctl\r\n\r\n", a->path);
	while (sent < length) {
		n = send(a->fd, request + sent, length - sent, MSG_NOSIGNAL);
		if (n > 0)
			sent += (size_t)n;
		else if ((n == -1 && errno != EAGAIN && errno != EINTR) ||
		    target_wait(a->fd, POLLOUT, a->deadline, a->client->interrupt) == -1)
			return (fail(a, "cannot ask for"));
	}
	return (0);
}

static int
take_body(struct answer *a, const char *data, size_t length)
{
	if (a->status != 200 || length == 0)
		return (0);
	a->length += length;
	if (a->length > HTTP_BODY_MAX)
		return (fault_set(a->fault, FAULT_NONSENSE,
		    "%s: an answer to %s of more than %d MiB: is that udp46?", a->name, a->path,
		    (int)(HTTP_BODY_MAX >> 20)));
	return (a->take(a->arg, data, length));
}

/* The end of the head, after its empty line; NULL if that has not come yet. */
static char *
head_end(char *head)
{
	char *crlf = strstr(head, "\r\n\r\n"), *lf = strstr(head, "\n\n");

	if (crlf != NULL && (lf == NULL || crlf < lf))
		return (crlf + 4);
	return (lf == NULL ? NULL : lf + 2);
}

/* Returns how much of the data belongs to the head, or -1. */
static ssize_t
take_head(struct answer *a, const char *data, size_t length)
{
	size_t before = a->used, room = HEAD_MAX - a->used, n = length < room ? length : room;
	char *end;

	memcpy(a->head + a->used, data, n);
	a->used += n;
	a->head[a->used] = '\0';
	if ((end = head_end(a->head)) == NULL) {
		/* A zero byte would hide all that follows it. */
		if (a->used < HEAD_MAX && strlen(a->head) == a->used)
			return ((ssize_t)n);
		return (fault_set(a->fault, FAULT_NONSENSE,
		    "%s: what answers does not speak HTTP: is it the address of --metrics.listen?",
		    a->name));
	}
	if (strncmp(a->head, "HTTP/1.", 7) != 0 || a->head[8] != ' ' ||
	    strspn(a->head + 9, "0123456789") != 3)
		return (fault_set(a->fault, FAULT_NONSENSE,
		    "%s: what answers does not speak HTTP: is it the address of --metrics.listen?",
		    a->name));
	a->status = (int)strtol(a->head + 9, NULL, 10);
	return ((ssize_t)((size_t)(end - a->head) - before));
}

static int
receive(struct answer *a)
{
	static char piece[PIECE_SIZE];
	ssize_t n, head;

	for (;;) {
		n = recv(a->fd, piece, sizeof(piece), 0);
		if (n == 0)
			break;
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			return (fail(a, "no whole answer to"));
		/* Also between pieces that come in without end. */
		if (target_wait(a->fd, n == -1 ? POLLIN : POLLIN | POLLOUT, a->deadline,
			a->client->interrupt) == -1)
			return (fail(a, "no whole answer to"));
		if (n == -1)
			continue;
		if (clock_now() >= a->deadline) {
			errno = ETIMEDOUT;
			return (fail(a, "no whole answer to"));
		}
		head = a->status == 0 ? take_head(a, piece, (size_t)n) : 0;
		if (head == -1 || take_body(a, piece + head, (size_t)(n - head)) == -1)
			return (-1);
	}
	if (a->status == 0)
		return (fault_set(a->fault, FAULT_NONSENSE,
		    "%s: the connection ended before an answer to %s: is that udp46?", a->name,
		    a->path));
	return (a->status);
}

/* Whoever has answered is asked again, and nobody else. */
static void
keep_only(struct target *target, size_t which)
{
	target->of[0] = target->of[which];
	target->count = 1;
}

int
http_client_get(const struct http_client *client, const char *path,
    int (*take)(void *arg, const char *data, size_t length), void *arg, struct fault *fault)
{
	struct answer a = {
		.client = client, .path = path, .take = take, .arg = arg, .fault = fault
	};
	size_t which = 0;
	int status;

	a.deadline = clock_after(clock_now(), client->timeout);
	a.fd = target_connect(client->target, a.deadline, client->interrupt, &which, fault);
	if (a.fd == -1)
		return (-1);
	keep_only(client->target, which);
	a.name = client->target->of[0].name;
	status = send_request(&a) == -1 ? -1 : receive(&a);
	close(a.fd);
	return (status);
}
