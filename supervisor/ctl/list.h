#ifndef SUPERVISOR_CTL_LIST_H
#define SUPERVISOR_CTL_LIST_H

struct fault;
struct http_client;
struct settings;

/* The sessions, one a line.  Returns an exit status, or -1 and *fault. */
int list_run(const struct settings *settings, struct http_client *client, struct fault *fault);

#endif
