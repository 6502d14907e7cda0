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
