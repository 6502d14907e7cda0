#ifndef SUPERVISOR_STATUS_H
#define SUPERVISOR_STATUS_H

#include <stddef.h>

#include "supervisor/keepers.h"

/*
 * One line for people, as `systemctl status` shows it: "3 sessions, upstream 2001:db8::10, last
 * reply 2 s ago".  Returns buf.
 */
char *status_format(const struct keepers *keepers, int64_t now, char *buf, size_t size);

/* The time that has passed, in the largest unit of which it is a whole one: "90 s" is "1 min". */
char *status_format_age(int64_t age, char *buf, size_t size);

#endif
