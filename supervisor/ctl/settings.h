#ifndef SUPERVISOR_CTL_SETTINGS_H
#define SUPERVISOR_CTL_SETTINGS_H

#include <stdint.h>
#include <stdio.h>

#include "supervisor/ctl/row.h"
#include "supervisor/ctl/verdict.h"

/* Exit statuses, but for those of check. */
#define EXIT_FAULT 1 /* what was asked cannot be told */
#define EXIT_WRONG 2 /* the command line */

enum ctl_command {
	CTL_STATUS,
	CTL_SESSIONS,
	CTL_TOP,
	CTL_DROPS,
	CTL_CHECK,
	CTL_HELP,
	CTL_VERSION,
	CTL_COMMAND_MAX
};

/* What the command line says. */
struct settings {
	enum ctl_command command;
	const char *metrics;	   /* NULL: where udp46 serves by default */
	int64_t timeout, interval; /* nanoseconds */
	int json, reverse, has_sort;
	enum row_key sort;
	struct row_filter filter;
	uint64_t limit, count; /* 0: no end */
	struct thresholds thresholds;
};

struct settings_command {
	const char *name;
	const char *help;
};
extern const struct settings_command settings_commands[CTL_COMMAND_MAX];

struct settings_flag {
	const char *name;
	const char *argument;  /* NULL: none */
	unsigned int commands; /* that take it: 1U << CTL_... */
	size_t place;	       /* in struct settings */
	const char *(*set)(void *to, const char *value);
	const char *help;
};
#define SETTINGS_FLAGS 17
extern const struct settings_flag settings_flags[SETTINGS_FLAGS];

#define SETTINGS_ERROR_MAX 512

/* Returns 0, or -1 with an error, in which arguments are not escaped yet; the command, if known. */
int settings_parse(
    struct settings *settings, int argc, char *argv[], char error[SETTINGS_ERROR_MAX]);

/* What --help prints. */
void settings_usage(FILE *to);

#endif
