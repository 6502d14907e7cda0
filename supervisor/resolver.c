/*
 * Looking up a name runs code that is not ours (NSS modules) on answers from the network, so
 * it happens in a child that lives for one look-up: unprivileged, reading files only.  It gives
 * up by itself after ten seconds, and whatever it does or says, two seconds later it is killed.
 */
#include <sys/socket.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/confine.h"
#include "common/log.h"
#include "common/msg.h"
#include "supervisor/child.h"
#include "supervisor/resolver.h"
#include "supervisor/signals.h"

#define LOOKUP_SECONDS 10
#define ANSWER_TIMEOUT (12 * SECOND)
#define DESCRIPTORS 64

/* How often the blocked signals are looked at while there is no loop to take them. */
#define SIGNALS_EVERY (200 * MILLISECOND)

/* ---- in the child ---- */

/* Append an address, IPv4 as IPv4-mapped, if it is one to be used. */
static void
append(const struct sockaddr *sa, struct msg_resolved *result)
{
	const struct sockaddr_in6 *sin6 = (const void *)sa;
	const struct sockaddr_in *sin = (const void *)sa;
	uint8_t *to = result->found[result->count].address;

	if (sa->sa_family == AF_INET) {
		memset(to, 0, 10);
		memset(to + 10, 0xff, 2);
		memcpy(to + 12, &sin->sin_addr, sizeof(sin->sin_addr));
	} else if (sa->sa_family == AF_INET6 && endpoint_check_upstream(sin6, "") == NULL) {
		memcpy(to, &sin6->sin6_addr, sizeof(sin6->sin6_addr));
		result->found[result->count].scope = sin6->sin6_scope_id;
	} else
		return;
	result->count++;
}

static int
is_loopback(const struct sockaddr *sa)
{
	const struct sockaddr_in6 *sin6 = (const void *)sa;

	return (sa->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr));
}

/*
 * The loopback address in a name that has, or had, another is a mistake, or somebody wants what
 * clients send to go to a service of this host.  A name that has no other may mean it.
 */
static int
is_astray(
    const struct msg_resolve *question, const struct addrinfo *all, const struct sockaddr *sa)
{
	static const struct in6_addr none, loopback = IN6ADDR_LOOPBACK_INIT;

	if (question->ipv4_too || !is_loopback(sa))
		return (0);
	if (memcmp(question->in_use, &none, sizeof(none)) != 0 &&
	    memcmp(question->in_use, &loopback, sizeof(loopback)) != 0)
		return (1);
	for (; all != NULL; all = all->ai_next)
		if (!is_loopback(all->ai_addr) &&
		    endpoint_check_upstream((const void *)all->ai_addr, "") == NULL)
			return (1);
	return (0);
}

static int
is_in_use(const struct msg_resolve *question, const struct sockaddr *sa)
{
	const struct sockaddr_in6 *sin6 = (const void *)sa;

	return (sa->sa_family == AF_INET6 &&
	    memcmp(&sin6->sin6_addr, question->in_use, sizeof(question->in_use)) == 0 &&
	    sin6->sin6_scope_id == question->in_use_scope);
}

/* As many as there is room for. */
static void
append_all(
    const struct msg_resolve *question, const struct addrinfo *all, struct msg_resolved *result)
{
	const struct addrinfo *ai;

	for (ai = all; ai != NULL; ai = ai->ai_next) {
		if (is_astray(question, all, ai->ai_addr))
			continue;
		if (result->count == RESOLVED_MAX) {
			if (!is_in_use(question, ai->ai_addr))
				continue;
			result->count--;
		}
		append(ai->ai_addr, result);
	}
}

static void
look_up(const struct msg_resolve *question, struct msg_resolved *result)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	struct addrinfo *all;
	int error;

	memset(result, 0, sizeof(*result));
	hints.ai_family = question->ipv4_too ? AF_UNSPEC : AF_INET6;
	if ((error = getaddrinfo(question->host, NULL, &hints, &all)) == 0) {
		append_all(question, all, result);
		freeaddrinfo(all);
	}
	if (result->count > 0)
		return;
	result->temporary =
	    error != 0 && error != EAI_NONAME && error != EAI_NODATA && error != EAI_ADDRFAMILY;
	strlcpy(result->error, error == 0 ? "has no address of use" : gai_strerror(error),
	    sizeof(result->error));
	/* It has some, such as they are; and ::1 in /etc/hosts is IPv4's loopback address, too. */
	if (error == 0)
		return;
	hints.ai_family = AF_INET;
	if (getaddrinfo(question->host, NULL, &hints, &all) == 0) {
		result->ipv4_only = 1;
		result->temporary = 0;
		freeaddrinfo(all);
	}
}

void
resolver_main(void)
{
	static struct msg msg;
	struct msg_identity identity;
	struct msg_resolved result;
	struct msg_resolve question;
	int control = CONTROL_FILENO;

	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	/* SIGALRM ends it, wherever it is. */
	alarm(LOOKUP_SECONDS);
	if (msg_wait(control, FROM_SUPERVISOR, &msg, -1) != 1 || msg.type != MSG_IDENTITY)
		_exit(EXIT_REFUSED);
	memcpy(&identity, msg.payload, sizeof(identity));
	log_init(identity.log_level, msg_log_sink, &control);
	confine(&resolver_confinement, &identity);
	if (msg_wait(control, FROM_SUPERVISOR, &msg, -1) != 1 || msg.type != MSG_RESOLVE)
		_exit(EXIT_REFUSED);
	memcpy(&question, msg.payload, sizeof(question));
	question.host[sizeof(question.host) - 1] = '\0';
	look_up(&question, &result);
	_exit(msg_send(control, MSG_RESOLVED, &result, 1, NULL, 0) == -1 ? EXIT_REFUSED : 0);
}

/* ---- in the supervisor ---- */

/* The child's word, made fit for use: nothing in it is trusted. */
static int
check_answer(struct msg_resolved *result, int ipv4_too)
{
	struct sockaddr_in6 sin6;
	uint32_t i;

	result->error[sizeof(result->error) - 1] = '\0';
	if (result->count > RESOLVED_MAX)
		return (-1);
	for (i = 0; i < result->count; i++) {
		memset(&sin6, 0, sizeof(sin6));
		memcpy(&sin6.sin6_addr, result->found[i].address, sizeof(sin6.sin6_addr));
		sin6.sin6_scope_id = result->found[i].scope;
		if (ipv4_too && IN6_IS_ADDR_V4MAPPED(&sin6.sin6_addr))
			continue;
		if (endpoint_check_upstream(&sin6, "") != NULL)
			return (-1);
	}
	return (0);
}

void
resolver_init(struct resolver *r, const struct msg_identity *identity, int binary)
{
	r->binary = binary;
	r->identity = *identity;
	r->identity.descriptors = DESCRIPTORS;
	/* That one is confined as ever is no news every minute. */
	if (r->identity.log_level == LOG_LEVEL_INFO)
		r->identity.log_level = LOG_LEVEL_WARN;
	r->deadline = NEVER;
	child_init(&r->child, "resolver", FROM_RESOLVER, CHILD_RECORDS_LEAST);
}

static int
start(struct resolver *r, const struct msg_resolve *question, int64_t now)
{
	if (child_start(&r->child, r->binary, now) == -1)
		return (-1);
	r->ipv4_too = (int)question->ipv4_too;
	r->deadline = now + ANSWER_TIMEOUT;
	/* A new, empty socket takes both; without them it will not answer. */
	(void)msg_send(r->child.control, MSG_IDENTITY, &r->identity, 1, NULL, 0);
	(void)msg_send(r->child.control, MSG_RESOLVE, question, 1, NULL, 0);
	return (0);
}

int
resolver_start(
    struct resolver *r, const char *host, const struct sockaddr_in6 *in_use, int64_t now)
{
	struct msg_resolve question = { .in_use_scope = in_use->sin6_scope_id };

	strlcpy(question.host, host, sizeof(question.host));
	memcpy(question.in_use, &in_use->sin6_addr, sizeof(question.in_use));
	return (start(r, &question, now));
}

void
resolver_stop(struct resolver *r, int64_t now)
{
	if (r->child.pid == 0)
		return;
	/* It may have answered and not want to end. */
	child_kill(&r->child, SIGKILL);
	(void)child_reap(&r->child, now);
	r->deadline = NEVER;
}

/* Take its answer.  Returns 1, 0 if there is none yet, or -1 with errno if there will be none. */
static int
take_answer(struct resolver *r, struct msg_resolved *result, int64_t now)
{
	static struct msg msg;

	child_read_stderr(&r->child, now);
	child_log_turn(&r->child.log, now);
	if (child_receive(&r->child, &msg, now)) {
		errno = EBADMSG;
		if (msg.type != MSG_RESOLVED)
			return (-1);
		memcpy(result, msg.payload, sizeof(*result));
		return (check_answer(result, r->ipv4_too) == -1 ? -1 : 1);
	}
	errno = r->child.condemned ? EBADMSG : r->child.silent ? ECONNRESET : ETIMEDOUT;
	return (r->child.condemned || r->child.silent || now >= r->deadline ? -1 : 0);
}

int
resolver_turn(struct resolver *r, struct msg_resolved *result, int64_t now)
{
	int answered;

	if (r->child.pid == 0 || (answered = take_answer(r, result, now)) == 0)
		return (0);
	if (answered == -1) {
		memset(result, 0, sizeof(*result));
		result->temporary = 1;
		snprintf(result->error, sizeof(result->error),
		    "no answer from the resolver: %s", strerror(errno));
	}
	resolver_stop(r, now);
	return (1);
}

void
resolver_watch(const struct resolver *r, int64_t now, struct pollfd *pfd)
{
	child_watch(&r->child, now, pfd);
}

int64_t
resolver_deadline(const struct resolver *r, int64_t now)
{
	if (r->child.pid == 0)
		return (NEVER);
	return (clock_earlier(r->deadline, child_deadline(&r->child, now)));
}

int
resolve(const char *host, int ipv4_too, const struct msg_identity *identity, int binary,
    struct msg_resolved *result)
{
	struct msg_resolve question = { .ipv4_too = (uint32_t)ipv4_too };
	struct pollfd pfd[CHILD_POLLFDS];
	struct resolver r;
	int64_t now = clock_now(), deadline;

	resolver_init(&r, identity, binary);
	memset(result, 0, sizeof(*result));
	strlcpy(question.host, host, sizeof(question.host));
	if (start(&r, &question, now) == -1) {
		strlcpy(result->error, strerror(errno), sizeof(result->error));
		return (-1);
	}
	do {
		resolver_watch(&r, now, pfd);
		deadline = clock_earlier(resolver_deadline(&r, now), now + SIGNALS_EVERY);
		(void)poll(pfd, CHILD_POLLFDS, clock_timeout(deadline, now));
		now = clock_now();
		/* Nothing has begun that would have to be ended. */
		if (signals_end_pending())
			exit(0);
	} while (!resolver_turn(&r, result, now));
	return (result->count > 0 ? 0 : -1);
}
