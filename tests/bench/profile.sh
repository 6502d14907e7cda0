#!/bin/sh
# Where the relay child of udp46 spends its time, the kernel's part included; `sudo make profile`
# runs it.
#
# usage: tests/bench/profile.sh BUILD-FOLDER TOOLS-FOLDER
#
# From the environment: SCENARIOS of bench.sh (bulk_up bulk_down flows_10000), SECONDS_ (5), LINES
# (25).  The samples stay in BUILD-FOLDER/bench/SCENARIO.perf, for `perf report -g`.
set -eu

build=$(cd "$1" && pwd)
tools=$(mkdir -p "$2" && cd "$2" && pwd)
source=$(cd "$(dirname "$0")" && pwd)
udp46=$build/udp46
load=$build/tests/bench/load
out=$build/bench

SECONDS_=${SECONDS_:-5}
RELAYS=udp46
SCENARIOS=${SCENARIOS:-bulk_up bulk_down flows_10000}
LINES=${LINES:-25}
HELLO=4 # seconds until all flows of any scenario are open

# shellcheck source=tests/bench/bench.subr
. "$source/bench.subr"
# shellcheck source=tests/bench/scenarios.subr
. "$source/scenarios.subr"

profile()
{
	scenario "$1"
	set_wire "$wire"
	relay_cpus=$cpus
	# shellcheck disable=SC2086 # several words
	start_udp46 $flags || fail "udp46 does not start"
	# The load goes on for as long as it takes to open the flows and to take samples.
	# shellcheck disable=SC2086
	run_load $options -t $(((HELLO + SECONDS_ + 1) * 1000)) >"$tmp/result" &
	loading=$!
	sleep $HELLO
	# A clock, as virtual machines often have no counters; it ticks in the kernel too.
	perf record -q -e cpu-clock -F 4000 -g -p "$(relay_children | head -n 1)" \
	    -o "$out/$1.perf" -- sleep "$SECONDS_" || fail "perf can take no samples here"
	wait $loading
	end_all
	echo "== $1: $title; $(jq '.per_second' "$tmp/result") datagrams a second"
	perf report -i "$out/$1.perf" --stdio --no-children -g none --sort symbol 2>/dev/null |
	    sed -e '/^#/d' -e '/^$/d' -e 's/[ -]*$//' | head -n "$LINES"
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -p "$out"
touch "$out/raw.jsonl"
find_programs
make_network
for scenario_name in $SCENARIOS; do
	profile "$scenario_name"
done
