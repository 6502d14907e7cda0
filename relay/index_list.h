#ifndef RELAY_INDEX_LIST_H
#define RELAY_INDEX_LIST_H

#include <stdint.h>

/* No session, no socket: an index that none has. */
#define NONE UINT32_MAX

/* A first-in, first-out list of elements of an array, linked by their `next`. */
struct index_list {
	uint32_t first, last; /* indices; first is NONE while the list is empty */
};

#define INDEX_LIST_PUSH(list, array, i)                   \
	do {                                              \
		(array)[i].next = NONE;                   \
		if ((list)->first == NONE)                \
			(list)->first = (i);              \
		else                                      \
			(array)[(list)->last].next = (i); \
		(list)->last = (i);                       \
	} while (0)

/* Of a list that is not empty. */
#define INDEX_LIST_POP(list, array) ((list)->first = (array)[(list)->first].next)

#endif
