#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

/* The life of a metrics child, whose control socket is CONTROL_FILENO. */
void metrics_main(void) __attribute__((noreturn));

#endif
