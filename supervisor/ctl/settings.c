/*
 * The command line, from two tables: commands, and flags with the commands that take them.  The
 * help is made of the same tables.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/duration.h"
#include "supervisor/ctl/settings.h"

#define SHORTEST_INTERVAL (100 * MILLISECOND)
#define LONGEST_INTERVAL (86400 * SECOND)

const struct settings_command settings_commands[] = {
	{ "status", "how udp46 is, on one screen" },
	{ "sessions", "one line for each open session" },
	{ "top", "the same, live, with rates" },
	{ "drops", "what was dropped, why, and what to do about it" },
	{ "check", "for monitoring: exit 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN" },
	{ "help", "this text" },
	{ "version", "the version of this program" },
};
_Static_assert(sizeof(settings_commands) / sizeof(settings_commands[0]) == CTL_COMMAND_MAX, "");

#define STATUS (1U << CTL_STATUS)
#define SESSIONS (1U << CTL_SESSIONS)
#define TOP (1U << CTL_TOP)
#define DROPS (1U << CTL_DROPS)
#define CHECK (1U << CTL_CHECK)
#define ALL (STATUS | SESSIONS | TOP | DROPS | CHECK)

/* ---- values ---- */

/* Each stores a value and returns NULL, or what would be right. */

static const char *
set_text(void *to, const char *value)
{
	*(const char **)to = value;
	return (*value == '\0' ? "an address" : NULL);
}

static const char *
set_true(void *to, const char *value)
{
	(void)value;
	*(int *)to = 1;
	return (NULL);
}

static const char *
set_duration(void *to, const char *value)
{
	if (duration_parse(value, to) != NULL || *(int64_t *)to < SHORTEST_INTERVAL ||
	    *(int64_t *)to > LONGEST_INTERVAL)
		return ("a duration from 100ms to 24h, as in 2s");
	return (NULL);
}

static const char *
set_silence(void *to, const char *value)
{
	return (duration_parse(value, to) == NULL ? NULL : "a duration, as in 30s; 0: never");
}

static const char *
set_number(void *to, const char *value)
{
	const char *error = "";

	if (*value != '\0' && value[strspn(value, "0123456789")] == '\0')
		*(uint64_t *)to = (uint64_t)strtonum(value, 1, 1000000000, &error);
	return (error == NULL ? NULL : "a number from 1 to 1000000000");
}

static const char *
set_rate(void *to, const char *value)
{
	char *end = NULL;

	if (*value != '\0' && value[strspn(value, "0123456789.")] == '\0')
		*(double *)to = strtod(value, &end);
	return (end != NULL && *end == '\0' ? NULL : "a number, as in 10 or 0.5");
}

static const char *
set_percent(void *to, const char *value)
{
	return (set_rate(to, value) == NULL && *(double *)to <= 100 ? NULL
								    : "a number from 0 to 100");
}

static const char *
set_client(void *to, const char *value)
{
	struct row_filter *f = to;

	f->has_client = 1;
	return (inet_pton(AF_INET, value, &f->client) == 1 ? NULL : "an IPv4 address");
}

static const char *
set_listener(void *to, const char *value)
{
	struct row_filter *f = to;

	return (endpoint_parse_ipv4(value, &f->listener) == NULL
		? NULL
		: "what --listen of udp46 has, as in 203.0.113.1:51820; 0.0.0.0: any address");
}

static const char *
set_port(void *to, const char *value)
{
	const char *error = "";

	if (value[strspn(value, "0123456789")] == '\0')
		((struct row_filter *)to)->port =
		    (uint16_t)strtonum(value, 1, UINT16_MAX, &error);
	return (error == NULL ? NULL : "a port from 1 to 65535");
}

static const char *
set_state(void *to, const char *value)
{
	struct row_filter *f = to;

	f->has_state = 1;
	for (f->state = 0; f->state < SESSION_CLOSED; f->state++)
		if (strcmp(value, session_state_names[f->state]) == 0)
			return (NULL);
	return ("unreplied, replied or assured");
}

static const char *
set_sort(void *to, const char *value)
{
	struct settings *s = to;
	int key;

	s->has_sort = 1;
	for (key = 0; key < ROW_KEY_MAX; key++)
		if (strcmp(value, row_key_names[key]) == 0) {
			s->sort = (enum row_key)key;
			return (NULL);
		}
	return ("rate, bytes, packets, idle, age or client");
}

/* ---- flags ---- */

#define PLACE(member) offsetof(struct settings, member)

const struct settings_flag settings_flags[] = {
	{ "metrics", "ADDRESS", ALL, PLACE(metrics), set_text,
	    "HOST:PORT or unix:PATH, as udp46 --metrics.listen;\nelse $UDP46_METRICS, else "
	    "unix:/run/udp46/metrics.sock\nor 127.0.0.1:9108, whichever is there" },
	{ "timeout", "DURATION", ALL, PLACE(timeout), set_duration,
	    "the longest wait for an answer; 5s" },
	{ "json", NULL, ALL, PLACE(json), set_true, "for programs; top: one object a line" },
	{ "interval", "DURATION", STATUS | TOP | DROPS | CHECK, PLACE(interval), set_duration,
	    "between two readings, for rates; 1s, top: 2s" },
	{ "client", "ADDRESS", SESSIONS | TOP, PLACE(filter), set_client,
	    "sessions of this IPv4 address only" },
	{ "listener", "ADDRESS:PORT", SESSIONS | TOP, PLACE(filter), set_listener,
	    "sessions of this listener only" },
	{ "state", "STATE", SESSIONS | TOP, PLACE(filter), set_state,
	    "unreplied, replied or assured ones only" },
	{ "port", "PORT", SESSIONS | TOP, PLACE(filter), set_port,
	    "those with this port, at the client or the upstream" },
	{ "sort", "KEY", SESSIONS | TOP, 0, set_sort, /* it takes two places */
	    "rate (top only), bytes, packets, idle, age or client" },
	{ "reverse", NULL, SESSIONS | TOP, PLACE(reverse), set_true, "the other way round" },
	{ "limit", "NUMBER", SESSIONS | TOP, PLACE(limit), set_number,
	    "so many sessions at most" },
	{ "count", "NUMBER", TOP, PLACE(count), set_number, "end after so many readings" },
	{ "silence", "DURATION", STATUS | TOP | CHECK, PLACE(thresholds.silence), set_silence,
	    "critical when the upstream answers nobody for so long\nalthough clients ask; 30s" },
	{ "warning-sessions", "PERCENT", STATUS | TOP | CHECK,
	    PLACE(thresholds.sessions[VERDICT_WARNING]), set_percent,
	    "of what can be open: warn from there on; 80" },
	{ "critical-sessions", "PERCENT", STATUS | TOP | CHECK,
	    PLACE(thresholds.sessions[VERDICT_CRITICAL]), set_percent,
	    "the same, critical; 95" },
	{ "warning-drops", "RATE", STATUS | TOP | CHECK,
	    PLACE(thresholds.drops[VERDICT_WARNING]), set_rate,
	    "datagrams dropped a second: warn above; 1" },
	{ "critical-drops", "RATE", STATUS | TOP | CHECK,
	    PLACE(thresholds.drops[VERDICT_CRITICAL]), set_rate, "the same, critical; never" },
};
_Static_assert(sizeof(settings_flags) / sizeof(settings_flags[0]) == SETTINGS_FLAGS, "");

static const struct settings_flag *
find_flag(const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < SETTINGS_FLAGS; i++)
		if (strlen(settings_flags[i].name) == length &&
		    strncmp(settings_flags[i].name, name, length) == 0)
			return (&settings_flags[i]);
	return (NULL);
}

/* -h and -V and their long forms are commands of their own. */
static int
find_command(const char *name)
{
	int i;

	if (strcmp(name, "-h") == 0 || strcmp(name, "-help") == 0 ||
	    strcmp(name, "--help") == 0)
		return (CTL_HELP);
	if (strcmp(name, "-V") == 0 || strcmp(name, "-version") == 0 ||
	    strcmp(name, "--version") == 0)
		return (CTL_VERSION);
	for (i = 0; i < CTL_COMMAND_MAX; i++)
		if (strcmp(name, settings_commands[i].name) == 0)
			return (i);
	return (CTL_COMMAND_MAX);
}

/* ---- the command line ---- */

struct line {
	struct settings *settings;
	char **next; /* argument */
	char *error;
};

#define FAIL(line, ...) (snprintf((line)->error, SETTINGS_ERROR_MAX, __VA_ARGS__), -1)

static int
take_flag(struct line *line, const char *name)
{
	const struct settings_flag *flag;
	const char *value = strchr(name, '='), *wanted;

	flag = find_flag(name, value == NULL ? strlen(name) : (size_t)(value++ - name));
	if (flag == NULL)
		return (FAIL(line, "--%s: no such flag: 'udp46ctl --help' has them all", name));
	if (flag->argument == NULL && value != NULL)
		return (FAIL(line, "--%s: takes no value", flag->name));
	if (flag->argument != NULL && value == NULL && (value = *line->next++) == NULL)
		return (FAIL(line, "--%s: want a value: --%s %s", flag->name, flag->name,
		    flag->argument));
	if (line->settings->command < CTL_HELP &&
	    (flag->commands & 1U << line->settings->command) == 0)
		return (FAIL(line, "--%s: is not for %s: 'udp46ctl --help' says what is",
		    flag->name, settings_commands[line->settings->command].name));
	wanted = flag->set((char *)line->settings + flag->place, value);
	if (wanted != NULL)
		return (FAIL(line, "--%s %s: want %s", flag->name, value, wanted));
	return (0);
}

/* The command may stand anywhere: it decides which flags there are. */
static int
take_command(struct line *line, char *argv[])
{
	struct settings *s = line->settings;
	const struct settings_flag *flag;
	const char *name;
	int found, unknown = 0;

	s->command = CTL_COMMAND_MAX;
	while (*argv != NULL) {
		name = *argv++;
		found = find_command(name);
		if (found == CTL_HELP || found == CTL_VERSION) {
			s->command = (enum ctl_command)found;
			return (0);
		}
		if (*name == '-') {
			name += 1 + (name[1] == '-');
			flag = find_flag(name, strlen(name));
			unknown = flag == NULL && strchr(name, '=') == NULL;
			argv += flag != NULL && flag->argument != NULL && *argv != NULL;
		} else if (found == CTL_COMMAND_MAX && unknown) {
			/* Its value, as it seems; the flag is refused later. */
			unknown = 0;
		} else if (found == CTL_COMMAND_MAX || s->command != CTL_COMMAND_MAX)
			return (FAIL(line, "%s: %s: 'udp46ctl --help' has them all", name,
			    found == CTL_COMMAND_MAX ? "no such command"
						     : "one command at a time"));
		else
			s->command = (enum ctl_command)found;
	}
	if (s->command == CTL_COMMAND_MAX)
		return (FAIL(line, "want a command: status, sessions, top, drops or check"));
	return (0);
}

static void
set_defaults(struct settings *s)
{
	*s = (struct settings){ .timeout = 5 * SECOND,
		.interval = 0,
		.sort = ROW_RATE,
		.thresholds = THRESHOLDS_DEFAULT };
	s->metrics = getenv("UDP46_METRICS");
	if (s->metrics != NULL && *s->metrics == '\0')
		s->metrics = NULL;
}

int
settings_parse(struct settings *s, int argc, char *argv[], char error[SETTINGS_ERROR_MAX])
{
	struct line line = { s, argv + 1, error };
	const char *argument;

	(void)argc;
	set_defaults(s);
	if (take_command(&line, argv + 1) == -1)
		return (-1);
	if (s->command >= CTL_HELP)
		return (0);
	while ((argument = *line.next++) != NULL)
		if (*argument == '-' &&
		    take_flag(&line, argument + 1 + (argument[1] == '-')) == -1)
			return (-1);
	if (s->interval == 0)
		s->interval = s->command == CTL_TOP ? 2 * SECOND : SECOND;
	if (s->command != CTL_TOP && s->has_sort && s->sort == ROW_RATE)
		return (FAIL(&line, "--sort rate: is for top, which measures it: want bytes"));
	if (!s->has_sort && s->command == CTL_SESSIONS)
		s->sort = ROW_CLIENT;
	return (0);
}

/* ---- help ---- */

void
settings_usage(FILE *to)
{
	char name[40];
	const char *line, *end;
	size_t i;

	fprintf(to,
	    "usage: udp46ctl COMMAND [FLAG ...]\n\nShows what a running udp46 does, as "
	    "--metrics.enabled serves it.\n\ncommands:\n");
	for (i = 0; i < CTL_COMMAND_MAX; i++)
		fprintf(
		    to, "  %-10s %s\n", settings_commands[i].name, settings_commands[i].help);
	fprintf(to, "\nflags:\n");
	for (i = 0; i < SETTINGS_FLAGS; i++) {
		snprintf(name, sizeof(name), "--%s %s", settings_flags[i].name,
		    settings_flags[i].argument == NULL ? "" : settings_flags[i].argument);
		line = settings_flags[i].help;
		fprintf(to, "  %-23s", name);
		if (strlen(name) > 23)
			fprintf(to, "\n%25s", "");
		for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
			fprintf(to, " %.*s\n%25s", (int)(end - line), line, "");
		fprintf(to, " %s\n", line);
	}
	fprintf(to,
	    "  %-24sthis text\n  %-24sthe version of this program\n\n"
	    "See udp46ctl(8) for which command takes which flag.\n",
	    "--help, -h", "--version, -V");
}
