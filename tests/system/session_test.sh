# How sessions begin and end: DESIGN, "Sessions".

. "$(atf_get_srcdir)/common.subr"

# The duration of the last closed session, in whole seconds.
last_duration()
{
	log_values 'session closed' duration | tail -n 1 | sed 's/\..*//'
}

root_case expiry_unreplied "A session without any answer ends after --unreplied-timeout"
expiry_unreplied_body()
{
	make_network
	start_echo -n 0 7000
	start_udp46_default --unreplied-timeout 2s --session-timeout 10m
	run_client mute -b 192.0.2.10:6000 -n 3 -w 50 192.0.2.1 5000
	wait_log 'session closed' 60
	expect "reason" "$(log_values 'session closed' reason)" = idle_timeout
	expect "client" "$(log_values 'session closed' client_port)" -eq 6000
	expect "duration" "$(last_duration)" -ge 2
	expect "datagrams up" "$(log_values 'session closed' client_to_upstream_packets)" -eq 3
	expect "datagrams down" "$(log_values 'session closed' upstream_to_client_packets)" -eq 0
	read_totals
	expect "active" "$(total sessions_active)" -eq 0
	expect "expired" "$(total sessions_expired)" -eq 1
}

root_case expiry_replied "One whose client fell silent at the first answer ends likewise"
expiry_replied_body()
{
	make_network
	start_echo 7000
	start_udp46_default --unreplied-timeout 2s --session-timeout 10m
	client_ok once -n 1 192.0.2.1 5000
	wait_log 'session closed' 60
	expect "reason" "$(log_values 'session closed' reason)" = idle_timeout
	expect "duration" "$(last_duration)" -ge 2
	expect "datagrams down" "$(log_values 'session closed' upstream_to_client_packets)" -eq 1
}

root_case expiry_assured "One that went on after an answer ends after --session-timeout"
expiry_assured_body()
{
	make_network
	start_echo 7000
	start_udp46_default --unreplied-timeout 1s --session-timeout 4s
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	first=$(upstream_ports)
	wait_log 'session closed' 60
	expect "reason" "$(log_values 'session closed' reason)" = idle_timeout
	expect "duration" "$(last_duration)" -ge 4
	# The client may come back: with a new session, and not with the port that has to rest.
	client_ok after -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	expect "ports" "$(upstream_ports | wc -l)" -eq 2
	[ "$(upstream_ports | tail -n 1)" != "$first" ] || fail "port $first did not rest"
}

root_case kept_by_client "A client that goes on keeps its session, answered or not"
kept_by_client_body()
{
	make_network
	start_echo -n 0 7000
	start_udp46_default --log-level debug --unreplied-timeout 3s
	run_client mute -n 50 -r 10 -w 100 192.0.2.1 5000
	expect "sessions" "$(log_count 'session created')" -eq 1
	expect "closed" "$(log_count 'session closed')" -eq 0
}

root_case kept_by_upstream "The upstream alone keeps an ASSURED session as well"
kept_by_upstream_body()
{
	make_network
	start_echo 7000
	start_udp46_default --unreplied-timeout 1s --session-timeout 2s
	client_ok assured -n 2 192.0.2.1 5000
	port=$(upstream_ports)
	kill "$(cat echo.pid)"
	finish echo
	for _turn in 1 2 3 4 5 6; do
		in_home sh -c "echo talk | socat -u - 'UDP6:[2001:db8:1::1]:$port,bind=:7000'"
		sleep 0.5
	done
	wait_log 'session closed' 60
	expect "duration" "$(last_duration)" -ge 4
	expect "datagrams down" "$(log_values 'session closed' upstream_to_client_packets)" -eq 8
}

# Datagrams of 12 bytes find no answer here.
root_case eviction_order "The oldest UNREPLIED is evicted first, then the oldest REPLIED"
eviction_order_body()
{
	make_network
	start_echo -m 12 7000
	start_udp46_default --max-sessions 3
	client_ok replied -b 192.0.2.10:6001 -n 1 192.0.2.1 5000
	run_client unreplied_2 -b 192.0.2.10:6002 -n 1 -s 12 -w 50 192.0.2.1 5000
	run_client unreplied_3 -b 192.0.2.10:6003 -n 1 -s 12 -w 50 192.0.2.1 5000
	for newcomer in 6004 6005 6006; do
		# Only what was opened a second ago can be evicted.
		sleep 1.2
		client_ok $newcomer -b 192.0.2.10:$newcomer -n 1 192.0.2.1 5000
	done
	log_values 'session closed' client_port >evicted
	printf '%s\n' 6002 6003 6001 >expected
	atf_check cmp expected evicted
	expect "reasons" "$(log_values 'session closed' reason | sort -u)" = evicted
	read_totals
	expect "evicted" "$(total sessions_evicted)" -eq 3
	expect "active" "$(total sessions_active)" -eq 3
}

root_case full_table "A full table of ASSURED sessions turns newcomers away and serves on"
full_table_body()
{
	make_network
	start_echo 7000
	start_udp46_default --max-sessions 5 --session-timeout 5s --unreplied-timeout 5s
	expect "capacity" "$(log_values started session_capacity)" -eq 5
	start_many -n 5 192.0.2.1 5000
	many_round
	many_round
	sleep 1.2
	run_client newcomer -b 192.0.2.10:6000 -n 3 -w 100 192.0.2.1 5000
	expect "echoes for the newcomer" "$(value received newcomer.out)" -eq 0
	wait_total drops_session_unavailable -eq 3
	many_round
	expect "served" "$(value answered many.out)" -eq 5
	expect "evicted" "$(total sessions_evicted)" -eq 0
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 5
	# When they have gone there is room.
	wait_total sessions_active -eq 0
	client_ok newcomer_again -b 192.0.2.10:6000 -n 3 192.0.2.1 5000
}

root_case per_address "--max-sessions-per-address bounds one address and no other"
per_address_body()
{
	make_network
	start_echo 7000
	start_udp46_default --max-sessions-per-address 2 --unreplied-timeout 3s \
	    --session-timeout 3s
	# Both are in use: neither makes room.
	client_ok one -b 192.0.2.10:6001 -n 2 192.0.2.1 5000
	client_ok two -b 192.0.2.10:6002 -n 2 192.0.2.1 5000
	sleep 1.2
	run_client three -b 192.0.2.10:6003 -w 200 192.0.2.1 5000
	expect "echoes beyond the limit" "$(value received three.out)" -eq 0
	client_ok other -b 192.0.2.11:6003 192.0.2.1 5000
	client_ok one_again -b 192.0.2.10:6001 192.0.2.1 5000
	wait_total drops_address_limit -eq 1
	expect "evicted" "$(total sessions_evicted)" -eq 0
	# What has expired no longer counts.
	wait_total sessions_active -le 1
	wait_total sessions_expired -ge 2
	client_ok three_again -b 192.0.2.10:6003 192.0.2.1 5000
}

root_case per_address_turn "At its limit an address replaces what it has done with"
per_address_turn_body()
{
	make_network
	start_echo 7000
	start_udp46_default --max-sessions-per-address 3
	client_ok other -b 192.0.2.11:6000 -n 1 192.0.2.1 5000
	for _port in 6001 6002 6003 6004 6005 6006; do
		client_ok "client$_port" -b "192.0.2.10:$_port" -n 1 192.0.2.1 5000
		sleep 1.1
	done
	read_totals
	expect "refused" "$(total drops_address_limit)" -eq 0
	expect "active" "$(total sessions_active)" -eq 4
	# Its own that were silent for longest, though another address has an older one.
	log_values 'session closed' client_port >evicted
	printf '%s\n' 6001 6002 6003 >expected
	atf_check cmp expected evicted
	expect "reasons" "$(log_values 'session closed' reason | sort -u)" = evicted
	stop_udp46
}

# Datagrams of 12 bytes find no answer here.
root_case per_address_order "Its UNREPLIED ones go first, whoever spoke last stays, ASSURED ones always"
per_address_order_body()
{
	make_network
	start_echo -m 12 7000
	start_udp46_default --max-sessions-per-address 4
	client_ok assured -b 192.0.2.10:6001 -n 2 192.0.2.1 5000
	client_ok replied -b 192.0.2.10:6002 -n 1 192.0.2.1 5000
	run_client unreplied_3 -b 192.0.2.10:6003 -n 1 -s 12 -w 50 192.0.2.1 5000
	run_client unreplied_4 -b 192.0.2.10:6004 -n 1 -s 12 -w 50 192.0.2.1 5000
	run_client unreplied_3 -b 192.0.2.10:6003 -n 1 -s 12 -w 50 192.0.2.1 5000
	sleep 1.1
	for _port in 6005 6006 6007; do
		client_ok "newcomer$_port" -b "192.0.2.10:$_port" -n 2 192.0.2.1 5000
	done
	log_values 'session closed' client_port >evicted
	printf '%s\n' 6004 6003 6002 >expected
	atf_check cmp expected evicted
	run_client refused -b 192.0.2.10:6008 -n 1 -w 200 192.0.2.1 5000
	expect "echoes when all are ASSURED" "$(value received refused.out)" -eq 0
	wait_total drops_address_limit -eq 1
	client_ok assured_again -b 192.0.2.10:6001 -n 2 192.0.2.1 5000
	stop_udp46
}

root_case per_address_flood "Nobody is locked out: not the forged address, nor another one by its flood"
per_address_flood_body()
{
	make_network
	start_echo -m 12 7000
	start_udp46_default --max-sessions-per-address 3 --max-sessions 20 \
	    --new-session-rate 100
	client_ok served -b 192.0.2.11:6000 -n 2 192.0.2.1 5000
	# Not ASSURED: a place of theirs must not be taken for another address's session.
	start_many -a 192.0.2.12 -A 16 -n 16 192.0.2.1 5000
	many_round
	_begin=$(date +%s)
	for _turn in 1 2 3 4 5 6; do
		in_client "$helpers/flood" -a 192.0.2.10 -r 5000 -t 1 192.0.2.1 5000 >flood.out ||
		    fail "flood: $(cat flood.out)"
	done
	_seconds=$(($(date +%s) - _begin + 2))
	read_totals
	expect "evicted" "$(total sessions_evicted)" -ge 3
	expect "evicted of $(value sent flood.out) a second" "$(total sessions_evicted)" -le $((3 * _seconds))
	expect "others that were evicted" "$(log_values 'session closed' client_address |
	    grep -v -c -x 192.0.2.10)" -eq 0
	expect "refused" "$(total drops_address_limit)" -gt 5000
	expect "rate of others not used up" "$(total drops_rate_limited)" -eq 0
	sleep 1.2
	client_ok afterwards -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	client_ok served_again -b 192.0.2.11:6000 -n 2 192.0.2.1 5000
	stop_udp46
}

root_case new_session_rate "--new-session-rate holds back newcomers, not who is served"
new_session_rate_body()
{
	make_network
	start_echo 7000
	start_udp46_default --new-session-rate 10
	client_ok served -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	drops=$(backlog_drops)
	spawn served_client "$client" "$helpers/client" -b 192.0.2.10:6000 -n 200 -r 200 \
	    192.0.2.1 5000
	start_many -a 192.0.2.11 -n 100 -r 10000 -w 500 192.0.2.1 5000
	many_round
	finish served_client
	check_echoes served_client "$drops"
	read_totals
	expect "held back" "$(total drops_rate_limited)" -gt 0
	expect "let in" "$(value answered many.out)" -gt 0
	expect "fate of all" $(($(total drops_rate_limited) + $(value answered many.out))) -eq 100
}

root_case unlimited_rate "--new-session-rate 0 is no limit"
unlimited_rate_body()
{
	make_network
	start_echo 7000
	start_udp46_default --new-session-rate 0
	start_many -n 500 -r 2000 192.0.2.1 5000
	many_round
	expect "served" "$(value answered many.out)" -eq 500
	expect "ports at home" "$(upstream_ports | sort -u | wc -l)" -eq 500
	stop_udp46
}

# suppresses LEVEL RECORDS: the log has so many of 600 sessions, or says that it has not.
suppresses()
{
	make_network
	start_echo 7000
	start_udp46_default --unreplied-timeout 1s --log-level "$1"
	start_many -n 600 -r 3000 192.0.2.1 5000
	many_round
	expect "served" "$(value answered many.out)" -eq 600
	wait_total sessions_expired -eq 600
	wait_log 'session records suppressed'
	wait_for 10 all_records_told "$2" || fail "not $2 records are logged or counted"
	read_totals
	all_records_told "$2"
	expect "held back" "$(total log_records_suppressed)" -eq "$_held"
}

all_records_told()
{
	_told=$(($(log_count 'session created') + $(log_count 'session closed')))
	_held=0
	for _count in $(log_values 'session records suppressed' count); do
		_held=$((_held + _count))
	done
	[ $((_told + _held)) -eq "$1" ]
}

root_case suppressed "Session records beyond 100 a second are counted, not logged"
suppressed_body()
{
	suppresses info 600
}

root_case suppressed_debug "So are those that only who debugs gets"
suppressed_debug_body()
{
	suppresses debug 1200
}

root_case descriptors_run_out "Few descriptors: as many sessions as they allow, and room later"
descriptors_run_out_body()
{
	make_network
	start_echo 7000
	# Without CAP_SYS_RESOURCE nobody lifts the limit.  It also bounds the descriptors that a user
	# has on their way between processes, and root may have others (unix(7), ETOOMANYREFS).
	wrapper="setpriv --ruid $((1000000 + $$)) --bounding-set -sys_resource
	    prlimit --nofile=128:128" \
	    start_udp46_default --session-timeout 4s --unreplied-timeout 3s
	capacity=$(log_values started session_capacity)
	expect "capacity" "$capacity" -gt 30
	expect "capacity" "$capacity" -lt 128
	start_many -n 200 -r 2000 -w 1000 192.0.2.1 5000
	many_round
	many_round
	many_round
	expect "served" "$(value answered many.out)" -eq "$capacity"
	read_totals
	expect "turned away" "$(total drops_session_unavailable)" -gt 0
	wait_total sessions_active -eq 0
	client_ok after -n 10 192.0.2.1 5000
	expect "restarts" "$(total child_restarts)" -eq 0
}

root_case ports_run_out "Few ports: as many sessions, and their ports again when they have gone"
ports_run_out_body()
{
	make_network
	start_echo 7000
	start_udp46_default --upstream-ports 42000-42009 --session-timeout 4s \
	    --unreplied-timeout 3s
	expect "capacity" "$(log_values started session_capacity)" -eq 10
	start_many -n 15 -w 1000 192.0.2.1 5000
	many_round
	many_round
	many_round
	expect "served" "$(value answered many.out)" -eq 10
	wait_total drops_session_unavailable -gt 0
	wait_total sessions_active -eq 0
	client_ok after -n 10 192.0.2.1 5000
	expect "ports at home" "$(upstream_ports | wc -l)" -le 10
}

root_case ports_held "Ports that another program holds: serves as many, says so, recovers"
ports_held_body()
{
	make_network
	start_echo 7000
	spawn hold_ports "$relay" "$helpers/hold_ports" 42000 42999 64
	wait_for 30 grep -q holding hold_ports.out || fail "hold_ports does not start"
	start_udp46_default --upstream-ports 42000-42999
	start_many -n 80 -r 2000 -w 1000 192.0.2.1 5000
	many_round
	many_round
	many_round
	expect "served" "$(value answered many.out)" -eq 64
	wait_log 'upstream sockets exhausted'
	wait_total drops_session_unavailable -gt 0
	kill "$(cat hold_ports.pid)"
	finish hold_ports
	wait_log 'upstream sockets available'
	wait_for 20 all_served || fail "not all are served again: $(tail -n 1 many.out)"
	stop_udp46
}

root_case ports_held_evicted "When other programs hold the rest, a newcomer evicts at once, said once"
ports_held_evicted_body()
{
	make_network
	start_echo 7000
	spawn hold_ports "$relay" "$helpers/hold_ports" 42000 42063 30
	wait_for 30 grep -q holding hold_ports.out || fail "hold_ports does not start"
	start_udp46_default --upstream-ports 42000-42063
	expect "capacity" "$(log_values started session_capacity)" -eq 64
	start_many -n 29 192.0.2.1 5000
	many_round
	sleep 1.2
	# The last one, and at once one more: when those that can be had run out is known.
	client_ok last -b 192.0.2.11:6000 -n 1 192.0.2.1 5000
	newcomers_evict
	expect "sessions" "$_active" -eq 30
}

root_case ports_held_waiting "Newcomers that wait when it shows that there are no more evict, too"
ports_held_waiting_body()
{
	make_network
	start_echo 7000
	spawn hold_ports "$relay" "$helpers/hold_ports" 42000 42063 30
	wait_for 30 grep -q holding hold_ports.out || fail "hold_ports does not start"
	start_udp46_default --upstream-ports 42000-42063
	# So slowly that the stock does not grow: 28 sockets are made.  Each is at an address and port
	# that no newcomer can have: one that did would be an old client who speaks again.
	_port=6000
	while [ $_port -lt 6014 ]; do
		client_ok "old$_port" -b 192.0.2.11:$_port -n 1 192.0.2.1 5000
		sleep 0.35
		_port=$((_port + 1))
	done
	expect "exhausted too early" "$(log_count 'upstream sockets exhausted')" -eq 0
	# The supervisor learns of them all at once, when some wait already.
	start_many -n 20 -r 20000 -w 5000 192.0.2.1 5000
	kill -STOP "$(cat udp46.pid)"
	echo round >&3
	sleep 0.1
	kill -CONT "$(cat udp46.pid)"
	wait_for 120 many_rounds 1 || fail "clients do not finish: $(cat many.err)"
	expect "newcomers served" "$(value answered many.out)" -eq 20
	read_totals
	expect "dropped" "$(total drops_session_unavailable)" -eq 0
	expect "evicted" "$(total sessions_evicted)" -eq 4
	expect "sessions" "$(total sessions_active)" -eq 30
	expect "said" "$(log_count 'upstream sockets exhausted')" -eq 1
	stop_udp46
}

root_case descriptors_held_evicted "When descriptors run out meanwhile, likewise"
descriptors_held_evicted_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok first -b 192.0.2.11:6000 -n 1 192.0.2.1 5000
	# Room for about 30 sessions more, whatever the supervisor has beside.
	_descriptors=$(find "/proc/$(cat udp46.pid)/fd" -type l | wc -l)
	atf_check prlimit --pid "$(cat udp46.pid)" --nofile=$((_descriptors + 13))
	start_many -n 60 -r 2000 -w 1500 192.0.2.1 5000
	many_round
	sleep 1.2
	newcomers_evict
	expect "sessions" "$_active" -ge 20
	expect "sessions" "$_active" -le 40
}

# All that can be had serve REPLIED sessions, older than a second but for one; then others come.
newcomers_evict()
{
	for _turn in 1 2 3 4 5 6 7 8 9 10; do
		client_ok "newcomer$_turn" -b "192.0.2.11:$((6000 + _turn))" -n 1 -w 900 \
		    192.0.2.1 5000
	done
	read_totals
	_active=$(total sessions_active)
	expect "evicted" "$(total sessions_evicted)" -eq 10
	expect "said" "$(log_count 'upstream sockets exhausted')" -eq 1
	expect "said to be over" "$(log_count 'upstream sockets available')" -eq 0
	expect "restarts" "$(total child_restarts)" -eq 0
	stop_udp46
}

all_served()
{
	many_round
	[ "$(value answered many.out)" -eq 80 ]
}

root_case port_zero "A datagram that cannot be answered opens no session, and is counted"
port_zero_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	in_client "$helpers/forge" -p 0 relay 192.0.2.10 192.0.2.1 5000 || fail "forge"
	wait_total drops_source_denied -eq 1
	# So does a train, datagram by datagram, and its neighbour is not concerned.
	in_client "$helpers/forge" -p 0 -l 1000 -g 300 relay 192.0.2.10 192.0.2.1 5000 ||
	    fail "forge"
	in_client "$helpers/forge" -p 1 relay 192.0.2.10 192.0.2.1 5000 || fail "forge"
	wait_total drops_source_denied -eq 5
	wait_total client_to_upstream_datagrams -eq 1
	expect "sessions" "$(total sessions_created)" -eq 1
	stop_udp46
}

# denied NUMBER: so many more datagrams were dropped as source_denied, and nothing was relayed.
denied()
{
	_denied=$((_denied + $1))
	wait_total drops_source_denied -eq $_denied
	expect "relayed" "$(total client_to_upstream_datagrams)" -eq "${2:-0}"
}

# broadcast ADDRESS PORT [OPTION]: one datagram from a client that has a port of its own.
broadcast()
{
	echo hello | in_client socat -u - \
	    "UDP4-DATAGRAM:$1:5000,bind=192.0.2.10:$2,broadcast,so-bindtodevice=relay" ||
	    fail "broadcast to $1"
}

root_case sent_to_many "What is sent to a broadcast or multicast address is not for us"
sent_to_many_body()
{
	make_network
	start_echo 7000
	start_udp46 --listen 0.0.0.0:5000 --upstream '[2001:db8:1::2]:7000'
	_denied=0
	broadcast 192.0.2.255 6000
	denied 1
	broadcast 255.255.255.255 6001
	denied 1
	# Neither from a client that is being served: the addresses to it stay what they are.
	client_ok served -b 192.0.2.10:6002 -n 2 198.51.100.1 5000
	broadcast 192.0.2.255 6002
	denied 1 2
	client_ok served -b 192.0.2.10:6002 -n 2 198.51.100.1 5000
	expect "answers from" "$(value from served.out)" = 198.51.100.1:5000
	# Another program joins a group; a datagram to it is that program's only.
	spawn member "$relay" socat -u UDP4-RECV:5001,ip-add-membership=239.1.2.3:192.0.2.1 -
	spawn group "$relay" socat -u \
	    UDP4-RECV:5002,reuseaddr,ip-add-membership=239.1.2.3:192.0.2.1 -
	wait_for 30 joined || fail "nobody joins"
	for _port in 5001 5000 5002; do
		echo hello | in_client socat -u - \
		    "UDP4-DATAGRAM:239.1.2.3:$_port,bind=192.0.2.10:6003,ip-multicast-if=192.0.2.10" ||
		    fail "multicast to $_port"
	done
	wait_for 10 test -s member.out || fail "the member of the group hears nothing"
	wait_for 10 test -s group.out || fail "the member of the group hears nothing"
	client_ok other -b 192.0.2.10:6004 -n 2 192.0.2.1 5000
	read_totals
	expect "relayed" "$(total client_to_upstream_datagrams)" -eq 6
	expect "sessions" "$(total sessions_created)" -eq 2
	stop_udp46
}

joined()
{
	in_relay ip maddress show dev client | grep -q 239.1.2.3
}

# from_self SOURCE PORT LISTENER PORT: datagrams of this host's, from whatever source.
from_self()
{
	in_relay "$helpers/flood" -a "$1" -p "$2" -r 10 -t 1 "$3" "$4" >self.out || fail "flood"
	denied "$(value sent self.out)"
}

root_case own_listeners "What a listener seems to have sent is not relayed round and round"
own_listeners_body()
{
	make_network
	start_echo 7000
	start_udp46 --listen 192.0.2.1:5000 --listen 198.51.100.1:5001 --workers 2 \
	    --upstream '[2001:db8:1::2]:7000'
	_denied=0
	from_self 192.0.2.1 5000 192.0.2.1 5000
	from_self 198.51.100.1 5001 192.0.2.1 5000
	from_self 192.0.2.1 5000 198.51.100.1 5001
	# The same port at another address is a program's.
	in_relay "$helpers/client" -b 192.0.2.1:5001 -n 2 192.0.2.1 5000 || fail "program"
	in_relay "$helpers/client" -b 198.51.100.1:5000 -n 2 192.0.2.1 5000 || fail "program"
	client_ok client -b 192.0.2.10:5000 -n 2 192.0.2.1 5000
	stop_udp46
}

root_case own_wildcard "A listener on 0.0.0.0 is at every address of the host"
own_wildcard_body()
{
	make_network
	start_echo 7000
	start_udp46 --listen 0.0.0.0:5000 --listen 192.0.2.1:5001 \
	    --upstream '[2001:db8:1::2]:7000'
	_denied=0
	from_self 192.0.2.1 5000 192.0.2.1 5000
	from_self 198.51.100.1 5000 192.0.2.1 5000
	from_self 127.0.0.1 5000 127.0.0.1 5000
	from_self 198.51.100.1 5000 192.0.2.1 5001
	from_self 192.0.2.1 5001 198.51.100.1 5000
	# Programs of the host may be clients, and clients elsewhere may have the port.
	in_relay "$helpers/client" -n 2 127.0.0.1 5000 || fail "program"
	in_relay "$helpers/client" -b 198.51.100.1:5001 -n 2 192.0.2.1 5000 || fail "program"
	client_ok client -b 192.0.2.10:5000 -n 2 192.0.2.1 5000
	client_ok client -b 192.0.2.10:5001 -n 2 192.0.2.1 5001
	stop_udp46
}

root_case impossible_sources "Addresses that can be nobody's get no session"
impossible_sources_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	_denied=0
	# Not even if the kernel, which knows better, lets them in.
	for _source in 255.255.255.255 239.1.2.3 224.0.0.1; do
		from_self $_source 6000 192.0.2.1 5000
	done
	client_ok client -n 2 192.0.2.1 5000
	stop_udp46
}
