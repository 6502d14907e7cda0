/*
 * A source file of any bytes, in pieces: it is taken, or refused with a message of printable
 * characters; and what the table of it says is what each of its prefixes says.
 *
 * The first byte is the size of the pieces.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/source_table.h"
#include "supervisor/source_file.h"
#include "supervisor/source_list.h"

#define PREFIXES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
read_all(struct source_file *file, const uint8_t *data, size_t size)
{
	size_t piece = size > 0 ? data[0] + 1U : 1, n, i;

	for (i = 1; i < size; i += n) {
		n = size - i < piece ? size - i : piece;
		if (source_file_take(file, (const char *)data + i, n) == -1)
			return (-1);
	}
	return (source_file_end(file));
}

static void
check_error(const struct source_file *file)
{
	const char *c;

	if (file->error[0] == '\0' || file->line == 0)
		abort();
	for (c = file->error; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			abort();
}

static int
naive(const struct source_prefix *prefix, uint32_t count, int otherwise, uint32_t address)
{
	uint32_t i, best = 0;
	int verdict = otherwise;

	for (i = 0; i < count; i++)
		if (prefix[i].length >= best &&
		    (prefix[i].length == 0 ||
			(address ^ prefix[i].address) >> (32 - prefix[i].length) == 0)) {
			best = prefix[i].length;
			verdict = prefix[i].allow;
		}
	return (verdict);
}

/* At and beside the ends of every prefix. */
static void
check_table(const struct source_list *list, const struct source_prefix *prefix, uint32_t count)
{
	uint32_t i, edge[6], last;
	size_t k;

	for (i = 0; i < count; i++) {
		last = prefix[i].address;
		last |= prefix[i].length == 0
		    ? UINT32_MAX
		    : (uint32_t)(UINT64_C(0xffffffff) >> prefix[i].length);
		edge[0] = prefix[i].address - 1;
		edge[1] = prefix[i].address;
		edge[2] = prefix[i].address + 1;
		edge[3] = last - 1;
		edge[4] = last;
		edge[5] = last + 1;
		for (k = 0; k < sizeof(edge) / sizeof(edge[0]); k++)
			if (source_table_allows(list->table, htonl(edge[k])) !=
			    naive(prefix, count, !list->allows, edge[k]))
				abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct source_list list;
	struct source_file file = { .list = &list };
	struct source_prefix prefix[PREFIXES], conflict[2];
	uint32_t count;
	int built;

	if (read_all(&file, data, size) == -1) {
		check_error(&file);
		source_list_free(&list);
		return (0);
	}
	count = list.count < PREFIXES ? list.count : 0;
	memcpy(prefix, list.prefix != NULL ? list.prefix : prefix, count * sizeof(prefix[0]));
	while ((built = source_list_build(&list, conflict)) == 0)
		continue;
	if (built == -1) {
		if (errno != EEXIST || conflict[0].allow == conflict[1].allow)
			abort();
	} else {
		if (!source_table_holds(list.table, source_table_size(list.table->ranges)))
			abort();
		check_table(&list, prefix, count);
	}
	source_list_free(&list);
	return (0);
}
