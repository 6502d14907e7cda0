#ifndef SUPERVISOR_CTL_WRAP_H
#define SUPERVISOR_CTL_WRAP_H

#include <stdio.h>

/* How wide a line may be, and where what follows its label begins. */
#define WRAP_WIDTH 80
#define WRAP_INDENT 12

/* Write a label and a text, escaped, broken at blanks into lines that begin below each other. */
void wrap_print(FILE *to, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
