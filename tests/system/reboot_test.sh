# The state file: sessions outlive the host.  A reboot here: all processes and sockets of the relay's
# host end, and its network namespace is made anew; what is left is the file.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/names.subr"
. "$(atf_get_srcdir)/reboot.subr"
. "$(atf_get_srcdir)/restart.subr"

start_with_state()
{
	start_udp46_default --state-file "$PWD/state" "$@"
}

# The ports of sockets to the upstream that are bound, one a line.
bound_ports()
{
	in_relay ss -Huna | awk '$4 !~ /^192/ { sub(/.*:/, "", $4); print $4 }' | sort
}

heard_from_home()
{
	in_home sh -c "echo reply | socat -u - 'UDP6:[2001:db8:1::1]:$port,bind=:7000'"
	sleep 0.1
	grep -q reply heard
}

# The upstream speaks first, to a client who is silent.
home_reaches_client()
{
	port=$(upstream_ports)
	kill "$(cat echo.pid)"
	finish echo
	spawn listening "$client" timeout 60 socat -u UDP4-RECV:6000,bind=192.0.2.10 \
	    OPEN:heard,creat
	wait_for 30 heard_from_home || fail "no reply reaches the client"
}

root_case silent_client "After an orderly reboot the upstream reaches a client who is silent"
silent_client_body()
{
	make_network
	start_echo 7000
	start_with_state
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	reboot
	expect "mode" "$(stat -c %a state)" -eq 600
	start_with_state
	expect "restored" "$(log_values 'state restored' sessions)" -eq 1
	expect "dropped" "$(log_values 'state restored' dropped)" -eq 0
	home_reaches_client
	stop_udp46
}

root_case ports_kept "600 sessions keep their ports over two reboots"
ports_kept_body()
{
	make_network
	start_echo 7000
	start_with_state --log-level debug
	start_many -a 192.0.2.10 -A 20 -n 600 -r 20000 -w 20000 192.0.2.1 5000
	many_round
	many_round
	expect "served" "$(value answered many.out)" -eq 600
	upstream_ports | sort >before
	for _turn in 1 2; do
		reboot
		start_with_state --log-level debug
		wait_log 'sessions restored'
		expect "restored" "$(log_values 'sessions restored' count)" -eq 600
		many_round
		expect "served after it" "$(value answered many.out)" -eq 600
		upstream_ports | sort >after
		atf_check cmp before after
		expect "newcomers" "$(log_count 'session created')" -eq 0
	done
	stop_udp46
}

# is_written MODIFIED: the file is of another time than that.
is_written()
{
	[ -f state ] && [ "$(stat -c %y state)" != "$1" ]
}

root_case every_minute "It is written every minute if something changed, and a crash of the host loses no more"
every_minute_body()
{
	make_network
	start_echo 7000
	start_with_state
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	wait_for 75 is_written none || fail "it is not written"
	written=$(stat -c %y state)
	client_ok later -b 192.0.2.11:6000 -n 1 192.0.2.1 5000
	# Nothing of an ASSURED session: the newcomer is none.
	sleep 65
	is_written "$written" && fail "it is written though nothing has changed"
	crash
	start_with_state
	expect "restored" "$(log_values 'state restored' sessions)" -eq 1
	port=$(upstream_ports | head -n 1)
	expect "its port" "$(bound_ports | grep -c "^$port$")" -eq 1
	client_ok after -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 2
	stop_udp46
}

root_case no_way_yet "A host that boots has no way to the upstream: ports are bound, and served when there is one"
no_way_yet_body()
{
	make_network
	start_echo 7000
	start_with_state --log-level debug
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	reboot
	atf_check ip -n "$relay" link set home down
	start_with_state --log-level debug
	expect "restored" "$(log_values 'state restored' sessions)" -eq 1
	expect "bound" "$(bound_ports)" = "$(upstream_ports)"
	wait_log 'upstream unreachable'
	find_relay
	run_client meanwhile -b 192.0.2.10:6000 -n 50 -r 10 -w 100 192.0.2.1 5000
	# It does not try again and again: hundredths of a second of processor time.
	expect "processor time" "$(awk '{ print $14 + $15 }' "/proc/$relay_pid/stat")" -le 100
	read_totals
	expect "dropped" "$(total drops_upstream_unreachable)" -ge 45
	atf_check ip -n "$relay" link set home up
	atf_check ip -n "$relay" address replace 2001:db8:1::1/64 dev home nodad
	wait_log 'upstream reachable'
	home_reaches_client
	expect "newcomers" "$(log_count 'session created')" -eq 0
	stop_udp46
}

root_case source_not_yet "So it is when the address of --upstream-source comes later"
source_not_yet_body()
{
	make_network
	start_echo 7000
	atf_check ip -n "$relay" address add 2001:db8:1::99/64 dev home nodad
	start_with_state --upstream-source 2001:db8:1::99
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	reboot
	start_with_state --upstream-source 2001:db8:1::99
	expect "restored" "$(log_values 'state restored' sessions)" -eq 1
	expect "bound" "$(bound_ports)" = "$(upstream_ports)"
	wait_log 'upstream unreachable'
	atf_check ip -n "$relay" address add 2001:db8:1::99/64 dev home nodad
	wait_log 'upstream reachable'
	client_ok after -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 1
	stop_udp46
}

root_case left_out "Ports of other programs, listeners that are gone: these sessions are dropped, and said"
left_out_body()
{
	make_network
	start_echo 7000
	start_with_state --listen 192.0.2.1:5001
	client_ok one -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	port=$(upstream_ports)
	client_ok two -b 192.0.2.11:6000 -n 2 192.0.2.1 5000
	client_ok three -b 192.0.2.12:6000 -n 2 192.0.2.1 5001
	reboot
	spawn taken "$relay" socat -u "UDP6-RECV:$port" OPEN:stranger,creat
	wait_for 10 bound || fail "socat does not bind"
	start_with_state
	expect "restored" "$(log_values 'state restored' sessions)" -eq 1
	expect "dropped" "$(log_values 'state restored' dropped)" -eq 2
	expect "port" "$(log_values 'upstream ports taken' upstream_local_port)" -eq "$port"
	client_ok one_again -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	client_ok two_again -b 192.0.2.11:6000 -n 2 192.0.2.1 5000
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 4
	stop_udp46
}

bound()
{
	[ -n "$(bound_ports)" ]
}

root_case too_old "What was silent for longer than --session-timeout is not taken up"
too_old_body()
{
	make_network
	start_echo 7000
	start_with_state --session-timeout 3s
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	reboot
	sleep 4
	start_with_state --session-timeout 3s
	expect "restored" "$(log_values 'state restored' sessions)" -eq 0
	expect "expired" "$(log_values 'state restored' expired)" -eq 1
	stop_udp46
}

root_case goes_on "What is counted of a session, its age and its idle clock go on"
goes_on_body()
{
	make_network
	start_echo 7000
	start_with_state --log-level debug --session-timeout 20s
	client_ok before -b 192.0.2.10:6000 -n 3 192.0.2.1 5000
	id=$(log_values 'session created' session_id)
	sleep 8
	reboot
	start_with_state --log-level debug --session-timeout 20s
	wait_log 'session closed' 60
	expect "id" "$(log_values 'session closed' session_id)" = "$id"
	for _direction in client_to_upstream upstream_to_client; do
		expect "packets" "$(log_values 'session closed' "${_direction}_packets")" -eq 3
	done
	# 20 s, and a second more as it is a restored one; 28 s had it begun anew.
	duration=$(log_values 'session closed' duration)
	expect "seconds" "${duration%.*}" -ge 19
	expect "seconds" "${duration%.*}" -lt 28
	stop_udp46
}

root_case by_name "A host that boots cannot look the upstream up: it is where it was"
by_name_body()
{
	make_network
	private_names
	start_echo 7000
	start_udp46 --listen 192.0.2.1:5000 --upstream home.example.net:7000 \
	    --state-file "$PWD/state"
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	reboot
	echo 'hosts: dns' >nsswitch.conf
	echo 'nameserver 127.0.0.1' >resolv.conf
	sed -i 's/hosts nsswitch/resolv.conf hosts nsswitch/' private
	start_udp46 --listen 192.0.2.1:5000 --upstream home.example.net:7000 \
	    --state-file "$PWD/state"
	wait_log 'upstream not resolved'
	expect "restored" "$(log_values 'state restored' sessions)" -eq 1
	home_reaches_client
	stop_udp46
}

root_case not_root "Who is not root has a file of his own"
not_root_body()
{
	make_network
	start_echo 7000
	atf_check install -d -o nobody mine
	chmod 755 .
	wrapper="setpriv --reuid nobody --regid nogroup --clear-groups"
	start_udp46_default --state-file "$PWD/mine/state"
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	reboot
	expect "mode and owner" "$(stat -c '%a %U' mine/state)" = '600 nobody'
	start_udp46_default --state-file "$PWD/mine/state"
	expect "restored" "$(log_values 'state restored' sessions)" -eq 1
	client_ok after -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 1
	stop_udp46
}

has_no_dead()
{
	for _child in $(children "$(cat udp46.pid)"); do
		! has_ended "$_child" || return 1
	done
}

root_case upgrade "It is written when an upgrade begins, which may fail"
upgrade_body()
{
	make_network
	start_echo 7000
	start_with_state
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	kill -USR2 "$(cat udp46.pid)"
	wait_for 10 is_written none || fail "it is not written"
	wait_for 30 has_no_dead || fail "nobody takes note of the end of who wrote it"
	crash
	start_with_state
	expect "restored" "$(log_values 'state restored' sessions)" -eq 1
	stop_udp46
}

# refused REASON: the file as it is now is not believed, and nobody is the worse for it.
refused()
{
	start_with_state
	expect "ignored" "$(log_count 'state file ignored')" -eq 1
	grep -q "$1" "$log" || fail "it is not said that it $1: $(cat "$log")"
	expect "restored" "$(log_count 'state restored')" -eq 0
	expect "sessions" "$(log_count 'sessions restored')" -eq 0
	client_ok served -b 192.0.2.20:6000 -n 2 192.0.2.1 5000
	stop_udp46
	forget_udp46
}

# Whatever it is, it is not ours to remove.
refused_and_left()
{
	stat -c '%i %a %s %y' state >status
	refused "$1"
	stat -c '%i %a %s %y' state | cmp - status || fail "it is another one now"
	rm -rf state
}

root_case hostile "A file that is damaged, foreign, open to others or no file: said and ignored"
hostile_body()
{
	make_network
	start_echo 7000
	start_with_state
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	stop_udp46
	forget_udp46
	cp state good

	ln -s good state.link && mv state.link state
	refused_and_left 'is a symbolic link'
	mkfifo -m 600 state
	refused_and_left 'is no regular file'
	mkdir -m 700 state
	refused_and_left 'is no regular file'
	install -m 644 good state
	refused_and_left 'may be read or written by others'
	install -m 620 good state
	refused_and_left 'may be read or written by others'
	install -m 600 -o nobody good state
	refused_and_left 'Permission denied'
	install -m 600 good state && ln state other
	refused_and_left 'has another name, too'
	install -m 600 /dev/null state && truncate -s 100M state
	refused_and_left 'is too large'
	install -m 600 /etc/passwd state
	refused_and_left 'is no state file of udp46'
	head -c 5000 /dev/urandom >random && install -m 600 random state
	refused_and_left 'is no state file of udp46'

	# One of ours is replaced.
	head -c 300 good >short && install -m 600 short state
	refused 'is cut short'
	head -c 400 good >short && install -m 600 short state
	refused 'has another size than it says'
	{ cat good; echo more; } >long && install -m 600 long state
	refused 'has another size than it says'
	{ head -c 380 good; printf X; tail -c +382 good; } >damaged && install -m 600 damaged state
	refused 'is damaged'
	{ head -c 8 good; printf '\002'; tail -c +10 good; } >newer && install -m 600 newer state
	refused 'is of another version'
	# An empty one is as none.
	install -m 600 /dev/null state
	start_with_state
	expect "ignored" "$(log_count 'state file ignored')" -eq 0
	stop_udp46
	forget_udp46
	install -m 600 good state
	start_with_state
	expect "ignored" "$(log_count 'state file ignored')" -eq 0
	expect "restored" "$(log_values 'state restored' sessions)" -eq 1
	stop_udp46
}

root_case other_upstream "Sessions with another upstream are not taken up"
other_upstream_body()
{
	make_network
	start_echo 7000
	start_with_state
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	reboot
	start_udp46 --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7001' \
	    --state-file "$PWD/state"
	grep -q 'tells of sessions with another upstream' "$log" || fail "it is not said"
	expect "restored" "$(log_count 'state restored')" -eq 0
	stop_udp46
}

root_case cannot_write "A folder that is not there, or a disk that is full: said once, and nobody waits"
cannot_write_body()
{
	make_network
	start_echo 7000
	start_udp46_default --state-file "$PWD/none/state"
	client_ok one -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	stop_udp46
	grep -q 'state not written.*make its folder' "$log" || fail "no folder: not said"
	forget_udp46
	atf_check mkdir disk
	cat >full <<-END
	set -e
	mount -t tmpfs -o size=16k none disk
	echo before >disk/filler
	dd if=/dev/zero of=disk/filler bs=1k count=64 2>/dev/null || :
	exec "\$@"
	END
	wrapper="unshare --mount --propagation private sh full"
	start_udp46_default --state-file "$PWD/disk/state"
	client_ok two -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	stop_udp46
	grep -q 'state not written.*make room on its disk' "$log" || fail "full: not said"
	expect "said" "$(log_count 'state not written')" -eq 1
}

root_case workers "With several workers it is not used, which is said"
workers_body()
{
	make_network
	start_echo 7000
	start_with_state --workers 2
	expect "ignored" "$(log_count 'state file ignored')" -eq 1
	client_ok one -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	stop_udp46
	[ ! -e state ] || fail "it is written"
}

# start_slow MICROSECONDS: as on a disk that takes so long for each fsync(2).
start_slow()
{
	wrapper="env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=fsync -e inject=fsync:delay_enter=$1 -o trace"
	start_with_state
	supervisor=$(children "$(cat udp46.pid)" | tr -d ' ')
}

find_writer()
{
	for writer_pid in $(children "$supervisor"); do
		grep -q 'state writer' "/proc/$writer_pid/cmdline" || continue
		[ "$(sed -n 's/^Seccomp:\t//p' "/proc/$writer_pid/status")" -eq 2 ] && return
	done
	return 1
}

root_case writer "Who writes it is alone with the file: no other descriptor, no capability, and a filter"
writer_body()
{
	make_network
	start_echo 7000
	start_slow 300000
	client_ok one -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	kill -TERM "$supervisor"
	wait_for 10 find_writer || fail "nobody writes"
	find_writer || fail "it has ended so soon"
	cat "/proc/$writer_pid/status" >status
	expect "descriptors" "$(find "/proc/$writer_pid/fd" -type l | wc -l)" -eq 2
	expect "capabilities" "$(sed -n 's/^CapEff:\t//p' status)" = 0000000000000000
	finish udp46
	expect "exit status" "$status" -eq 0
	[ ! -e state.new ] || fail "half a file is left"
}

root_case slow_disk "A disk that does not answer keeps nobody: neither clients nor the end"
slow_disk_body()
{
	make_network
	start_echo 7000
	start_slow 60000000
	client_ok one -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	kill -TERM "$supervisor"
	wait_for 20 has_ended "$supervisor" || fail "it does not end"
	expect "said" "$(log_count 'state not written')" -eq 1
	expect "orderly" "$(log_count shutdown)" -eq 1
	[ ! -e state ] || fail "what is not on the disk has taken the file's place"
}

no_socket()
{
	[ -d "/proc/$1/fd" ] && [ "$(find "/proc/$1/fd" -lname 'socket:*' | wc -l)" -eq 0 ]
}

# writer_that WHAT: a daemon whose writers have that happen to them in the middle.
writer_that()
{
	make_network
	start_echo 7000
	own_program
	wrapper="strace -D -f -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:$1"
	start_with_state
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	# That writes it, and nothing else comes of it.
	rm own_udp46
	refused_upgrade 'No such file'
}

root_case hanging_writer "A writer that hangs has no socket of ours"
hanging_writer_body()
{
	writer_that delay_enter=10000000
	wait_for 10 child_pid 'state writer' || fail "there is no writer"
	writer=$(child_pid 'state writer')
	wait_for 8 no_socket "$writer" || fail "$(ls -l "/proc/$writer/fd")"
}

root_case killed_writer "A writer that is killed is not the disk's fault"
killed_writer_body()
{
	writer_that signal=KILL
	wait_log 'state not written'
	grep -q 'state not written.*error=Killed' "$log" || fail "another error"
}
