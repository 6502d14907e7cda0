# Socket activation: listeners that a unit of systemd has opened, with a manager of the tests' own.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/manager.subr"

# start_home FLAG...: a manager, and the upstream at home.
start_home()
{
	make_network
	start_echo 7000
	start_manager --upstream '[2001:db8:1::2]:7000' "$@"
}

# refused PATTERN: what it said at its end names that.
refused()
{
	grep -qE -e "$1" udp46.err || fail "it does not say $1"
}

root_case taken "A unit's sockets are the listeners, whether --listen names them or there is none"
taken_body()
{
	start_home --listen 192.0.2.1:5000 --listen 198.51.100.1:5001 --listen 192.0.2.1:5002
	# The last one it opens itself.
	begin udp=198.51.100.1:5001 udp=192.0.2.1:5000
	expect "listeners" "$(log_count 'listener started')" -eq 3
	for _at in '192.0.2.1 5000' '198.51.100.1 5001' '192.0.2.1 5002'; do
		client_ok traffic -n 3 $_at
	done
	expect "refused" "$(log_count 'inherited descriptor refused')" -eq 0
	end_udp46 TERM
	expect "exit status" "$(exit_status)" -eq 0
}

root_case unnamed "Without --listen they are the listeners, with the options of one"
unnamed_body()
{
	start_home --workers 2
	begin udp=0.0.0.0:5000 udp=192.0.2.1:5001 nameless
	expect "listeners" "$(log_count 'listener started')" -eq 2
	# From where the client wrote to: the socket was asked to tell that.
	client_ok any -n 20 -s 1200 198.51.100.1 5000
	client_ok one -n 3 192.0.2.1 5001
	expect "complaints" "$(grep -c 'level=WARN' "$log")" -eq 0
	end_udp46 TERM
}

root_case missing "Without --listen and without a socket there is nothing to do"
missing_body()
{
	start_home
	: >"$log"
	order start
	wait_for 30 grep -q "^ended $(cat udp46.pid) " manager.out || fail "it does not end"
	expect "exit status" "$(exit_status)" -eq 2
	refused '--listen is missing'
	order start stranger udp=192.0.2.1:5000
	wait_for 30 grep -q "^ended $(cat udp46.pid) " manager.out || fail "it does not end"
	expect "exit status" "$(exit_status)" -eq 2
}

root_case waiting "What came before the start is answered, if the unit has PassPacketInfo="
waiting_body()
{
	start_home
	order open pktinfo=192.0.2.1:5000
	spawn early "$client" "$helpers/client" -n 3 192.0.2.1 5000
	sleep 0.3
	begin opened
	finish early
	cat early.out
	expect "answered" "$(value lost early.out)" -eq 0
	end_udp46 TERM
}

root_case workers "A group of sockets serves several workers, and one socket becomes a group"
workers_body()
{
	start_home --listen 192.0.2.1:5000 --listen 192.0.2.1:5001 --workers 2
	begin group=192.0.2.1:5000 udp=192.0.2.1:5001 group=192.0.2.1:5000
	start_many -n 40 192.0.2.1 5000
	many_round
	many_round
	expect "served" "$(value answered many.out)" -eq 40
	exec 3>&-
	# Each of two sockets has its share.
	expect "sockets" "$(in_relay ss -Hlun 'sport = 5000' | wc -l)" -eq 2
	expect "sockets" "$(in_relay ss -Hlun 'sport = 5001' | wc -l)" -eq 2
	client_ok other -n 3 192.0.2.1 5001
	end_udp46 TERM
	refuse group=192.0.2.1:5000 group=192.0.2.1:5000 group=192.0.2.1:5000
	refused 'descriptor 5 \(udp46.socket\).*192.0.2.1:5000.*at most as many .* as --workers'
}

root_case wrong "A unit's socket that cannot be used ends the start, and the error names it"
wrong_body()
{
	start_home --listen 192.0.2.1:5000
	refuse udp=192.0.2.1:5000 name=web tcp=192.0.2.1:80
	refused 'descriptor 4 \(web\).*is no UDP socket .*want ListenDatagram='
	refuse name=other udp=192.0.2.1:5001
	refused 'descriptor 3 \(other\).*192.0.2.1:5001.*no --listen.*want'
	refuse name=dev file udp=192.0.2.1:5000
	refused 'descriptor 3 \(dev\)'
	refuse name=all udp=0.0.0.0:5000
	refused 'descriptor 3 \(all\).*0.0.0.0:5000.*no --listen'
	# What a wildcard without an address is in systemd.
	refuse name=dual dual=5000
	refused 'descriptor 3 \(dual\).*such as 0.0.0.0:51820'
	# Named as one that it had kept itself: no mistake of anybody, only of no use.
	begin name=metrics tcp=192.0.2.1:80 name=totals-0 memory name=40000 udp6=40000
	expect "refused" "$(log_count 'inherited descriptor refused')" -eq 2
	# And metrics are not wanted here.
	expect "closed" "$(log_values 'listener closed' listener)" = metrics
	client_ok traffic -n 3 192.0.2.1 5000
	end_udp46 TERM
}

root_case closed "Of descriptors that were promised some are closed: the others are looked at"
closed_body()
{
	make_network
	atf_check mkdir -m 755 empty
	# shellcheck disable=SC2016 # of the inner shell
	echo 'exec 3</dev/null; export LISTEN_PID=$$; exec "$@"' >promise
	for LISTEN_FDS in 2 1000 2147483644; do
		export LISTEN_FDS
		spawn udp46 "$relay" sh promise "$udp46" --user nobody --chroot "$PWD/empty" \
		    --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000'
		finish udp46
		expect "exit status" "$status" -eq 1
		refused 'descriptor 3 \(unnamed\).*is no UDP socket'
	done
}
