/*
 * Reading the memory that a supervisor before us has left.  It comes by way of whoever started us,
 * and what a relay wrote stands in it: so it is copied, and then checked before it is believed.
 */
#include <sys/stat.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/record.h"
#include "supervisor/fd_names.h"
#include "supervisor/inherited.h"
#include "supervisor/legacy.h"
#include "supervisor/store.h"

/* Each socket of a store has a port of its own. */
#define SLOTS_MAX 65535

#define ALIGNMENT _Alignof(struct session_line)

/*
 * Memory of this size, aligned as a mapping: so many zeros, and then what is in the memfd from that
 * place on.  Returns NULL if there is not as much.
 */
static void *
copy(int fd, size_t size, size_t zeros, size_t from)
{
	char *to = aligned_alloc(ALIGNMENT, (size + ALIGNMENT) / ALIGNMENT * ALIGNMENT);
	size_t done;
	ssize_t n;

	if (to == NULL)
		return (NULL);
	memset(to, 0, zeros);
	for (done = zeros; done < size; done += (size_t)n) {
		n = pread(fd, to + done, size - done, (off_t)(from + done - zeros));
		if (n <= 0) {
			free(to);
			return (NULL);
		}
	}
	return (to);
}

static int
is_text(const char *text, size_t size)
{
	const char *end = memchr(text, '\0', size);

	if (end == NULL || end == text)
		return (0);
	while (text < end)
		if (!isgraph((unsigned char)*text++))
			return (0);
	return (1);
}

/* Returns NULL, or what is wrong with the head of a store of `size` bytes. */
static const char *
judge_head(const struct store_head *head, size_t size, int64_t now)
{
	const uint32_t layout[] = STORE_LAYOUT;

	if (size < sizeof(*head) || memcmp(head->magic, STORE_MAGIC, sizeof(head->magic)) != 0)
		return ("are none");
	if (head->version != STORE_VERSION ||
	    memcmp(head->layout, layout, LAYOUT_TOTALS * sizeof(layout[0])) != 0)
		return ("are of another version");
	if (head->listeners == 0 || head->listeners > LISTENERS_MAX || head->slots == 0 ||
	    head->slots > SLOTS_MAX || size != store_size(head->listeners, head->slots))
		return ("have another size than they say");
	if (head->workers == 0 || head->workers > WORKERS_MAX || head->worker >= head->workers)
		return ("name a worker that there cannot be");
	if (head->port == 0 || !is_text(head->upstream, sizeof(head->upstream)))
		return ("name no upstream");
	if (head->written <= 0 || head->written > now)
		return ("are of the future");
	return (NULL);
}

/* Take the memfd of these totals from those that were inherited.  Returns -1 if there is none. */
static int
take_totals(uint64_t inode, size_t size)
{
	struct inherited *d = NULL;
	struct stat st;

	while ((d = inherited_next(INHERITED_MEMORY, d)) != NULL) {
		if (fstat(d->fd, &st) == -1 || st.st_ino != inode || (size_t)st.st_size != size)
			continue;
		fd_name_drop(d->name);
		return (inherited_take(d));
	}
	return (-1);
}

/*
 * What was counted of each session is where the sums of whoever counted end.  Nobody can tell what
 * sums of another layout mean: they are 0.
 */
static void
read_totals(struct legacy *legacy, const struct store_head *head)
{
	const uint32_t layout[] = STORE_LAYOUT;
	const uint32_t *theirs = head->layout;
	size_t size = totals_size(head->listeners, head->slots);
	size_t sums = totals_sums_size(
	    layout[LAYOUT_TOTALS], layout[LAYOUT_LISTENER_TOTALS], head->listeners);
	size_t their_sums = totals_sums_size(
	    theirs[LAYOUT_TOTALS], theirs[LAYOUT_LISTENER_TOTALS], head->listeners);
	int fd;

	if ((fd = take_totals(head->totals, size - sums + their_sums)) == -1)
		return;
	legacy->sums = theirs[LAYOUT_TOTALS] == layout[LAYOUT_TOTALS] &&
	    theirs[LAYOUT_LISTENER_TOTALS] == layout[LAYOUT_LISTENER_TOTALS];
	if (legacy->sums)
		sums = their_sums = 0;
	legacy->totals = copy(fd, size, sums, their_sums);
	close(fd);
}

static const char *
read_listeners(
    struct legacy *legacy, const struct store_head *head, const struct store_listener *from)
{
	uint32_t i;

	if ((legacy->listener = calloc(head->listeners, sizeof(*legacy->listener))) == NULL)
		return ("find no memory");
	for (i = 0; i < head->listeners; i++) {
		if (from[i].port == 0 || from[i].cookie == 0)
			return ("name a listener that there cannot be");
		legacy->listener[i].cookie = from[i].cookie;
		legacy->listener[i].address = from[i].address;
		legacy->listener[i].port = from[i].port;
	}
	legacy->listeners = head->listeners;
	legacy->slots = head->slots;
	return (NULL);
}

static int
slot_holds(const struct slot *slot, uint32_t listeners, int64_t now)
{
	return ((slot->state == SLOT_KEPT || slot->state == SLOT_OFFERED ||
		    slot->state == SLOT_OPEN) &&
	    slot->port != 0 && record_holds(&slot->record, listeners, now));
}

static const char *
read_slots(struct legacy *legacy, const struct slot *slots, uint32_t count, int64_t now)
{
	struct legacy_session *s;
	uint32_t i;
	int holds;

	if ((legacy->session = calloc(count, sizeof(*legacy->session))) == NULL)
		return ("find no memory");
	for (i = 0; i < count; i++) {
		holds = slot_holds(&slots[i], legacy->listeners, now);
		if (slots[i].saved == SAVED_IN_VAIN || (slots[i].saved == SAVED && !holds))
			fd_name_drop_session(slots[i].saved_port);
		if (!holds)
			continue;
		s = &legacy->session[legacy->sessions++];
		s->saved = slots[i].saved == SAVED;
		s->record = slots[i].record;
		s->port = slots[i].port;
		if (legacy->totals == NULL)
			continue;
		s->counters =
		    totals_session_counters(legacy->totals, legacy->listeners)[i].counters;
		s->drops_seen = totals_drops_seen(
		    legacy->totals, legacy->listeners, count)[legacy->listeners + i];
	}
	return (NULL);
}

static void
take_head(struct legacy *legacy, const struct store_head *head)
{
	strlcpy(legacy->upstream, head->upstream, sizeof(legacy->upstream));
	legacy->address.sin6_family = AF_INET6;
	memcpy(&legacy->address.sin6_addr, head->address, sizeof(legacy->address.sin6_addr));
	legacy->address.sin6_scope_id = head->scope;
	legacy->address.sin6_port = head->port;
	legacy->worker = head->worker;
	legacy->workers = head->workers;
	memcpy(legacy->spread, head->spread, sizeof(legacy->spread));
	legacy->written = head->written;
}

int
legacy_is_memory(int fd)
{
	char magic[sizeof(STORE_MAGIC) - 1];

	return (pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
	    memcmp(magic, STORE_MAGIC, sizeof(magic)) == 0);
}

const char *
legacy_read_memory(struct legacy *legacy, int fd, int64_t now)
{
	const struct store_listener *listener;
	struct store_head *head = NULL;
	const char *wrong;
	struct stat st;

	memset(legacy, 0, sizeof(*legacy));
	if (fstat(fd, &st) == -1 || (size_t)st.st_size > store_size(LISTENERS_MAX, SLOTS_MAX) ||
	    (head = copy(fd, (size_t)st.st_size, 0, 0)) == NULL)
		return ("cannot be read");
	if ((wrong = judge_head(head, (size_t)st.st_size, now)) != NULL)
		goto done;
	listener = (const void *)(head + 1);
	take_head(legacy, head);
	if ((wrong = read_listeners(legacy, head, listener)) != NULL)
		goto done;
	read_totals(legacy, head);
	wrong =
	    read_slots(legacy, (const void *)(listener + head->listeners), head->slots, now);
done:
	free(head);
	return (wrong);
}

void
legacy_free(struct legacy *legacy)
{
	free(legacy->listener);
	free(legacy->session);
	free(legacy->totals);
	memset(legacy, 0, sizeof(*legacy));
}
