#ifndef SUPERVISOR_CTL_OVERVIEW_H
#define SUPERVISOR_CTL_OVERVIEW_H

struct fault;
struct http_client;
struct settings;

/* One screen of how udp46 is.  Returns an exit status, or -1 and *fault. */
int overview_run(
    const struct settings *settings, struct http_client *client, struct fault *fault);

#endif
