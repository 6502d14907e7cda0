/*
 * udp46ctl: what a running udp46 does, for people and for monitoring.  It is a client of the HTTP
 * that the metrics child serves, and needs no privilege but to connect there.  What comes back is
 * believed as little as if it came from a stranger: it may be one who listens there.  So names are
 * looked up, and the terminal is taken over, first; then a filter leaves nothing but connections
 * and what standard output takes.
 */
#include <sys/prctl.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/filter.h"
#include "supervisor/ctl/check.h"
#include "supervisor/ctl/drops.h"
#include "supervisor/ctl/fault.h"
#include "supervisor/ctl/http_client.h"
#include "supervisor/ctl/list.h"
#include "supervisor/ctl/overview.h"
#include "supervisor/ctl/screen.h"
#include "supervisor/ctl/settings.h"
#include "supervisor/ctl/target.h"
#include "supervisor/ctl/top.h"
#include "supervisor/version.h"
#include "supervisor/visible.h"

typedef int run(
    const struct settings *settings, struct http_client *client, struct fault *fault);

static run *const commands[] = { overview_run, list_run, top_run, drops_run, check_run };
_Static_assert(sizeof(commands) / sizeof(commands[0]) == CTL_HELP, "");

/* Whatever reads standard output must get all of it, or the exit status says so. */
static void __attribute__((noreturn)) finish(int status)
{
	if (fflush(stdout) == EOF || ferror(stdout)) {
		if (errno != EPIPE)
			warn("standard output");
		status = status == 0 ? EXIT_FAULT : status;
	}
	/* The C library has nothing more to do that the filter would let it. */
	_exit(status);
}

/* A plug-in's caller reads standard output and knows four statuses. */
static void __attribute__((noreturn)) give_up(int is_check, int status, const char *text)
{
	char shown[VISIBLE_SIZE(FAULT_TEXT_MAX)];

	visible(shown, sizeof(shown), text);
	if (is_check) {
		printf("udp46 UNKNOWN: %s\n", shown);
		finish(VERDICT_UNKNOWN);
	}
	warnx("%s", shown);
	finish(status);
}

static void
confine_ourselves(void)
{
	/* Before it cannot be opened any more: where local time is told from. */
	tzset();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 || filter_enter(&ctl_filter) == -1)
		warn("cannot lock ourselves up: seccomp");
}

int
main(int argc, char *argv[])
{
	static struct settings settings;
	static struct target target;
	struct http_client client = { &target, 0, -1 };
	struct fault fault = { FAULT_OURS, "" };
	char error[SETTINGS_ERROR_MAX];
	int status, is_check;

	setprogname("udp46ctl");
	(void)signal(SIGPIPE, SIG_IGN);
	if (settings_parse(&settings, argc, argv, error) == -1)
		give_up(settings.command == CTL_CHECK, EXIT_WRONG, error);
	if (settings.command == CTL_HELP)
		settings_usage(stdout);
	else if (settings.command == CTL_VERSION)
		printf("udp46ctl version=%s commit=%s date=%s\n", version, version_commit,
		    version_date);
	if (settings.command >= CTL_HELP)
		finish(0);
	is_check = settings.command == CTL_CHECK;
	client.timeout = settings.timeout;
	if (target_parse(&target, settings.metrics, &fault) == -1)
		give_up(is_check, EXIT_FAULT, fault.text);
	if (settings.command == CTL_TOP && !settings.json && screen_open(&fault) == -1)
		give_up(0, EXIT_FAULT, fault.text);
	confine_ourselves();
	if ((status = commands[settings.command](&settings, &client, &fault)) == -1)
		give_up(is_check, EXIT_FAULT, fault.text);
	finish(status);
}
