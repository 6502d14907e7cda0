#ifndef COMMON_DURATION_H
#define COMMON_DURATION_H

#include <stddef.h>
#include <stdint.h>

/* Room for any duration that duration_format() writes. */
#define DURATION_STRLEN 40

/*
 * Read a duration as Go's time.ParseDuration writes them: numbers with optional
 * fractions, each with a unit (ns, us, µs, ms, s, m, h), as in "1h30m" or "1.5s";
 * "0" needs no unit.  Signs are refused.  Stores nanoseconds in *ns and returns
 * NULL, or returns what is wrong as a phrase for an error message.
 */
const char *duration_parse(const char *text, int64_t *ns);

/*
 * Write `ns` (not negative) into `buf` of `size` bytes the way duration_parse()
 * reads it, largest unit first and no zero parts: "3m", "1h30m", "1.5s".
 * Returns buf.
 */
char *duration_format(int64_t ns, char *buf, size_t size);

#endif
