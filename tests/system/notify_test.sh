# What a service manager is told, and what it keeps: the protocol of sd_notify(3), with a manager of
# the tests' own.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/names.subr"
. "$(atf_get_srcdir)/manager.subr"

# start_default FLAG...: a manager whose udp46 has one listener, and the upstream at home.
start_default()
{
	make_network
	start_echo 7000
	start_manager --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000' "$@"
}

# The message of the kind that has this line, the last one.
last_told()
{
	grep -E "^message (.* )?$1( |\$)" manager.out | tail -n 1
}

root_case life "READY when it serves, STATUS, STOPPING; and children know nothing of it"
life_body()
{
	start_default
	begin
	wait_log started 1
	expect "records at READY" "$(log_count started)" -eq 1
	last_told READY=1 | grep -q "MAINPID=$(cat udp46.pid)" || fail "another MAINPID"
	wait_told 'STATUS=0 sessions, upstream 2001:db8:1::2, no reply yet'
	find_relay
	expect "environment of the relay" "$(wc -c <"/proc/$relay_pid/environ")" -eq 0
	client_ok traffic -n 2 192.0.2.1 5000
	wait_told 'STATUS=1 session, upstream 2001:db8:1::2, last reply [0-9]+ s ago'
	end_udp46 TERM
	expect "exit status" "$(exit_status)" -eq 0
	wait_told STOPPING=1
	expect "READY" "$(told_count READY=1)" -eq 1
}

root_case abstract "The manager's socket may be one without a file"
abstract_body()
{
	notify_socket=@udp46-$$-test
	start_default
	begin
	end_udp46 TERM
	expect "exit status" "$(exit_status)" -eq 0
}

root_case nonsense "A socket that cannot be is said, and all else goes on"
nonsense_body()
{
	make_network
	start_echo 7000
	export NOTIFY_SOCKET=relative WATCHDOG_USEC=soon
	start_udp46_default
	expect "records" "$(log_count 'service manager not told')" -eq 1
	client_ok traffic -n 2 192.0.2.1 5000
	stop_udp46
}

root_case nobody_there "That nobody is there is said, once"
nobody_there_body()
{
	make_network
	export NOTIFY_SOCKET=@udp46-nobody
	start_udp46_default
	wait_log 'service manager not told'
	expect "socket" "$(log_values 'service manager not told' socket)" = @udp46-nobody
	kill -HUP "$(cat udp46.pid)"
	wait_log 'signal ignored'
	stop_udp46
	expect "records" "$(log_count 'service manager not told')" -eq 1
}

root_case reload "RELOADING with its time, then READY when the file has been read"
reload_body()
{
	echo 'allow 192.0.2.0/24' >sources
	start_default --source-file "$PWD/sources"
	begin
	_before=$(awk '{ printf "%.0f", $1 * 1000000 }' /proc/uptime)
	kill -HUP "$(cat udp46.pid)"
	wait_told READY=1 2
	expect "loaded" "$(log_count 'source filter loaded')" -eq 2
	_time=$(last_told RELOADING=1 | sed 's/.*MONOTONIC_USEC=//')
	echo "signal after $_before us, reload at $_time us"
	# The uptime is told in hundredths.
	expect "time" "$_time" -ge $((_before - 10000))
	expect "time" "$_time" -le $((_before + 10000000))
	[ "$(grep -nE 'RELOADING=1|READY=1' manager.out | sed 's/:.* /:/' | wc -l)" -eq 3 ] ||
	    fail "more than one reload"
	end_udp46 TERM
}

root_case waiting "It is ready while all that it waits for is an answer about the upstream's name"
waiting_body()
{
	make_network
	private_names
	# Nobody is there to answer.
	echo 'hosts: dns' >nsswitch.conf
	echo 'nameserver 127.0.0.1' >resolv.conf
	sed -i 's/hosts nsswitch/resolv.conf hosts nsswitch/' private
	start_echo 7000
	start_manager --listen 192.0.2.1:5000 --upstream home.example.net:7000
	begin
	expect "children" "$(log_count 'child started')" -eq 0
	wait_told 'STATUS=waiting for the address of home.example.net:7000'
	zone_is answer 2001:db8:1::2
	spawn nameserver "$relay" "$helpers/nameserver"
	wait_for 30 grep -q '^ready' nameserver.out || fail "no name server: $(cat nameserver.err)"
	kill -HUP "$(cat udp46.pid)"
	wait_log started
	client_ok traffic -n 2 192.0.2.1 5000
	wait_told 'STATUS=[01] sessions?, upstream 2001:db8:1::2,.*'
	end_udp46 TERM
}

root_case deaf "A manager that does not read delays nothing, and is told when it reads again"
deaf_body()
{
	export FDSTORE=100
	start_default --upstream-ports 40000-40100
	order pause
	: >"$log"
	order start
	wait_log started
	start_many -n 30 192.0.2.1 5000
	for _round in 1 2 3; do
		many_round
		expect "served" "$(value answered many.out)" -eq 30
	done
	expect "messages" "$(grep -c '^message' manager.out)" -eq 0
	kill -HUP "$(cat udp46.pid)"
	many_round
	expect "served" "$(value answered many.out)" -eq 30
	order go
	wait_told READY=1
	wait_for 30 keeps 30 || fail "it keeps $(sessions_kept) sessions"
	end_udp46 TERM
	wait_told STOPPING=1
}

# Whether the sockets of so many sessions are kept.
keeps()
{
	[ "$(sessions_kept)" -eq "$1" ]
}

keeps_in_all()
{
	[ "$(kept_names | wc -l)" -eq "$1" ]
}

sessions_kept()
{
	kept_names | grep -c '^[0-9]*$'
}

root_case watchdog "It shows that it lives, at half the time, and no more when it is stopped"
watchdog_body()
{
	export WATCHDOG_USEC=1000000
	start_default
	begin
	wait_told WATCHDOG=1 4
	kill -STOP "$(cat udp46.pid)"
	sleep 0.2
	_told=$(told_count WATCHDOG=1)
	sleep 2
	expect "signs of life" "$(told_count WATCHDOG=1)" -eq "$_told"
	kill -CONT "$(cat udp46.pid)"
	wait_told WATCHDOG=1 $((_told + 2))
	end_udp46 TERM
}

root_case unwatched "Who is watched is another process: no sign of life"
unwatched_body()
{
	export WATCHDOG_USEC=200000 WATCHDOG_PID=1
	start_default
	begin
	sleep 1
	expect "signs of life" "$(told_count WATCHDOG=1)" -eq 0
	end_udp46 TERM
}

# kept_are FILE: just what it says, one a line.
kept_are()
{
	kept_names >names
	atf_check -o file:names cat "$1"
}

root_case store "It keeps memory, listeners and the sockets of assured sessions, as long as they last"
store_body()
{
	export FDSTORE=1000
	start_default --log-level debug --listen 198.51.100.1:0 --session-timeout 2s --unreplied-timeout 1s \
	    --metrics.enabled --workers 2
	begin
	_free=$(log_values 'listener started' listener | sed -n 's/^198.51.100.1://p')
	sort >expected <<-END
	listener-192.0.2.1-5000
	listener-192.0.2.1-5000
	listener-198.51.100.1-$_free
	listener-198.51.100.1-$_free
	metrics
	ports
	records-0
	records-1
	totals-0
	totals-1
	END
	wait_for 30 keeps_in_all 10 || fail "it keeps $(kept_names)"
	kept_are expected
	# A client that asks once is no session worth keeping.
	run_client once -n 1 192.0.2.1 5000
	client_ok assured -n 3 192.0.2.1 5000
	_port=$(log_values 'session created' upstream_local_port | tail -n 1)
	wait_for 30 keeps 1 || fail "it keeps $(kept_names)"
	kept_names | grep -q -x "$_port" || fail "it keeps another session than that of $_port"
	wait_for 30 keeps 0 || fail "it keeps a session that has ended"
	wait_for 30 more_records 'session closed' 1 || fail "a session lasts"
	grep -q "^forgot 1 $_port" manager.out || fail "one descriptor, more or less"
	expect "kept" "$(grep -c '^kept [0-9]*$' manager.out)" -eq 1
	end_udp46 TERM
	# It may be a restart.
	kept_are expected
}

root_case restart "In an orderly end nothing is forgotten of what is kept"
restart_body()
{
	export FDSTORE=1000
	start_default
	begin
	client_ok assured -n 3 192.0.2.1 5000
	wait_for 30 keeps 1 || fail "it keeps $(kept_names)"
	end_udp46 TERM
	expect "records of its end" "$(log_count 'session closed')" -le 1
	keeps 1 || fail "the session is forgotten"
}

# successor ITEM...: in the place of one that was killed, with these descriptors; all that was kept is
# kept again, and nothing else.
successor()
{
	kept_names >before
	end_udp46 KILL
	begin "$@"
	many_round
	expect "served" "$(value answered many.out)" -eq 20
	expect "ports" "$(upstream_ports | sort -u | wc -l)" -eq 20
	wait_for 30 kept_again || kept_are before
}

kept_again()
{
	kept_names | cmp -s - before
}

root_case successors "Whatever order and names they have, and what else there is: sessions keep their ports"
successors_body()
{
	export FDSTORE=1000
	start_default
	begin
	start_many -n 20 192.0.2.1 5000
	for _round in 1 2 3; do
		many_round
	done
	wait_for 30 keeps_in_all 24 || fail "it keeps $(kept_names)"
	successor stored
	successor reversed
	expect "refused" "$(log_count 'inherited descriptor refused')" -eq 0
	# None of these is ours, whatever it is called; and two have the name of one that is.
	_port=$(kept_names | grep -m 1 '^[0-9]*$')
	successor name=1 udp6=39999 name=records-0 memory tcp=192.0.2.1:80 "name=$_port" file stored \
	    "name=$_port" udp=192.0.2.1:9999
	expect "refused" "$(log_count 'inherited descriptor refused')" -eq 5
	wait_for 30 grep -q '^forgot 1 '"$_port" manager.out || fail "nothing of that name is forgotten"
	wait_for 30 keeps_in_all 24 || fail "it keeps $(kept_names)"
	successor stored nameless
	end_udp46 TERM
}

root_case no_store "Without a store, no descriptor is sent"
no_store_body()
{
	unset FDSTORE
	start_default
	begin
	client_ok assured -n 3 192.0.2.1 5000
	wait_told 'STATUS=1 session.*'
	expect "kept" "$(grep -c '^kept' manager.out)" -eq 0
	end_udp46 TERM
}

root_case small_store "Of a small store no more is asked than it has room for"
small_store_body()
{
	export FDSTORE=5
	start_default
	begin
	start_many -n 10 192.0.2.1 5000
	many_round
	many_round
	many_round
	wait_log 'descriptor store full'
	expect "kept" "$(kept_names | wc -l)" -eq 5
	sleep 1
	expect "kept" "$(kept_names | wc -l)" -eq 5
	expect "records" "$(log_count 'descriptor store full')" -eq 1
	end_udp46 TERM
}

root_case wakeups "Idle, a manager costs one turn every ten seconds"
wakeups_body()
{
	export FDSTORE=1000 WATCHDOG_USEC=20000000
	start_default
	begin
	start_many -n 10 192.0.2.1 5000
	many_round
	many_round
	wait_for 30 keeps 10 || fail "it keeps $(kept_names)"
	sleep 2
	_before=$(sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$(cat udp46.pid)/status")
	sleep 20
	_slept=$(sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$(cat udp46.pid)/status")
	_slept=$((_slept - _before))
	echo "in 20 s it woke up $_slept times"
	# Two looks at the route, four heartbeats of two turns, two of these, and as many again.
	expect "turns" "$_slept" -le 24
	end_udp46 TERM
}
