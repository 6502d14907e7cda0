# Many sessions, and clients of HTTP that behave badly: the relay must not notice.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/http.subr"

# ---- many sessions ----

http_case sessions_churn "While sessions come and go, every answer is whole"
sessions_churn_body()
{
	make_network
	start_echo -n 0 7000
	start_metrics --unreplied-timeout 300ms --new-session-rate 0 --metrics.session-labels
	start_many -a 192.0.2.10 -A 16 -n 2000 -r 4000 -w 300 192.0.2.1 5000
	for _round in 1 2 3 4 5; do
		echo round >&3
	done
	_answers=0
	until many_rounds 5; do
		get /debug/sessions "sessions.$_answers"
		get '/debug/sessions?sort=bytes&limit=50' best
		jq -e 'length <= 50' best >/dev/null || atf_fail "not 50 at most: $(one_line best)"
		get /metrics m
		_answers=$((_answers + 1))
	done
	# Afterwards, because it takes time.
	promtool check metrics <m || atf_fail "promtool has something to say"
	for _file in sessions.*; do
		jq -e '(map(.session_id) | unique | length) == length' "$_file" >/dev/null ||
		    atf_fail "not valid, or a session twice: $_file"
		jq length "$_file"
	done >lengths
	echo "answers: $_answers, with sessions: $(tr '\n' ' ' <lengths)"
	expect "different lengths" "$(sort -u lengths | wc -l)" -gt 1
	get /metrics m
	expect "created" "$(sample m udp46_sessions_created_total)" -gt 4000
	stop_udp46
}

# ---- abuse ----

# One scrape after another while any bad client is there; seconds of each in `took`.
serve_others()
{
	: >took
	: >failures
	for _mode; do
		until has_ended "$(cat "$_mode.pid")"; do
			fetch --fail -o /dev/null -w '%{time_total}\n' $url/metrics >>took 2>>failures
			sleep 0.05
		done
		finish "$_mode"
		expect "exit status of abuse" "$status" -eq 0
		cat "$_mode.out"
	done
	echo "others: $(wc -l <took) served, the slowest after $(longest took) s"
}

# abused SECONDS MODES [OPTION...]: of abuse.c, all together 64 clients if no option says
# otherwise.  Others are served, no datagram is lost, memory stays.
abused()
{
	_seconds=$1 _modes=$2
	shift 2
	# shellcheck disable=SC2046 # as many words as modes
	_clients=$((64 / $(echo $_modes | wc -w)))
	_memory=$(resident "$metrics_pid")
	_drops=$(backlog_drops)
	spawn stream "$client" "$helpers/latency" -n $((_seconds * 500 + 250)) -r 500 192.0.2.1 5000
	for _mode in $_modes; do
		spawn "$_mode" "$relay" "$helpers/abuse" -n $_clients -t "$_seconds" "$@" \
		    "$_mode" 127.0.0.1 9108
	done
	serve_others $_modes
	finish stream
	echo "echoes: $(cat stream.out)"
	echo "memory: $_memory KiB, then $(resident "$metrics_pid") KiB," \
	    "at most $(status_field "$metrics_pid" VmHWM)"
	expect "metrics child" "$(child_pid metrics)" = "$metrics_pid"
	[ ! -s failures ] || atf_fail "others: $(one_line failures)"
	expect "others served" "$(wc -l <took)" -gt 0
	at_most "$(longest took)" 10 || atf_fail "somebody waited for $(longest took) s"
	expect "lost echoes" "$(value lost stream.out)" -le $(($(backlog_drops) - _drops))
	# 128 KiB for each connection, whatever is asked for; it is kept for the next ones.
	is_sanitized || expect "growth in KiB" $(($(resident "$metrics_pid") - _memory)) -le 8192
}

# abuse_network [PATH]: a daemon that has seen 64 connections at once; with a path, 2,000 sessions.
abuse_network()
{
	make_network
	start_echo 7000
	start_metrics
	if [ $# -gt 0 ]; then
		start_many -a 192.0.2.10 -A 16 -n 2000 -w 10000 192.0.2.1 5000
		many_round
	fi
	find_metrics
	in_relay "$helpers/abuse" -t 1 -p "${1:-/metrics}" pipeline 127.0.0.1 9108
}

http_case abuse_slow "64 clients that send nothing, or a byte a second"
abuse_slow_body()
{
	abuse_network
	# Every place is taken for 5 s, then by the next ones.
	abused 6 'silent trickle' -c 65
	expect "ended" "$(value ended silent.out)" -ge 32
	expect "ended" "$(value ended trickle.out)" -ge 32
	stop_udp46
}

http_case abuse_deaf "64 clients that ask and do not read, or a little each second"
abuse_deaf_body()
{
	# Each answer is larger than what the kernel keeps for a connection.
	abuse_network /debug/sessions
	abused 8 'deaf sip' -p /debug/sessions
	# They were ended in time, or nobody else would be served before they left.
	expect "others served" "$(wc -l <took)" -ge 2
	exec 3>&-
	stop_udp46
}

http_case abuse_greedy "64 clients that ask once a second, and want to stay"
abuse_greedy_body()
{
	abuse_network
	abused 5 greedy -c 65
	expect "answers" "$(value answers greedy.out)" -gt 64
	# They did not keep their places, or nobody else would be served before they left.
	expect "others served" "$(wc -l <took)" -ge 2
	stop_udp46
}

http_case abuse_bytes "Garbage, header fields of 1 MiB, a hundred requests at once"
abuse_bytes_body()
{
	abuse_network
	abused 1 garbage -c 129
	expect "ended" "$(value ended garbage.out)" -gt 64
	abused 1 headers -c 129
	expect "ended" "$(value ended headers.out)" -gt 64
	abused 2 pipeline -c 129
	expect "answers" "$(value answers pipeline.out)" -gt 100
	abused 1 pipeline -c 129 -p '/debug/sessions?sort=bytes'
	expect "answers" "$(value answers pipeline.out)" -gt 100
	stop_udp46
}

http_case abuse_flood "Connections that go away at once, as many as can be made"
abuse_flood_body()
{
	abuse_network
	abused 2 flood -c 641
	expect "opened" "$(value opened flood.out)" -gt 640
	abused 2 flood -n 500 -c 1001
	stop_udp46
}
