#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "common/msg.h"
#include "supervisor/backoff.h"

/* What a child's argv[0] begins with, before its name: how main() knows what to be. */
#define CHILD_TITLE "udp46: "

/* A child process: how it is started, watched and ended. */
struct child {
	char name[WORKER_NAME_MAX]; /* in the log: "relay" */
	enum msg_sender sender;
	pid_t pid;	/* 0: it does not run */
	int control;	/* -1: closed */
	int ready;	/* it said so */
	int ready_once; /* this one or one before it */
	int silent;	/* its control socket is at its end: it is about to end, too */
	int told_to_stop;
	int at_fault; /* we ended it, because it hung or talked nonsense */
	int64_t started;
	int64_t restart_at; /* NEVER while it runs */
	int64_t ping_at;
	int64_t pong_until; /* NEVER while no answer is due */
	int64_t kill_at;    /* NEVER, or when SIGKILL follows */
	struct msg_ping ping;
	struct backoff backoff;
	uint64_t restarts;
};

/* How a child ended, for the log and for judgement. */
struct child_end {
	int own_fault; /* anything but an end by SIGKILL or SIGTERM that was not our verdict */
	int status;    /* as of waitpid(2) */
};

/* A child that does not run yet. */
void child_init(struct child *child, const char *name, enum msg_sender sender);

/* Open the running binary, so that a file replaced on disk changes nothing.  Or -1, errno. */
int child_open_binary(void);

/*
 * Start the child from the descriptor `binary`, with its end of a control socket at
 * CONTROL_FILENO, standard input and output on /dev/null, and an empty environment.  Returns
 * 0, or -1 with errno.
 */
int child_start(struct child *child, int binary, int64_t now);

/* Note an answer to a heartbeat. */
void child_pong(struct child *child, const struct msg_ping *pong, int64_t now);

/*
 * Send a heartbeat when one is due, and the signals that end a child which does not answer.
 * Only after its socket was read empty: an answer may lie there.
 */
void child_turn(struct child *child, int64_t now);

/* When child_turn() must be called next, or the child started anew. */
int64_t child_deadline(const struct child *child);

/* Its control socket is at its end: it has a second to follow. */
void child_silent(struct child *child, int64_t now);

/* It broke the rules: end it. */
void child_condemn(struct child *child, const char *why);

/*
 * The child was reaped with this status: log how it ended, close its socket, and note when to
 * start it again.
 */
struct child_end child_ended(struct child *child, int status, int64_t now);

#endif
