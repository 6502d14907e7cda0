#include <arpa/inet.h>

#include "common/source_table.h"

size_t
source_table_size(uint32_t ranges)
{
	return (sizeof(struct source_table) + (size_t)ranges * sizeof(uint32_t));
}

int
source_table_holds(const struct source_table *table, size_t size)
{
	uint32_t i;

	if (size < source_table_size(1) || table->ranges == 0 ||
	    size != source_table_size(table->ranges) || table->first_allowed > 1)
		return (0);
	for (i = 0; i <= SOURCE_BLOCKS; i++)
		if (table->block[i] >= table->ranges)
			return (0);
	return (1);
}

int
source_table_allows(const struct source_table *table, uint32_t address)
{
	uint32_t a = ntohl(address), block = a / (UINT32_MAX / SOURCE_BLOCKS + 1);
	uint32_t low = table->block[block], high = table->block[block + 1], middle;

	/* The last range that begins at the address or before it. */
	while (low < high) {
		middle = high - (high - low) / 2;
		if (table->start[middle] <= a)
			low = middle;
		else
			high = middle - 1;
	}
	return ((int)((low & 1) ^ table->first_allowed));
}
