/*
 * The descriptors that a successor finds in LISTEN_FDS: memory and listeners at start, then the
 * socket of each session once it is assured, which it is told of as "assured" and no sooner, since
 * a flood of forged sources would be all that the manager does.
 *
 * The manager is the one process that the whole host needs, and for each descriptor that it is
 * handed it compares all that it has.  So it is handed a few at a time, and fewer the more it has.
 *
 * Nothing is queued: a slot of the keeper's store knows whether it is kept there, and its store
 * how many are not as they should be.  The name of a session's socket is its port, for which no two
 * are bound at a time: it has to be short, as a program whose LISTEN_FDNAMES has 128 KiB cannot be
 * executed.  To a successor names mean nothing.  In an orderly end nothing is forgotten, as it may
 * be a restart; after a stop the manager forgets by itself.
 */
#include <sys/resource.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/fd_names.h"
#include "supervisor/fd_store.h"
#include "supervisor/keepers.h"
#include "supervisor/notify.h"

/*
 * 200 a second; when it has more than a thousand, as many as it compares in less than a tenth of a
 * processor's time.
 */
#define TICK (100 * MILLISECOND)
#define A_TICK 20
#define A_TICK_UP_TO 1000

/* When there is no room, as some might go by and by; or nobody there. */
#define TICK_LATER (10 * SECOND)

/* What a successor needs beside, from its dynamic loader on, within the limit that it is started with. */
#define LEFT_FREE 64

/* Slots that one turn looks at. */
#define LOOKS_A_TURN 65536

/* With the colon before the next one. */
static size_t
name_size(const char *name)
{
	return (strlen(name) + 1);
}

/* ---- start ---- */

void
fd_store_limit(void)
{
	const char *text = getenv("FDSTORE"), *error;
	char most[32];
	struct rlimit rl;
	long long max;

	if (text == NULL || getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	max = strtonum(text, 0, UINT32_MAX, &error);
	if ((rlim_t)max + LEFT_FREE <= rl.rlim_cur)
		return;
	snprintf(most, sizeof(most), "%llu",
	    rl.rlim_cur < LEFT_FREE ? 0 : (unsigned long long)rl.rlim_cur - LEFT_FREE);
	setenv("FDSTORE", most, 1);
}

static void
count_slot(struct fd_store *f, const struct slot *slot)
{
	char name[FD_NAME_SIZE];

	if (slot->saved == SAVED_NOT)
		return;
	f->count++;
	f->names += name_size(fd_name_session(slot->saved_port, name));
}

void
fd_store_init(struct fd_store *f, const struct notify *notify, struct keepers *keepers,
    int http, int64_t now)
{
	const char *max = getenv("FDSTORE"), *error;
	const struct store *store;
	uint32_t i, slot;

	f->notify = notify;
	f->keepers = keepers;
	f->http = http;
	f->at = now;
	if (notify->fd == -1 || max == NULL)
		return;
	f->max = (uint32_t)strtonum(max, 0, UINT32_MAX, &error);
	for (i = 0; i < keepers->count; i++) {
		store = &keepers->keeper[i].store;
		for (slot = 0; slot < store->used; slot++)
			count_slot(f, &store->slots[slot]);
	}
}

/* ---- what is due ---- */

/* Two may have had one name: what we took of that name is kept anew. */
static void
forgotten(struct fd_store *f, const char *name)
{
	struct store *store;
	const char *error;
	uint32_t i, slot;
	uint16_t port;

	port = (uint16_t)strtonum(name, 1, UINT16_MAX, &error);
	for (i = 0; error == NULL && i < f->keepers->count; i++) {
		store = &f->keepers->keeper[i].store;
		for (slot = 0; slot < store->used; slot++) {
			if (store->slots[slot].saved != SAVED ||
			    store->slots[slot].saved_port != port)
				continue;
			store_set_saved(store, slot, SAVED_NOT);
			f->count--;
			f->names -= name_size(name);
		}
	}
}

/* Returns 1, or -1 if not now. */
static int
drop_one(struct fd_store *f)
{
	const char *name = fd_name_dropped();

	if (notify_forget(f->notify, name) == -1)
		return (-1);
	forgotten(f, name);
	fd_name_drop_told();
	return (1);
}

/* Of those that stay to the end, the memory: two memfds a worker, and that of the ports. */
static uint32_t
memories(const struct fd_store *f)
{
	return (2 * f->keepers->count + 1);
}

/*
 * Descriptor number `i` of those, and its name.  Returns -1 if there is none, with errno ENOENT
 * after the last.
 */
static int
lasting(const struct fd_store *f, uint32_t i, char name[FD_NAME_SIZE])
{
	const struct keepers *all = f->keepers;
	uint32_t worker = i % all->count;

	errno = 0;
	if (i < all->count) {
		fd_name_totals(worker, name);
		return (all->keeper[worker].totals_fd);
	}
	if (i + 1 == memories(f)) {
		strlcpy(name, fd_name_ports, FD_NAME_SIZE);
		return (all->ports.fd);
	}
	if (i < memories(f)) {
		fd_name_records(worker, name);
		return (all->keeper[worker].store.fd);
	}
	i -= memories(f);
	if (i == 0) {
		strlcpy(name, fd_name_metrics, FD_NAME_SIZE);
		return (f->http);
	}
	if (--i >= all->count * all->listeners) {
		errno = ENOENT;
		return (-1);
	}
	fd_name_listener(&all->listener[i / all->count], name);
	return (all->keeper[i % all->count].listener_fds[i / all->count]);
}

static int
has_room(struct fd_store *f, const char *name)
{
	if (f->count < f->max && f->names + name_size(name) <= FD_NAMES_MAX)
		return (1);
	if (!f->full)
		log_warn("descriptor store full", "descriptors=%u max=%u remedy=%s", f->count,
		    f->max,
		    "raise FileDescriptorStoreMax, FDSTORE and LimitNOFILE of the unit");
	f->full = 1;
	return (0);
}

/* Returns 1, 0 if there is no room, or -1 if not now. */
static int
keep(struct fd_store *f, const char *name, int fd)
{
	if (!has_room(f, name))
		return (0);
	if (notify_keep(f->notify, name, fd) == -1)
		return (-1);
	f->count++;
	f->names += name_size(name);
	return (1);
}

/* The next of those that stay.  Returns 1; 0 if there are no more; -1 if not now. */
static int
keep_lasting(struct fd_store *f)
{
	char name[FD_NAME_SIZE];
	int fd = lasting(f, f->lasting, name), error = errno;

	if (error == ENOENT)
		return (0);
	/* It may have that of one before us, in which all is as it was. */
	if (f->lasting < memories(f) && notify_forget(f->notify, name) == -1)
		return (-1);
	if (fd != -1 && keep(f, name, fd) == -1)
		return (-1);
	f->lasting++;
	return (1);
}

/* Returns 1 if something was done for this slot; 0 if there is nothing, or no room; -1: not now. */
static int
tend_slot(struct fd_store *f, struct store *store, uint32_t i)
{
	const struct slot *slot = &store->slots[i];
	char name[FD_NAME_SIZE];
	int kept;

	if (!store_is_unsaved(store, i))
		return (0);
	if (slot->saved == SAVED_IN_VAIN) {
		fd_name_session(slot->saved_port, name);
		if (notify_forget(f->notify, name) == -1)
			return (-1);
		store_set_saved(store, i, SAVED_NOT);
		f->count--;
		f->names -= name_size(name);
		return (1);
	}
	if ((kept = keep(f, fd_name_session(slot->port, name), slot->fd)) == 1)
		store_set_saved(store, i, SAVED);
	return (kept);
}

/* Go round the slots to the next that is unsaved.  Returns as tend_slot(). */
static int
tend_next(struct fd_store *f, uint32_t *looks)
{
	struct store *store;
	int done;

	while ((*looks)-- > 0) {
		store = &f->keepers->keeper[f->worker].store;
		if (store->unsaved == 0 || f->slot >= store->used) {
			f->slot = 0;
			f->worker = (f->worker + 1) % f->keepers->count;
			continue;
		}
		if ((done = tend_slot(f, store, f->slot)) == -1)
			return (-1);
		f->slot++;
		if (done == 1)
			return (1);
	}
	return (0);
}

/* ---- turns ---- */

static int
is_due(const struct fd_store *f)
{
	char name[FD_NAME_SIZE];
	uint32_t i;

	if (f->max == 0)
		return (0);
	if (fd_name_dropped() != NULL || lasting(f, f->lasting, name) != -1 || errno != ENOENT)
		return (1);
	for (i = 0; i < f->keepers->count; i++)
		if (f->keepers->keeper[i].store.unsaved > 0)
			return (1);
	return (0);
}

static int
do_next(struct fd_store *f, uint32_t *looks)
{
	int done;

	if (fd_name_dropped() != NULL)
		return (drop_one(f));
	if ((done = keep_lasting(f)) != 0)
		return (done);
	return (tend_next(f, looks));
}

/* Fewer, the more it has. */
static uint32_t
allowance(const struct fd_store *f)
{
	if (f->count <= A_TICK_UP_TO)
		return (A_TICK);
	return (A_TICK * A_TICK_UP_TO / f->count + 1);
}

void
fd_store_turn(struct fd_store *f, int64_t now)
{
	uint32_t i, most = allowance(f), looks = LOOKS_A_TURN;
	int done = 1, error = 0;

	if (now < fd_store_deadline(f))
		return;
	for (i = 0; i < most && done == 1 && is_due(f); i++) {
		done = do_next(f, &looks);
		error = errno;
	}
	f->at = now + (done == 1 || (done == -1 && error == EAGAIN) ? TICK : TICK_LATER);
}

int64_t
fd_store_deadline(const struct fd_store *f)
{
	return (is_due(f) ? f->at : NEVER);
}
