# The program and its parts are restarted while a phone sends a file home, or fetches one, through
# a tunnel of WireGuard.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/wireguard.subr"
. "$(atf_get_srcdir)/restart.subr"

start_before()
{
	make_network
	own_program
	start_configured
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
happen_broken()
{
	echo 'session-timeout never' >>udp46.conf
	refused_upgrade session-timeout
}

wireguard_case same upload "SIGUSR2, twice"
wireguard_case same download "SIGUSR2, twice, while the phone fetches a file"
wireguard_case version upload "SIGUSR2 with a program of another version"
wireguard_case options download "SIGUSR2 with other options while the phone fetches a file"
wireguard_case broken upload "SIGUSR2 with a broken configuration"
