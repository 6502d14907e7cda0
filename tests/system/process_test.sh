# What processes use, and how sessions are spread over listeners, beside what /proc and others say.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/http.subr"

# near WHAT VALUE EXPECTED TOLERANCE: whole numbers.
near()
{
	expect "$1" "$2" -ge $(($3 - $4))
	expect "$1" "$2" -le $(($3 + $4))
}

descriptors()
{
	find "/proc/$1/fd" -mindepth 1 | wc -l
}

# The sample of a child in the file `m`.
of_child()
{
	sample m "udp46_child_$1" "child=\"$2\""
}

# Milliseconds of CPU time that the kernel says a process has used.
cpu_ms()
{
	echo $(($(cpu_time "$1") / 1000))
}

# in_ms SECONDS: with a fraction.
in_ms()
{
	awk -v s="$1" 'BEGIN { printf "%d\n", 1000 * s }'
}

# not_less BEFORE AFTER: CPU times, which have fractions.
not_less()
{
	at_most "$1" "$2" || atf_fail "CPU time went from $1 to $2"
}

# check_process PID CPU-SECONDS RESIDENT DESCRIPTORS: what /proc says of it just after that.
check_process()
{
	near "CPU, ms" "$(in_ms "$2")" "$(cpu_ms "$1")" 100
	near "memory, KiB" $(($3 / 1024)) "$(resident "$1")" 2048
	near "descriptors" "$4" "$(descriptors "$1")" "$5"
}

check_all()
{
	get /metrics m
	find_relay
	find_metrics
	_supervisor=$(cat udp46.pid)
	check_process "$_supervisor" "$(sample m process_cpu_seconds_total)" \
	    "$(sample m process_resident_memory_bytes)" "$(sample m process_open_fds)" 2
	near "address space, KiB" $(($(sample m process_virtual_memory_bytes) / 1024)) \
	    "$(status_field "$_supervisor" VmSize | cut -d ' ' -f 1)" 2048
	expect "descriptors at most" "$(sample m process_max_fds)" -eq \
	    "$(sed -n 's/^Max open files *\([0-9]*\).*/\1/p' "/proc/$_supervisor/limits")"
	check_process "$relay_pid" "$(of_child cpu_seconds_total relay)" \
	    "$(of_child resident_memory_bytes relay)" "$(of_child open_fds relay)" 0
	# One more was the connection.
	check_process "$metrics_pid" "$(of_child cpu_seconds_total metrics)" \
	    "$(of_child resident_memory_bytes metrics)" "$(of_child open_fds metrics)" 1
}

# To wait for: the number of descriptors that is told is that of just now.
supervisor_is_known()
{
	get /metrics m
	[ "$(sample m process_open_fds)" -eq "$(descriptors "$(cat udp46.pid)")" ]
}

http_case numbers "CPU time, memory and descriptors are what /proc says, at rest and with sessions"
numbers_body()
{
	make_network
	start_echo 7000
	start_metrics
	wait_for 30 supervisor_is_known || fail "descriptors: $(sample m process_open_fds)"
	check_all
	start_many -n 500 192.0.2.1 5000
	many_round
	expect "served" "$(value answered many.out)" -eq 500
	wait_for 30 supervisor_is_known || fail "descriptors: $(sample m process_open_fds)"
	expect "descriptors" "$(sample m process_open_fds)" -gt 500
	check_all
	expect "descriptors of the relay" "$(of_child open_fds relay)" -gt 500
	stop_udp46
}

# Scrapes go on all the while; each line of `seen` is a CPU time.
scrape_all_the_while()
{
	while [ ! -e enough ]; do
		get /metrics n
		sample n udp46_child_cpu_seconds_total 'child="relay"' >>seen
	done
}

http_case cpu "CPU time grows under load, and never goes down, whatever becomes of the relay"
cpu_body()
{
	make_network
	start_echo 7000
	start_metrics
	get /metrics m
	_before=$(of_child cpu_seconds_total relay)
	spawn load "$client" "$helpers/client" -b 192.0.2.10:6000 -n 1000000 -r 10000 \
	    192.0.2.1 5000
	wait_for 60 grown "$_before" 0.5 || fail "CPU time: $_before, then $(of_child cpu_seconds_total relay)"
	: >seen
	scrape_all_the_while &
	_scraper=$!
	for _ in 1 2 3; do
		kill_relay KILL
		wait_for 30 is_healthy || fail "no relay answers"
	done
	: >enough
	wait $_scraper || fail "scraping fails"
	kill "$(cat load.pid)"
	finish load
	expect "scrapes" "$(wc -l <seen)" -gt 10
	sort -c -n seen || fail "CPU time went down: $(one_line seen)"
	# What the dead have used is still there.
	get /metrics m
	find_relay
	expect "CPU time of the dead, ms" \
	    $(($(in_ms "$(of_child cpu_seconds_total relay)") - $(cpu_ms "$relay_pid"))) -ge 400
	# A metrics child that is new knows as much.
	_before=$(of_child cpu_seconds_total relay) _own=$(of_child cpu_seconds_total metrics)
	find_metrics
	kill -KILL "$metrics_pid"
	wait_for 30 has_ended "$metrics_pid" || fail "the metrics child does not end"
	wait_for 30 is_healthy || fail "no answer"
	get /metrics m
	not_less "$_before" "$(of_child cpu_seconds_total relay)"
	not_less "$_own" "$(of_child cpu_seconds_total metrics)"
	stop_udp46
}

# grown BEFORE BY: the relay's CPU time has.
grown()
{
	get /metrics m
	at_most "$2" "$(awk -v a="$1" -v b="$(of_child cpu_seconds_total relay)" 'BEGIN { print b - a }')"
}

http_case dead "A relay that hangs is seen; one that does not run uses nothing"
dead_body()
{
	make_network
	start_metrics
	get /metrics m
	_memory=$(of_child resident_memory_bytes relay)
	find_relay
	# The supervisor first, or it would start another.
	kill -STOP "$(cat udp46.pid)"
	kill -STOP "$relay_pid"
	get /metrics m
	expect "relay up" "$(sample m udp46_relay_up)" -eq 0
	expect "memory" "$(of_child resident_memory_bytes relay)" -eq "$_memory"
	expect "descriptors" "$(of_child open_fds relay)" -gt 0
	_cpu=$(of_child cpu_seconds_total relay)
	kill -KILL "$relay_pid"
	wait_for 30 has_ended "$relay_pid" || fail "the relay does not end"
	get /metrics m
	expect "memory" "$(of_child resident_memory_bytes relay)" -eq 0
	expect "descriptors" "$(of_child open_fds relay)" -eq 0
	not_less "$_cpu" "$(of_child cpu_seconds_total relay)"
	kill -CONT "$(cat udp46.pid)"
	wait_for 30 is_healthy || fail "no relay answers"
	get /metrics m
	expect "memory" "$(of_child resident_memory_bytes relay)" -gt 0
	not_less "$_cpu" "$(of_child cpu_seconds_total relay)"
	stop_udp46
}

http_case workers "Each of several relays is seen by itself"
workers_body()
{
	make_network
	start_metrics --workers 2
	get /metrics m
	for _child in relay-1 relay-2; do
		_pid=$(child_pid $_child) || fail "no $_child"
		check_process "$_pid" "$(of_child cpu_seconds_total $_child)" \
		    "$(of_child resident_memory_bytes $_child)" "$(of_child open_fds $_child)" 0
	done
	stop_udp46
}

# on_listener LISTENER: the sessions that it has.
on_listener()
{
	sample m udp46_listener_sessions "listener=\"$1\""
}

expect_sessions()
{
	get /metrics m
	expect "sessions of the first" "$(on_listener 192.0.2.1:5000)" -eq "$1"
	expect "sessions of the second" "$(on_listener 198.51.100.1:5001)" -eq "$2"
	expect "sessions in all" "$(sample m udp46_sessions_active)" -eq $(($1 + $2))
}

http_case listeners "Sessions by listener, over a crash of the relay and until they end"
listeners_body()
{
	make_network
	start_echo 7000
	start_metrics --listen 198.51.100.1:5001 --unreplied-timeout 2s --session-timeout 1h
	expect_sessions 0 0
	for _port in 6001 6002 6003; do
		client_ok first -b 192.0.2.10:$_port -n 2 192.0.2.1 5000
	done
	client_ok second -b 192.0.2.10:6001 -n 2 198.51.100.1 5001
	# One ends by silence.
	client_ok brief -b 192.0.2.11:6001 -n 1 198.51.100.1 5001
	wait_total sessions_expired -eq 1
	expect_sessions 3 1
	kill_relay KILL
	wait_log 'sessions restored'
	wait_for 30 is_healthy || fail "no relay answers"
	expect_sessions 3 1
	client_ok second -b 192.0.2.12:6002 -n 2 198.51.100.1 5001
	expect_sessions 3 2
	stop_udp46
}
