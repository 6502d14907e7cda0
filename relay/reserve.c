#include <sys/mman.h>

#include "relay/reserve.h"

void *
reserve(size_t count, size_t size)
{
	void *p;

	p = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return (p == MAP_FAILED ? NULL : p);
}

void
release(void *p, size_t count, size_t size)
{
	if (p != NULL)
		munmap(p, count * size);
}
