# What restarts of the program and of its parts cost 1,000 sessions that send five datagrams a
# second each: nothing that is planned costs a datagram, and nothing at all costs a port.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/crowd.subr"
. "$(atf_get_srcdir)/restart.subr"

# restart_event EVENT LOST DUE: what happens; how many datagrams of the crowd may be lost in all,
# beside what the kernel had no room for; and within how many milliseconds all must be served.
restart_event()
{
	make_network
	own_program
	start_configured
	start_crowd 1000
	read_totals
	_full=$(full_buffers)
	_busy=$(backlog_drops)
	"happen_$1"
	sleep 2
	read_report
	read_totals
	_full=$(($(full_buffers) - _full))
	_busy=$(($(backlog_drops) - _busy))
	echo "no room in the kernel's buffers for $_full, lost by busy processors: $_busy"
	expect "clients whose port changed" "$(reported port_changes)" -eq 0
	expect "clients that are not served" "$(reported unserved)" -eq 0
	expect "lost" "$(reported lost)" -le $(($2 + _full + _busy))
	expect "milliseconds until all were served" "$(reported served_ms)" -le "$3"
	for _fault in duplicated reordered corrupt; do
		expect "$_fault" "$(reported $_fault)" -eq 0
	done
	expect "newcomers that are not served" "$(reported waiting)" -eq 0
	stop_hostile
}

full_buffers()
{
	in_relay curl -sS --noproxy '*' http://127.0.0.1:9108/metrics |
	    awk '/^udp46_receive_queue_drops_total/ { n += $2 } END { print n + 0 }'
}

root_case killed "SIGKILL of the relay"
killed_body()
{
	restart_event killed 32 5000
}
happen_killed()
{
	kill_relay KILL
}

# It is missed after 10 s, in which listeners' buffers run full.
root_case hung "SIGSTOP of the relay for 15 s"
hung_body()
{
	restart_event hung 64 25000
}
happen_hung()
{
	find_relay
	kill -STOP "$relay_pid"
	sleep 15
	kill -CONT "$relay_pid" 2>/dev/null
	expect "found to hang" "$(log_count 'child hangs')" -eq 1
}

root_case same "SIGUSR2 with the same program"
same_body()
{
	restart_event same 0 5000
}
happen_same()
{
	upgrade
	expect "version" "$(log_values started version | tail -n 1)" = \
	    "$(log_values started version | head -n 1)"
}

root_case version "SIGUSR2 with a program of another version"
version_body()
{
	restart_event version 0 5000
}
happen_version()
{
	other_version
	upgrade
	expect "version" "$(log_values started version | tail -n 1)" = 9.9.9
}

root_case options "SIGUSR2 with another --session-timeout, and a listener more"
options_body()
{
	restart_event options 0 5000
}
happen_options()
{
	sed -i 's/^session-timeout .*/session-timeout 10m/' udp46.conf
	echo 'listen 192.0.2.1:5001' >>udp46.conf
	upgrade
	# What answers here is no echo.
	run_client new_listener -b 192.0.2.29:6000 -n 3 192.0.2.1 5001
	expect "answers from" "$(value from new_listener.out)" = 192.0.2.1:5001
}

root_case broken "SIGUSR2 with a broken configuration: it says so, and nothing else happens"
broken_body()
{
	restart_event broken 0 5000
}
happen_broken()
{
	find_relay
	_relay=$relay_pid
	echo 'session-timeout never' >>udp46.conf
	refused_upgrade 'session-timeout'
	find_relay
	expect "relay" "$relay_pid" -eq "$_relay"
}
