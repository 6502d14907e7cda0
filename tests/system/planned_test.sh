# What a planned change of relays costs: nothing.  The daemon is one that does so at SIGUSR1.

. "$(atf_get_srcdir)/common.subr"

# replace_relay: and wait for its successor.
replace_relay()
{
	find_relay
	_old=$relay_pid
	_confined=$(log_count "child confined")
	kill -USR1 "$(cat udp46.pid)"
	wait_for 60 more_records "child confined" "$_confined" || fail "no successor is up"
	find_relay
	[ "$relay_pid" != "$_old" ] || fail "the relay is the same"
}

start_replaced()
{
	make_network
	start_echo 7000
	udp46=$helpers/replaced
	start_udp46_default "$@"
}

root_case stream "A stream of 2,000 a second and 200 sessions lose nothing in five changes"
stream_body()
{
	start_replaced --workers 2
	start_many -a 192.0.2.11 -A 10 -n 200 -w 10000 192.0.2.1 5000
	many_round
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	upstream_ports | sort >before
	spawn stream "$client" "$helpers/client" -b 192.0.2.10:6000 -n 8000 -r 2000 -w 10000 \
	    192.0.2.1 5000
	for _turn in 1 2 3 4 5; do
		sleep 0.5
		replace_relay
		many_round
		expect "answered" "$(value answered many.out)" -eq 200
	done
	finish stream
	cat stream.out
	expect "sent" "$(value sent stream.out)" -eq 8000
	for _fault in lost duplicated corrupt reordered; do
		expect "$_fault" "$(value $_fault stream.out)" -eq 0
	done
	upstream_ports | sort >after
	atf_check cmp before after
	wait_for 30 more_records totals 4 || fail "the last change is not told of"
	expect "created" "$(total sessions_created)" -eq 201
	expect "closed" "$(log_count 'session closed')" -eq 0
	expect "ended" "$(log_count 'child ended')" -eq 0
	expect "restarted" "$(log_count 'child restarted')" -eq 0
	stop_udp46
}

root_case counters "To the log it is one session, from its beginning to its end"
counters_body()
{
	start_replaced --log-level debug
	for _turn in 1 2 3; do
		client_ok "turn$_turn" -b 192.0.2.10:6000 -n 10 192.0.2.1 5000
		replace_relay
	done
	stop_udp46
	expect "created" "$(log_count 'session created')" -eq 1
	expect "closed" "$(log_values 'session closed' reason)" = shutdown
	expect "packets up" "$(log_values 'session closed' client_to_upstream_packets)" -eq 30
	expect "packets down" "$(log_values 'session closed' upstream_to_client_packets)" -eq 30
}

root_case newcomers "Who comes while relays change is served, and waits for a socket if need be"
newcomers_body()
{
	start_replaced
	start_many -a 192.0.2.11 -A 10 -n 800 -r 8000 -w 20000 192.0.2.1 5000
	echo round >&3
	for _turn in 1 2 3; do
		replace_relay
	done
	wait_for 60 many_rounds 1 || fail "clients do not finish"
	tail -n 1 many.out
	expect "answered" "$(value answered many.out)" -eq 800
	expect "created" "$(upstream_ports | wc -l)" -eq 800
	many_round
	expect "answered" "$(value answered many.out)" -eq 800
	expect "ports" "$(upstream_ports | wc -l)" -eq 800
	expect "ended" "$(log_count 'child ended')" -eq 0
}

root_case hanging "A relay that does not hear that it is to end loses no session, either"
hanging_body()
{
	start_replaced
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	upstream_ports >before
	find_relay
	kill -STOP "$relay_pid"
	replace_relay
	expect "ended by" "$(log_values 'child ended' signal)" = KILL
	client_ok after -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	upstream_ports >after
	atf_check cmp before after
	stop_udp46
}
