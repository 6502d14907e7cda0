#ifndef SUPERVISOR_CTL_NUMBERS_H
#define SUPERVISOR_CTL_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "common/endpoint.h"
#include "common/totals.h"

struct fault;
struct http_client;

/* Numbers with names: by reason, state, child ... in the order in which they came. */
#define COUNTS_MAX 80
#define COUNTS_NAME_MAX 32

struct counts {
	size_t count;
	struct {
		char name[COUNTS_NAME_MAX]; /* as the server says it */
		double value;
	} of[COUNTS_MAX];
};

/* What /metrics says, listeners added up. */
struct numbers {
	int64_t at; /* when it was read, as of clock_now */
	char version[32], commit[48], date[16];
	char upstream[ENDPOINT_STRLEN + 32];
	double started, last_reply,
	    silent_since; /* seconds since the epoch; 0: not yet, not so */
	double listeners, path_mtu, upstream_changes, resolve_errors, log_suppressed;
	double active, capacity, created, expired, restored;
	double datagrams[DIRECTION_MAX], bytes[DIRECTION_MAX], queue_drops[DIRECTION_MAX];
	struct counts sessions, evicted, closed, drops, errors, restarts, up;
	unsigned int seen; /* of the families that must be there */
};

/* Read /metrics.  Returns 0, or -1 and *fault. */
int numbers_read(const struct http_client *client, struct numbers *n, struct fault *fault);

/* By this name; 0 if there is none. */
double counts_get(const struct counts *counts, const char *name);

double counts_sum(const struct counts *counts);

/* The number of relays that answer, and of those that do not. */
int numbers_relays(const struct numbers *n, int up);

/*
 * How much a counter has grown a second between two readings; a program that was started anew in
 * between counts from 0.
 */
double numbers_rate(
    const struct numbers *before, const struct numbers *now, double was, double is);

#endif
