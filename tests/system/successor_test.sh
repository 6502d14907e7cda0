# What could keep a successor from its place, or from its sessions: the world is not as it was, or
# not as the one before thought.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/names.subr"
. "$(atf_get_srcdir)/restart.subr"
. "$(atf_get_srcdir)/manager.subr"

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

root_case unix_metrics "Metrics on a Unix socket: the successor serves them, and removes the file in the end"
unix_metrics_body()
{
	make_network
	start_echo 7000
	own_program
	start_configured --metrics.listen "unix:$PWD/metrics.sock"
	two_sessions
	for _time in 1 2; do
		upgrade
		still_served
		atf_check -o match:udp46_sessions_active \
		    curl -sS --noproxy '*' --unix-socket metrics.sock http://localhost/metrics
	done
	stop_udp46
	[ ! -e metrics.sock ] || fail "the socket stays behind"
}

root_case metrics_taken "An address of metrics that another program has is found before it is too late"
metrics_taken_body()
{
	make_network
	start_echo 7000
	own_program
	start_configured
	two_sessions
	spawn holder "$relay" socat -u TCP4-LISTEN:9200,bind=127.0.0.1 /dev/null
	wait_for 10 tcp_is_taken 9200 || fail "socat does not start"
	cp udp46.conf good.conf
	echo 'metrics.listen 127.0.0.1:9200' >>udp46.conf
	refused_upgrade '127.0.0.1:9200: Address already in use'
	cp good.conf udp46.conf
	upgrade
	still_served
	stop_udp46
}

tcp_is_taken()
{
	in_relay ss -Hltn "sport = :$1" | grep -q .
}

root_case unix_taken "A Unix socket that cannot be made is found before it is too late"
unix_taken_body()
{
	make_network
	start_echo 7000
	own_program
	start_configured
	two_sessions
	cp udp46.conf good.conf
	echo "metrics.listen unix:$PWD/none/metrics.sock" >>udp46.conf
	refused_upgrade 'none/metrics.sock: No such file'
	atf_check mkdir -m 700 another
	chown games another
	cp good.conf udp46.conf
	echo "metrics.listen unix:$PWD/another/metrics.sock" >>udp46.conf
	refused_upgrade 'another/metrics.sock: Permission denied'
	: >metrics.sock
	cp good.conf udp46.conf
	echo "metrics.listen unix:$PWD/metrics.sock" >>udp46.conf
	refused_upgrade 'metrics.sock: Address already in use'
	rm metrics.sock
	spawn holder "$relay" socat -u "UNIX-LISTEN:$PWD/metrics.sock,fork" /dev/null
	wait_for 10 test -S metrics.sock || fail "socat does not start"
	refused_upgrade 'metrics.sock: Address already in use'
	kill -KILL "$(cat holder.pid)"
	finish holder
	upgrade
	still_served
	stop_udp46
}

root_case beyond_limits "What descriptors and ports do not suffice for is found before it is too late"
beyond_limits_body()
{
	make_network
	start_echo 7000
	own_program
	wrapper='prlimit --nofile=200:200'
	start_configured --upstream-ports 40000-40010
	two_sessions
	cp udp46.conf good.conf
	_port=5001
	while [ $_port -lt 5140 ]; do
		echo "listen 192.0.2.1:$_port"
		_port=$((_port + 1))
	done >>udp46.conf
	refused_upgrade 'RLIMIT_NOFILE is 200'
	cp good.conf udp46.conf
	echo 'workers 12' >>udp46.conf
	refused_upgrade 'only 11 upstream ports'
	cp good.conf udp46.conf
	echo 'metrics.user nobody-knows' >>udp46.conf
	refused_upgrade 'metrics.user nobody-knows'
	cp good.conf udp46.conf
	upgrade
	still_served
	stop_udp46
}

# limited_program: as many descriptors as the file `limit` says, soft:hard, if there is one.
limited_program()
{
	cat >limited <<-END
		#!/bin/sh
		[ ! -f limit ] || prlimit --pid \$\$ --nofile="\$(cat limit)"
		exec "$udp46" "\$@"
	END
	chmod 755 limited
	udp46=$PWD/limited
}

keeps()
{
	[ "$(kept_names | grep -c '^[0-9]*$')" -eq "$1" ]
}

root_case kept_for_a_start "No more is kept than a successor can be started with"
kept_for_a_start_body()
{
	export FDSTORE=1000
	make_network
	start_echo 7000
	limited_program
	echo 128:1000 >limit
	start_manager --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000'
	begin
	start_many -n 200 192.0.2.1 5000
	for _round in 1 2 3; do
		many_round
	done
	wait_log 'descriptor store full'
	wait_for 30 keeps 60 || fail "it keeps $(kept_names | wc -l)"
	# Also not after an upgrade, for which the limit was raised.
	kill -USR2 "$(cat udp46.pid)"
	wait_for 60 more_records 'descriptor store full' 1 || fail "no successor"
	many_round
	sleep 1
	keeps 60 || fail "it keeps $(kept_names | wc -l)"
	end_udp46 TERM
	begin stored
	wait_log 'sessions adopted'
	expect "adopted" "$(log_values 'sessions adopted' count)" -eq 60
	many_round
	expect "served" "$(value answered many.out)" -eq 200
	end_udp46 TERM
}

root_case strangers "Children that are not ours do not stay as zombies"
strangers_body()
{
	make_network
	# Of the program before, in the same process: one has ended, one lives on.
	# shellcheck disable=SC2016 # of the inner shell
	echo 'true & sleep 1 & sleep 0.2; exec "$@"' >begetter
	wrapper='sh begetter'
	start_udp46_default
	wait_for 30 no_zombies || fail "$(cat /proc/"$(cat udp46.pid)"/task/*/children)"
	expect "children" "$(children "$(cat udp46.pid)" | wc -w)" -eq 1
	stop_udp46
}

no_zombies()
{
	# shellcheck disable=SC2046 # one word each
	set -- $(children "$(cat udp46.pid)")
	[ $# -eq 1 ] && ! has_ended "$1"
}

root_case source_changed "Another --upstream-source, and the one of before is gone: sessions keep their ports"
source_changed_body()
{
	make_network
	start_echo 7000
	own_program
	wait_for 10 in_relay ping -c 1 -W 1 2001:db8:1::2 || fail "home is not there"
	start_configured
	echo 'upstream-source 2001:db8:1::1' >>udp46.conf
	upgrade
	two_sessions
	for _source in 99 98 ''; do
		atf_check ip -n "$relay" address flush dev home scope global
		atf_check ip -n "$relay" address add "2001:db8:1::${_source:-97}/64" dev home nodad
		sed -i '/^upstream-source/d' udp46.conf
		[ -z "$_source" ] ||
		    echo "upstream-source 2001:db8:1::$_source" >>udp46.conf
		upgrade
		client_ok one_again -b 192.0.2.10:6001 -n 2 192.0.2.1 5000
		client_ok two_again -b 192.0.2.10:6002 -n 2 192.0.2.1 5000
		upstream_ports | sort -u >after
		sort -u before | atf_check cmp - after
	done
	stop_udp46
}

root_case limit_lowered "Descriptors are limited while it runs: a relay that ends has a successor all the same"
limit_lowered_body()
{
	make_network
	start_echo 7000
	own_program
	start_configured
	two_sessions
	prlimit --pid "$(cat udp46.pid)" --nofile=100:100
	kill_relay KILL
	still_served
	upgrade
	still_served
	stop_udp46
}

root_case metrics_off "Metrics that are not wanted any longer are no fault, and may be wanted again"
metrics_off_body()
{
	make_network
	start_echo 7000
	own_program
	start_configured
	two_sessions
	sed -i '/^metrics/d' udp46.conf
	upgrade
	expect "closed" "$(log_values 'listener closed' listener)" = metrics
	expect "listeners" "$(in_relay ss -Hltn | wc -l)" -eq 0
	echo 'metrics.enabled' >>udp46.conf
	upgrade
	still_served
	expect "refused" "$(log_count 'inherited descriptor refused')" -eq 0
	stop_udp46
}
