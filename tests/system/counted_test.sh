# Every datagram that comes in is forwarded, or stands under exactly one reason: the kernel's
# part of it, too.

. "$(atf_get_srcdir)/http.subr"

# Buffers that a burst overflows: 128 KiB each.
BUFFERS="--socket-buffer-size 262144"
BURST=3000

# counted NAME DIRECTION: datagrams forwarded in that direction, and dropped by the kernel.
counted()
{
	get /metrics "$1.metrics"
	_forwarded=$(sample "$1.metrics" udp46_datagrams_total "direction=\"$2\"")
	_dropped=$(sample "$1.metrics" udp46_receive_queue_drops_total "direction=\"$2\"")
	_other=$(sample "$1.metrics" udp46_drops_total "direction=\"$2\"")
	_sum=$((_forwarded + _dropped + _other))
}

# adds_up NAME DIRECTION SENT: so many, soon; none is lost unseen.
adds_up()
{
	if ! wait_for 20 is_sum "$@"; then
		counted "$1" "$2"
		fail "$1: of $3 datagrams $_forwarded and $_dropped and $_other"
	fi
	counted "$1" "$2"
	echo "$1: $3 sent, $_forwarded forwarded, $_dropped found a full buffer, $_other dropped"
	expect "dropped by the kernel" "$_dropped" -gt 0
}
is_sum()
{
	counted "$1" "$2"
	# What one of our interfaces lost never came in.
	[ $((_sum + $(backlog_drops))) -eq "$3" ]
}

# begin: a session; sets $port, the relay's at home, and $relay_pid.
begin()
{
	make_network
	start_echo 7000
	# shellcheck disable=SC2086 # several words
	start_metrics $BUFFERS
	client_ok first -b 192.0.2.10:6000 -n 1 192.0.2.1 5000
	port=$(upstream_ports)
	find_relay
	kill "$(cat echo.pid)"
	finish echo
}

# burst DATAGRAMS: from the upstream to the session.
burst()
{
	dd if=/dev/zero bs=1000 "count=$1" status=none | in_home socat -b 1000 -u - \
	    "UDP6-SENDTO:[2001:db8:1::1]:$port,bind=[2001:db8:1::2]:7000" ||
	    fail "the upstream cannot send"
}

http_case upstream_burst "What a session's socket cannot hold while the relay is away is counted"
upstream_burst_body()
{
	begin
	kill -STOP "$relay_pid"
	burst $BURST
	kill -CONT "$relay_pid"
	# And that although no other datagram comes after it.
	adds_up one upstream_to_client $((BURST + 1))
	# The next burst is counted from where the first one ended.
	kill -STOP "$relay_pid"
	burst $BURST
	kill -CONT "$relay_pid"
	adds_up two upstream_to_client $((2 * BURST + 1))
	stop_udp46
}

http_case crash_between "The count goes on where the relay's predecessor was, once"
crash_between_body()
{
	begin
	kill -STOP "$relay_pid"
	burst $BURST
	kill -CONT "$relay_pid"
	adds_up before upstream_to_client $((BURST + 1))
	kill -STOP "$relay_pid"
	burst $BURST
	kill_relay KILL
	wait_for 30 is_healthy || fail "the relay's successor does not answer"
	adds_up after upstream_to_client $((2 * BURST + 1))
	stop_udp46
}

http_case client_burst "The same of a listener"
client_burst_body()
{
	begin
	kill -STOP "$relay_pid"
	dd if=/dev/zero bs=1000 count=$BURST status=none | in_client socat -b 1000 -u - \
	    UDP4-SENDTO:192.0.2.1:5000,bind=192.0.2.10:6000 || fail "the client cannot send"
	kill -CONT "$relay_pid"
	adds_up one client_to_upstream $((BURST + 1))
	stop_udp46
}

# ---- our own reasons ----

# stands NAME REASON SENT: what came in is forwarded, or stands under a reason, this one among them.
stands()
{
	wait_for 20 is_sum "$1" client_to_upstream "$3" || {
		counted "$1" client_to_upstream
		fail "$1: of $3 datagrams $_forwarded and $_dropped and $_other"
	}
	get /metrics metrics
	echo "$1: $3 sent, $(sample metrics udp46_datagrams_total \
	    'direction="client_to_upstream"') forwarded, $2" \
	    "$(sample metrics udp46_drops_total "reason=\"$2\"" 'direction="client_to_upstream"')"
	expect "$2" "$(sample metrics udp46_drops_total "reason=\"$2\"" \
	    'direction="client_to_upstream"')" -gt 0
}

# crowd_stands NAME REASON FLAG...: 100 clients with a datagram each.
crowd_stands()
{
	_name=$1 _reason=$2
	shift 2
	make_network
	start_echo 7000
	start_metrics "$@"
	start_many -n 100 192.0.2.1 5000
	many_round
	exec 3>&-
	stands "$_name" "$_reason" 100
	stop_udp46
}

http_case rate_limited "Clients that come too fast are accounted for"
rate_limited_body()
{
	crowd_stands rate rate_limited --new-session-rate 10
}

http_case unavailable "Clients for whom there is no session are accounted for"
unavailable_body()
{
	crowd_stands table session_unavailable --max-sessions 30
}

http_case address_limit "Clients beyond the limit of their address are accounted for"
address_limit_body()
{
	crowd_stands address address_limit --max-sessions-per-address 2
}

http_case denied "Clients who may not have a session are accounted for"
denied_body()
{
	crowd_stands source source_denied --deny 192.0.2.0/24
}

http_case unreachable "Clients are accounted for while there is no route"
unreachable_body()
{
	make_network
	start_echo 7000
	start_metrics
	atf_check ip -n "$relay" -6 route add unreachable 2001:db8:1::2/128
	wait_log 'upstream unreachable'
	run_client none -n 50 -r 1000 192.0.2.1 5000
	stands route upstream_unreachable 50
	stop_udp46
}

# sizes_stand NAME REASON FLAG...: one client, whose datagrams are small, middling and large.
sizes_stand()
{
	_name=$1 _reason=$2
	shift 2
	make_network
	start_echo 7000
	start_metrics "$@"
	run_client sizes -n 300 -r 1000 -s 0,64,1400,1472,9000 192.0.2.1 5000
	stands "$_name" "$_reason" 300
	stop_udp46
}

http_case oversize "Datagrams that are too large are accounted for"
oversize_body()
{
	sizes_stand large oversize --read-buffer-size 1400
}

http_case whole "Datagrams that may not be cut are accounted for"
whole_body()
{
	sizes_stand whole upstream_write_error --fragment deny
}

http_case slow_home "What the way to the upstream does not take in time is accounted for"
slow_home_body()
{
	make_network
	start_echo 7000
	start_metrics --write-timeout 100ms --socket-buffer-size 16384
	# A queue that is long enough: what waits for it is ours.
	atf_check tc -n "$relay" qdisc add dev home root tbf rate 1mbit burst 4k limit 10mb
	run_client slow -n 2000 -r 2000 -s 1000 192.0.2.1 5000
	stands slow write_timeout 2000
	stop_udp46
}
