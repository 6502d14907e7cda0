# An upstream given by name, whose address changes: DESIGN, "Supervision", and the file that
# names are looked up in here.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/http.subr"
. "$(atf_get_srcdir)/names.subr"

# The home has a second address, at which the same service answers.
second_address()
{
	atf_check ip -n "$home" address add 2001:db8:1::3/64 dev relay nodad
	echo_name=echo3
	start_echo -b 2001:db8:1::3 7000
	echo_name=
}

start_named()
{
	start_udp46 --listen 192.0.2.1:5000 --upstream home.example.net:7000 "$@"
}

ports_of()
{
	sed -n 's/^peer [^ ]* //p' "$1.out" | sort
}

http_case moves "The upstream moves, and sessions move with it: every port stays"
moves_body()
{
	make_network
	private_names
	start_echo -b 2001:db8:1::2 7000
	second_address
	start_named --resolve-interval 0s --metrics.enabled
	start_many -n 100 192.0.2.1 5000
	many_round
	many_round
	expect "served" "$(value answered many.out)" -eq 100
	name_is 2001:db8:1::3
	hup
	wait_log 'upstream moved'
	many_round
	expect "served at once" "$(value answered many.out)" -eq 100
	ports_of echo >before
	ports_of echo3 >after
	expect "sessions that moved" "$(wc -l <after)" -eq 100
	atf_check cmp before after
	# Newcomers go there, too: the sockets of the pool have moved.
	client_ok newcomer -b 192.0.2.12:6000 -n 2 192.0.2.1 5000
	expect "ports at the second address" "$(ports_of echo3 | wc -l)" -eq 101
	read_totals
	expect "sessions" "$(total sessions_created)" -eq 101
	get /debug/sessions sessions
	expect "sessions shown at" "$(jq -r '.[].upstream_remote_address' sessions | sort | uniq -c |
	    tr -s ' ')" = ' 101 2001:db8:1::3'
	# And back, by itself and across a crash of the relay.
	kill_relay KILL
	many_round
	expect "served after a crash" "$(value answered many.out)" -eq 100
	name_is 2001:db8:1::2
	hup
	wait_for 30 more_records 'upstream moved' 1 || fail "it does not move back"
	many_round
	expect "served again" "$(value answered many.out)" -eq 100
	stop_udp46
}

root_case this_host "A name of this host may be meant, until it has another address"
this_host_body()
{
	make_network
	private_names
	name_is ::1
	_home=$home home=$relay
	start_echo -b ::1 7000
	home=$_home
	start_named --resolve-interval 0s
	client_ok one -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	second_address
	name_is ::1 2001:db8:1::3
	hup
	wait_log 'upstream moved'
	client_ok two -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	expect "ports" "$(ports_of echo3)" = "$(ports_of echo)"
	name_is ::1
	hup
	wait_log 'upstream not resolved'
	grep -q 'not resolved.*error="has no address of use"' "$log" || fail "another reason"
	client_ok three -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	expect "moves" "$(log_count 'upstream moved')" -eq 1
	stop_udp46
}

root_case by_itself "The name is looked up again every --resolve-interval"
by_itself_body()
{
	make_network
	private_names
	start_echo -b 2001:db8:1::2 7000
	second_address
	start_named --resolve-interval 500ms --log-level debug
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	# The address in use is kept while it is listed, wherever.
	name_is 2001:db8:1::3 2001:db8:1::2
	_looked=$(log_count 'child started')
	wait_for 30 more_records 'child started' $((_looked + 3)) || fail "it does not look again"
	expect "moves" "$(log_count 'upstream moved')" -eq 0
	name_is 2001:db8:1::3
	wait_log 'upstream moved'
	expect "from" "$(log_values 'upstream moved' from)" = '[2001:db8:1::2]:7000'
	expect "to" "$(log_values 'upstream moved' to)" = '[2001:db8:1::3]:7000'
	client_ok after -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	expect "ports" "$(ports_of echo3)" = "$(ports_of echo)"
	stop_udp46
}

root_case keeps_old "A look-up that fails keeps the old address, and is logged once"
keeps_old_body()
{
	make_network
	private_names
	start_echo 7000
	start_named --resolve-interval 300ms --log-level debug
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	name_is
	wait_log 'upstream not resolved'
	_looked=$(log_count 'child started')
	wait_for 30 more_records 'child started' $((_looked + 1)) || fail "it does not look again"
	client_ok meanwhile -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	expect "said" "$(log_count 'upstream not resolved')" -eq 1
	name_is 2001:db8:1::2
	wait_log 'upstream resolved again'
	expect "moves" "$(log_count 'upstream moved')" -eq 0
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 1
	stop_udp46
}

root_case stream "A stream goes on while the upstream moves to and fro"
stream_body()
{
	make_network
	private_names
	start_echo -b 2001:db8:1::2 7000
	second_address
	start_named --resolve-interval 0s
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	spawn stream "$client" "$helpers/client" -b 192.0.2.10:6000 -n 4000 -r 1000 192.0.2.1 5000
	for _address in 3 2 3; do
		sleep 0.7
		_moved=$(log_count 'upstream moved')
		name_is 2001:db8:1::$_address
		hup
		wait_for 30 more_records 'upstream moved' "$_moved" || fail "it does not move"
	done
	finish stream
	cat stream.out
	expect "sent" "$(value sent stream.out)" -eq 4000
	# What the old upstream had sent when its socket turned away: three round trips' worth.
	expect "lost" "$(value lost stream.out)" -le 100
	expect "corrupt" "$(value corrupt stream.out)" -eq 0
	expect "ports" "$(ports_of echo3)" = "$(ports_of echo)"
	stop_udp46
}

root_case not_yet "A name that cannot be looked up yet is waited for, and said once"
not_yet_body()
{
	make_network
	private_names
	start_echo 7000
	echo 'hosts: dns' >nsswitch.conf
	echo 'nameserver 127.0.0.1' >resolv.conf
	sed -i 's/hosts nsswitch/resolv.conf hosts nsswitch/' private
	mkdir -m 755 empty
	spawn udp46 "$relay" $wrapper "$udp46" --user nobody --chroot "$PWD/empty" \
	    --log-format text --listen 192.0.2.1:5000 --upstream home.example.net:7000
	wait_log 'upstream not resolved'
	_pid=$(cat udp46.pid)
	# Signals of now are served when they can be.
	kill -USR1 "$_pid"
	kill -HUP "$_pid"
	sleep 1
	expect "totals" "$(log_count totals)" -eq 0
	echo 'hosts: files' >nsswitch.conf
	wait_log started
	wait_log totals
	expect "said" "$(log_count 'upstream not resolved')" -eq 1
	client_ok after -n 2 192.0.2.1 5000
	stop_udp46
}

root_case ended_early "SIGTERM ends it while the name is being looked up"
ended_early_body()
{
	make_network
	private_names
	cp "$helpers/hostile" resolver-log
	mkdir -m 755 empty
	udp46=$PWD/resolver-log
	for _signal in TERM INT; do
		spawn udp46 "$relay" "$udp46" --user nobody --chroot "$PWD/empty" \
		    --log-format text --log-level debug --listen 192.0.2.1:5000 \
		    --upstream home.example.net:7000
		wait_log 'child started'
		kill -$_signal "$(cat udp46.pid)"
		finish udp46 5
		expect "exit status" "$status" -eq 0
	done
}

# Streams of five datagrams a second: NAME and the client's last address byte.
start_stream()
{
	spawn "$1" "$client" "$helpers/client" -b "192.0.2.$2:6000" -n "$3" -r 5 192.0.2.1 5000
}

# Look-ups that have begun; the log level must be debug.
look_ups()
{
	grep -E "$(record_pattern 'child started')" "$log" | grep -c 'child=resolver'
}

more_look_ups()
{
	[ "$(look_ups)" -gt "$1" ]
}

# check_suspect WHAT: the upstream is at ::2 no more, and its name says ::3 a little later.
check_suspect()
{
	wait_for 30 more_look_ups 2 || fail "$1: no look-up"
	name_is 2001:db8:1::3
	_start=$(date +%s%N)
	wait_log 'upstream moved' 60
	echo "$1: moved $((($(date +%s%N) - _start) / 1000000)) ms after the name"
}

root_case refused "When errors come back the name is looked up soon"
refused_body()
{
	make_network
	private_names
	# Nobody listens at ::2: ICMP says so.
	second_address
	start_named --resolve-interval 1h --log-level debug
	expect "look-ups at first" "$(look_ups)" -eq 1
	start_stream stream 10 1000
	check_suspect "errors"
	client_ok after -b 192.0.2.11:6000 -n 5 192.0.2.1 5000
	stop_udp46
}

root_case silence "When nothing comes back the name is looked up soon, but not all the time"
silence_body()
{
	make_network
	private_names
	second_address
	# It never answers.
	start_echo -b 2001:db8:1::2 -n 0 7000
	start_named --resolve-interval 1h --log-level debug
	start_stream stream 10 1000
	start_stream other 11 1000
	check_suspect "silence"
	client_ok after -b 192.0.2.12:6000 -n 5 192.0.2.1 5000
	# While all is well nothing is asked for, but what was due before.
	sleep 6
	_looked=$(look_ups)
	sleep 7
	expect "look-ups while all is well" "$(look_ups)" -eq "$_looked"
	echo_pid=$(cat echo3.pid)
	kill "$echo_pid"
	wait_for 30 more_look_ups "$_looked" || fail "no look-up"
	_start=$(date +%s) _looked=$(look_ups)
	sleep 17
	_looked=$(($(look_ups) - _looked)) _took=$(($(date +%s) - _start))
	echo "$_looked look-ups in $_took s of errors"
	expect "look-ups" "$_looked" -ge 1
	expect "look-ups, each 5 s after the one before" "$_looked" -le $((_took / 5 + 1))
	stop_udp46
}

root_case keepalives "A client that wants no answers is no reason to look"
keepalives_body()
{
	make_network
	private_names
	start_echo -b 2001:db8:1::2 -n 0 7000
	start_named --resolve-interval 1h --log-level debug
	# One after the other: some client sends each second, none more often than each 12.
	for _n in 10 11 12 13 14 15 16 17 18 19 20 21 10 11 12 13; do
		run_client keepalive -b 192.0.2.$_n:6000 -n 1 -w 1000 192.0.2.1 5000
	done
	expect "look-ups" "$(look_ups)" -eq 1
	stop_udp46
}

root_case suspect_off "With --resolve-interval=0s nothing is looked up by itself"
suspect_off_body()
{
	make_network
	private_names
	start_named --resolve-interval 0s --log-level debug
	start_stream stream 10 50
	finish stream
	expect "look-ups" "$(look_ups)" -eq 1
	stop_udp46
}
