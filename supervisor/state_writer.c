/*
 * Writing the state file.  What is written is put together here, in memory, and a fork writes it to
 * a new file, which takes the place of the old one when it is on the disk.  That fork parses nothing
 * and can do nothing else, so it need not be executed afresh.
 *
 * A change is what would matter after a boot: a session that became ASSURED or has ended, or any
 * datagram of one, as its idle clock then starts anew.  So what is idle writes nothing, and what the
 * file says of silence is right to a minute.
 */
#include <sys/prctl.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/confine.h"
#include "common/log.h"
#include "supervisor/keepers.h"
#include "supervisor/state_file.h"
#include "supervisor/state_writer.h"

#define LOOK_EVERY (60 * SECOND)

/* A disk that takes longer is as good as none; and the end must not take 2 s. */
#define WRITE_SECONDS 30
#define STOP_WITHIN (1500 * MILLISECOND)
#define HURRY_WITHIN (200 * MILLISECOND)

/* ---- in the fork ---- */

/* Returns the descriptor of the folder, with its path in `folder` and the rest in *name, or -1. */
static int
open_folder(const char *path, char folder[PATH_MAX], const char **name)
{
	size_t n;

	*name = strrchr(path, '/') + 1;
	if ((n = (size_t)(*name - path)) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	memcpy(folder, path, n);
	folder[n] = '\0';
	return (open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* A new file, in the place of one that a dead writer has left. */
static int
open_new(int folder, const char *name)
{
	if (unlinkat(folder, name, 0) == -1 && errno != ENOENT)
		return (-1);
	return (
	    openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

static int
write_all(const char *from, size_t size)
{
	ssize_t n;

	for (; size > 0; size -= (size_t)n, from += n)
		if ((n = write(WRITER_FILE, from, size)) == -1)
			return (-1);
	return (0);
}

/* Ends with errno as its status, or 0. */
static void __attribute__((noreturn)) write_file(const struct state_writer *w, pid_t supervisor)
{
	char folder[PATH_MAX], new[NAME_MAX + 1];
	const char *name;
	int fd, dir, error;

	/* Wherever it hangs; and two must not write. */
	alarm(WRITE_SECONDS);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != supervisor)
		_exit(ECANCELED);
	/* Or ports would be taken as long as it hangs, whoever comes after us. */
	closefrom(STDERR_FILENO + 1);
	if ((dir = open_folder(w->path, folder, &name)) == -1)
		_exit(errno);
	if ((size_t)snprintf(new, sizeof(new), "%s.new", name) >= sizeof(new))
		_exit(ENAMETOOLONG);
	if ((fd = open_new(dir, new)) == -1 || confine_writer(fd, dir) == -1)
		_exit(errno);
	if (write_all(w->buffer, w->size) == 0 && fsync(WRITER_FILE) == 0 &&
	    renameat(WRITER_FOLDER, new, WRITER_FOLDER, name) == 0 && fsync(WRITER_FOLDER) == 0)
		_exit(0);
	error = errno;
	(void)unlinkat(WRITER_FOLDER, new, 0);
	_exit(error);
}

/* ---- in the supervisor: what there is to tell ---- */

/* Whether it is one that would be taken up again. */
static int
is_assured(const struct slot *slot, uint32_t listeners)
{
	return ((slot->state == SLOT_KEPT || slot->state == SLOT_OFFERED ||
		    slot->state == SLOT_OPEN) &&
	    slot->record.id != 0 && slot->record.state == SESSION_ASSURED &&
	    slot->record.listener < listeners);
}

static void
collect_sessions(const struct keeper *k, struct legacy *to)
{
	const struct session_line *line =
	    totals_session_counters(k->totals, k->config.listeners);
	struct legacy_session *s;
	uint32_t i;

	for (i = 0; i < k->store.used; i++) {
		if (!is_assured(&k->store.slots[i], to->listeners))
			continue;
		s = &to->session[to->sessions++];
		s->record = k->store.slots[i].record;
		s->port = k->store.slots[i].port;
		/* The relay may write meanwhile, and anything: see state_file_write(). */
		s->counters = line[i].counters;
	}
}

static void
collect_listeners(const struct keepers *all, uint32_t count, struct legacy *to)
{
	for (; to->listeners < count; to->listeners++) {
		to->listener[to->listeners].address = all->listener[to->listeners].address;
		to->listener[to->listeners].port = all->listener[to->listeners].port;
	}
}

/* All that a successor needs.  Returns 0, or -1 with errno ENOMEM. */
static int
collect(const struct state_writer *w, struct legacy *to)
{
	const struct keeper *k = &w->keepers->keeper[0];

	*to = (struct legacy){ .address = w->keepers->upstream.address };
	strlcpy(to->upstream, k->store.head->upstream, sizeof(to->upstream));
	to->listener = calloc(k->config.listeners, sizeof(*to->listener));
	to->session = calloc((size_t)k->store.used + 1, sizeof(*to->session));
	if (to->listener == NULL || to->session == NULL) {
		legacy_free(to);
		return (-1);
	}
	collect_listeners(w->keepers, k->config.listeners, to);
	collect_sessions(k, to);
	return (0);
}

static uint64_t
sum_of(const struct legacy *l)
{
	uint64_t sum = state_file_sum(&l->address.sin6_addr, sizeof(l->address.sin6_addr), 0);

	return (state_file_sum(l->session, l->sessions * sizeof(*l->session), sum));
}

static int
is_written(const struct state_writer *w)
{
	return (w->known && w->sum == w->written && w->offset < w->written_for + SECOND &&
	    w->offset > w->written_for - SECOND);
}

/* Put together what is to be written, unless that is in the file. */
static void
prepare(struct state_writer *w, int64_t now)
{
	struct state_moment moment = { now, clock_wall_at(now) };
	struct legacy legacy;

	if (collect(w, &legacy) == -1)
		return;
	w->sum = sum_of(&legacy);
	w->offset = moment.wall - now;
	if (!is_written(w)) {
		free(w->buffer);
		w->size = state_file_size(&legacy);
		if ((w->buffer = malloc(w->size)) != NULL) {
			state_file_write(&legacy, &moment, w->buffer);
			w->due = 1;
		}
	}
	legacy_free(&legacy);
}

/* ---- in the supervisor: who writes it ---- */

static const char *
remedy(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ("make room on its disk");
	case EROFS:
		return ("name a file of a disk that is not read-only");
	case ENOENT:
	case ENOTDIR:
		return ("make its folder");
	case EACCES:
	case EPERM:
		return ("have its folder belong to the user of the supervisor");
	case EISDIR:
		return ("name a file");
	default:
		return ("see write(2), fsync(2) and rename(2)");
	}
}

/* Said once, until it works again. */
static void
failed(struct state_writer *w, const char *error, const char *what)
{
	w->known = 0;
	if (!w->failed)
		log_warn(
		    "state not written", "file=%s error=%s remedy=%s", w->path, error, what);
	w->failed = 1;
}

static void
succeeded(struct state_writer *w)
{
	w->known = 1;
	if (w->failed)
		log_info("state written again", "file=%s", w->path);
	w->failed = 0;
}

static void
begin(struct state_writer *w, int64_t now)
{
	const pid_t supervisor = getpid();

	w->due = 0;
	w->kill_at = now + WRITE_SECONDS * SECOND;
	if ((w->pid = fork()) == 0) {
		setproctitle("state writer");
		write_file(w, supervisor);
	}
	if (w->pid == -1) {
		w->pid = 0;
		failed(w, strerror(errno), "let it have another process: see fork(2)");
		return;
	}
	/* If it has done that; what comes next may change the rest. */
	w->written = w->sum;
	w->written_for = w->offset;
}

static void
ended(struct state_writer *w, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		succeeded(w);
	else if (WIFEXITED(status))
		failed(w, strerror(WEXITSTATUS(status)), remedy(WEXITSTATUS(status)));
	else if (WTERMSIG(status) == SIGSYS)
		failed(w, "seccomp violation", "report it");
	else if (WTERMSIG(status) == SIGALRM || w->kill_at == NEVER)
		failed(w, "the disk does not answer", "see whether it fails");
	else
		failed(w, strsignal(WTERMSIG(status)),
		    "see who did it: the kernel, perhaps, for lack of memory");
}

void
state_writer_init(struct state_writer *w, const char *path)
{
	*w = (struct state_writer){
		.path = path, .at = NEVER, .kill_at = NEVER, .stop_at = NEVER
	};
}

void
state_writer_start(struct state_writer *w, const struct keepers *keepers, int64_t now)
{
	if (w->path == NULL)
		return;
	w->keepers = keepers;
	w->at = now + LOOK_EVERY;
}

void
state_writer_flush(struct state_writer *w, int64_t now)
{
	if (w->keepers == NULL)
		return;
	prepare(w, now);
	state_writer_turn(w, now);
}

void
state_writer_stop(struct state_writer *w, int64_t now)
{
	w->at = NEVER;
	w->stop_at = now + STOP_WITHIN;
	state_writer_flush(w, now);
}

void
state_writer_hurry(struct state_writer *w, int64_t now)
{
	w->at = NEVER;
	w->stop_at = now + HURRY_WITHIN;
}

void
state_writer_reap(struct state_writer *w, int64_t now)
{
	int status;

	if (w->pid == 0 || waitpid(w->pid, &status, WNOHANG) != w->pid)
		return;
	w->pid = 0;
	ended(w, status);
	state_writer_turn(w, now);
}

void
state_writer_turn(struct state_writer *w, int64_t now)
{
	if (w->pid != 0 && now >= w->kill_at) {
		w->kill_at = NEVER;
		(void)kill(w->pid, SIGKILL);
	}
	/* It is not waited for, as it may be a disk that it waits for. */
	if (now >= w->stop_at && !state_writer_ended(w)) {
		failed(w, "the disk is slow", "none: the file is that of before");
		if (w->pid != 0)
			(void)kill(w->pid, SIGKILL);
		w->pid = w->due = 0;
	}
	if (now >= w->at) {
		w->at = now + LOOK_EVERY;
		if (w->pid == 0)
			prepare(w, now);
	}
	if (w->due && w->pid == 0 && now < w->stop_at)
		begin(w, now);
}

int64_t
state_writer_deadline(const struct state_writer *w)
{
	int64_t deadline = w->at;

	if (w->pid != 0)
		deadline = clock_earlier(deadline, w->kill_at);
	if (w->pid != 0 || w->due)
		deadline = clock_earlier(deadline, w->stop_at);
	return (deadline);
}

int
state_writer_ended(const struct state_writer *w)
{
	return (w->pid == 0 && !w->due);
}
