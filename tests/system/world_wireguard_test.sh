# The world moves while a phone sends a file home, or fetches one, through a tunnel of WireGuard.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/wireguard.subr"
. "$(atf_get_srcdir)/world.subr"

size=8388608

# wireguard_case EVENT upload|download DESCRIPTION
wireguard_case()
{
	root_case "$1_$2" "$3"
	eval "$1_$2_body() { transfer_through $1 $2; }"
	eval "$1_$2_cleanup() { clean_up_wireguard; }"
}

# The tunnel of $phone, which has 10.46.0.2; home is 10.46.0.1.
make_tunnel()
{
	server=wgh$$ phone=wga$$
	start_wireguard "$home" "$server" 10.46.0.1/24 7000
	add_phone "$phone" 10.46.0.2 51821 192.0.2.1:5000
	wait_for 60 in_client ping -c 1 -W 2 10.46.0.1 || fail "no ping through the tunnel"
}

start_upload()
{
	spawn server "$home" socat -u TCP4-LISTEN:9000,bind=10.46.0.1 CREATE:received
	wait_for 30 listens_tcp || fail "no server"
	spawn transfer "$client" socat -u OPEN:sent TCP4:10.46.0.1:9000
}

start_download()
{
	spawn server "$home" socat -u OPEN:sent TCP4-LISTEN:9000,bind=10.46.0.1
	wait_for 30 listens_tcp || fail "no server"
	spawn transfer "$client" socat -u TCP4:10.46.0.1:9000 CREATE:received
}

# slow_down NAMESPACE INTERFACE
slow_down()
{
	atf_check tc -n "$1" qdisc add dev "$2" root tbf rate 20mbit burst 64k latency 50ms
}

# transfer_through EVENT upload|download
transfer_through()
{
	need_tun
	start_before "$1"
	make_tunnel
	endpoints >endpoints.before
	# Slow enough that it happens in the middle.
	slow_down "$client" relay
	slow_down "$relay" client
	head -c $size /dev/urandom >sent
	"start_$2"
	wait_for 120 received 1000000 || fail "the transfer does not begin"
	begin=$(date +%s%N) from=$(stat -c %s received)
	"happen_$1"
	to=$(stat -c %s received)
	finish transfer 120
	expect "exit status of the sender" "$status" -eq 0
	finish server 120
	echo "it happened while bytes $from to $to came; the rest took" \
	    "$((($(date +%s%N) - begin) / 1000000)) ms"
	expect "bytes when it had happened" "$to" -lt $size
	expect "sum" "$(sha256sum <received)" = "$(sha256sum <sent)"
	endpoints >endpoints.after
	cat endpoints.before endpoints.after
	expect "port of the phone" "$(sed 's/.*://' endpoints.after)" = \
	    "$(sed 's/.*://' endpoints.before)"
	expect "sessions" "$(log_count 'session created')" -eq 1
	stop_udp46
}

wireguard_case name upload "The upstream's name moves"
wireguard_case name download "The upstream's name moves while the phone fetches a file"
wireguard_case name_back upload "The upstream's name moves, and moves back"
wireguard_case dead upload "Of the name's two addresses the one in use dies"
wireguard_case source upload "The only source address ends when another has come"
wireguard_case preferred upload "Another source address is preferred"
wireguard_case route upload "The default route moves to a second interface, and the first ends"
wireguard_case cable upload "A cable is out for two seconds"
wireguard_case link upload "The interface goes down, with its addresses and routes, and up again"
wireguard_case interface upload "The interface of a link-local upstream is made again"
wireguard_case clock_back upload "The clock is set back by an hour, and the relay is killed"
wireguard_case clock_forward upload "The clock is set forward by an hour, and the relay is killed"
