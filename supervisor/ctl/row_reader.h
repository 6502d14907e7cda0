#ifndef SUPERVISOR_CTL_ROW_READER_H
#define SUPERVISOR_CTL_ROW_READER_H

#include <stddef.h>

struct fault;
struct http_client;
struct json_tokener;
struct row;

/*
 * The array of /debug/sessions, object by object as it comes in, so that a server can make us
 * hold one object only.
 */
struct row_reader {
	int (*take)(void *arg, const struct row *row);
	void *arg;
	const char *error; /* what is wrong, as a phrase; NULL: take has failed */
	struct json_tokener *tokener;
	int stage;
	size_t size;	     /* of the object so far */
	unsigned long count; /* of the objects before */
};

/* Each session goes to take(arg, ...), which returns 0, or -1 to end it.  Returns 0 or -1. */
int row_reader_init(
    struct row_reader *reader, int (*take)(void *arg, const struct row *row), void *arg);
void row_reader_free(struct row_reader *reader);

/* The next bytes; the end.  Return 0, or -1 with the error. */
int row_reader_feed(struct row_reader *reader, const char *data, size_t length);
int row_reader_end(struct row_reader *reader);

/* All of that for the answer to /debug/sessions with this query ("" or "?..."). */
int row_reader_get(const struct http_client *client, const char *query,
    int (*take)(void *arg, const struct row *row), void *arg, struct fault *fault);

#endif
