#ifndef SUPERVISOR_LOG_OUTPUT_H
#define SUPERVISOR_LOG_OUTPUT_H

#include <stddef.h>

/* How a write does not wait. */
enum log_output_way {
	LOG_OUTPUT_FILE,  /* a file never says that it would; see write(2) */
	LOG_OUTPUT_OWN,	  /* a non-blocking description of our own */
	LOG_OUTPUT_SEND,  /* a socket: send(2) can be told not to */
	LOG_OUTPUT_TIMED, /* neither: a timer ends the wait */
};

/* Where lines go. */
struct log_output {
	int fd;
	enum log_output_way way;
	int torn; /* the last line that was begun has no end */
};

/*
 * Lines go to what `fd` is open for from now on; it stays open, and flags that it shares with others
 * stay as they are.  Takes the privilege to open it again, if it is a pipe or a terminal; without that
 * it takes SIGALRM and the timer ITIMER_REAL.  SIGPIPE and SIGXFSZ must be ignored.
 */
void log_output_open(struct log_output *output, int fd);

/*
 * Write a line, with its newline, after a newline if the one before was torn.  Never waits, unless
 * for a file, and for a millisecond where there is only the timer.  Returns 0; or -1 with errno
 * if the line was not taken, or a part of it only: EAGAIN, EMSGSIZE for one of more than
 * PIPE_BUF, or what write(2) or send(2) says.
 */
int log_output_write(struct log_output *output, const char *line, size_t len);

/*
 * Whether this descriptor is the stream to the journal that systemd has made for us: JOURNAL_STREAM
 * in systemd.exec(5).
 */
int log_output_is_journal(int fd);

#endif
