/*
 * Which sources can be clients, and which of these the user wants.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/source_table.h"
#include "relay/relay.h"
#include "relay/sources.h"

/* Linux has it; the C library calls it by another name. */
#ifndef MSG_PROBE
#define MSG_PROBE 0x10
#endif

static uint64_t
endpoint(uint32_t address, uint16_t port)
{
	return ((uint64_t)address << 16 | port);
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y ? -1 : x > y);
}

int
sources_init(struct relay *r)
{
	uint32_t i;

	r->unjudged = NONE;
	if ((r->own = calloc(r->nlisteners, sizeof(*r->own))) == NULL)
		return (-1);
	for (i = 0; i < r->nlisteners; i++)
		r->own[i] = endpoint(r->listener[i].address, r->listener[i].port);
	qsort(r->own, r->nlisteners, sizeof(*r->own), compare);
	return (0);
}

static int
is_listener(const struct relay *r, uint32_t address, uint16_t port)
{
	uint64_t wanted = endpoint(address, port);

	return (bsearch(&wanted, r->own, r->nlisteners, sizeof(*r->own), compare) != NULL);
}

/*
 * Whether this host has the address, now.  The kernel sends from no other, and says so before it
 * sees that there is nothing to send: MSG_PROBE with MSG_CONFIRM and no payload, see send(2) and
 * udp_sendmsg() of Linux.
 */
static int
is_local(int fd, uint32_t address, uint16_t port)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct in_pktinfo pktinfo = { .ipi_spec_dst = { address } };
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = port,
		.sin_addr = { address },
	};
	struct msghdr mh = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&mh);

	memset(control, 0, sizeof(control));
	cmsg->cmsg_level = IPPROTO_IP;
	cmsg->cmsg_type = IP_PKTINFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(pktinfo));
	memcpy(CMSG_DATA(cmsg), &pktinfo, sizeof(pktinfo));
	return (sendmsg(fd, &mh, MSG_PROBE | MSG_CONFIRM | MSG_DONTWAIT | MSG_NOSIGNAL) != -1);
}

int
sources_can_be_client(const struct relay *r, const struct session_key *key)
{
	uint32_t address = ntohl(key->client_address);

	if (key->client_port == 0 || address == INADDR_ANY || address == INADDR_BROADCAST ||
	    IN_MULTICAST(address))
		return (0);
	if (is_listener(r, key->client_address, key->client_port))
		return (0);
	/* One on 0.0.0.0 has its port at every address of the host. */
	return (!is_listener(r, htonl(INADDR_ANY), key->client_port) ||
	    !is_local(r->listener[key->listener].fd, key->client_address, key->client_port));
}

void
sources_take(struct relay *r, int fd, uint32_t size)
{
	const struct source_table *table;
	off_t end = lseek(fd, 0, SEEK_END);

	/* Private, as older kernels take no other mapping of what is sealed; its pages are shared. */
	table = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (table == MAP_FAILED)
		fatal("mmap sources", "error=%s", strerror(errno));
	close(fd);
	if (end != (off_t)size || !source_table_holds(table, size))
		fatal("bad sources", "size=%u", size);
	if (r->sources != NULL)
		munmap((void *)(uintptr_t)r->sources, r->sources_size);
	r->sources = table;
	r->sources_size = size;
	r->unjudged = 0;
}

int
sources_may_be_client(const struct relay *r, uint32_t address)
{
	return (r->sources == NULL || source_table_allows(r->sources, address));
}
