# A flood from forged sources, one datagram each, 5,000 a second, at a table of 500.

. "$(atf_get_srcdir)/common.subr"

# flooded ECHO-OPTION...: ten ASSURED clients go on through the flood and must lose nothing.
flooded()
{
	make_network
	start_echo "$@" 7000
	start_udp46_default --log-level debug --max-sessions 500
	_clients='10 11 12 13 14 15 16 17 18 19'
	for _client in $_clients; do
		client_ok "client$_client" -b "192.0.2.$_client:6000" -n 2 192.0.2.1 5000
	done
	upstream_ports >ports
	_drops_before=$(backlog_drops)
	spawn flood "$client" "$helpers/flood" -r 5000 -t 5 192.0.2.1 5000
	for _client in $_clients; do
		spawn "client$_client" "$client" "$helpers/client" -b "192.0.2.$_client:6000" \
		    -n 400 -r 100 192.0.2.1 5000
	done
	for _client in $_clients; do
		finish "client$_client"
		check_echoes "client$_client" "$_drops_before"
	done
	finish flood
	cat flood.out
	read_totals
	expect "table" "$(total sessions_active)" -le 500
	expect "evicted" "$(total sessions_evicted)" -gt 0
	expect "turned away" "$(total drops_session_unavailable)" -gt 0
	expect "restarts" "$(total child_restarts)" -eq 0
	# Ten sessions from before the flood, on ten ports.
	for _client in $_clients; do
		client_ok "after$_client" -b "192.0.2.$_client:6000" -n 2 192.0.2.1 5000
	done
	expect "served clients evicted" \
	    "$(grep -E "$(record_pattern 'session closed')" "$log" |
		grep -c 'client_address=192\.0\.2\.')" -eq 0
	expect "sessions of served clients" \
	    "$(grep -E "$(record_pattern 'session created')" "$log" |
		grep -c 'client_address=192\.0\.2\.')" -eq 10
	stop_udp46
}

root_case unanswered "ASSURED clients lose nothing while the upstream ignores the forged"
unanswered_body()
{
	flooded -m 12
}

root_case answered "ASSURED clients lose nothing while the upstream answers the forged"
answered_body()
{
	flooded
}

root_case rate "A flood costs at most --new-session-rate sessions a second"
rate_body()
{
	make_network
	start_echo -m 12 7000
	start_udp46_default --new-session-rate 100
	spawn flood "$client" "$helpers/flood" -r 5000 -t 3 192.0.2.1 5000
	finish flood
	read_totals
	created=$(total sessions_created)
	# The bucket is one second deep; the flood itself may take longer than it should.
	expect "sessions" "$created" -ge 100
	expect "sessions" "$created" -le 1500
	expect "held back" "$(total drops_rate_limited)" -gt "$created"
	sleep 1
	client_ok newcomer -n 5 192.0.2.1 5000
}
