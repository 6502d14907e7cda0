# Several relays, each with sessions of its own: --workers.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/http.subr"

# clients_of CHILD: the clients that it opened a session for, ADDRESS:PORT, one a line.
clients_of()
{
	grep -E "$(record_pattern 'session created')" "$log" | grep " child=$1\$" |
	    sed 's/.*client_address=\([^ ]*\) client_port=\([0-9]*\).*/\1:\2/'
}

# One client an address, as many as there are, so that both relays have some; sets $of_1, $of_2.
start_clients()
{
	for _client in $clients; do
		client_ok "client$_client" -b "192.0.2.$_client:6000" -n 2 192.0.2.1 5000
	done
	clients_of relay-1 >of_1
	clients_of relay-2 >of_2
	echo "clients: $(wc -l <of_1) of relay-1, $(wc -l <of_2) of relay-2"
	# By chance none could be one's; one time in 500,000.
	expect "clients of relay-1" "$(wc -l <of_1)" -gt 0
	expect "clients of relay-2" "$(wc -l <of_2)" -gt 0
}
clients='10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29'

http_case spread "Clients are spread over the relays; log, processes and metrics name them"
spread_body()
{
	make_network
	start_echo 7000
	start_metrics --workers 2 --log-level debug
	expect "workers" "$(log_values started workers)" -eq 2
	start_clients
	expect "ports at home" "$(upstream_ports | sort -u | wc -l)" -eq 20
	for _child in relay-1 relay-2; do
		_pid=$(child_pid $_child) || fail "no $_child"
		expect "seccomp of $_child" "$(status_field "$_pid" Seccomp)" -eq 2
		expect "said to be confined" \
		    "$(log_values 'child confined' child | grep -c -x $_child)" -eq 1
	done
	get /metrics m
	promtool check metrics <m || atf_fail "promtool has something to say"
	expect "sessions" "$(sample m udp46_sessions_active)" -eq 20
	expect "datagrams" "$(sample m udp46_datagrams_total)" -eq 80
	for _n in 1 2; do
		_label=child=\"relay-$_n\"
		expect "up" "$(sample m udp46_relay_up "$_label")" -eq 1
		expect "restarts" "$(sample m udp46_child_restarts_total "$_label")" -eq 0
		expect "sessions of relay-$_n" \
		    "$(sample m udp46_worker_sessions_active "$_label")" -eq "$(wc -l <of_$_n)"
		expect "datagrams of relay-$_n" \
		    "$(sample m udp46_worker_datagrams_total "$_label")" -eq $((4 * $(wc -l <of_$_n)))
	done
	get /debug/sessions all
	expect "in the dump" "$(jq 'map(.session_id) | unique | length' all)" -eq 20
	get '/debug/sessions?sort=packets&limit=7' some
	expect "in a short one" "$(jq length some)" -eq 7
	read_totals
	expect "in the log's totals" "$(total client_to_upstream_datagrams)" -eq 40
	stop_udp46
}

root_case alone "One worker has no number, in its title and in the log"
alone_body()
{
	make_network
	start_echo 7000
	start_udp46_default --workers 1 --log-level debug
	client_ok client -n 2 192.0.2.1 5000
	find_relay
	expect "title" "$(tr '\0' ' ' <"/proc/$relay_pid/cmdline")" = "udp46: relay "
	expect "its name at the end of records" \
	    "$(grep -E "$(record_pattern 'session created')" "$log" | grep -c ' child=relay$')" -eq 1
	stop_udp46
}

root_case one_a_cpu "--workers 0: one a processor that we may use"
one_a_cpu_body()
{
	make_network
	start_udp46_default --workers 0
	expect "workers" "$(log_values started workers)" -eq "$(nproc)"
	stop_udp46
	wrapper='taskset -c 0' start_udp46_default --workers 0
	expect "workers" "$(log_values started workers)" -eq 1
	stop_udp46
}

restarted()
{
	_new=$(child_pid "$1") && [ "$_new" -ne "$2" ] && more_records "child restarted" 0
}

root_case crash "A crash of one relay costs the other nothing, and each gets its own back"
crash_body()
{
	make_network
	start_echo 7000
	start_udp46_default --workers 2 --log-level debug
	start_clients
	upstream_ports | sort >before
	_other=$(child_pid relay-1)
	_killed=$(child_pid relay-2)
	_drops=$(backlog_drops)
	spawn stream "$client" "$helpers/client" -b "$(head -n 1 of_1)" -n 2000 -r 1000 \
	    192.0.2.1 5000
	sleep 0.5
	kill -KILL "$_killed"
	wait_for 30 restarted relay-2 "$_killed" || fail "relay-2 is not replaced"
	finish stream
	check_echoes stream "$_drops"
	wait_log 'sessions restored'
	expect "restored" "$(log_values 'sessions restored' count)" -eq "$(wc -l <of_2)"
	expect "by" "$(log_values 'sessions restored' child)" = relay-2
	expect "relay-1" "$(child_pid relay-1)" -eq "$_other"
	for _client in $clients; do
		client_ok "again$_client" -b "192.0.2.$_client:6000" -n 2 192.0.2.1 5000
	done
	# Nobody changed his relay, or he would have another session there.
	expect "sessions" "$(log_count 'session created')" -eq 20
	upstream_ports | sort >after
	atf_check cmp before after
	stop_udp46
}

# A socket that would share the port with us; its owner is root, as we are.
taken()
{
	in_relay grep -q ':1388 ' /proc/net/udp
}

root_case port_in_use "A port in use is an error, also if its owner would share it"
port_in_use_body()
{
	make_network
	spawn other "$relay" socat -u UDP4-RECV:5000,bind=192.0.2.1,reuseport /dev/null
	wait_for 10 taken || fail "socat does not listen"
	status=0
	in_relay "$udp46" --user nobody --listen 192.0.2.1:5000 --workers 2 \
	    --upstream '[2001:db8:1::2]:7000' >out 2>error || status=$?
	expect "exit status" $status -eq 1
	grep -q -e '--listen 192.0.2.1:5000: Address already in use' error || fail "$(cat error)"
	kill "$(cat other.pid)"
	finish other
	start_udp46_default --workers 2
	# A second one of ours would, too.
	status=0
	in_relay "$udp46" --user nobody --listen 192.0.2.1:5000 --workers 2 \
	    --upstream '[2001:db8:1::2]:7000' >out 2>error || status=$?
	expect "exit status" $status -eq 1
	stop_udp46
}

root_case free_port "Port 0: one free port for all relays"
free_port_body()
{
	make_network
	start_echo 7000
	start_udp46 --workers 4 --log-level debug --listen 192.0.2.1:0 --upstream '[2001:db8:1::2]:7000'
	expect "listeners" "$(log_count 'listener started')" -eq 1
	_port=$(log_values 'listener started' listener | sed 's/.*://')
	for _client in $clients; do
		client_ok "client$_client" -b "192.0.2.$_client:6000" -n 1 192.0.2.1 "$_port"
	done
	expect "relays that served" "$(log_values 'session created' child | sort -u | wc -l)" -gt 1
	stop_udp46
}

root_case address_limit "--max-sessions-per-address holds exactly, whatever the number of relays"
address_limit_body()
{
	make_network
	start_echo 7000
	start_udp46_default --workers 4 --max-sessions-per-address 3 --log-level debug
	start_many -a 192.0.2.10 -A 16 -n 160 -w 2000 192.0.2.1 5000
	many_round
	expect "answered" "$(value answered many.out)" -eq 48
	read_totals
	expect "turned away" "$(total drops_address_limit)" -eq 112
	# And yet the work is spread; all in one is a chance of one in a billion.
	expect "relays that served" "$(log_values 'session created' child | sort -u | wc -l)" -gt 1
	stop_udp46
}

root_case address_limit_listeners "It holds over several listeners, too"
address_limit_listeners_body()
{
	make_network
	start_echo 7000
	start_udp46 --workers 4 --max-sessions-per-address 1 --upstream '[2001:db8:1::2]:7000' \
	    --listen 192.0.2.1:5000 --listen 192.0.2.1:5001 --listen 192.0.2.1:5002
	for _port in 5000 5001 5002; do
		for _client in 10 11 12 13 14 15 16 17; do
			run_client "client$_client" -b "192.0.2.$_client:6000" -n 2 -w 200 \
			    192.0.2.1 $_port
			value received "client$_client.out" >>"received_$_port"
		done
	done
	read_totals
	expect "sessions of 8 addresses at 3 listeners" "$(total sessions_active)" -eq 8
	expect "served at the first" "$(sort -u received_5000)" -eq 2
	expect "at the second" "$(sort -u received_5001)" -eq 0
	expect "at the third" "$(sort -u received_5002)" -eq 0
	expect "refused" "$(total drops_address_limit)" -eq 32
	stop_udp46
}

root_case shares "Limits are those of all relays together"
shares_body()
{
	make_network
	start_echo -m 12 7000
	start_udp46_default --workers 3 --max-sessions 10 --new-session-rate 100
	expect "capacity" "$(log_values started session_capacity)" -eq 10
	spawn flood "$client" "$helpers/flood" -r 5000 -t 3 192.0.2.1 5000
	finish flood
	read_totals
	expect "sessions" "$(total sessions_active)" -eq 10
	# Three buckets, each a second deep; the flood itself may take longer than it should.
	expect "created" "$(total sessions_created)" -le 1500
	expect "held back" "$(total drops_rate_limited)" -gt 0
	stop_udp46
}

http_case silent "One relay that does not answer: /healthz and /metrics say which"
silent_body()
{
	make_network
	start_echo 7000
	start_metrics --workers 2 --log-level debug
	start_clients
	get /metrics before
	_pid=$(child_pid relay-2)
	kill -STOP "$_pid"
	# All at once: the supervisor's patience ends after 10 s.
	spawn sessions "$relay" curl -sS --max-time 30 -w '%{http_code}' -o dump $url/debug/sessions
	spawn metrics "$relay" curl -sS --fail --max-time 30 -o m $url/metrics
	expect "health" "$(http_status $url/healthz)" -eq 503
	finish sessions
	expect "sessions" "$(cat sessions.out)" -eq 503
	finish metrics
	expect "exit status of curl /metrics" "$status" -eq 0
	expect "relay-1 up" "$(sample m udp46_relay_up 'child="relay-1"')" -eq 1
	expect "relay-2 up" "$(sample m udp46_relay_up 'child="relay-2"')" -eq 0
	expect "datagrams" "$(sample m udp46_datagrams_total)" -eq "$(sample before udp46_datagrams_total)"
	kill -CONT "$_pid" || echo "it was replaced meanwhile"
	wait_for 30 is_healthy || fail "it does not recover"
	stop_udp46
}
