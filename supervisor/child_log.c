#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/child_log.h"
#include "supervisor/log_writer.h"

/* Read at once, and what a pipe holds: pipe(7). */
#define PAGE 4096
#define PIPE_PAGES 16

static uint64_t held;

uint64_t
child_log_held(void)
{
	return (held);
}

void
child_log_init(struct child_log *log, const char *name, uint32_t rate)
{
	memset(log, 0, sizeof(*log));
	log->name = name;
	log->fd = -1;
	log->told_at = NEVER;
	bucket_init(&log->bucket, rate, rate, clock_now());
}

int
child_log_open(struct child_log *log)
{
	int pair[2];

	/* A child must not wait for us, either. */
	if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) == -1)
		return (-1);
	log->fd = pair[0];
	log->length = 0;
	return (pair[1]);
}

static int
may_log(struct child_log *log, int64_t now)
{
	if (bucket_take(&log->bucket, now))
		return (1);
	if (log->held++ == 0)
		log->told_at = now + SECOND;
	held++;
	return (0);
}

int
child_log_record(struct child_log *log, const struct log_record *record, int64_t now)
{
	if (log_record_check(record) == -1)
		return (-1);
	if (log_enabled(record->level) && may_log(log, now))
		log_pass_on(record, log->name);
	return (0);
}

/* ---- standard error ---- */

static void
end_line(struct child_log *log, int64_t now)
{
	log->line[log->length] = '\0';
	if (log->length > 0 && log_enabled(LOG_LEVEL_WARN) && may_log(log, now))
		log_warn("standard error", "text=%s child=%s", log->line, log->name);
	log->length = 0;
}

int
child_log_read(struct child_log *log, int64_t now)
{
	char buf[PAGE];
	ssize_t i, n;

	n = read(log->fd, buf, sizeof(buf));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (0);
	if (n <= 0) {
		close(log->fd);
		log->fd = -1;
		end_line(log, now);
		return (0);
	}
	for (i = 0; i < n; i++) {
		/* No NUL: it would end a string within the line. */
		if (buf[i] != '\n' && buf[i] != '\0')
			log->line[log->length++] = buf[i];
		if (buf[i] == '\n' || log->length == CHILD_LINE_MAX)
			end_line(log, now);
	}
	return (1);
}

void
child_log_close(struct child_log *log, int64_t now)
{
	int i;

	/* Whoever else has the other end may go on writing. */
	for (i = 0; i < PIPE_PAGES && log->fd != -1 && child_log_read(log, now); i++)
		;
	if (log->fd != -1)
		close(log->fd);
	log->fd = -1;
	end_line(log, now);
}

/* ---- what was held back ---- */

void
child_log_turn(struct child_log *log, int64_t now)
{
	if (now < log->told_at)
		return;
	log_warn("log records held back", "count=%u child=%s", log->held, log->name);
	log->held = 0;
	log->told_at = NEVER;
}

int64_t
child_log_deadline(const struct child_log *log)
{
	return (log->told_at);
}
