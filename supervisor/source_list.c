/*
 * From prefixes to a table of ranges: they are sorted by address and length, so that each comes
 * after all that it is in; then one pass over them finds where one verdict ends and the next
 * begins.  All of it in small steps, since the supervisor has other things to do.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/source_table.h"
#include "supervisor/source_list.h"

/* Prefixes, ranges or blocks in one step. */
#define STEP 8192

#define BLOCK_SIZE (UINT32_MAX / SOURCE_BLOCKS + 1)

/* ---- one prefix ---- */

static uint32_t
mask_of(uint32_t length)
{
	return (length == 0 ? 0 : UINT32_MAX << (32 - length));
}

static uint32_t
last_of(const struct source_prefix *p)
{
	return (p->address | ~mask_of(p->length));
}

/* A plain decimal number up to 32, or -1. */
static int
parse_length(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	int length;

	if (digits == 0 || digits > 2 || text[digits] != '\0' ||
	    (digits == 2 && text[0] == '0'))
		return (-1);
	length = atoi(text);
	return (length <= 32 ? length : -1);
}

const char *
source_prefix_parse(const char *text, struct source_prefix *p)
{
	static char wrong[64];
	char address[INET_ADDRSTRLEN], right[SOURCE_PREFIX_STRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct in_addr in;
	int length = slash != NULL ? parse_length(slash + 1) : 32;

	if (n >= sizeof(address))
		return ("is no IPv4 prefix");
	memcpy(address, text, n);
	address[n] = '\0';
	if (inet_pton(AF_INET, address, &in) != 1)
		return ("is no IPv4 prefix");
	if (length == -1)
		return ("has no length from 0 to 32");
	p->length = (uint8_t)length;
	p->address = ntohl(in.s_addr) & mask_of(p->length);
	if (p->address == ntohl(in.s_addr))
		return (NULL);
	snprintf(
	    wrong, sizeof(wrong), "has host bits, %s has none", source_prefix_format(p, right));
	return (wrong);
}

char *
source_prefix_format(const struct source_prefix *p, char *buf)
{
	snprintf(buf, SOURCE_PREFIX_STRLEN, "%u.%u.%u.%u/%u", p->address >> 24,
	    p->address >> 16 & 0xff, p->address >> 8 & 0xff, p->address & 0xff,
	    p->length & 0x3fU);
	return (buf);
}

/* ---- sorting: a pass for the length, then one for each byte of the address ---- */

static uint32_t
key_of(const struct source_prefix *p, uint32_t pass)
{
	return (pass == 0 ? p->length : p->address >> 8 * (pass - 1) & 0xff);
}

int
source_list_add(struct source_list *l, const struct source_prefix *p)
{
	struct source_prefix *prefix;
	uint32_t pass, room;

	if (l->count == SOURCE_PREFIXES_MAX) {
		errno = E2BIG;
		return (-1);
	}
	if (l->count == l->room) {
		room = l->room == 0 ? 64 : 2 * l->room;
		if ((prefix = reallocarray(l->prefix, room, sizeof(*prefix))) == NULL)
			return (-1);
		l->prefix = prefix;
		l->room = room;
	}
	l->prefix[l->count++] = *p;
	l->allows |= p->allow;
	for (pass = 0; pass < SOURCE_PASSES; pass++)
		l->keys[pass][key_of(p, pass)]++;
	return (0);
}

/* How often each key is there becomes where the first with it goes. */
static void
sum_up(uint32_t *keys)
{
	uint32_t i, n, sum = 0;

	for (i = 0; i < 256; i++) {
		n = keys[i];
		keys[i] = sum;
		sum += n;
	}
}

static int
sort(struct source_list *l)
{
	struct source_prefix *sorted;
	uint32_t i, end = l->count - l->next < STEP ? l->count : l->next + STEP;

	if (l->other == NULL &&
	    (l->other = reallocarray(NULL, l->count + 1, sizeof(*l->other))) == NULL)
		return (-1);
	if (l->next == 0)
		sum_up(l->keys[l->pass]);
	for (i = l->next; i < end; i++)
		l->other[l->keys[l->pass][key_of(&l->prefix[i], l->pass)]++] = l->prefix[i];
	l->next = end;
	if (end < l->count)
		return (0);
	sorted = l->other;
	l->other = l->prefix;
	l->prefix = sorted;
	l->next = 0;
	if (++l->pass == SOURCE_PASSES)
		l->work = SOURCE_LAY_OUT;
	return (0);
}

/* ---- laying out ---- */

/* From this address on the verdict is such; what was said of it before no longer counts. */
static void
begin_range(struct source_table *t, uint32_t address, int allow)
{
	if (t->ranges > 0 && t->start[t->ranges - 1] == address)
		t->ranges--;
	if (t->ranges == 0)
		t->first_allowed = (uint32_t)allow;
	else if ((((t->ranges - 1) & 1) ^ t->first_allowed) == (uint32_t)allow)
		return;
	t->start[t->ranges++] = address;
}

/* The innermost prefix ends: what it is in goes on. */
static void
leave(struct source_list *l)
{
	uint32_t last = l->around[--l->depth].last;

	if (last != UINT32_MAX)
		begin_range(l->table, last + 1,
		    l->depth > 0 ? l->around[l->depth - 1].allow : !l->allows);
}

static void
enter(struct source_list *l, const struct source_prefix *p)
{
	while (l->depth > 0 && l->around[l->depth - 1].last < p->address)
		leave(l);
	l->around[l->depth].last = last_of(p);
	l->around[l->depth++].allow = p->allow;
	begin_range(l->table, p->address, p->allow);
}

static int
lay_out(struct source_list *l, struct source_prefix conflict[2])
{
	const struct source_prefix *p;
	uint32_t i, end = l->count - l->next < STEP ? l->count : l->next + STEP;

	if (l->table == NULL) {
		/* Each prefix begins a range and ends one. */
		if ((l->table = calloc(1, source_table_size(2 * l->count + 1))) == NULL)
			return (-1);
		begin_range(l->table, 0, !l->allows);
	}
	for (i = l->next; i < end; i++) {
		p = &l->prefix[i];
		if (i == 0 || p->address != p[-1].address || p->length != p[-1].length) {
			enter(l, p);
			continue;
		}
		if (p->allow != p[-1].allow) {
			memcpy(conflict, p - 1, 2 * sizeof(*p));
			errno = EEXIST;
			return (-1);
		}
	}
	l->next = end;
	if (end < l->count)
		return (0);
	while (l->depth > 0)
		leave(l);
	l->next = 0;
	l->work = SOURCE_INDEX;
	return (0);
}

static void
index_blocks(struct source_list *l)
{
	struct source_table *t = l->table;
	uint32_t i;

	for (i = 0; i < STEP && l->next < SOURCE_BLOCKS; i++) {
		if (l->range + 1 < t->ranges && t->start[l->range + 1] <= l->next * BLOCK_SIZE)
			l->range++;
		else
			t->block[l->next++] = l->range;
	}
	if (l->next < SOURCE_BLOCKS)
		return;
	t->block[SOURCE_BLOCKS] = t->ranges - 1;
	l->work = SOURCE_DONE;
}

int
source_list_build(struct source_list *l, struct source_prefix conflict[2])
{
	int error = 0;

	switch (l->work) {
	case SOURCE_SORT:
		error = sort(l);
		break;
	case SOURCE_LAY_OUT:
		error = lay_out(l, conflict);
		break;
	case SOURCE_INDEX:
		index_blocks(l);
		break;
	case SOURCE_DONE:
		break;
	}
	return (error == -1 ? -1 : l->work == SOURCE_DONE);
}

void
source_list_free(struct source_list *l)
{
	free(l->prefix);
	free(l->other);
	free(l->table);
	memset(l, 0, sizeof(*l));
}
