# Paths that take less than the interface does, towards clients and towards the upstream.

. "$(atf_get_srcdir)/http.subr"

# Around what a link of 1300 bytes takes whole, and what one of 1500 does.
SIZES=100,1272,1273,1400,1472,1473

# nft_case NAME DESCRIPTION: a root_case that filters or counts.
nft_case()
{
	root_case "$1" "$2"
	eval "$1_head() { atf_set descr \"$2\"; atf_set require.user root; atf_set require.progs nft; }"
}

no_dad()
{
	atf_check nsenter --net="/run/netns/$1" -- sysctl -q -w "net.ipv6.conf.$2.accept_dad=0"
}

# add_far NEAR MTU: the namespace $far, behind NEAR, on a link of that MTU.
add_far()
{
	far=udp46-$$-far
	echo "$far" >>namespaces
	atf_check ip netns add "$far"
	atf_check ip -n "$1" link add far type veth peer name router netns "$far"
	# A router whose own address is tentative asks nobody for a neighbor.
	no_dad "$1" far
	no_dad "$far" router
	atf_check ip -n "$1" link set far mtu "$2" up
	atf_check ip -n "$far" link set router mtu "$2" up
}

# make_far MTU: a client behind a router, on a link of that MTU; the router is $client.
make_far()
{
	make_network
	add_far "$client" "$1"
	atf_check ip -n "$client" address add 198.18.0.1/30 dev far
	atf_check ip -n "$far" address add 198.18.0.2/30 dev router
	atf_check ip -n "$far" route add default via 198.18.0.1
	atf_check ip -n "$relay" route add 198.18.0.0/30 via 192.0.2.10
	atf_check -o ignore nsenter --net="/run/netns/$client" -- sysctl -w net.ipv4.ip_forward=1
}

# far_ok NAME OPTION...: as client_ok, from there.
far_ok()
{
	_near=$client client=$far
	client_ok "$@"
	client=$_near
}

nft_case filtered "Replies reach a client behind a narrow link whose router's ICMP is filtered"
filtered_body()
{
	make_far 1300
	in_client nft -f - <<-END || fail "nft"
	table ip filter {
		chain output {
			type filter hook output priority 0
			icmp type destination-unreachable drop
		}
	}
	END
	start_echo 7000
	start_udp46_default
	far_ok alone -n 24 -s $SIZES 192.0.2.1 5000
	# The same in trains, whose datagrams are cut one by one.
	far_ok streamed -n 600 -r 20000 -s 1400 192.0.2.1 5000
	stop_udp46
}

# Datagrams in pieces that have come to the far client.
fragments()
{
	nsenter --net="/run/netns/$far" -- nft list counter ip watch fragments |
	    sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}

nft_case believed "What ICMP says of a path makes no fragments of what it takes whole"
believed_body()
{
	make_far 600
	nsenter --net="/run/netns/$far" -- nft -f - <<-END || fail "nft"
	table ip watch {
		counter fragments { }
		chain before {
			type filter hook prerouting priority -450
			ip frag-off & 0x3fff != 0 counter name fragments
		}
	}
	END
	start_echo 7000
	start_udp46_default
	# An error that is true when it is sent, and forged when it is used.
	in_relay ping -c 1 -W 1 -M "do" -s 1000 198.18.0.2
	ip -n "$relay" route get 198.18.0.2 >way
	cat way
	grep -q "mtu 600" way || fail "the kernel has not learnt of the narrow link"
	atf_check ip -n "$client" link set far mtu 1500
	atf_check ip -n "$far" link set router mtu 1500
	far_ok whole -n 20 -s 1400 192.0.2.1 5000
	expect "fragments" "$(fragments)" -eq 0
	# And what does not fit any more is cut.
	far_ok cut -n 5 -s 2000 192.0.2.1 5000
	expect "fragments" "$(fragments)" -gt 0
	stop_udp46
}

# Links that take less than what is sent: client and upstream cut that into pieces.
make_narrow()
{
	make_network
	atf_check ip -n "$relay" link set home mtu 1400
	atf_check ip -n "$home" link set relay mtu 1400
	atf_check ip -n "$relay" link set client mtu 1300
	atf_check ip -n "$client" link set relay mtu 1300
	start_echo 7000
}

root_case allowed "Datagrams larger than the relay's links pass in pieces"
allowed_body()
{
	make_narrow
	start_udp46_default --fragment allow
	client_ok pieces -n 24 -s $SIZES,1353,9000,65507 192.0.2.1 5000
	stop_udp46
}

# sent_of SIZE NAME: one datagram of that size, whether or not it is answered.
sent_of()
{
	run_client "$2" -b 192.0.2.10:6000 -n 1 -s "$1" -w 1 192.0.2.1 5000
}

root_case denied "What is denied is dropped, counted, and said once a session"
denied_body()
{
	make_narrow
	start_udp46_default --fragment deny "$@"
	client_ok whole -b 192.0.2.10:6000 -n 4 -s 100,1272 192.0.2.1 5000
	# 1352 bytes fit the way up, and are then too many down.
	sent_of 1352 down
	sent_of 1352 down
	wait_total drops_client_write_error -eq 2
	sent_of 1353 up
	sent_of 9000 up
	wait_total drops_upstream_write_error -eq 2
	client_ok again -b 192.0.2.10:6000 -n 4 -s 100,1272 192.0.2.1 5000
	expect "sessions told of" "$(log_count 'datagram too large for the path')" -eq 1
	expect "direction" \
	    "$(log_values 'datagram too large for the path' direction)" = upstream_to_client
	# Another session is told of, too.
	run_client other -b 192.0.2.11:6000 -n 1 -s 9000 -w 1 192.0.2.1 5000
	wait_total drops_upstream_write_error -eq 3
	expect "sessions told of" "$(log_count 'datagram too large for the path')" -eq 2
	stop_udp46
}

root_case denied_plain "The same without trains"
denied_plain_body()
{
	denied_body --segment-offload off
}

root_case denied_trains "A train of datagrams that are denied is counted datagram by datagram"
denied_trains_body()
{
	make_narrow
	start_udp46_default --fragment deny
	run_client trains -n 500 -r 20000 -s 1400 192.0.2.1 5000
	wait_total drops_upstream_write_error -eq $((500 - $(backlog_drops)))
	client_ok whole -n 500 -r 5000 -s 1272 192.0.2.1 5000
	stop_udp46
}

path_mtu_is()
{
	get /metrics metrics
	_path_mtu=$(sample metrics udp46_upstream_path_mtu_bytes)
	[ "$_path_mtu" -eq "$1" ]
}

# told_mtu BYTES WHEN
told_mtu()
{
	wait_for 30 path_mtu_is "$1" || fail "$2: the path MTU is $(one_line metrics)"
	echo "$2: $1"
}

http_case learnt "What a router says of the way to the upstream counts, and is shown"
learnt_body()
{
	make_network
	add_far "$home" 1300
	atf_check ip -n "$home" address add 2001:db8:3::1/64 dev far nodad
	atf_check ip -n "$far" address add 2001:db8:3::2/64 dev router nodad
	atf_check ip -n "$far" route add default via 2001:db8:3::1
	atf_check ip -n "$relay" route add 2001:db8:3::/64 via 2001:db8:1::2
	atf_check -o ignore nsenter --net="/run/netns/$home" -- \
	    sysctl -w net.ipv6.conf.all.forwarding=1
	_near=$home home=$far
	start_echo 7000
	home=$_near
	start_udp46 --listen 192.0.2.1:5000 --upstream '[2001:db8:3::2]:7000' --metrics.enabled
	client_ok small -n 5 192.0.2.1 5000
	told_mtu 1500 "before anything large was sent"
	# The first one is lost to learn it.
	run_client first -b 192.0.2.10:6000 -n 1 -s 1400 -w 1000 192.0.2.1 5000
	client_ok large -b 192.0.2.10:6000 -n 5 -s 1253,1400,1472,9000 192.0.2.1 5000
	told_mtu 1300 "after a router said so"
	# A route says so at once.
	atf_check ip -n "$relay" route change 2001:db8:3::/64 via 2001:db8:1::2 mtu 1290
	told_mtu 1290 "after the route changed"
	stop_udp46
}
