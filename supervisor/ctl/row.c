#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/row.h"

const char *const row_key_names[] = { "rate", "bytes", "packets", "idle", "age", "client" };
_Static_assert(sizeof(row_key_names) / sizeof(row_key_names[0]) == ROW_KEY_MAX, "");

int
rows_add(struct rows *rows, const struct row *row)
{
	size_t room;
	void *more;

	if (rows->count == ROWS_MAX)
		return (-1);
	if (rows->count == rows->room) {
		room = rows->room == 0 ? 64 : 2 * rows->room;
		if ((more = reallocarray(rows->row, room, sizeof(*row))) == NULL)
			return (-1);
		rows->row = more;
		rows->room = room;
	}
	rows->row[rows->count++] = *row;
	return (0);
}

void
rows_free(struct rows *rows)
{
	free(rows->row);
	*rows = (struct rows){ .count = 0 };
}

int
row_matches(const struct row_filter *f, const struct row *row)
{
	if (f->has_client && f->client.s_addr != row->client.sin_addr.s_addr)
		return (0);
	if (f->has_state && f->state != row->state)
		return (0);
	if (f->port != 0 && f->port != ntohs(row->client.sin_port) &&
	    f->port != row->local_port)
		return (0);
	if (f->listener.sin_family == 0)
		return (1);
	return (f->listener.sin_port == row->listener.sin_port &&
	    (f->listener.sin_addr.s_addr == 0 ||
		f->listener.sin_addr.s_addr == row->listener.sin_addr.s_addr));
}

int64_t
row_last(const struct row *row)
{
	return (row->last[0] > row->last[1] ? row->last[0] : row->last[1]);
}

/* ---- order ---- */

static int
compare_numbers(double a, double b)
{
	return ((a > b) - (a < b));
}

static uint64_t
place_of(const struct sockaddr_in *sin)
{
	return ((uint64_t)ntohl(sin->sin_addr.s_addr) << 16 | ntohs(sin->sin_port));
}

static double
weight(enum row_key key, const struct row *row)
{
	switch (key) {
	case ROW_RATE:
		return (row->byte_rate[0] + row->byte_rate[1]);
	case ROW_BYTES:
		return ((double)row->bytes[0] + (double)row->bytes[1]);
	case ROW_PACKETS:
		return ((double)row->packets[0] + (double)row->packets[1]);
	case ROW_IDLE:
		return (-(double)row_last(row));
	case ROW_AGE:
		return (-(double)row->created);
	default:
		return (-(double)place_of(&row->client));
	}
}

struct order {
	enum row_key key;
	int sign;
};

static int
compare(const void *one, const void *other, void *arg)
{
	const struct row *a = one, *b = other;
	const struct order *order = arg;
	int c = compare_numbers(weight(order->key, b), weight(order->key, a)) * order->sign;

	if (c == 0)
		c = compare_numbers((double)place_of(&a->client), (double)place_of(&b->client));
	return (c != 0 ? c
		       : compare_numbers(
			     (double)place_of(&a->listener), (double)place_of(&b->listener)));
}

void
rows_sort(struct rows *rows, enum row_key key, int reverse)
{
	struct order order = { key, reverse ? -1 : 1 };

	if (rows->count > 1)
		qsort_r(rows->row, rows->count, sizeof(*rows->row), compare, &order);
}

/* ---- rates ---- */

static int
compare_ids(const void *one, const void *other)
{
	const struct row *a = one, *b = other;

	return ((a->id > b->id) - (a->id < b->id));
}

void
rows_rate(struct rows *now, struct rows *before, int whole, double seconds)
{
	static const struct row none;
	const struct row *key, *was;
	size_t i, d;

	if (seconds <= 0)
		return;
	if (before->count > 0)
		qsort(before->row, before->count, sizeof(*before->row), compare_ids);
	for (i = 0; i < now->count; i++) {
		key = &now->row[i];
		was = before->count == 0
		    ? NULL
		    : bsearch(key, before->row, before->count, sizeof(*key), compare_ids);
		if (was == NULL && !whole)
			continue;
		if (was == NULL)
			was = &none;
		for (d = 0; d < DIRECTION_MAX; d++) {
			if (key->bytes[d] < was->bytes[d] || key->packets[d] < was->packets[d])
				continue;
			now->row[i].packet_rate[d] =
			    (double)(key->packets[d] - was->packets[d]) / seconds;
			now->row[i].byte_rate[d] =
			    (double)(key->bytes[d] - was->bytes[d]) / seconds;
		}
	}
}
