#ifndef SUPERVISOR_CTL_TOP_H
#define SUPERVISOR_CTL_TOP_H

struct fault;
struct http_client;
struct settings;

/* The same, live, in a terminal; or as JSON without one.  Returns an exit status, or -1 and *fault. */
int top_run(const struct settings *settings, struct http_client *client, struct fault *fault);

#endif
