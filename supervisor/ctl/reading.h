#ifndef SUPERVISOR_CTL_READING_H
#define SUPERVISOR_CTL_READING_H

#include <stdint.h>

struct fault;
struct http_client;
struct reading;
struct row;

/*
 * Read the numbers twice, `interval` apart, and, if there was no reply in between, look for
 * clients who wait for one: this takes a second more.  Returns 0, or -1 and *fault.
 */
int reading_take(const struct http_client *client, int64_t interval, struct reading *reading,
    struct fault *fault);

/* The same from what is known already: add a session to what clients ask; draw the conclusion. */
void reading_add(struct reading *reading, const struct row *row);
void reading_conclude(struct reading *reading);

/* What came back between both readings. */
int reading_is_answered(const struct reading *reading);

#endif
