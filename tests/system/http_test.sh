# What the metrics child serves, seen from outside: DESIGN, "HTTP".

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/http.subr"

# header NAME: of the answer whose header was saved in `headers`.
header()
{
	grep -i "^$1:" headers | sed 's/^[^:]*: *//' | tr -d '\r'
}

# ---- /metrics ----

# What is there from the start, without a value.
expected_series()
{
	cat <<-END
	udp46_build_info{version="$1",commit="$2",date="$3"}
	udp46_upstream_info{address="[2001:db8:1::2]:7000"}
	udp46_listeners
	udp46_sessions_active
	udp46_sessions_created_total
	udp46_sessions_expired_total
	udp46_dns_resolve_errors_total
	udp46_sessions_restored_total
	udp46_session_capacity
	udp46_upstream_changes_total
	udp46_upstream_source_changes_total
	udp46_upstream_path_mtu_bytes
	udp46_upstream_last_reply_timestamp_seconds
	udp46_upstream_silent_since_timestamp_seconds
	udp46_segment_offload_fallbacks_total
	udp46_log_records_suppressed_total
	process_start_time_seconds
	process_cpu_seconds_total
	process_resident_memory_bytes
	process_virtual_memory_bytes
	process_open_fds
	process_max_fds
	udp46_relay_up
	END
	for _listener in 192.0.2.1:5000 198.51.100.1:5001; do
		_l="listener=\"$_listener\""
		echo "udp46_listener_sessions{$_l}"
		for _direction in $directions; do
			_d="direction=\"$_direction\""
			echo "udp46_datagrams_total{$_l,$_d}"
			echo "udp46_bytes_total{$_l,$_d}"
			echo "udp46_receive_queue_drops_total{$_l,$_d}"
			for _reason in $drop_reasons; do
				echo "udp46_drops_total{$_l,$_d,reason=\"$_reason\"}"
			done
		done
		for _operation in $operations; do
			echo "udp46_errors_total{$_l,operation=\"$_operation\"}"
		done
		for _name in upstream_socket_open_errors upstream_write_errors client_write_errors; do
			echo "udp46_${_name}_total{$_l}"
		done
	done
	for _reason in idle_timeout evicted shutdown source_denied restore_failed; do
		echo "udp46_sessions_closed_total{reason=\"$_reason\"}"
	done
	for _state in unreplied replied assured; do
		echo "udp46_sessions{state=\"$_state\"}"
		echo "udp46_sessions_evicted_total{state=\"$_state\"}"
	done
	for _child in relay metrics resolver; do
		echo "udp46_child_restarts_total{child=\"$_child\"}"
		echo "udp46_child_cpu_seconds_total{child=\"$_child\"}"
	done
	for _child in relay metrics; do
		echo "udp46_child_resident_memory_bytes{child=\"$_child\"}"
		echo "udp46_child_open_fds{child=\"$_child\"}"
	done
	for _name in udp46_session_duration_seconds udp46_session_idle_seconds; do
		for _le in 1 5 15 30 60 120 300 600 1800 3600 +Inf; do
			echo "${_name}_bucket{le=\"$_le\"}"
		done
		echo "${_name}_sum"
		echo "${_name}_count"
	done
}

# check_families FILE: HELP and TYPE of each, once, and nothing that promtool has to say.
check_families()
{
	echo "$expected_families" | sed '/^$/d' | sort >expected
	sed -n 's/^# TYPE //p' "$1" | sort >types
	atf_check -o file:expected cat types
	cut -d ' ' -f 1 expected >names
	sed -n 's/^# HELP \([^ ]*\) .*[^ ].*/\1/p' "$1" | sort >helped
	atf_check -o file:names cat helped
	atf_check promtool check metrics <"$1"
}

http_case families "Every family is there from the start, each known series at 0"
families_body()
{
	make_network
	start_udp46 --listen 192.0.2.1:5000 --listen 198.51.100.1:5001 \
	    --upstream '[2001:db8:1::2]:7000' --metrics.enabled
	get /metrics m
	expected_families=$families
	check_families m

	# shellcheck disable=SC2046 # three words
	expected_series $("$udp46" --version |
	    sed 's/.*version=\(.*\) commit=\(.*\) date=\(.*\)/\1 \2 \3/') | sort >expected
	grep -v '^#' m | sed 's/ [^ ]*$//' | sort >series
	atf_check -o file:expected cat series

	expect "relay up" "$(sample m udp46_relay_up)" -eq 1
	expect "listeners" "$(sample m udp46_listeners)" -eq 2
	expect "build" "$(sample m udp46_build_info)" -eq 1
	expect "upstream" "$(sample m udp46_upstream_info)" -eq 1
	expect "capacity" "$(sample m udp46_session_capacity)" -eq \
	    "$(log_values started session_capacity)"
	_age=$(($(date +%s) - $(sample m process_start_time_seconds | cut -d . -f 1)))
	expect "seconds since the start" "$_age" -ge 0
	expect "seconds since the start" "$_age" -le 120
	expect "path MTU" "$(sample m udp46_upstream_path_mtu_bytes)" -eq 1500
	grep '^udp46_child_' m | grep -v -e restarts -e cpu | awk '$NF + 0 <= 0' >zero
	[ ! -s zero ] || atf_fail "no number of: $(one_line zero)"
	_set='relay_up|listeners|build_info|upstream_info|upstream_path_mtu_bytes|session_capacity'
	grep -v -E "^(#|udp46_($_set)|process|udp46_child_(cpu|resident|open))" m | awk '$NF + 0 != 0' >not_zero
	[ ! -s not_zero ] || atf_fail "not 0 at the start: $(one_line not_zero)"
	stop_udp46
}

http_case session_labels "With --metrics.session-labels each session has series of its own"
session_labels_body()
{
	make_network
	start_echo 7000
	start_metrics --metrics.session-labels
	expected_families="$families$session_families"
	get /metrics none
	check_families none
	expect "sessions" "$(grep -c '^udp46_session_info{' none)" -eq 0

	client_ok one -b 192.0.2.10:6001 -n 3 -s 100 192.0.2.1 5000
	client_ok two -b 192.0.2.11:6002 -n 5 -s 1000 192.0.2.1 5000
	get /metrics some
	check_families some
	get /debug/sessions sessions
	jq -r '.[] | "udp46_session_info{session_id=\"\(.session_id)\",listener=\"\(.listener)\"," +
	    "client_address=\"\(.client_address)\",client_port=\"\(.client_port)\"," +
	    "upstream_local_address=\"\(.upstream_local_address)\"," +
	    "upstream_local_port=\"\(.upstream_local_port)\"," +
	    "upstream_remote_address=\"\(.upstream_remote_address)\"," +
	    "upstream_remote_port=\"\(.upstream_remote_port)\"} 1"' sessions | sort >expected
	expect "sessions" "$(wc -l <expected)" -eq 2
	grep '^udp46_session_info{' some | sort >infos
	atf_check -o file:expected cat infos
	for _port in 6001:3:300 6002:5:5000; do
		IFS=: read -r _client _packets _bytes <<-END
		$_port
		END
		_id=$(jq -r ".[] | select(.client_port == $_client) | .session_id" sessions)
		for _direction in $directions; do
			set -- session_id=\""$_id"\" listener=\"192.0.2.1:5000\" \
			    direction=\"$_direction\"
			expect "packets" "$(sample some udp46_session_packets_total "$@")" \
			    -eq "$_packets"
			expect "bytes" "$(sample some udp46_session_bytes_total "$@")" -eq "$_bytes"
			_age=$(($(date +%s) - $(sample some \
			    udp46_session_last_activity_timestamp_seconds "$@" | cut -d . -f 1)))
			expect "seconds since the last" "$_age" -ge 0
			expect "seconds since the last" "$_age" -le 120
		done
	done
	stop_udp46
}

# ---- the protocol ----

# check_header NAME VALUE: exactly this.
check_header()
{
	expect "$path: $1" "$(header "$1")" = "$2"
}

# What every answer carries.
check_safety()
{
	check_header X-Content-Type-Options nosniff
	check_header Cache-Control no-store
	case $(header Content-Security-Policy) in
	*"default-src 'none'"*) ;;
	*) atf_fail "$path: Content-Security-Policy: $(header Content-Security-Policy)" ;;
	esac
}

check_path()
{
	path=$1
	for _query in '' '?' '?unknown=1&unknown' '?a=%00%zz&=&&'; do
		expect "$path$_query" "$(http_status -D headers "$url$path$_query")" = 200
		check_header Content-Type "$2"
		check_safety
	done
	expect "HEAD $path" "$(http_status -D headers -I "$url$path")" = 200
	check_header Content-Type "$2"
	check_safety
	for _method in POST PUT DELETE PATCH OPTIONS TRACE BREW; do
		expect "$_method $path" \
		    "$(http_status -D headers -X $_method "$url$path")" = 405
		check_header Allow 'GET, HEAD'
		check_safety
	done
	expect "POST $path with a body" "$(http_status --data-binary "@$udp46" "$url$path")" = 405
}

http_case protocol "Status codes and header fields, for each path and method"
protocol_body()
{
	make_network
	start_metrics
	check_path /metrics 'text/plain; version=0.0.4; charset=utf-8'
	check_path /debug/sessions 'application/json'
	check_path /healthz 'text/plain; charset=utf-8'
	check_path / 'text/html; charset=utf-8'
	for path in /nothing /metrics/ /metrics/x /Metrics /debug /debug/ /debug/sessions/ \
	    /favicon.ico /.. '/%2e%2e/etc/passwd' //metrics; do
		expect "$path" "$(http_status --path-as-is -D headers "$url$path")" = 404
		check_safety
		expect "POST $path" "$(http_status --path-as-is -d x "$url$path")" = 404
	done
	stop_udp46
}

# say TEXT: over a connection of its own; what comes back is in `answer`.
say()
{
	# shellcheck disable=SC2059 # it is a format
	printf "$1" | in_relay socat -t 10 - TCP4:127.0.0.1:9108 | tr -d '\r' >answer
}

http_case connections "Old and new HTTP, HEAD without a body, many requests on one connection"
connections_body()
{
	make_network
	start_metrics
	for _path in / /metrics /debug/sessions /healthz; do
		say "HEAD $_path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
		expect "HEAD $_path" "$(head -n 1 answer)" = 'HTTP/1.1 200 OK'
		expect "bytes of its body" "$(sed '1,/^$/d' answer | wc -c)" -eq 0
	done
	say 'GET /debug/sessions HTTP/1.0\r\n\r\n'
	expect "HTTP/1.0" "$(sed '1,/^$/d' answer)" = '[]'
	say 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /debug/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
	expect "answers to two at once" "$(grep -c '^HTTP/1.1 200 OK$' answer)" -eq 2
	fetch -o one -w '%{num_connects} %{http_code}\n' $url/metrics \
	    --next -sS -o two -w '%{num_connects} %{http_code}\n' $url/healthz >connects
	expect "GET and GET" "$(tr '\n' ' ' <connects)" = '1 200 0 200 '
	# After the head of a document of unknown length the connection may end.
	fetch -I -o one -w '%{http_code}\n' $url/metrics \
	    --next -sS -o two -w '%{http_code}\n' $url/healthz >connects
	expect "HEAD and GET" "$(tr '\n' ' ' <connects)" = '200 200 '
	stop_udp46
}

# ---- /debug/sessions ----

# Four clients, each in a state or of a size of its own, one after another.
four_sessions()
{
	start_echo -m 33 7000
	client_ok replied -b 192.0.2.10:6001 -n 1 192.0.2.1 5000
	client_ok bytes -b 192.0.2.10:6002 -n 5 -s 1000 192.0.2.1 5000
	client_ok packets -b 192.0.2.11:6003 -n 20 -r 200 -s 100 192.0.2.1 5000
	run_client unreplied -b 192.0.2.12:6004 -n 1 -s 33 -w 50 192.0.2.1 5000
}

# ports QUERY: the clients' ports of the sessions in the answer, in its order.
ports()
{
	get "/debug/sessions$1" sessions
	jq -r 'map(.client_port) | join(" ")' sessions
}

# sorted_ports QUERY: the same, whatever the order.
sorted_ports()
{
	ports "$1" | tr ' ' '\n' | sort | tr '\n' ' ' | sed 's/ $//'
}

check_fields()
{
	get /debug/sessions sessions
	jq -e 'length == 4' sessions || atf_fail "not 4 sessions: $(one_line sessions)"
	jq -r '.[0] | keys_unsorted[]' sessions >keys
	atf_check -o file:keys cat <<-END
	session_id
	listener
	client_address
	client_port
	upstream_local_address
	upstream_local_port
	upstream_remote_address
	upstream_remote_port
	state
	created
	last_client_packet
	last_upstream_packet
	client_to_upstream_packets
	client_to_upstream_bytes
	upstream_to_client_packets
	upstream_to_client_bytes
	END
	jq -e 'all(.[];
	    (.session_id | test("^[0-9a-f]{16}$")) and .listener == "192.0.2.1:5000" and
	    .upstream_local_address == "2001:db8:1::1" and
	    .upstream_remote_address == "2001:db8:1::2" and .upstream_remote_port == 7000 and
	    all(.created, .last_client_packet, .last_upstream_packet;
	        test("^2[0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]+Z$")) and
	    .created <= .last_client_packet and
	    (.created[:19] + "Z" | fromdate | . <= now and . > now - 120))' sessions ||
	    atf_fail "wrong fields: $(one_line sessions)"
	jq -r '.[] | [.upstream_local_port] | @tsv' sessions | sort >ports
	upstream_ports | sort >seen
	atf_check -o file:seen cat ports
	jq -r 'sort_by(.client_port)[] | [.client_address, .client_port, .state,
	    .client_to_upstream_packets, .client_to_upstream_bytes,
	    .upstream_to_client_packets, .upstream_to_client_bytes] | @tsv' sessions |
	    tr '\t' ' ' >counts
	atf_check -o file:counts cat <<-END
	192.0.2.10 6001 replied 1 64 1 64
	192.0.2.10 6002 assured 5 5000 5 5000
	192.0.2.11 6003 assured 20 2000 20 2000
	192.0.2.12 6004 unreplied 1 33 0 0
	END
	# Before the first reply it is the time of creation.
	jq -e 'all(.[]; (.last_upstream_packet == .created) == (.client_port == 6004) or
	    .client_port < 6003)' sessions || atf_fail "last_upstream_packet: $(one_line sessions)"
}

# refused QUERY: 400, and the answer names the parameter.
refused()
{
	expect "$1" "$(http_status "$url/debug/sessions?$1")" = 400
	_name=${1##*&}
	grep -q "${_name%%=*}" answer || atf_fail "$1: the answer does not name it: $(one_line answer)"
}

http_case sessions "Sessions as JSON: none, some, those asked for, in the order asked for"
sessions_body()
{
	make_network
	start_metrics
	get /debug/sessions none
	atf_check -o inline:'[]\n' jq -c . none
	expect "sorted without any" "$(ports '?sort=bytes')" = ''
	four_sessions
	check_fields
	expect "one client" "$(sorted_ports '?client=192.0.2.10')" = '6001 6002'
	expect "encoded" "$(sorted_ports '?client=192%2E0.2.1%31')" = 6003
	expect "nobody" "$(ports '?client=203.0.113.9')" = ''
	expect "unreplied" "$(ports '?state=unreplied')" = 6004
	expect "replied" "$(ports '?state=replied')" = 6001
	expect "assured" "$(sorted_ports '?state=assured')" = '6002 6003'
	expect "bytes" "$(ports '?sort=bytes')" = '6002 6003 6001 6004'
	expect "packets" "$(ports '?sort=packets')" = '6003 6002 6001 6004'
	expect "idle" "$(ports '?sort=idle')" = '6001 6002 6003 6004'
	expect "limit" "$(ports '?limit=3' | wc -w)" -eq 3
	expect "large limit" "$(ports '?limit=4000000000' | wc -w)" -eq 4
	expect "the busiest" "$(ports '?sort=bytes&limit=1')" = 6002
	expect "the least of a heap" "$(ports '?limit=2&sort=packets')" = '6003 6002'
	expect "all at once" "$(ports '?limit=1&sort=idle&state=assured&client=192.0.2.11')" = 6003
	expect "unknown ones" "$(ports '?colour=red&state=replied&limits=x')" = 6001
	for _query in client=nobody client=2001:db8::1 client=192.0.2.256 client= client \
	    state=closed state=Assured state= limit=-1 limit=1.5 limit=ten limit=0 limit= \
	    limit=99999999999999999999 'limit=%31x' sort=age sort= 'sort=bytes&limit=x'; do
		refused "$_query"
	done
	stop_udp46
}

# ---- where it listens ----

# not_started FLAG ARGUMENT...: exit status 1, and the flag is named.
not_started()
{
	_flag=$1
	shift
	_status=0
	in_relay timeout 20 "$udp46" --user nobody --chroot "$PWD/empty" \
	    --listen 192.0.2.1:5999 --upstream '[2001:db8:1::2]:7000' --metrics.enabled \
	    "$@" >refused.out 2>refused.err || _status=$?
	cat refused.err
	expect "exit status with $*" $_status -eq 1
	grep -q -e "$_flag" refused.err || atf_fail "standard error does not name $_flag"
}

http_case addresses "It listens where it is told to: IPv4, IPv6, a name"
addresses_body()
{
	make_network
	mkdir -m 755 empty
	for _address in 127.0.0.1:9108 '[::1]:9109' localhost:9110 192.0.2.1:9111; do
		start_metrics --metrics.listen "$_address"
		expect "$_address" "$(http_status -g "http://$_address/healthz")" = 200
		not_started --metrics.listen --metrics.listen "$_address"
		stop_udp46
	done
	not_started --metrics.listen --metrics.listen 203.0.113.77:9108
	not_started --metrics.listen --metrics.listen no-such-name.invalid:9108
	not_started --metrics.user --metrics.user no-such-user
	start_udp46_default
	! child_pid metrics || atf_fail "a metrics child without --metrics.enabled"
	expect "without --metrics.enabled" "$(http_status $url/healthz 2>/dev/null)" = "$(printf '000\nfailed')"
	stop_udp46
}

http_case both_families "[::] serves IPv4 and IPv6, whatever the system's default; another address does not"
both_families_body()
{
	make_network
	mkdir -m 755 empty
	for _only in 0 1; do
		in_relay sysctl -q net.ipv6.bindv6only=$_only
		for _address in '[::]' '[0::0]'; do
			start_metrics --metrics.listen "$_address:9108"
			for _host in 127.0.0.1 '[::1]' 192.0.2.1 '[2001:db8:1::1]'; do
				expect "$_host by $_address" \
				    "$(http_status -g "http://$_host:9108/healthz")" = 200
			done
			not_started --metrics.listen --metrics.listen 127.0.0.1:9108
			not_started --metrics.listen --metrics.listen '[::1]:9108'
			stop_udp46
		done
	done
	for _address in '[::1]' '[2001:db8:1::1]'; do
		start_metrics --metrics.listen "$_address:9108"
		expect "$_address" "$(http_status -g "http://$_address:9108/healthz")" = 200
		expect "127.0.0.1 by $_address" "$(http_status $url/healthz 2>/dev/null)" = \
		    "$(printf '000\nfailed')"
		stop_udp46
	done
	# As an IPv4-mapped address it is one of IPv4, and that one.
	start_metrics --metrics.listen '[::ffff:127.0.0.1]:9108'
	in_relay ss -Hltn 'sport = :9108' | tee sockets
	expect "sockets of 127.0.0.1" "$(grep -c ' 127\.0\.0\.1:9108 ' sockets)" -eq 1
	expect "health" "$(http_status $url/healthz)" = 200
	stop_udp46
	# What somebody else has of it is enough.
	spawn other "$relay" socat -u TCP4-LISTEN:9108,bind=192.0.2.1 -
	wait_for 30 other_listens || atf_fail "the other program does not listen"
	not_started --metrics.listen --metrics.listen '[::]:9108'
}

other_listens()
{
	in_relay ss -Hltn 'sport = :9108' | grep -q .
}

is_gone()
{
	[ ! -e "$1" ]
}

http_case unix "On a Unix socket, which only the group of --metrics.user can reach"
unix_body()
{
	make_network
	mkdir -m 755 empty
	socket=$PWD/http.sock
	set -- --metrics.listen "unix:$socket" --metrics.user games
	start_metrics "$@"
	expect "mode" "$(stat -c '%F %a %U %G' "$socket")" = 'socket 660 root games'
	expect "health" "$(http_status --unix-socket "$socket" http://x/healthz)" = 200
	fetch --fail --unix-socket "$socket" -o m http://x/metrics || atf_fail "no metrics"
	atf_check promtool check metrics <m
	# While it is served, it is in use.
	not_started --metrics.listen "$@"
	expect "health" "$(http_status --unix-socket "$socket" http://x/healthz)" = 200
	find_metrics
	kill -KILL "$metrics_pid"
	expect "health" "$(http_status --unix-socket "$socket" http://x/healthz)" = 200
	stop_udp46
	is_gone "$socket" || atf_fail "it is still there after the end"

	# One that a dead program left behind is replaced.
	start_metrics "$@"
	find_relay
	kill -KILL "$(cat udp46.pid)"
	finish udp46
	wait_for 30 has_ended "$relay_pid" || atf_fail "the relay outlives its supervisor"
	[ -S "$socket" ] || atf_fail "nothing is left behind"
	start_metrics "$@"
	expect "health" "$(http_status --unix-socket "$socket" http://x/healthz)" = 200
	stop_udp46
	is_gone "$socket" || atf_fail "it is still there after the end"

	# Anything else is not.
	echo precious >"$socket"
	not_started --metrics.listen "$@"
	atf_check -o inline:'precious\n' cat "$socket"
	not_started --metrics.listen --metrics.listen "unix:$PWD/no/such/folder"
}
