# man/examples: what an operator copies must work, and name only what there is.

# shellcheck disable=SC2016,SC2119
. "$(atf_get_srcdir)/http.subr"

find_examples()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	examples=$UDP46_SRCDIR/man/examples
	dashboard=$examples/udp46-dashboard.json
}

plain_case prometheus "promtool accepts the configuration and the rules, and runs their tests"
prometheus_head()
{
	atf_set descr "promtool accepts the configuration and the rules, and runs their tests"
	atf_set require.progs promtool
}
prometheus_body()
{
	find_examples
	atf_check -o ignore promtool check config "$examples/prometheus.yml"
	atf_check -o ignore promtool check rules "$examples/udp46-alerts.yml"
	atf_check -o ignore promtool test rules "$examples/udp46-alerts-test.yml"
	# Each alert has a test in which it fires, tells how bad it is and what to do.
	sed -n 's/^ *- alert: //p' "$examples/udp46-alerts.yml" >alerts
	expect "alerts" "$(wc -l <alerts)" -ge 10
	expect "different ones" "$(sort -u alerts | wc -l)" -eq "$(wc -l <alerts)"
	while read -r _alert; do
		grep -q "labels: '{alertname=\"$_alert\", instance=\"bad\"}'" \
		    "$examples/udp46-alerts-test.yml" || atf_fail "no test of $_alert"
	done <alerts
	for _field in 'labels: { severity: \(critical\|warning\|info\) }' 'summary: ' \
	    'description: '; do
		expect "alerts with $_field" "$(grep -c "^ *$_field" "$examples/udp46-alerts.yml")" \
		    -eq "$(wc -l <alerts)"
	done
}

plain_case dashboard "The dashboard is valid JSON, whole, and bound to no data source"
dashboard_head()
{
	atf_set descr "The dashboard is valid JSON, whole, and bound to no data source"
	atf_set require.progs jq
}
dashboard_body()
{
	find_examples
	atf_check -o ignore jq . "$dashboard"
	jq '[.panels[], .panels[].panels[]?]' "$dashboard" >panels
	atf_check -o inline:'true\n' jq '(map(.id) | unique | length) == length' panels
	atf_check -o inline:'true\n' jq 'map(select(.type != "row")) | length > 20 and
	    all(.[]; .title != "" and .description != "" and .datasource.uid == "${datasource}" and
	    (.targets | length > 0) and all(.targets[]; .expr != "" and
	    .datasource.uid == "${datasource}" and (.expr | contains("$instance"))))' panels
	# They stand beside each other, not on each other.
	atf_check -o inline:'0\n' jq '[.[] | select(.gridPos.w + .gridPos.x > 24)] | length' panels
	atf_check -o inline:'true\n' jq '[.[] | .gridPos as $g | range($g.x; $g.x + $g.w) as $x |
	    range($g.y; $g.y + $g.h) as $y | "\($x) \($y)"] | (unique | length) == length' panels
	atf_check -o inline:'["datasource","instance","listener"]\n' \
	    jq -c '[.templating.list[].name]' "$dashboard"
	# Nothing of the system it was made on.
	atf_check -o inline:'null\n' jq .id "$dashboard"
}

root_case names "Dashboard and rules name only metrics that there are, and all of them"
names_head()
{
	atf_set descr "Dashboard and rules name only metrics that there are, and all of them"
	atf_set require.user root
	atf_set require.progs "jq curl"
}
names_body()
{
	find_examples
	make_network
	start_echo 7000
	start_metrics --metrics.session-labels
	client_ok one -n 2 192.0.2.1 5000
	get /metrics m
	grep -v '^#' m | sed 's/[{ ].*//' | sort -u >present
	jq -r '.. | .expr?, .definition? // empty' "$dashboard" >expressions
	grep -v -E '^ *(#|summary:|description:)' "$examples/udp46-alerts.yml" >>expressions
	grep -o -E '\b(udp46|process)_[a-z0-9_]+' expressions | sort -u >used
	comm -23 used present >unknown
	[ ! -s unknown ] || atf_fail "not in /metrics: $(one_line unknown)"
	jq -r '.. | .expr?, .definition? // empty' "$dashboard" |
	    grep -o -E '\b(udp46|process)_[a-z0-9_]+' | sort -u >shown
	comm -13 shown present >not_shown
	[ ! -s not_shown ] || atf_fail "not in the dashboard: $(one_line not_shown)"
	# Values of labels, too: direction, reason, operation, state.
	grep -o -E '(direction|reason|operation|state)(=~?|!=)"[a-z_|]*"' expressions |
	    sed -E 's/(!=|=~?)/=/' | sort -u | while IFS='="' read -r _label _nothing _values; do
		for _value in $(echo "$_values" | tr '"|' '  '); do
			grep -q "$_label=\"$_value\"" m || echo "$_label=$_value"
		done
	done >unknown
	[ ! -s unknown ] || atf_fail "not in /metrics: $(one_line unknown)"
	stop_udp46
}

root_case sysctl "Each setting of the kernel exists, and can be set"
sysctl_body()
{
	find_examples
	# Without the sign for what may be missing: here it must not be.
	sed -n 's/^-\{0,1\}\([a-z]\)/\1/p' "$examples/udp46-sysctl.conf" >settings.conf
	expect "settings" "$(wc -l <settings.conf)" -ge 5
	while IFS=' =' read -r _name _value; do
		_file=/proc/sys/$(echo "$_name" | tr . /)
		[ -e "$_file" ] || fail "there is no $_name"
		# Those of a network namespace are set in one, and are all in force.
		! unshare --net test -w "$_file" || echo "$_name = $_value"
	done <settings.conf >in_namespace.conf
	cat in_namespace.conf
	expect "settings of a namespace" "$(wc -l <in_namespace.conf)" -ge 2
	atf_check -o ignore unshare --net sh -ec '
		sysctl -p in_namespace.conf
		while IFS=" =" read -r name value; do
			test "$(sysctl -n "$name" | tr "\t" " ")" = "$value"
		done <in_namespace.conf'
	# As it is, too, but for those that are the whole host's.
	sed -e '/^net\.core/d' -e '/conntrack_max/d' "$examples/udp46-sysctl.conf" >namespace.conf
	atf_check -o ignore unshare --net sysctl -p namespace.conf
}
