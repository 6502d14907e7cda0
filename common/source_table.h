#ifndef COMMON_SOURCE_TABLE_H
#define COMMON_SOURCE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Which IPv4 addresses may open sessions, laid out for looking: the address space is cut into
 * ranges, which are allowed and denied in turn.  The table is in a memfd that the supervisor
 * fills and seals and every relay maps.  Addresses in it are in host byte order.
 */
#define SOURCE_BLOCKS 65536

struct source_table {
	uint32_t ranges;	/* at least 1 */
	uint32_t first_allowed; /* 1 or 0: whether the first is */
	/* The range that the first address of each block is in; and at the end the last range. */
	uint32_t block[SOURCE_BLOCKS + 1];
	uint32_t start[]; /* of each range, ascending from 0 */
};

/* The size of a table of so many ranges, in bytes. */
size_t source_table_size(uint32_t ranges);

/*
 * Whether a table of so many bytes can be looked at without leaving it: what it says is its
 * maker's word.
 */
int source_table_holds(const struct source_table *table, size_t size);

/* Whether an address, in network byte order, may open sessions. */
int source_table_allows(const struct source_table *table, uint32_t address);

#endif
