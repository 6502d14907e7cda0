# Log, /metrics and /debug/sessions tell the same story, number by number.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/http.subr"

# agree WHAT NUMBER NUMBER
agree()
{
	echo "$1: $2, $3"
	if [ -z "$2" ] || [ "$2" != "$3" ]; then
		atf_fail "$1: $2 against $3"
	fi
}

# log_sum MESSAGE KEY: over all such records.
log_sum()
{
	log_values "$1" "$2" | awk '{ sum += $1 } END { printf "%.15g\n", sum }'
}

# json_sum KEY [CONDITION]: over the sessions of the last dump.
json_sum()
{
	jq "map(select(${2:-true}) | .$1) | add // 0" sessions
}

# Take all there is at one moment, when no datagram is under way.
take_all()
{
	get /metrics m
	get /debug/sessions sessions
	read_totals
}

# The record of totals against /metrics, by both their names.
check_totals()
{
	for _direction in $directions; do
		agree "datagrams $_direction" "$(total ${_direction}_datagrams)" \
		    "$(sample m udp46_datagrams_total "direction=\"$_direction\"")"
		agree "bytes $_direction" "$(total ${_direction}_bytes)" \
		    "$(sample m udp46_bytes_total "direction=\"$_direction\"")"
	done
	for _reason in $drop_reasons; do
		agree "drops $_reason" "$(total drops_$_reason)" \
		    "$(sample m udp46_drops_total "reason=\"$_reason\"")"
	done
	for _operation in $operations; do
		agree "errors $_operation" "$(total errors_$_operation)" \
		    "$(sample m udp46_errors_total "operation=\"$_operation\"")"
	done
	for _name in sessions_created sessions_expired sessions_evicted sessions_restored \
	    child_restarts log_records_suppressed; do
		agree "$_name" "$(total $_name)" "$(sample m udp46_${_name}_total)"
	done
	agree "sessions active" "$(total sessions_active)" "$(sample m udp46_sessions_active)"
	agree "sessions by state" "$(total sessions_active)" "$(sample m udp46_sessions)"
	agree "write errors to the upstream" "$(total errors_upstream_write)" \
	    "$(sample m udp46_upstream_write_errors_total)"
	agree "write errors to clients" "$(total errors_client_write)" \
	    "$(sample m udp46_client_write_errors_total)"
}

# The dump against /metrics: so long as no session was closed, and no relay died, it has it all.
check_sessions()
{
	agree "open sessions" "$(jq length sessions)" "$(sample m udp46_sessions_active)"
	for _state in unreplied replied assured; do
		agree "$_state" "$(jq "map(select(.state == \"$_state\")) | length" sessions)" \
		    "$(sample m udp46_sessions "state=\"$_state\"")"
	done
	for _listener in 192.0.2.1:5000 192.0.2.1:5001; do
		for _direction in $directions; do
			_of=".listener == \"$_listener\""
			set -- "listener=\"$_listener\"" "direction=\"$_direction\""
			agree "datagrams of sessions" "$(json_sum ${_direction}_packets "$_of")" \
			    "$(sample m udp46_datagrams_total "$@")"
			agree "bytes of sessions" "$(json_sum ${_direction}_bytes "$_of")" \
			    "$(sample m udp46_bytes_total "$@")"
		done
	done
}

# The log's records of opened sessions against the dump, one by one.
check_created()
{
	paste -d ' ' - - - - - <<-END | sort >logged
	$(for _record in $(log_values 'session created' session_id); do
		echo "$_record"
		grep "session_id=$_record" "$log" | head -n 1 | tr ' ' '\n' |
		    sed -n -E 's/^(listener|client_address|client_port|upstream_local_port)=//p'
	done)
	END
	jq -r '.[] | "\(.session_id) \(.listener) \(.client_address) \(.client_port)" +
	    " \(.upstream_local_port)"' sessions | sort >dumped
	atf_check -o file:logged cat dumped
	agree "records of created sessions" "$(wc -l <logged)" \
	    "$(sample m udp46_sessions_created_total)"
}

# The series of single sessions against the dump.
check_labels()
{
	jq -r '.[] | . as $s | ("client_to_upstream", "upstream_to_client") |
	    "udp46_session_packets_total{session_id=\"\($s.session_id)\",listener=\"\($s.listener)\"," +
	    "direction=\"\(.)\"} \($s[. + "_packets"])",
	    "udp46_session_bytes_total{session_id=\"\($s.session_id)\",listener=\"\($s.listener)\"," +
	    "direction=\"\(.)\"} \($s[. + "_bytes"])"' sessions | sort >expected
	grep -E '^udp46_session_(packets|bytes)_total' m | sort >series
	atf_check -o file:expected cat series
	# Times agree to the second: each is computed anew, from another clock's distance.
	jq -r '.[] | "\(.session_id) \(.last_client_packet[:19] + "Z" | fromdate)"' sessions |
	    sort >expected
	sed -n 's/^udp46_session_last_activity_[a-z_]*{session_id="\([0-9a-f]*\)",.*"client_to_upstream"} \([0-9]*\).*/\1 \2/p' \
	    m | sort >series
	join expected series | awk '{ d = $2 - $3; if (d < -1 || d > 1) print }' >apart
	[ ! -s apart ] || atf_fail "times are apart: $(one_line apart)"
	agree "times" "$(wc -l <expected)" "$(join expected series | wc -l)"
}

# What the log said at the start.
check_start()
{
	agree "capacity" "$(log_values started session_capacity)" \
	    "$(sample m udp46_session_capacity)"
	agree "listeners" "$(log_count 'listener started')" "$(sample m udp46_listeners)"
	agree "upstream" "$(sample m udp46_upstream_info \
	    "address=\"$(log_values started upstream)\"")" 1
	agree "version" "$(sample m udp46_build_info "version=\"$(log_values started version)\"")" 1
}

# What was dumped before, against what the log says of the closed sessions.
check_closed()
{
	for _record in $(log_values 'session closed' session_id); do
		grep 'msg="session closed"' "$log" | grep "session_id=$_record" | tr ' ' '\n' |
		    sed -n -E 's/^(session_id|state|[a-z_]*_(packets|bytes))=//p' |
		    paste -s -d ' ' -
	done | sort >logged
	jq -r '.[] | "\(.session_id) \(.state)" +
	    " \(.client_to_upstream_packets) \(.client_to_upstream_bytes)" +
	    " \(.upstream_to_client_packets) \(.upstream_to_client_bytes)"' before | sort >dumped
	atf_check -o file:logged cat dumped
	agree "closed" "$(log_count 'session closed')" \
	    "$(sample m udp46_sessions_closed_total 'reason="idle_timeout"')"
	agree "expired" "$(log_count 'session closed')" "$(sample m udp46_sessions_expired_total)"
	agree "closed for any reason" "$(log_count 'session closed')" \
	    "$(sample m udp46_sessions_closed_total)"
	for _name in duration idle; do
		agree "histogram $_name" "$(log_count 'session closed')" \
		    "$(sample m udp46_session_${_name}_seconds_count)"
		agree "its last bucket" "$(log_count 'session closed')" \
		    "$(sample m udp46_session_${_name}_seconds_bucket 'le="+Inf"')"
	done
	for _le in 1 5 15; do
		agree "durations of at most $_le s" "$(log_values 'session closed' duration |
		    awk -v le=$_le '$1 <= le { n++ } END { print n + 0 }')" \
		    "$(sample m udp46_session_duration_seconds_bucket "le=\"$_le\"")"
	done
	# Each duration in the log is rounded to milliseconds.
	_sum=$(sample m udp46_session_duration_seconds_sum)
	_logged=$(log_sum 'session closed' duration)
	echo "sum of durations: $_sum, $_logged"
	awk -v a="$_sum" -v b="$_logged" 'BEGIN { d = a - b; exit !(d < 0.01 && d > -0.01) }' ||
	    atf_fail "sum of durations: $_sum against $_logged"
}

http_case exchange "After a known exchange, sessions of every state, and drops"
exchange_body()
{
	make_network
	start_echo -m 33 7000
	start_udp46 --listen 192.0.2.1:5000 --listen 192.0.2.1:5001 \
	    --upstream '[2001:db8:1::2]:7000' --metrics.enabled --metrics.session-labels --log-level debug \
	    --read-buffer-size 2000 --max-sessions-per-address 3 \
	    --session-timeout 3s --unreplied-timeout 3s
	take_all
	check_totals
	check_start
	client_ok one -b 192.0.2.10:6001 -n 7 -s 100,1000 192.0.2.1 5000
	client_ok two -b 192.0.2.10:6001 -n 11 -s 0,1472 192.0.2.1 5001
	client_ok three -b 192.0.2.11:6002 -n 1 -s 9 192.0.2.1 5001
	run_client mute -b 192.0.2.12:6003 -n 3 -s 33 -w 20 192.0.2.1 5000
	# Two that are too large, three of a client that has too many sessions.
	run_client large -b 192.0.2.12:6003 -n 2 -s 2001 -w 20 192.0.2.1 5000
	client_ok third -b 192.0.2.10:6004 -n 2 192.0.2.1 5000
	run_client fourth -b 192.0.2.10:6005 -n 3 -w 20 192.0.2.1 5000
	take_all

	# What was sent, first of all.
	agree "datagrams up" "$(sample m udp46_datagrams_total 'direction="client_to_upstream"')" 24
	agree "datagrams down" "$(sample m udp46_datagrams_total 'direction="upstream_to_client"')" 21
	_bytes=$((4 * 100 + 3 * 1000 + 5 * 1472 + 9 + 2 * 64))
	agree "bytes down" "$(sample m udp46_bytes_total 'direction="upstream_to_client"')" $_bytes
	agree "bytes up" "$(sample m udp46_bytes_total 'direction="client_to_upstream"')" \
	    $((_bytes + 3 * 33))
	agree "too large" "$(sample m udp46_drops_total 'reason="oversize"' \
	    'listener="192.0.2.1:5000"' 'direction="client_to_upstream"')" 2
	agree "too many" "$(sample m udp46_drops_total 'reason="address_limit"')" 3
	agree "all drops" "$(sample m udp46_drops_total)" 5
	check_totals
	check_sessions
	check_created
	check_labels
	_last=$(jq '[.[].last_upstream_packet[:19] + "Z" | fromdate] | max' sessions)
	_age=$(($(sample m udp46_upstream_last_reply_timestamp_seconds | cut -d . -f 1) - _last))
	expect "last reply in /metrics less that in the dump" $_age -ge -1
	expect "last reply in /metrics less that in the dump" $_age -le 1

	mv sessions before
	wait_total sessions_active -eq 0
	take_all
	agree "open sessions" "$(jq length sessions)" 0
	check_totals
	check_closed
	stop_udp46
}

http_case restarts "After children were killed, and more sessions than are logged"
restarts_body()
{
	make_network
	start_echo 7000
	start_metrics --log-level debug
	start_many -a 192.0.2.10 -A 16 -n 300 192.0.2.1 5000
	many_round
	# It counts for a second before it says so.
	wait_log 'session records suppressed'
	kill_relay KILL
	kill_relay KILL
	find_metrics
	kill -KILL "$metrics_pid"
	many_round
	take_all
	check_totals
	agree "restarts" "$(log_count 'child restarted')" "$(sample m udp46_child_restarts_total)"
	for _child in relay metrics; do
		agree "restarts of $_child" \
		    "$(log_values 'child restarted' child | grep -c -x $_child)" \
		    "$(sample m udp46_child_restarts_total "child=\"$_child\"")"
	done
	agree "restored" "$(log_sum 'sessions restored' count)" \
	    "$(sample m udp46_sessions_restored_total)"
	agree "suppressed" "$(log_sum 'session records suppressed' count)" \
	    "$(sample m udp46_log_records_suppressed_total)"
	agree "logged and suppressed" \
	    "$(($(log_count 'session created') + $(log_sum 'session records suppressed' count)))" \
	    "$(sample m udp46_sessions_created_total)"
	agree "open sessions" "$(jq length sessions)" 300
	agree "datagrams up" "$(sample m udp46_datagrams_total 'direction="client_to_upstream"')" 600
	exec 3>&-
	stop_udp46
}
