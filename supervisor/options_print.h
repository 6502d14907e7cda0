#ifndef SUPERVISOR_OPTIONS_PRINT_H
#define SUPERVISOR_OPTIONS_PRINT_H

#include <stdio.h>

struct options;

/* One line a flag on `out`. */
void options_usage(FILE *out);

/* What the options mean, one line a flag, on `out`. */
void options_print(const struct options *options, FILE *out);

#endif
