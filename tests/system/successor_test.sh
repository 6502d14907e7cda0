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
