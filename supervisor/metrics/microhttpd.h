#ifndef METRICS_MICROHTTPD_H
#define METRICS_MICROHTTPD_H

#include <microhttpd.h>

/*
 * libmicrohttpd is not linked, or every process would have it, and the libraries for TLS on which
 * it stands: the metrics child loads it when it starts.
 */

/* What is used of it: X(run) for MHD_run(), and so on. */
#define MICROHTTPD_FUNCTIONS(X)          \
	X(add_response_header)           \
	X(create_response_from_buffer)   \
	X(create_response_from_callback) \
	X(destroy_response)              \
	X(get_connection_info)           \
	X(get_connection_values)         \
	X(get_daemon_info)               \
	X(get_timeout)                   \
	X(queue_response)                \
	X(resume_connection)             \
	X(run)                           \
	X(set_response_options)          \
	X(start_daemon)                  \
	X(suspend_connection)

#define MICROHTTPD_MEMBER(name) __typeof__(MHD_##name) *name;

struct microhttpd {
	MICROHTTPD_FUNCTIONS(MICROHTTPD_MEMBER)
};

extern struct microhttpd microhttpd;

/*
 * Load it, for good, and fill in the table.  To be done before the process locks itself up: that takes
 * files, and executable memory.  Returns NULL, or what is wrong, of which the first word is the
 * name of a library.
 */
const char *microhttpd_load(void);

/* What helps then. */
extern const char microhttpd_remedy[];

#endif
