/*
 * A state file of any bytes, whose checksum is right unless the first byte is odd: it is refused with
 * a reason, or what it yields can be, and comes back the same when it is written and read again.
 *
 * The second byte chooses how long ago it was written.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/record.h"
#include "supervisor/state_file.h"

#define TIMEOUT (180 * SECOND)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_session(const struct legacy *l, const struct legacy_session *s, int64_t now)
{
	int i, heard = now - s->record.opened <= TIMEOUT;

	if (!record_holds(&s->record, l->listeners, now) ||
	    s->record.state != SESSION_ASSURED || s->port == 0)
		abort();
	for (i = 0; i < DIRECTION_MAX; i++) {
		if (s->counters.last[i] > now ||
		    (s->counters.last[i] != 0 && s->counters.last[i] < s->record.opened))
			abort();
		heard |= s->counters.last[i] != 0 && now - s->counters.last[i] <= TIMEOUT;
	}
	if (!heard)
		abort();
}

static void
check_again(const struct legacy *l, const struct state_moment *now)
{
	struct state_facts facts;
	struct legacy again;
	size_t size = state_file_size(l);
	void *file = malloc(size);

	state_file_write(l, now, file);
	if (state_file_read(file, size, now, TIMEOUT, &again, &facts) != NULL ||
	    facts.invalid != 0 || again.sessions != l->sessions ||
	    again.listeners != l->listeners ||
	    memcmp(again.session, l->session, l->sessions * sizeof(*l->session)) != 0 ||
	    memcmp(again.listener, l->listener, l->listeners * sizeof(*l->listener)) != 0 ||
	    strcmp(again.upstream, l->upstream) != 0)
		abort();
	legacy_free(&again);
	free(file);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state_moment now = { 1000 * SECOND, 0 };
	struct state_facts facts;
	struct legacy legacy;
	const char *wrong;
	void *file;
	uint32_t i;

	if (size < 2)
		return (0);
	now.wall = (int64_t)data[1] << 55;
	size -= 2;
	/* Aligned, and no byte longer. */
	file = malloc(size);
	memcpy(file, data + 2, size);
	if ((data[0] & 1) == 0 && size >= sizeof(struct state_header) && size % 8 == 0)
		state_file_seal(file, size);
	wrong = state_file_read(file, size, &now, TIMEOUT, &legacy, &facts);
	if (wrong != NULL) {
		if (wrong[0] == '\0' || legacy.session != NULL || legacy.listener != NULL)
			abort();
		free(file);
		return (0);
	}
	if (!state_file_is_ours(file, size) || facts.age < 0 ||
	    facts.sessions != facts.invalid + facts.expired + legacy.sessions)
		abort();
	for (i = 0; i < legacy.sessions; i++)
		check_session(&legacy, &legacy.session[i], now.now);
	check_again(&legacy, &now);
	legacy_free(&legacy);
	free(file);
	return (0);
}
