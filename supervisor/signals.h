#ifndef SUPERVISOR_SIGNALS_H
#define SUPERVISOR_SIGNALS_H

/*
 * From now on SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 and SIGCHLD are read from the descriptor
 * that this returns; SIGPIPE, SIGXFSZ and SIGTTOU are ignored.  Returns -1 with errno on failure.
 * See signalfd(2).
 */
int signals_open(void);

/* Whether SIGTERM or SIGINT has come, which is not taken. */
int signals_end_pending(void);

/* The next signal that has come, or 0 if there is none. */
int signals_next(int fd);

/* "TERM" of SIGTERM, or "other". */
const char *signals_name(int signo);

#endif
