# What each process may do, read from outside: DESIGN, "Processes" and "Locking a child up".

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/common.subr"

# setuid, setgid, setpcap, sys_chroot, kill, net_admin
six_capabilities=00000000000411e0
no_capabilities=0000000000000000

# status_field PID NAME: of /proc/PID/status, blanks squeezed.
status_field()
{
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr -s '[:space:]' ' ' | sed 's/ $//'
}

# limit PID NAME: soft and hard, as in /proc/PID/limits.
limit()
{
	sed -n "s/^$2 *\([0-9a-z]*\) *\([0-9a-z]*\).*/\1 \2/p" "/proc/$1/limits"
}

check_supervisor()
{
	_pid=$(cat udp46.pid)
	for _set in CapPrm CapEff CapBnd; do
		expect "supervisor $_set" "$(status_field "$_pid" $_set)" = $six_capabilities
	done
	for _set in CapInh CapAmb; do
		expect "supervisor $_set" "$(status_field "$_pid" $_set)" = $no_capabilities
	done
	expect "supervisor NoNewPrivs" "$(status_field "$_pid" NoNewPrivs)" -eq 1
}

# What holds for the relay whoever starts it: no privilege and no way to get one.
check_relay_powerless()
{
	for _set in CapInh CapPrm CapEff CapAmb; do
		expect "relay $_set" "$(status_field "$relay_pid" $_set)" = $no_capabilities
	done
	expect "relay NoNewPrivs" "$(status_field "$relay_pid" NoNewPrivs)" -eq 1
	expect "relay Seccomp" "$(status_field "$relay_pid" Seccomp)" -eq 2
	expect "relay processes" "$(limit "$relay_pid" 'Max processes')" = '0 0'
	expect "relay core size" "$(limit "$relay_pid" 'Max core file size')" = '0 0'
	case $(limit "$relay_pid" 'Max open files') in
	*unlimited* | '') fail "the relay's descriptors are not limited" ;;
	esac
	# The files of a process that is not dumpable belong to root.
	expect "owner of the relay's files" "$(stat -c %u "/proc/$relay_pid/fd")" -eq 0
}

# What root can do more: another identity, and a root directory without anything.
check_relay_as_root()
{
	_uid=$(id -u "$run_as") _gid=$(id -g "$run_as")
	expect "relay Uid" "$(status_field "$relay_pid" Uid)" = "$_uid $_uid $_uid $_uid"
	expect "relay Gid" "$(status_field "$relay_pid" Gid)" = "$_gid $_gid $_gid $_gid"
	expect "relay Groups" "$(status_field "$relay_pid" Groups)" = ''
	expect "relay CapBnd" "$(status_field "$relay_pid" CapBnd)" = $no_capabilities
	expect "relay root" "$(stat -L -c %d:%i "/proc/$relay_pid/root")" = "$(stat -c %d:%i empty)"
	expect "relay directory" "$(stat -L -c %d:%i "/proc/$relay_pid/cwd")" = \
	    "$(stat -c %d:%i empty)"
}

check_relay_descriptors()
{
	# Standard descriptors lead nowhere; the rest are sockets, what waits for them, and totals.
	find "/proc/$relay_pid/fd" -type l -printf '%f %l\n' >descriptors
	cat descriptors
	grep -q socket: descriptors || fail "the relay holds no socket"
	grep -v -E ' (socket:\[[0-9]+\]|anon_inode:\[eventpoll\]|/dev/null|/memfd:udp46.*)$' \
	    descriptors | grep -v -E '^2 ' >others
	[ ! -s others ] || fail "the relay holds: $(cat others)"
}

# own_namespaces OPERATOR: whether (!=) or not (=) the relay has namespaces of its own.
own_namespaces()
{
	for _kind in user net ipc uts; do
		expect "relay's namespace $_kind" \
		    "$(readlink "/proc/$relay_pid/ns/$_kind")" "$1" \
		    "$(readlink "/proc/$(cat udp46.pid)/ns/$_kind")"
	done
}

traffic()
{
	client_ok traffic -n 20 -s 0,100,1472,9000 192.0.2.1 5000
}

user_namespaces_work()
{
	setpriv --reuid nobody --regid nogroup --clear-groups unshare --user --net true
}

root_case first_order "Started as root, with namespaces"
first_order_body()
{
	user_namespaces_work || atf_skip "this system makes no user namespaces"
	make_network
	start_echo 7000
	# Not nobody: that is also how an unmapped identity shows.
	run_as=games
	start_udp46_default
	traffic
	find_relay
	check_supervisor
	check_relay_powerless
	check_relay_as_root
	check_relay_descriptors
	own_namespaces "!="
	expect "log of confinement" "$(log_values 'child confined' pid)" -eq "$relay_pid"
	# The successor is locked up likewise.
	kill_relay KILL
	traffic
	check_relay_powerless
	check_relay_as_root
	check_relay_descriptors
	own_namespaces "!="
	stop_udp46
}

root_case second_order "Started as root where user namespaces are refused: the rest holds"
second_order_body()
{
	make_network
	start_echo 7000
	run_as=games
	wrapper="$helpers/refuse namespaces"
	start_udp46_default
	traffic
	find_relay
	check_supervisor
	check_relay_powerless
	check_relay_as_root
	check_relay_descriptors
	own_namespaces "="
	kill_relay KILL
	traffic
	check_relay_powerless
	check_relay_as_root
	own_namespaces "="
	grep -i namespace "$log" || fail "the log does not tell of the namespaces"
	expect "times it was logged" "$(grep -c 'level=WARN.*namespace' "$log")" -eq 1
	stop_udp46
}

root_case without_landlock "A kernel without Landlock is no obstacle, and is logged once"
without_landlock_body()
{
	make_network
	start_echo 7000
	wrapper="$helpers/refuse landlock"
	start_udp46_default
	traffic
	find_relay
	check_relay_powerless
	kill_relay KILL
	traffic
	expect "times it was logged" "$(grep -c -i 'level=WARN.*landlock' "$log")" -eq 1
	stop_udp46
}

# start_unprivileged [COMMAND...]: as nobody, with a copy of the program that nobody can reach;
# through a command that still runs as root.
start_unprivileged()
{
	directory=/tmp/udp46-test-$$
	echo $directory >directory
	atf_check mkdir -m 755 $directory $directory/empty
	atf_check install -m 755 "$udp46" $directory/udp46
	spawn udp46 "$relay" "$@" setpriv --reuid nobody --regid nogroup --clear-groups \
	    --inh-caps=-all --bounding-set=-all $directory/udp46 \
	    --chroot $directory/empty --log-format text \
	    --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000'
	wait_for 60 is_up_or_dead || fail "udp46 does not start"
	more_records started 0 || fail "udp46 ended at start: $(cat udp46.err "$log")"
}

check_unprivileged()
{
	traffic
	find_relay
	expect "relay Uid" "$(status_field "$relay_pid" Uid | cut -d ' ' -f 1)" -eq \
	    "$(id -u nobody)"
	check_relay_powerless
	expect "supervisor CapEff" "$(status_field "$(cat udp46.pid)" CapEff)" = $no_capabilities
	expect "supervisor NoNewPrivs" "$(status_field "$(cat udp46.pid)" NoNewPrivs)" -eq 1
	kill_relay KILL
	traffic
	check_relay_powerless
	check_relay_descriptors
}

clean_up_unprivileged()
{
	clean_up
	[ ! -f directory ] || rm -r "$(cat directory)"
}

root_case not_root "Started by nobody: no change of identity, all the rest"
not_root_body()
{
	user_namespaces_work || atf_skip "this system makes no user namespaces"
	make_network
	start_echo 7000
	start_unprivileged env
	check_unprivileged
	own_namespaces "!="
	expect "relay root" "$(stat -L -c %d:%i "/proc/$relay_pid/root")" = \
	    "$(stat -c %d:%i $directory/empty)"
	stop_udp46
}
not_root_cleanup()
{
	clean_up_unprivileged
}

root_case not_root_second "Started by nobody where user namespaces are refused"
not_root_second_body()
{
	make_network
	start_echo 7000
	start_unprivileged "$helpers/refuse" namespaces
	check_unprivileged
	own_namespaces "="
	stop_udp46
}
not_root_second_cleanup()
{
	clean_up_unprivileged
}

root_case titles "Process titles tell who is who"
titles_body()
{
	make_network
	start_udp46_default
	find_relay
	expect "supervisor" "$(ps -o args= -p "$(cat udp46.pid)" | sed 's/ *$//')" = \
	    'udp46: supervisor [priv]'
	expect "relay" "$(ps -o args= -p "$relay_pid" | sed 's/ *$//')" = 'udp46: relay'
	stop_udp46
	# However long the path that it was started by.
	atf_check mkdir -p a/rather/long/path/to/the/program
	atf_check ln -s "$udp46" a/rather/long/path/to/the/program/udp46
	udp46=$PWD/a/rather/long/path/to/the/program/udp46
	start_udp46_default
	expect "supervisor" "$(ps -o args= -p "$(cat udp46.pid)" | sed 's/ *$//')" = \
	    'udp46: supervisor [priv]'
}

# What the relay may call: the table in common/filter.c, once more, from the outside.
expected_calls='
	poll ppoll epoll_wait epoll_pwait epoll_ctl restart_syscall
	recvmsg sendmsg recvmmsg sendmmsg close getsockname getsockopt lseek
	clock_gettime
	brk mmap mprotect munmap mremap madvise getrandom
	exit exit_group rt_sigprocmask rt_sigreturn getpid gettid tgkill
'

root_case system_calls "Under traffic the relay makes no system call but those of its table"
system_calls_body()
{
	! is_sanitized || atf_skip "sanitizers make calls of their own"
	make_network
	start_echo 7000
	start_udp46 --listen 0.0.0.0:5000 --upstream '[2001:db8:1::2]:7000' \
	    --unreplied-timeout 1s --session-timeout 2s --log-level debug
	find_relay
	spawn strace "$relay" strace -f -o trace -p "$relay_pid"
	wait_for 30 grep -q -i attached strace.err || atf_skip "strace cannot attach: $(cat strace.err)"
	client_ok lockstep -n 50 -s 0,64,1472,9000,65507 192.0.2.1 5000
	client_ok stream -n 1000 -r 1000 -t 184 198.51.100.1 5000
	start_many -n 300 192.0.2.1 5000
	many_round
	many_round
	expect "served" "$(value answered many.out)" -eq 300
	# Expiry, an ICMP error, SIGSTOP and SIGCONT, totals.
	wait_total sessions_active -eq 0
	kill "$(cat echo.pid)"
	finish echo
	run_client refused -n 5 -w 50 192.0.2.1 5000
	kill -STOP "$relay_pid"
	kill -CONT "$relay_pid"
	start_echo 7000
	client_ok again -n 5 192.0.2.1 5000
	stop_udp46
	finish strace
	sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' trace | sort | uniq -c | sort -rn >calls
	cat calls
	expect "calls seen" "$(wc -l <trace)" -gt 1000
	awk '{ print $2 }' calls | while read -r call; do
		echo "$expected_calls" | grep -q -w "$call" || echo "$call"
	done >unexpected
	[ ! -s unexpected ] || fail "not in the table: $(cat unexpected)"
}
