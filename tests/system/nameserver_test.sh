# Name servers that answer late, never, or what cannot be: clients are served as if nothing were,
# and the supervisor waits for none of them.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/crowd.subr"
. "$(atf_get_srcdir)/names.subr"

# The daemon with a name server, 100 clients and newcomers, and a trace of the supervisor.
start_with_nameserver()
{
	make_network
	private_nameserver
	atf_check ip -n "$home" address add 2001:db8:1::3/64 dev relay nodad
	start_udp46 --listen 192.0.2.1:5000 --upstream home.example.net:7000 \
	    --resolve-interval 0s --log-level debug
	start_crowd 100
	spawn strace "$relay" strace -ttt -T -e trace=poll,sendmsg -o trace \
	    -p "$(log_values started pid)"
	wait_for 30 grep -q -i attached strace.err || atf_skip "no strace: $(cat strace.err)"
}

# zone_becomes WORD...: from now on, and the daemon asks.
zone_becomes()
{
	_queries=$(grep -c '^query' nameserver.out)
	zone_is "$@"
	hup
	wait_for 30 more_queries "$_queries" || fail "the name server is not asked"
}

more_queries()
{
	[ "$(grep -c '^query' nameserver.out)" -gt "$1" ]
}

no_resolver_runs()
{
	! child_pid resolver
}

# From each poll(2)'s end to the next one's begin, and from heartbeat to heartbeat, which of all
# messages is the one that has four bytes and is sent without end.
print_turns()
{
	awk '
	/ poll\(/ {
		split($NF, took, /[<>]/)
		if (end != 0 && $1 - end > turn)
			turn = $1 - end
		end = $1 + took[2]
		turns++
	}
	/ sendmsg\(.*\\4\\0\\0\\0", iov_len=8/ {
		if (beat != 0 && $1 - beat > interval)
			interval = $1 - beat
		beat = $1
		beats++
	}
	END {
		printf "turns=%d longest_turn_ms=%d heartbeats=%d longest_interval_ms=%d\n", turns,
		    turn * 1000, beats, interval * 1000
	}' trace
}

# check_service HOME: all this time clients were served, from this address at the end, and
# newcomers had sockets, which the supervisor made.
check_service()
{
	# Each of them has sent since.
	sleep 1
	read_report
	kill "$(cat strace.pid)"
	finish strace
	print_turns >turns
	cat turns
	expect "milliseconds of a turn of the supervisor" "$(value longest_turn_ms turns)" -le 2000
	expect "milliseconds between heartbeats" "$(value longest_interval_ms turns)" -le 8000
	expect "clients that are not served" "$(reported unserved)" -eq 0
	expect "longest pause of one" "$(reported gap_most)" -le 2000
	expect "datagrams that one has lost" "$(reported lost_most)" -le 1
	expect "clients whose port changed" "$(reported port_changes)" -eq 0
	expect "address of the home" "$(reported home)" = "$1"
	expect "newcomers that are not served" "$(reported waiting)" -eq 0
	expect "milliseconds of the slowest" "$(reported newcomer_most)" -le 2000
	stop_udp46
}

root_case late "An answer that is three seconds late is taken when it comes"
late_body()
{
	start_with_nameserver
	_start=$(date +%s%N)
	zone_becomes late 3 2001:db8:1::3
	wait_log 'upstream moved'
	_took=$((($(date +%s%N) - _start) / 1000000))
	expect "milliseconds until it is there" $_took -ge 2900
	check_service 3
}

# unanswered WORD...: no answer comes of it, and the old address stays.
unanswered()
{
	start_with_nameserver
	zone_becomes "$@"
	wait_log 'upstream not resolved' 60
	grep 'upstream not resolved' "$log"
	# It tries again, in vain.
	_queries=$(grep -c '^query' nameserver.out)
	wait_for 30 more_queries "$_queries" || fail "it does not try again"
	sleep 1
	expect "said" "$(log_count 'upstream not resolved')" -eq 1
	expect "moves" "$(log_count 'upstream moved')" -eq 0
	check_service 2
}

root_case never "No answer comes"
never_body()
{
	unanswered never
}

root_case garbage "Garbage comes"
garbage_body()
{
	unanswered garbage
}

root_case many "The address in use is one of a thousand"
many_body()
{
	start_with_nameserver
	zone_becomes many 1000 2001:db8:1::2
	wait_for 30 no_resolver_runs || fail "the look-up does not end"
	sleep 1
	expect "moves" "$(log_count 'upstream moved')" -eq 0
	expect "failures" "$(log_count 'upstream not resolved')" -eq 0
	# By TCP, as it does not fit otherwise.
	expect "queries" "$(grep -c '^query' nameserver.out)" -ge 3
	check_service 2
}

# The log has ERROR in each record of such an answer; a good one in between changes nothing.
unusable()
{
	start_with_nameserver
	_times=0
	for _address in "$@"; do
		_times=$((_times + 1))
		zone_becomes answer "$_address"
		wait_for 30 more_records 'upstream not resolved' $((_times - 1)) ||
		    fail "$_address is taken"
		zone_becomes answer 2001:db8:1::2
		wait_for 60 more_records 'upstream resolved again' $((_times - 1)) ||
		    fail "after $_address it does not recover"
	done
	grep 'upstream not resolved' "$log"
	expect "said" "$(log_count 'upstream not resolved')" -eq $_times
	expect "moves" "$(log_count 'upstream moved')" -eq 0
	check_service 2
}

root_case ipv4_only "There are only IPv4 addresses, written in either way"
ipv4_only_body()
{
	unusable 192.0.2.9 ::ffff:192.0.2.9
}

root_case loopback "There is only the loopback address"
loopback_body()
{
	unusable ::1
}

root_case no_host "There are only addresses that no host has"
no_host_body()
{
	unusable :: ff02::1 fe80::2
}

root_case beside "Of such addresses and a good one the good one is taken"
beside_body()
{
	start_with_nameserver
	zone_becomes answer ::1 :: ::ffff:192.0.2.9 ff02::1 fe80::2 192.0.2.9 2001:db8:1::3
	wait_log 'upstream moved'
	check_service 3
}
