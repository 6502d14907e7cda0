#ifndef RELAY_RESTORE_H
#define RELAY_RESTORE_H

#include <stdint.h>

struct session_counters;
struct session_table;

/*
 * Correct what a relay before us, which may have been an attacker's, has counted of a session that
 * was opened then, to what can be at this clock_now().  If nothing is known of it, it spoke now.
 */
void restore_check(struct session_counters *counters, int64_t opened, int64_t now);

/*
 * All sessions that were left are in the table: put its lists in order of last activity.  Returns 0,
 * or -1 with errno ENOMEM.
 */
int restore_order(struct session_table *table);

#endif
