#ifndef METRICS_HTTP_H
#define METRICS_HTTP_H

#include <sys/queue.h>
#include <stdint.h>

#include "supervisor/metrics/document.h"

struct MHD_Daemon;
struct connection;

/* The HTTP server: libmicrohttpd, driven from our own poll loop through its epoll descriptor. */
struct http {
	struct MHD_Daemon *daemon;
	int epoll;
	struct sources *sources;
	uint32_t count; /* of connections */
	int closed;	/* one was closed: another may come in */
	LIST_HEAD(, connection) connections;
};

/* Serve on this listening socket.  Returns 0, or -1. */
int http_init(struct http *http, int listener, struct sources *sources);

/* Do what is to be done, and end connections that are late; and when to come again. */
void http_turn(struct http *http);
int64_t http_deadline(const struct http *http);

#endif
