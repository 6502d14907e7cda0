#ifndef SUPERVISOR_VISIBLE_H
#define SUPERVISOR_VISIBLE_H

#include <stddef.h>

/*
 * What others say (a command line, a child, a name server) may go to a terminal, where bytes
 * can be more than characters.
 */

/* Room for the visible form of a text of so many bytes. */
#define VISIBLE_SIZE(length) (4 * (length) + 1)

/* Write the text with all but printable ASCII escaped, cut to `size`.  Returns `to`. */
char *visible(char *to, size_t size, const char *text);

/* warnx(3), visible, and cut at 1023 bytes of message. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* errx(3), visible, and cut at 1023 bytes of message. */
void refuse(int status, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

#endif
