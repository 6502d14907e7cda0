# The keeper of the relay's sockets: ports that run out.

. "$(atf_get_srcdir)/common.subr"

# ticks PID: of processor time that it has used; 100 a second.
ticks()
{
	echo $(($(sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 12,13 | tr ' ' '+')))
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
