#include <sys/wait.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/fd_names.h"
#include "supervisor/log_writer.h"
#include "supervisor/program.h"
#include "supervisor/upgrade.h"
#include "supervisor/visible.h"

/* A name that --check looks up may take 10 s. */
#define CHECK_TIMEOUT (30 * SECOND)

/* What is handed through. */
struct heirloom {
	uint32_t count, max;
	int *fds;
	const char **names;
};

void
upgrade_init(struct upgrade *u)
{
	memset(u, 0, sizeof(*u));
	u->program = u->output = -1;
	u->until = NEVER;
}

/* ---- what is handed through ---- */

/* Returns 0, or -1 with errno ENOMEM. */
static int
reserve(struct heirloom *h, uint32_t max)
{
	h->count = 0;
	h->max = max;
	h->fds = calloc(max, sizeof(*h->fds));
	h->names = calloc(max, sizeof(*h->names));
	return (h->fds == NULL || h->names == NULL ? -1 : 0);
}

static void
release(struct heirloom *h)
{
	free(h->fds);
	free(h->names);
}

static void
add(struct heirloom *h, int fd, const char *name)
{
	if (fd == -1 || h->count == h->max)
		return;
	h->fds[h->count] = fd;
	/* Without a name it serves as well. */
	h->names[h->count++] = strdup(name);
}

static void
add_listeners(struct heirloom *h, const struct keepers *all)
{
	char name[FD_NAME_SIZE];
	uint32_t i, j;

	for (i = 0; i < all->count; i++)
		for (j = 0; j < all->listeners; j++)
			add(h, all->keeper[i].listener_fds[j],
			    fd_name_listener(&all->listener[j], name));
}

static void
add_store(struct heirloom *h, const struct keeper *k)
{
	const struct slot *slot;
	char name[FD_NAME_SIZE];
	uint32_t worker;

	/* Where the upstream is was never known. */
	if (k->store.head == NULL)
		return;
	worker = k->store.head->worker;
	add(h, k->store.fd, fd_name_records(worker, name));
	add(h, k->totals_fd, fd_name_totals(worker, name));
	for (slot = k->store.slots; slot < k->store.slots + k->store.used; slot++)
		if (slot->state != SLOT_FREE && slot->record.id != 0)
			add(h, slot->fd, fd_name_session(slot->port, name));
}

/* ---- the check ---- */

/* In the child: it has nothing of ours but what it says, and the listeners that it need not try. */
static void __attribute__((noreturn))
check(int program, int output, const struct heirloom *listeners)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(output, STDOUT_FILENO) == -1 || dup2(output, STDERR_FILENO) == -1)
		_exit(EXIT_REFUSED);
	program_execute(program, "--check", listeners->fds, listeners->names, listeners->count);
	err(EXIT_REFUSED, "%s", program_path());
}

/* Returns 0, or -1 with errno. */
static int
start_check(struct upgrade *u, const struct keepers *all, int http)
{
	struct heirloom h;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		return (-1);
	if (reserve(&h, 1 + all->count * all->listeners) == -1 || (u->checker = fork()) == -1) {
		u->checker = 0;
		release(&h);
		close(ends[0]);
		close(ends[1]);
		return (-1);
	}
	if (u->checker == 0) {
		add(&h, http, fd_name_metrics);
		add_listeners(&h, all);
		check(u->program, ends[1], &h);
	}
	release(&h);
	close(ends[1]);
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	u->output = ends[0];
	return (0);
}

static void
refuse_upgrade(struct upgrade *u, const char *reason)
{
	char text[VISIBLE_SIZE(sizeof(u->said))];

	log_error("upgrade refused", "program=%s reason=%s", program_path(),
	    visible(text, sizeof(text), reason));
	upgrade_cancel(u);
}

void
upgrade_begin(struct upgrade *u, const struct keepers *all, int http, int64_t now)
{
	const char *wrong;

	if (u->program != -1) {
		log_info(
		    "signal ignored", "signal=%s reason=%s", "USR2", "an upgrade is under way");
		return;
	}
	if ((u->program = program_open(&wrong)) == -1) {
		refuse_upgrade(u, wrong);
		return;
	}
	u->length = 0;
	u->said[0] = '\0';
	if (start_check(u, all, http) == -1) {
		refuse_upgrade(u, strerror(errno));
		return;
	}
	u->until = now + CHECK_TIMEOUT;
}

void
upgrade_cancel(struct upgrade *u)
{
	if (u->checker > 0) {
		kill(u->checker, SIGKILL);
		waitpid(u->checker, NULL, 0);
	}
	if (u->program != -1)
		close(u->program);
	if (u->output != -1)
		close(u->output);
	upgrade_init(u);
}

/* Keep the last line, which says what is wrong. */
static void
hear(struct upgrade *u)
{
	char buf[512];
	ssize_t n, i;

	if (u->output == -1)
		return;
	while ((n = read(u->output, buf, sizeof(buf))) > 0)
		for (i = 0; i < n; i++) {
			if (u->length > 0 && u->said[u->length - 1] == '\n')
				u->length = 0;
			if (u->length < sizeof(u->said) - 1)
				u->said[u->length++] = buf[i];
			else if (buf[i] == '\n')
				u->said[u->length - 1] = '\n';
		}
	u->said[u->length] = '\0';
	if (n != 0)
		return;
	/* It may live on without. */
	close(u->output);
	u->output = -1;
}

static int
checked(struct upgrade *u, int status)
{
	u->checker = 0;
	hear(u);
	u->said[strcspn(u->said, "\n")] = '\0';
	u->ready = WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
	    strcmp(u->said, OPTIONS_ARE_GOOD) == 0;
	if (!u->ready)
		refuse_upgrade(
		    u, u->said[0] != '\0' ? u->said : "--check ended without a word");
	return (u->ready);
}

void
upgrade_watch(const struct upgrade *u, struct pollfd *pfd)
{
	*pfd = (struct pollfd){ .fd = u->checker > 0 ? u->output : -1, .events = POLLIN };
}

int64_t
upgrade_deadline(const struct upgrade *u)
{
	return (u->until);
}

int
upgrade_turn(struct upgrade *u, int64_t now)
{
	int status;

	if (u->checker <= 0)
		return (0);
	hear(u);
	if (waitpid(u->checker, &status, WNOHANG) == u->checker) {
		u->until = NEVER;
		return (checked(u, status));
	}
	if (now >= u->until)
		refuse_upgrade(u, "--check does not end");
	return (0);
}

/* ---- the end ---- */

void
upgrade_finish(struct upgrade *u, const struct keepers *all, int http)
{
	struct heirloom h;
	uint32_t i, n = 2 + all->count * all->listeners;

	for (i = 0; i < all->count; i++)
		n += 2 + all->keeper[i].store.used;
	if (reserve(&h, n) == 0) {
		add(&h, http, fd_name_metrics);
		add_listeners(&h, all);
		if (all->ports.resting != NULL)
			add(&h, all->ports.fd, fd_name_ports);
		for (i = 0; i < all->count; i++)
			add_store(&h, &all->keeper[i]);
		program_execute(u->program, NULL, h.fds, h.names, h.count);
	}
	log_error("shutdown", "reason=%s error=%s", "the new program cannot be executed",
	    strerror(errno));
	exit(EXIT_REFUSED);
}
