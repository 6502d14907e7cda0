#ifndef SUPERVISOR_CTL_FAULT_H
#define SUPERVISOR_CTL_FAULT_H

/* Why something could not be asked, or its answer not be used. */
enum fault_kind {
	FAULT_DOWN,	 /* nobody is there, or it does not answer in time */
	FAULT_OURS,	 /* we may not, or cannot, ask: a name, a permission, memory */
	FAULT_NONSENSE,	 /* what answers is not udp46, or is broken */
	FAULT_CANCELLED, /* the user has pressed a key */
};

#define FAULT_TEXT_MAX 640

struct fault {
	enum fault_kind kind;
	char text[FAULT_TEXT_MAX]; /* one line; what others said in it is not escaped yet */
};

/* Fill it in.  Returns -1. */
int fault_set(struct fault *fault, enum fault_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
