# The metrics child: what it may do, and what happens when it or the relay is not there.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/http.subr"

# not_lower BEFORE AFTER: no counter of the first scrape is missing or lower in the second.
not_lower()
{
	awk '/^#/ { next }
	{
		series = $0
		sub(/ [^ ]*$/, "", series)
		name = series
		sub(/{.*/, "", name)
	}
	name !~ /_(total|bucket|count|sum)$/ { next }
	NR == FNR { before[series] = $NF; next }
	{ after[series] = $NF }
	END {
		for (series in before)
			if (!(series in after) || after[series] + 0 < before[series] + 0)
				print series, before[series], "->", after[series]
	}' "$1" "$2" >lower
	[ ! -s lower ] || { cat lower; atf_fail "lower in $2 than in $1: $(wc -l <lower) series"; }
}

# ---- when a child is not there ----

# health: prints status and seconds of /healthz.
health()
{
	fetch -o health -w '%{http_code} %{time_total}\n' $url/healthz
}

http_case stopped "A relay that does not answer: /healthz says so, totals stay"
stopped_body()
{
	make_network
	start_echo 7000
	start_metrics
	client_ok before -n 20 192.0.2.1 5000
	expect "health" "$(http_status $url/healthz)" = 200
	get /metrics before
	find_relay
	kill -STOP "$relay_pid"
	# All at once: the supervisor's patience ends after 10 s.
	spawn metrics "$relay" curl -sS --fail --max-time 30 $url/metrics
	spawn sessions "$relay" curl -sS --max-time 30 -w '%{http_code} %{time_total}\n' -o dump \
	    $url/debug/sessions
	health >stopped
	echo "health while it is stopped: $(cat stopped)"
	finish metrics
	expect "exit status of curl /metrics" "$status" -eq 0
	finish sessions
	echo "sessions while it is stopped: $(cat sessions.out)"
	kill -CONT "$relay_pid" || echo "it was replaced meanwhile"
	expect "status" "$(cut -d ' ' -f 1 stopped)" = 503
	at_most "$(cut -d ' ' -f 2 stopped)" 6 || atf_fail "503 takes very long"
	expect "relay up" "$(sample metrics.out udp46_relay_up)" -eq 0
	# What processes use is known, whether they answer or not.
	_alive='^(process_|udp46_child_(cpu|resident|open)|udp46_relay_up)'
	grep -v -E "$_alive" before >expected
	grep -v -E "$_alive" metrics.out >seen
	atf_check -o file:expected cat seen
	wait_for 30 is_healthy || atf_fail "it stays ill"
	get /metrics after
	expect "relay up" "$(sample after udp46_relay_up)" -eq 1
	not_lower before after
	client_ok after -n 20 192.0.2.1 5000
	stop_udp46
}

http_case relay_gone "While the relay is gone, /metrics has its last totals"
relay_gone_body()
{
	make_network
	start_echo 7000
	start_metrics
	client_ok before -b 192.0.2.10:6001 -n 20 192.0.2.1 5000
	get /metrics before
	# Again and again, so that the supervisor waits longer and longer.
	_old=0
	for _n in 1 2 3 4 5 6; do
		wait_for 30 other_relay "$_old" || atf_fail "no successor"
		_old=$(child_pid relay)
		kill -KILL "$_old"
	done
	get /metrics gone
	health >ill
	echo "health while it is gone: $(cat ill)"
	echo "sessions while it is gone: $(http_status $url/debug/sessions)"
	expect "relay up" "$(sample gone udp46_relay_up)" -eq 0
	expect "status" "$(cut -d ' ' -f 1 ill)" = 503
	not_lower before gone
	expect "datagrams" "$(sample gone udp46_datagrams_total)" -eq 40
	# A metrics child that starts now says nothing rather than too little.
	find_metrics
	kill -KILL "$metrics_pid"
	_status=$(http_status $url/metrics)
	echo "totals of a new metrics child: $_status"
	case $_status in
	200) not_lower gone answer ;;
	503) ;;
	*) atf_fail "totals of a new metrics child: $_status" ;;
	esac
	wait_for 30 is_healthy || atf_fail "it stays ill"
	get /metrics after
	expect "relay up" "$(sample after udp46_relay_up)" -eq 1
	expect "restarts" "$(sample after udp46_child_restarts_total 'child="relay"')" -eq 6
	not_lower gone after
	client_ok after -b 192.0.2.10:6001 -n 20 192.0.2.1 5000
	get /metrics end
	expect "datagrams" "$(sample end udp46_datagrams_total)" -eq 80
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 1
	stop_udp46
}

http_case never_lower "Totals never go down, whoever is killed"
never_lower_body()
{
	make_network
	start_echo 7000
	start_metrics --unreplied-timeout 300ms --read-buffer-size 1200
	_expired=0
	# A sanitizer would report the second on standard error.
	_crash=SEGV
	! is_sanitized || _crash=KILL
	for _signal in KILL $_crash KILL; do
		client_ok traffic -n 30 192.0.2.1 5000
		run_client large -n 2 -s 1300 -w 50 192.0.2.1 5000
		run_client single -n 1 192.0.2.1 5000
		wait_total sessions_expired -ge $((_expired + 1))
		get /metrics before
		expect "oversize" "$(sample before udp46_drops_total 'reason="oversize"')" -ge 2
		kill_relay $_signal
		wait_for 30 is_healthy || atf_fail "it stays ill"
		get /metrics relay_killed
		not_lower before relay_killed
		client_ok traffic -n 30 192.0.2.1 5000
		get /metrics before
		not_lower relay_killed before
		find_metrics
		kill -$_signal "$metrics_pid"
		get /metrics metrics_killed
		not_lower before metrics_killed
		_expired=$(total sessions_expired)
	done
	expect "restarts" "$(sample metrics_killed udp46_child_restarts_total 'child="relay"')" -eq 3
	expect "restarts" "$(sample metrics_killed udp46_child_restarts_total 'child="metrics"')" -eq 3
	expect "datagrams up" "$(sample metrics_killed udp46_datagrams_total \
	    'direction="client_to_upstream"')" -ge 180
	stop_udp46
}

http_case metrics_killed "SIGKILL of the metrics child: HTTP is back, and no datagram is lost"
metrics_killed_body()
{
	make_network
	start_echo 7000
	start_metrics
	get /metrics before
	spawn stream "$client" "$helpers/client" -n 4000 -r 2000 192.0.2.1 5000
	sleep 0.5
	find_metrics
	kill -KILL "$metrics_pid"
	# The supervisor holds the listener: a connection waits for the successor.
	fetch --fail -o after -w '%{time_total}\n' $url/metrics >took || atf_fail "HTTP is gone"
	echo "seconds until HTTP was back: $(cat took)"
	at_most "$(cat took)" 10 || atf_fail "HTTP takes very long to be back"
	not_lower before after
	expect "relay up" "$(sample after udp46_relay_up)" -eq 1
	_old=$metrics_pid
	find_metrics
	expect "another child" "$metrics_pid" -ne "$_old"
	finish stream
	cat stream.out
	expect "lost" "$(value lost stream.out)" -eq 0
	expect "restarts" "$(sample after udp46_child_restarts_total 'child="metrics"')" -eq 1
	get /metrics end
	expect "datagrams" "$(sample end udp46_datagrams_total)" -eq 8000
	expect "sessions" "$(sample end udp46_sessions_created_total)" -eq 1
	# A child that has just started does not take the relay for dead.
	for _page in healthz debug/sessions; do
		find_metrics
		kill -KILL "$metrics_pid"
		expect "$_page right after a restart" "$(http_status $url/$_page)" = 200
	done
	stop_udp46
}

http_case metrics_stopped "A metrics child that is stopped slows nobody, and is replaced"
metrics_stopped_body()
{
	make_network
	start_echo 7000
	start_metrics
	find_metrics
	kill -STOP "$metrics_pid"
	spawn asking "$relay" curl -sS --fail --max-time 60 $url/metrics
	stream stopped
	# The supervisor gives it 10 s.
	finish asking
	expect "exit status of curl" "$status" -eq 0
	expect "killed" "$(log_values 'child ended' child)" = metrics
	expect "restarts" "$(sample asking.out udp46_child_restarts_total 'child="metrics"')" -eq 1
	stop_udp46
}

# ---- what it may do ----

no_capabilities=0000000000000000

check_confinement()
{
	_uid=$(id -u "$1") _gid=$(id -g "$1")
	expect "Uid" "$(status_field "$metrics_pid" Uid)" = "$_uid $_uid $_uid $_uid"
	expect "Gid" "$(status_field "$metrics_pid" Gid)" = "$_gid $_gid $_gid $_gid"
	expect "Groups" "$(status_field "$metrics_pid" Groups)" = ''
	for _set in CapInh CapPrm CapEff CapBnd CapAmb; do
		expect "$_set" "$(status_field "$metrics_pid" $_set)" = $no_capabilities
	done
	expect "NoNewPrivs" "$(status_field "$metrics_pid" NoNewPrivs)" -eq 1
	expect "Seccomp" "$(status_field "$metrics_pid" Seccomp)" -eq 2
	expect "threads" "$(status_field "$metrics_pid" Threads)" -eq 1
	expect "root" "$(stat -L -c %d:%i "/proc/$metrics_pid/root")" = "$(stat -c %d:%i empty)"
	expect "directory" "$(stat -L -c %d:%i "/proc/$metrics_pid/cwd")" = \
	    "$(stat -c %d:%i empty)"
	expect "owner of its files" "$(stat -c %u "/proc/$metrics_pid/fd")" -eq 0
	grep -q '^Max processes  *0  *0 ' "/proc/$metrics_pid/limits" ||
	    atf_fail "it may make processes"
	find "/proc/$metrics_pid/fd" -type l -printf '%f %l\n' >descriptors
	grep -q socket: descriptors || atf_fail "it holds no socket"
	# And what tells how much CPU time and memory each of us uses.
	_stat="/proc/($(cat udp46.pid)|$metrics_pid|$(child_pid relay))/stat"
	grep -v -E " (socket:\[[0-9]+\]|anon_inode:\[(eventpoll|eventfd)\]|/dev/null|$_stat)\$" \
	    descriptors | grep -v '^2 ' >others
	[ ! -s others ] || atf_fail "it holds: $(one_line others)"
}

check_namespaces()
{
	for _kind in user net ipc uts; do
		expect "namespace $_kind" "$(readlink "/proc/$metrics_pid/ns/$_kind")" != \
		    "$(readlink "/proc/$(cat udp46.pid)/ns/$_kind")"
	done
	# Nothing in it but a loopback interface that is down.
	nsenter --net="/proc/$metrics_pid/ns/net" ip -o link >links
	cat links
	expect "interfaces" "$(wc -l <links)" -eq 1
	grep -q '^1: lo:.* state DOWN' links || atf_fail "its network namespace is not empty"
}

http_case confinement "The metrics child: its own user, no privilege, no network"
confinement_body()
{
	make_network
	run_as=games
	start_metrics --metrics.user bin
	get /metrics m
	find_relay
	expect "relay's user" "$(status_field "$relay_pid" Uid | cut -d ' ' -f 1)" -eq "$(id -u games)"
	expect "title" "$(ps -o args= -p "$(child_pid metrics)" | sed 's/ *$//')" = 'udp46: metrics'
	for _turn in first successor; do
		find_metrics
		check_confinement bin
		if setpriv --reuid nobody --regid nogroup --clear-groups unshare --user --net true
		then
			check_namespaces
		fi
		kill -KILL "$metrics_pid"
		get /metrics m
	done
	stop_udp46
}

http_case as_user "Without --metrics.user it is the relay's user; it works in the second order"
as_user_body()
{
	make_network
	run_as=games
	wrapper="$helpers/refuse namespaces"
	start_metrics
	get /metrics m
	find_metrics
	check_confinement games
	stop_udp46
}
