# The service unit: with the capabilities, the system calls and the folders that it grants, and
# no others, the program does what it is documented to do.

. "$(atf_get_srcdir)/common.subr"

unit=${UDP46_SRCDIR-}/supervisor/udp46.service.in

unit_case()
{
	root_case "$1" "$2"
	eval "$1_head()
	{
		atf_set descr \"$2\"
		atf_set require.user root
		atf_set require.progs 'curl setpriv systemd-analyze unshare'
	}"
}

# setting NAME: of the unit, one value a line.
setting()
{
	sed -n "s/^$1=//p" "$unit"
}

# calls NAME...: system calls, groups of them replaced by their members.
calls()
{
	for _name in "$@"; do
		case $_name in
		@*)
			# shellcheck disable=SC2046 # names
			(calls $(systemd-analyze syscall-filter "$_name" | sed '1d; /#/d'))
			;;
		*) echo "$_name" ;;
		esac
	done
}

allowed_calls()
{
	# shellcheck disable=SC2046
	calls $(setting SystemCallFilter | sed '/^~/d') | sort -u >allow
	# shellcheck disable=SC2046
	calls $(setting SystemCallFilter | sed -n 's/^~//p') | sort -u >deny
	comm -23 allow deny >allowed
	expect "calls that are allowed" "$(wc -l <allowed)" -gt 100
}

# make_run FOLDER...: a process in whose /run there are these folders alone, and nothing can be
# written but in them, as the service manager has it; its mounts are in $mounts.
make_run()
{
	# shellcheck disable=SC2016 # for the other shell
	spawn host "$relay" unshare --mount sh -c 'set -e
		mount -t tmpfs -o mode=755 tmpfs /run
		for folder in "$@"; do
			mkdir -m 755 "/run/$folder"
			mount --bind "/run/$folder" "/run/$folder"
		done
		mount -o remount,bind,ro /run
		echo ready
		exec sleep 600' sh "$@"
	wait_for 30 grep -q ready host.out || fail "no /run: $(cat host.err)"
	mounts=/proc/$(cat host.pid)/ns/mnt
	run=/proc/$(cat host.pid)/root/run
}

# start_unit OPTION...: what ExecStart= says, as the service manager would.
start_unit()
{
	bounding=-all$(setting CapabilityBoundingSet | tr '[:upper:]' '[:lower:]' | sed 's/ *cap_/,+/g')
	# Which would trace the process, if it was built with sanitizers.
	export ASAN_OPTIONS=detect_leaks=0
	start=$(setting ExecStart | sed "s|@SBINDIR@/udp46|$udp46|; s|@SYSCONFDIR@/udp46/udp46.conf|$PWD/udp46.conf|;
	    s|%t|/run|g; s|%S|$PWD/state|; s|\$UDP46_OPTIONS||")
	mkdir -p state/udp46
	cp "$UDP46_SRCDIR/supervisor/udp46.conf" .
	# shellcheck disable=SC2086 # a command and its arguments
	spawn udp46 "$relay" nsenter "--mount=$mounts" -- setpriv --bounding-set "$bounding" \
	    --no-new-privs "$helpers/allow" "$PWD/allowed" $start --user nobody \
	    --log-format text --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000' "$@"
	wait_for 60 is_up_or_dead || fail "udp46 does not start"
	more_records started 0 || fail "udp46 ended at start: $(cat udp46.err "$log")"
}

prepare()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	allowed_calls
	make_network
	# shellcheck disable=SC2046 # folders
	make_run $(setting RuntimeDirectory)
	start_echo 7000
}

unit_case service "Sessions, and their children in the order of confinement that root has"
service_body()
{
	prepare
	start_unit
	client_ok traffic -n 20 192.0.2.1 5000
	expect "chroot" "$(log_values 'child confined' chroot)" = \
	    "$(setting ExecStart | sed 's/.*--chroot %t\([^ ]*\).*/\/run\1/')"
	expect "namespaces" "$(log_values 'child confined' namespaces)" = user,net,ipc,uts
	kill_relay KILL
	client_ok again -n 20 192.0.2.1 5000
	stop_udp46
	[ -s state/udp46/state ] || fail "no state file"
	expect "complaints" "$(log_count 'state not written')" -eq 0
}

health()
{
	curl -s -o /dev/null -w '%{http_code}' --unix-socket "$run/udp46/metrics.sock" http://x/healthz
}

unit_case metrics_socket "Metrics on a Unix socket, of the right group, also in the place of a stale one"
metrics_socket_body()
{
	prepare
	set -- --metrics.enabled --metrics.user games --metrics.listen unix:/run/udp46/metrics.sock
	start_unit "$@"
	expect "socket" "$(stat -c '%F %a %U %G' "$run/udp46/metrics.sock")" = \
	    'socket 660 root games'
	expect "health" "$(health)" = 200
	find_relay
	kill -KILL "$(cat udp46.pid)"
	finish udp46
	wait_for 30 has_ended "$relay_pid" || fail "the relay outlives its supervisor"
	[ -S "$run/udp46/metrics.sock" ] || fail "nothing is left behind"
	start_unit "$@"
	expect "health" "$(health)" = 200
	stop_udp46
	[ ! -e "$run/udp46/metrics.sock" ] || fail "the socket is still there after the end"
}
