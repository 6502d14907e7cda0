/*
 * What is refused at start is told on a terminal, so nothing in it may be more than characters,
 * whoever said it.  The test plays the resolver's part.
 */
#include <sys/wait.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/http_listener.h"
#include "supervisor/identity.h"
#include "supervisor/resolver.h"
#include "supervisor/upstream.h"
#include "supervisor/visible.h"
#include "tests/unit/unit.h"

int __wrap_resolve(const char *host, int ipv4_too, const struct msg_identity *identity,
    int binary, struct msg_resolved *result);

/* Types into the title bar, clears the screen, goes on in a line of its own; 8-bit CSI. */
#define HOSTILE "no\033]0;title\a such\033[2J\nudp46: name\177\233\302\233"

int
__wrap_resolve(const char *host, int ipv4_too, const struct msg_identity *identity, int binary,
    struct msg_resolved *result)
{
	(void)host, (void)ipv4_too, (void)identity, (void)binary;
	memset(result, 0, sizeof(*result));
	strlcpy(result->error, HOSTILE, sizeof(result->error));
	return (-1);
}

/* What `refused` writes to standard error before it exits with EXIT_REFUSED. */
static const char *
message_of(void (*refused)(void))
{
	static char message[8192];
	size_t length = 0;
	ssize_t n;
	int pair[2], status;
	pid_t pid;

	ATF_REQUIRE(pipe(pair) == 0);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		dup2(pair[1], STDERR_FILENO);
		refused();
		_exit(0);
	}
	close(pair[1]);
	while ((n = read(pair[0], message + length, sizeof(message) - 1 - length)) > 0)
		length += (size_t)n;
	close(pair[0]);
	message[length] = '\0';
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	ATF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_REFUSED);
	return (message);
}

static void
check_visible(const char *message)
{
	size_t length = strlen(message), i;

	ATF_REQUIRE(length > 0);
	ATF_CHECK_EQ(message[length - 1], '\n');
	for (i = 0; i < length - 1; i++)
		ATF_CHECK_MSG(message[i] >= ' ' && message[i] <= '~', "byte %#hhx at %zu",
		    (unsigned char)message[i], i);
}

static void
refuse_upstream(void)
{
	struct msg_identity identity = { 0 };
	struct options options = { .upstream = "name:7000", .upstream_host = "name" };

	upstream_resolve(&options, &identity, -1);
}

static void
refuse_metrics_name(void)
{
	struct msg_identity identity = { 0 };
	struct options options = { .metrics_listen = "name:9108", .user = "nobody" };

	http_listener_open(&options, &identity, 0, -1);
}

CASE(resolver)
{
	const char *message = message_of(refuse_upstream);

	check_visible(message);
	ATF_CHECK(strstr(message, "--upstream name:7000: no") != NULL);
	message = message_of(refuse_metrics_name);
	check_visible(message);
	ATF_CHECK(strstr(message, "--metrics.listen name:9108: no") != NULL);
}

static void
refuse_path(void)
{
	struct msg_identity identity = { 0 };
	struct options options = {
		.metrics_listen = "unix:/" HOSTILE "/socket",
		.user = "nobody",
	};

	http_listener_open(&options, &identity, 0, -1);
}

static void
refuse_chroot(void)
{
	struct msg_identity identity;
	struct options options = {
		.user = "nobody",
		.chroot = "/dev/null/" HOSTILE,
		.chroot_given = 1,
	};

	identity_init(&options, &identity);
}

static void
refuse_long(void)
{
	static char text[100000];

	memset(text, '\033', sizeof(text) - 1);
	refuse(EXIT_REFUSED, "%s", text);
}

CASE(command_line)
{
	check_visible(message_of(refuse_path));
	check_visible(message_of(refuse_chroot));
	check_visible(message_of(refuse_long));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, resolver);
	ATF_TP_ADD_TC(tp, command_line);
	return (atf_no_error());
}
