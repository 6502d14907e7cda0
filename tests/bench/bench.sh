#!/bin/sh
# udp46 and other UDP relays under the same loads; `sudo make bench` runs it.
#
# usage: tests/bench/bench.sh BUILD-FOLDER TOOLS-FOLDER
#
# From the environment: ROUNDS (3), SECONDS_ of each run (1), SCENARIOS and RELAYS (all).
# Every run is one line of BUILD-FOLDER/bench/raw.jsonl; the medians are in bench.json there, and
# on standard output as tables.
#
# Relays take turns in each scenario, and scenarios in each round, so that what else the machine
# does meets all alike.  Rates are below what the slowest relay can do, so that their CPU time is
# compared at the same load.
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
ALL_SCENARIOS="bulk_up bulk_down single_sends_up single_sends_down whole_up whole_down"
SCENARIOS=${SCENARIOS:-$ALL_SCENARIOS}

# One flow, and all flows together, in datagrams a second.
BULK=30000

milliseconds=$((SECONDS_ * 1000))

# scenario NAME: what it needs in $wire and $options; $few if it has few flows.
scenario()
{
	wire=nic few=yes options="-t $milliseconds"
	case $1 in
	bulk_up) options="$options -G -T -b 16 -r $BULK -d up" ;;
	bulk_down) options="$options -G -T -b 16 -r $BULK -d down" ;;
	single_sends_up) options="$options -G -b 16 -r $BULK -d up" ;;
	single_sends_down) options="$options -G -b 16 -r $BULK -d down" ;;
	whole_up) wire=whole options="$options -G -T -b 16 -r $BULK -d up" ;;
	whole_down) wire=whole options="$options -G -T -b 16 -r $BULK -d down" ;;
	*) fail "no scenario $1" ;;
	esac
}

# run_one ROUND SCENARIO RELAY: a line of raw.jsonl, also for a relay that cannot do it.
run_one()
{
	scenario "$2"
	set_wire "$wire"
	result='{"failed":true}'
	# shellcheck disable=SC2086 # several words
	if "start_$3" && line=$(run_load $options 2>"$tmp/load.log"); then
		result=$line
	else
		complain "$2, $3: failed: $(tail -n 1 "$tmp/load.log" "$tmp/$3.log")"
	fi
	end_all
	echo "$result" | jq -c --arg scenario "$2" --arg relay "$3" --argjson round "$1" \
	    '{$scenario, $relay, $round} + .' >>"$out/raw.jsonl"
}

report()
{
	jq -s -f "$source/report.jq" "$out/raw.jsonl" >"$out/bench.json"
	jq -r -f "$source/table.jq" "$out/bench.json"
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -p "$out"
: >"$out/raw.jsonl"
find_programs
make_network
round=0
while [ $((round += 1)) -le "$ROUNDS" ]; do
	for name in $SCENARIOS; do
		for relay_name in $RELAYS; do
			run_one $round "$name" "$relay_name"
		done
	done
done
report
