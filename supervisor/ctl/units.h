#ifndef SUPERVISOR_CTL_UNITS_H
#define SUPERVISOR_CTL_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* Numbers as people read them.  All return `to`, which has UNITS_SIZE bytes. */
#define UNITS_SIZE 24

/* At most 5 characters, in thousands: "0", "0.4", "12", "1203", "12.3k", "4.56M"; negative is 0. */
char *units_short(char *to, double number);

/* A count to its last digit: "26000". */
char *units_exact(char *to, double number);

/* At most 4 characters: "0s", "59s", "59m", "23h", "99d", "2y". */
char *units_age(char *to, double seconds);

/* Two units, for a line with room: "62 s", "5 min 3 s", "3 d 4 h". */
char *units_long(char *to, double seconds);

/* A time of day, local: "2026-11-27 15:04:05"; nanoseconds since the epoch. */
char *units_time(char *to, int64_t ns);

#endif
