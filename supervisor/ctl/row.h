#ifndef SUPERVISOR_CTL_ROW_H
#define SUPERVISOR_CTL_ROW_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "common/endpoint.h"
#include "common/totals.h"

/* What clients are sorted by. */
enum row_key {
	ROW_RATE, /* bytes a second now */
	ROW_BYTES,
	ROW_PACKETS,
	ROW_IDLE,
	ROW_AGE,
	ROW_CLIENT,
	ROW_KEY_MAX
};
extern const char *const row_key_names[];

/* One session. */
struct row {
	uint64_t id;
	struct sockaddr_in listener, client;
	struct in6_addr local;
	uint16_t local_port, remote_port; /* in host byte order */
	uint8_t state;
	char remote[INET6_ADDRSTRLEN + 16];
	int64_t created, last[DIRECTION_MAX]; /* nanoseconds since the epoch */
	uint64_t packets[DIRECTION_MAX], bytes[DIRECTION_MAX];
	double packet_rate[DIRECTION_MAX], byte_rate[DIRECTION_MAX]; /* a second */
};

/* Each takes a port of one address, so there are no more. */
#define ROWS_MAX 65536

struct rows {
	struct row *row;
	size_t count, room;
};

/* Which are wanted; zeroes: all. */
struct row_filter {
	int has_client, has_state;
	struct in_addr client;
	struct sockaddr_in listener; /* sin_family 0: any; sin_addr 0: any with that port */
	uint16_t port;		     /* of the client, or towards the upstream */
	uint8_t state;
};

/* Add a copy.  Returns 0, or -1 when there is no memory, or are too many. */
int rows_add(struct rows *rows, const struct row *row);
void rows_free(struct rows *rows);

int row_matches(const struct row_filter *filter, const struct row *row);

/* The most, longest or first come first, or last if `reverse`; equal ones by client. */
void rows_sort(struct rows *rows, enum row_key key, int reverse);

/*
 * Set the rates from what the same sessions had `seconds` before.  If those were the whole, others
 * are new and began at 0; else nothing is known of them.  What is compared with is put in another
 * order.
 */
void rows_rate(struct rows *now, struct rows *before, int whole, double seconds);

/* When either side was last heard. */
int64_t row_last(const struct row *row);

#endif
