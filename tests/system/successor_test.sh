# What could keep a successor from its place, or from its sessions: the world is not as it was, or
# not as the one before thought.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/names.subr"
. "$(atf_get_srcdir)/restart.subr"
. "$(atf_get_srcdir)/manager.subr"

# Two clients that are ASSURED, and their ports.
two_sessions()
{
	client_ok one -b 192.0.2.10:6001 -n 2 192.0.2.1 5000
	client_ok two -b 192.0.2.10:6002 -n 2 192.0.2.1 5000
	upstream_ports >before
}

still_served()
{
	client_ok one_again -b 192.0.2.10:6001 -n 2 192.0.2.1 5000
	client_ok two_again -b 192.0.2.10:6002 -n 2 192.0.2.1 5000
	upstream_ports >after
	atf_check cmp before after
}

root_case unlinked "A program whose file was replaced before it knew its path finds the one that is there now"
unlinked_body()
{
	make_network
	start_echo 7000
	own_program
	cp own_udp46 kept
	# What the kernel says of a file that is gone: "PATH (deleted)".
	cat >start_unlinked <<-'END'
		exec 9<"$1" && rm "$1"
		shift
		exec /proc/self/fd/9 "$@"
	END
	wrapper='sh start_unlinked'
	start_configured
	two_sessions
	refused_upgrade 'No such file'
	cp kept new_udp46
	replace_program
	upgrade
	still_served
	stop_udp46
}

root_case between_addresses "Sockets that are still to follow their upstream are adopted all the same"
between_addresses_body()
{
	make_network
	private_names
	start_echo 7000
	own_program
	start_configured --upstream home.example.net:7000 --resolve-interval 0s --log-level debug
	two_sessions
	# Known to be there, but there is no way to it yet.
	name_is 2001:db8:2::2
	hup
	wait_log 'upstream moved'
	wait_log 'upstream unreachable'
	upgrade
	atf_check ip -n "$home" address add 2001:db8:2::2/128 dev lo
	atf_check ip -n "$home" route add 2001:db8:1::1 dev relay src 2001:db8:2::2
	atf_check ip -n "$relay" route add 2001:db8:2::2 via 2001:db8:1::2
	wait_log 'sockets moved'
	still_served
	stop_udp46
}
