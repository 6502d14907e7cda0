#!/bin/sh
# udp46 and other UDP relays under the same loads; `sudo make bench` runs it.
#
# usage: tests/bench/bench.sh BUILD-FOLDER TOOLS-FOLDER
#
# From the environment: ROUNDS (3), SECONDS_ of most runs (1), SCENARIOS and RELAYS (all).
# Every run is one line of BUILD-FOLDER/bench/raw.jsonl; the medians are in bench.json, the tables
# (also on standard output) in bench.txt, a chart in bench.svg.
#
# Relays take turns in each scenario, and scenarios in each round, so that what else the machine
# does meets all alike.  One round takes about three minutes.
set -eu

build=$(cd "$1" && pwd)
tools=$(mkdir -p "$2" && cd "$2" && pwd)
source=$(cd "$(dirname "$0")" && pwd)
udp46=$build/udp46
load=$build/tests/bench/load
out=$build/bench

# shellcheck source=tests/bench/bench.subr
. "$source/bench.subr"

ROUNDS=${ROUNDS:-3}
SECONDS_=${SECONDS_:-1}
RELAYS=${RELAYS:-udp46 nginx rinetd socat}

# shellcheck source=tests/bench/scenarios.subr
. "$source/scenarios.subr"

CPU_SCENARIOS="bulk_up bulk_down single_sends_up single_sends_down whole_up whole_down \
	eight_both small_up interleaved_100 flows_10000 singles_20000 singles_1000"
FULL_SCENARIOS="full_up full_down full_whole_up full_whole_down full_eight_both full_small_up"
SCENARIOS=${SCENARIOS:-$CPU_SCENARIOS $FULL_SCENARIOS latency_idle latency_busy setup \
	flood flood_few_ports workers_1 workers_2}

# run_one ROUND SCENARIO RELAY: a line of raw.jsonl, also for a relay that cannot do it.
run_one()
{
	in_ "$relay" sysctl -qw "net.ipv4.ip_local_port_range=$ports"
	relay_cpus=$cpus
	set_wire "$wire"
	result='{"failed":true}'
	# shellcheck disable=SC2086 # several words
	if "start_$3" $flags && line=$(run_load $options 2>"$tmp/load.log"); then
		result=$line
	else
		complain "$2: $3 fails: $(tail -qn 1 "$tmp/load.log" "$tmp/$3.log" | tr '\n' ' ')"
	fi
	end_all
	echo "$result" | jq -c --arg scenario "$2" --arg group "$group" --arg title "$title" \
	    --arg relay "$3" --argjson round "$1" \
	    '{$scenario, $group, $title, $relay, $round} + .' >>"$out/raw.jsonl"
}

run_all()
{
	round=0
	while [ $((round += 1)) -le "$ROUNDS" ]; do
		for scenario_name in $SCENARIOS; do
			scenario "$scenario_name"
			for relay_name in $relays; do
				run_one $round "$scenario_name" "$relay_name"
			done
		done
		complain "round $round of $ROUNDS is done"
	done
}

report()
{
	jq -s -f "$source/report.jq" \
	    --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
	    --arg kernel "$(uname -sr)" --argjson cores "$(nproc)" --argjson rounds "$ROUNDS" \
	    --arg udp46 "$("$udp46" --version)" "$out/raw.jsonl" >"$out/bench.json"
	jq -r -f "$source/table.jq" "$out/bench.json" | tee "$out/bench.txt"
	jq -r -f "$source/chart.jq" "$out/bench.json" >"$out/bench.gnuplot"
	[ ! -s "$out/bench.gnuplot" ] || gnuplot -e "output='$out/bench.svg'" "$out/bench.gnuplot"
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -p "$out"
: >"$out/raw.jsonl"
find_programs
make_network
run_all
report
