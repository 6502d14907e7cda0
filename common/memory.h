#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stddef.h>

/*
 * Memory that outlives whoever maps it: a memfd of zeroes, sealed against any change of its size,
 * as one that shrinks ends by SIGBUS who reads it.  Returns its descriptor, or -1 with errno.  See
 * memfd_create(2).
 */
int memory_create(const char *name, size_t size);

#endif
