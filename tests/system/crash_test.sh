# What a crash of the relay costs: DESIGN, "The supervisor owns the sockets".

. "$(atf_get_srcdir)/http.subr"

root_case ports_kept "After SIGKILL each session goes on, on its upstream port"
ports_kept_body()
{
	make_network
	start_echo 7000
	start_udp46 --log-level debug --listen 0.0.0.0:5000 --listen 192.0.2.1:5001 --upstream '[2001:db8:1::2]:7000'
	client_ok one -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	client_ok two -b 192.0.2.10:6000 -n 2 192.0.2.1 5001
	client_ok three -b 192.0.2.11:6000 -n 2 198.51.100.1 5000
	upstream_ports >before
	find_relay
	first=$relay_pid
	kill_relay KILL
	[ "$relay_pid" != "$first" ] || fail "the relay is the same"
	wait_log 'sessions restored'
	expect "restored" "$(log_values 'sessions restored' count)" -eq 3
	client_ok one_again -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	client_ok two_again -b 192.0.2.10:6000 -n 2 192.0.2.1 5001
	client_ok three_again -b 192.0.2.11:6000 -n 2 198.51.100.1 5000
	expect "source" "$(value from three_again.out)" = 198.51.100.1:5000
	upstream_ports >after
	atf_check cmp before after
	expect "sessions" "$(log_count 'session created')" -eq 3
	expect "ended" "$(log_values 'child ended' child)" = relay
	expect "restarted" "$(log_count 'child restarted')" -eq 1
	# Newcomers are served by the successor, too.
	client_ok newcomer -b 192.0.2.12:6000 -n 2 192.0.2.1 5000
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 4
	stop_udp46
}

root_case upstream_first "A reply that comes after the crash finds its client"
upstream_first_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	port=$(upstream_ports)
	kill "$(cat echo.pid)"
	finish echo
	kill_relay KILL
	spawn listening "$client" timeout 60 socat -u UDP4-RECV:6000,bind=192.0.2.10 \
	    OPEN:heard,creat
	wait_for 60 heard_from_home || fail "no reply reaches the client"
}

heard_from_home()
{
	in_home sh -c "echo reply | socat -u - 'UDP6:[2001:db8:1::1]:$port,bind=:7000'"
	sleep 0.1
	grep -q reply heard
}

root_case states_kept "A session stays what it was: ASSURED or not"
states_kept_body()
{
	make_network
	start_echo 7000
	start_udp46_default --log-level debug --unreplied-timeout 2s --session-timeout 10m
	client_ok assured -b 192.0.2.10:6001 -n 2 192.0.2.1 5000
	client_ok replied -b 192.0.2.10:6002 -n 1 192.0.2.1 5000
	kill_relay KILL
	wait_log 'session closed' 60
	expect "closed" "$(log_values 'session closed' client_port)" -eq 6002
	expect "reason" "$(log_values 'session closed' reason)" = idle_timeout
	client_ok assured_again -b 192.0.2.10:6001 -n 2 192.0.2.1 5000
	expect "sessions" "$(log_count 'session created')" -eq 2
}

root_case totals_kept "Totals never go down"
totals_kept_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok before -b 192.0.2.10:6000 -n 50 192.0.2.1 5000
	kill_relay KILL
	read_totals
	expect "datagrams up" "$(total client_to_upstream_datagrams)" -eq 50
	expect "sessions created" "$(total sessions_created)" -eq 1
	expect "sessions active" "$(total sessions_active)" -eq 1
	expect "restarts" "$(total child_restarts)" -eq 1
	client_ok after -b 192.0.2.10:6000 -n 50 192.0.2.1 5000
	read_totals
	expect "datagrams up" "$(total client_to_upstream_datagrams)" -eq 100
	expect "datagrams down" "$(total upstream_to_client_datagrams)" -eq 100
	expect "sessions active" "$(total sessions_active)" -eq 1
}

# of_session PORT FILTER: of the session of this client, from /debug/sessions.
of_session()
{
	fetch "$url/debug/sessions" | jq -r ".[] | select(.client_port == $1) | $2"
}

http_case counters_kept "A session counts on where the relay before had come to"
counters_kept_body()
{
	make_network
	start_echo 7000
	start_metrics
	client_ok first -b 192.0.2.10:6000 -n 20 192.0.2.1 5000
	client_ok other -b 192.0.2.11:6000 -n 5 192.0.2.1 5000
	id=$(of_session 6000 "select(.client_address == \"192.0.2.10\") | .session_id")
	bytes=$(fetch "$url/debug/sessions" | jq "map(.client_to_upstream_bytes) | add")
	for _turn in 1 2; do
		kill_relay KILL
		wait_for 30 more_records 'sessions restored' $((_turn - 1)) ||
		    fail "sessions are not restored"
		expect "sessions with as many bytes" "$(fetch "$url/debug/sessions" |
		    jq "map(.client_to_upstream_bytes) | add")" -eq "$bytes"
		client_ok again -b 192.0.2.10:6000 -n 20 192.0.2.1 5000
		fetch "$url/debug/sessions" >sessions.json
		_counted=$(jq -r ".[] | select(.session_id == \"$id\") |
		    \"\(.client_to_upstream_packets) \(.upstream_to_client_packets)\"" sessions.json)
		expect "packets" "$_counted" = "$((20 + _turn * 20)) $((20 + _turn * 20))"
		bytes=$(jq "map(.client_to_upstream_bytes) | add" sessions.json)
	done
	stop_udp46
	log_values 'session closed' client_to_upstream_packets | sort -n | tr "\n" " " >closed
	expect "packets of those that were closed" "$(cat closed)" = "5 60 "
	expect "bytes of those" "$(log_values 'session closed' client_to_upstream_bytes |
	    jq -s add)" -eq "$bytes"
}

http_case unreplied_kept "Before its first reply a session says so, after a crash as well"
unreplied_kept_body()
{
	make_network
	start_metrics
	spawn asking "$client" "$helpers/client" -b 192.0.2.10:6000 -n 3 192.0.2.1 5000
	wait_total client_to_upstream_datagrams -ge 1
	kill "$(cat asking.pid)"
	kill_relay KILL
	wait_log 'sessions restored'
	expect "state" "$(of_session 6000 .state)" = unreplied
	expect "packets" "$(of_session 6000 .client_to_upstream_packets)" -gt 0
	expect "last reply" "$(of_session 6000 .last_upstream_packet)" = \
	    "$(of_session 6000 .created)"
	# Known from its counters, as no record tells of a first reply.
	start_echo 7000
	client_ok asked -b 192.0.2.10:6001 -n 1 192.0.2.1 5000
	expect "state" "$(of_session 6001 .state)" = replied
	kill_relay KILL
	expect "state" "$(of_session 6001 .state)" = replied
}

# Those that spoke last are not those that came last; and who comes after the crash, and has half as
# long, comes after all of them.
root_case idle_clocks_kept "After a crash each session ends when it would have without"
idle_clocks_kept_body()
{
	make_network
	start_echo 7000
	start_udp46_default --session-timeout 12s --unreplied-timeout 6s
	for _port in 6001 6002 6003 6004; do
		client_ok "c$_port" -b "192.0.2.10:$_port" -n 2 192.0.2.1 5000
	done
	for _port in 6003 6001 6004; do
		sleep 0.3
		client_ok "c$_port" -b "192.0.2.10:$_port" -n 2 192.0.2.1 5000
	done
	sleep 9
	kill_relay KILL
	wait_log 'sessions restored'
	client_ok newcomer -b 192.0.2.10:6005 -n 1 192.0.2.1 5000
	wait_for 60 more_records 'session closed' 4 || fail "not all have ended"
	log_values 'session closed' client_port | tr "\n" " " >order
	expect "order" "$(cat order)" = "6002 6003 6001 6004 6005 "
}

root_case stream "A stream of 2,000 a second loses at most one receive batch"
stream_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	drops=$(backlog_drops)
	spawn stream "$client" "$helpers/client" -b 192.0.2.10:6000 -n 8000 -r 2000 \
	    192.0.2.1 5000
	sleep 1.5
	kill_relay KILL
	finish stream
	cat stream.out
	expect "sent" "$(value sent stream.out)" -eq 8000
	expect "lost" "$(value lost stream.out)" -le $((32 + $(backlog_drops) - drops))
	expect "duplicated" "$(value duplicated stream.out)" -eq 0
	expect "corrupt" "$(value corrupt stream.out)" -eq 0
	expect "reordered" "$(value reordered stream.out)" -eq 0
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 1
}

root_case restored_600 "600 sessions answer again, those that write while the relay is down"
restored_600_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	start_many -a 192.0.2.10 -A 20 -n 600 -r 20000 -w 20000 192.0.2.1 5000
	many_round
	many_round
	expect "served" "$(value answered many.out)" -eq 600
	upstream_ports | sort >before
	find_relay
	kill -KILL "$relay_pid"
	many_round
	expect "served while it was down" "$(value answered many.out)" -eq 600
	echo "milliseconds from SIGKILL to the last answer: $(value milliseconds many.out)"
	many_round
	expect "served after" "$(value answered many.out)" -eq 600
	wait_log 'sessions restored'
	expect "restored" "$(log_values 'sessions restored' count)" -eq 600
	upstream_ports | sort >after
	atf_check cmp before after
}

root_case often "Five crashes in a row cost no session"
often_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	descriptors=$(find "/proc/$(cat udp46.pid)/fd" -type l | wc -l)
	for _turn in 1 2 3 4 5; do
		kill_relay KILL
		client_ok after -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	done
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 1
	expect "records thrown away" "$(log_count 'session records discarded')" -eq 0
	read_totals
	expect "restarts" "$(total child_restarts)" -eq 5
	# No socket of the dead is kept but that of the session.
	expect "descriptors of the supervisor" \
	    "$(find "/proc/$(cat udp46.pid)/fd" -type l | wc -l)" -le $((descriptors + 32))
}

root_case distrust "Relays that fail right after a hand-back cost nobody his session"
distrust_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	client_ok other -b 192.0.2.11:6000 -n 2 192.0.2.1 5000
	for _turn in 1 2 3; do
		kill_relay SEGV
		# It has answered for all that it was handed back.
		wait_for 30 more_records 'sessions restored' $((_turn - 1)) ||
		    fail "sessions are not restored"
	done
	client_ok after -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	client_ok other_after -b 192.0.2.11:6000 -n 2 192.0.2.1 5000
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 2
	expect "thrown away" "$(log_count 'session records discarded')" -eq 0
	client_ok newcomer -b 192.0.2.12:6000 -n 2 192.0.2.1 5000
}

root_case expired_not_restored "What ended before the crash does not come back"
expired_not_restored_body()
{
	make_network
	start_echo 7000
	start_udp46_default --unreplied-timeout 1s
	client_ok gone -b 192.0.2.10:6001 -n 1 192.0.2.1 5000
	wait_log 'session closed'
	client_ok stays -b 192.0.2.10:6002 -n 2 192.0.2.1 5000
	kill_relay KILL
	wait_log 'sessions restored'
	expect "restored" "$(log_values 'sessions restored' count)" -eq 1
	client_ok stays_again -b 192.0.2.10:6002 -n 2 192.0.2.1 5000
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 2
}

root_case unwatched "A kernel that watches no more sockets costs newcomers their place, and nobody else anything"
unwatched_body()
{
	make_network
	start_echo 7000
	wrapper="$helpers/refuse epoll"
	start_udp46_default
	# As many as it does watch are fewer than the pool.
	start_many -n 60 192.0.2.1 5000
	many_round
	expect "served" "$(value answered many.out)" -eq 60
	expect "said so" "$(log_count 'socket not watched')" -eq 1
	expect "restarts" "$(log_count 'child ended')" -eq 0
	# So it goes with a successor, too: nobody is left out.
	kill_relay KILL
	many_round
	expect "served" "$(value answered many.out)" -eq 60
	read_totals
	expect "restored" "$(total sessions_restored)" -eq 60
	expect "restarts" "$(total child_restarts)" -eq 1
	stop_udp46
}
