# Interfaces and the source address that the user named: they go and come back, or are not there
# at start.  DESIGN, "What routing says is true until it changes".

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/route.subr"

upstream='[fe80::46%s1]:7000'

# make_link NAME [OPTION...]: a link to home, where it is p and the name, with fe80::46 at its end.
make_link()
{
	_link=$1
	shift
	atf_check ip -n "$relay" link add "$_link" "$@" type veth peer name "p$_link" netns "$home"
	# No other address there, from which it might answer.
	atf_check ip -n "$home" link set "p$_link" addrgenmode none
	atf_check ip -n "$home" address add fe80::46/64 dev "p$_link" nodad
	atf_check ip -n "$home" link set "p$_link" up
	atf_check ip -n "$relay" link set "$_link" up
}

# link_local INTERFACE: the relay's own address there, once it is usable.
link_local()
{
	wait_for 30 usable "$1" fe80: || fail "no address is usable on $1"
	ip -n "$relay" -6 address show dev "$1" | sed -n 's|.*inet6 \(fe80::[^/]*\)/.*|\1|p'
}

# To match "inet6 fe80::..." whatever follows.
usable()
{
	ip -n "$relay" -6 address show dev "$1" -tentative | grep -qF "inet6 $2"
}

# newcomers_dropped NUMBER: three of the same client, which are counted as unreachable.
newcomers_dropped()
{
	run_client dropped -b 192.0.2.13:6000 -n 3 -w 200 192.0.2.1 5000
	expect "echoes to a newcomer" "$(value received dropped.out)" -eq 0
	wait_total drops_upstream_unreachable -eq "$1"
}

root_case recreated "The upstream's interface is made again under its name: sessions go on"
recreated_body()
{
	make_network
	make_link s1
	link_local s1 >before
	start_echo 7000
	start_sessions
	served_from "$(cat before)%s1"
	for _turn in 1 2; do
		atf_check ip -n "$relay" link delete s1
		told 'upstream unreachable' $_turn
		newcomers_dropped $((3 * _turn))
		make_link s1
		_address=$(link_local s1)
		served_again "the interface was there again"
		told 'upstream reachable' $_turn
		served_from "$_address%s1"
	done
	expect "error" "$(sed -n 's/.*upstream unreachable.*error=//p' "$log" | tail -n 1)" = \
	    '"No such device"'
	expect "upstream" "$(log_values 'upstream unreachable' upstream | tail -n 1)" = "$upstream"
	expect "changes" "$(log_count 'upstream source changed')" -eq 2
	ports_stayed
	read_totals
	expect "sessions" "$(total sessions_created)" -eq 51
	stop_udp46
}

root_case renamed "Another interface takes the name, while the first one stays"
renamed_body()
{
	make_network
	make_link s1
	make_link s2
	link_local s1 >one
	link_local s2 >two
	start_echo 7000
	start_sessions
	served_from "$(cat one)%s1"
	atf_check ip -n "$relay" link set s1 down
	atf_check ip -n "$relay" link set s1 name s9
	told 'upstream unreachable' 1
	atf_check ip -n "$relay" link set s9 up
	newcomers_dropped 3
	atf_check ip -n "$relay" link set s2 down
	atf_check ip -n "$relay" link set s2 name s1
	atf_check ip -n "$relay" link set s1 up
	link_local s1 >two
	served_again "another interface took the name"
	served_from "$(cat two)%s1"
	told 'upstream reachable' 1
	ports_stayed
	stop_udp46
}

root_case source_recreated "A link-local source, towards an upstream that is not, likewise"
source_recreated_body()
{
	make_network
	upstream='[2001:db8:7::2]:7000'
	for _turn in 1 2; do
		make_link s1
		atf_check ip -n "$relay" route add 2001:db8:7::/64 dev s1
		atf_check ip -n "$home" address add 2001:db8:7::2/64 dev ps1 nodad
		if [ $_turn -eq 1 ]; then
			atf_check ip -n "$relay" address add fe80::64/64 dev s1 nodad
			start_echo -b 2001:db8:7::2 7000
			start_sessions --upstream-source fe80::64%s1
			served_from fe80::64%s1
			atf_check ip -n "$relay" link delete s1
			told 'upstream unreachable' 1
			newcomers_dropped 3
			continue
		fi
		# The source comes last, and through duplicate address detection.
		atf_check ip -n "$relay" address add fe80::64/64 dev s1
		wait_for 30 usable s1 fe80::64/ || fail "the source is not usable"
		served_again "the interface of the source was there again"
		served_from fe80::64%s1
	done
	told 'upstream reachable' 1
	ports_stayed
	stop_udp46
}

root_case by_index "An interface that was given as a number stays that number"
by_index_body()
{
	make_network
	make_link s1 index 4001
	upstream='[fe80::46%4001]:7000'
	link_local s1 >/dev/null
	start_echo 7000
	start_udp46 --listen 192.0.2.1:5000 --upstream "$upstream"
	client_ok first -n 2 192.0.2.1 5000
	# Under another name it is the same.
	atf_check ip -n "$relay" link set s1 down
	atf_check ip -n "$relay" link set s1 name s2
	atf_check ip -n "$relay" link set s2 up
	link_local s2 >/dev/null
	told 'upstream unreachable' 1
	told 'upstream reachable' 1
	client_ok renamed -n 2 192.0.2.1 5000
	# And under the same name another one is not.
	atf_check ip -n "$relay" link delete s2
	told 'upstream unreachable' 2
	make_link s2 index 4002
	link_local s2 >/dev/null
	sleep 1.5
	expect "reachable" "$(log_count 'upstream reachable')" -eq 1
	make_link s3 index 4001
	link_local s3 >/dev/null
	told 'upstream reachable' 2
	client_ok again -n 2 192.0.2.1 5000
	stop_udp46
}

root_case not_yet "An interface that is not there at start is waited for"
not_yet_body()
{
	make_network
	start_echo 7000
	start_udp46 --listen 192.0.2.1:5000 --upstream "$upstream"
	told 'upstream unreachable' 1
	expect "upstream" "$(log_values started upstream)" = "$upstream"
	newcomers_dropped 3
	sleep 1.5
	make_link s1
	link_local s1 >/dev/null
	told 'upstream reachable' 1
	client_ok newcomer -b 192.0.2.12:6000 -n 2 192.0.2.1 5000
	expect "said" "$(log_count 'upstream unreachable')" -eq 1
	expect "changes" "$(log_count 'upstream source changed')" -eq 0
	stop_udp46
}

root_case source_not_yet "So is a source address, and the interface of one"
source_not_yet_body()
{
	make_network
	make_link s1
	start_echo 7000
	for _source in 2001:db8:1::77 fe80::77%s3; do
		upstream='[2001:db8:1::2]:7000' _to=home _from=${_source%\%*}
		[ "$_from" = "$_source" ] || upstream='[fe80::46%s3]:7000' _to=s3
		start_udp46 --listen 192.0.2.1:5000 --upstream "$upstream" \
		    --upstream-source "$_source"
		told 'upstream unreachable' 1
		newcomers_dropped 3
		[ $_to = home ] || make_link s3
		atf_check ip -n "$relay" address add "$_from/64" dev $_to
		told 'upstream reachable' 1
		client_ok newcomer -b 192.0.2.12:6000 -n 2 192.0.2.1 5000
		expect "said" "$(log_count 'upstream unreachable')" -eq 1
		expect "seen from" "$(sed -n 's/^peer \([^ ]*\) .*/\1/p' echo.out | tail -n 1)" = \
		    "$_from"
		stop_udp46
	done
}

root_case source_returns "--upstream-source goes and comes back, across a crash of the relay"
source_returns_body()
{
	make_network
	upstream='[2001:db8:1::2]:7000'
	start_echo 7000
	start_sessions --upstream-source 2001:db8:1::1
	# Another address must not be taken instead.
	atf_check ip -n "$relay" address add 2001:db8:1::99/64 dev home nodad
	atf_check ip -n "$relay" address delete 2001:db8:1::1/64 dev home
	told 'upstream unreachable' 1
	newcomers_dropped 3
	kill_relay KILL
	newcomers_dropped 6
	sleep 1.5
	atf_check ip -n "$relay" address add 2001:db8:1::1/64 dev home
	wait_for 30 usable home 2001:db8:1::1/ || fail "the source is not usable"
	served_again "the source was there again"
	served_from 2001:db8:1::1
	told 'upstream reachable' 1
	# On another interface it is the same address.
	atf_check ip -n "$relay" address delete 2001:db8:1::1/64 dev home
	told 'upstream unreachable' 2
	atf_check ip -n "$relay" address add 2001:db8:1::1/128 dev lo
	served_again "the source was there again, on another interface"
	told 'upstream reachable' 2
	ports_stayed
	read_totals
	expect "sessions" "$(total sessions_created)" -eq 51
	expect "changes" "$(log_count 'upstream source changed')" -eq 0
	stop_udp46
}
