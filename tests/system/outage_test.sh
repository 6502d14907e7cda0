# There is no way to the upstream, though sessions have their sockets: the log says so, once.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/http.subr"

# Five datagrams a second, for long enough; NAME and the client's last address byte.
start_stream()
{
	spawn "$1" "$client" "$helpers/client" -b "192.0.2.$2:6000" -n 1000 -r 5 192.0.2.1 5000
}

end_stream()
{
	kill "$(cat "$1.pid")"
}

# Until the log has said it so many times.
wait_said()
{
	# The kernel believes in a neighbour for up to a minute.
	wait_for 120 more_records "$1" $(($2 - 1)) || fail "not said $2 times: $1"
}

# One record of either kind for each of so many outages.
said()
{
	expect "said that it is unreachable" "$(log_count 'upstream unreachable')" -eq "$1"
	expect "said that it is reachable" "$(log_count 'upstream reachable')" -eq "$1"
}

# Sets $relays, and what they have used of processors, in microseconds.
find_relays()
{
	relays=$(for _child in 1 2; do child_pid relay-$_child; done)
}
relays_used()
{
	for _relay in $relays; do
		cpu_time "$_relay"
	done | awk '{ sum += $1 } END { print sum }'
}

served()
{
	client_ok "$@" -n 5 192.0.2.1 5000
}

root_case routes "Each way in which a route can be gone is said while a client sends"
routes_body()
{
	make_network
	start_echo 7000
	start_metrics
	start_stream stream 10
	_n=0
	for _type in unreachable prohibit blackhole; do
		_n=$((_n + 1))
		atf_check ip -n "$relay" -6 route add $_type 2001:db8:1::2/128
		_start=$(date +%s%N)
		wait_said 'upstream unreachable' $_n
		echo "$_type: said after $((($(date +%s%N) - _start) / 1000000)) ms"
		sleep 3
		expect "healthz" "$(http_status $url/healthz)" = 200
		atf_check ip -n "$relay" -6 route delete $_type 2001:db8:1::2/128
		wait_said 'upstream reachable' $_n
		served served -b 192.0.2.11:6000
	done
	said 3
	log_values 'upstream unreachable' upstream | sort -u >addresses
	expect "upstream" "$(cat addresses)" = '[2001:db8:1::2]:7000'
	end_stream stream
	stop_udp46
}

root_case route_gone "The route is removed; it comes back while nobody sends"
route_gone_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	start_stream stream 10
	served before -b 192.0.2.11:6000
	atf_check ip -n "$relay" -6 route delete 2001:db8:1::/64 dev home
	wait_said 'upstream unreachable' 1
	expect "child" "$(log_values 'upstream unreachable' child)" = relay
	end_stream stream
	sleep 3
	expect "said that it is reachable" "$(log_count 'upstream reachable')" -eq 0
	atf_check ip -n "$relay" -6 route add 2001:db8:1::/64 dev home
	wait_said 'upstream reachable' 1
	served after -b 192.0.2.11:6000
	said 1
	stop_udp46
}

root_case workers "It is said once, however many relays notice it"
workers_body()
{
	make_network
	start_echo 7000
	start_udp46_default --workers 4
	for _n in 10 11 12 13 14 15 16 17; do
		start_stream stream$_n $_n
	done
	served before -b 192.0.2.20:6000
	for _n in 1 2; do
		atf_check ip -n "$relay" -6 route delete 2001:db8:1::/64 dev home
		wait_said 'upstream unreachable' $_n
		sleep 5
		atf_check ip -n "$relay" -6 route add 2001:db8:1::/64 dev home
		wait_said 'upstream reachable' $_n
		served after -b 192.0.2.20:6000
	done
	said 2
	stop_udp46
}

root_case link_down "The link goes down, and with it the source address, and comes back"
link_down_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	start_stream stream 10
	served before -b 192.0.2.11:6000
	atf_check ip -n "$relay" link set home down
	wait_said 'upstream unreachable' 1
	sleep 3
	atf_check ip -n "$relay" link set home up
	atf_check ip -n "$relay" address add 2001:db8:1::1/64 dev home nodad
	wait_said 'upstream reachable' 1
	served after -b 192.0.2.11:6000
	said 1
	stop_udp46
}

root_case refused_only "That nobody listens at the upstream's port is no outage"
refused_only_body()
{
	make_network
	start_udp46_default
	start_stream stream 10
	wait_total errors_upstream_read -ge 1
	sleep 5
	said 0
	stop_udp46
}

root_case neighbour "The upstream is a neighbour, and gone"
neighbour_body()
{
	make_network
	start_echo 7000
	start_udp46_default --workers 2
	start_stream stream 10
	start_stream other 11
	start_stream third 12
	served before -b 192.0.2.20:6000
	find_relays
	for _n in 1 2; do
		atf_check ip -n "$home" address delete 2001:db8:1::2/64 dev relay
		_start=$(date +%s%N)
		wait_said 'upstream unreachable' $_n
		echo "said after $((($(date +%s%N) - _start) / 1000000)) ms"
		_start=$(date +%s%N) _before=$(relays_used)
		sleep 10
		_used=$(($(relays_used) - _before))
		echo "$_used us of the relays in $((($(date +%s%N) - _start) / 1000000)) ms of errors"
		# They sleep between datagrams: an error that stayed would keep them awake.
		expect "microseconds" "$_used" -le 500000
		expect "said that it is reachable" "$(log_count 'upstream reachable')" -eq $((_n - 1))
		atf_check ip -n "$home" address add 2001:db8:1::2/64 dev relay nodad
		wait_said 'upstream reachable' $_n
		served after -b 192.0.2.20:6000
		# So soon after the last one it would not be believed.
		sleep 11
	done
	said 2
	stop_udp46
}

# Since when clients wait in vain, in seconds since the epoch; 0 if they do not.
silent_since()
{
	get /metrics metrics
	sample metrics udp46_upstream_silent_since_timestamp_seconds
}

http_case silent "Nobody answers, though there is a way: said once, with the causes, and its end"
silent_body()
{
	make_network
	start_metrics
	start_stream stream 10
	_start=$(date +%s)
	expect "silent at once, since" "$(silent_since)" = 0
	wait_said 'upstream silent' 1
	expect "seconds until it was said" $(($(date +%s) - _start)) -ge 28
	grep 'msg="upstream silent"' "$log" |
	    grep -q 'level=WARN .*upstream=.*:7000 .*seconds=3[0-9] causes=.*firewall.*wg show' ||
	    fail "no causes: $(cat "$log")"
	sleep 3
	_since=$(silent_since)
	expect "silent since" "${_since%.*}" -ge $((_start - 2))
	expect "silent since" "${_since%.*}" -le $((_start + 10))
	start_echo 7000
	wait_said 'upstream answers again' 1
	sleep 2
	expect "silent, after the end" "$(silent_since)" = 0
	expect "said that it is silent" "$(log_count 'upstream silent')" -eq 1
	end_stream stream
	said 0
	stop_udp46
}
