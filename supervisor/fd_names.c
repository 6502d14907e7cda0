#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/messages.h"
#include "supervisor/fd_names.h"

const char fd_name_metrics[] = "metrics";
const char fd_name_ports[] = "ports";

struct drop {
	struct drop *next;
	char name[];
};

static struct drop *drops;

/* As short as can be: LISTEN_FDNAMES has all of them. */
char *
fd_name_session(uint16_t port, char buf[FD_NAME_SIZE])
{
	snprintf(buf, FD_NAME_SIZE, "%u", port);
	return (buf);
}

/* Not by its number, which may be another one in another configuration. */
char *
fd_name_listener(const struct msg_listener *listener, char buf[FD_NAME_SIZE])
{
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &listener->address, address, sizeof(address));
	snprintf(buf, FD_NAME_SIZE, "listener-%s-%u", address, ntohs(listener->port));
	return (buf);
}

char *
fd_name_totals(uint32_t worker, char buf[FD_NAME_SIZE])
{
	snprintf(buf, FD_NAME_SIZE, "totals-%u", worker);
	return (buf);
}

char *
fd_name_records(uint32_t worker, char buf[FD_NAME_SIZE])
{
	snprintf(buf, FD_NAME_SIZE, "records-%u", worker);
	return (buf);
}

int
fd_name_is_ours(const char *name)
{
	static const char *const begins[] = { "listener-", "totals-", "records-" };
	size_t i;

	for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(name, begins[i], strlen(begins[i])) == 0)
			return (1);
	return (name[strspn(name, "0123456789")] == '\0' ||
	    strcmp(name, fd_name_metrics) == 0 || strcmp(name, fd_name_ports) == 0);
}

void
fd_name_drop(const char *name)
{
	size_t size = strlen(name) + 1;
	struct drop *drop = malloc(sizeof(*drop) + size);

	/* Then it stays, and the next one finds it. */
	if (drop == NULL)
		return;
	memcpy(drop->name, name, size);
	drop->next = drops;
	drops = drop;
}

void
fd_name_drop_session(uint16_t port)
{
	char name[FD_NAME_SIZE];

	fd_name_drop(fd_name_session(port, name));
}

const char *
fd_name_dropped(void)
{
	return (drops == NULL ? NULL : drops->name);
}

void
fd_name_drop_told(void)
{
	struct drop *drop = drops;

	drops = drop->next;
	free(drop);
}
