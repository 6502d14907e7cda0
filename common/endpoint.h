#ifndef COMMON_ENDPOINT_H
#define COMMON_ENDPOINT_H

#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* Room for "[address%interface]:port", and for "address:port" with IPv4. */
#define ENDPOINT_STRLEN (INET6_ADDRSTRLEN + 16 + 12)

/* The longest host name (RFC 1035, 2.3.4), or an address with its interface. */
#define ENDPOINT_HOST_MAX 255

/*
 * Read "ADDR:PORT" with a literal IPv4 address; port 0 is accepted.  Fills *sin and
 * returns NULL, or returns what is wrong as a phrase for an error message.
 */
const char *endpoint_parse_ipv4(const char *text, struct sockaddr_in *sin);

/*
 * Split "HOST:PORT" or "[HOST]:PORT" into host (of ENDPOINT_HOST_MAX + 1 bytes) and
 * port, which is in host byte order, 0 to 65535.  An unbracketed host holds no colon.
 * Returns NULL, or what is wrong.
 */
const char *endpoint_split(const char *text, char *host, uint16_t *port);

/*
 * Read a literal IPv6 address, which may carry an interface ("fe80::1%eth0"), into *sin6, whose
 * port stays as it is.  An interface in digits is an index and goes to sin6_scope_id.  The name
 * of one goes to `interface` (IF_NAMESIZE bytes), else empty; whether it exists is not asked.
 * An address that is not link-local needs none, and loses it.  Returns 0, or -1 when it is no
 * such literal (EINVAL) or no interface can ever have that name or index (ENODEV).
 */
int endpoint_parse_ipv6(const char *host, struct sockaddr_in6 *sin6, char *interface);

/*
 * Set sin6_scope_id to the index that the interface of this name has now, 0 if there is none;
 * an empty name changes nothing.  Returns 0, or -1 with errno: ENODEV if there is none, others
 * if it cannot be asked (then nothing is changed).
 */
int endpoint_find_interface(struct sockaddr_in6 *sin6, const char *interface);

/*
 * Whether datagrams can be sent to this address, with the interface of that name unless it is
 * empty, as an upstream: returns NULL, or what is wrong with it (IPv4-mapped, multicast,
 * unspecified, link-local without interface).
 */
const char *endpoint_check_upstream(const struct sockaddr_in6 *sin6, const char *interface);

/* Write an address and port into buf (ENDPOINT_STRLEN bytes); both return buf. */
char *endpoint_format_ipv4(const struct sockaddr_in *sin, char *buf);
char *endpoint_format_ipv6(const struct sockaddr_in6 *sin6, char *buf);

/* The same without brackets and port: "fe80::1%eth0". */
char *endpoint_format_address6(const struct sockaddr_in6 *sin6, char *buf);

#endif
