/*
 * HTTP, by libmicrohttpd: one thread, our loop.
 *
 * A request becomes a document (document.c), whose connection is suspended while the relay is
 * asked and resumed when it has answered.  The library's own time-out knows idleness only, so
 * every connection has a deadline here: for its request, 5 s from when it was accepted or its
 * last answer ended; for its answer, 5 s from the last piece that it took.  Who is late is
 * shut down, and frees the place of another.
 */
#include <sys/socket.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "page_policy.h"
#include "supervisor/metrics/http.h"
#include "supervisor/metrics/microhttpd.h"
#include "supervisor/metrics/page.h"

#define CONNECTIONS_MAX 64
#define CONNECTION_MEMORY (32 * 1024)
#define CONNECTION_TIMEOUT (5 * SECOND)

#define PIECE_SIZE 32768

#define RUNS_A_TURN 4

/* The page is ours alone: its one style and one script, by hash, and no other source at all. */
#define PAGE_POLICY                                                                  \
	"default-src 'none'; style-src " PAGE_STYLE "; script-src " PAGE_SCRIPT      \
	"; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " \
	"frame-ancestors 'none'"
#define DATA_POLICY "default-src 'none'; frame-ancestors 'none'"

struct connection {
	LIST_ENTRY(connection) entry;
	int fd;
	int64_t deadline;
};

struct request {
	struct http *http;
	struct MHD_Connection *connection;
	struct document *document;
	int head; /* the method is HEAD */
	int suspended;
};

/* ---- connections ---- */

static struct connection *
connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info;

	info = microhttpd.get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return (info == NULL ? NULL : info->socket_context);
}

static void
renew(struct http *http, struct MHD_Connection *mhd)
{
	struct connection *c = connection_of(mhd);

	if (c != NULL)
		c->deadline = http->sources->now + CONNECTION_TIMEOUT;
}

static void
notify_connection(void *arg, struct MHD_Connection *mhd, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;
	struct http *http = arg;
	struct connection *c = *context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (c != NULL) {
			LIST_REMOVE(c, entry);
			http->count--;
		}
		free(c);
		*context = NULL;
		http->closed = 1;
		return;
	}
	info = microhttpd.get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return;
	c->fd = info->connect_fd;
	c->deadline = http->sources->now + CONNECTION_TIMEOUT;
	LIST_INSERT_HEAD(&http->connections, c, entry);
	http->count++;
	*context = c;
}

static void
notify_completed(
    void *arg, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	struct http *http = arg;
	struct request *request = *context;

	(void)code;
	if (request == NULL)
		return;
	if (request->document != NULL)
		document_free(request->document);
	free(request);
	*context = NULL;
	renew(http, mhd);
}

/* ---- answers ---- */

static enum MHD_Result
queue_response(struct http *http, struct MHD_Connection *mhd, unsigned int status,
    const char *type, const char *policy, const char *allow, struct MHD_Response *response)
{
	enum MHD_Result result;

	if (response == NULL)
		return (MHD_NO);
	microhttpd.add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	microhttpd.add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	microhttpd.add_response_header(response, "X-Content-Type-Options", "nosniff");
	microhttpd.add_response_header(response, "Content-Security-Policy", policy);
	microhttpd.add_response_header(response, "Referrer-Policy", "no-referrer");
	if (allow != NULL)
		microhttpd.add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
	/* Where places are short, nobody keeps his by asking again and again. */
	if (http->count > CONNECTIONS_MAX / 2)
		microhttpd.add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	result = microhttpd.queue_response(mhd, status, response);
	microhttpd.destroy_response(response);
	return (result);
}

static enum MHD_Result
answer_text(struct request *request, unsigned int status, const char *text, const char *allow)
{
	return (queue_response(request->http, request->connection, status,
	    "text/plain; charset=utf-8", DATA_POLICY, allow,
	    microhttpd.create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY)));
}

static ssize_t
read_document(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct request *request = arg;
	ssize_t n = document_read(request->document, buf, max);

	(void)pos;
	if (n == -1)
		return (MHD_CONTENT_READER_END_OF_STREAM);
	if (n == -2)
		return (MHD_CONTENT_READER_END_WITH_ERROR);
	/* Something was taken, so the reader is alive. */
	renew(request->http, request->connection);
	if (n == 0) {
		request->suspended = 1;
		microhttpd.suspend_connection(request->connection);
	}
	return (n);
}

/* For HEAD the library would end what it does not send by an empty chunk, if it were chunked. */
static struct MHD_Response *
stream(struct request *request)
{
	struct MHD_Response *response;

	response = microhttpd.create_response_from_callback(
	    MHD_SIZE_UNKNOWN, PIECE_SIZE, read_document, request, NULL);
	if (response != NULL && request->head)
		microhttpd.set_response_options(
		    response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	return (response);
}

static enum MHD_Result
answer_document(struct request *request)
{
	struct document *d = request->document;
	const char *type = "application/json";

	if (d->kind == DOCUMENT_HEALTH)
		return (d->up ? answer_text(request, MHD_HTTP_OK, "ok\n", NULL)
			      : answer_text(request, MHD_HTTP_SERVICE_UNAVAILABLE,
				    "the relay does not answer\n", NULL));
	if (d->broken)
		return (answer_text(request, MHD_HTTP_SERVICE_UNAVAILABLE,
		    "the relay does not answer\n", NULL));
	if (d->kind == DOCUMENT_METRICS)
		type = PROMETHEUS_CONTENT_TYPE;
	return (queue_response(request->http, request->connection, MHD_HTTP_OK, type,
	    DATA_POLICY, NULL, stream(request)));
}

/* ---- requests ---- */

static void
document_ready(struct document *d)
{
	struct request *request = d->arg;

	if (!request->suspended)
		return;
	request->suspended = 0;
	microhttpd.resume_connection(request->connection);
}

struct parameters {
	struct sessions_query *query;
	const char *name;   /* of the first that is wrong */
	const char *wanted; /* in its place */
};

static enum MHD_Result
take_parameter(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct parameters *p = arg;

	(void)kind;
	p->wanted = sessions_query_set(p->query, name, value);
	p->name = name;
	return (p->wanted == NULL ? MHD_YES : MHD_NO);
}

static enum MHD_Result
start_document(struct request *request, enum document_kind kind)
{
	struct sessions_query query;
	struct parameters p = { &query, NULL, NULL };
	char text[128];

	sessions_query_init(&query);
	if (kind == DOCUMENT_SESSIONS)
		microhttpd.get_connection_values(
		    request->connection, MHD_GET_ARGUMENT_KIND, take_parameter, &p);
	if (p.wanted != NULL) {
		snprintf(text, sizeof(text), "%s: want %s\n", p.name, p.wanted);
		return (answer_text(request, MHD_HTTP_BAD_REQUEST, text, NULL));
	}
	request->document =
	    document_new(kind, request->http->sources, &query, document_ready, request);
	if (request->document == NULL)
		return (MHD_NO);
	if (request->document->answered)
		return (answer_document(request));
	request->suspended = 1;
	microhttpd.suspend_connection(request->connection);
	return (MHD_YES);
}

static enum MHD_Result
answer_page(struct request *request)
{
	return (queue_response(request->http, request->connection, MHD_HTTP_OK,
	    "text/html; charset=utf-8", PAGE_POLICY, NULL,
	    microhttpd.create_response_from_buffer((size_t)(page_end - page_start),
		(void *)(uintptr_t)page_start, MHD_RESPMEM_PERSISTENT)));
}

static const struct {
	const char *path;
	int kind; /* enum document_kind, or -1: the page */
} routes[] = {
	{ "/", -1 },
	{ "/metrics", DOCUMENT_METRICS },
	{ "/debug/sessions", DOCUMENT_SESSIONS },
	{ "/healthz", DOCUMENT_HEALTH },
};

static enum MHD_Result
route(struct request *request, const char *path, const char *method)
{
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(path, routes[i].path) != 0)
			continue;
		if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
			return (answer_text(request, MHD_HTTP_METHOD_NOT_ALLOWED,
			    "GET and HEAD only\n", "GET, HEAD"));
		if (routes[i].kind == -1)
			return (answer_page(request));
		return (start_document(request, routes[i].kind));
	}
	return (answer_text(request, MHD_HTTP_NOT_FOUND,
	    "not found: see /, /metrics, /debug/sessions, /healthz\n", NULL));
}

static enum MHD_Result
handle(void *arg, struct MHD_Connection *mhd, const char *path, const char *method,
    const char *http_version, const char *body, size_t *body_size, void **context)
{
	struct http *http = arg;
	struct request *request = *context;

	(void)http_version;
	(void)body;
	/* First its head alone; a body, if there is one, is read and forgotten. */
	if (request == NULL) {
		if ((request = calloc(1, sizeof(*request))) == NULL)
			return (MHD_NO);
		request->http = http;
		request->connection = mhd;
		request->head = strcmp(method, "HEAD") == 0;
		*context = request;
		return (MHD_YES);
	}
	if (*body_size > 0) {
		*body_size = 0;
		return (MHD_YES);
	}
	/* Again, after the relay has answered. */
	if (request->document != NULL)
		return (answer_document(request));
	renew(http, mhd);
	return (route(request, path, method));
}

/* ---- the server ---- */

/* The library complains about what clients do; that is no news. */
static void
ignore_complaint(void *arg, const char *format, va_list ap)
{
	(void)arg;
	(void)format;
	(void)ap;
}

int
http_init(struct http *http, int listener, struct sources *sources)
{
	const union MHD_DaemonInfo *info;

	LIST_INIT(&http->connections);
	http->sources = sources;
	http->daemon = microhttpd.start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
		MHD_USE_SUPPRESS_DATE_NO_CLOCK | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, handle, http, MHD_OPTION_EXTERNAL_LOGGER, ignore_complaint, NULL,
	    MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned int)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_CONNECTION, notify_connection, http,
	    MHD_OPTION_NOTIFY_COMPLETED, notify_completed, http, MHD_OPTION_END);
	if (http->daemon == NULL)
		return (-1);
	info = microhttpd.get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return (-1);
	http->epoll = info->epoll_fd;
	return (0);
}

static void
end_late_connections(struct http *http)
{
	struct connection *c;

	LIST_FOREACH(c, &http->connections, entry) {
		if (http->sources->now < c->deadline)
			continue;
		c->deadline = NEVER;
		(void)shutdown(c->fd, SHUT_RDWR);
	}
}

void
http_turn(struct http *http)
{
	int i;

	end_late_connections(http);
	/*
	 * At its limit the library listens no more, and looks again only in its next run: once
	 * more after one was closed, but not for ever, as others wait for us too.
	 */
	for (i = 0; i < RUNS_A_TURN; i++) {
		http->closed = 0;
		(void)microhttpd.run(http->daemon);
		if (!http->closed)
			break;
	}
}

int64_t
http_deadline(const struct http *http)
{
	const struct connection *c;
	int64_t deadline = NEVER;
	MHD_UNSIGNED_LONG_LONG ms;

	/* Another run is due. */
	if (http->closed)
		return (http->sources->now);
	LIST_FOREACH(c, &http->connections, entry)
		deadline = clock_earlier(deadline, c->deadline);
	if (microhttpd.get_timeout(http->daemon, &ms) == MHD_YES)
		deadline =
		    clock_earlier(deadline, http->sources->now + (int64_t)ms * MILLISECOND);
	return (deadline);
}
