# bench.json to tables for people.

def pad($width): " " * ([0, $width - length] | max);
def left($width): . + pad($width);
def right($width): pad($width) + .;

# A number with that many decimals.
def decimals($n):
	if $n == 0 then round | tostring else
	    pow(10; $n) as $f | ((. * $f | round) / $f | tostring) |
	    (if contains(".") then . else . + "." end) | split(".") |
	    .[0] + "." + (.[1] + "000")[:$n] end;

def cell($width; $n): (if type == "number" then decimals($n) else . // "-" end) | right($width);

# Each group: what it is, and its columns: head, path, width, decimals.
def loss: ["loss %", ["loss_percent"], 8, 2], ["corrupt", ["corrupt"], 8, 0];
def times: ["x nginx", ["times_nginx"], 9, 2];
def cpu:
	["CPU ns", ["cpu_ns"], 9, 0], ["process", ["process_ns"], 9, 0],
	["host", ["host_ns"], 9, 0];
def delays($way):
	($way | sub("probe_"; "")) as $name |
	["\($name) p50", [$way, "p50"], 10, 0], ["p90", [$way, "p90"], 8, 0],
	["p99", [$way, "p99"], 8, 0], ["max", [$way, "max"], 8, 0];

def groups: [
	["cpu", "CPU time a datagram at the same load, in ns: less is better", [
		["delivered/s", ["per_second"], 13, 0], ["Gbit/s", ["gbit_per_second"], 8, 2],
		loss, cpu, ["p50 us", ["p50_us"], 8, 0], ["p99 us", ["p99_us"], 8, 0], times]],
	["full", "The most that arrives without loss: more is better, of CPU time a datagram less", [
		["delivered/s", ["per_second"], 13, 0], ["Gbit/s", ["gbit_per_second"], 8, 2],
		loss, cpu, ["loader %", ["loader_percent"], 10, 0],
		["CPU x", ["cpu_times_nginx"], 7, 2], times]],
	["latency", "How long single datagrams take, one way, in us: less is better", [
		loss, delays("probe_up"), delays("probe_down"), times]],
	["setup", "Opening sessions; CPU time a new client, in ns: less is better", [
		["clients", ["new_clients"], 13, 0],
		["1st lost %", ["new_clients_lost_percent"], 12, 2], cpu, times]],
	["memory", "Private memory of the relay's processes with 10,000 sessions", [
		["bytes a session", ["memory_a_flow"], 17, 0]]],
	["flood", "20 clients, 50 echoes a second each, in a flood of forged sources", [
		["answered %", ["answered_percent"], 13, 2], ["p50 us", ["down", "p50"], 10, 0],
		["p99 us", ["down", "p99"], 10, 0],
		["forged relayed", ["new_clients"], 16, 0], ["CPU %", ["cpu_percent"], 8, 0]]],
	["workers", "One worker and two; CPU time a datagram in ns, and of each worker in ms", [
		["delivered/s", ["per_second"], 13, 0], loss,
		["CPU ns", ["cpu_ns"], 9, 0], ["process", ["process_ns"], 9, 0],
		["workers", ["workers"], 20, 0]]]
];

def row($columns): [$columns[] as [$head, $path, $width, $n] |
    getpath($path) | cell($width; $n)] | join("");

def prepared:
	.p50_us = (.up.p50 // .down.p50) | .p99_us = (.up.p99 // .down.p99) |
	.workers = ((.children // []) | map(. / 1e6 | decimals(1)) | join(" "));

. as $all |
"\(.udp46)", "\(.machine.cpu), \(.machine.cores) cores, \(.machine.kernel); medians of \(.rounds)",
(groups[] as [$group, $title, $columns] |
    ($all.scenarios | map(select(.group == $group or
	($group == "memory" and .scenario == "flows_10000")))) as $scenarios |
    select($scenarios | length > 0) |
    "", "\($title)", "",
    ("" | left(40)) + ("" | left(8)) +
	([$columns[] as [$head, $path, $width, $n] | $head | right($width)] | join("")),
    ($scenarios[] | . as $s | .relays | to_entries[] |
	(if .key == 0 then $s.title else "" end | left(40)) +
	(.value.relay | left(8)) + (.value | prepared | row($columns))))
