# The service, as it is installed, under a real systemd.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/nspawn.subr"

# A host, the upstream at home, and the service.
start_service()
{
	make_network
	start_echo 7000
	start_host
	options --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000'
	ctl start udp46
}

# Clients that stay: 20 of them, whose sessions are assured.
start_clients()
{
	start_many -n 20 192.0.2.1 5000
	for _round in 1 2 3; do
		served
	done
}

# All of them are answered, each from the port that it had.
served()
{
	many_round
	expect "served" "$(value answered many.out)" -eq 20
	expect "ports" "$(upstream_ports | sort -u | wc -l)" -eq 20
}

stored()
{
	property NFileDescriptorStore
}

stores()
{
	[ "$(stored)" -eq "$1" ]
}

# wait_stored NUMBER: records, totals, ports and a listener beside the sockets of sessions.
wait_stored()
{
	wait_for 30 stores "$1" || fail "systemd keeps $(stored) descriptors, not $1"
	echo "systemd keeps $1 descriptors"
}

host_case life "It is ready when start returns, says how it is, and ends as it should"
life_body()
{
	start_service
	expect "state" "$(property ActiveState)/$(property SubState)" = active/running
	expect "type" "$(property Type)" = notify
	wait_property StatusText '^0 sessions, upstream 2001:db8:1::2, no reply yet$'
	start_clients
	wait_property StatusText '^20 sessions, upstream 2001:db8:1::2, last reply [0-9]+ s ago$'
	wait_stored 24
	ctl stop udp46
	expect "state" "$(property ActiveState)" = inactive
	expect "result" "$(property Result)" = success
	expect "kept" "$(stored)" -eq 0
	logged shutdown || fail "no orderly end"
}

host_case restart "systemctl restart: all sessions keep their ports"
restart_body()
{
	start_service
	start_clients
	wait_stored 24
	for _time in 1 2; do
		_pid=$(property MainPID)
		ctl restart udp46
		expect "another process" "$(property MainPID)" -ne "$_pid"
		served
		wait_stored 24
	done
	read_log
	expect "refused" "$(log_count 'inherited descriptor refused')" -eq 0
}

host_case killed "SIGKILL of the supervisor: another one at once, and all sessions keep their ports"
killed_body()
{
	start_service
	start_clients
	wait_stored 24
	_pid=$(property MainPID)
	_start=$(date +%s%N)
	in_host kill -KILL "$_pid"
	wait_for 60 is_succeeded "$_pid" || fail "no successor"
	echo "ready again after $((($(date +%s%N) - _start) / 1000000)) ms"
	served
	wait_stored 24
}

# Processor time of the host's first process, in hundredths of a second.
manager_ticks()
{
	sed 's/.*) //' "/proc/$leader/stat" | awk '{ print $12 + $13 }'
}

host_case crowd "A thousand sessions: systemd hardly notices, and a restart keeps all of them"
crowd_body()
{
	start_service
	find_leader
	start_many -n 1000 192.0.2.1 5000
	_before=$(manager_ticks)
	for _round in 1 2 3; do
		many_round
	done
	wait_for 60 stores 1004 || fail "systemd keeps $(stored) descriptors"
	_ticks=$(($(manager_ticks) - _before))
	echo "to keep 1000 sockets took systemd $_ticks hundredths of a second"
	expect "cost" "$_ticks" -le 400
	_pid=$(property MainPID)
	in_host kill -KILL "$_pid"
	wait_for 60 is_succeeded "$_pid" || fail "no successor"
	many_round
	expect "served" "$(value answered many.out)" -eq 1000
	expect "ports" "$(upstream_ports | sort -u | wc -l)" -eq 1000
	ctl restart udp46
	many_round
	expect "served" "$(value answered many.out)" -eq 1000
	expect "ports" "$(upstream_ports | sort -u | wc -l)" -eq 1000
}

host_case reload "systemctl reload: the same process, with other options and all sessions"
reload_body()
{
	start_service
	start_clients
	wait_stored 24
	_pid=$(property MainPID)
	ctl reload udp46
	wait_for 30 logged started 2 || fail "nobody takes over"
	wait_property SubState '^running$'
	expect "the same process" "$(property MainPID)" -eq "$_pid"
	served
	wait_stored 24
	expect "restarts" "$(property NRestarts)" -eq 0
}

host_case reboot "A reboot: sessions have the ports that they had"
reboot_body()
{
	start_service
	start_clients
	reboot_host
	expect "state" "$(property ActiveState)" = inactive
	ctl start udp46
	served
	wait_stored 24
	expect "mode" "$(stat -c '%a %U' "$tree/var/lib/udp46/state")" = '600 root'
}

host_case watchdog "A supervisor that stands still is replaced"
watchdog_body()
{
	make_network
	start_echo 7000
	start_host
	printf '[Service]\nWatchdogSec=2s\nTimeoutStopSec=1s\n' \
	    >"$tree/etc/systemd/system/udp46.service.d/soon.conf"
	ctl daemon-reload
	options --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000'
	ctl start udp46
	start_clients
	wait_stored 24
	sleep 3
	_pid=$(property MainPID)
	expect "restarts" "$(property NRestarts)" -eq 0
	in_host kill -STOP "$_pid"
	wait_for 60 is_succeeded "$_pid" || fail "it is left as it is"
	served
}

host_case refused "What the system refuses is tried again, but not ten times a second"
refused_body()
{
	make_network
	start_host
	options --listen 192.0.2.99:5000 --upstream '[2001:db8:1::2]:7000'
	in_host systemctl start udp46 && fail "it starts"
	sleep 6
	expect "restarts in 6 s" "$(property NRestarts)" -le 2
	wait_property NRestarts '^[1-9]'
	options --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000'
	wait_property SubState '^running$'
}

host_case socket "A socket unit's listeners serve, also what came before the start"
socket_body()
{
	make_network
	start_echo 7000
	start_host
	options --upstream '[2001:db8:1::2]:7000'
	sed -i "s/^listen /#&/" "$tree/etc/udp46/udp46.conf"
	printf '%s\n' '[Socket]' ListenDatagram=192.0.2.1:5000 PassPacketInfo=yes \
	    >"$tree/etc/systemd/system/udp46.socket"
	ctl daemon-reload
	ctl start udp46.socket
	expect "state" "$(property ActiveState)" = inactive
	# The first datagram starts it.
	client_ok first -n 3 -w 5000 192.0.2.1 5000
	expect "state" "$(property ActiveState)" = active
	start_many -n 19 192.0.2.1 5000
	for _round in 1 2 3; do
		many_round
	done
	wait_stored 24
	ctl restart udp46
	served_by_socket
	_pid=$(property MainPID)
	in_host kill -KILL "$_pid"
	wait_for 60 is_succeeded "$_pid" || fail "no successor"
	served_by_socket
	read_log
	expect "refused" "$(log_count 'inherited descriptor refused')" -eq 0
	expect "warnings" "$(grep level=WARN "$log" | grep -vc unavailable)" -eq 0
}

served_by_socket()
{
	many_round
	expect "served" "$(value answered many.out)" -eq 19
	expect "ports" "$(upstream_ports | sort -u | wc -l)" -eq 20
}

host_case unprivileged "No root at all, as the example has it: sessions, a restart, a reload"
unprivileged_body()
{
	make_network
	start_echo 7000
	start_host
	cp "$PWD/stage/usr/local/share/doc/udp46/examples/udp46-unprivileged.conf" \
	    "$tree/etc/systemd/system/udp46.service.d/unprivileged.conf"
	ctl daemon-reload
	# A port that only root, or who has that one capability, may have.
	options --listen 192.0.2.1:500 --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000'
	ctl start udp46
	find_leader
	expect "user" "$(stat -c %u "/proc/$leader/root/proc/$(property MainPID)")" -ne 0
	expect "capabilities" "$(in_host sed -n 's/^Cap[EPIA][a-z]*:[[:space:]]*//p' \
	    "/proc/$(property MainPID)/status" | sort -u)" = 0000000000000000
	start_clients
	wait_stored 25
	ctl restart udp46
	served
	ctl reload udp46
	wait_for 30 logged started 2 || fail "nobody takes over"
	served
	client_ok low -n 3 192.0.2.1 500
	ctl stop udp46
}
