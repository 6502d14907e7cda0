# Whatever the load is like, each datagram arrives once, in order, and as it was sent: the
# benchmark's own generator checks every one of them.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/common.subr"

# count MEMBER: of the generator's result.
count()
{
	jq ".$1" result
}

# carried WHAT OPTION...: this load, as fast as so many datagrams in flight allow.  So a slow
# machine carries less, and loses nothing for that.
carried()
{
	_what=$1
	shift
	_drops=$(backlog_drops)
	"$helpers/../bench/load" -t 1000 "$@" "/run/netns/$client" "/run/netns/$home" \
	    192.0.2.1 5000 7000 >result 2>load.err || fail "$_what: $(cat load.err)"
	_excuse=$(($(backlog_drops) - _drops))
	echo "$_what: $(jq -c '[.sent, .delivered, .lost, .duplicated, .reordered, .corrupt,
	    .moved]' result)"
	[ "$(count delivered)" -gt 1000 ] || fail "$_what: only $(count delivered) arrived"
	[ "$(count lost)" -le $_excuse ] || fail "$_what: $(count lost) lost"
	for _fault in unsent duplicated reordered corrupt moved; do
		[ "$(count $_fault)" -eq 0 ] || fail "$_what: $(count $_fault) $_fault"
	done
}

# Separate sends and trains at either end; sizes below, at and above what the path takes whole.
loads()
{
	carried "one flow up" -d up -b 16 -w 64
	carried "one flow down" -d down -b 16 -w 64
	carried "trains from clients" -T -d up -b 16 -w 64
	carried "trains from home" -T -d down -b 16 -w 64
	carried "trains, taken as such" -G -T -n 8 -d both -b 16 -w 64
	carried "small" -G -T -s 64 -d both -b 40 -w 160
	carried "as large as IPv6 takes" -G -T -s 1452 -d both -b 16 -w 64
	carried "larger" -G -T -s 1472 -d up -b 16 -w 64
	carried "larger, down" -G -s 1472 -d down -b 16 -w 64
	carried "100 flows in turn" -G -n 100 -i -d both -b 20 -w 100
	carried "2,000 flows in turn" -G -n 2000 -i -s 200 -d both -b 20 -w 100
	carried "echoes" -n 20 -i -d echo -b 20 -w 20
}

load_case()
{
	root_case "$1" "$2"
	eval "$1_head() { atf_set descr \"$2\"; atf_set require.user root; atf_set require.progs jq; }"
}

load_case one_relay "One relay, with trains"
one_relay_body()
{
	make_network
	start_udp46_default
	loads
	stop_udp46
}

load_case no_trains "One relay, datagram by datagram"
no_trains_body()
{
	make_network
	start_udp46_default --segment-offload off
	loads
	stop_udp46
}

load_case two_relays "Two relays"
two_relays_body()
{
	make_network
	start_udp46_default --workers 2
	loads
	stop_udp46
}

load_case rush "A rush of new clients: every first datagram arrives"
rush_body()
{
	make_network
	start_udp46_default --new-session-rate 0
	# Many more than the queue takes; with sanitizers, as many as pool and queue are sure to.
	_ms=300
	! is_sanitized || _ms=40
	_drops=$(backlog_drops)
	"$helpers/../bench/load" -t $_ms -F 30000 "/run/netns/$client" "/run/netns/$home" \
	    192.0.2.1 5000 7000 >result 2>load.err || fail "$(cat load.err)"
	_excuse=$(($(backlog_drops) - _drops))
	echo "clients: $(count forged_sent), heard at home: $(count forged_seen)"
	expect "clients" "$(count forged_sent)" -gt $((_ms * 15))
	expect "lost" $(($(count forged_sent) - $(count forged_seen))) -le $_excuse
	expect "twice" "$(count forged_repeated)" -eq 0
	stop_udp46
}
