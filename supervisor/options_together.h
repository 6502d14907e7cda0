#ifndef SUPERVISOR_OPTIONS_TOGETHER_H
#define SUPERVISOR_OPTIONS_TOGETHER_H

#include <stddef.h>

struct options;

/*
 * Judge what the options mean together, each of them being right by itself.  Returns 0, or -1
 * with a message in `error`.
 */
int options_together(struct options *options, char *error, size_t size);

#endif
