#ifndef SUPERVISOR_CTL_LINE_H
#define SUPERVISOR_CTL_LINE_H

#include <stddef.h>
#include <stdint.h>

struct row;

/* A session in 80 columns: what was counted; what it does now, and then, for a wide screen, where. */
#define LINE_SIZE 256

/* Of the second: without the listener, and with it. */
#define LINE_NARROW 77
#define LINE_WIDE 99

/* `now` is the wall clock.  Both return `to`; NULL for the row is the line of titles. */
char *line_of_totals(char to[LINE_SIZE], const struct row *row, int64_t now);
char *line_of_rates(char to[LINE_SIZE], const struct row *row, int64_t now);

#endif
