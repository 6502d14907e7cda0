#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "common/msg.h"
#include "supervisor/backoff.h"
#include "supervisor/child_log.h"

struct pollfd;

/* What a child's argv[0] begins with, before its name: how main() knows what to be. */
#define CHILD_TITLE "udp46: "

/* A child process: how it is started, watched and ended. */
struct child {
	char name[WORKER_NAME_MAX]; /* in the log: "relay" */
	enum msg_sender sender;
	pid_t pid;   /* 0: it does not run */
	int control; /* -1: closed */
	int stat;    /* /proc/PID/stat of a relay; -1: none */
	struct child_log log;
	int ready;	/* it said so */
	int ready_once; /* this one or one before it */
	int silent;	/* its control socket is at its end: it is about to end, too */
	int told_to_stop;
	int condemned; /* it talked nonsense: no more of that is heard */
	int at_fault;  /* we ended it, for that or because it hung */
	int64_t started;
	int64_t restart_at; /* NEVER while it runs */
	int64_t ping_at;
	int64_t pong_until;  /* NEVER while no answer is due */
	int64_t kill_at;     /* NEVER, or when SIGKILL follows */
	int64_t heard_since; /* the window in which it was heard so many times */
	uint32_t heard;
	uint32_t heard_late; /* messages read since an answer was overdue */
	int unread;	     /* that may have left something in its socket */
	int last_words;	     /* it has ended: all that is left is read */
	struct msg_ping ping;
	struct backoff backoff;
	uint64_t restarts;
	uint64_t cpu; /* time that those who ended have used, in nanoseconds */
};

/* How a child ended, for the log and for judgement. */
struct child_end {
	int own_fault; /* anything but an end by SIGKILL or SIGTERM that was not our verdict */
	int status;    /* as of wait4(2) */
};

/* Of each child in a poll set: its control socket and its standard error. */
#define CHILD_POLLFDS 2

/* A child that does not run yet, and that may log so many records a second. */
void child_init(
    struct child *child, const char *name, enum msg_sender sender, uint32_t records);

/* Open the running binary, so that a file replaced on disk changes nothing.  Or -1, errno. */
int child_open_binary(void);

/*
 * Start the child from the descriptor `binary`, with its end of a control socket at
 * CONTROL_FILENO, standard input and output on /dev/null, standard error on a pipe to us, no
 * other descriptor, in a session of its own without a terminal, at the root directory, and
 * with an empty environment.  Returns 0, or -1 with errno.
 */
int child_start(struct child *child, int binary, int64_t now);

/*
 * Fill in CHILD_POLLFDS entries: what of the child's is to be waited for.  Nothing while it has
 * said more than we listen to in so short a time; child_deadline() then tells when to go on.
 */
void child_watch(const struct child *child, int64_t now, struct pollfd *pfd);

/*
 * Receive the child's next message that is not about its log, and log what comes before.
 * Returns 1 with *msg filled, or 0 when there is none now, the child has said enough for now,
 * is silent, or was condemned for what it sent.
 */
int child_receive(struct child *child, struct msg *msg, int64_t now);

/* Log what the child wrote to its standard error. */
void child_read_stderr(struct child *child, int64_t now);

/* Note an answer to a heartbeat. */
void child_pong(struct child *child, const struct msg_ping *pong, int64_t now);

/*
 * Send a heartbeat when one is due, and the signals that end a child which does not answer: not
 * while the answer may lie in its socket.
 */
void child_turn(struct child *child, int64_t now);

/* When child_turn() must be called next, or the child started anew. */
int64_t child_deadline(const struct child *child, int64_t now);

/* It broke the rules: end it. */
void child_condemn(struct child *child, const char *why);

/* Send it a signal, if it runs. */
void child_kill(const struct child *child, int signo);

/*
 * Whether the child has ended.  It is not reaped, so that its pid stays its own, and from now
 * on child_receive() reads without limit what it left: nobody can add to that.
 */
int child_has_ended(struct child *child);

/*
 * Reap a child that has ended, or will by SIGKILL: forget its pid, close what it was connected
 * by, note the CPU time that it used.  Returns the status of wait4(2).
 */
int child_reap(struct child *child, int64_t now);

/* Log how a reaped child ended, judge it, and note when to start it again. */
struct child_end child_ended(struct child *child, pid_t pid, int status, int64_t now);

#endif
