#ifndef COMMON_MESSAGES_H
#define COMMON_MESSAGES_H

/*
 * What processes say to each other: every message type and its payload, a fixed-size struct
 * or an array of them.  Fixed-width integers only, no padding that is not named.  The rules
 * (who may send what, how long, how many descriptors) are the table in msg.c.
 */
#include <netinet/in.h>
#include <stdint.h>

#include "common/endpoint.h"
#include "common/log.h"
#include "common/worker.h"

/* Descriptors that one message can carry: SCM_MAX_FD of the kernel. */
#define MSG_FDS_MAX 253

/* A session names its listener in 16 bits. */
#define LISTENERS_MAX 65535

enum msg_type {
	/* supervisor to every child, first of all */
	MSG_IDENTITY = 1,

	/* supervisor to relay, before it locks itself up */
	MSG_RELAY_CONFIG,
	MSG_LISTENERS,
	MSG_TOTALS,

	/* supervisor to relay, after it is ready */
	MSG_RESTORE,
	MSG_START,
	MSG_SOCKETS,
	MSG_TAKE_BACK,
	MSG_SUPPLY,
	MSG_SOURCES,

	/* supervisor to relay, and its answer, which is the same */
	MSG_UPSTREAM,

	/* supervisor to every child */
	MSG_PING,
	MSG_STOP,

	/* every child to the supervisor */
	MSG_READY,
	MSG_PONG,
	MSG_LOG,

	/* relay to supervisor */
	MSG_RECORDS,
	MSG_TROUBLE,

	/* supervisor to metrics child */
	MSG_METRICS_CONFIG,
	MSG_METRICS_LISTENERS,
	MSG_HTTP_LISTENER,
	MSG_METRICS_STATUS,
	MSG_PROCESS,

	/* supervisor to both: their end of a socketpair between them */
	MSG_LINK,

	/* metrics child to relay, and its answers */
	MSG_ASK_TOTALS,
	MSG_ASK_LISTENERS,
	MSG_ASK_SESSIONS,
	MSG_ANSWER_TOTALS,
	MSG_ANSWER_LISTENERS,
	MSG_ANSWER_SESSIONS,
	MSG_ANSWER_END,

	/* supervisor to resolver, and its answer */
	MSG_RESOLVE,
	MSG_RESOLVED,

	MSG_TYPE_MAX
};

/* MSG_IDENTITY: who the child shall be and how it locks itself up.  See confine.h. */
struct msg_identity {
	uint32_t uid;
	uint32_t gid;
	int32_t parent;	      /* pid of the supervisor */
	uint32_t descriptors; /* RLIMIT_NOFILE */
	uint8_t change_user;  /* started as root: become uid and gid */
	uint8_t namespaces;   /* the probe said that they work */
	uint8_t landlock;     /* ABI version, 0 where the kernel has none */
	uint8_t log_level;    /* enum log_level */
	char chroot[256];     /* empty: none */
};
_Static_assert(sizeof(struct msg_identity) == 20 + 256, "padding");

/*
 * MSG_LISTENERS, a descriptor each, and MSG_METRICS_LISTENERS, without: arrays, in as many
 * messages as it takes to tell as many listeners as the configuration said.
 */
struct msg_listener {
	uint32_t address; /* network byte order, as the port */
	uint16_t port;
	uint16_t pad;
};
_Static_assert(sizeof(struct msg_listener) == 8, "padding");

/* MSG_RELAY_CONFIG.  Durations in nanoseconds. */
struct msg_relay_config {
	int64_t session_timeout;
	int64_t unreplied_timeout;
	int64_t write_timeout;
	uint32_t sessions_max;	       /* capacity of the table */
	uint32_t slots_max;	       /* slots of the supervisor's socket store */
	uint32_t sessions_per_address; /* 0: no limit */
	uint32_t new_session_rate;     /* a second, 0: no limit */
	uint32_t datagram_max;	       /* bytes of payload */
	uint32_t receive_buffer;       /* bytes, of each upstream socket; of listeners more */
	uint32_t listeners;
	uint32_t amplification_limit; /* 0: none */
	uint8_t upstream_address[16];
	uint16_t upstream_port;	 /* network byte order */
	uint8_t segment_offload; /* trains may be sent */
	uint8_t workers;
	uint8_t pad[4];
};
_Static_assert(sizeof(struct msg_relay_config) == 80, "padding");

/* States of a session, in conntrack's words; CLOSED only in a record. */
enum session_state {
	SESSION_UNREPLIED,
	SESSION_REPLIED,
	SESSION_ASSURED,
	SESSION_CLOSED,
	SESSION_STATE_MAX
};

/* No session is older: a century in nanoseconds, so that ages and their sums do not overflow. */
#define SESSION_AGE_MOST (INT64_C(36525) * 86400 * 1000000000)

/* What outlives the relay: enough to take the session up again. */
struct session_record {
	uint64_t id;		 /* session_id */
	int64_t created;	 /* clock_wall(), for showing */
	uint32_t client_address; /* network byte order, as the port */
	uint32_t local_address;	 /* the client last wrote to it */
	uint16_t client_port;
	uint16_t listener; /* index */
	uint8_t state;	   /* enum session_state */
	uint8_t pad[3];
	int64_t opened; /* clock_now(), which one boot shares; negative: before that */
};
_Static_assert(sizeof(struct session_record) == 40, "padding");

/* Names a socket of the store: the generation tells its successive users apart. */
struct socket_name {
	uint32_t slot;
	uint32_t generation;
};

/* MSG_SOCKETS: an array, a descriptor each. */
struct msg_socket {
	struct socket_name name;
	uint16_t port; /* local port, host byte order */
	uint16_t pad[3];
};
_Static_assert(sizeof(struct msg_socket) == 16, "padding");

/*
 * MSG_TAKE_BACK: close so many sockets that serve nobody yet, or as many as there are.  The
 * answer is a record of each, as of a session that was closed.
 */
struct msg_take_back {
	uint32_t sockets;
};

/* MSG_RESTORE: an array, a descriptor each.  The answer is a record of each. */
struct msg_restore {
	struct msg_socket socket;
	struct session_record record;
};
_Static_assert(sizeof(struct msg_restore) == 56, "padding");

/* MSG_RECORDS: an array. */
struct msg_record {
	struct socket_name name;
	struct session_record record;
};
_Static_assert(sizeof(struct msg_record) == 48, "padding");

/* Whether new sockets can be had. */
enum supply {
	SUPPLY_OK,
	SUPPLY_UNREACHABLE, /* no route to the upstream */
	SUPPLY_EXHAUSTED,   /* no port or descriptor is left */
	SUPPLY_MAX
};

struct msg_supply {
	uint32_t supply; /* enum supply */
};

/*
 * MSG_SOURCES: a memfd of so many bytes, a struct source_table of those who may open sessions.
 * Without one all may.
 */
struct msg_sources {
	uint32_t size;
};

/*
 * MSG_UPSTREAM: the address that sessions go to from now on.  Once the relay has answered, replies
 * from there are welcome, and sockets can be moved.
 */
struct msg_upstream {
	uint8_t address[16];
	uint16_t port; /* network byte order */
	uint16_t pad;
};
_Static_assert(sizeof(struct msg_upstream) == 20, "padding");

/* MSG_TROUBLE: on the way to the upstream.  One a second at most, and none while all is well. */
struct msg_trouble {
	/* Since when clients wait for it, and nothing at all has come; clock_now(), 0: not so. */
	int64_t vain_since;
	int32_t error; /* errno of a send to it, or a receive, that failed; 0: none did */
	uint32_t pad;
};
_Static_assert(sizeof(struct msg_trouble) == 16, "padding");

/*
 * MSG_STOP: end.  A relay ends its sessions, unless `keep`: then it sends what it has received and
 * leaves them to its successor.
 */
struct msg_stop {
	uint32_t keep;
};

struct msg_ping {
	uint32_t sequence;
};

struct msg_resolve {
	char host[ENDPOINT_HOST_MAX + 1];
	uint32_t ipv4_too;  /* IPv4 addresses come as IPv4-mapped ones */
	uint8_t in_use[16]; /* if this address is listed, it is in the answer */
	uint32_t in_use_scope;
};

#define RESOLVED_MAX 16

/* MSG_RESOLVED.  With no address, `error` says why. */
struct msg_resolved {
	uint32_t count;
	uint8_t ipv4_only; /* the name exists, but has no AAAA record */
	uint8_t temporary; /* another try may find what this one did not */
	uint8_t pad[2];
	struct {
		uint8_t address[16];
		uint32_t scope;
	} found[RESOLVED_MAX];
	char error[128];
};
_Static_assert(sizeof(struct msg_resolved) == 8 + 20 * RESOLVED_MAX + 128, "padding");

/* MSG_METRICS_CONFIG: what stays the same while the program runs. */
struct msg_metrics_config {
	int64_t started;      /* clock_now() at the program's start */
	uint64_t descriptors; /* that the supervisor may have: RLIMIT_NOFILE */
	uint32_t listeners;
	uint32_t session_capacity;
	uint32_t session_labels;
	uint32_t workers;
	char version[32];
	char commit[32];
	char date[32];
};
_Static_assert(sizeof(struct msg_metrics_config) == 32 + 96, "padding");

/* MSG_METRICS_STATUS: what the supervisor counts itself, sent when it changes. */
struct msg_metrics_status {
	uint64_t relay_restarts[WORKERS_MAX];
	uint64_t metrics_restarts;
	uint64_t resolver_restarts;
	uint64_t resolve_errors;
	uint64_t upstream_changes;
	uint64_t source_changes;
	uint64_t sessions_discarded;
	uint64_t log_records_lost;
	uint64_t descriptors; /* of the supervisor, open now; it may be told a second late */
	/* CPU time that children used who have ended, in nanoseconds. */
	uint64_t relay_cpu[WORKERS_MAX];
	uint64_t metrics_cpu;
	uint64_t resolver_cpu;
	int64_t
	    silent_since; /* clients wait in vain for the upstream; clock_now(), 0: not so */
	char upstream[ENDPOINT_STRLEN + 2];
	uint32_t path_mtu; /* bytes; 0: not known yet */
};
_Static_assert(sizeof(struct msg_metrics_status) == WORKERS_MAX * 16 + 168, "padding");

/*
 * MSG_LINK: which relay is at the other end; for the metrics child.  MSG_PROCESS, of that relay:
 * /proc/PID/stat, open for reading, as whoever may open no file cannot look at others.
 */
struct msg_link {
	uint32_t worker;
};

/*
 * MSG_ASK_TOTALS, MSG_ASK_LISTENERS, MSG_ASK_SESSIONS: a question.  Questions are answered in
 * the order in which they came, each with at most one message of what was asked for, and
 * MSG_ANSWER_END.  So the relay remembers nothing of a dump, and whoever asks slowly costs it
 * nothing.
 */
struct msg_ask {
	uint32_t from; /* listeners, sessions: the place to begin at, 0 at first */
};

/* MSG_ANSWER_END */
struct msg_answer_end {
	/*
	 * The place to go on at, UINT32_MAX when that was all: with sessions it is farther by
	 * MSG_SESSIONS_MAX at least, as places can be empty, with listeners by what came.
	 */
	uint32_t next;
};

/*
 * MSG_ANSWER_TOTALS is a struct totals without its array.  MSG_ANSWER_LISTENERS is a part of
 * the array, MSG_LISTENERS_MAX of it but for the last part: see totals.h.
 * MSG_ANSWER_SESSIONS is an array, too.
 */
struct msg_session {
	struct session_record record;
	uint16_t upstream_local_port; /* network byte order */
	uint8_t upstream_local_address[16];
	uint8_t pad[6];
	int64_t last_client; /* clock_wall() */
	int64_t last_upstream;
	uint64_t packets[2]; /* by enum direction */
	uint64_t bytes[2];
};
_Static_assert(sizeof(struct msg_session) == 112, "padding");

/* Sessions, and totals of listeners, in one message. */
#define MSG_SESSIONS_MAX 128
#define MSG_LISTENERS_MAX 48

/* The largest payload. */
#define MSG_PAYLOAD_MAX 16384

#endif
