# The world moves, and 1,000 sessions stay, each on its port: what they notice of it.
#
# Each sends five datagrams a second, and newcomers arrive all the time.  A case prints what each
# of them missed, and how soon all were served again: as machines may be busy, what is demanded
# is less than what is usual.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/crowd.subr"
. "$(atf_get_srcdir)/world.subr"

network_is_back()
{
	tell_crowd again
}

mirror_has_told()
{
	[ "$(grep -c '^received' mirror.out)" -eq 1 ]
}

# Where datagrams ended: what has left the crowd came to the relay, what has left the relay for
# home or for the crowd arrived, or the network lost it.  $1: that many may have died with a relay.
check_losses()
{
	exec 3>&-
	finish crowd
	kill -USR1 "$mirror_pid"
	wait_for 30 mirror_has_told || fail "mirror does not tell"
	read_totals
	_dropped=0
	for _reason in upstream_unreachable upstream_write_error write_timeout queue_full \
	    session_unavailable rate_limited client_write_error; do
		_n=$(total drops_$_reason)
		[ "$_n" -eq 0 ] || echo "dropped for $_reason: $_n"
		_dropped=$((_dropped + _n))
	done
	_up=$(total client_to_upstream_datagrams) _down=$(total upstream_to_client_datagrams)
	_excuse=$(backlog_drops)
	echo "crowd: $(reported all_sent) -> relay: $_up, $_dropped dropped ->" \
	    "mirror: $(tail -n 1 mirror.out) -> relay: $_down ->" \
	    "crowd: $(reported all_received); lost in between by busy processors: $_excuse"
	_unknown=$(($(reported all_sent) - _up - _dropped))
	expect "that the relay lost on the way up" $_unknown -le $((_excuse + $1))
	_unknown=$((_down - $(reported all_received)))
	expect "that the relay lost on the way down" $_unknown -le $((_excuse + $1))
}

# world_event EVENT SOURCE HOME LOST DIED [MS]: and what the mirror sees at its end, as the last
# digits of both addresses; how many of its datagrams a client may miss, and how many in all may
# die with a relay; and within how many milliseconds all must be served.
world_event()
{
	within=${6:-5000}
	start_before "$1"
	start_crowd 1000
	"happen_$1"
	# With five datagrams a second each.
	sleep 2
	read_report
	check_losses "$5"
	expect "clients that are not served" "$(reported unserved)" -eq 0
	expect "milliseconds until all were" "$(reported served_ms)" -le "$within"
	expect "clients whose port changed" "$(reported port_changes)" -eq 0
	expect "source address" "$(reported source)" = "$2"
	expect "address of the home" "$(reported home)" = "$3"
	expect "most that one has lost" "$(reported lost_most)" -le "$4"
	expect "newcomers" "$(reported newcomers)" -ge 20
	expect "newcomers that are not served" "$(reported waiting)" -eq 0
	expect "milliseconds of the slowest" "$(reported newcomer_most)" -le "$within"
	for _fault in duplicated reordered corrupt; do
		expect "$_fault" "$(reported $_fault)" -eq 0
	done
	stop_udp46
}

root_case name "The upstream's name moves"
name_body()
{
	world_event name 1 3 25 0
}

root_case name_back "The upstream's name moves, and moves back"
name_back_body()
{
	world_event name_back 1 2 50 0
}

root_case dead "Of the name's two addresses the one in use dies"
dead_body()
{
	world_event dead 1 3 100 0 20000
}

root_case source "The only source address ends when another has come"
source_body()
{
	world_event source 99 2 25 0
}

root_case preferred "Another source address is preferred"
preferred_body()
{
	world_event preferred 99 2 5 0
}

root_case route "The default route moves to a second interface, and the first ends"
route_body()
{
	world_event route 1 2 25 0
}

root_case cable "A cable is out for two seconds"
cable_body()
{
	world_event cable 1 2 35 0
}

root_case link "The interface goes down, with its addresses and routes, and up again"
link_body()
{
	world_event link 1 2 35 0
}

root_case interface "The interface of a link-local upstream is made again"
interface_body()
{
	world_event interface 1 46 60 0
}

root_case clock_back "The clock is set back by an hour, and the relay is killed"
clock_back_body()
{
	world_event clock_back 1 2 25 64
}

root_case clock_forward "The clock is set forward by an hour, and the relay is killed"
clock_forward_body()
{
	world_event clock_forward 1 2 25 64
}
