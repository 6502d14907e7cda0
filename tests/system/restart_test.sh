# What restarts of the program and of its parts cost 1,000 sessions that send five datagrams a
# second each: nothing that is planned costs a datagram, and nothing at all costs a port.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/crowd.subr"
. "$(atf_get_srcdir)/restart.subr"
. "$(atf_get_srcdir)/nspawn.subr"
. "$(atf_get_srcdir)/reboot.subr"

# restart_event EVENT LOST DUE: what happens; how many datagrams of the crowd may be lost in all,
# beside what the kernel had no room for; and within how many milliseconds all must be served.
restart_event()
{
	make_network
	"${start_program:-start_program}"
	start_crowd 1000
	"${settle:-true}"
	_full=$(full_buffers)
	_busy=$(backlog_drops)
	"happen_$1"
	sleep 2
	read_report
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
}

start_program()
{
	own_program
	start_configured
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
	stop_hostile
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
	stop_hostile
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
	stop_hostile
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
	stop_hostile
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
	stop_hostile
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
	stop_hostile
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

start_with_state()
{
	start_udp46_default --metrics.enabled --state-file "$PWD/state"
}

# Whatever is sent while there is no host is lost, and nothing after.  The clients' addresses go with
# the links, so there are no newcomers.
root_case rebooted "A reboot: all processes and sockets gone, the network made anew, a file left"
rebooted_body()
{
	newcomers=0 start_program=start_with_state restart_event rebooted 20000 5000
	stop_udp46
}
happen_rebooted()
{
	reboot
	start_with_state
	tell_crowd again
}

# ---- under systemd ----

start_service()
{
	start_host
	options --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000' --metrics.enabled
	ctl start udp46
}

# Newcomers are many, and hardly one of them is assured when it has its answer.
all_are_stored()
{
	[ "$(property NFileDescriptorStore)" -ge 1005 ]
}

# Until systemd has all, which is no part of the event.
settle()
{
	wait_for 60 all_are_stored || fail "systemd keeps $(property NFileDescriptorStore)"
	tell_crowd event
}

# service_event EVENT LOST DUE
service_event()
{
	start_program=start_service settle=settle restart_event "$@"
	read_log
	expect "refused" "$(log_count 'inherited descriptor refused')" -eq 0
}

host_case supervisor_killed "SIGKILL of the supervisor under systemd"
supervisor_killed_body()
{
	service_event supervisor_killed 32 5000
}
happen_supervisor_killed()
{
	_pid=$(property MainPID)
	in_host kill -KILL "$_pid"
	wait_for 60 is_succeeded "$_pid" || fail "no successor"
}

host_case restarted "systemctl restart"
restarted_body()
{
	service_event restarted 0 5000
}
happen_restarted()
{
	ctl restart udp46
}

host_case reloaded "systemctl reload"
reloaded_body()
{
	service_event reloaded 0 5000
}
happen_reloaded()
{
	ctl reload udp46
	wait_for 30 logged started 2 || fail "nobody takes over"
}
