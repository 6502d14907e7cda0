# 20,000 forged one-packet sources a second beside 200 clients who are served, 50 datagrams a second
# each: nobody who is served loses anything, it costs less CPU time than nginx's stream module takes
# for the same, and afterwards all is as before.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/crowd.subr"

RATE=20000
SECONDS_=30
! is_sanitized || SECONDS_=10
UNREPLIED=3 # seconds that a forged source's session stays

storm_case()
{
	root_case "$1" "$2"
	eval "$1_head() { atf_set descr \"$2\"; storm_head; }"
}

# Two floods, and what there is around them.
storm_head()
{
	atf_set require.user root
	atf_set require.progs nginx
	atf_set timeout 600
}

# family PID: it and its children.
family()
{
	echo "$1" "$(children "$1")"
}

# CPU time of a process and its children so far, in milliseconds.
cpu_ms()
{
	for _pid in $(family "$1"); do
		sed 's/.*) //' "/proc/$_pid/stat"
	done | awk -v hz="$(getconf CLK_TCK)" '{ ticks += $12 + $13 } END { print int(ticks * 1000 / hz) }'
}

# Memory that is theirs alone, in KiB.
private_kib()
{
	for _pid in $(family "$1"); do
		cat "/proc/$_pid/smaps_rollup"
	done | awk '/^Private_(Clean|Dirty):/ { sum += $2 } END { print sum }'
}

is_quiet()
{
	total_is sessions_active -le "$1"
}

# start_relay FLAG...
start_relay()
{
	start_udp46 --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000' \
	    --unreplied-timeout ${UNREPLIED}s "$@"
}

# start_flood OPTION...
start_flood()
{
	spawn flood "$client" "$helpers/flood" -r $RATE -t $SECONDS_ "$@" 192.0.2.1 5000
}

end_crowd()
{
	exec 3>&-
	finish crowd
	kill "$mirror_pid"
	wait_for 30 has_ended "$mirror_pid" || fail "mirror does not end"
	rm crowd.in
}

# storm CLIENTS FLAG...: they lose nothing in it.
storm()
{
	_clients=$1
	shift
	make_network
	start_relay "$@"
	newcomers=0 rate=50 start_crowd "$_clients"
	_udp46=$(cat udp46.pid)
	_drops=$(backlog_drops) _lines=$(wc -l <"$log") _cpu=$(cpu_ms "$_udp46")
	start_flood
	sleep $((SECONDS_ / 2))
	_memory=$(private_kib "$_udp46")
	finish flood
	echo "flood: $(cat flood.out)"
	_cpu=$(($(cpu_ms "$_udp46") - _cpu)) _lines=$(($(wc -l <"$log") - _lines))
	_growth=$(($(private_kib "$_udp46") - _memory))
	read_report
	echo "CPU of supervisor and relay: $((_cpu / SECONDS_)) ms a second"
	echo "log: $((_lines / SECONDS_)) records a second; memory in the second half: $_growth KiB"
	expect "datagrams lost" "$(reported lost)" -le $(($(backlog_drops) - _drops))
	expect "clients that moved" "$(reported port_changes)" -eq 0
	for _fault in unserved duplicated reordered corrupt; do
		expect "$_fault" "$(reported $_fault)" -eq 0
	done
	# Those of the second in which it began or ended, too.
	expect "records a second" $((_lines / (SECONDS_ + 1))) -lt 110
	# Sanitizers keep for a while what was freed.
	is_sanitized || expect "growth, KiB" $_growth -le 1024
	expect "restarts" "$(grep -c 'msg="child ended"' "$log")" -eq 0
	is_over "$_clients"
	stop_udp46
}

# is_over CLIENTS: all is as before, by itself, and there is room for a newcomer.
is_over()
{
	wait_for 60 is_quiet "$1" || fail "$(total sessions_active) sessions are still open"
	end_crowd
	start_echo 7000
	client_ok newcomer -b 192.0.2.29:9000 -n 5 192.0.2.1 5000
	kill "$(cat echo.pid)"
	finish echo
}

# ---- beside nginx ----

nginx_listens()
{
	in_relay ss -Hlun 'sport = :5001' | grep -q . && children "$(cat nginx.pid)" | grep -q .
}

# The hard limit of descriptors.
most_files()
{
	sed -n 's/^Max open files *[0-9]* *\([0-9]*\).*/\1/p' /proc/self/limits
}

# start_nginx DESCRIPTORS CONNECTIONS: a session takes one descriptor and two connections.  What the
# flood makes it complain of is not logged, for that would be dear.
start_nginx()
{
	_program=$(command -v nginx)
	mkdir nginx
	cat >nginx/nginx.conf <<-END
		load_module ${_program%/sbin/nginx}/lib/nginx/modules/ngx_stream_module.so;
		daemon off;
		user nobody nogroup;
		pid $PWD/nginx/pid;
		error_log $PWD/nginx/error.log emerg;
		worker_processes 1;
		worker_rlimit_nofile $1;
		events { worker_connections $2; }
		stream {
			server {
				listen 192.0.2.1:5001 udp rcvbuf=4m sndbuf=4m;
				proxy_pass [2001:db8:1::2]:7000;
				proxy_timeout ${UNREPLIED}s;
			}
		}
	END
	spawn nginx "$relay" "$_program" -p "$PWD/nginx" -c "$PWD/nginx/nginx.conf" \
	    -e "$PWD/nginx/error.log"
	wait_for 30 nginx_listens || fail "nginx does not start: $(cat nginx.err nginx/error.log)"
}

nginx_sockets()
{
	in_relay ss -Hunap 'dport = :7000' | grep -c '"nginx"'
}

# beside_nginx CLIENTS FLAG...: udp46 takes less CPU time than nginx, which runs already, in the same
# flood, from the same sources and at the same time, since what else this machine does makes either
# cheaper or dearer by half.  What they relay for so many clients of each is next to nothing.
beside_nginx()
{
	_clients=$1
	shift
	start_relay "$@"
	newcomers=0 rate=2 ports=2 start_crowd $((2 * _clients))
	# Each has sent twice after its first answer: so udp46 does not evict it for a newcomer.
	sleep 2
	_udp46=$(cat udp46.pid) _nginx=$(cat nginx.pid)
	_udp46_ms=$(cpu_ms "$_udp46") _nginx_ms=$(cpu_ms "$_nginx")
	start_flood -P 2
	sleep $((SECONDS_ / 2))
	_sockets=$(nginx_sockets)
	finish flood
	_udp46_ms=$(($(cpu_ms "$_udp46") - _udp46_ms)) _nginx_ms=$(($(cpu_ms "$_nginx") - _nginx_ms))
	read_totals
	_created=$(total sessions_created) _active=$(total sessions_active)
	echo "served: nginx $_sockets sockets in the middle; udp46 $_active sessions at the end, $_created in all"
	echo "CPU time a second: udp46 $((_udp46_ms / SECONDS_)) ms, nginx $((_nginx_ms / SECONDS_)) ms," \
	    "$((_udp46_ms * 100 / _nginx_ms)) %"
	is_sanitized || expect "CPU time of udp46 in ms" "$_udp46_ms" -lt "$_nginx_ms"
	end_crowd
	stop_udp46
}

storm_case plenty "A storm while there is enough of everything"
plenty_body()
{
	storm 200
	start_nginx "$(most_files)" 100000
	beside_nginx 200
}

storm_case full "A storm at a table that is full"
full_body()
{
	storm 200 --max-sessions 210
	# Which has no such limit, and gets a socket for each source as long as it can.
	start_nginx "$(most_files)" 100000
	beside_nginx 200 --max-sessions 210
}

storm_case ports "A storm while source ports run out"
ports_body()
{
	storm 200 --upstream-ports 50000-50255
	in_relay sh -c 'echo 51000 51255 >/proc/sys/net/ipv4/ip_local_port_range'
	start_nginx "$(most_files)" 100000
	beside_nginx 200 --upstream-ports 50000-50255
}

storm_case descriptors "A storm with 256 descriptors"
descriptors_body()
{
	wrapper='prlimit --nofile=256:256'
	storm 150
	start_nginx 256 100000
	beside_nginx 150
}
