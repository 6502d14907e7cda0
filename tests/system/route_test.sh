# The relay's own addresses and routes change: DESIGN, "What routing says is true until it changes".

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/common.subr"

# The local addresses of the sockets to the upstream, those of the pool, too; one a line.
sources()
{
	in_relay ss -Huna dst '[2001:db8:1::2]:7000' | awk '{ sub(/:[0-9]+$/, "", $4); print $4 }' |
	    sort -u | tr -d '[]'
}

# The sessions are served, all sockets have this source address, and each session its port.
served_from()
{
	many_round
	expect "served" "$(value answered many.out)" -eq 50
	expect "source addresses" "$(sources)" = "$1"
	expect "ports at the upstream" "$(upstream_ports | wc -l)" -eq 50
}

# 50 sessions, from the address that the relay has at first.
start_sessions()
{
	start_udp46_default
	start_many -n 50 192.0.2.1 5000
	many_round
	served_from 2001:db8:1::1
}

root_case address_ends "The source address ends and another is there: sessions go on from it"
address_ends_body()
{
	make_network
	start_echo 7000
	start_sessions
	atf_check ip -n "$relay" address add 2001:db8:1::99/64 dev home nodad
	atf_check ip -n "$relay" address delete 2001:db8:1::1/64 dev home
	wait_log 'upstream source changed' 5
	expect "from" "$(log_values 'upstream source changed' from | head -n 1)" = 2001:db8:1::1
	served_from 2001:db8:1::99
	client_ok newcomer -b 192.0.2.12:6000 -n 2 192.0.2.1 5000
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
	wait_log 'upstream source changed' 5
	served_from 2001:db8:1::99
	stop_udp46
}

root_case second_uplink "The route moves to another interface"
second_uplink_body()
{
	make_network
	# At home it answers from where it was asked.
	start_echo -b 2001:db8:1::2 7000
	atf_check ip -n "$relay" link add home2 type veth peer name relay2 netns "$home"
	atf_check ip -n "$relay" address add 2001:db8:2::1/64 dev home2 nodad
	atf_check ip -n "$home" address add 2001:db8:2::2/64 dev relay2 nodad
	atf_check ip -n "$relay" link set home2 up
	atf_check ip -n "$home" link set relay2 up
	start_sessions
	atf_check ip -n "$relay" route add 2001:db8:1::2/128 via 2001:db8:2::2 dev home2
	wait_log 'upstream source changed' 5
	served_from 2001:db8:2::1
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
	_used=$(($(awk '{ print $1 }' "/proc/$_pid/schedstat") - _before))
	echo "10,000 changes in $((_took / 1000000)) ms: $((_used / 1000)) us of the supervisor"
	expect "microseconds of the supervisor" $((_used / 1000)) -le 50000
	expect "moves" "$(log_count 'upstream source changed')" -eq 0
	client_ok after -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	stop_udp46
}
