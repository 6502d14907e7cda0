#ifndef SUPERVISOR_OPTIONS_PRINT_H
#define SUPERVISOR_OPTIONS_PRINT_H

#include <stdio.h>

struct options;

/* One line a flag on `out`. */
void options_usage(FILE *out);

/*
 * What the options mean, on `out`, in the form of a configuration file that means the same.
 */
void options_print(const struct options *options, FILE *out);

/* A line that is a comment, in columns like the others. */
void options_print_comment(FILE *out, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
