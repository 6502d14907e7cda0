#ifndef SUPERVISOR_FD_NAMES_H
#define SUPERVISOR_FD_NAMES_H

#include <stdint.h>

struct msg_listener;

/*
 * How descriptors are called that are left to a successor, by way of the service manager's store or
 * of execve(2).  To him names mean nothing but what to have the store forget.
 */

/* Room for the longest, "listener-ADDRESS-PORT". */
#define FD_NAME_SIZE 48

/*
 * The most that LISTEN_FDNAMES may have: MAX_ARG_STRLEN of the kernel, see execve(2), less what
 * units of sockets may add.
 */
#define FD_NAMES_MAX 122880

/* Write a name; each returns buf. */
char *fd_name_session(uint16_t port, char buf[FD_NAME_SIZE]); /* host byte order */
char *fd_name_listener(const struct msg_listener *listener, char buf[FD_NAME_SIZE]);
char *fd_name_totals(uint32_t worker, char buf[FD_NAME_SIZE]);
char *fd_name_records(uint32_t worker, char buf[FD_NAME_SIZE]);
extern const char fd_name_metrics[];
extern const char fd_name_ports[];

/* Whether it could be one of these, or is none at all. */
int fd_name_is_ours(const char *name);

/*
 * Names that the store is to forget, as what came under them was of no use: they are noted while
 * we start, and told later.
 */
void fd_name_drop(const char *name);
void fd_name_drop_session(uint16_t port);

/* The next of them, NULL if there is none; and that it was told. */
const char *fd_name_dropped(void);
void fd_name_drop_told(void);

#endif
