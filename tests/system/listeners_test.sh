# As many listeners as the user names: more than a message tells of.

. "$(atf_get_srcdir)/http.subr"

first_port=20000

# listen_options NUMBER: so many, one port after another.
listen_options()
{
	awk -v n="$1" -v first=$first_port \
	    'BEGIN { for (i = 0; i < n; i++) print "--listen=192.0.2.1:" first + i }'
}

# start_listeners NUMBER FLAG...: the daemon with metrics; up within 2 s, though others want the
# processors, too, and a build with sanitizers takes its time.
start_listeners()
{
	_listeners=$1
	shift
	_most=2000
	! is_sanitized || _most=20000
	_begin=$(date +%s%N)
	# shellcheck disable=SC2046 # an option a word
	start_udp46 --metrics.enabled --upstream '[2001:db8:1::2]:7000' "$@" \
	    $(listen_options "$_listeners")
	expect "milliseconds until $_listeners listeners were up" \
	    $((($(date +%s%N) - _begin) / 1000000)) -le $_most
	expect "listeners" "$(log_values started listeners)" -eq "$_listeners"
}

# round NUMBER: a datagram from each client, an echo to each, but for what the machine dropped.
round()
{
	_drops=$(backlog_drops)
	many_round
	expect "answered" "$(value answered many.out)" -ge $(($1 - ($(backlog_drops) - _drops)))
	expect "corrupt" "$(value corrupt many.out)" -eq 0
}

# names NUMBER VALUE: /metrics names so many listeners, each once, with so many datagrams.
names()
{
	get /metrics m
	promtool check metrics <m || atf_fail "promtool has something to say"
	sed -n 's/^udp46_datagrams_total{listener="\([^"]*\)",direction="client_to_upstream"} /\1 /p' \
	    m >datagrams
	expect "in /metrics" "$(cut -d ' ' -f 1 datagrams | sort -u | wc -l)" -eq "$1"
	expect "lines" "$(wc -l <datagrams)" -eq "$1"
	expect "of which have $2" "$(grep -c " $2\$" datagrams)" -eq "$1"
}

http_case thousand "1,000 listeners: up at once, all serve after SIGKILL, all are counted"
thousand_body()
{
	make_network
	start_echo 7000
	start_listeners 1000
	names 1000 0
	# A client each; and what it hears must come from its own listener.
	start_many -a 192.0.2.10 -A 8 -n 1000 -P 1000 -r 1000 -w 10000 192.0.2.1 $first_port
	round 1000
	read_totals
	expect "sessions" "$(total sessions_created)" -eq 1000
	expect "datagrams" "$(total client_to_upstream_datagrams)" -eq 1000
	kill_relay KILL
	wait_log 'sessions restored'
	expect "restored" "$(log_values 'sessions restored' count)" -eq 1000
	round 1000
	names 1000 2
	read_totals
	expect "sessions" "$(total sessions_created)" -eq 1000
	expect "datagrams up" "$(total client_to_upstream_datagrams)" -eq 2000
	expect "datagrams down" "$(total upstream_to_client_datagrams)" -eq 2000
	get /debug/sessions all
	expect "listeners in the dump" "$(jq 'map(.listener) | unique | length' all)" -eq 1000
	stop_udp46
}

# replaced NUMBER: the daemon has replaced so many relays.
replaced()
{
	[ "$(log_count 'child restarted')" -eq "$1" ]
}

http_case workers "4 workers with 100 listeners each: the same"
workers_body()
{
	make_network
	start_echo 7000
	start_listeners 100 --workers 4
	start_many -a 192.0.2.10 -A 16 -n 1600 -P 100 -r 1000 -w 10000 192.0.2.1 $first_port
	round 1600
	for _n in 1 2 3 4; do
		kill -KILL "$(child_pid relay-$_n)" || fail "no relay-$_n"
	done
	wait_for 60 replaced 4 || fail "not all relays are replaced"
	round 1600
	names 100 32
	read_totals
	expect "sessions" "$(total sessions_created)" -eq 1600
	expect "restored" "$(total sessions_restored)" -eq 1600
	expect "datagrams" "$(total client_to_upstream_datagrams)" -eq 3200
	stop_udp46
}

root_case descriptors "Too few descriptors for the listeners: said before any is bound"
descriptors_body()
{
	make_network
	mkdir -m 755 empty
	status=0
	# shellcheck disable=SC2046 # an option a word
	in_relay prlimit --nofile=500:500 "$udp46" --user nobody --chroot "$PWD/empty" \
	    --upstream '[2001:db8:1::2]:7000' $(listen_options 1000) >out 2>error || status=$?
	expect "exit status" $status -eq 1
	grep -q 'RLIMIT_NOFILE is 500: want at least 10[0-9][0-9]$' error || fail "$(cat error)"
	# But it may be raised by ourselves: only the hard limit counts.
	wrapper='prlimit --nofile=500:2000' start_listeners 1000
	stop_udp46
}

root_case free_port "A free port is none that another listener names"
free_port_body()
{
	make_network
	in_relay sysctl -q net.ipv4.ip_local_port_range='5000 5001'
	for _turn in 1 2 3 4 5 6 7 8 9 10; do
		start_udp46 --upstream '[2001:db8:1::2]:7000' --upstream-ports 20000-20999 \
		    --listen 0.0.0.0:0 --listen 192.0.2.1:5000
		expect "free port" "$(log_values 'listener started' listener | grep -c -x 0.0.0.0:5001)" -eq 1
		stop_udp46
	done
}

plain_case command_line "65,535 are possible; a mistake among very many is found at once"
command_line_body()
{
	for _number in 65535 65536; do
		status=0
		# shellcheck disable=SC2046 # an option a word
		"$udp46" --check --user nobody --upstream '[2001:db8:1::2]:7000' \
		    $(seq $_number | sed 's/.*/--listen=0.0.0.0:0/') >out 2>error || status=$?
		expect "exit status for $_number" $status -eq $((_number == 65535 ? 0 : 2))
	done
	grep -q -e "--listen: '0.0.0.0:0' is one listener too many: 65535 are possible" error ||
	    atf_fail "$(cat error)"
	status=0
	# shellcheck disable=SC2046 # an option a word
	"$udp46" --check --user nobody --upstream '[2001:db8:1::2]:7000' \
	    $(listen_options 40000) --listen=192.0.2.1:30000 >out 2>error || status=$?
	expect "exit status" $status -eq 2
	grep -q -e "--listen: '192.0.2.1:30000' is given twice" error || atf_fail "$(cat error)"
}
