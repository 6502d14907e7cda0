#include <sys/mman.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/msg.h"
#include "common/source_table.h"
#include "supervisor/source_filter.h"
#include "supervisor/visible.h"

/* More than as many prefixes as there can be take, one a line. */
#define FILE_MAX (64 << 20)

/* Bytes that are read, or written, in one turn. */
#define READ_SIZE 16384
#define WRITE_SIZE (256UL * 1024)

/* ---- what is wrong ---- */

static int
wrong(struct source_filter *f, const char *what, const char *want)
{
	f->line = 0;
	snprintf(f->error, sizeof(f->error), "%s: want %s", what, want);
	return (-1);
}

static int
wrong_errno(struct source_filter *f)
{
	f->line = 0;
	strlcpy(f->error, strerror(errno), sizeof(f->error));
	return (-1);
}

static int
wrong_line(struct source_filter *f)
{
	f->line = f->file.line;
	strlcpy(f->error, f->file.error, sizeof(f->error));
	return (-1);
}

/* Where a prefix stands, for a message. */
static const char *
place_of(const struct source_prefix *p, char *buf, size_t size)
{
	if (p->line == 0)
		return (p->allow ? "by --allow" : "by --deny");
	snprintf(buf, size, "in line %u", p->line);
	return (buf);
}

static int
wrong_twice(struct source_filter *f, const struct source_prefix p[2])
{
	char prefix[SOURCE_PREFIX_STRLEN], first[32];

	/* Those of the options came first, and sorting keeps that. */
	f->line = p[1].line;
	snprintf(f->error, sizeof(f->error), "'%s' is %s here, and %s %s: want one of them",
	    source_prefix_format(&p[0], prefix), p[1].allow ? "allowed" : "denied",
	    p[0].allow ? "allowed" : "denied", place_of(&p[0], first, sizeof(first)));
	return (-1);
}

/* ---- steps ---- */

static void
forget(struct source_filter *f)
{
	if (f->fd != -1)
		close(f->fd);
	f->fd = -1;
	source_list_free(&f->list);
	f->stage = SOURCES_IDLE;
}

static const char *
open_remedy(int error)
{
	switch (error) {
	case EACCES:
		/* Root reads as an owner does, or anybody: it has given up CAP_DAC_OVERRIDE. */
		return (
		    "a file, and folders, that belong to the user of the supervisor or that "
		    "all may read");
	default:
		return ("a file that can be read");
	}
}

/* Begin with what the options say, and open the file. */
static int
begin(struct source_filter *f)
{
	const struct options *o = f->options;
	uint32_t i;
	int error;

	forget(f);
	for (i = 0; i < o->nsources; i++)
		if (source_list_add(&f->list, &o->sources[i]) == -1)
			return (wrong_errno(f));
	f->file = (struct source_file){ .list = &f->list };
	f->stage = SOURCES_BUILD;
	if (o->source_file == NULL)
		return (0);
	f->stage = SOURCES_READ;
	/* Never waits, whatever it is. */
	f->fd = open(o->source_file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (f->fd == -1) {
		error = errno;
		return (wrong(f, strerror(error), open_remedy(error)));
	}
	if (fstat(f->fd, &f->seen) == -1)
		return (wrong_errno(f));
	if (!S_ISREG(f->seen.st_mode))
		return (wrong(f, "is no regular file", "one"));
	if (f->seen.st_size > FILE_MAX)
		return (wrong(f, "is too large", "at most 64 MiB"));
	return (0);
}

static int
is_same_time(const struct timespec *a, const struct timespec *b)
{
	return (a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec);
}

/* All of it was read; but of one that was written to meanwhile that is neither old nor new. */
static int
end_file(struct source_filter *f)
{
	struct stat now;

	if (fstat(f->fd, &now) == -1)
		return (wrong_errno(f));
	if (now.st_size != f->seen.st_size || !is_same_time(&now.st_mtim, &f->seen.st_mtim))
		return (wrong(f, "was written to while it was read",
		    "a new file that is renamed to this one"));
	close(f->fd);
	f->fd = -1;
	if (source_file_end(&f->file) == -1)
		return (wrong_line(f));
	f->stage = SOURCES_BUILD;
	return (0);
}

static int
read_some(struct source_filter *f)
{
	char bytes[READ_SIZE];
	ssize_t n;

	n = read(f->fd, bytes, sizeof(bytes));
	if (n == -1)
		return (errno == EINTR ? 0 : wrong_errno(f));
	if (n == 0)
		return (end_file(f));
	return (source_file_take(&f->file, bytes, (size_t)n) == -1 ? wrong_line(f) : 0);
}

static int
build_some(struct source_filter *f)
{
	struct source_prefix conflict[2];

	switch (source_list_build(&f->list, conflict)) {
	case 0:
		return (0);
	case -1:
		return (errno == EEXIST ? wrong_twice(f, conflict) : wrong_errno(f));
	}
	if ((f->fd = memfd_create("udp46 sources", MFD_CLOEXEC | MFD_ALLOW_SEALING)) == -1)
		return (wrong_errno(f));
	f->written = 0;
	f->stage = SOURCES_WRITE;
	return (0);
}

/* It is complete: from now on it counts. */
static int
publish(struct source_filter *f, size_t size)
{
	if (fcntl(f->fd, F_ADD_SEALS,
		F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1)
		return (wrong_errno(f));
	if (f->current_fd != -1)
		close(f->current_fd);
	f->current_fd = f->fd;
	f->current.size = (uint32_t)size;
	f->generation++;
	log_info("source filter loaded", "prefixes=%u ranges=%u file=%s", f->list.count,
	    f->list.table->ranges, f->options->source_file);
	f->fd = -1;
	forget(f);
	return (0);
}

static int
write_some(struct source_filter *f)
{
	size_t size = source_table_size(f->list.table->ranges), left = size - f->written;
	ssize_t n;

	if (left == 0)
		return (publish(f, size));
	n = write(f->fd, (const char *)f->list.table + f->written,
	    left < WRITE_SIZE ? left : WRITE_SIZE);
	if (n == -1)
		return (errno == EINTR ? 0 : wrong_errno(f));
	f->written += (size_t)n;
	return (0);
}

/* One step.  Returns 0, or -1 when what is being made cannot be. */
static int
step(struct source_filter *f)
{
	switch (f->stage) {
	case SOURCES_READ:
		return (read_some(f));
	case SOURCES_BUILD:
		return (build_some(f));
	case SOURCES_WRITE:
		return (write_some(f));
	default:
		return (0);
	}
}

/* ---- the filter ---- */

/* Of a file; without one, what is wrong is the system's refusal. */
static void __attribute__((noreturn)) refuse_sources(const struct source_filter *f)
{
	const char *file = f->options->source_file;

	if (file == NULL)
		refuse(EXIT_REFUSED, "--allow, --deny: %s", f->error);
	if (f->line == 0)
		refuse(EXIT_REFUSED, "--source-file %s: %s", file, f->error);
	refuse(EXIT_REFUSED, "--source-file %s: line %u: %s", file, f->line, f->error);
}

void
source_filter_init(struct source_filter *f, const struct options *o)
{
	memset(f, 0, sizeof(*f));
	f->options = o;
	f->fd = f->current_fd = -1;
	if (o->nsources == 0 && o->source_file == NULL)
		return;
	if (begin(f) == -1)
		refuse_sources(f);
	while (f->stage != SOURCES_IDLE)
		if (step(f) == -1)
			refuse_sources(f);
}

static void
keep_old(struct source_filter *f)
{
	log_error("source filter not loaded", "file=%s line=%u error=%s",
	    f->options->source_file, f->line, f->error);
	forget(f);
}

int
source_filter_reload(struct source_filter *f)
{
	if (f->options->source_file == NULL)
		return (-1);
	if (begin(f) == -1)
		keep_old(f);
	return (0);
}

void
source_filter_turn(struct source_filter *f)
{
	if (step(f) == -1)
		keep_old(f);
}

int64_t
source_filter_deadline(const struct source_filter *f, int64_t now)
{
	return (f->stage == SOURCES_IDLE ? NEVER : now);
}

int
source_filter_tell(const struct source_filter *f, int control, uint32_t *told)
{
	if (f->generation == *told)
		return (0);
	if (msg_send(control, MSG_SOURCES, &f->current, 1, &f->current_fd, 1) == -1)
		return (-1);
	*told = f->generation;
	return (0);
}
