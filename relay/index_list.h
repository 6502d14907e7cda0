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

/* A list in order of age: any element can leave it.  Linked by their `older` and `newer`. */
struct age_list {
	uint32_t oldest, newest; /* indices, NONE while the list is empty */
};

#define AGE_LIST_APPEND(list, array, i)                      \
	do {                                                 \
		(array)[i].older = (list)->newest;           \
		(array)[i].newer = NONE;                     \
		if ((list)->newest != NONE)                  \
			(array)[(list)->newest].newer = (i); \
		else                                         \
			(list)->oldest = (i);                \
		(list)->newest = (i);                        \
	} while (0)

#define AGE_LIST_REMOVE(list, array, i)                                     \
	do {                                                                \
		if ((array)[i].older != NONE)                               \
			(array)[(array)[i].older].newer = (array)[i].newer; \
		else                                                        \
			(list)->oldest = (array)[i].newer;                  \
		if ((array)[i].newer != NONE)                               \
			(array)[(array)[i].newer].older = (array)[i].older; \
		else                                                        \
			(list)->newest = (array)[i].older;                  \
	} while (0)

/* Buckets of a hash table hold index + 1, so that fresh pages mean "empty". */
static inline uint32_t
bucket_get(uint32_t bucket)
{
	return (bucket == 0 ? NONE : bucket - 1);
}

#endif
