# Clients share a listener's send buffer: one whose path is slow, or that has vanished, never costs
# another a datagram, nor time.

. "$(atf_get_srcdir)/common.subr"

# What comes to the clients is handed up by one processor: two of them, each with a part of what a
# queueing discipline has let go, may turn datagrams of one client around after they have arrived.
keep_order()
{
	atf_check ip netns exec "$client" \
	    sh -c 'echo 1 >/sys/class/net/relay/queues/rx-0/rps_cpus'
}

start_pour()
{
	spawn pour "$home" "$helpers/pour" -l 7000
	wait_for 30 grep -q '^ready' pour.out || fail "the upstream does not start"
}

# slow_class MINOR RATE MATCH...: on the relay's side towards clients; all others are fast.
slow_class()
{
	keep_order
	_minor=$1 _rate=$2
	shift 2
	tc -n "$relay" qdisc show dev client | grep -q 'qdisc htb' || {
		atf_check tc -n "$relay" qdisc add dev client root handle 1: htb default ffff
		atf_check tc -n "$relay" class add dev client parent 1: classid 1:ffff \
		    htb rate 10gbit quantum 60000
	}
	atf_check tc -n "$relay" class add dev client parent 1: classid "1:$_minor" \
	    htb rate "$_rate" burst 16000 cburst 16000 quantum 60000
	atf_check tc -n "$relay" filter add dev client parent 1: protocol ip u32 "$@" \
	    flowid "1:$_minor"
}

# drink NAME ADDRESS SECONDS OPTION...: clients that ask for more than they can have.
drink()
{
	_name=$1 _address=$2 _seconds=$3
	shift 3
	spawn "$_name" "$client" "$helpers/pour" -b "$_address" -t "$_seconds" "$@" 192.0.2.1 5000
}

# How long an echo takes while nothing is short, in microseconds: the machine's own part.
measure_quiet()
{
	in_client "$helpers/latency" -b 192.0.2.10 -n 1000 -r 1000 192.0.2.1 5000 >quiet.out
	echo "quiet: $(cat quiet.out)"
	quiet=$(value p99 quiet.out)
}

# check_others NAME OPTION...: of the other clients' echoes none is lost, and none is late.
check_others()
{
	_name=$1
	shift
	_drops=$(backlog_drops)
	in_client "$helpers/latency" -b 192.0.2.10 "$@" 192.0.2.1 5000 >"$_name.out"
	echo "$_name: $(cat "$_name.out")"
	expect "lost" "$(value lost "$_name.out")" -le $(($(backlog_drops) - _drops))
	expect "p99 in us" "$(value p99 "$_name.out")" -le $((20000 + quiet))
}

# check_rate NAME KEY BITS SECONDS: a slow client got 90 % of what its path carries.
check_rate()
{
	echo "$1: $(cat "$1.out")"
	expect "$2 of $1" "$(value "$2" "$1.out")" -ge $(($3 * $4 * 9 / 80))
	expect "disorder" "$(value disorder "$1.out")" -eq 0
}

show_drops()
{
	read_totals
	for _reason in write_timeout queue_full client_write_error; do
		echo "drops_$_reason: $(total drops_$_reason)"
	done
}

root_case shaped "One client's path is slow: no other notices, and it gets what there is"
shaped_body()
{
	make_network
	start_pour
	start_udp46_default
	measure_quiet
	slow_class 2 1mbit match ip dst 192.0.2.20/32
	drink slow 192.0.2.20 10 -r 5000000
	sleep 1
	check_others others -c 4 -n 2000 -r 500
	check_others trains_worth -c 4 -n 1000 -r 500 -s 1400
	finish slow
	show_drops
	check_rate slow bytes 1000000 10
	stop_udp46
}

root_case shaped_small "The same with a small buffer, and replies that come one by one"
shaped_small_body()
{
	make_network
	start_pour
	start_udp46_default --socket-buffer-size 65536 --segment-offload off
	measure_quiet
	slow_class 2 1mbit match ip dst 192.0.2.20/32
	drink slow 192.0.2.20 10 -n 30000000 -r 2000000 -d 1
	sleep 1
	check_others others -c 4 -n 2000 -r 500
	finish slow
	show_drops
	check_rate slow bytes 1000000 10
	stop_udp46
}

root_case speeds "Of slow clients each gets what its own path carries, and a fast one, too"
speeds_body()
{
	make_network
	start_pour
	start_udp46_default
	measure_quiet
	slow_class 2 1mbit match ip dst 192.0.2.20/32
	slow_class 3 5mbit match ip dst 192.0.2.21/32
	drink one 192.0.2.20 10 -n 20000000 -r 2000000
	drink five 192.0.2.21 10 -n 20000000 -r 2000000
	sleep 2
	drink fast 192.0.2.22 5 -n 20000000 -r 5000000
	check_others others -c 4 -n 2000 -r 500
	finish fast
	finish one
	finish five
	show_drops
	check_rate one bytes 1000000 10
	check_rate five bytes 5000000 10
	echo "fast: $(cat fast.out)"
	expect "bytes of fast" "$(value bytes fast.out)" -ge 19000000
	stop_udp46
}

root_case crowd "1,000 clients, of which 100 are slow: the 900 do not notice"
crowd_body()
{
	make_network
	start_pour
	start_udp46_default
	measure_quiet
	_port=20000
	while [ $_port -lt 20100 ]; do
		slow_class $((_port - 19998)) 1mbit match ip dst 192.0.2.20/32 \
		    match ip dport $_port 0xffff
		_port=$((_port + 1))
	done
	drink slow 192.0.2.20 12 -c 100 -p 20000 -n 6000000 -r 200000
	sleep 2
	check_others others -c 900 -n 5400 -r 900
	finish slow
	show_drops
	check_rate slow bytes 100000000 12
	stop_udp46
}

# vanish COUNT OPTION...: as many clients, each on an address of its own, that go in mid-stream.
vanish()
{
	_last=$((20 + $1))
	shift
	for _address in $(seq 21 $_last); do
		ip -n "$client" address replace "192.0.2.$_address/24" dev relay ||
		    fail "address 192.0.2.$_address"
		drink "gone_$_address" "192.0.2.$_address" 60 "$@"
	done
	sleep 1
	for _address in $(seq 21 $_last); do
		atf_check ip -n "$client" address delete "192.0.2.$_address/24" dev relay
	done
	atf_check ip -n "$relay" neighbour flush dev client
}

root_case vanished "A client vanishes in mid-stream: no other notices that it waits for a neighbour"
vanished_body()
{
	make_network
	start_pour
	start_udp46_default --socket-buffer-size 65536
	measure_quiet
	vanish 1 -n 60000000 -r 1000000
	check_others others -c 4 -n 4000 -r 500
	show_drops
	stop_udp46
}

root_case vanished_forty "The same with forty of them"
vanished_forty_body()
{
	make_network
	start_pour
	start_udp46_default --socket-buffer-size 65536
	measure_quiet
	vanish 40 -n 6000000 -r 30000 -d 1
	check_others others -c 20 -n 4000 -r 500 -s 1000
	show_drops
	stop_udp46
}

# Whose datagrams have passed can only be guessed there: see relay/share.h.
root_case mixed "Those that have vanished leave room for one whose path is slow"
mixed_body()
{
	make_network
	start_pour
	start_udp46_default --socket-buffer-size 262144
	measure_quiet
	slow_class 2 1mbit match ip dst 192.0.2.20/32
	vanish 9 -n 6000000 -r 100000 -d 1
	drink slow 192.0.2.20 10 -n 20000000 -r 1000000
	check_others others -c 4 -n 4000 -r 500
	finish slow
	show_drops
	check_rate slow bytes 500000 10
	stop_udp46
}

# While the supervisor is stopped, no more sockets come than there are: newcomers wait.
root_case newcomers "An address whose newcomers have a lot to say leaves room for others'"
newcomers_body()
{
	make_network
	start_pour
	start_udp46_default --metrics.enabled
	read_totals
	kill -STOP "$(cat udp46.pid)"
	spawn long "$client" "$helpers/latency" -b 192.0.2.11 -c 30 -n 12000 -r 20000 192.0.2.1 5000
	wait_for 30 is_full "$(total drops_session_unavailable)" || fail "there still is room"
	spawn other "$client" "$helpers/latency" -b 192.0.2.12 -c 5 -n 20 -r 1000 192.0.2.1 5000
	sleep 0.2
	kill -CONT "$(cat udp46.pid)"
	finish other
	finish long
	echo "long: $(cat long.out)"
	echo "other: $(cat other.out)"
	expect "lost of the other's" "$(value lost other.out)" -eq 0
	stop_udp46
}

# is_full DROPS: newcomers have lost more than that.
is_full()
{
	in_relay curl -sS --noproxy '*' http://127.0.0.1:9108/metrics |
	    awk '/^udp46_drops_total.*session_unavailable/ { n += $2 } END { exit !(n > '"$1"') }'
}
