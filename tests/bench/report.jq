# The runs of bench.sh (an array) to the medians of each scenario and relay.

def median: sort | if length == 0 then null else .[(length - 1) / 2 | floor] end;

# One run to the figures that are compared.
def figures:
	# What went through the relay; an echo goes through it twice.
	(if .delivered > 0 then .delivered else null end) as $n |
	if .failed then {} else {
		per_second,
		gbit_per_second: (.per_second * .size * 8 / 1e9),
		loss_percent: (if .sent > 0 then 100 * .lost / .sent else null end),
		corrupt, duplicated, reordered, moved, unsent,
		cpu_ns: (if $n then (.process_ns + .receive_ns) / $n else null end),
		process_ns: (if $n then .process_ns / $n else null end),
		host_ns: (if $n then (.host_ns - .steal_ns) / $n else null end),
		p50_us: (.latency_up.p50 // .latency_down.p50),
		p99_us: (.latency_up.p99 // .latency_down.p99),
		loader_busy
	} end;

def medians:
	map(figures) | . as $runs |
	reduce (map(keys[]) | unique | .[]) as $key ({};
	    .[$key] = ($runs | map(.[$key] | select(. != null)) | median));

# Keeps the order in which scenarios and relays first ran.
def distinct(f): reduce .[] as $x ([]; if index($x | f) then . else . + [$x | f] end);

. as $raw |
{
	scenarios: [distinct(.scenario)[] as $s | {
		scenario: $s,
		relays: [$raw | distinct(.relay)[] as $r |
		    {relay: $r} + ($raw | map(select(.scenario == $s and .relay == $r)) | medians)]
	} | .relays |= ((map(select(.relay == "nginx"))[0].cpu_ns) as $base | map(
	    . + {nginx_ratio: (if $base and .cpu_ns then $base / .cpu_ns else null end)}))]
}
