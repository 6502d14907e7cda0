#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <arpa/inet.h>
#include <linux/filter.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "supervisor/offload.h"
#include "supervisor/sockets.h"

/* Reads that empty a new socket; more than one is rare. */
#define DRAIN_MAX 64

static int limited;

int
buffers_limited(void)
{
	return (limited);
}

static int
set_int(int fd, int level, int name, int value)
{
	return (setsockopt(fd, level, name, &value, sizeof(value)));
}

/*
 * SO_RCVBUFFORCE goes beyond net.core.rmem_max, with CAP_NET_ADMIN; without it the kernel
 * cuts the size silently.  See socket(7).
 */
static int
set_buffer(int fd, int force, int plain, uint32_t size)
{
	socklen_t len = sizeof(int);
	int got;

	if (set_int(fd, SOL_SOCKET, force, (int)size) == 0)
		return (0);
	if (set_int(fd, SOL_SOCKET, plain, (int)size) == -1 ||
	    getsockopt(fd, SOL_SOCKET, plain, &got, &len) == -1)
		return (-1);
	/* The kernel doubles what it takes, for its own use. */
	if ((uint32_t)got / 2 < size)
		limited = 1;
	return (0);
}

static int
set_buffers(int fd, uint32_t size)
{
	if (set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, size) == -1)
		return (-1);
	return (set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, size));
}

static int
close_failed(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return (-1);
}

const char *
bind_remedy(int error)
{
	switch (error) {
	case EADDRINUSE:
		return ("stop the program that has it (ss -lnp) or choose another");
	case EADDRNOTAVAIL:
		return ("name an address of this host, or 0.0.0.0 for all");
	case EACCES:
		return ("start as root, or with CAP_NET_BIND_SERVICE");
	default:
		return ("see bind(2)");
	}
}

int
listener_configure(int fd, const struct listener_config *config)
{
	/* OMIT: no DF, and who forges ICMP errors cannot have datagrams cut small. */
	int path = config->whole ? IP_PMTUDISC_DO : IP_PMTUDISC_OMIT;

	if (set_int(fd, IPPROTO_IP, IP_PKTINFO, 1) == -1 ||
	    set_int(fd, IPPROTO_IP, IP_RECVTOS, 1) == -1 ||
	    /* Or it gets what is sent to any group that any program here has joined. */
	    set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) == -1 ||
	    set_int(fd, SOL_SOCKET, SO_RXQ_OVFL, 1) == -1 ||
	    set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, path) == -1 ||
	    set_buffers(fd, config->buffer_size) == -1)
		return (-1);
	offload_set(fd, config->trains);
	return (0);
}

int
listener_open(
    struct sockaddr_in *sin, const struct listener_config *config, enum listener_share share)
{
	socklen_t len = sizeof(*sin);
	int fd;

	if ((fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return (-1);
	if (listener_configure(fd, config) == -1 ||
	    (share == LISTENER_NEXT && set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) == -1) ||
	    bind(fd, (struct sockaddr *)sin, sizeof(*sin)) == -1 ||
	    /* Only now, or the first would join a group of somebody else's unseen. */
	    (share == LISTENER_FIRST && set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) == -1) ||
	    getsockname(fd, (struct sockaddr *)sin, &len) == -1)
		return (close_failed(fd));
	return (fd);
}

int
listener_group_by_address(int fd, uint32_t members, const uint32_t secret[2])
{
	/*
	 * Multiplicative hashing, twice: after a single round by a secret odd number neighbours
	 * are a constant apart, and one time in fifty they are all of one member.
	 */
	struct sock_filter code[] = {
		/* the source address of the IPv4 header */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + 12),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, secret[0] | 1),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, secret[1] | 1),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, members),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return (
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)));
}

#define HTTP_BACKLOG 128
#define HTTP_BUFFER (128 * 1024)

/* [::], which is every address of both families, whatever net.ipv6.bindv6only says. */
static int
is_any(const struct sockaddr_storage *address)
{
	return (IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)address)->sin6_addr));
}

int
http_socket_open(const struct sockaddr_storage *address)
{
	socklen_t len = address->ss_family == AF_INET ? sizeof(struct sockaddr_in)
						      : sizeof(struct sockaddr_in6);
	int fd;

	fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (-1);
	/*
	 * A restart need not wait for connections of before.  Connections inherit the buffer: one
	 * of a fixed size, so that a reader who does not read costs no more than that.
	 */
	if (set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) == -1 ||
	    set_int(fd, SOL_SOCKET, SO_SNDBUF, HTTP_BUFFER) == -1 ||
	    (address->ss_family == AF_INET6 &&
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, !is_any(address)) == -1) ||
	    bind(fd, (const struct sockaddr *)address, len) == -1 ||
	    listen(fd, HTTP_BACKLOG) == -1)
		return (close_failed(fd));
	return (fd);
}

/* Whether a dead program has left a socket at this address. */
static int
is_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, stale;

	if (lstat(sun->sun_path, &st) == -1 || !S_ISSOCK(st.st_mode) ||
	    (fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return (0);
	stale = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == -1 &&
	    errno == ECONNREFUSED;
	close(fd);
	return (stale);
}

int
http_socket_try_unix(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;

	strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	if ((lstat(path, &st) == -1 && errno == ENOENT) || is_stale(&sun))
		return (0);
	errno = EADDRINUSE;
	return (-1);
}

/* The file gets the effective group: so this takes CAP_SETGID, where chown(2) has its own. */
static int
bind_for_group(int fd, const struct sockaddr_un *sun, gid_t gid)
{
	gid_t own = getegid();
	mode_t mask;
	int error;

	if (setegid(gid) == -1)
		return (-1);
	mask = umask(0117);
	error = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));
	umask(mask);
	return (setegid(own) == -1 ? -1 : error);
}

int
http_socket_open_unix(const char *path, gid_t gid)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	if (is_stale(&sun))
		(void)unlink(path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return (-1);
	if (bind_for_group(fd, &sun, gid) == -1 || listen(fd, HTTP_BACKLOG) == -1)
		return (close_failed(fd));
	return (fd);
}

/* Between bind and connect anybody could send. */
static void
drain(int fd)
{
	char byte;
	int i;

	for (i = 0; i < DRAIN_MAX; i++)
		if (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) == -1)
			return;
}

int
upstream_configure(int fd, const struct upstream *upstream)
{
	int path = upstream->whole ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_WANT;

	if (set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1) == -1 ||
	    set_int(fd, SOL_SOCKET, SO_RXQ_OVFL, 1) == -1 ||
	    set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, path) == -1 ||
	    /* Else nobody would hear of a neighbour that is not there. */
	    set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, 1) == -1 ||
	    set_buffers(fd, upstream->buffer_size) == -1)
		return (-1);
	offload_set(fd, upstream->trains);
	return (0);
}

/* All of a session's socket but its peer; `absent`: its source address may be. */
static int
bind_upstream(const struct upstream *upstream, uint16_t port, int absent)
{
	struct sockaddr_in6 source = upstream->source;
	int fd;

	source.sin6_family = AF_INET6;
	source.sin6_port = htons(port);
	if ((fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return (-1);
	/* A chosen port: connect(2) alone would search the whole table when it is nearly full. */
	if (set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) == -1 ||
	    (absent && set_int(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) == -1) ||
	    bind(fd, (const struct sockaddr *)&source, sizeof(source)) == -1 ||
	    upstream_configure(fd, upstream) == -1)
		return (close_failed(fd));
	return (fd);
}

static int
connect_upstream(int fd, const struct upstream *upstream)
{
	return (connect(
	    fd, (const struct sockaddr *)&upstream->address, sizeof(upstream->address)));
}

int
upstream_open(const struct upstream *upstream, uint16_t port)
{
	int fd;

	if ((fd = bind_upstream(upstream, port, 0)) == -1)
		return (-1);
	if (connect_upstream(fd, upstream) == -1)
		return (close_failed(fd));
	drain(fd);
	return (fd);
}

int
upstream_bind(const struct upstream *upstream, uint16_t port, int *connected)
{
	int fd;

	/* An address may come later, or not be in use before it has proved to be unique. */
	if ((fd = bind_upstream(upstream, port, 1)) == -1)
		return (-1);
	*connected = connect_upstream(fd, upstream) == 0;
	if (!*connected && upstream_is_exhaustion(errno))
		return (close_failed(fd));
	drain(fd);
	return (fd);
}

int
upstream_rebind(
    int fd, const struct upstream *upstream, const struct sockaddr_in6 *source, uint16_t port)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	struct sockaddr_in6 local = { 0 };
	socklen_t len = sizeof(local);
	int connected;

	if (IN6_IS_ADDR_UNSPECIFIED(&source->sin6_addr) ||
	    getsockname(fd, (struct sockaddr *)&local, &len) == -1 ||
	    IN6_ARE_ADDR_EQUAL(&local.sin6_addr, &source->sin6_addr))
		return (fd);
	/* What stays without a peer is what it was bound to. */
	(void)connect(fd, &nobody, sizeof(nobody));
	len = sizeof(local);
	if (getsockname(fd, (struct sockaddr *)&local, &len) == 0 &&
	    IN6_IS_ADDR_UNSPECIFIED(&local.sin6_addr))
		return (fd);
	close(fd);
	return (upstream_bind(upstream, port, &connected));
}

int
upstream_find_interfaces(struct upstream *upstream)
{
	if (endpoint_find_interface(&upstream->address, upstream->interface) == -1)
		return (-1);
	return (endpoint_find_interface(&upstream->source, upstream->source_interface));
}

char *
upstream_format(const struct upstream *upstream, char *buf)
{
	char address[INET6_ADDRSTRLEN];

	if (upstream->interface[0] == '\0')
		return (endpoint_format_ipv6(&upstream->address, buf));
	inet_ntop(AF_INET6, &upstream->address.sin6_addr, address, sizeof(address));
	snprintf(buf, ENDPOINT_STRLEN, "[%s%%%s]:%u", address, upstream->interface,
	    ntohs(upstream->address.sin6_port));
	return (buf);
}

int
upstream_is_exhaustion(int error)
{
	/* EAGAIN is connect(2)'s, when it finds no port. */
	return (error == EADDRINUSE || error == EAGAIN || error == EMFILE || error == ENFILE ||
	    error == ENOMEM || error == ENOBUFS);
}

int
upstream_probe(const struct upstream *upstream, struct sockaddr_in6 *source, uint32_t *path_mtu)
{
	socklen_t len = sizeof(*source), mtu_len = sizeof(*path_mtu);
	int fd, saved, error;

	if ((fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	error = upstream->source.sin6_family == 0
	    ? 0
	    : bind(fd, (const struct sockaddr *)&upstream->source, sizeof(upstream->source));
	if (error == 0)
		error = connect(
		    fd, (const struct sockaddr *)&upstream->address, sizeof(upstream->address));
	if (error == 0)
		error = getsockname(fd, (struct sockaddr *)source, &len);
	if (error == 0 && path_mtu != NULL)
		error = getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, path_mtu, &mtu_len);
	saved = errno;
	close(fd);
	errno = saved;
	return (error);
}

/* Whether the socket has this source and goes through the upstream's interface. */
static int
goes_right(int fd, const struct upstream *upstream, const struct sockaddr_in6 *source)
{
	struct sockaddr_in6 local = { 0 }, peer = { 0 };
	socklen_t len = sizeof(local);

	(void)getsockname(fd, (struct sockaddr *)&local, &len);
	len = sizeof(peer);
	(void)getpeername(fd, (struct sockaddr *)&peer, &len);
	return (IN6_ARE_ADDR_EQUAL(&local.sin6_addr, &source->sin6_addr) &&
	    local.sin6_scope_id == source->sin6_scope_id &&
	    peer.sin6_scope_id == upstream->address.sin6_scope_id);
}

int
upstream_move(int fd, const struct upstream *upstream, const struct sockaddr_in6 *source)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	/* A connected socket keeps source and interface; without a peer it gets both afresh. */
	if (!goes_right(fd, upstream, source)) {
		if (connect(fd, &nobody, sizeof(nobody)) == -1)
			return (-1);
		/* As when it was bound to a link-local source. */
		if (source->sin6_scope_id != 0)
			(void)set_int(
			    fd, SOL_SOCKET, SO_BINDTOIFINDEX, (int)source->sin6_scope_id);
	}
	return (connect_upstream(fd, upstream));
}
