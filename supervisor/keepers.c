#include <sys/stat.h>
#include <err.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/capacity.h"
#include "supervisor/inherited.h"
#include "supervisor/keepers.h"
#include "supervisor/relocation.h"

static void
share_capacity(const struct options *o, struct keepers *all)
{
	uint32_t i, slots, sum = 0;

	slots = capacity_slots(all->descriptors, all->count, all->ports.total);
	for (i = 0; i < all->count; i++) {
		capacity_share(&all->keeper[i].config, o, slots, i, all->count);
		sum += all->keeper[i].config.sessions_max;
	}
	if (o->max_sessions > sum)
		log_warn("capacity below --max-sessions",
		    "max_sessions=%u session_capacity=%u ports=%u", o->max_sessions, sum,
		    all->ports.total);
}

static void
init_totals(struct keeper *k)
{
	if ((k->totals_fd = totals_create(k->config.listeners, k->config.slots_max)) == -1 ||
	    (k->totals = keeper_map_totals(k, 0)) == NULL)
		err(EXIT_REFUSED, "memfd");
}

/* What a successor is told of these sockets, should it find them. */
static void
describe_store(const struct options *o, const struct keepers *all, uint32_t worker)
{
	const struct keeper *k = &all->keeper[worker];
	struct store_head *head = k->store.head;
	struct stat st;
	uint32_t i;

	if (fstat(k->totals_fd, &st) == -1)
		err(EXIT_REFUSED, "memfd");
	head->totals = st.st_ino;
	head->worker = worker;
	head->workers = all->count;
	memcpy(head->spread, all->spread, sizeof(head->spread));
	strlcpy(head->upstream, o->upstream, sizeof(head->upstream));
	for (i = 0; i < k->config.listeners; i++) {
		k->store.listener[i].cookie = inherited_cookie(k->listener_fds[i]);
		k->store.listener[i].address = k->listener[i].address;
		k->store.listener[i].port = k->listener[i].port;
	}
	head->written = clock_now();
}

/* Where the upstream is now. */
static void
describe_upstream(struct keepers *all)
{
	const struct sockaddr_in6 *address = &all->upstream.address;
	struct store_head *head;
	uint32_t i;

	for (i = 0; i < all->count; i++) {
		head = all->keeper[i].store.head;
		memcpy(head->address, &address->sin6_addr, sizeof(head->address));
		head->scope = address->sin6_scope_id;
		head->port = address->sin6_port;
	}
}

static void
init_keeper(const struct options *o, const struct msg_identity *id, struct keepers *all,
    uint32_t worker)
{
	struct keeper *k = &all->keeper[worker];
	struct msg_relay_config *config = &k->config;

	config->listeners = o->listeners;
	init_totals(k);
	config->workers = (uint8_t)all->count;
	config->segment_offload = (uint8_t)all->upstream.trains;
	config->session_timeout = o->session_timeout;
	config->unreplied_timeout = o->unreplied_timeout;
	config->write_timeout = o->write_timeout;
	config->amplification_limit = o->amplification_limit;
	config->sessions_per_address = o->max_sessions_per_address;
	config->datagram_max = o->read_buffer_size;
	config->receive_buffer = all->upstream.buffer_size;
	memcpy(config->upstream_address, &all->upstream.address.sin6_addr,
	    sizeof(config->upstream_address));
	config->upstream_port = all->upstream.address.sin6_port;
	k->upstream = &all->upstream;
	k->ports = &all->ports;
	k->outage = &all->outage;
	k->sources = &all->sources;
	k->identity = *id;
	k->identity.descriptors = config->slots_max + o->listeners + RELAY_DESCRIPTORS;
	if (keeper_init(k, clock_now()) == -1)
		err(EXIT_REFUSED, "socket store");
	describe_store(o, all, worker);
}

void
keepers_upstream(
    const struct options *o, const struct sockaddr_in6 *address, struct upstream *upstream)
{
	upstream->address = *address;
	upstream->source = o->upstream_source;
	memcpy(upstream->interface, o->upstream_interface, sizeof(upstream->interface));
	memcpy(upstream->source_interface, o->source_interface,
	    sizeof(upstream->source_interface));
	upstream->buffer_size = o->socket_buffer_size / 4;
	upstream->whole = o->fragment == FRAGMENT_DENY;
}

void
keepers_init(const struct options *o, const struct sockaddr_in6 *address,
    const struct msg_identity *id, struct keepers *all)
{
	uint32_t i;

	capacity_ports(o, &all->ports);
	keepers_upstream(o, address, &all->upstream);
	outage_init(&all->outage);
	share_capacity(o, all);
	for (i = 0; i < all->count; i++)
		init_keeper(o, id, all, i);
	describe_upstream(all);
}

int64_t
keepers_last_reply(const struct keepers *all, int64_t now)
{
	int64_t reply, last = 0;
	uint32_t i;

	for (i = 0; i < all->count; i++) {
		/* Read once: the relay may change it meanwhile. */
		reply = __atomic_load_n(
		    &all->keeper[i].totals->upstream_last_reply, __ATOMIC_RELAXED);
		/* Its clock is a tick ahead of our reading at most. */
		if (reply > now && reply - now < SECOND)
			reply = now;
		if (reply > last && reply <= now)
			last = reply;
	}
	return (last);
}

void
keepers_pass_on(struct keepers *all, uint64_t lost)
{
	struct totals *totals;
	struct keeper *k;

	for (k = all->keeper; k < all->keeper + all->count; k++, lost = 0) {
		if ((totals = keeper_map_totals(k, 1)) == NULL)
			continue;
		totals->sessions_closed[CLOSE_RESTORE_FAILED] += k->discarded;
		totals->log_records_suppressed += lost;
		keeper_unmap_totals(k, totals);
	}
}

void
keepers_reroute(struct keepers *all, int64_t now)
{
	uint32_t i;

	for (i = 0; i < all->count; i++)
		relocation_begin(&all->keeper[i], now);
}

void
keepers_move(struct keepers *all, const struct sockaddr_in6 *address, int64_t now)
{
	char from[ENDPOINT_STRLEN], to[ENDPOINT_STRLEN];

	log_info("upstream moved", "from=%s to=%s",
	    endpoint_format_ipv6(&all->upstream.address, from),
	    endpoint_format_ipv6(address, to));
	all->upstream.address = *address;
	describe_upstream(all);
	keepers_reroute(all, now);
}
