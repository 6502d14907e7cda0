/*
 * The kernel lists sockets with their inodes, and of each process the inodes of its descriptors;
 * where both meet is who has a port.  Asked for only if one cannot be had.
 */
#include <netinet/in.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/port_owner.h"

/* A group of SO_REUSEPORT has several; one of them is enough. */
#define INODES_MAX 64

#define LISTENS 0x0a /* TCP_LISTEN */

/* An IPv4 address, where net/udp6 has one. */
static const char mapped[] = "0000000000000000FFFF0000";

static int
is_any(const char *address)
{
	return (address[strspn(address, "0")] == '\0');
}

/* Whether sockets at both addresses, of one port, are in each other's way. */
static int
collide(const char *a, const char *b)
{
	if (is_any(a) || is_any(b))
		return (1);
	if (strncmp(a, mapped, strlen(mapped)) == 0)
		a += strlen(mapped);
	return (strcmp(a, b) == 0);
}

unsigned long
port_owner_inode(const char *line, int type, const char *address, unsigned int port)
{
	char local[PORT_OWNER_ADDRESS];
	unsigned int local_port, state;
	unsigned long inode;

	if (sscanf(line, " %*u: %32[0-9A-F]:%x %*s %x %*s %*s %*s %*u %*u %lu", local,
		&local_port, &state, &inode) != 4 ||
	    local_port != port || (type == SOCK_STREAM && state != LISTENS) ||
	    !collide(local, address))
		return (0);
	return (inode);
}

/* Add those of a file. */
static size_t
read_inodes(const char *path, int type, const char *address, unsigned int port,
    unsigned long *inodes, size_t n)
{
	char *line = NULL;
	size_t size = 0;
	FILE *f;

	if ((f = fopen(path, "re")) == NULL)
		return (n);
	while (n < INODES_MAX && getline(&line, &size, f) != -1)
		if ((inodes[n] = port_owner_inode(line, type, address, port)) != 0)
			n++;
	free(line);
	fclose(f);
	return (n);
}

/* Write the address in the form of these files.  Returns the port. */
static unsigned int
format(const struct sockaddr *sa, char *address)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)sa;
	const uint32_t *word = sin6->sin6_addr.s6_addr32;

	if (sa->sa_family == AF_INET) {
		snprintf(address, PORT_OWNER_ADDRESS, "%08X", sin->sin_addr.s_addr);
		return (ntohs(sin->sin_port));
	}
	snprintf(address, PORT_OWNER_ADDRESS, "%08X%08X%08X%08X", word[0], word[1], word[2],
	    word[3]);
	return (ntohs(sin6->sin6_port));
}

/* Whether a link in /proc/PID/fd is one of these sockets. */
static int
is_one(const char *link, const unsigned long *inodes, size_t n)
{
	unsigned long inode;
	size_t i;

	if (sscanf(link, "socket:[%lu]", &inode) != 1)
		return (0);
	for (i = 0; i < n; i++)
		if (inodes[i] == inode)
			return (1);
	return (0);
}

/* Whether the process has one of them. */
static int
has_one(pid_t pid, const unsigned long *inodes, size_t n, struct port_owner *owner)
{
	char path[64], link[64];
	const struct dirent *entry;
	ssize_t length;
	DIR *dir;
	int found = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	if ((dir = opendir(path)) == NULL) {
		owner->is_hidden |= errno == EACCES || errno == EPERM;
		return (0);
	}
	while (!found && (entry = readdir(dir)) != NULL) {
		length = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		/* Root without its capabilities sees that there are some, and no more. */
		owner->is_hidden |= length == -1 && (errno == EACCES || errno == EPERM);
		if (length <= 0)
			continue;
		link[length] = '\0';
		found = is_one(link, inodes, n);
	}
	closedir(dir);
	return (found);
}

static void
read_name(struct port_owner *owner)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", owner->pid);
	if ((f = fopen(path, "re")) == NULL)
		return;
	if (fgets(owner->name, sizeof(owner->name), f) != NULL)
		owner->name[strcspn(owner->name, "\n")] = '\0';
	fclose(f);
}

void
port_owner_find(int type, const struct sockaddr *address, struct port_owner *owner)
{
	static const char *const paths[2][2] = {
		{ "/proc/net/udp", "/proc/net/udp6" },
		{ "/proc/net/tcp", "/proc/net/tcp6" },
	};
	const char *const *path = paths[type == SOCK_STREAM];
	unsigned long inodes[INODES_MAX];
	char text[PORT_OWNER_ADDRESS];
	const struct dirent *entry;
	unsigned int port = format(address, text);
	size_t n;
	pid_t pid;
	DIR *dir;

	*owner = (struct port_owner){ .pid = 0 };
	n = read_inodes(path[0], type, text, port, inodes, 0);
	n = read_inodes(path[1], type, text, port, inodes, n);
	if (n == 0 || (dir = opendir("/proc")) == NULL)
		return;
	/* The lowest first: of a supervisor and its children, the supervisor. */
	while (owner->pid == 0 && (entry = readdir(dir)) != NULL) {
		pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid > 0 && pid != getpid() && has_one(pid, inodes, n, owner))
			owner->pid = pid;
	}
	closedir(dir);
	if (owner->pid != 0)
		read_name(owner);
}

int
port_owner_may_be_ours(const struct port_owner *owner)
{
	if (owner->pid == 0)
		return (owner->is_hidden);
	return (owner->pid == 1 || strcmp(owner->name, "udp46") == 0);
}

char *
port_owner_format(const struct port_owner *owner, char *buf)
{
	char name[PORT_OWNER_NAME];
	size_t n;

	if (owner->pid == 0) {
		strlcpy(buf, "a program that only root can see", PORT_OWNER_NAME);
		return (buf);
	}
	/* Whoever runs a program chooses its name. */
	strlcpy(name, owner->name, sizeof(name));
	for (n = 0; name[n] != '\0'; n++)
		if ((unsigned char)name[n] < ' ' || (unsigned char)name[n] >= 0x7f)
			name[n] = '?';
	snprintf(buf, PORT_OWNER_NAME, "%.15s, pid %d", name, owner->pid);
	return (buf);
}

char *
port_owner_remedy(const struct port_owner *owner, char *buf)
{
	char name[PORT_OWNER_NAME];

	if (owner->pid != 0)
		snprintf(buf, PORT_OWNER_REMEDY, "%s, has it: stop that, or choose another",
		    port_owner_format(owner, name));
	else if (owner->is_hidden)
		strlcpy(buf, "stop the program that has it (ss -lnp) or choose another",
		    PORT_OWNER_REMEDY);
	else
		strlcpy(buf,
		    "no process here has it, so perhaps WireGuard of the kernel (wg show) or a "
		    "container: choose another",
		    PORT_OWNER_REMEDY);
	return (buf);
}
