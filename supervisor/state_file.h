#ifndef SUPERVISOR_STATE_FILE_H
#define SUPERVISOR_STATE_FILE_H

#include <stddef.h>

#include "supervisor/legacy.h"

/*
 * The file in which sessions outlive the host: a header, the listeners, the sessions that are
 * ASSURED.  It is read by the kind of host that wrote it, so numbers are as they are in memory.
 * Times are told as ages when it was written, and when that was by the wall clock, which is all
 * that one boot has in common with the next.
 */
struct state_header {
	char magic[8];
	uint32_t version;
	uint32_t order;	   /* of bytes */
	uint64_t checksum; /* of all that follows */
	uint64_t size;	   /* of all */
	int64_t written;   /* clock_wall() */
	uint32_t listeners;
	uint32_t sessions;
	uint8_t address[16]; /* of the upstream; */
	uint16_t port;	     /* network byte order */
	uint16_t pad[3];
	char upstream[ENDPOINT_HOST_MAX + 17]; /* as it was named, then NULs */
};
_Static_assert(sizeof(struct state_header) == 344, "padding");

struct state_session {
	uint64_t id;
	int64_t created;		/* clock_wall() then, for showing */
	int64_t age;			/* since it was opened, nanoseconds */
	int64_t silence[DIRECTION_MAX]; /* since its last datagram; -1: none came */
	uint64_t packets[DIRECTION_MAX];
	uint64_t bytes[DIRECTION_MAX];
	uint32_t client_address; /* network byte order, as its port */
	uint32_t local_address;
	uint16_t client_port;
	uint16_t listener; /* index */
	uint16_t port;	   /* host byte order */
	uint16_t pad;
};
_Static_assert(sizeof(struct state_session) == 88, "padding");

struct state_listener {
	uint32_t address; /* network byte order, as the port */
	uint16_t port;
	uint16_t pad;
};
_Static_assert(sizeof(struct state_listener) == 8, "padding");

#define STATE_MAGIC "udp46\0\r\n"

/* Each session has a port of its own. */
#define STATE_SESSIONS_MAX 65535

/* No file of ours is larger. */
#define STATE_FILE_MAX                                                                 \
	(sizeof(struct state_header) + LISTENERS_MAX * sizeof(struct state_listener) + \
	    STATE_SESSIONS_MAX * sizeof(struct state_session))

/* The same moment by both clocks. */
struct state_moment {
	int64_t now;  /* clock_now() */
	int64_t wall; /* clock_wall() */
};

/* How large the file of a legacy is, in bytes. */
size_t state_file_size(const struct legacy *legacy);

/*
 * Write a legacy as it is now to `buffer`, which has that size and is aligned as malloc(3) does.
 */
void state_file_write(
    const struct legacy *legacy, const struct state_moment *now, void *buffer);

/* Set the checksum of a file of at least a header. */
void state_file_seal(void *buffer, size_t size);

/* The checksum of `size` bytes, a multiple of 8; `sum` is that of what comes before, or 0. */
uint64_t state_file_sum(const void *data, size_t size, uint64_t sum);

/* What is told of a file beside the legacy. */
struct state_facts {
	int64_t age; /* since it was written, nanoseconds; 0 if the wall clock went back */
	uint32_t sessions; /* in the file, of which were left out: */
	uint32_t invalid;  /* those that cannot be, */
	uint32_t expired;  /* and those that were silent for longer than `timeout` */
};

/*
 * Read a file of any content, aligned as above: its times become those of this boot, at this
 * clock_now() and clock_wall().  Sessions end after this long a silence.  Returns NULL, or why
 * nothing of it is used; it has nothing allocated then.
 */
const char *state_file_read(const void *buffer, size_t size, const struct state_moment *now,
    int64_t timeout, struct legacy *legacy, struct state_facts *facts);

/* Whether it begins as a file of ours does, of whatever version, or is empty. */
int state_file_is_ours(const void *buffer, size_t size);

#endif
