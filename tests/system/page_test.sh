# The status page in a real browser: Chromium without a window, driven over the WebDriver
# protocol (https://www.w3.org/TR/webdriver2/) by curl and jq, in the relay's namespace, from
# which no other host is in reach but the clients and the upstream.
#
# Screenshots stay in the directory in which a case ran.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/http.subr"

driver=http://127.0.0.1:9515

# browser_case NAME DESCRIPTION: a root case that needs the browser.
browser_case()
{
	root_case "$@"
	eval "$1_head() {
		atf_set descr \"$2\"
		atf_set require.user root
		atf_set require.progs 'chromium chromedriver curl jq'
		atf_set timeout 600
	}"
}

# ---- the browser ----

# try METHOD PATH [JSON]: the answer's value, as JSON.  Fails softly, as waiting needs it.
try()
{
	_method=$1 _path=$2
	shift 2
	fetch --max-time 120 -X "$_method" ${1:+-H 'Content-Type: application/json' -d "$1"} \
	    "$driver$_path" >answer.json || return 1
	if jq -e '.value | type == "object" and has("error")' answer.json >/dev/null; then
		jq -r .value.message answer.json >&2
		return 1
	fi
	jq .value answer.json
}

# webdriver METHOD PATH [JSON]: the same, and it must succeed.
webdriver()
{
	try "$@" || atf_fail "$1 $2: $(cat answer.json)"
}

driver_is_ready()
{
	# Two steps: with nothing to read jq does not complain.
	fetch -o ready.json "$driver/status" && jq -e .value.ready ready.json
}

start_browser()
{
	TMPDIR=$PWD spawn driver "$relay" chromedriver --port=9515
	wait_for 60 driver_is_ready || atf_fail "chromedriver does not start: $(cat driver.out)"
	mkdir profile
	jq -n --arg chromium "$(command -v chromium)" --arg profile "$PWD/profile" '{
		binary: $chromium,
		args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		    "--no-first-run", "--disable-background-networking",
		    "--disable-component-update", "--disable-sync",
		    "--window-size=1280,1000", "--user-data-dir=\($profile)"]
	} | { capabilities: { alwaysMatch: {
		browserName: "chrome",
		"goog:chromeOptions": .,
		"goog:loggingPrefs": { browser: "ALL", performance: "ALL" }
	} } }' >capabilities.json
	webdriver POST /session "$(cat capabilities.json)" >session.json
	session=/session/$(jq -r .sessionId session.json)
	# The driver starts it from a thread, so it is no child that cleaning up would find.
	# What belongs to the browser ends with it.
	_browser=$(jq '.capabilities["goog:processID"]' session.json)
	echo "$_browser $(start_time "$_browser")" >>processes
}

stop_browser()
{
	webdriver DELETE "$session" >/dev/null
	kill "$(cat driver.pid)"
	finish driver
}

# devtools COMMAND PARAMETERS
devtools()
{
	webdriver POST "$session/goog/cdp/execute" "{\"cmd\":\"$1\",\"params\":$2}" >/dev/null
}

# in_page SCRIPT: the value that it returns; a string without its quotes.
in_page()
{
	try POST "$session/execute/sync" \
	    "$(jq -n --arg script "$1" '{ script: $script, args: [] }')" >value.json && jq -r . value.json
}

# in_page_is SCRIPT TEST-EXPRESSION...
in_page_is()
{
	_value=$(in_page "$1")
	shift
	test "$_value" "$@"
}

# wait_page WHAT SCRIPT TEST-EXPRESSION...: until the script returns such a value.
wait_page()
{
	_what=$1
	shift
	wait_for 120 in_page_is "$@" || {
		screenshot failed
		shift
		atf_fail "$_what: $(cat value.json), expected $*"
	}
	echo "$_what: $(cat value.json)"
}

# text SELECTOR: a script for it.
text()
{
	echo "return document.querySelector('$1').textContent"
}

# What Chromium shows at first, its own chrome: pages, is none of ours and forgotten.
open_page()
{
	webdriver POST "$session/url" '{ "url": "about:blank" }' >/dev/null
	webdriver POST "$session/se/log" '{ "type": "performance" }' >/dev/null
	webdriver POST "$session/url" "{\"url\":\"$url/\"}" >/dev/null
	wait_page "state" "$(text '#state')" = Relaying
}

# element SELECTOR: its WebDriver identity.
element()
{
	webdriver POST "$session/element" \
	    "$(jq -n --arg css "$1" '{ using: "css selector", value: $css }')" | jq -r '.[]'
}

click()
{
	_element=$(element "$1")
	webdriver POST "$session/element/$_element/click" '{}' >/dev/null
}

# press SELECTOR KEY: a key of WebDriver's table of keys, such as \uE007 for Enter.
press()
{
	_element=$(element "$1")
	webdriver POST "$session/element/$_element/value" "{\"text\":\"$2\"}" >/dev/null
}

screenshot()
{
	webdriver GET "$session/screenshot" | jq -r . | base64 -d >"$1.png"
}

# read_console: what the browser has logged since the last time, one a line.
read_console()
{
	webdriver POST "$session/se/log" '{ "type": "browser" }' >console.json
	jq -r '.[] | "\(.source) \(.level) \(.message)"' console.json
}

# Where the server is ended on purpose the browser complains about the network by itself, but
# the page must not.
expect_quiet_page()
{
	read_console >console
	! grep -v '^network ' console >complaints || atf_fail "console: $(cat complaints)"
}

expect_quiet_console()
{
	read_console >console
	[ ! -s console ] || atf_fail "console: $(cat console)"
}

# Each request since the page was opened stayed with the page's origin.
expect_local_requests()
{
	webdriver POST "$session/se/log" '{ "type": "performance" }' |
	    jq -r '.[].message | fromjson.message |
		select(.method == "Network.requestWillBeSent" or
		    .method == "Network.webSocketCreated") | .params | .request.url // .url' |
	    sort | uniq -c >requests
	cat requests
	for _path in / /metrics '/debug/sessions?limit=200&sort=bytes'; do
		grep -qF " $url$_path" requests || atf_fail "never asked for: $_path"
	done
	grep -v -e " $url/" -e ' data:' requests >elsewhere
	[ ! -s elsewhere ] || atf_fail "requests to others: $(cat elsewhere)"
}

start_page()
{
	make_network
	start_echo 7000
	start_metrics "$@"
	start_browser
	open_page
}

# ---- charts ----

# How many pixels high a chart's line is: 0 if it is flat.
line_height()
{
	echo "return Math.round(document.querySelector('#$1 path.$2').getBBox().height)"
}

# The number in a chart's legend, before its unit; null if there is none.
legend()
{
	echo "return parseInt(document.querySelector('#$1').parentNode" \
	    ".querySelectorAll('.legend dd')[$2].textContent.replace(/,/g, ''))"
}

browser_case moving "Charts move under traffic; nothing leaves the host, the console is quiet"
moving_body()
{
	start_page
	expect "upstream" "$(in_page "$(text '#upstream')")" = '[2001:db8:1::2]:7000'
	expect "reply" "$(in_page "$(text '#last-reply')")" = 'no reply yet'
	expect "version" "$(in_page "$(text '#version')")" = \
	    "$("$udp46" --version | sed -n 's/.*version=\([^ ]*\).*/\1/p')"
	expect "drops" "$(in_page 'return document.getElementById("no-drops").hidden')" = false
	expect "children" "$(in_page 'return [...document.querySelectorAll("#restarts div")]
	    .map((row) => row.textContent).join(" ")')" = 'relay0 metrics0 resolver0'

	# A line that lies flat rises when traffic sets in, and both ways.
	for _chart in datagrams bits; do
		for _direction in up down; do
			wait_page "$_chart $_direction begins" "return document
			    .querySelector('#$_chart path.$_direction').getAttribute('d').length" -gt 20
			expect "height" "$(in_page "$(line_height $_chart $_direction)")" -eq 0
		done
	done
	spawn traffic "$client" "$helpers/client" -b 192.0.2.10:6000 -n 1000000 -r 2000 -s 500 \
	    192.0.2.1 5000
	for _chart in datagrams bits; do
		for _direction in up down; do
			wait_page "$_chart $_direction rises" \
			    "$(line_height $_chart $_direction)" -gt 40
		done
	done
	for _direction in 0 1; do
		wait_page "datagrams a second" "$(legend datagrams $_direction)" -gt 100
		wait_page "bits a second" "$(legend bits $_direction)" -gt 0
	done
	wait_page "reply" "$(text '#last-reply')" != 'no reply yet'
	wait_page "sessions" "return document.querySelector('#capacity').textContent
	    .replace(/ of .*/, '')" = 1
	wait_page "clients" "$(text '#sessions tbody tr')" != ""
	expect "client" "$(in_page "$(text '#sessions tbody th')")" = 192.0.2.10:6000
	screenshot light

	# And they come to rest again.
	kill "$(cat traffic.pid)"
	finish traffic
	wait_page "at rest" "$(legend datagrams 0)" -eq 0
	expect_quiet_console
	expect_local_requests
	stop_browser
	stop_udp46
}

browser_case drops "Drops are shown by reason, those above zero alone"
drops_body()
{
	start_page --read-buffer-size 1000
	run_client large -n 3 -s 1200 -w 100 192.0.2.1 5000
	wait_page "drops" "return [...document.querySelectorAll('#drops tbody tr')]
	    .map((row) => [0, 2, 3].map((i) => row.children[i].textContent).join(' ')).join()" = \
	    'oversize 3 0'
	expect "none" "$(in_page 'return document.getElementById("no-drops").hidden')" = true
	screenshot drops
	expect_quiet_console
	stop_browser
	stop_udp46
}

browser_case outage "It says that the upstream is out of reach, and that it is back"
outage_body()
{
	start_page
	spawn stream "$client" "$helpers/client" -b 192.0.2.10:6000 -n 1000 -r 5 192.0.2.1 5000
	wait_page "reply" "return /^last reply/.test(document.getElementById('last-reply').textContent)" \
	    = true
	_unreachable="return /^out of reach/.test(document.getElementById('last-reply').textContent)"
	atf_check ip -n "$relay" -6 route add unreachable 2001:db8:1::2/128
	wait_page "out of reach" "$_unreachable" = true
	# It stays so when nobody sends.
	kill "$(cat stream.pid)"
	sleep 15
	expect "out of reach" "$(in_page "$_unreachable")" = true
	screenshot outage
	atf_check ip -n "$relay" -6 route delete unreachable 2001:db8:1::2/128
	wait_log 'upstream reachable'
	client_ok after -b 192.0.2.11:6000 -n 5 192.0.2.1 5000
	wait_page "out of reach" "$_unreachable" = false
	expect_quiet_console
	stop_browser
	stop_udp46
}

# The numbers of each listener: address, sessions, dropped, upstream errors.
listeners='return [...document.querySelectorAll("#per-listener tbody tr")]
    .map((row) => [0, 1, 6, 7].map((i) => row.children[i].textContent.replace(/ \(.*/, ""))
	.join(" ")).join()'

# listener_rates ROW: a script for the least of its four rates, datagrams and bits each way.
listener_rates()
{
	echo "return Math.floor(Math.min(...[2, 3, 4, 5].map((i) => parseFloat(document" \
	    ".querySelectorAll('#per-listener tbody tr')[$1].children[i].textContent))))"
}

browser_case listeners "Each listener has its rates, drops and errors, and a dead upstream shows"
listeners_body()
{
	make_network
	start_echo 7000
	start_metrics --listen 198.51.100.1:5001 --read-buffer-size 1000
	start_browser
	open_page
	wait_page "at rest" "$listeners" = '192.0.2.1:5000 0 0 0,198.51.100.1:5001 0 0 0'
	run_client large -b 192.0.2.11:6000 -n 3 -s 1200 -w 100 192.0.2.1 5000
	spawn traffic "$client" "$helpers/client" -b 192.0.2.10:6000 -n 1000000 -r 500 -s 900 \
	    198.51.100.1 5001
	wait_page "sessions, drops" "$listeners" = '192.0.2.1:5000 0 3 0,198.51.100.1:5001 1 0 0'
	wait_page "rates of the other" "$(listener_rates 1)" -gt 1
	expect "rates of the first" "$(in_page "$(listener_rates 0)")" -eq 0
	screenshot listeners

	kill "$(cat echo.pid)"
	finish echo
	wait_page "errors" "return parseInt(document.querySelectorAll('#per-listener tbody tr')[1]
	    .children[7].textContent)" -gt 5
	wait_page "state" "return document.querySelector('#state').textContent
	    .replace(/[0-9].*/, '')" = 'The upstream has not answered for '
	# As high as all of it.
	for _size in '1280 1200' '390 2400'; do
		window $_size
		screenshot "dead_${_size% *}"
	done
	kill "$(cat traffic.pid)"
	finish traffic
	expect_quiet_console
	stop_browser
	stop_udp46
}

# ---- the table ----

clients='return [...document.querySelectorAll("#sessions tbody th")]
    .map((cell) => cell.textContent.replace("192.0.2.", "")).join(" ")'

# The columns that claim to be sorted by, and how.
sorted='return [...document.querySelectorAll("#sessions [aria-sort]")]
    .map((head) => head.textContent.replace(/\s/g, " ") + " " + head.getAttribute("aria-sort"))
    .join()'

# expect_order HOW CLIENT...: now, and after a refresh.
expect_order()
{
	_how=$1
	shift
	expect "sorted" "$(in_page "$sorted")" = "$_how"
	expect "order" "$(in_page "$clients")" = "$*"
	_refreshed=$(in_page "$(text '#refreshed')")
	wait_page "refreshed" "$(text '#refreshed')" != "$_refreshed"
	expect "order after a refresh" "$(in_page "$clients")" = "$*"
}

browser_case silent "It says that the upstream answers nobody, and that it does again"
silent_body()
{
	start_page
	wait_page "state" "$(text '#state')" = Relaying
	kill "$(cat echo.pid)"
	finish echo
	spawn traffic "$client" "$helpers/client" -b 192.0.2.10:6000 -n 1000000 -r 5 192.0.2.1 5000
	wait_page "state" "return document.querySelector('#state').textContent
	    .replace(/[0-9].*/, '') + document.querySelector('#state').className" = \
	    'The upstream has not answered for bad'
	screenshot silent
	start_echo 7000
	wait_page "state" "$(text '#state')" = Relaying
	kill "$(cat traffic.pid)"
	finish traffic
	expect_quiet_console
	stop_browser
	stop_udp46
}

browser_case sorting "The table is sorted by a click or a key on a header"
sorting_body()
{
	make_network
	start_echo 7000
	start_metrics
	client_ok one -b 192.0.2.10:9000 -n 2 -s 3000 192.0.2.1 5000
	client_ok two -b 192.0.2.10:10000 -n 40 -s 100 192.0.2.1 5000
	client_ok three -b 192.0.2.11:8000 -n 10 -s 1000 192.0.2.1 5000
	client_ok four -b 192.0.2.12:7000 -n 3 -s 64 192.0.2.1 5000
	start_browser
	open_page
	expect "title" "$(in_page "$(text '#h-sessions')")" = 'Sessions open now: 4'
	expect_order 'Bytes descending' 11:8000 10:9000 10:10000 12:7000
	expect "bytes" "$(in_page 'return document
	    .querySelector("#sessions tbody tr").children[3].title')" = '20,000 bytes'

	head='#sessions th:nth-child'
	click "$head(4) button"
	expect_order 'Bytes ascending' 12:7000 10:10000 10:9000 11:8000
	# Addresses sort as numbers: port 9000 is before 10000.
	click "$head(1) button"
	expect_order 'Client ascending' 10:9000 10:10000 11:8000 12:7000
	press "$head(1) button" '\uE007'
	expect_order 'Client descending' 12:7000 11:8000 10:10000 10:9000
	press "$head(7) button" ' '
	expect_order 'Datagrams to upstream descending' 10:10000 11:8000 12:7000 10:9000
	screenshot sorted
	expect_quiet_console
	stop_browser
	stop_udp46
}

# ---- when something is wrong ----

browser_case trouble "It says when the relay or the server does not answer, and recovers"
trouble_body()
{
	start_page
	find_relay
	find_metrics
	supervisor=$(cat udp46.pid)
	expect "trouble" "$(in_page "$(text '#trouble')")" = ''

	# The supervisor is stopped first, or it would end what does not answer it.
	kill -STOP "$supervisor"
	kill -STOP "$relay_pid"
	wait_page "state" "$(text '#state')" = 'Relay down'
	in_page "$(text '#trouble')" | grep -q 'the relay has not answered' ||
	    atf_fail "trouble: $(cat value.json)"
	expect "seen" "$(in_page 'const { top, height } = document
	    .getElementById("trouble").getBoundingClientRect(); return top >= 0 && height > 0')" = true
	expect "title" "$(in_page 'return document.title')" = 'udp46: relay down'
	screenshot relay_down
	kill -CONT "$relay_pid"
	wait_page "state" "$(text '#state')" = Relaying
	expect "trouble" "$(in_page "$(text '#trouble')")" = ''

	kill -STOP "$metrics_pid"
	wait_page "state" "$(text '#state')" = 'No answer'
	in_page "$(text '#trouble')" | grep -q 'the HTTP server has not answered' ||
	    atf_fail "trouble: $(cat value.json)"
	screenshot server_down
	kill -CONT "$metrics_pid"
	wait_page "state" "$(text '#state')" = Relaying
	kill -CONT "$supervisor"

	# Whatever ends: the page finds the successor by itself, and counts it.  (The supervisor,
	# awake again, may have ended one of them as hung.)
	find_metrics
	kill -KILL "$metrics_pid" || true
	wait_page "metrics child restarted" "return Number(document
	    .querySelectorAll('#restarts dd')[1].textContent)" -gt 0
	find_relay
	kill -KILL "$relay_pid" || true
	wait_page "relay restarted" "return Number(document
	    .querySelectorAll('#restarts dd')[0].textContent)" -gt 0
	wait_page "state" "$(text '#state')" = Relaying
	expect_quiet_page
	stop_browser
	stop_udp46
}

# ---- looks ----

# The least contrast of all text that is shown, by WCAG 2: 4.5 is asked for.
contrast='
	const luminance = (color) => {
		const [r, g, b] = color.match(/[\d.]+/g).map(Number).map((c) => c / 255)
		    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const behind = (element) => {
		const color = getComputedStyle(element).backgroundColor;
		return color === "rgba(0, 0, 0, 0)" ? behind(element.parentElement) : color;
	};
	const ratio = (element) => {
		const style = getComputedStyle(element);
		const front = luminance(element.closest("svg") ? style.fill : style.color);
		const back = luminance(behind(element));
		return (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
	};
	const shown = [...document.querySelectorAll("body *:not(script)")].filter((element) =>
	    element.checkVisibility() && [...element.childNodes].some((node) =>
		node.nodeType === Node.TEXT_NODE && node.data.trim() !== ""));
	return Math.floor(10 * Math.min(...shown.map(ratio)));'

# The brightness of the paper, 0 to 255.
paper='return Number(getComputedStyle(document.body).backgroundColor.match(/\d+/)[0])'

# Pixels by which the page is wider than its window.
excess='const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth - clientWidth'

# And by which its tables are wider than what is seen of them, with the widest session.
hidden_width='const cells = document.querySelector("#sessions tbody tr").children;
    ["255.255.255.255:65535", "unreplied", "999 Mbit/s", "99.9 GB", "99.9 GB", "99.9 GB",
	"999,999,999", "999,999,999", "59 min 59 s", "99 d 23 h", "255.255.255.255:65535", "65535",
	"0123456789abcdef"].forEach((text, i) => cells[i].textContent = text);
    return Math.max(...[...document.querySelectorAll(".scroll")]
	.map((box) => box.scrollWidth - box.clientWidth))'

colour_scheme()
{
	devtools Emulation.setEmulatedMedia \
	    "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"$1\"}]}"
}

# window WIDTH HEIGHT
window()
{
	devtools Emulation.setDeviceMetricsOverride \
	    "{\"width\":$1,\"height\":$2,\"deviceScaleFactor\":1,\"mobile\":false}"
	wait_page "width" 'return innerWidth' -eq "$1"
}

browser_case looks "It can be read in the dark and in a narrow window"
looks_body()
{
	make_network
	start_echo 7000
	start_metrics --read-buffer-size 1000 --listen 198.51.100.1:5001
	for _port in 6001 6002 6003; do
		client_ok some -b 192.0.2.10:$_port -n 2 198.51.100.1 5001
	done
	run_client large -s 1200 -w 100 192.0.2.1 5000
	start_browser
	open_page
	for _scheme in light dark; do
		colour_scheme $_scheme
		wait_page "$_scheme" "return matchMedia('(prefers-color-scheme: $_scheme)').matches" \
		    = true
		for _size in '1280 1000' '390 844' '360 740'; do
			window $_size
			expect "page is wider by" "$(in_page "$excess")" -eq 0
			expect "tables are wider by" "$(in_page "$hidden_width")" -eq 0
			expect "contrast, in tenths" "$(in_page "$contrast")" -ge 45
			screenshot "${_scheme}_${_size% *}"
		done
		case $_scheme in
		light) expect "paper" "$(in_page "$paper")" -gt 200 ;;
		dark) expect "paper" "$(in_page "$paper")" -lt 50 ;;
		esac
	done
	# On a card each value has its name, and what sorts them is a list.
	expect "name" "$(in_page 'return getComputedStyle(document
	    .querySelector("#sessions tbody td"), "::before").content')" = '"State"'
	in_page 'const list = document.getElementById("sort"); list.selectedIndex = 0;
	    list.dispatchEvent(new Event("change"))'
	expect_order 'Client ascending' 10:6001 10:6002 10:6003
	expect_quiet_console
	stop_browser
	stop_udp46
}
