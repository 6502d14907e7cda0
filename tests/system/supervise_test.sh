# How the supervisor watches its children and obeys signals: DESIGN, "Supervision".

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/common.subr"

root_case sigterm "SIGTERM: orderly end"
sigterm_body()
{
	ends_by TERM
}

root_case sigint "SIGINT: orderly end"
sigint_body()
{
	ends_by INT
}

ends_by()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok before -n 2 192.0.2.1 5000
	find_relay
	kill -"$1" "$(cat udp46.pid)"
	finish udp46 30
	expect "exit status" "$status" -eq 0
	[ ! -s udp46.err ] || fail "standard error: $(cat udp46.err)"
	has_ended "$relay_pid" || fail "the relay is still there"
	expect "closed" "$(log_values 'session closed' reason)" = shutdown
	expect "said so" "$(log_count shutdown)" -eq 1
}

# As when somebody types ^C, or systemd stops a unit with KillMode=control-group.
root_case sigint_to_all "^C, which every process gets, is an orderly end, too"
sigint_to_all_body()
{
	signal_to_all INT
	expect "closed" "$(log_values 'session closed' reason)" = shutdown
	expect "errors" "$(grep -c level=ERROR "$log")" -eq 0
}

root_case sigterm_to_all "SIGTERM to all processes ends it without a restart"
sigterm_to_all_body()
{
	signal_to_all TERM
}

signal_to_all()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok before -n 2 192.0.2.1 5000
	find_relay
	kill -"$1" "$relay_pid" "$(cat udp46.pid)"
	finish udp46 30
	expect "exit status" "$status" -eq 0
	wait_for 10 has_ended "$relay_pid" || fail "the relay is still there"
	expect "restarts" "$(log_count 'child restarted')" -eq 0
}

root_case sigterm_hung "SIGTERM ends it although the relay does not listen"
sigterm_hung_body()
{
	make_network
	start_udp46_default
	find_relay
	kill -STOP "$relay_pid"
	kill -TERM "$(cat udp46.pid)"
	finish udp46 30
	expect "exit status" "$status" -eq 0
	wait_for 10 has_ended "$relay_pid" || fail "the relay is still there"
}

root_case sighup "SIGHUP ends nothing"
sighup_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	kill -HUP "$(cat udp46.pid)"
	find_relay
	kill -HUP "$relay_pid"
	client_ok after -b 192.0.2.10:6000 -n 10 192.0.2.1 5000
	read_totals
	expect "restarts" "$(total child_restarts)" -eq 0
	stop_udp46
}

root_case sigusr1 "SIGUSR1 logs the totals"
sigusr1_body()
{
	make_network
	start_udp46_default
	read_totals
	for key in sessions_active sessions_created sessions_expired sessions_evicted \
	    client_to_upstream_datagrams client_to_upstream_bytes \
	    upstream_to_client_datagrams upstream_to_client_bytes \
	    drops_session_unavailable drops_rate_limited drops_address_limit \
	    drops_source_denied drops_oversize drops_write_timeout drops_queue_full \
	    drops_upstream_write_error drops_client_write_error drops_upstream_unreachable \
	    drops_amplification errors_client_read errors_client_write errors_upstream_read errors_upstream_write child_restarts; do
		expect "$key" "$(total $key)" -eq 0
	done
	read_totals
}

root_case supervisor_killed "A relay does not outlive its supervisor, and frees the port"
supervisor_killed_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok before -n 2 192.0.2.1 5000
	find_relay
	kill -KILL "$(cat udp46.pid)"
	finish udp46
	wait_for 30 has_ended "$relay_pid" || fail "the relay lives on"
	start_udp46_default
	client_ok after -n 2 192.0.2.1 5000
}

# Milliseconds from each end of the relay to its restart, as the log has them.
restart_delays()
{
	grep -E "$(record_pattern "child (ended|restarted)")" "$log" |
	    sed 's/^time=[^T]*T\([0-9:.]*\)Z .*msg="child \([a-z]*\)".*/\1:\2/' |
	    awk -F: '{ ms = (($1 * 60 + $2) * 60 + $3) * 1000 }
	    $4 == "ended" { ended = ms }
	    $4 == "restarted" { printf "%d\n", (ms - ended + 86400000.5) % 86400000 }'
}

root_case back_off "The delay before a restart grows"
back_off_body()
{
	make_network
	start_udp46_default
	for _turn in 1 2 3 4 5; do
		kill_relay KILL
	done
	restart_delays >delays
	cat delays
	# Doubling from 100 ms; the first is none at all, but what starting takes.
	for least in 0 100 200 400 800; do
		read -r delay
		expect "delay in milliseconds" "$delay" -ge $least
	done <delays
	expect "first delay" "$(head -n 1 delays)" -lt "$(tail -n 1 delays)"
	expect "ends logged" "$(log_count 'child ended')" -eq 5
	stop_udp46
}

root_case sigterm_in_back_off "SIGTERM ends it while a restart is waiting"
sigterm_in_back_off_body()
{
	make_network
	start_udp46_default
	for _turn in 1 2 3 4 5 6; do
		kill_relay KILL
	done
	kill -KILL "$relay_pid"
	stop_udp46
}

root_case hang "A relay that does not answer is replaced; its sessions go on"
hang_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	find_relay
	hung=$relay_pid
	kill -STOP "$hung"
	wait_for 90 other_relay "$hung" || fail "the hung relay is not replaced"
	has_ended "$hung" || fail "the hung relay is still there"
	wait_log 'sessions restored' 60
	expect "said so" "$(log_count 'child hangs')" -eq 1
	client_ok after -b 192.0.2.10:6000 -n 10 -w 10000 192.0.2.1 5000
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 1
	stop_udp46
}

root_case seccomp_violation "A relay that breaks its rules is replaced, and the log says so"
seccomp_violation_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	kill_relay SYS
	grep -E "$(record_pattern "child ended")" "$log" | grep "seccomp violation" ||
	    fail "the log does not say what ended the relay"
	client_ok after -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
}

root_case short_stop "A relay that is stopped for a moment goes on as if nothing had been"
short_stop_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	find_relay
	kill -STOP "$relay_pid"
	sleep 1
	kill -CONT "$relay_pid"
	client_ok after -b 192.0.2.10:6000 -n 10 192.0.2.1 5000
	read_totals
	expect "restarts" "$(total child_restarts)" -eq 0
}

# starts_not WHAT: where the system refuses it, the start fails with 1 and a word why.
starts_not()
{
	make_network
	mkdir -m 755 empty
	spawn udp46 "$relay" "$helpers/refuse" "$1" "$udp46" --user nobody \
	    --chroot "$PWD/empty" --log-format text --listen 192.0.2.1:5000 \
	    --upstream '[2001:db8:1::2]:7000'
	finish udp46
	cat udp46.err "$log"
	expect "exit status" "$status" -eq 1
	expect "started" "$(log_count started)" -eq 0
	cat udp46.err "$log" >said
	[ -s said ] || fail "it does not say why"
}

root_case no_seccomp "A relay that cannot lock itself up at start ends the program with 1"
no_seccomp_body()
{
	starts_not seccomp
}

root_case no_new_privs "No start without no_new_privs"
no_new_privs_body()
{
	starts_not no_new_privs
}

root_case no_chroot "No start without the chroot"
no_chroot_body()
{
	starts_not chroot
}

root_case log_reader_stops "A reader of the log that stops reading costs no datagram"
log_reader_stops_body()
{
	make_network
	start_echo 7000
	mkfifo pipe
	mkdir -m 755 empty
	sh -c 'exec sleep 300' <pipe &
	echo "$! $(start_time $!)" >>processes
	# Far more lines than a pipe holds: the listener is there before the log is full.
	spawn udp46 "$relay" sh -c 'exec "$@" >pipe' sh "$udp46" --user nobody \
	    --chroot "$PWD/empty" --log-format text --log-level debug \
	    --unreplied-timeout 1s --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000'
	wait_for 30 answers || fail "udp46 does not start"
	start_many -n 400 192.0.2.1 5000
	for _turn in 1 2 3; do
		many_round
		expect "served" "$(value answered many.out)" -eq 400
		sleep 2
	done
	stop_udp46
}

answers()
{
	in_client "$helpers/client" -n 1 -w 200 192.0.2.1 5000
}
