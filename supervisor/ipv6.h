#ifndef SUPERVISOR_IPV6_H
#define SUPERVISOR_IPV6_H

/* Returns NULL, or if this host, as it is now, has no IPv6 at all what to do about that. */
const char *ipv6_missing(void);

#endif
