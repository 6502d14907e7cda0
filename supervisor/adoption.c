#include <err.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/endpoint.h"
#include "common/log.h"
#include "supervisor/adoption.h"
#include "supervisor/fd_names.h"
#include "supervisor/inherited.h"
#include "supervisor/relocation.h"

/* ---- reading ---- */

/* Of two of the same worker the later one counts. */
static void
keep(struct adoption *a, struct legacy *new)
{
	struct legacy *l;

	for (l = a->legacy; l < a->legacy + a->found; l++)
		if (l->worker == new->worker)
			break;
	if (l == a->legacy + a->found)
		a->found++;
	else if (l->written > new->written) {
		legacy_free(new);
		return;
	} else
		legacy_free(l);
	*l = *new;
}

/* Returns NULL, or why it cannot be adopted. */
static const char *
judge(const struct legacy *l, const struct options *o, uint32_t workers)
{
	int spread = workers > 1 && o->max_sessions_per_address > 0;

	if (l->workers != workers)
		return ("--workers has changed");
	if (spread != (l->spread[0] != 0 || l->spread[1] != 0))
		return ("--max-sessions-per-address spreads clients among workers, or did");
	return (NULL);
}

void
adoption_read(struct adoption *a, const struct options *o, uint32_t workers)
{
	struct inherited *d = NULL;
	struct legacy legacy;
	const char *wrong;

	while ((d = inherited_next(INHERITED_MEMORY, d)) != NULL) {
		if (!legacy_is_memory(d->fd))
			continue;
		if ((wrong = legacy_read_memory(&legacy, d->fd, clock_now())) == NULL)
			wrong = judge(&legacy, o, workers);
		if (wrong == NULL)
			keep(a, &legacy);
		else {
			log_warn("sessions not adopted", "reason=%s", wrong);
			legacy_free(&legacy);
		}
		fd_name_drop(d->name);
		close(inherited_take(d));
	}
}

const struct sockaddr_in6 *
adoption_upstream(const struct adoption *a, const char *upstream)
{
	if (a->found == 0 || strcmp(a->legacy[0].upstream, upstream) != 0)
		return (NULL);
	return (&a->legacy[0].address);
}

void
adoption_spread(const struct adoption *a, uint32_t secret[2])
{
	if (a->found > 0)
		memcpy(secret, a->legacy[0].spread, sizeof(a->legacy[0].spread));
}

/* ---- listeners ---- */

static struct inherited *
find_listener(const struct legacy_listener *listener)
{
	struct inherited *d = NULL;

	while ((d = inherited_next(INHERITED_LISTENER, d)) != NULL)
		if (d->address == listener->address && d->port == listener->port &&
		    inherited_cookie(d->fd) == listener->cookie)
			return (d);
	return (NULL);
}

int
adoption_listener(const struct adoption *a, uint32_t worker, struct sockaddr_in *sin)
{
	const struct legacy_listener *l;
	struct inherited *d;
	uint32_t i, j;

	for (i = 0; i < a->found; i++) {
		if (a->legacy[i].worker != worker)
			continue;
		for (j = 0; j < a->legacy[i].listeners; j++) {
			l = &a->legacy[i].listener[j];
			if (l->address != sin->sin_addr.s_addr ||
			    (sin->sin_port != 0 && l->port != sin->sin_port) ||
			    (d = find_listener(l)) == NULL)
				continue;
			sin->sin_port = l->port;
			return (inherited_take(d));
		}
	}
	return (-1);
}

/* ---- sessions ---- */

static struct totals *
writable_totals(const struct keeper *k)
{
	struct totals *totals;

	if ((totals = keeper_map_totals(k, 1)) == NULL)
		err(EXIT_REFUSED, "totals");
	return (totals);
}

/* Our index of a listener of before, or -1. */
static int
listener_index(const struct keeper *k, const struct legacy_listener *listener)
{
	uint32_t i;

	for (i = 0; i < k->config.listeners; i++)
		if (k->listener[i].address == listener->address &&
		    k->listener[i].port == listener->port)
			return ((int)i);
	return (-1);
}

static void
take_session(struct keeper *k, const struct legacy_session *s, int fd, uint16_t listener,
    struct totals *totals)
{
	uint32_t slot = store_add(&k->store, fd, s->port);
	struct session_record record = s->record;

	(void)ports_claim(k->ports, s->port);
	record.listener = listener;
	store_set_record(&k->store, slot, &record);
	if (s->saved)
		store_set_saved(&k->store, slot, SAVED);
	totals_session_counters(totals, k->config.listeners)[slot].counters = s->counters;
	totals_drops_seen(totals, k->config.listeners,
	    k->config.slots_max)[k->config.listeners + slot] = s->drops_seen;
}

static void
take_or_drop(struct keeper *k, const struct legacy *l, const struct legacy_session *s, int fd,
    struct totals *totals, struct adopted *adopted)
{
	int listener = listener_index(k, &l->listener[s->record.listener]);

	if (fd != -1 && listener != -1 && store_has_room(&k->store)) {
		take_session(k, s, fd, (uint16_t)listener, totals);
		adopted->taken++;
		return;
	}
	if (fd != -1)
		close(fd);
	if (s->saved)
		fd_name_drop_session(s->port);
	totals->sessions_closed[CLOSE_RESTORE_FAILED]++;
	adopted->dropped++;
}

void
adoption_take(struct keeper *k, const struct legacy *l, adoption_socket *socket_of, void *arg,
    struct adopted *adopted)
{
	struct totals *totals = writable_totals(k);
	const struct legacy_session *s;
	int assured;

	/* Who is served comes first: there may be less room than there was. */
	for (assured = 1; assured >= 0; assured--)
		for (s = l->session; s < l->session + l->sessions; s++)
			if ((s->record.state == SESSION_ASSURED) == assured)
				take_or_drop(k, l, s, socket_of(l, s, arg), totals, adopted);
	keeper_unmap_totals(k, totals);
}

/* Where sockets are to go, and from where, if that is known. */
struct way {
	const struct upstream *upstream;
	struct sockaddr_in6 source;
};

static int
inherited_socket(const struct legacy *l, const struct legacy_session *s, void *arg)
{
	const struct way *way = arg;
	int fd;

	if ((fd = inherited_take_upstream(s->port, &l->address)) == -1)
		fd = inherited_take_upstream(s->port, &way->upstream->address);
	/* One that had not yet followed the upstream to there: it will be moved like all others. */
	if (fd == -1)
		fd = inherited_take_upstream(s->port, NULL);
	if (fd == -1)
		return (-1);
	if (upstream_configure(fd, way->upstream) == 0)
		return (upstream_rebind(fd, way->upstream, &way->source, s->port));
	close(fd);
	return (-1);
}

/* What was counted goes on. */
static void
take_totals(struct keeper *k, const struct legacy *l)
{
	uint32_t i, *seen, listeners = k->config.listeners;
	struct totals *totals;
	int j;

	if (l->totals == NULL || !l->sums)
		log_info("totals not adopted", "reason=%s",
		    l->totals == NULL ? "are not there" : "are of another version");
	if (l->totals == NULL)
		return;
	totals = writable_totals(k);
	memcpy(totals, l->totals, sizeof(*totals));
	seen = totals_drops_seen(totals, listeners, k->config.slots_max);
	for (i = 0; i < l->listeners; i++) {
		if ((j = listener_index(k, &l->listener[i])) == -1)
			continue;
		totals->listener[j] = l->totals->listener[i];
		seen[j] = totals_drops_seen(l->totals, l->listeners, l->slots)[i];
	}
	keeper_unmap_totals(k, totals);
}

static void
close_listeners(const struct legacy *l)
{
	char text[ENDPOINT_STRLEN];
	struct inherited *d;
	uint32_t i;

	for (i = 0; i < l->listeners; i++) {
		struct sockaddr_in sin = {
			.sin_family = AF_INET,
			.sin_addr.s_addr = l->listener[i].address,
			.sin_port = l->listener[i].port,
		};
		if ((d = find_listener(&l->listener[i])) == NULL)
			continue;
		log_info("listener closed", "listener=%s", endpoint_format_ipv4(&sin, text));
		fd_name_drop(d->name);
		close(inherited_take(d));
	}
}

/* That of the metrics, if they are not wanted any longer, or elsewhere. */
static void
close_http(void)
{
	struct inherited *d = NULL;

	while ((d = inherited_next(INHERITED_HTTP, d)) != NULL) {
		if (strcmp(d->name, fd_name_metrics) != 0)
			continue;
		log_info("listener closed", "listener=%s", d->name);
		fd_name_drop(d->name);
		close(inherited_take(d));
	}
}

void
adoption_finish(struct adoption *a, struct keepers *all)
{
	struct way way = { .upstream = &all->upstream };
	struct adopted adopted = { 0 };
	struct inherited *d = NULL;
	struct keeper *k;
	struct legacy *l;

	while ((d = inherited_next(INHERITED_MEMORY, d)) != NULL)
		if (ports_are_memory(d->fd)) {
			(void)ports_adopt(&all->ports, d->fd, clock_now());
			close(inherited_take(d));
		}
	if (upstream_probe(&all->upstream, &way.source, NULL) == -1)
		way.source = all->upstream.source;
	for (l = a->legacy; l < a->legacy + a->found; l++) {
		k = &all->keeper[l->worker];
		take_totals(k, l);
		adoption_take(k, l, inherited_socket, &way, &adopted);
		close_listeners(l);
		/* They go where the one before us thought that the upstream is. */
		if (k->store.count[SLOT_KEPT] > 0)
			relocation_begin(k, clock_now());
	}
	close_http();
	if (a->found > 0)
		log_info(
		    "sessions adopted", "count=%u dropped=%u", adopted.taken, adopted.dropped);
	for (; a->found > 0; a->found--)
		legacy_free(&a->legacy[a->found - 1]);
	inherited_close();
}
