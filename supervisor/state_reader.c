/*
 * Taking sessions up that a program before us has left in the state file: what has to be there of
 * them, their sockets, is made again, with the ports that they had at the upstream.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/adoption.h"
#include "supervisor/relocation.h"
#include "supervisor/state_reader.h"

/* ---- the file ---- */

/* Returns NULL, or why this is not to be believed. */
static const char *
judge(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return ("is no regular file");
	if (st->st_uid != geteuid())
		return ("belongs to another user");
	if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return ("may be read or written by others");
	if (st->st_nlink > 1)
		return ("has another name, too");
	if ((uint64_t)st->st_size > STATE_FILE_MAX)
		return ("is too large");
	return (NULL);
}

/* As many of `size` bytes as there are, or -1 with errno. */
static ssize_t
read_all(int fd, char *to, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		if ((n = read(fd, to + done, size - done)) == -1)
			return (-1);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return ((ssize_t)done);
}

/*
 * Read it into *buffer, which is the caller's to free.  Returns NULL and *size, which is 0 if there
 * is none, or why it cannot be used.
 */
static const char *
read_file(const char *path, void **buffer, size_t *size)
{
	const char *wrong;
	struct stat st;
	ssize_t n;
	int fd;

	*size = 0;
	/* Never waits, whatever it is. */
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1) {
		if (errno == ENOENT)
			return (NULL);
		return (errno == ELOOP ? "is a symbolic link" : strerror(errno));
	}
	if (fstat(fd, &st) == -1)
		wrong = strerror(errno);
	else if ((wrong = judge(&st)) == NULL && st.st_size > 0) {
		if ((*buffer = malloc((size_t)st.st_size)) == NULL ||
		    (n = read_all(fd, *buffer, (size_t)st.st_size)) == -1)
			wrong = strerror(errno);
		else
			*size = (size_t)n;
	}
	close(fd);
	return (wrong);
}

static void
ignore(const struct state_reader *r, const char *why, const char *instead)
{
	log_warn("state file ignored", "file=%s reason=%s remedy=%s", r->path, why, instead);
}

void
state_reader_read(struct state_reader *r, const struct options *o, uint32_t workers)
{
	const struct state_moment now = { clock_now(), clock_wall_at(clock_now()) };
	void *buffer = NULL;
	const char *wrong;
	size_t size;

	r->path = o->state_file;
	if (r->path == NULL)
		return;
	if (workers > 1) {
		ignore(r, "which worker the kernel gives a client to is not known before",
		    "use one worker");
		r->path = NULL;
		return;
	}
	if ((wrong = read_file(r->path, &buffer, &size)) != NULL ||
	    !state_file_is_ours(buffer, size)) {
		/* Nor is it replaced: it may be dear to somebody. */
		ignore(r, wrong != NULL ? wrong : "is no state file of udp46",
		    "remove it, or name another: nothing is written either");
		r->path = NULL;
	} else if (size > 0) {
		wrong = state_file_read(
		    buffer, size, &now, o->session_timeout, &r->legacy, &r->facts);
		r->found = wrong == NULL;
		if (r->found && strcmp(r->legacy.upstream, o->upstream) != 0) {
			legacy_free(&r->legacy);
			r->found = 0;
			wrong = "tells of sessions with another upstream";
		}
		if (!r->found)
			ignore(r, wrong, "none is needed: it is written anew");
	}
	free(buffer);
}

const struct sockaddr_in6 *
state_reader_upstream(const struct state_reader *r)
{
	if (!r->found || r->legacy.sessions == 0 ||
	    endpoint_check_upstream(&r->legacy.address, "") != NULL)
		return (NULL);
	return (&r->legacy.address);
}

/* ---- the sessions ---- */

struct binding {
	const struct upstream *upstream;
	uint32_t unconnected;
	uint32_t refused; /* bound by another program, or not to be bound */
	uint16_t port;	  /* the first of these, */
	int error;	  /* and why */
};

static int
bind_socket(const struct legacy *l, const struct legacy_session *s, void *arg)
{
	struct binding *b = arg;
	int fd, connected;

	(void)l;
	if ((fd = upstream_bind(b->upstream, s->port, &connected)) == -1) {
		if (b->refused++ == 0) {
			b->port = s->port;
			b->error = errno;
		}
		return (-1);
	}
	b->unconnected += !connected;
	return (fd);
}

static void
say(const struct state_reader *r, const struct adopted *adopted, const struct binding *b)
{
	uint32_t dropped = r->facts.sessions - adopted->taken;

	if (b->refused > 0)
		log_warn("upstream ports taken", "count=%u upstream_local_port=%u error=%s",
		    b->refused, b->port, strerror(b->error));
	log_info("state restored",
	    "file=%s sessions=%u dropped=%u expired=%u invalid=%u seconds_ago=%.3f", r->path,
	    adopted->taken, dropped, r->facts.expired, r->facts.invalid,
	    (double)r->facts.age / (double)SECOND);
}

void
state_reader_restore(struct state_reader *r, struct keepers *all, int64_t now)
{
	struct binding binding = { .upstream = &all->upstream };
	struct adopted adopted = { 0 };
	struct keeper *k = &all->keeper[0];

	if (!r->found)
		return;
	r->found = 0;
	if (k->store.count[SLOT_KEPT] == 0) {
		adoption_take(k, &r->legacy, bind_socket, &binding, &adopted);
		say(r, &adopted, &binding);
	}
	/* Connected as soon as there is a way. */
	if (binding.unconnected > 0)
		relocation_begin(k, now);
	legacy_free(&r->legacy);
}
