#ifndef SUPERVISOR_TOTALS_LOG_H
#define SUPERVISOR_TOTALS_LOG_H

#include "supervisor/keepers.h"

/* Log one record of what all relays have counted, and of `restarts` of children. */
void totals_log(const struct keepers *keepers, uint64_t restarts);

#endif
