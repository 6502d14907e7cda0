# The job that udp46 is for: phones that have only IPv4, a WireGuard server that has only IPv6.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/wireguard.subr"

# Flags of the daemon that a case wants.
tunnel_flags=

# The tunnels of two phones: $phone1 and $phone2 with 10.46.0.2 and .3; home is 10.46.0.1.
make_tunnels()
{
	need_tun
	make_network
	server=wgh$$ phone1=wga$$ phone2=wgb$$
	start_wireguard "$home" "$server" 10.46.0.1/24 51820
	# A handshake is 148 bytes up and 92 down: no limit is too low for it.
	# shellcheck disable=SC2086 # several words
	start_udp46 --listen 192.0.2.1:51820 --upstream '[2001:db8:1::2]:51820' \
	    --amplification-limit 1 --log-level debug $tunnel_flags
	add_phone "$phone1" 10.46.0.2 51821 192.0.2.1:51820
	add_phone "$phone2" 10.46.0.3 51822 192.0.2.1:51820
	# Two interfaces of one namespace share the tunnel's subnet; each phone pings from its own.
	for _phone in $phone1 $phone2; do
		wait_for 60 in_client ping -c 1 -W 2 -I "$_phone" 10.46.0.1 ||
		    fail "no ping through the tunnel of $_phone"
	done
	endpoints >endpoints.before
	cat endpoints.before
	expect "ports of the phones" \
	    "$(sed 's/.*://' endpoints.before | sort -u | wc -l)" -eq 2
	expect "address of the phones" "$(grep -c '2001:db8:1::1' endpoints.before)" -eq 2
}

root_case transfer "20 MB by TCP through the tunnel while the relay is killed; no port changes"
transfer_body()
{
	make_tunnels
	# Slow enough that the kill comes in the middle.
	atf_check tc -n "$relay" qdisc add dev home root tbf rate 100mbit burst 64k latency 50ms
	head -c 20971520 /dev/urandom >sent
	spawn server "$home" socat -u TCP4-LISTEN:9000,bind=10.46.0.1 CREATE:received
	wait_for 30 listens_tcp || fail "no server"
	spawn transfer "$client" socat -u OPEN:sent \
	    "TCP4:10.46.0.1:9000,so-bindtodevice=$phone1,bind=10.46.0.2"
	wait_for 120 received 5000000 || fail "the transfer does not begin"
	kill_relay KILL
	size=$(stat -c %s received)
	echo "killed when about $size bytes had come"
	finish transfer 200
	expect "exit status of the sender" "$status" -eq 0
	finish server 200
	atf_check cmp sent received
	expect "sum" "$(sha256sum <received)" = "$(sha256sum <sent)"
	expect "bytes when it was killed" "$size" -lt 20971520
	for _phone in $phone1 $phone2; do
		wait_for 60 in_client ping -c 1 -W 2 -I "$_phone" 10.46.0.1 ||
		    fail "no ping through the tunnel of $_phone"
	done
	endpoints >endpoints.after
	atf_check cmp endpoints.before endpoints.after
	expect "sessions" "$(log_count 'session created')" -eq 2
	stop_udp46
}
transfer_cleanup()
{
	clean_up_wireguard
}

# crosses BYTES: a packet of that size is answered through the first phone's tunnel, uncut.
crosses()
{
	in_client ping -c 1 -W "${2:-5}" -M "do" -s $(($1 - 28)) -I "$phone1" 10.46.0.1
}

tunnel_mtu()
{
	atf_check ip -n "$client" link set "$phone1" mtu "$1"
	atf_check ip -n "$home" link set "$server" mtu "$1"
}

# fits IPV4 IPV6 INSIDE: with links of so many bytes that is the largest MTU of the tunnel.
fits()
{
	atf_check ip -n "$relay" link set client mtu "$1"
	atf_check ip -n "$client" link set relay mtu "$1"
	atf_check ip -n "$relay" link set home mtu "$2"
	atf_check ip -n "$home" link set relay mtu "$2"
	tunnel_mtu "$3"
	wait_for 10 crosses "$3" || fail "$3 bytes do not fit links of $1 and $2"
	tunnel_mtu $(($3 + 1))
	! crosses $(($3 + 1)) 2 || fail "$(($3 + 1)) bytes fit links of $1 and $2"
	echo "IPv4 $1, IPv6 $2: the tunnel takes $3"
}

root_case mtu "The MTU of a tunnel is what the manual's table says of the links outside"
mtu_body()
{
	tunnel_flags="--fragment deny"
	make_tunnels
	sed -n 's/^\.It \([0-9]*\) Ta \([0-9]*\) Ta \([0-9]*\).*/\1 \2 \3/p' \
	    "$UDP46_SRCDIR/man/udp46-wireguard.7" >table
	expect "rows" "$(wc -l <table)" -ge 5
	while read -r _ipv4 _ipv6 _inside; do
		fits "$_ipv4" "$_ipv6" "$_inside"
	done <table
	stop_udp46
}
mtu_cleanup()
{
	clean_up_wireguard
}

root_case download "The other way round: 20 MB from home, the relay killed twice"
download_body()
{
	make_tunnels
	atf_check tc -n "$relay" qdisc add dev client root tbf rate 100mbit burst 64k latency 50ms
	head -c 20971520 /dev/urandom >sent
	spawn server "$home" socat -u OPEN:sent TCP4-LISTEN:9000,bind=10.46.0.1
	wait_for 30 listens_tcp || fail "no server"
	spawn transfer "$client" socat -u \
	    "TCP4:10.46.0.1:9000,so-bindtodevice=$phone2,bind=10.46.0.3" CREATE:received
	wait_for 120 received 4000000 || fail "the transfer does not begin"
	kill_relay KILL
	wait_for 120 received 10000000 || fail "the transfer does not go on"
	kill_relay KILL
	finish transfer 200
	expect "exit status of the receiver" "$status" -eq 0
	atf_check cmp sent received
	endpoints >endpoints.after
	atf_check cmp endpoints.before endpoints.after
}
download_cleanup()
{
	clean_up_wireguard
}
