#ifndef SUPERVISOR_CTL_READING_H
#define SUPERVISOR_CTL_READING_H

#include <stdint.h>

struct fault;
struct http_client;
struct numbers;
struct reading;

/* Read the numbers twice, `interval` apart.  Returns 0, or -1 and *fault. */
int reading_take(const struct http_client *client, int64_t interval, struct reading *reading,
    struct fault *fault);

/* For how many seconds clients have waited in vain, by our clock; 0: they do not. */
double reading_silence(const struct numbers *numbers, int64_t wall);

#endif
