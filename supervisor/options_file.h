#ifndef SUPERVISOR_OPTIONS_FILE_H
#define SUPERVISOR_OPTIONS_FILE_H

#include <stddef.h>
#include <stdint.h>

struct config_file;
struct flag;
struct options;

/*
 * Give the options what a configuration file says, and its text, which values are in.  Returns 0;
 * or -1 with a message in `error` that names flag, value and remedy, and file->number.
 */
int options_file_take(
    struct options *options, struct config_file *file, char *error, size_t size);

/*
 * The number of the line that gives the flag its value; of one that is repeatable, the nth, from
 * 0, of its kind.  0: there is none.
 */
uint32_t options_file_line(
    const struct config_file *file, const struct flag *flag, uint32_t nth);

#endif
