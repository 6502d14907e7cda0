#include <stdio.h>

#include "common/clock.h"
#include "supervisor/ctl/frame.h"
#include "supervisor/ctl/http_client.h"
#include "supervisor/ctl/reading.h"
#include "supervisor/ctl/row_reader.h"
#include "supervisor/ctl/settings.h"

/* Of more sessions than this only those are asked for that the server finds to come first. */
#define ALL_MAX 5000
#define PART_MAX 1000

struct taking {
	const struct row_filter *filter;
	struct rows rows;
	struct fault *fault;
};

static int
take_row(void *arg, const struct row *row)
{
	struct taking *t = arg;

	if (!row_matches(t->filter, row) || rows_add(&t->rows, row) == 0)
		return (0);
	return (fault_set(t->fault, FAULT_NONSENSE, "more sessions than there can be"));
}

static void
make_query(const struct settings *s, char query[64])
{
	enum row_key key = s->sort;

	if (key != ROW_PACKETS && key != ROW_IDLE)
		key = ROW_BYTES;
	snprintf(query, 64, "?sort=%s&limit=%d", row_key_names[key], PART_MAX);
}

int
frame_read(struct frame *f, const struct settings *s, const struct http_client *client,
    struct fault *fault)
{
	struct taking taking = { .filter = &s->filter, .fault = fault };
	static struct numbers numbers;
	char query[64] = "";
	int64_t now;
	int partial;

	if (numbers_read(client, &numbers, fault) == -1)
		return (-1);
	if ((partial = numbers.active > ALL_MAX))
		make_query(s, query);
	/* While a relay is down nobody knows of sessions, and that is what is to be shown. */
	if (numbers_relays(&numbers, 0) == 0 &&
	    row_reader_get(client, query, take_row, &taking, fault) == -1) {
		rows_free(&taking.rows);
		return (-1);
	}
	now = clock_now();
	f->reading.before = f->number == 0 ? numbers : f->reading.now;
	f->reading.now = numbers;
	f->reading.silence = reading_silence(&numbers, clock_wall());
	f->number++;
	verdict_make(&f->verdict, &s->thresholds, &f->reading);
	if (f->number > 1)
		rows_rate(
		    &taking.rows, &f->rows, f->whole, (double)(now - f->rows_at) / SECOND);
	rows_sort(&taking.rows, s->sort, s->reverse);
	rows_free(&f->rows);
	f->rows = taking.rows;
	f->rows_at = now;
	f->wall = clock_wall();
	f->partial = partial;
	f->whole = !partial && numbers_relays(&numbers, 0) == 0;
	return (0);
}

void
frame_free(struct frame *f)
{
	rows_free(&f->rows);
}
