/* A log record as a hostile child could send it: one line comes out, and no control character. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/log_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_line(const struct log_record *record, enum log_format format)
{
	static char line[LOG_LINE_MAX];
	size_t len, i;

	len = log_record_format(record, format, line);
	if (len == 0 || len > sizeof(line) || line[len - 1] != '\n')
		abort();
	for (i = 0; i < len - 1; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_record record;

	if (size < 16)
		return (0);
	memset(&record, 0, sizeof(record));
	memcpy(&record, data, size < sizeof(record) ? size : sizeof(record));
	/* Half of the time a length that fits, or hardly any input would get far. */
	if (data[15] & 1)
		record.length = (uint16_t)(size < sizeof(record) ? size - 16 : LOG_TEXT_MAX);
	if (log_record_check(&record) == -1)
		return (0);
	check_line(&record, LOG_FORMAT_JSON);
	check_line(&record, LOG_FORMAT_TEXT);
	check_line(&record, LOG_FORMAT_JOURNAL);
	return (0);
}
