#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "supervisor/ctl/fault.h"
#include "supervisor/ctl/line.h"
#include "supervisor/ctl/list.h"
#include "supervisor/ctl/report.h"
#include "supervisor/ctl/row_reader.h"
#include "supervisor/ctl/settings.h"

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
	return (fault_set(t->fault, FAULT_NONSENSE,
	    "more than %d sessions, or no memory for them: ask for some, with --client or --state",
	    ROWS_MAX));
}

/* What the server can leave out, it need not send. */
static void
make_query(const struct row_filter *f, char query[64])
{
	char client[INET_ADDRSTRLEN] = "";

	if (f->has_client)
		inet_ntop(AF_INET, &f->client, client, sizeof(client));
	snprintf(query, 64, "%s%s%s%s", f->has_client ? "?client=" : "", client,
	    !f->has_state	? ""
		: f->has_client ? "&state="
				: "?state=",
	    f->has_state ? session_state_names[f->state] : "");
}

static void
print_rows(const struct rows *rows, size_t count, int json)
{
	char line[LINE_SIZE];
	size_t i;

	/* One by one: all of them would take ten times the memory. */
	if (json) {
		puts("[");
		for (i = 0; i < count; i++) {
			if (i > 0)
				puts(",");
			report_print(report_row(&rows->row[i], 0));
		}
		puts("]");
		return;
	}
	puts(line_of_totals(line, NULL, 0));
	for (i = 0; i < count; i++)
		puts(line_of_totals(line, &rows->row[i], clock_wall()));
}

int
list_run(const struct settings *s, struct http_client *client, struct fault *fault)
{
	struct taking taking = { .filter = &s->filter, .fault = fault };
	char query[64];
	size_t count;

	make_query(&s->filter, query);
	if (row_reader_get(client, query, take_row, &taking, fault) == -1) {
		rows_free(&taking.rows);
		return (-1);
	}
	rows_sort(&taking.rows, s->sort, s->reverse);
	count = taking.rows.count;
	if (s->limit != 0 && s->limit < count)
		count = (size_t)s->limit;
	print_rows(&taking.rows, count, s->json);
	rows_free(&taking.rows);
	return (0);
}
