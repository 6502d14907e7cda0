/*
 * load: what the benchmark sends through a relay, and what it finds at the other end.
 *
 *	load [options] CLIENT-NAMESPACE HOME-NAMESPACE relay-address relay-port home-port
 *
 * It is both the clients (IPv4) and the home (IPv6).  First every flow says hello and is answered,
 * until all are known; then the load runs for a bounded time, either at a fixed rate or with a
 * fixed number of datagrams in flight; then late datagrams are waited for.  The CPU time of the
 * relay is read at both ends of the load.  One JSON object on standard output tells the result.
 */

#include <arpa/inet.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/account.h"
#include "tests/bench/wire.h"
#include "tests/system/helper.h"

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)

#define HELLO_INTERVAL (SECOND / 10000)
#define HELLO_PATIENCE (100 * MS)
#define HELLO_BOUND (8 * SECOND)
#define CALM (100 * MS)	  /* between hello and load */
#define QUIET (20 * MS)	  /* nothing for so long: the relay has no more to do */
#define LINGER (500 * MS) /* what is not there by then is lost */
#define BURSTS_A_TURN 8
#define WINDOWS_MAX 8
#define STREAMS_MAX 5

/* One sender of the load. */
struct stream {
	enum way way;
	enum kind kind;
	int64_t interval; /* ns between two bursts; 0: as the window lets it */
	int burst, flow, flows, next;
	bool interleave;
	int64_t due, last, given_up;
};

struct result {
	struct tally tally[WAY_MAX];
	struct account before, after;
	int64_t begun, ended;
	int window;
};

struct load {
	struct wire wire;
	struct subject subject;
	struct stream stream[STREAMS_MAX];
	int streams;
	int64_t duration;
	int window; /* most datagrams in flight each way; 0: open loop */
	int established;
	int64_t memory[2]; /* before and after the sessions were opened */
};

/* ---- hello ---- */

static int
count_answered(const struct load *l)
{
	int count = 0;

	for (int i = 0; i < l->wire.flows; i++)
		count += l->wire.flow[i].answered;
	return (count);
}

static void
say_hello(struct load *l)
{
	int64_t due = now_ns();

	for (int i = 0; i < l->wire.flows; i++) {
		if (l->wire.flow[i].answered)
			continue;
		wire_send(&l->wire, UP, KIND_HELLO, i, 1, false);
		due += HELLO_INTERVAL;
		do
			wire_receive(&l->wire, due);
		while (now_ns() < due);
	}
}

/*
 * Twice, as a relay may trust a client only when it sends again after an answer.  A peer that is
 * slow to open sessions gets its time: it is not what most scenarios measure.
 */
static void
establish(struct load *l)
{
	int64_t until, bound;

	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < l->wire.flows; i++)
			l->wire.flow[i].answered = false;
		bound = now_ns() + HELLO_BOUND;
		do {
			say_hello(l);
			until = now_ns() + HELLO_PATIENCE;
			while ((l->established = count_answered(l)) < l->wire.flows &&
			    now_ns() < until)
				wire_receive(&l->wire, until);
		} while (l->established < l->wire.flows && now_ns() < bound);
	}
	until = now_ns() + CALM;
	while (now_ns() < until)
		wire_receive(&l->wire, until);
}

/* ---- load ---- */

static void
stream_burst(struct load *l, struct stream *s)
{
	if (s->kind == KIND_FORGED) {
		wire_forge(&l->wire);
		return;
	}
	wire_send(&l->wire, s->way, s->kind, s->flow + s->next, s->burst, s->interleave);
	s->next = (s->next + (s->interleave ? s->burst : 1)) % s->flows;
}

static int64_t
in_flight(const struct load *l, const struct stream *s)
{
	const struct tally *t = &l->wire.tally[s->way];

	return (t->sent - t->delivered - s->given_up);
}

/* Send what the window allows; when to look again. */
static int64_t
stream_fill(struct load *l, struct stream *s, int64_t now)
{
	const struct tally *t = &l->wire.tally[s->way];
	int turns = 0;

	if (in_flight(l, s) > 0 && now - s->last > QUIET && now - t->last > QUIET)
		s->given_up += in_flight(l, s);
	while (in_flight(l, s) + s->burst <= l->window) {
		if (turns++ == BURSTS_A_TURN)
			return (now);
		stream_burst(l, s);
		s->last = now;
	}
	return (now + MS);
}

/* Send what is due; when the next burst is. */
static int64_t
stream_run(struct load *l, struct stream *s, int64_t now)
{
	if (s->interval == 0)
		return (stream_fill(l, s, now));
	for (int turns = 0; s->due <= now && turns < BURSTS_A_TURN; turns++) {
		stream_burst(l, s);
		s->due += s->interval;
	}
	return (s->due);
}

static bool
all_there(const struct load *l)
{
	for (int way = UP; way < WAY_MAX; way++)
		if (l->wire.tally[way].delivered < l->wire.tally[way].sent)
			return (false);
	return (l->wire.forged_seen == l->wire.forged_sent);
}

/* Until all has arrived, or nothing has for this long. */
static void
settle(struct load *l, int64_t quiet)
{
	const struct tally *t = l->wire.tally;
	int64_t begin = now_ns(), last;

	while (!all_there(l)) {
		last = begin;
		for (int way = UP; way < WAY_MAX; way++)
			if (t[way].last > last)
				last = t[way].last;
		if (now_ns() - last >= quiet || now_ns() - begin >= 4 * LINGER)
			break;
		wire_receive(&l->wire, last + quiet);
	}
}

static void
run(struct load *l, struct result *r)
{
	int64_t now, next, at;

	memset(l->wire.tally, 0, sizeof(l->wire.tally));
	account_read(&l->subject, &r->before);
	r->begun = now_ns();
	for (int i = 0; i < l->streams; i++) {
		/* Not all at the same moment. */
		l->stream[i].due = r->begun + i * l->stream[i].interval / l->streams;
		l->stream[i].given_up = 0;
	}
	while ((now = now_ns()) < r->begun + l->duration) {
		next = r->begun + l->duration;
		for (int i = 0; i < l->streams; i++)
			if ((at = stream_run(l, &l->stream[i], now)) < next)
				next = at;
		wire_receive(&l->wire, next);
	}
	settle(l, QUIET);
	account_read(&l->subject, &r->after);
	r->ended = now;
	for (int way = UP; way < WAY_MAX; way++)
		if (l->wire.tally[way].last > r->ended)
			r->ended = l->wire.tally[way].last;
	settle(l, LINGER);
	memcpy(r->tally, l->wire.tally, sizeof(r->tally));
	r->window = l->window;
}

/* ---- result ---- */

/* Of both directions. */
#define SUM(r, member) ((r)->tally[UP].member + (r)->tally[DOWN].member)

static int64_t
lost(const struct result *r)
{
	return (SUM(r, sent) - SUM(r, delivered));
}

static double
per_second(const struct result *r)
{
	return ((double)SUM(r, delivered) * 1e9 / (double)(r->ended - r->begun));
}

static void
print_latency(const char *name, const struct histogram *h)
{
	if (h->total == 0)
		return;
	printf(",\"%s\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f}", name,
	    (double)histogram_quantile(h, 0.5) / 1e3, (double)histogram_quantile(h, 0.9) / 1e3,
	    (double)histogram_quantile(h, 0.99) / 1e3, (double)h->most / 1e3);
}

static void
print_cpu(const struct load *l, const struct result *r)
{
	const struct account *a = &r->before, *b = &r->after;
	int64_t wall = b->at - a->at;
	const char *comma = "";

	printf(",\"wall_ns\":%lld,\"host_ns\":%lld,\"steal_ns\":%lld,\"process_ns\":%lld"
	       ",\"receive_ns\":%lld,\"loader_busy\":%.3f",
	    (long long)wall, (long long)(l->subject.cpu >= 0 ? wall - (b->idle - a->idle) : 0),
	    (long long)(b->steal - a->steal), (long long)(b->processes - a->processes),
	    (long long)(b->threads - a->threads),
	    1 - (double)(b->own_idle - a->own_idle) / (double)wall);
	printf(",\"processes\":[");
	for (int i = 0; i < b->children; i++, comma = ",")
		printf("%s{\"pid\":%d,\"title\":\"%s\",\"ns\":%lld}", comma,
		    (int)b->child[i].pid, b->child[i].title, (long long)account_child(a, b, i));
	printf("]");
}

static void
print_result(const struct load *l, const struct result *r)
{
	printf("{\"flows\":%d,\"established\":%d,\"size\":%d,\"window\":%d", l->wire.flows,
	    l->established, l->wire.size, r->window);
	printf(",\"sent\":%lld,\"unsent\":%lld,\"delivered\":%lld,\"lost\":%lld"
	       ",\"duplicated\":%lld,\"reordered\":%lld,\"corrupt\":%lld,\"moved\":%lld",
	    (long long)SUM(r, sent), (long long)SUM(r, unsent), (long long)SUM(r, delivered),
	    (long long)lost(r), (long long)SUM(r, duplicated), (long long)SUM(r, reordered),
	    (long long)SUM(r, corrupt), (long long)SUM(r, moved));
	printf(",\"sent_up\":%lld,\"up\":%lld,\"down\":%lld", (long long)r->tally[UP].sent,
	    (long long)r->tally[UP].delivered, (long long)r->tally[DOWN].delivered);
	printf(",\"seconds\":%.4f,\"per_second\":%.0f", (double)(r->ended - r->begun) / 1e9,
	    per_second(r));
	print_cpu(l, r);
	print_latency("latency_up", &r->tally[UP].latency);
	print_latency("latency_down", &r->tally[DOWN].latency);
	print_latency("probe_up", &r->tally[UP].probe);
	print_latency("probe_down", &r->tally[DOWN].probe);
	printf(",\"forged_sent\":%lld,\"forged_seen\":%lld,\"forged_repeated\":%lld",
	    (long long)l->wire.forged_sent, (long long)l->wire.forged_seen,
	    (long long)l->wire.forged_repeated);
	printf(",\"memory_before\":%lld,\"memory_after\":%lld}\n", (long long)l->memory[0],
	    (long long)l->memory[1]);
}

/* ---- what it is told ---- */

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: load [options] client-namespace home-namespace address port home-port\n"
	    "  -A n       addresses of the clients, from -a (192.0.2.10) on\n"
	    "  -b n -i    datagrams in a burst: all of one flow, or -i of as many flows\n"
	    "  -C cpu -p pid -k thread   whose CPU time to tell; -k may be repeated\n"
	    "  -d up|down|both|echo\n"
	    "  -F rate    datagrams a second of forged sources, one from each\n"
	    "  -G -T      take, send trains (UDP_GRO, UDP_SEGMENT)\n"
	    "  -n flows -s size\n"
	    "  -P rate    single datagrams of one more flow, each way, for its latency\n"
	    "  -r rate    datagrams a second, each way; or\n"
	    "  -w n,...   most datagrams in flight, each way: the best without loss is told\n"
	    "  -t ms      how long, for each -w\n");
	exit(2);
}

struct options {
	int rate, probe, forged, burst, window[WINDOWS_MAX], windows;
	bool interleave;
	const char *direction;
};

static void
add_stream(struct load *l, enum way way, enum kind kind, int rate, const struct options *o)
{
	struct stream *s = &l->stream[l->streams++];
	bool bulk = kind == KIND_DATA || kind == KIND_ECHO;

	s->way = way;
	s->kind = kind;
	s->burst = bulk ? o->burst : 1;
	s->interval = rate == 0 ? 0 : SECOND * s->burst / rate;
	s->interleave = bulk && o->interleave;
	s->flow = kind == KIND_PROBE ? l->wire.bulk : 0;
	s->flows = kind == KIND_PROBE ? 1 : l->wire.bulk;
}

static void
add_streams(struct load *l, const struct options *o)
{
	bool both = strcmp(o->direction, "both") == 0, echo = strcmp(o->direction, "echo") == 0;

	if (!both && !echo && strcmp(o->direction, "up") != 0 &&
	    strcmp(o->direction, "down") != 0)
		usage();
	if (o->rate != 0 || o->windows != 0) {
		if (echo)
			add_stream(l, UP, KIND_ECHO, o->rate, o);
		else if (strcmp(o->direction, "down") != 0)
			add_stream(l, UP, KIND_DATA, o->rate, o);
		if (both || strcmp(o->direction, "down") == 0)
			add_stream(l, DOWN, KIND_DATA, o->rate, o);
	}
	if (o->probe != 0) {
		add_stream(l, UP, KIND_PROBE, o->probe, o);
		add_stream(l, DOWN, KIND_PROBE, o->probe, o);
	}
	if (o->forged != 0)
		add_stream(l, UP, KIND_FORGED, o->forged, o);
}

static void
read_windows(struct options *o, char *text)
{
	char *item;

	while ((item = strsep(&text, ",")) != NULL && o->windows < WINDOWS_MAX)
		o->window[o->windows++] = number(item, 1, 100000);
}

/* Whether the option was one of the wire's. */
static bool
read_wire_option(struct wire *w, int c)
{
	switch (c) {
	case 'A':
		w->addresses = number(optarg, 1, 200);
		return (true);
	case 'a':
		w->first = ipv4_address(optarg);
		return (true);
	case 'G':
		w->gro = true;
		return (true);
	case 'n':
		w->bulk = number(optarg, 1, 60000);
		return (true);
	case 's':
		w->size = number(optarg, SIZE_MIN_, SIZE_MAX_);
		return (true);
	case 'T':
		w->trains = true;
		return (true);
	default:
		return (false);
	}
}

static void
read_options(struct load *l, struct options *o, int argc, char **argv)
{
	struct wire *w = &l->wire;
	int c;

	while ((c = getopt(argc, argv, "A:a:b:C:d:F:Gik:n:P:p:r:s:Tt:w:")) != -1) {
		switch (c) {
		case 'b':
			o->burst = number(optarg, 1, BURST_MAX);
			break;
		case 'C':
			l->subject.cpu = number(optarg, 0, 4095);
			break;
		case 'd':
			o->direction = optarg;
			break;
		case 'F':
			o->forged = number(optarg, 1, 100000);
			break;
		case 'i':
			o->interleave = true;
			break;
		case 'k':
			if (l->subject.threads == THREADS_MAX)
				usage();
			l->subject.thread[l->subject.threads++] = number(optarg, 1, INT32_MAX);
			break;
		case 'P':
			o->probe = number(optarg, 1, 1000000);
			break;
		case 'p':
			l->subject.parent = number(optarg, 1, INT32_MAX);
			break;
		case 'r':
			o->rate = number(optarg, 1, 100000000);
			break;
		case 't':
			l->duration = number(optarg, 1, 60000) * MS;
			break;
		case 'w':
			read_windows(o, optarg);
			break;
		default:
			if (!read_wire_option(w, c))
				usage();
		}
	}
	if (argc - optind != 5 || (o->interleave && w->bulk % o->burst != 0))
		usage();
	w->client_ns = argv[optind];
	w->home_ns = argv[optind + 1];
	w->relay.sin_family = AF_INET;
	w->relay.sin_addr = ipv4_address(argv[optind + 2]);
	w->relay.sin_port = htons((uint16_t)number(argv[optind + 3], 1, UINT16_MAX));
	w->port = number(argv[optind + 4], 1, UINT16_MAX);
	w->flows = w->bulk + (o->probe != 0);
}

static struct result best, last;

static bool
is_better(const struct result *a, const struct result *b)
{
	if ((lost(a) == 0) != (lost(b) == 0))
		return (lost(a) == 0);
	return (per_second(a) > per_second(b));
}

int
main(int argc, char **argv)
{
	static struct load l = {
		.wire = { .addresses = 20, .bulk = 1, .size = 1420 },
		.subject = { .cpu = -1 },
		.duration = SECOND,
	};
	struct options o = { .burst = 1, .direction = "up" };

	l.wire.first = ipv4_address("192.0.2.10");
	read_options(&l, &o, argc, argv);
	raise_descriptor_limit();
	wire_open(&l.wire);
	add_streams(&l, &o);
	l.memory[0] = account_memory(&l.subject);
	establish(&l);
	l.memory[1] = account_memory(&l.subject);
	if (l.established < l.wire.flows)
		warnx("%d of %d flows are answered", l.established, l.wire.flows);
	l.window = o.window[0];
	run(&l, &best);
	for (int i = 1; i < o.windows; i++) {
		l.window = o.window[i];
		run(&l, &last);
		if (is_better(&last, &best))
			best = last;
	}
	print_result(&l, &best);
	return (l.established < l.wire.flows);
}
