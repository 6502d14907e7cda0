/* What the helpers `crowd` and `mirror` say to each other. */

#ifndef TESTS_SYSTEM_CROWD_H
#define TESTS_SYSTEM_CROWD_H

#include <stdint.h>

struct crowd_datagram {
	uint32_t tag;	 /* of this crowd */
	uint32_t client; /* who of it */
	uint32_t number; /* of this client's datagrams */
	/* Filled in by the mirror: */
	uint16_t port;	 /* where it came from */
	uint16_t source; /* the last two bytes of that address */
	uint16_t home;	 /* and of that to which it came */
	uint16_t pad;
};

#endif
