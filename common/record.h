#ifndef COMMON_RECORD_H
#define COMMON_RECORD_H

#include "common/messages.h"

/*
 * Whether a record from a process before us, which may have been an attacker's, can be a
 * session's, with so many listeners and at this clock_now().
 */
int record_holds(const struct session_record *record, uint32_t listeners, int64_t now);

#endif
