# The keeper of the relay's sockets: poisoned records, relays that lie, ports that run out.

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

root_case poisoned "A record that kills relays is found, and costs nobody else his session"
poisoned_body()
{
	with_flaw poisoned
	make_network
	start_echo 7000
	start_udp46_default --log-level debug --metrics.enabled
	client_ok bad -b 192.0.2.10:6666 -n 2 192.0.2.1 5000
	upstream_ports >poisoned
	start_many -a 192.0.2.11 -A 10 -n 99 -w 20000 192.0.2.1 5000
	many_round
	expect "served" "$(value answered many.out)" -eq 99
	upstream_ports | sort >before
	# Those who write while relays die are heard by the one that lives.
	find_relay
	kill -SEGV "$relay_pid"
	many_round
	expect "served after" "$(value answered many.out)" -eq 99
	echo "milliseconds from the first SIGSEGV to the last answer:" \
	    "$(value milliseconds many.out); relays: $(log_count 'child ended')"
	upstream_ports | sort >after
	atf_check cmp before after
	expect "sessions" "$(log_count 'session created')" -eq 100
	wait_log 'sessions restored'
	expect "restored" "$(log_values 'sessions restored' count)" -eq 99
	expect "discarded" "$(log_values 'session records discarded' count)" -eq 1
	expect "its port" "$(log_values 'session records discarded' upstream_local_port)" \
	    -eq "$(cat poisoned)"
	in_relay curl -s http://127.0.0.1:9108/metrics >metrics
	expect "counted" "$(sed -n 's/.*{reason="restore_failed"} //p' metrics)" -eq 1
	# And so it stays, whoever takes over.
	kill -USR2 "$(cat udp46.pid)"
	wait_for 60 more_records started 1 || fail "no successor"
	in_relay curl -s --retry 5 --retry-all-errors http://127.0.0.1:9108/metrics >metrics
	expect "counted" "$(sed -n 's/.*{reason="restore_failed"} //p' metrics)" -eq 1
	# The bad client is served like a new one, and the next crash is as harmless.
	client_ok bad_again -b 192.0.2.10:6666 -n 2 192.0.2.1 5000
	kill_relay SEGV
	many_round
	expect "served in the end" "$(value answered many.out)" -eq 99
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 101
}

root_case all_poisoned "When every record kills relays, the service goes on without them"
all_poisoned_body()
{
	with_flaw poisoned
	make_network
	start_echo 7000
	start_udp46_default
	for _host in 10 11 12 13 14 15 16 17 18 19; do
		client_ok "bad$_host" -b "192.0.2.$_host:6666" -n 2 192.0.2.1 5000
	done
	kill_relay SEGV
	client_ok other -b 192.0.2.20:6000 -n 2 192.0.2.1 5000
	expect "discarded one at a time" "$(log_count 'session records discarded')" -eq 10
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 11
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
	# A pool each and one second's worth at first.
	expect "sockets made" "$_made" -ge 1000
	expect "sockets made" "$_made" -le $((1000 * (_seconds + 1) + 2 * 256))
	stop_udp46
}

# The UDP ports of IPv6 that are taken in the relay's namespace.
taken_ports()
{
	in_relay ss -H -u -a -n -6 | wc -l
}

root_case pool "At rest 16 ports are held ahead of need, after a rush as well"
pool_body()
{
	make_network
	start_echo 7000
	start_udp46_default --unreplied-timeout 2s
	wait_for 10 has_taken 16 || fail "$(taken_ports) ports are taken, not 16"
	start_many -n 600 -r 5000 192.0.2.1 5000
	many_round
	expect "served" "$(value answered many.out)" -eq 600
	# As many sessions, and more in the pool than at rest.
	expect "ports" "$(taken_ports)" -gt 620
	wait_total sessions_active -eq 0
	wait_for 30 has_taken 16 || fail "$(taken_ports) ports are taken, not 16"
	sleep 1
	expect "ports" "$(taken_ports)" -eq 16
	client_ok after -n 10 192.0.2.1 5000
	stop_udp46
}

has_taken()
{
	[ "$(taken_ports)" -eq "$1" ]
}

root_case named_ports "Ports that --listen and --upstream name are left to them"
named_ports_body()
{
	make_network
	start_echo 42003
	start_udp46 --listen 192.0.2.1:42001 --listen 192.0.2.1:42005 \
	    --upstream '[2001:db8:1::2]:42003' --upstream-ports 42000-42009
	expect "capacity" "$(log_values started session_capacity)" -eq 7
	start_many -n 7 192.0.2.1 42001
	many_round
	many_round
	expect "served" "$(value answered many.out)" -eq 7
	in_relay ss -H -u -a -n -6 | grep -o '::1]:[0-9]*' | cut -d : -f 4 | sort -u >taken
	printf '%s\n' 42000 42002 42004 42006 42007 42008 42009 >expected
	atf_check cmp expected taken
	stop_udp46
	# With no other one there is nothing to begin with.
	status=0
	in_relay "$udp46" --listen 192.0.2.1:42001 --upstream '[2001:db8:1::2]:42003' \
	    --user nobody --chroot "$PWD/empty" --upstream-ports 42001-42001 >refused 2>&1 ||
	    status=$?
	expect "exit status" $status -eq 1
	atf_check -o match:'name another range' cat refused
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
