#ifndef SUPERVISOR_DRY_RUN_H
#define SUPERVISOR_DRY_RUN_H

#include "supervisor/options.h"

/*
 * Find out whether a start with these options would succeed, as this identity and with children
 * that execute the descriptor `binary`: nothing stays bound or made.  Prints what the options mean;
 * ends the program if something is wrong.  Returns the program's exit status.
 */
int dry_run(struct options *options, struct msg_identity *identity, int binary);

#endif
