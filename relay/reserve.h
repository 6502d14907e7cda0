#ifndef RELAY_RESERVE_H
#define RELAY_RESERVE_H

#include <stddef.h>

/*
 * Address space for `count` zeroed elements of `size` bytes, whose pages become memory when they
 * are touched; malloc(3) would touch some.  Returns NULL with errno ENOMEM.
 */
void *reserve(size_t count, size_t size);

/* Give it back; NULL is fine. */
void release(void *p, size_t count, size_t size);

#endif
