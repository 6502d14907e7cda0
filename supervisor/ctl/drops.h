#ifndef SUPERVISOR_CTL_DROPS_H
#define SUPERVISOR_CTL_DROPS_H

struct fault;
struct http_client;
struct settings;

/* What was dropped, by reason, with what to do about it.  Returns an exit status, or -1 and *fault. */
int drops_run(const struct settings *settings, struct http_client *client, struct fault *fault);

#endif
