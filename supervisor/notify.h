#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include <sys/socket.h>
#include <sys/un.h>
#include <stdint.h>

/* Room for a line of status. */
#define NOTIFY_STATUS_MAX 320

/*
 * What the service manager that started us is told, in the way of sd_notify(3): datagrams to the
 * socket that NOTIFY_SOCKET names.  Whoever else starts us does not set that; then all of this
 * does nothing.
 */
struct notify {
	int fd; /* -1: nobody wants to know */
	struct sockaddr_un address;
	socklen_t len;

	/* What is to be told yet, in this order. */
	int reloading;
	int ready;
	int stopping;
	int status_changed;
	char status[NOTIFY_STATUS_MAX];

	int64_t watchdog_every; /* 0: nobody watches */
	int64_t watchdog_at;	/* when to say again that we live; NEVER before we are ready */
	int64_t retry_at;	/* NEVER, or when to try again, as it was not taken */
	int missed;		/* said that nobody is there */
};

/*
 * Note whom to tell, by NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.  Before privileges are
 * given up.
 */
void notify_open(struct notify *notify);

/* READY=1: we do what we are for; after notify_reloading(): again. */
void notify_ready(struct notify *notify, int64_t now);

/* RELOADING=1: that which was asked for by a signal has begun, and notify_ready() will follow. */
void notify_reloading(struct notify *notify);

/* STOPPING=1. */
void notify_stopping(struct notify *notify);

/* STATUS=: one line for people. */
void notify_status(struct notify *notify, const char *status);

/*
 * FDSTORE=1 and FDSTOREREMOVE=1: have a descriptor kept for whoever is started after us, until
 * what is kept by this name is to be forgotten.  Returns 0, or -1 if it is not taken now.
 */
int notify_keep(const struct notify *notify, const char *name, int fd);
int notify_forget(const struct notify *notify, const char *name);

/* Tell what is to be told, and that this loop goes round; and when to call it next. */
void notify_turn(struct notify *notify, int64_t now);
int64_t notify_deadline(const struct notify *notify);

#endif
