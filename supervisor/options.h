#ifndef SUPERVISOR_OPTIONS_H
#define SUPERVISOR_OPTIONS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "common/endpoint.h"
#include "common/log.h"
#include "common/messages.h"
#include "supervisor/log_writer.h"
#include "supervisor/source_list.h"

enum segment_offload {
	SEGMENT_OFFLOAD_AUTO,
	SEGMENT_OFFLOAD_ON,
	SEGMENT_OFFLOAD_OFF,
};

/* What becomes of a datagram that is larger than the path takes. */
enum fragment {
	FRAGMENT_ALLOW,
	FRAGMENT_DENY,
};

enum format_option {
	FORMAT_AUTO,
	FORMAT_JSON,
	FORMAT_TEXT,
};

enum options_action {
	OPTIONS_RUN,
	OPTIONS_CHECK,
	OPTIONS_HELP,
	OPTIONS_VERSION,
};

/* How --check ends, so that a program in our place can be told from one that only exits with 0. */
#define OPTIONS_ARE_GOOD "# configuration is good"

/* The command line, checked.  Durations in nanoseconds. */
struct options {
	enum options_action action;
	const char *config; /* a file with more of them; NULL: none */
	char *file_text;    /* of it, which values are in */
	struct sockaddr_in *listen;
	uint32_t listeners;
	char upstream[ENDPOINT_HOST_MAX + 16];	   /* as given */
	char upstream_host[ENDPOINT_HOST_MAX + 1]; /* a name, unless upstream_literal */
	struct sockaddr_in6 upstream_address;	   /* the port; the address if literal */
	int upstream_literal;
	struct sockaddr_in6 upstream_source; /* unspecified: the kernel chooses */
	/* Names of interfaces of link-local addresses; empty: given as an index, or none. */
	char upstream_interface[IF_NAMESIZE];
	char source_interface[IF_NAMESIZE];
	uint16_t port_low, port_high;  /* 0: the system's range */
	struct source_prefix *sources; /* of --allow and --deny */
	uint32_t nsources;
	const char *source_file; /* NULL: none */
	const char *state_file;	 /* NULL: none */
	int64_t session_timeout;
	int64_t unreplied_timeout;
	uint32_t max_sessions;		   /* 0: as many as possible */
	uint32_t max_sessions_per_address; /* 0: no limit */
	uint32_t new_session_rate;	   /* a second; 0: no limit */
	uint32_t amplification_limit;	   /* 0: none */
	uint32_t read_buffer_size;
	uint32_t socket_buffer_size;
	enum segment_offload segment_offload;
	enum fragment fragment;
	int64_t write_timeout;
	uint32_t workers;
	int64_t resolve_interval;
	enum log_level log_level;
	enum format_option log_format;
	int metrics_enabled;
	char metrics_listen[ENDPOINT_HOST_MAX + 16];
	int metrics_session_labels;
	const char *user;
	const char *metrics_user; /* NULL: as user */
	const char *chroot;
	int chroot_given;
	int unreplied_timeout_given;
	/* Flags with one value that the command line gives several, of which the last counts. */
	uint64_t repeated; /* 1 << index */
};

/* Room for the longest message that names an option. */
#define OPTIONS_ERROR_MAX 1024

/* Of a value that is wrong, a message shows so many characters at most. */
#define OPTIONS_SHOWN_MAX 256

enum flag_kind {
	FLAG_ONCE,    /* has one value */
	FLAG_LISTEN,  /* repeatable */
	FLAG_SOURCES, /* repeatable, and those of this kind belong together */
	FLAG_COMMAND, /* is for the command line only */
	FLAG_KINDS,
};

struct flag {
	const char *name;
	const char *argument; /* NULL: none; "[=BOOL]": optional */
	const char *wanted;   /* the remedy: what would be right */
	const char *help;
	const char *(*set)(struct options *, const char *value);
	enum flag_kind kind;
};

#define OPTIONS_FLAGS 33
_Static_assert(OPTIONS_FLAGS <= 64, "options.repeated has a bit for each");

extern const struct flag options_flags[OPTIONS_FLAGS];

/* By the enums of these names; the last is NULL. */
extern const char *const options_offloads[];
extern const char *const options_fragments[];
extern const char *const options_levels[];
extern const char *const options_formats[];

/* The flag of that name, without dashes, or NULL. */
const struct flag *options_find(const char *name);

/* The defaults. */
void options_init(struct options *options);

/*
 * Give the flag a value, or NULL for one that goes without.  Returns 0; or -1 with a message in
 * `error` that names the flag, the value and the remedy.
 */
int options_set(struct options *options, const struct flag *flag, const char *value,
    char *error, size_t size);

/* Read "true" and the like, or NULL, which is true.  Returns NULL, or what is wrong. */
const char *options_parse_bool(const char *value, int *to);

/* Forget all values of the flags of a kind that is repeatable. */
void options_forget(struct options *options, enum flag_kind kind);

/* Free what is allocated of it. */
void options_free(struct options *options);

#endif
