#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "supervisor/options.h"

/*
 * Run as the options say, or with OPTIONS_CHECK only find out whether they would do.  Returns
 * the program's exit status.
 */
int supervisor_main(struct options *options);

#endif
