# The keeper of the relay's sockets: relays that lie, ports that run out.

. "$(atf_get_srcdir)/common.subr"

# The daemon with this flaw; see NAME.c.
with_flaw()
{
	udp46=$helpers/$1
}

# ticks PID: of processor time that it has used; 100 a second.
ticks()
{
	echo $(($(sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 12,13 | tr ' ' '+')))
}

root_case greedy "A relay that lies gets no more sockets than --new-session-rate"
greedy_body()
{
	with_flaw greedy
	make_network
	_start=$(date +%s)
	start_udp46_default --new-session-rate 1000 --workers 2 --log-level debug
	sleep 3
	_made=$(($(log_values 'sockets handed out' count | paste -s -d +)))
	_seconds=$(($(date +%s) - _start + 1))
	# A stock each and one second's worth at first.
	expect "sockets made" "$_made" -ge 1500
	expect "sockets made" "$_made" -le $((1000 * (_seconds + 1) + 2 * 256))
	stop_udp46
}

root_case foreign_ports "Ports that other programs have cost no processor time"
foreign_ports_body()
{
	make_network
	spawn hold_ports "$relay" "$helpers/hold_ports" 42000 42239 230
	wait_for 30 grep -q holding hold_ports.out || fail "hold_ports does not start"
	start_udp46_default --upstream-ports 42000-42239
	sleep 2
	_before=$(ticks "$(cat udp46.pid)")
	sleep 3
	expect "ticks in 3 s" $(($(ticks "$(cat udp46.pid)") - _before)) -le 30
	stop_udp46
}
