#ifndef COMMON_TOTALS_H
#define COMMON_TOTALS_H

/*
 * Everything that is counted, in one struct that lives in a memfd of the size that the numbers
 * of listeners and sockets take: the supervisor makes it, every relay maps it, so that a successor
 * goes on counting where its predecessor died.  Only the relay writes; the supervisor prints.  Each
 * worker has its own, so that no two processors write to one cache line.
 */
#include <stddef.h>
#include <stdint.h>

#include "common/messages.h"

enum direction { CLIENT_TO_UPSTREAM, UPSTREAM_TO_CLIENT, DIRECTION_MAX };

enum drop_reason {
	DROP_SESSION_UNAVAILABLE,
	DROP_RATE_LIMITED,
	DROP_ADDRESS_LIMIT,
	DROP_SOURCE_DENIED,
	DROP_OVERSIZE,
	DROP_WRITE_TIMEOUT,
	DROP_QUEUE_FULL,
	DROP_UPSTREAM_WRITE_ERROR,
	DROP_CLIENT_WRITE_ERROR,
	DROP_UPSTREAM_UNREACHABLE,
	DROP_AMPLIFICATION,
	DROP_REASON_MAX
};

enum operation { CLIENT_READ, CLIENT_WRITE, UPSTREAM_READ, UPSTREAM_WRITE, OPERATION_MAX };

enum close_reason {
	CLOSE_IDLE_TIMEOUT,
	CLOSE_EVICTED,
	CLOSE_SHUTDOWN,
	CLOSE_SOURCE_DENIED,
	CLOSE_RESTORE_FAILED,
	CLOSE_REASON_MAX
};

/* Upper bounds of the histograms' buckets, in seconds; the last bucket has none. */
#define HISTOGRAM_BOUNDS                                    \
	{                                                   \
		1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600 \
	}
#define HISTOGRAM_BUCKETS 11

struct histogram {
	uint64_t bucket[HISTOGRAM_BUCKETS]; /* not cumulative */
	uint64_t sum;			    /* nanoseconds */
};

struct listener_totals {
	uint64_t sessions; /* open now */
	uint64_t datagrams[DIRECTION_MAX];
	uint64_t bytes[DIRECTION_MAX];
	uint64_t drops[DIRECTION_MAX][DROP_REASON_MAX];
	uint64_t errors[OPERATION_MAX];
	uint64_t upstream_socket_open_errors;	     /* sessions that got no socket */
	uint64_t receive_queue_drops[DIRECTION_MAX]; /* by the kernel: the buffer was full */
};

/* Of one session.  Times are clock_now(). */
struct session_counters {
	int64_t last[DIRECTION_MAX]; /* the last datagram of that direction; 0: none came */
	uint64_t packets[DIRECTION_MAX];
	uint64_t bytes[DIRECTION_MAX];
};

/* The same in a cache line of its own: each datagram of the session writes to it. */
struct session_line {
	_Alignas(64) struct session_counters counters;
};
_Static_assert(sizeof(struct session_line) == 64, "one cache line");

struct totals {
	uint64_t sessions[SESSION_CLOSED]; /* open now, by state */
	uint64_t sessions_created;
	uint64_t sessions_closed[CLOSE_REASON_MAX];
	uint64_t sessions_evicted[SESSION_CLOSED];
	uint64_t sessions_restored;
	uint64_t segment_offload_fallbacks;
	uint64_t log_records_suppressed;
	uint64_t descriptors;	     /* of the relay, open now */
	int64_t upstream_last_reply; /* clock_now(), 0 before the first */
	struct histogram session_duration;
	struct histogram session_idle;
	struct listener_totals listener[]; /* as many as there are */
};

extern const char *const direction_names[DIRECTION_MAX];
extern const char *const drop_reason_names[DROP_REASON_MAX];
extern const char *const operation_names[OPERATION_MAX];
extern const char *const close_reason_names[CLOSE_REASON_MAX];
extern const char *const session_state_names[SESSION_STATE_MAX];

/* The size of the totals of so many listeners and upstream sockets, in bytes. */
size_t totals_size(uint32_t listeners, uint32_t sockets);

/*
 * The size of what comes before the counters of sessions, with so many listeners, where struct totals
 * and struct listener_totals have these sizes: what a program of another version has left.
 */
size_t totals_sums_size(size_t totals, size_t listener_totals, uint32_t listeners);

/*
 * Make the memfd, sealed against any change of its size.  Returns its descriptor, or -1
 * with errno.  See memfd_create(2).
 */
int totals_create(uint32_t listeners, uint32_t sockets);

/*
 * Map the totals behind fd, which was made for so many, for reading, and for writing if
 * `writable`.  Returns NULL with errno on failure.
 */
struct totals *totals_map(int fd, uint32_t listeners, uint32_t sockets, int writable);

/* Undo that. */
void totals_unmap(struct totals *totals, uint32_t listeners, uint32_t sockets);

/*
 * What was counted of the session that each upstream socket serves, by slot of the supervisor's
 * store.  Those of a slot whose socket serves nobody mean nothing: they are set when it is given to
 * a session.  Whoever did not write them himself checks them: see restore.h.
 */
struct session_line *totals_session_counters(struct totals *totals, uint32_t listeners);

/*
 * The kernel's own count of receive_queue_drops of each socket, modulo 2^32, as far as it is
 * counted there: listeners by index, then upstream sockets by slot.  It outlives the relay, as
 * the sockets do.
 */
uint32_t *totals_drops_seen(struct totals *totals, uint32_t listeners, uint32_t sockets);

/*
 * Add the totals of another worker but for its listeners': sums, but for the time of the last
 * reply.  And add those of one listener.
 */
void totals_add(struct totals *sum, const struct totals *part);
void totals_add_listener(struct listener_totals *sum, const struct listener_totals *part);

/* Count an observation of `ns` nanoseconds. */
void histogram_observe(struct histogram *histogram, int64_t ns);

#endif
