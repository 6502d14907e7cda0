# The runs of bench.sh (an array) to the medians of each scenario and relay.

def median: sort | if length == 0 then null else .[(length - 1) / 2 | floor] end;

def ratio($a; $b): if $a != null and $b != null and $b != 0 then $a / $b else null end;
def percent($a; $b): ratio(100 * $a; $b);

# One run to the figures that are compared.  cpu_ns: of the relay's processes and of the threads
# that receive for its host, a datagram (a new client in the group setup).  host_ns: the time that
# the host's processor was not idle instead, which includes other programs' on it.
def figures:
	(if .group == "setup" then .forged_seen else .delivered end) as $n |
	if .failed then {} else {
		per_second,
		gbit_per_second: (.per_second * .size * 8 / 1e9),
		loss_percent: percent(.lost; .sent),
		corrupt, duplicated, reordered, moved, unsent, window,
		cpu_ns: ratio(.process_ns + .receive_ns; $n),
		process_ns: ratio(.process_ns; $n),
		host_ns: ratio(.host_ns - .steal_ns; $n),
		cpu_percent: percent(.process_ns + .receive_ns; .wall_ns),
		loader_percent: (100 * .loader_busy),
		up: .latency_up, down: .latency_down,
		probe_up, probe_down,
		new_clients: .forged_seen,
		new_clients_lost_percent: percent(.forged_sent - .forged_seen; .forged_sent),
		answered_percent: percent(.down; .sent_up),
		memory_a_flow: ratio(.memory_after - .memory_before; .flows),
		children: [.processes[] | select(.title | startswith("udp46: relay")) | .ns]
	} end;

def is_number: type == "number";

# Of runs that are alike, the median of each figure, however deep it lies.
def medians:
	. as $runs |
	([.[] | paths(is_number)] | unique) as $paths |
	reduce $paths[] as $path ({};
	    setpath($path; [$runs[] | getpath($path) | select(. != null)] | median));

# What tells most about each group, and whether more of it is better.
def key: {
	cpu: ["cpu_ns", -1], workers: ["cpu_ns", -1], setup: ["cpu_ns", -1],
	full: ["per_second", 1], flood: ["answered_percent", 1],
	latency: ["probe_up", "p50", -1]
};

def better($relays; $group):
	key[$group] as $key | ($key[:-1]) as $path |
	($relays | map(select(.relay == "nginx"))[0] // {} | getpath($path)) as $base |
	($relays | map(select(.relay == "nginx"))[0].cpu_ns) as $cpu |
	map(. + {cpu_times_nginx: ratio($cpu; .cpu_ns), times_nginx: (getpath($path) as $x |
	    if $key[-1] > 0 then ratio($x; $base) else ratio($base; $x) end)});

# Keeps the order of appearance.
def distinct(f): reduce .[] as $x ([]; if index([$x | f]) then . else . + [$x | f] end);

. as $raw |
{
	machine: {$cpu, $cores, $kernel}, $udp46, $rounds,
	scenarios: [distinct(.scenario)[] as $s | ($raw | map(select(.scenario == $s))) as $runs |
		$runs[0].group as $group |
		{
			scenario: $s, $group, title: $runs[0].title,
			relays: [$runs | distinct(.relay)[] as $r | {relay: $r} +
			    ($runs | map(select(.relay == $r) | figures) | medians)]
		} | .relays |= (. as $relays | better($relays; $group))]
}
