#ifndef SUPERVISOR_COMMAND_LINE_H
#define SUPERVISOR_COMMAND_LINE_H

#include <stddef.h>

struct options;

/*
 * Read the command line into *options, and the file of --config if it names one: a flag that is
 * given on the command line replaces what the file says of it, --allow and --deny of both.
 * Options that are not given have their defaults.
 *
 * Returns 0; or the program's exit status, with a message in `error` that names the flag, the
 * value and the remedy, and the file and its line.
 */
int command_line_parse(
    struct options *options, int argc, char **argv, char *error, size_t size);

#endif
