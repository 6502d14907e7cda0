#ifndef SUPERVISOR_CTL_SCREEN_H
#define SUPERVISOR_CTL_SCREEN_H

#include <stddef.h>

struct fault;
struct frame;
struct settings;

/* The terminal of `top`. */

/* Take the terminal over.  Returns 0, or -1 and *fault. */
int screen_open(struct fault *fault);
void screen_close(void);

/*
 * Draw the frame, its sessions from number `first` on, and a message in place of the verdict if
 * it is not empty.
 */
void screen_draw(const struct frame *frame, const struct settings *settings, size_t first,
    const char *message);

void screen_draw_help(void);

/* Throw away what the terminal is believed to show. */
void screen_forget(void);

/* Sessions that fit. */
size_t screen_rows(void);

#endif
