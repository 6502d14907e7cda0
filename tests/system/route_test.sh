# The relay's own addresses and routes change: DESIGN, "What routing says is true until it changes".

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/route.subr"

root_case address_ends "The source address ends and another is there: sessions go on from it"
address_ends_body()
{
	make_network
	start_echo 7000
	start_sessions
	served_from 2001:db8:1::1
	atf_check ip -n "$relay" address add 2001:db8:1::99/64 dev home nodad
	atf_check ip -n "$relay" address delete 2001:db8:1::1/64 dev home
	served_again "its source address ended"
	expect "from" "$(log_values 'upstream source changed' from | head -n 1)" = 2001:db8:1::1
	served_from 2001:db8:1::99
	ports_stayed
	stop_udp46
}

root_case preferred "A source address that routing prefers is taken"
preferred_body()
{
	make_network
	start_echo 7000
	start_sessions
	atf_check ip -n "$relay" address add 2001:db8:1::99/64 dev home nodad
	atf_check ip -n "$relay" address change 2001:db8:1::1/64 dev home preferred_lft 0
	told 'upstream source changed' 1
	served_again "another was preferred"
	served_from 2001:db8:1::99
	ports_stayed
	stop_udp46
}

# Between the same two as the first.
second_link()
{
	atf_check ip -n "$relay" link add home2 type veth peer name relay2 netns "$home"
	atf_check ip -n "$relay" address add 2001:db8:2::1/64 dev home2 nodad
	atf_check ip -n "$home" address add 2001:db8:2::2/64 dev relay2 nodad
	atf_check ip -n "$relay" link set home2 up
	atf_check ip -n "$home" link set relay2 up
}

root_case second_uplink "The route moves to another interface"
second_uplink_body()
{
	make_network
	# At home it answers from where it was asked.
	start_echo -b 2001:db8:1::2 7000
	second_link
	start_sessions
	atf_check ip -n "$relay" route add 2001:db8:1::2/128 via 2001:db8:2::2 dev home2
	told 'upstream source changed' 1
	served_again "a route through the second uplink"
	served_from 2001:db8:2::1
	ports_stayed
	stop_udp46
}

root_case default_route "The default route moves to another interface, and back"
default_route_body()
{
	make_network
	second_link
	# An upstream beyond both links.
	atf_check ip -n "$home" address add 2001:db8:9::2/128 dev lo nodad
	upstream='[2001:db8:9::2]:7000'
	start_echo -b 2001:db8:9::2 7000
	atf_check ip -n "$relay" -6 route add default via 2001:db8:1::2 dev home
	start_sessions
	served_from 2001:db8:1::1
	atf_check ip -n "$relay" -6 route change default via 2001:db8:2::2 dev home2
	told 'upstream source changed' 1
	served_again "the default route moved"
	served_from 2001:db8:2::1
	# The other link goes, and with it the route that is preferred.
	atf_check ip -n "$relay" -6 route add default via 2001:db8:1::2 dev home metric 4096
	atf_check ip -n "$relay" link set home2 down
	told 'upstream source changed' 2
	served_again "the link of the default route went"
	served_from 2001:db8:1::1
	ports_stayed
	stop_udp46
}

root_case link_down "The link goes down and up again: addresses vanish and come back"
link_down_body()
{
	make_network
	start_echo 7000
	start_sessions
	atf_check ip -n "$relay" link set home down
	told 'upstream unreachable' 1
	atf_check ip -n "$relay" link set home up
	# As whoever configures it would do; it is tentative for a second or two.
	atf_check ip -n "$relay" address add 2001:db8:1::1/64 dev home
	wait_for 30 usable home 2001:db8:1::1 || fail "the address is not usable"
	served_again "the address was there again"
	wait_for 30 test "$(sources)" = 2001:db8:1::1 || fail "sources: $(sources)"
	served_from 2001:db8:1::1
	told 'upstream reachable' 1
	ports_stayed
	# Once more, and so short that the addresses stay.
	atf_check ip -n "$home" link set relay down
	atf_check ip -n "$home" link set relay up
	atf_check ip -n "$home" address replace 2001:db8:1::2/64 dev relay nodad
	served_again "the other end was down"
	served_from 2001:db8:1::1
	ports_stayed
	stop_udp46
}

root_case lifetime_ends "The source is no longer preferred, and then ends, by its lifetimes"
lifetime_ends_body()
{
	make_network
	start_echo 7000
	# A prefix of its own: the kernel would let the route end with the address.
	atf_check ip -n "$relay" address add 2001:db8:1::99/128 dev home nodad
	start_sessions
	served_from 2001:db8:1::99
	atf_check ip -n "$relay" address change 2001:db8:1::99/128 dev home \
	    preferred_lft 1 valid_lft 4
	told 'upstream source changed' 1
	served_again "the preferred lifetime ended"
	served_from 2001:db8:1::1
	wait_for 30 eval '! usable home 2001:db8:1::99' || fail "the address does not end"
	served_again "the valid lifetime ended"
	served_from 2001:db8:1::1
	told 'upstream source changed' 1
	ports_stayed
	stop_udp46
}

root_case ula_first "A global address comes when there was a unique local one only, which goes"
ula_first_body()
{
	make_network
	start_echo 7000
	atf_check ip -n "$relay" address delete 2001:db8:1::1/64 dev home
	atf_check ip -n "$relay" address add fd46::1/64 dev home nodad
	atf_check ip -n "$relay" route add 2001:db8:1::/64 dev home
	atf_check ip -n "$home" route add fd46::/64 dev relay
	start_sessions
	served_from fd46::1
	# Through duplicate address detection, as from a router's advertisement.
	atf_check ip -n "$relay" address add 2001:db8:1::1/64 dev home
	wait_for 30 usable home 2001:db8:1::1 || fail "the address is not usable"
	told 'upstream source changed' 1
	served_again "a global address came"
	served_from 2001:db8:1::1
	atf_check ip -n "$relay" address delete fd46::1/64 dev home
	served_again "the unique local one went"
	served_from 2001:db8:1::1
	told 'upstream source changed' 1
	ports_stayed
	stop_udp46
}

http_case shown "What is counted and shown of sessions follows a change"
shown_body()
{
	make_network
	start_echo 7000
	start_sessions --metrics.enabled
	atf_check ip -n "$relay" address add 2001:db8:1::99/64 dev home nodad
	atf_check ip -n "$relay" address delete 2001:db8:1::1/64 dev home
	served_again "its source address ended"
	get /metrics metrics
	expect "changes" "$(sample metrics udp46_upstream_source_changes_total)" -eq \
	    "$(log_count 'upstream source changed')"
	get /debug/sessions sessions
	expect "sessions" "$(jq length sessions)" -eq 51
	expect "from" "$(jq -r '.[].upstream_local_address' sessions | sort -u)" = \
	    2001:db8:1::99
	expect "to" "$(jq -r '.[].upstream_remote_address' sessions | sort -u)" = 2001:db8:1::2
	stop_udp46
}

root_case storm "A storm of changes that change nothing costs little and moves nothing"
storm_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	_pid=$(cat udp46.pid)
	_before=$(awk '{ print $1 }' "/proc/$_pid/schedstat")
	_n=0
	while [ $_n -lt 5000 ]; do
		_n=$((_n + 1))
		echo "route add 2001:db8:46::$_n/128 dev lo"
		echo "route delete 2001:db8:46::$_n/128 dev lo"
	done >changes
	_start=$(date +%s%N)
	atf_check ip -n "$relay" -batch changes
	_took=$(($(date +%s%N) - _start))
	# The look at what it came to is a little later.
	sleep 1
	_used=$(($(awk '{ print $1 }' "/proc/$_pid/schedstat") - _before))
	echo "10,000 changes in $((_took / 1000000)) ms: $((_used / 1000)) us of the supervisor," \
	    "$((_used * 1000 / _took)) thousandths of a core"
	expect "microseconds of the supervisor" $((_used / 1000)) -le 50000
	expect "moves" "$(log_count 'upstream source changed')" -eq 0
	client_ok after -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	stop_udp46
}
