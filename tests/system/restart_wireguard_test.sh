# The program and its parts are restarted while a phone sends a file home, or fetches one, through
# a tunnel of WireGuard.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/wireguard.subr"
. "$(atf_get_srcdir)/restart.subr"
. "$(atf_get_srcdir)/nspawn.subr"

start_before()
{
	make_network
	case $1 in
	service_*)
		start_host
		options --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000' --log-level debug
		ctl start udp46
		end_daemon=stop_service
		;;
	*)
		own_program
		start_configured --log-level debug
		;;
	esac
}

stop_service()
{
	ctl stop udp46
	read_log
}

# service_case EVENT upload|download DESCRIPTION: under systemd.
service_case()
{
	wireguard_case "service_$1" "$2" "$3"
	eval "service_$1_$2_head() { host_head \"$3\"; }"
	eval "service_$1_$2_cleanup() { clean_up_wireguard; clean_host; }"
}

happen_same()
{
	upgrade
	sleep 0.3
	upgrade
}
happen_version()
{
	other_version
	upgrade
}
happen_options()
{
	sed -i 's/^session-timeout .*/session-timeout 10m/' udp46.conf
	echo 'listen 192.0.2.1:5001' >>udp46.conf
	upgrade
}
happen_killed()
{
	kill_relay KILL
}
happen_service_killed()
{
	_pid=$(property MainPID)
	in_host kill -KILL "$_pid"
	wait_for 60 is_succeeded "$_pid" || fail "no successor"
}
happen_service_restart()
{
	ctl restart udp46
	sleep 0.3
	ctl restart udp46
}
happen_service_reload()
{
	ctl reload udp46
	wait_for 30 logged started 2 || fail "nobody takes over"
}
# As a host that starts anew: processes and sockets are gone, and what is left is a file.
happen_service_reboot()
{
	ctl stop udp46
	expect "kept" "$(property NFileDescriptorStore)" -eq 0
	ctl start udp46
}
happen_broken()
{
	echo 'session-timeout never' >>udp46.conf
	refused_upgrade session-timeout
}

wireguard_case same upload "SIGUSR2, twice"
wireguard_case same download "SIGUSR2, twice, while the phone fetches a file"
wireguard_case version upload "SIGUSR2 with a program of another version"
wireguard_case options download "SIGUSR2 with other options while the phone fetches a file"
wireguard_case killed upload "SIGKILL of the relay"
service_case killed upload "SIGKILL of the supervisor under systemd"
service_case killed download "The same while the phone fetches a file"
service_case restart upload "systemctl restart, twice"
service_case reload download "systemctl reload while the phone fetches a file"
service_case reboot upload "All processes and sockets gone, and the state file left"
wireguard_case broken upload "SIGUSR2 with a broken configuration"
