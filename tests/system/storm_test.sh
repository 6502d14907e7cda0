# 20,000 forged one-packet sources a second beside 200 clients who are served, 50 datagrams a second
# each: nobody who is served loses anything, and afterwards all is as before.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/crowd.subr"

RATE=20000
SECONDS_=10

# CPU time of the supervisor and its children so far, in milliseconds.
cpu_ms()
{
	for _pid in "$(cat udp46.pid)" $(children "$(cat udp46.pid)"); do
		sed 's/.*) //' "/proc/$_pid/stat"
	done | awk -v hz="$(getconf CLK_TCK)" '{ ticks += $12 + $13 } END { print int(ticks * 1000 / hz) }'
}

# Memory that is theirs alone, in KiB.
private_kib()
{
	for _pid in "$(cat udp46.pid)" $(children "$(cat udp46.pid)"); do
		cat "/proc/$_pid/smaps_rollup"
	done | awk '/^Private_(Clean|Dirty):/ { sum += $2 } END { print sum }'
}

is_quiet()
{
	total_is sessions_active -le "$1"
}

# storm CLIENTS FLAG...: they lose nothing in it.
storm()
{
	_clients=$1
	shift
	make_network
	start_udp46 --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000' \
	    --unreplied-timeout 3s "$@"
	newcomers=0 rate=50 start_crowd "$_clients"
	_drops=$(backlog_drops) _lines=$(wc -l <"$log") _cpu=$(cpu_ms)
	spawn flood "$client" "$helpers/flood" -r $RATE -t $SECONDS_ 192.0.2.1 5000
	sleep $((SECONDS_ / 2))
	_memory=$(private_kib)
	finish flood
	echo "flood: $(cat flood.out)"
	_cpu=$(($(cpu_ms) - _cpu)) _lines=$(($(wc -l <"$log") - _lines))
	_growth=$(($(private_kib) - _memory))
	read_report
	echo "CPU of supervisor and relay: $((_cpu / SECONDS_)) ms a second"
	echo "log: $((_lines / SECONDS_)) records a second; memory in the second half: $_growth KiB"
	expect "datagrams lost" "$(reported lost)" -le $(($(backlog_drops) - _drops))
	expect "clients that moved" "$(reported port_changes)" -eq 0
	for _fault in unserved duplicated reordered corrupt; do
		expect "$_fault" "$(reported $_fault)" -eq 0
	done
	expect "records a second" $((_lines / (SECONDS_ + 1))) -le 130
	expect "growth, KiB" $_growth -le 16384
	expect "restarts" "$(grep -c 'msg="child ended"' "$log")" -eq 0
	# All by itself.
	wait_for 60 is_quiet "$_clients" || fail "$(total sessions_active) sessions are still open"
	exec 3>&-
	finish crowd
	kill "$mirror_pid"
	wait_for 30 has_ended "$mirror_pid" || fail "mirror does not end"
	start_echo 7000
	client_ok newcomer -b 192.0.2.29:9000 -n 5 192.0.2.1 5000
	stop_udp46
}

root_case plenty "A storm while there is enough of everything"
plenty_body()
{
	storm 200
}

root_case full "A storm at a table that is full"
full_body()
{
	storm 200 --max-sessions 210
}

root_case ports "A storm while source ports run out"
ports_body()
{
	storm 200 --upstream-ports 50000-50255
}

root_case descriptors "A storm with 256 descriptors"
descriptors_body()
{
	wrapper='prlimit --nofile=256:256'
	storm 150
}
