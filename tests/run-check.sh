#!/bin/sh
# Runs every test under kyua and closes with the line "N passed, N failed, N skipped".
#
# usage: tests/run-check.sh FOLDER [NAME...]     the built tests; `make check` calls it
#
# A NAME is that of a test program, or PROGRAM:CASE, with or without its folder; without any, all
# are run: JOBS side by side, by default two a processor, since most of them mostly wait.  Then, one
# at a time, those that the Kyuafile says are exclusive.
#
# A broken test counts as failed.  It fails if a test failed, if none ran, or if more were skipped
# than MAX_SKIPPED, where that is set (as CI does: a missing privilege would skip half the suite).
set -eu

source=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
results=$build/results.db
shift

# run_kyua COMMAND ARGUMENT...
run_kyua()
{
	kyua --config=none --logfile="$build/kyua.log" \
	    --variable=unprivileged_user=nobody \
	    --variable=parallelism="${JOBS:-$(($(nproc) * 2))}" "$@"
}

# on_tests COMMAND ARGUMENT...: of kyua, one that reads the Kyuafile.
on_tests()
{
	command=$1
	shift
	run_kyua "$command" --kyuafile="$source/Kyuafile" --build-root="$build" "$@"
}

# Each name is found in one folder or in both, or it is misspelt.
tests=
for name; do
	found=
	for test in "$name" "unit/$name" "system/$name"; do
		! on_tests list "$test" >/dev/null 2>&1 || found="$found $test"
	done
	[ -n "$found" ] || { echo "run-check: there is no test $name" >&2; exit 1; }
	tests="$tests$found"
done

# With SANITIZE=address: ATF itself never frees its list of test cases.
echo 'leak:libatf-c' >"$build/leaks.known"
export LSAN_OPTIONS="suppressions=$build/leaks.known:print_suppressions=0"

# What is left of an earlier run must not be taken for this one's.
rm -f "$results" "$build/kyua.log"
# shellcheck disable=SC2086 # as many words as tests
on_tests test --results-file="$results" $tests || true

summary=$(run_kyua report --results-file="$results" | sed -n 's/^Test cases: //p')
# shellcheck disable=SC2046 # as many words as numbers
set -- $(echo "$summary" | tr -cd '0-9 ')
[ $# -eq 5 ] || { echo "run-check: no report from kyua" >&2; exit 1; }
total=$1 skipped=$2 expected_failures=$3 failed=$(($4 + $5))
passed=$((total - skipped - expected_failures - failed))

if [ "$failed" -gt 0 ]; then
	# Without the environment of the whole run, which is long and may be private.
	run_kyua report --verbose --results-file="$results" --results-filter=broken,failed |
	    awk '/^===> / { shown = !/Execution context/ } shown'
fi
status=0
if [ "$failed" -gt 0 ] || [ "$passed" -eq 0 ]; then
	status=1
fi
# A real systemd is to be had where a container can boot; its protocol is tested everywhere.
no_systemd=$(run_kyua report --results-file="$results" --results-filter=skipped |
    grep -c 'skipped: no systemd: ' || true)
[ "$no_systemd" -eq 0 ] || echo "no real systemd can be had here: $no_systemd tests skipped"
if [ $((skipped - no_systemd)) -gt "${MAX_SKIPPED:-$skipped}" ]; then
	echo "more tests skipped than the $MAX_SKIPPED expected" >&2
	status=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
exit $status
