/*
 * A configuration file of any bytes: it is taken, or refused with a message about a line; and what
 * is printed of it, given back, prints the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_file.h"
#include "supervisor/options.h"
#include "supervisor/options_file.h"
#include "supervisor/options_print.h"
#include "supervisor/options_together.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_error(const char *error, uint32_t number)
{
	if (*error == '\0' || number == 0)
		abort();
}

/* What blame says must be in the file. */
static void
check_blame(const struct config_file *file, const struct blame *blame)
{
	int i, found = blame->flag[0] == NULL;

	for (i = 0; i < 2 && blame->flag[i] != NULL; i++)
		found |=
		    options_file_line(file, options_find(blame->flag[i]), blame->nth[i]) != 0;
	if (!found)
		abort();
}

/* Returns the text of all options, or NULL if it is refused. */
static char *
take(const char *data, size_t size, size_t *length)
{
	struct config_file file = { .text = NULL };
	struct options options;
	struct blame blame;
	char error[OPTIONS_ERROR_MAX] = "", *text = malloc(size + 1), *printed = NULL;
	FILE *out;

	options_init(&options);
	memcpy(text, data, size);
	if (config_file_parse(&file, text, size) == -1)
		check_error(file.error, file.number);
	else if (options_file_take(&options, &file, error, sizeof(error)) == -1)
		check_error(error, file.number);
	else if (options_together(&options, &blame, error, sizeof(error)) == -1)
		check_blame(&file, &blame);
	else if ((out = open_memstream(&printed, length)) != NULL) {
		options_print(&options, out);
		fclose(out);
	}
	config_file_free(&file);
	options_free(&options);
	return (printed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *once, *again;
	size_t length, other;

	if ((once = take((const char *)data, size, &length)) == NULL)
		return (0);
	if ((again = take(once, length, &other)) == NULL || other != length ||
	    memcmp(once, again, length) != 0)
		abort();
	free(once);
	free(again);
	return (0);
}
