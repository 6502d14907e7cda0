#ifndef SUPERVISOR_CTL_CHECK_H
#define SUPERVISOR_CTL_CHECK_H

struct fault;
struct http_client;
struct settings;

/* One line for a monitoring system; returns a level of verdict.h.  Returns an exit status, or -1 and *fault. */
int check_run(const struct settings *settings, struct http_client *client, struct fault *fault);

#endif
