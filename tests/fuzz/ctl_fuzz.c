/*
 * What a server that is none of ours could send to udp46ctl: both documents, in pieces.  They are
 * taken, or refused with a reason; and what was taken of a session keeps to its columns.
 *
 * The first byte is the size of the pieces, and its lowest bit the kind of document.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/line.h"
#include "supervisor/ctl/row.h"
#include "supervisor/ctl/row_reader.h"
#include "supervisor/ctl/samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take_sample(void *arg, const struct sample *sample)
{
	size_t i, length = strlen(sample->name);

	(void)arg;
	if (length == 0 || sample->labels > SAMPLES_LABELS_MAX)
		abort();
	for (i = 0; i < sample->labels; i++)
		length += strlen(sample->label[i].name) + strlen(sample->label[i].value);
	if (length > SAMPLES_LINE_MAX)
		abort();
}

static void
read_samples(const char *data, size_t size, size_t piece)
{
	static struct samples samples;
	size_t i, n;
	int status = 0;

	samples_init(&samples, take_sample, NULL);
	for (i = 0; i < size && status == 0; i += n) {
		n = size - i < piece ? size - i : piece;
		status = samples_feed(&samples, data + i, n);
	}
	if (status == 0)
		status = samples_end(&samples);
	if ((status == -1) != (samples.error != NULL))
		abort();
}

static int
take_row(void *arg, const struct row *row)
{
	char line[LINE_SIZE];
	const char *c;

	(void)arg;
	if (strlen(line_of_totals(line, row, INT64_MAX)) > 80)
		abort();
	for (c = line; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			abort();
	if (strlen(line_of_rates(line, row, 0)) > LINE_WIDE)
		abort();
	return (0);
}

static void
read_rows(const char *data, size_t size, size_t piece)
{
	struct row_reader reader;
	size_t i, n;
	int status = 0;

	if (row_reader_init(&reader, take_row, NULL) == -1)
		abort();
	for (i = 0; i < size && status == 0; i += n) {
		n = size - i < piece ? size - i : piece;
		status = row_reader_feed(&reader, data + i, n);
	}
	if (status == 0)
		status = row_reader_end(&reader);
	if ((status == -1) != (reader.error != NULL))
		abort();
	row_reader_free(&reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return (0);
	if (data[0] & 1)
		read_samples((const char *)data + 1, size - 1, 1U + data[0] / 2);
	else
		read_rows((const char *)data + 1, size - 1, 1U + data[0] / 2);
	return (0);
}
