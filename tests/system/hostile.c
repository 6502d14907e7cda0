/*
 * hostile: udp46 with one child that has been taken over.  What the program file is called tells
 * which child, and what it does: a copy named "relay-log" floods the log.  All else is the real
 * program.  A child called relay-1 is meant by "relay" as well, relay-2 is not.
 */

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"

/* The real program, which is in no archive. */
int udp46_main(int argc, char *argv[], char *envp[]);
#define main udp46_main
#include "supervisor/main.c"
#undef main

static struct msg msg;

static void
wait_for_room(void)
{
	struct pollfd pfd = { .fd = CONTROL_FILENO, .events = POLLOUT };

	(void)poll(&pfd, 1, 1000);
}

static void
say(enum msg_type type, const void *payload)
{
	while (msg_send(CONTROL_FILENO, type, payload, 1, NULL, 0) == -1) {
		/* Not even the worst outlives the test. */
		if (errno != EAGAIN)
			_exit(0);
		wait_for_room();
	}
}

static void
log_to_supervisor(const struct log_record *record, void *arg)
{
	(void)arg;
	say(MSG_LOG, record);
}

/* Wait for a message of this type; all others are ignored. */
static void
await(enum msg_type type)
{
	do
		if (msg_wait(CONTROL_FILENO, FROM_SUPERVISOR, &msg, -1) == 0)
			_exit(0);
	while (msg.type != type);
}

/* Text that would do harm on a terminal, or as a line of the log. */
#define ESCAPES "\x1b]0;owned\a\x1b[2J\r\xc2\x9b"
#define FORGED                                                                        \
	"{\"time\":\"2026-01-01T00:00:00.000Z\",\"level\":\"ERROR\",\"msg\":\"child " \
	"ended\",\"child\":\"metrics\"}"

/* ---- what they do ---- */

static void
flood_log(void)
{
	for (;;)
		log_error(
		    "child ended", "pid=%d signal=%s text=%s", 1, "KILL", ESCAPES "\n" FORGED);
}

/* Speaks for another. */
static void
forge_log(void)
{
	log_error("child ended", "child=%s pid=%d", "metrics", 1);
	pause();
}

static void
flood_pongs(void)
{
	struct msg_ping pong = { 0 };

	for (;; pong.sequence--)
		say(MSG_PONG, &pong);
}

static void
flood_stderr(void)
{
	static const char text[] = ESCAPES FORGED "\n" FORGED "\n";

	for (;;)
		(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
}

/* Somebody else goes on with its socket and its standard error. */
static void
have_accomplice(void)
{
	if (fork() == 0) {
		signal(SIGPIPE, SIG_IGN);
		for (alarm(20);;) {
			(void)msg_send(CONTROL_FILENO, MSG_RESOLVED,
			    &(struct msg_resolved){ 0 }, 1, NULL, 0);
			(void)!write(STDERR_FILENO, FORGED "\n", sizeof(FORGED));
		}
	}
	_exit(1);
}

/* Ends as it was asked to; who has its socket then breaks the rules, once it was reaped. */
static void
leave_heir(void)
{
	struct msg_resolved nonsense = { 0 };
	pid_t me = getpid();

	await(MSG_STOP);
	if (fork() == 0) {
		alarm(5);
		while (kill(me, 0) == 0)
			;
		for (;;)
			(void)msg_send(CONTROL_FILENO, MSG_RESOLVED, &nonsense, 1, NULL, 0);
	}
	_exit(0);
}

/* At SIGUSR1: more than is read at once, then nonsense, and the end. */
static void
curse(void)
{
	struct msg_resolved nonsense = { 0 };
	struct msg_ping pong = { UINT32_MAX };
	sigset_t set;
	int i;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	log_info("waiting", "signal=%s", "USR1");
	(void)sigwaitinfo(&set, NULL);
	for (i = 0; i < 200; i++)
		say(MSG_PONG, &pong);
	(void)msg_send(CONTROL_FILENO, MSG_RESOLVED, &nonsense, 1, NULL, 0);
	_exit(1);
}

static void
pass_descriptors_up(void)
{
	int i, fd = STDIN_FILENO;
	const char *said = "taken";

	for (i = 0; i < 1000; i++)
		if (msg_send(CONTROL_FILENO, MSG_LINK, &(struct msg_link){ 0 }, 1, &fd, 1) ==
		    -1)
			said = strerrorname_np(errno);
	log_error("descriptors sent", "result=%s", said);
	pause();
}

/* Answers the metrics child's first question for ever. */
static void
answer_for_ever(void)
{
	static struct msg_session sessions[MSG_SESSIONS_MAX];
	int link;

	await(MSG_LINK);
	link = msg.fds[0];
	if (msg_wait(link, FROM_METRICS, &msg, -1) != 1)
		_exit(0);
	for (;;)
		(void)msg_send(link, MSG_ANSWER_SESSIONS, sessions, MSG_SESSIONS_MAX, NULL, 0);
}

/*
 * Answers every question of the metrics child, but never comes to the last session, or to the
 * last listener: it has fewer of them than a message holds.
 */
static void
never_end(enum msg_type of)
{
	static struct listener_totals listeners[MSG_LISTENERS_MAX];
	static struct msg_session sessions[MSG_SESSIONS_MAX];
	static struct totals totals;
	struct msg_answer_end end;
	int link;

	await(MSG_LINK);
	link = msg.fds[0];
	while (msg_wait(link, FROM_METRICS, &msg, -1) == 1) {
		end.next = UINT32_MAX;
		if (msg.type == of)
			end.next =
			    ((const struct msg_ask *)(const void *)msg.payload)->from + 1;
		if (msg.type == MSG_ASK_TOTALS)
			(void)msg_send(link, MSG_ANSWER_TOTALS, &totals, 1, NULL, 0);
		else if (msg.type == MSG_ASK_LISTENERS)
			(void)msg_send(link, MSG_ANSWER_LISTENERS, listeners, 1, NULL, 0);
		else
			(void)msg_send(
			    link, MSG_ANSWER_SESSIONS, sessions, MSG_SESSIONS_MAX, NULL, 0);
		(void)msg_send(link, MSG_ANSWER_END, &end, 1, NULL, 0);
	}
	_exit(0);
}

static void
never_end_sessions(void)
{
	never_end(MSG_ASK_SESSIONS);
}

static void
never_end_listeners(void)
{
	never_end(MSG_ASK_LISTENERS);
}

/* ---- resolvers ---- */

static void
resolve_and_flood(void)
{
	await(MSG_RESOLVE);
	for (;;)
		log_error("child ended", "pid=%d text=%s", 1, ESCAPES);
}

static void
answer(const char *error)
{
	struct msg_resolved result = { 0 };

	strlcpy(result.error, error, sizeof(result.error));
	say(MSG_RESOLVED, &result);
}

static void
resolve_and_stay(void)
{
	int signo;

	for (signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_IGN);
	await(MSG_RESOLVE);
	answer("told, and staying");
	for (;;)
		pause();
}

/* Types into a terminal, if it has one; says what it has of its supervisor's. */
static void
look_around(void)
{
	char said[128] = "has", path[64];
	int fd;

	await(MSG_RESOLVE);
	for (fd = 0; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) == -1 || fd == CONTROL_FILENO)
			continue;
		snprintf(path, sizeof(path), " %d%s%s", fd, isatty(fd) ? ":terminal" : "",
		    ioctl(fd, TIOCSTI, "x") == 0 ? ":typed" : "");
		strlcat(said, path, sizeof(said));
	}
	if (open("/dev/tty", O_RDONLY) != -1)
		strlcat(said, " tty", sizeof(said));
	if (getsid(0) != getpid())
		strlcat(said, " session", sizeof(said));
	answer(said);
	_exit(0);
}

/* ---- who is who ---- */

static const struct {
	const char *name;
	void (*main)(void);
} roles[] = {
	{ "relay-log", flood_log },
	{ "relay-forge", forge_log },
	{ "relay-pong", flood_pongs },
	{ "relay-stderr", flood_stderr },
	{ "relay-accomplice", have_accomplice },
	{ "relay-heir", leave_heir },
	{ "relay-curse", curse },
	{ "relay-descriptors", pass_descriptors_up },
	{ "relay-answers", answer_for_ever },
	{ "relay-endless", never_end_sessions },
	{ "relay-listeners", never_end_listeners },
	{ "metrics-log", flood_log },
	{ "metrics-stderr", flood_stderr },
	{ "resolver-log", resolve_and_flood },
	{ "resolver-stderr", flood_stderr },
	{ "resolver-stay", resolve_and_stay },
	{ "resolver-look", look_around },
};

static void
become_hostile(const char *child, const char *program)
{
	size_t i, kind = strcspn(child, "-");

	if (child[kind] != '\0' && strcmp(child + kind, "-1") != 0)
		return;
	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (strcmp(roles[i].name, program) != 0 || program[kind] != '-' ||
		    strncmp(program, child, kind) != 0)
			continue;
		log_init(LOG_LEVEL_DEBUG, log_to_supervisor, NULL);
		/* A resolver is not asked to say so. */
		if (strncmp(child, "resolver", kind) != 0)
			say(MSG_READY, NULL);
		roles[i].main();
	}
}

int
main(int argc, char *argv[], char *envp[])
{
	char program[256];
	ssize_t n;

	n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (n == -1)
		err(1, "/proc/self/exe");
	program[n] = '\0';
	if (argc == 1 && strncmp(argv[0], CHILD_TITLE, strlen(CHILD_TITLE)) == 0)
		become_hostile(argv[0] + strlen(CHILD_TITLE), strrchr(program, '/') + 1);
	return (udp46_main(argc, argv, envp));
}
