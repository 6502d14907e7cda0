#ifndef SUPERVISOR_COMMAND_LINE_H
#define SUPERVISOR_COMMAND_LINE_H

#include <stddef.h>

struct options;

/*
 * Read the command line into *options.  Returns 0; or -1 with a message in `error` that names
 * the flag, the value and the remedy.  Options that are not given have their defaults.
 */
int command_line_parse(
    struct options *options, int argc, char **argv, char *error, size_t size);

#endif
