# A real Prometheus, with the configuration and the rules of man/examples.

# shellcheck disable=SC2016,SC2119
. "$(atf_get_srcdir)/http.subr"

api=http://127.0.0.1:9090/api/v1

# query EXPRESSION: the result, into the file `result`; fails if there is none.
query()
{
	fetch --fail -G --data-urlencode "query=$1" -o result $api/query &&
	    jq -e '.status == "success" and (.data.result | length > 0)' result >/dev/null
}

# answer EXPRESSION: the one number of the result.
answer()
{
	query "$1" || atf_fail "Prometheus has no answer to $1"
	jq -r '.data.result[0].value[1]' result
}

has_reached()
{
	[ "$(answer "$1")" -ge "$2" ]
}

start_prometheus()
{
	cp "$UDP46_SRCDIR"/man/examples/*.yml .
	sed -i 's/_interval: 15s/_interval: 1s/; s/_timeout: 5s/_timeout: 1s/' prometheus.yml
	spawn prometheus "$relay" prometheus --config.file=prometheus.yml \
	    --storage.tsdb.path="$PWD/data" --web.listen-address=127.0.0.1:9090 \
	    --log.level=warn
	wait_for 60 query 'up == 1' || atf_fail "Prometheus does not scrape: $(one_line prometheus.err)"
}

root_case scrape "Prometheus scrapes the program and answers for every family"
scrape_head()
{
	atf_set descr "Prometheus scrapes the program and answers for every family"
	atf_set require.user root
	atf_set require.progs "prometheus curl jq"
}
scrape_body()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	make_network
	start_echo 7000
	start_metrics --metrics.session-labels --unreplied-timeout 1s --session-timeout 10m
	start_prometheus
	client_ok assured -b 192.0.2.10:6001 -n 25 -s 200 192.0.2.1 5000
	client_ok gone -b 192.0.2.10:6002 -n 1 192.0.2.1 5000
	wait_total sessions_expired -eq 1
	wait_for 30 has_reached 'sum(udp46_sessions_expired_total)' 1 ||
	    atf_fail "Prometheus does not see the end of a session"

	# Every family, a histogram by its three, and what Prometheus learnt of each.
	query 'count by (__name__) ({job="udp46",instance="127.0.0.1:9108"})' ||
	    atf_fail "Prometheus has nothing"
	jq -r '.data.result[].metric.__name__' result >present
	fetch --fail -o metadata $api/metadata || atf_fail "Prometheus has no metadata"
	jq -r '.data | to_entries[] | select(.value[0].help != "") |
	    "\(.key) \(.value[0].type)"' metadata >types
	echo "$families$session_families" | sed '/^$/d' >all
	while read -r _name _type; do
		grep -q -x "$_name $_type" types || atf_fail "no metadata of $_name"
		_series=$_name
		[ "$_type" != histogram ] || _series="${_name}_bucket ${_name}_sum ${_name}_count"
		for _name in $_series; do
			grep -q -x "$_name" present || atf_fail "Prometheus has no $_name"
		done
	done <all

	# The same numbers, and questions that an operator asks.
	expect "sum of datagrams" "$(answer 'sum(udp46_datagrams_total)')" -eq 52
	expect "bytes up" "$(answer 'sum(udp46_bytes_total{direction="client_to_upstream"})')" -eq 5064
	expect "assured" "$(answer 'udp46_sessions{state="assured"}')" -eq 1
	expect "series of one listener" "$(answer 'count(udp46_drops_total)')" -eq \
	    $((2 * $(echo $drop_reasons | wc -w)))
	expect "the busiest" "$(answer 'sum(topk(1, sum by (session_id) (udp46_session_packets_total)))')" -eq 50
	query 'histogram_quantile(0.9, sum by (le) (udp46_session_duration_seconds_bucket))' ||
	    atf_fail "no quantile"
	query 'udp46_sessions_active / udp46_session_capacity < 0.01' || atf_fail "no ratio"
	query 'time() - udp46_upstream_last_reply_timestamp_seconds < 120' || atf_fail "no age"

	# A restarted metrics child must not look like a reset of counters.
	find_metrics
	kill -KILL "$metrics_pid"
	client_ok assured -b 192.0.2.10:6001 -n 25 -s 200 192.0.2.1 5000
	wait_for 30 has_reached 'sum(udp46_child_restarts_total{child="metrics"})' 1 ||
	    atf_fail "Prometheus does not see the restart"
	wait_for 30 has_reached 'sum(udp46_datagrams_total)' 102 || atf_fail "datagrams are missing"
	expect "resets" "$(answer 'sum(resets(udp46_datagrams_total[1m]))')" -eq 0
	expect "resets" "$(answer 'sum(resets(udp46_sessions_created_total[1m]))')" -eq 0

	# The rules are evaluated without an error, and nothing is amiss.
	fetch --fail -o rules $api/rules || atf_fail "no rules"
	jq -r '.data.groups[].rules[] | select(.health != "ok") | .name, .lastError' rules >sick
	[ ! -s sick ] || atf_fail "rules that fail: $(one_line sick)"
	expect "rules" "$(jq '[.data.groups[].rules[]] | length' rules)" -eq \
	    "$(grep -c '^ *- alert:' udp46-alerts.yml)"
	expect "alerts" "$(jq -r '[.data.groups[].rules[] | select(.state == "firing")] | length' rules)" -eq 0

	# Each query of the dashboard, as Grafana would send it.
	jq -r '.. | .expr? // empty' "$UDP46_SRCDIR/man/examples/udp46-dashboard.json" |
	    sed 's/\$__rate_interval/1m/g; s/\$instance/.*/g; s/\$listener/.*/g' >expressions
	expect "expressions" "$(wc -l <expressions)" -gt 20
	while read -r _expression; do
		fetch -G --data-urlencode "query=$_expression" -o result $api/query
		jq -r 'if .status != "success" then error(.error) else .data.result | length end' \
		    result >length || atf_fail "$_expression: $(one_line result)"
		[ "$(cat length)" -gt 0 ] || echo "$_expression"
	done <expressions >empty_results
	cat empty_results
	# The restarts and moves of the last minute are events: there may have been none.
	grep -v 'increase.*> 0$' empty_results >unexpected
	[ ! -s unexpected ] || atf_fail "no result: $(one_line unexpected)"
	stop_udp46
	kill "$(cat prometheus.pid)"
	finish prometheus
}
