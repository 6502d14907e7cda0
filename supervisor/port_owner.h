#ifndef SUPERVISOR_PORT_OWNER_H
#define SUPERVISOR_PORT_OWNER_H

#include <sys/socket.h>
#include <sys/types.h>

/* Who has a port that cannot be had: for a message. */
struct port_owner {
	pid_t pid;     /* 0: unknown */
	int is_hidden; /* there are processes that we may not look at */
	char name[16]; /* as comm of proc(5) */
};

/* Room for an address as proc(5) has it in net/udp, and in net/udp6. */
#define PORT_OWNER_ADDRESS 33

/* Room for "NAME, pid PID", and for a remedy. */
#define PORT_OWNER_NAME 64
#define PORT_OWNER_REMEDY 160

/*
 * Find who has a socket of this type, SOCK_DGRAM or SOCK_STREAM, that is in the way of one at this
 * address of IPv4 or IPv6.  It takes as long as there are processes.
 */
void port_owner_find(int type, const struct sockaddr *address, struct port_owner *owner);

/*
 * Whether it is an udp46, or systemd, with whose socket units one starts.  Or nobody knows, as we
 * may not look.
 */
int port_owner_may_be_ours(const struct port_owner *owner);

/* Who it is, visible on a terminal, in buf (PORT_OWNER_NAME bytes), which is returned. */
char *port_owner_format(const struct port_owner *owner, char *buf);

/* What to do about it, as a phrase in buf (PORT_OWNER_REMEDY bytes), which is returned. */
char *port_owner_remedy(const struct port_owner *owner, char *buf);

/*
 * The inode of a line of net/udp, net/tcp and their twins for IPv6, if its socket is in the way of
 * one at the address, in the form of these files, and port; else 0.
 */
unsigned long port_owner_inode(
    const char *line, int type, const char *address, unsigned int port);

#endif
