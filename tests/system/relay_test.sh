# What happens to datagrams: DESIGN, "The relay's loop".

. "$(atf_get_srcdir)/common.subr"

root_case echo_both_ways "Datagrams go up and their echoes come back"
echo_both_ways_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok lockstep -n 100 192.0.2.1 5000
	client_ok stream -n 2000 -r 2000 -s 1200 192.0.2.1 5000
	read_totals
	expect "datagrams up" "$(total client_to_upstream_datagrams)" -eq 2100
	expect "datagrams down" "$(total upstream_to_client_datagrams)" -eq 2100
	expect "bytes up" "$(total client_to_upstream_bytes)" -eq $((100 * 64 + 2000 * 1200))
	expect "bytes down" "$(total upstream_to_client_bytes)" -eq $((100 * 64 + 2000 * 1200))
	stop_udp46
}

root_case two_clients_two_ports "Each client has an upstream port of its own and keeps it"
two_clients_two_ports_body()
{
	make_network
	start_echo 7000
	start_udp46_default --log-level debug
	for _round in 1 2 3; do
		client_ok one -b 192.0.2.10:6000 192.0.2.1 5000
		client_ok two -b 192.0.2.11:6000 192.0.2.1 5000
		client_ok three -b 192.0.2.10:6001 192.0.2.1 5000
	done
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 3
	expect "sessions" "$(log_count 'session created')" -eq 3
	log_values 'session created' upstream_local_port | sort >logged
	upstream_ports | sort >seen
	atf_check cmp logged seen
}

root_case boundaries "Boundaries are kept, those of empty datagrams included"
boundaries_body()
{
	make_network
	start_echo -v 7000
	start_udp46_default
	client_ok mixed -n 60 -s 0,1,7,8,1400,0,0,1472,1473,9000 192.0.2.1 5000
	client_ok stream -n 1500 -r 1500 -s 100,1200,33,1472,8 192.0.2.1 5000
	expect "empty datagrams upstream" "$(awk '$4 == 0' echo.out | wc -l)" -eq 18
}

root_case large "The largest datagrams of IPv4 pass, fragmented and whole"
large_body()
{
	make_network
	start_echo -v 7000
	start_udp46_default
	client_ok large -n 20 -s 65507,40000,65507,1500 192.0.2.1 5000
	expect "largest upstream" "$(awk '$4 == 65507' echo.out | wc -l)" -eq 10
	read_totals
	expect "dropped as too large" "$(total drops_oversize)" -eq 0
}

root_case oversize "A datagram above --read-buffer-size is dropped and counted, not cut"
oversize_body()
{
	make_network
	start_echo -v 7000
	start_udp46_default --read-buffer-size 1000
	client_ok fits -n 4 -s 1000,999 192.0.2.1 5000
	run_client exceeds -n 3 -s 1001,5000 -w 300 192.0.2.1 5000
	expect "echoes of what is too large" "$(value received exceeds.out)" -eq 0
	wait_total drops_oversize -eq 3
	client_ok after -n 4 -s 1000 192.0.2.1 5000
	expect "datagrams upstream" "$(grep -c ^datagram echo.out)" -eq 8
}

root_case oversize_reply "A reply above --read-buffer-size is dropped and counted as well"
oversize_reply_body()
{
	make_network
	# The upstream answers each byte string with a longer one.
	spawn upstream "$home" socat UDP6-RECVFROM:7000,fork \
	    'SYSTEM:cat; head -c 1200 /dev/zero',pipes
	start_udp46_default --read-buffer-size 1000
	in_client sh -c 'echo x | socat -t 1 - UDP4:192.0.2.1:5000' >reply.out
	wait_total drops_oversize -ge 1
	expect "bytes of a reply that were let through" "$(wc -c <reply.out)" -lt 1000
}

root_case order "Order is kept within a session while others are busy"
order_body()
{
	make_network
	drops=$(backlog_drops)
	start_echo 7000
	start_udp46_default
	for _client in 10 11 12 13; do
		spawn client$_client "$client" "$helpers/client" -b 192.0.2.$_client -n 3000 \
		    -r 1500 -s 1300,60,700 192.0.2.1 5000
	done
	for _client in 10 11 12 13; do
		finish client$_client
		check_echoes client$_client "$drops"
	done
}

root_case multi_homed "On 0.0.0.0 a reply leaves from the address that was written to"
multi_homed_body()
{
	make_network
	start_echo 7000
	start_udp46 --log-level debug --listen 0.0.0.0:5000 --upstream '[2001:db8:1::2]:7000'
	client_ok one -b 192.0.2.10:6000 -n 3 192.0.2.1 5000
	expect "source" "$(value from one.out)" = 192.0.2.1:5000
	client_ok two -b 192.0.2.10:6001 -n 3 198.51.100.1 5000
	expect "source" "$(value from two.out)" = 198.51.100.1:5000
	# The same client, the other address: what it wrote to last counts.
	client_ok moved -b 192.0.2.10:6000 -n 3 198.51.100.1 5000
	expect "source" "$(value from moved.out)" = 198.51.100.1:5000
	expect "sessions" "$(log_count 'session created')" -eq 2
}

root_case tos "The TOS byte, DSCP and ECN, is carried across both ways"
tos_body()
{
	make_network
	start_echo -v -t reflect 7000
	start_udp46 --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000'
	client_ok plain -n 5 192.0.2.1 5000
	expect "TOS of replies" "$(value tos plain.out)" = 0x00
	# Expedited forwarding, ECT(0); CS1, CE; each alone; all bits.
	for tos in 0xba 0x23 0x02 0x88 0xff; do
		client_ok tos_$tos -b 192.0.2.10:6000 -n 5 -t $((tos)) 192.0.2.1 5000
		expect "datagrams with $tos upstream" "$(grep -c " $tos\$" echo.out)" -eq 5
		expect "TOS of replies" "$(value tos tos_$tos.out)" = $tos
	done
}

root_case tos_reply "The TOS byte of a reply is the upstream's, not the client's"
tos_reply_body()
{
	make_network
	start_echo -v -t 46 7000
	start_udp46_default
	client_ok marked -n 5 -t 16 192.0.2.1 5000
	expect "TOS of replies" "$(value tos marked.out)" = 0x2e
	expect "TOS upstream" "$(grep -c ' 0x10$' echo.out)" -eq 5
}

root_case icmp_error "A closed upstream port is survived: same session, same port"
icmp_error_body()
{
	make_network
	start_udp46_default --log-level debug
	run_client refused -b 192.0.2.10:6000 -n 10 -w 100 192.0.2.1 5000
	expect "echoes of a closed port" "$(value received refused.out)" -eq 0
	start_echo 7000
	# The error that is still pending must not cost the first of these.
	client_ok open -b 192.0.2.10:6000 -n 10 192.0.2.1 5000
	expect "sessions" "$(log_count 'session created')" -eq 1
	expect "port" "$(upstream_ports)" = "$(log_values 'session created' upstream_local_port)"
	read_totals
	expect "errors counted" \
	    $(($(total errors_upstream_read) + $(total errors_upstream_write))) -gt 0
	expect "closed sessions" "$(log_count 'session closed')" -eq 0
}

root_case stranger "Nobody but the upstream reaches a client"
stranger_body()
{
	make_network
	atf_check ip -n "$home" address add 2001:db8:1::3/64 dev relay nodad
	start_echo -b 2001:db8:1::2 7000
	start_udp46_default
	client_ok before -b 192.0.2.10:6000 192.0.2.1 5000
	port=$(upstream_ports)
	spawn listening "$client" timeout 3 socat -u UDP4-RECV:6000 -
	wait_for 10 listens "$client" 6000 || fail "the client's port is not open"
	in_home sh -c "echo stranger | socat - 'UDP6:[2001:db8:1::1]:$port,bind=[2001:db8:1::3]:7000'"
	in_home sh -c "echo stranger | socat - 'UDP6:[2001:db8:1::1]:$port,bind=[2001:db8:1::2]:7777'"
	finish listening
	expect "bytes from a stranger" "$(wc -c <listening.out)" -eq 0
	client_ok after -b 192.0.2.10:6000 192.0.2.1 5000
}

listens()
{
	ip netns exec "$1" ss -Huln "sport = :$2" | grep -q .
}

root_case listeners "Several listeners keep their sessions apart"
listeners_body()
{
	make_network
	start_echo 7000
	start_udp46 --log-level debug --listen 192.0.2.1:5000 --listen 192.0.2.1:5001 --listen=198.51.100.1:5000 \
	    --upstream '[2001:db8:1::2]:7000'
	client_ok one -b 192.0.2.10:6000 -n 3 192.0.2.1 5000
	client_ok two -b 192.0.2.10:6000 -n 3 192.0.2.1 5001
	client_ok three -b 192.0.2.10:6000 -n 3 198.51.100.1 5000
	expect "source" "$(value from two.out)" = 192.0.2.1:5001
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 3
	log_values 'listener started' listener >listeners
	printf '%s\n' 192.0.2.1:5000 192.0.2.1:5001 198.51.100.1:5000 >expected
	atf_check cmp expected listeners
	log_values 'session created' listener >listeners
	atf_check cmp expected listeners
}

root_case free_port "Port 0 takes a free port and logs it"
free_port_body()
{
	make_network
	start_echo 7000
	start_udp46 --listen 192.0.2.1:0 --upstream '[2001:db8:1::2]:7000'
	port=$(log_values 'listener started' listener | sed 's/.*://')
	expect "port" "$port" -gt 0
	client_ok free -n 3 192.0.2.1 "$port"
}

root_case link_local "A link-local upstream, with its interface"
link_local_body()
{
	make_network
	atf_check ip -n "$home" address add fe80::46/64 dev relay nodad
	atf_check ip -n "$relay" address add fe80::64/64 dev home nodad
	start_echo -b :: 7000
	start_udp46 --listen 192.0.2.1:5000 --upstream '[fe80::46%home]:7000' \
	    --upstream-source fe80::64%home
	client_ok near -n 10 192.0.2.1 5000
	expect "address" "$(sed -n 's/^peer \([^ ]*\) .*/\1/p' echo.out)" = fe80::64
}

root_case upstream_source "--upstream-source and --upstream-ports choose what the upstream sees"
upstream_source_body()
{
	make_network
	atf_check ip -n "$relay" address add 2001:db8:1::9/64 dev home nodad
	start_echo 7000
	start_udp46_default --upstream-source 2001:db8:1::9 --upstream-ports 42000-42099
	client_ok chosen -n 3 192.0.2.1 5000
	expect "address" "$(sed -n 's/^peer \([^ ]*\) .*/\1/p' echo.out)" = 2001:db8:1::9
	expect "port" "$(upstream_ports)" -ge 42000
	expect "port" "$(upstream_ports)" -le 42099
}

root_case system_ports "Without --upstream-ports the system's range and its reservations hold"
system_ports_body()
{
	make_network
	in_relay sh -c 'echo 43000 43019 >/proc/sys/net/ipv4/ip_local_port_range &&
	    echo 43000-43009 >/proc/sys/net/ipv4/ip_local_reserved_ports' ||
	    atf_skip "the namespace has no port range of its own"
	start_echo 7000
	start_udp46_default
	start_many -n 10 192.0.2.1 5000
	many_round
	expect "served" "$(value answered many.out)" -eq 10
	upstream_ports | sort -n >seen
	expect "lowest port" "$(head -n 1 seen)" -eq 43010
	expect "highest port" "$(tail -n 1 seen)" -eq 43019
}

# A slow link home: a megabit a second, behind which a socket's send buffer soon is full.
root_case would_block "A session whose sends would block delays no other and is cut off in time"
would_block_body()
{
	make_network
	start_echo -v 7000
	atf_check tc -n "$relay" qdisc add dev home root tbf rate 1mbit burst 3000 limit 1000000
	start_udp46_default --socket-buffer-size 131072 --write-timeout 500ms
	spawn greedy "$client" "$helpers/client" -b 192.0.2.10 -n 800 -r 400 -s 1200 \
	    -w 3000 192.0.2.1 5000
	client_ok modest -b 192.0.2.11 -n 10 -s 100 -w 10000 192.0.2.1 5000
	finish greedy
	cat greedy.out
	read_totals
	expect "dropped after --write-timeout" "$(total drops_write_timeout)" -gt 0
	expect "got through" "$(value received greedy.out)" -gt 20
	expect "counted as relayed" "$(total client_to_upstream_datagrams)" -eq \
	    "$(grep -c ^datagram echo.out)"
	# The kernel may lose more, before the relay could read it.
	expect "counted as dropped" \
	    $(($(total drops_write_timeout) + $(total drops_queue_full))) -le \
	    "$(value lost greedy.out)"
	expect "duplicated" "$(value duplicated greedy.out)" -eq 0
	expect "reordered" "$(value reordered greedy.out)" -eq 0
	expect "corrupt" "$(value corrupt greedy.out)" -eq 0
	# Afterwards the session works as before.
	atf_check tc -n "$relay" qdisc delete dev home root
	client_ok after -n 20 192.0.2.1 5000
}

root_case would_block_waits "What would block is kept until the link can take it"
would_block_waits_body()
{
	make_network
	start_echo 7000
	atf_check tc -n "$relay" qdisc add dev home root tbf rate 2mbit burst 3000 limit 1000000
	start_udp46_default --socket-buffer-size 131072 --write-timeout 60s
	# At once: more than the session's socket holds, less than the listener does, and the queue.
	client_ok burst -n 90 -r 20000 -s 1200 -w 10000 192.0.2.1 5000
}

root_case would_block_newcomers "Sessions whose sends would block leave room for those that wait for a socket"
would_block_newcomers_body()
{
	make_network
	start_echo 7000
	atf_check tc -n "$relay" qdisc add dev home root tbf rate 8kbit burst 3000 limit 10000000
	# What the slow link is not asked for: who lives behind it.
	_ether=$(ip -n "$home" -brief link show dev relay | awk '{ print $3 }')
	atf_check ip -n "$relay" neigh replace 2001:db8:1::2 dev home lladdr "$_ether" nud permanent
	start_udp46_default --socket-buffer-size 131072 --write-timeout 60s
	for _client in 10 11 12 13 14 15 16 17; do
		spawn "slow$_client" "$client" "$helpers/client" -b "192.0.2.$_client" \
		    -n 300 -r 300 -s 1200 -w 100 192.0.2.1 5000
	done
	for _client in 10 11 12 13 14 15 16 17; do
		finish "slow$_client"
	done
	# Each has sent more than its socket and its queue take.
	wait_total drops_queue_full -ge 400
	expect "sends that failed" "$(total drops_upstream_write_error)" -eq 0
	# More than there are free sockets; the listener may not hold all of them.
	start_many -n 1000 -r 1000000 -w 1000 192.0.2.1 5000
	many_round
	wait_total sessions_created -gt 264
	expect "turned away" "$(total drops_session_unavailable)" -eq 0
	stop_udp46
}

# More listeners than poll(2) is given one by one, beside port 5000.
listen_many=$(for _port in $(seq 5001 5020); do echo "--listen 192.0.2.1:$_port"; done)

root_case many_listeners "Each of many listeners is served, also by the relay's successor"
many_listeners_body()
{
	make_network
	start_echo 7000
	start_udp46_default $listen_many
	for _port in $(seq 5000 5020); do
		client_ok before -n 2 192.0.2.1 "$_port"
	done
	kill_relay KILL
	for _port in $(seq 5000 5020); do
		client_ok after -n 2 192.0.2.1 "$_port"
	done
	stop_udp46
}

check_would_block_down()
{
	make_network
	start_echo 7000
	atf_check tc -n "$relay" qdisc add dev client root tbf rate 1mbit burst 3000 limit 1000000
	start_udp46_default --socket-buffer-size 131072 --write-timeout 500ms "$@"
	run_client greedy -n 800 -r 400 -s 1200 -w 3000 192.0.2.1 5000
	read_totals
	expect "dropped after --write-timeout" "$(total drops_write_timeout)" -gt 0
	expect "got through" "$(value received greedy.out)" -gt 20
	expect "counted as relayed" "$(total upstream_to_client_datagrams)" -eq \
	    "$(value received greedy.out)"
	expect "counted as dropped" \
	    $(($(total drops_write_timeout) + $(total drops_queue_full))) -le \
	    "$(value lost greedy.out)"
	expect "duplicated" "$(value duplicated greedy.out)" -eq 0
	expect "reordered" "$(value reordered greedy.out)" -eq 0
	expect "corrupt" "$(value corrupt greedy.out)" -eq 0
	atf_check tc -n "$relay" qdisc delete dev client root
	client_ok after -n 20 192.0.2.1 5000
}

root_case would_block_down "Towards clients, too, what cannot be sent in time is dropped and counted"
would_block_down_body()
{
	check_would_block_down
}

root_case would_block_down_many "So it is with many listeners"
would_block_down_many_body()
{
	check_would_block_down $listen_many
}

root_case no_route "No route at start: it runs, says so, and works when the route comes"
no_route_body()
{
	make_network
	atf_check ip -n "$relay" address delete 2001:db8:1::1/64 dev home
	start_udp46_default
	wait_log 'upstream unreachable'
	run_client early -b 192.0.2.10:6000 -n 3 -w 200 192.0.2.1 5000
	expect "echoes without a route" "$(value received early.out)" -eq 0
	wait_total drops_upstream_unreachable -ge 3
	start_echo 7000
	atf_check ip -n "$relay" address add 2001:db8:1::1/64 dev home nodad
	wait_log 'upstream reachable'
	client_ok late -b 192.0.2.10:6000 -n 10 192.0.2.1 5000
	stop_udp46
}

# A look-up sees only these files, and no network to ask.
root_case by_name "The upstream by name"
by_name_body()
{
	make_network
	start_echo 7000
	private_names
	wrapper="unshare --mount sh $PWD/private" start_udp46 --listen 192.0.2.1:5000 \
	    --upstream home.example.net:7000
	expect "logged name" "$(log_values 'upstream resolved' upstream)" = home.example.net:7000
	case $(log_values 'upstream resolved' address) in
	*2001:db8:1::2*) ;;
	*) fail "the log does not name the address: $(log_values 'upstream resolved' address)" ;;
	esac
	client_ok named -n 5 192.0.2.1 5000
	# The resolver is gone.
	expect "children" "$(children "$(cat udp46.pid)" | wc -w)" -eq 1
}

private_names()
{
	echo '2001:db8:1::2 home.example.net' >hosts
	echo '192.0.2.77 legacy.example.net' >>hosts
	echo 'hosts: files dns' >nsswitch.conf
	echo 'nameserver 127.0.0.1' >resolv.conf
	cat >private <<-'END'
		for file in hosts nsswitch.conf resolv.conf; do
			mount --bind "$file" "$(readlink -f "/etc/$file")" || exit 70
		done
		exec "$@"
	END
}

root_case without_aaaa "A name without an AAAA record, or without any, ends the start with 1"
without_aaaa_body()
{
	make_network
	private_names
	# Nobody is asked who might answer later.
	echo 'hosts: files' >nsswitch.conf
	mkdir -m 755 empty
	for name in legacy.example.net none.example.net; do
		atf_check -s exit:1 -o save:out -e save:err timeout 60 \
		    nsenter --net="/run/netns/$relay" -- unshare --mount \
		    sh "$PWD/private" "$udp46" --user nobody \
		    --chroot "$PWD/empty" --listen 192.0.2.1:5000 --upstream $name:7000
		cat err
		grep -q -e '--upstream' err || fail "the error does not name the flag"
		grep -q $name err || fail "the error does not name the value"
	done
	atf_check -s exit:1 -o ignore -e match:AAAA timeout 60 unshare --mount \
	    sh "$PWD/private" "$udp46" --check --user nobody \
	    --listen 192.0.2.1:5000 --upstream legacy.example.net:7000
}
