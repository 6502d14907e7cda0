/*
 * Where every process of udp46 begins.  The supervisor is what users start; children are the
 * same binary, executed again under the title that says what they are.
 */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"
#include "relay/relay.h"
#include "supervisor/activation.h"
#include "supervisor/child.h"
#include "supervisor/command_line.h"
#include "supervisor/inherited.h"
#include "supervisor/metrics/metrics.h"
#include "supervisor/options.h"
#include "supervisor/options_together.h"
#include "supervisor/options_print.h"
#include "supervisor/program.h"
#include "supervisor/resolver.h"
#include "supervisor/supervisor.h"
#include "supervisor/version.h"
#include "supervisor/visible.h"

static const struct {
	const char *name;
	void (*main)(void) __attribute__((noreturn));
} children[] = {
	{ "relay", relay_main },
	{ "metrics", metrics_main },
	{ "resolver", resolver_main },
};

/* Whether the name is this kind of child's; one of several has a number, as in "relay-1". */
static int
is_kind(const char *name, const char *kind)
{
	size_t n = strlen(kind);

	return (strncmp(name, kind, n) == 0 && (name[n] == '\0' || name[n] == '-'));
}

/* A child has nothing to say to whoever starts it without a control socket. */
static void
become_child(const char *title)
{
	const char *name = title + strlen(CHILD_TITLE);
	struct stat st;
	size_t i;

	if (strncmp(title, CHILD_TITLE, strlen(CHILD_TITLE)) != 0)
		return;
	for (i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
		if (!is_kind(name, children[i].name))
			continue;
		if (fstat(CONTROL_FILENO, &st) == -1 || !S_ISSOCK(st.st_mode))
			refuse(EXIT_USAGE, "%s: is started by the supervisor only", title);
		children[i].main();
	}
}

/*
 * Descriptors 0 to 2 must be open, or a socket would take the place of one, and be read from or
 * written to as if it were standard.  open(2) takes the lowest that is free.
 */
static void
open_standard(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDWR) != fd)
			_exit(EXIT_REFUSED);
}

int
main(int argc, char *argv[], char *envp[])
{
	static struct options options;
	struct sockaddr_in *listen;
	uint32_t listeners;
	char error[OPTIONS_ERROR_MAX];
	int status;
	char *end = argv[0] + strlen(argv[0]);

	open_standard();
	setprogname("udp46");
	prctl(PR_SET_NAME, "udp46");
	if (argc == 1)
		become_child(argv[0]);
	/* Before anything points into argv: it moves that out of the title's way. */
	program_init(argc, argv);
	setproctitle_init(argc, argv, envp);
	inherited_init();
	listeners = activation_listeners(&listen);
	options_listen_otherwise(listen, listeners);
	status = command_line_parse(&options, argc, argv, error, sizeof(error));
	if (status != 0)
		refuse(status, "%s", error);
	switch (options.action) {
	case OPTIONS_HELP:
		options_usage(stdout);
		return (0);
	case OPTIONS_VERSION:
		printf("udp46 version=%s commit=%s date=%s\n", version, version_commit,
		    version_date);
		return (0);
	default:
		break;
	}
	setproctitle("supervisor [priv]");
	/* libbsd marks the end of a longer argv[0], where ps(1) shows it. */
	if (*end == '.')
		*end = '\0';
	return (supervisor_main(&options));
}
