/* A command line of any words: it is taken or refused with a message, and durations go back. */
#include <stdlib.h>
#include <string.h>

#include "common/duration.h"
#include "supervisor/command_line.h"
#include "supervisor/options.h"

#define WORDS 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_duration(const char *text)
{
	char written[DURATION_STRLEN];
	int64_t ns, again;

	if (duration_parse(text, &ns) != NULL)
		return;
	if (ns < 0 ||
	    duration_parse(duration_format(ns, written, sizeof(written)), &again) != NULL ||
	    again != ns)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct options options;
	char *argv[WORDS + 2], *words, *word, *rest, error[OPTIONS_ERROR_MAX] = "";
	int argc = 0;

	if ((words = malloc(size + 1)) == NULL)
		return (0);
	memcpy(words, data, size);
	words[size] = '\0';
	rest = words;
	argv[argc++] = (char *)(uintptr_t) "udp46";
	while (argc <= WORDS && (word = strsep(&rest, "\n")) != NULL) {
		check_duration(word);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	if (command_line_parse(&options, argc, argv, error, sizeof(error)) != 0) {
		if (error[0] == '\0')
			abort();
	} else if (options.action == OPTIONS_RUN &&
	    (options.listeners == 0 || options.unreplied_timeout > options.session_timeout))
		abort();
	options_free(&options);
	free(words);
	return (0);
}
