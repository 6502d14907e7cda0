#ifndef SUPERVISOR_GUESS_H
#define SUPERVISOR_GUESS_H

#include <stddef.h>

/*
 * What a value of the flag of that name, which is wrong, was probably meant to be: for an error
 * message.  Returns `to`, or NULL if nothing comes to mind, or it does not fit.
 */
const char *guess_value(char *to, size_t size, const char *flag, const char *value);

#endif
