# udp46ctl: what it says of a running udp46, in a terminal and to programs, and what a server that
# is none of ours can make of it.

# What stands in single quotes is for a shell of its own.
# shellcheck disable=SC2016,SC2119
. "$(atf_get_srcdir)/http.subr"

ctl=$(cd "$helpers/../.." && pwd)/udp46ctl

# ctl_case NAME DESCRIPTION [PROGRAM...]: a root case, and the programs that it needs.
ctl_case()
{
	_name=$1 _descr=$2
	shift 2
	root_case "$_name" "$_descr"
	eval "${_name}_head() {
		atf_set descr \"$_descr\"
		atf_set require.user root
		atf_set require.progs \"curl jq socat $*\"
	}"
}

# ask STATUS ARGUMENT...: udp46ctl in the relay's namespace must exit so; see `said` and `erred`.
ask()
{
	_expected=$1
	shift
	_status=0
	in_relay "$ctl" "$@" >said 2>erred || _status=$?
	[ $_status -eq "$_expected" ] ||
	    fail "udp46ctl $*: exit status $_status, not $_expected: $(one_line said) $(one_line erred)"
	# Whatever it is, it is printable, and no wider than a terminal but for JSON and plug-ins.
	if LC_ALL=C grep -n '[^ -~]' said erred >strange; then
		fail "udp46ctl $*: bytes for a terminal: $(cat -v strange)"
	fi
}

# says PATTERN...: each matches a line of what was said.
says()
{
	for _pattern; do
		grep -qE -e "$_pattern" said || fail "no line matches $_pattern: $(cat said erred)"
	done
}

narrow()
{
	awk 'length > 80' said >wide
	[ ! -s wide ] || fail "wider than 80 columns: $(one_line wide)"
}

# is JQ-CONDITION: of the JSON that was said.
is()
{
	jq -e "$1" said >judged || fail "not so: $1: $(one_line said)"
}

# ---- a running udp46 ----

# Three sessions: 6001 with 40 datagrams of 1000 bytes, 6002 with 5 of 100 on the other listener,
# 6003 without an answer.
three_sessions()
{
	make_network
	start_echo -m 33 7000
	start_udp46 --listen 192.0.2.1:5000 --listen 192.0.2.1:5001 \
	    --upstream '[2001:db8:1::2]:7000' --metrics.enabled "$@"
	client_ok one -b 192.0.2.10:6001 -n 40 -s 1000 192.0.2.1 5000
	client_ok two -b 192.0.2.11:6002 -n 5 -s 100 192.0.2.1 5001
	run_client mute -b 192.0.2.11:6003 -n 2 -s 33 -w 20 192.0.2.1 5000
}

ctl_case status "One screen, and as JSON, that say what /metrics says"
status_body()
{
	three_sessions
	run_client large -b 192.0.2.10:6001 -n 2 -s 2001 -w 20 192.0.2.1 5000
	ask 0 status
	narrow
	cat said
	expect "lines" "$(wc -l <said)" -le 24
	says '^udp46 +[0-9.]+, commit [0-9a-z]+, of ' '^ +up .* s, 2 listeners, metrics at 127.0.0.1:9108$' \
	    '^OK +nothing is wrong$' '^upstream +\[2001:db8:1::2\]:7000, last reply [0-9.]+ s ago$' \
	    'path MTU 1500, moved 0 times, 0 failed look-ups' \
	    '^sessions +3 of [0-9]+ \(0 %\): 1 unreplied, 0 replied, 2 assured$' \
	    '^ +3 created, 0 expired, 0 evicted, 0 restored$' \
	    '^to upstream +0 +0 +[0-9]+ +[0-9.k]+$' '^to clients +0 +0 +47 +[0-9.k]+$' \
	    '^drops +none$' '^children +1 of 1 relays up; restarts: 0 relay, 0 metrics, 0 resolver$'
	get /metrics m
	ask 0 status --json
	is ".level == \"OK\" and .relays_up == 1 and .sessions.assured == 2 and
	    .datagrams.client_to_upstream == $(sample m udp46_datagrams_total 'direction="client_to_upstream"') and
	    .bytes.upstream_to_client == $(sample m udp46_bytes_total 'direction="upstream_to_client"') and
	    .session_capacity == $(sample m udp46_session_capacity) and
	    (.drops | length) == $(echo $drop_reasons | wc -w) and
	    .upstream == \"[2001:db8:1::2]:7000\" and .child_restarts.relay == 0"
	# Rates are those of a second.
	spawn stream "$client" "$helpers/client" -b 192.0.2.10:6001 -n 400 -r 100 -s 1000 192.0.2.1 5000
	ask 0 status --json --interval 2s
	is '.datagrams_per_second | all(. > 5 and . < 400)'
	is '.bytes_per_second | all(. > 5000 and . < 400000)'
	finish stream
	kill_relay KILL
	ask 0 status
	says '^children +1 of 1 relays up; restarts: 1 relay,'
	stop_udp46
	ask 1 status
	grep -q '^udp46ctl: .*127.0.0.1:9108: Connection refused: is udp46 running' erred ||
	    fail "$(cat erred)"
}

# clients: their ports, in the order of the lines, or of the JSON.
ports()
{
	case $(head -c 1 said) in
	'[') jq -r 'map(.client_port) | join(" ")' said ;;
	*) sed -n 's/^[0-9.]*:\([0-9]*\) .*/\1/p' said | xargs ;;
	esac
}

# lists PORTS FLAG...: as text and as JSON.
lists()
{
	_ports=$1
	shift
	ask 0 sessions "$@"
	narrow
	expect "sessions $*" "$(ports)" = "$_ports"
	ask 0 sessions --json "$@"
	expect "sessions --json $*" "$(ports)" = "$_ports"
}

ctl_case sessions "Sessions: all, some, in any order, and as the server says them"
sessions_body()
{
	three_sessions
	lists '6001 6002 6003'
	get /debug/sessions dumped
	jq -S 'sort_by(.client_port)' dumped >expected
	jq -S . said >got
	# Fractions of seconds may have more digits.
	sed 's/\.[0-9]*Z/Z/' expected >a && sed 's/\.[0-9]*Z/Z/' got >b
	atf_check -o file:a cat b
	ask 0 sessions
	cat said
	says '^CLIENT +LISTENER +PORT STATE +AGE IDLE +UP +DOWN$' \
	    '^192\.0\.2\.10:6001 +192\.0\.2\.1:5000 +[0-9]+ assured +[0-9]+s +[0-9]+s 40\.0k 40\.0k$' \
	    '^192\.0\.2\.11:6003 .* unreplied +[0-9]+s +[0-9]+s +66 +0$'
	lists '6003 6002 6001' --reverse
	lists '6002 6003' --client 192.0.2.11
	lists '6003' --client 192.0.2.11 --state unreplied
	lists '6001 6002' -state=assured
	lists '6002' --listener 192.0.2.1:5001
	lists '6001 6003' --listener 0.0.0.0:5000
	lists '' --listener 192.0.2.2:5000
	lists '6002' --port 6002
	lists '6001' --port "$(jq '.[] | select(.client_port == 6001).upstream_local_port' dumped)"
	lists '6001 6002 6003' --sort bytes
	lists '6001 6002' --sort packets --limit 2
	lists '6003 6002 6001' --sort age --reverse
	lists '6001' --sort idle --limit 1
	stop_udp46
}

ctl_case drops "Each reason with its count, its rate, and what to do"
drops_body()
{
	three_sessions --read-buffer-size 1500
	spawn large "$client" "$helpers/client" -b 192.0.2.10:6001 -n 600 -r 50 -s 1600 -w 20 192.0.2.1 5000
	ask 0 drops --interval 2s
	narrow
	cat said
	for _reason in $drop_reasons receive_queue_up receive_queue_down; do
		says "^$_reason +[0-9]+ +[0-9.k]+  .*[a-z]"
	done
	says '^oversize +[1-9][0-9]* +[1-9][0-9.]* +raise --read-buffer-size$'
	ask 0 drops --json
	is 'map(select(.reason == "oversize"))[0] | .count > 1 and .per_second > 1 and
	    .remedy == "raise --read-buffer-size"'
	ask 1 check
	says '^udp46 WARNING: [0-9.]+ datagrams a second are dropped, most as oversize: '
	ask 2 check --critical-drops 10
	ask 0 check --warning-drops 1000
	finish large
	stop_udp46
}

# ---- check ----

ctl_case check "The four exit statuses, of a running udp46 and of none"
check_body()
{
	three_sessions --max-sessions 5
	ask 0 check
	cat said
	expect "lines" "$(wc -l <said)" -eq 1
	says '^udp46 OK: \[2001:db8:1::2\]:7000, 3 of 5 sessions, .* \| sessions=3;4;5;0;5 silence=' \
	    ' drops_per_second=0.000;1;;0 drops=0c errors=0c restarts=0c datagrams_up=47c datagrams_down=45c '
	ask 1 check --warning-sessions 60
	says '^udp46 WARNING: 3 of 5 sessions are open \(60 %\): raise --max-sessions'
	ask 2 check --critical-sessions 59.5
	says '^udp46 CRITICAL: 3 of 5 sessions'
	ask 0 check --warning-sessions 61
	ask 1 check --json --warning-sessions 60
	is '.level == "WARNING" and (.finding | startswith("3 of 5"))'

	# UNKNOWN: what it was asked is nonsense.
	for _flag in --warning-sessions=101 --silence=soon --unknown --metrics=nothing \
	    --metrics=no-such-name.invalid:9108 --client=192.0.2.1; do
		ask 3 check $_flag
		says '^udp46 UNKNOWN: --'
	done
	find_relay
	kill -STOP "$relay_pid"
	ask 2 check
	says '^udp46 CRITICAL: 1 of 1 relays does not answer: '
	kill -CONT "$relay_pid"
	wait_for 20 is_healthy || fail "the relay does not come back"
	ask 0 check

	find_metrics
	kill -STOP "$metrics_pid"
	ask 2 check --timeout 500ms
	says '^udp46 CRITICAL: 127\.0\.0\.1:9108: no answer to /healthz within 0\.5 s: '
	kill -CONT "$metrics_pid"
	stop_udp46
	ask 2 check
	says '^udp46 CRITICAL: .*127\.0\.0\.1:9108: Connection refused: is udp46 running'
	ask 2 check --json
	is '.level == "CRITICAL"'
}

# Datagrams of a client to which nobody answers, ten a second for so many seconds.
call_in_vain()
{
	spawn "$1" "$client" "$helpers/client" -b "$2" -n $(($3 * 10)) -r 10 -s 64 -w 20 192.0.2.1 5000
}

# What udp46 says of its upstream.
is_silent()
{
	get /metrics m
	[ "$(sample m udp46_upstream_silent_since_timestamp_seconds)" != 0 ]
}

answers()
{
	! is_silent
}

ctl_case silence "An upstream that answers nobody is critical, however it does so, unless nobody asks"
silence_body()
{
	three_sessions
	kill -STOP "$(cat echo.pid)"
	# A question without an answer now and then, as keepalives are.
	run_client keepalive -b 192.0.2.10:6001 -n 1 -w 20 192.0.2.1 5000
	call_in_vain asking 192.0.2.10:6001 300
	ask 0 check
	wait_for 60 is_silent || fail "udp46 does not say that it is silent"
	ask 2 check
	cat said
	says '^udp46 CRITICAL: the upstream \[2001:db8:1::2\]:7000 has answered nobody for [0-9]+ s: is it up' \
	    ' silence=3[0-9]\.[0-9]s;;30;0 '
	ask 2 check --silence 3s
	ask 0 check --silence 0
	ask 0 check --silence 10m
	ask 0 status
	says '^CRITICAL +the upstream \[2001:db8:1::2\]:7000 has answered nobody for '
	narrow
	ask 0 top --json --count 1 --interval 100ms
	is '.status.level == "CRITICAL" and .status.upstream_silence_seconds >= 30'
	kill -CONT "$(cat echo.pid)"
	wait_for 10 answers || fail "udp46 does not say that it answers"
	ask 0 check
	# Nobody is at the port any more, and the kernel there says so.
	kill -KILL "$(cat echo.pid)"
	wait_for 60 is_silent || fail "udp46 does not say that it is silent"
	ask 2 check
	says 'has answered nobody for .* and refuses, or is not reached'
	start_echo 7000
	wait_for 10 answers || fail "udp46 does not say that it answers"
	# Nobody has that address any more, as the kernel here says.
	atf_check ip -n "$home" address delete 2001:db8:1::2/64 dev relay
	# Else it takes as long as silence does until the neighbor is missed.
	atf_check ip -n "$relay" neighbor flush dev home
	wait_log 'upstream unreachable'
	wait_for 60 is_silent || fail "udp46 does not say that nobody is answered"
	ask 2 check
	says 'has answered nobody for '
	expect "said that it is silent" "$(log_count 'upstream silent')" -eq 2
	kill "$(cat asking.pid)"
	stop_udp46
}

# ---- where it asks ----

ctl_case where "A Unix socket, IPv6, a name; the environment; and who may not"
where_body()
{
	make_network
	mkdir -m 755 folder
	socket=$PWD/folder/m.sock
	start_metrics --metrics.listen "unix:$socket"
	ask 0 status --metrics "unix:$socket"
	says "(metrics at|^) +unix:$socket\$"
	export UDP46_METRICS="unix:$socket"
	ask 0 check
	ask 2 check --metrics 127.0.0.1:9108
	export UDP46_METRICS=
	ask 2 check
	says 'unix:/run/udp46/metrics\.sock: .*; 127\.0\.0\.1:9108: Connection refused'
	ask 2 check --metrics "unix:$PWD/none"
	says "unix:$PWD/none: No such file or directory: is udp46 running"
	# Somebody else, who cannot come to where the program and the socket are but through here.
	chmod 755 .
	ask 3 check --metrics unix:relative
	status=0
	in_relay setpriv --reuid=65533 --regid=65533 --clear-groups "$ctl" check \
	    --metrics "unix:$socket" >said 2>erred || status=$?
	case $status in
	126 | 127) echo "a stranger cannot reach the program here" ;;
	*)
		expect "exit status for a stranger" $status -eq 3
		says 'Permission denied: the socket is for the group of --metrics.user: try as root$'
		;;
	esac
	stop_udp46
	for _address in '[::1]:9109' localhost:9110; do
		start_metrics --metrics.listen "$_address"
		ask 0 check --metrics "$_address"
		stop_udp46
	done
}

ctl_case confined "Once it reads, it can neither open, execute nor fork"
confined_body()
{
	make_network
	start_metrics
	spawn top "$relay" "$ctl" top --json --interval 1s
	wait_for 10 test -s top.out || fail "no line of top: $(cat top.err)"
	expect "filter" "$(status_field "$pid" Seccomp)" = 2
	expect "no_new_privs" "$(status_field "$pid" NoNewPrivs)" = 1
	jq -e '.status.level == "OK" and (.sessions | length) == 0' top.out || fail "$(cat top.out)"
	kill -TERM "$pid"
	# udp46 itself has nothing to do with these libraries.
	ldd "$udp46" >linked
	if grep -E 'json|curses|tinfo' linked; then
		fail 'udp46 links what only udp46ctl needs'
	fi
	# A reader who goes away ends it.
	in_relay "$ctl" top --json --interval 200ms 2>erred | head -n 1 >first
	jq -e .status first || fail "$(cat first erred)"
	stop_udp46
}

# ---- top ----

terminal()
{
	tmux -S "$PWD/terminal" -f /dev/null "$@"
}

# A terminal of 80 by 24 in which `udp46ctl top` runs, and then says its exit status.
open_top()
{
	spawn tmux "$relay" tmux -S "$PWD/terminal" -f /dev/null -D
	wait_for 10 test -S terminal || fail "tmux does not start: $(cat tmux.err)"
	terminal new-session -d -x 80 -y 24 "TERM=screen '$ctl' top $*; echo status \$?; cat"
}

screen_has()
{
	terminal capture-pane -p >screen && grep -qE -e "$1" screen
}

# shows PATTERN...: within ten seconds each is on the screen.
shows()
{
	for _pattern; do
		wait_for 10 screen_has "$_pattern" || fail "no line matches $_pattern: $(cat screen)"
	done
}

# press KEY...
press()
{
	terminal send-keys "$@"
}

# top_ports PORTS: the clients' in the order of the screen.
has_ports()
{
	terminal capture-pane -p >screen
	[ "$(sed -n 's/^[0-9.]*:\([0-9]*\) .*/\1/p' screen | xargs)" = "$1" ]
}

shows_ports()
{
	wait_for 10 has_ports "$1" || fail "not in the order $1: $(cat screen)"
}

ctl_case top "top in a terminal: rates, keys, another size, a server that goes and comes" tmux
top_body()
{
	three_sessions
	spawn stream "$client" "$helpers/client" -b 192.0.2.11:6002 -n 2000 -r 100 -s 100 192.0.2.1 5001
	open_top --timeout 5m
	shows '^udp46 [0-9.]+  up .*  every 2 s  by rate$' \
	    '^\[2001:db8:1::2\]:7000  last reply [0-9.]+ s ago  path MTU 1500$' \
	    '^3 of [0-9]+ sessions: 2 assured, 0 replied, 1 unreplied$' '^OK$' \
	    '^up [1-9][0-9]+/s [0-9.]+k? bit/s  down [1-9][0-9]+/s .* drops 0/s  errors 0/s  restarts 0$' \
	    '^CLIENT +PORT STATE +IDLE +UP/S +bit/s DOWN/S +bit/s +BYTES$' \
	    '^192\.0\.2\.11:6002 +[0-9]+ assured +0s +[1-9][0-9]+ +[0-9.]+k? +[1-9][0-9]+ +[0-9.]+k?'
	cat screen
	shows_ports '6002 6001 6003'
	press b
	shows 'by bytes$'
	press c
	shows_ports '6001 6002 6003'
	press R
	shows 'by client reversed$'
	shows_ports '6003 6002 6001'
	press R '>'
	shows 'by rate$'
	press '<'
	shows 'by client$'
	press x
	shows '^no such key: h says'
	press h
	shows '^Keys of udp46ctl top$' '^  q +quit$'
	press x
	shows '^OK$'
	press s 0 . 0 5 Enter
	shows '^0\.05: want a number of seconds, at least 0\.1$'
	press d 9 BSpace 0 . 5
	shows '^Seconds between two readings \(now 2\): 0\.5_$'
	press Enter
	shows 'every 0\.5 s'
	press s 7 Escape
	shows '^OK$' 'every 0\.5 s'
	# Another size, on which less and then more fits.
	terminal resize-window -x 60 -y 8
	shows '^CLIENT +PORT STATE +IDLE +UP/S +bit/s DOW$'
	expect "lines" "$(grep -c '^192' screen)" -eq 1
	press Down
	shows_ports 6002
	terminal resize-window -x 120 -y 30
	shows '^CLIENT .* LISTENER' '192\.0\.2\.1:5001'
	shows_ports '6001 6002 6003'

	# What is known stays on the screen while nobody is there to ask.
	finish stream 60
	stop_udp46
	shows '^CRITICAL: .*127\.0\.0\.1:9108: Connection refused: is udp46 running' '^192\.0\.2\.10:6001'
	start_metrics
	shows '^OK$' '^0 of [0-9]+ sessions: 0 assured'
	# A key ends what takes long.
	find_metrics
	kill -STOP "$metrics_pid"
	sleep 2
	press q
	shows '^status 0$'
	kill -CONT "$metrics_pid"
	stop_udp46
}

ctl_case no_top "Where top has no terminal, or no server, it says so and ends" tmux
no_top_body()
{
	make_network
	ask 1 top
	grep -q 'wants a terminal: --json is for programs' erred || fail "$(cat erred)"
	open_top
	shows "is udp46 running, with" '^status 1$'
	terminal respawn-pane -k "TERM=dumb '$ctl' top; echo status \$?; cat"
	shows 'TERM=dumb: cannot place a cursor' '^status 1$'
	terminal respawn-pane -k "TERM=nonsense '$ctl' top; echo status \$?; cat"
	shows 'TERM=nonsense: cannot place a cursor' '^status 1$'
}

# ---- a server that is none of ours ----

# serve: what `metrics`, `sessions` and `healthz` say, whole answers, at a Unix socket.
serve()
{
	cat >server <<-'END'
	read -r _method path _version
	case $path in
	/metrics) . ./metrics ;;
	/debug/sessions*) . ./sessions ;;
	*) . ./healthz ;;
	esac
	END
	cat >healthz <<-'END'
	printf 'HTTP/1.0 200 OK\r\n\r\nok\n'
	END
	spawn server "$relay" socat "UNIX-LISTEN:$PWD/s,fork" "EXEC:sh ./server"
	wait_for 10 test -S s || fail "no server: $(cat server.err)"
	export UDP46_METRICS="unix:$PWD/s"
}

# Real documents, for others to be made of.
take_documents()
{
	three_sessions --metrics.session-labels
	get /metrics real.metrics
	get /debug/sessions real.sessions
	stop_udp46
}

# script NAME TEXT
script()
{
	printf '%s\n' "$2" >"$1"
}

# answer NAME COMMAND...: after a head of HTTP, what this prints.
answer()
{
	_file=$1
	shift
	script "$_file" "printf 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n'; $*"
}

# bounded STATUS ARGUMENT...: within ten seconds and 64 MiB.
bounded()
{
	_began=$(date +%s)
	ask "$@"
	expect "seconds" $(($(date +%s) - _began)) -le 10
}

# Of the greatest size that the program had in memory, in KiB.
peak()
{
	in_relay sh -c '"$@" >said 2>erred & while [ -d /proc/$! ]; do
	    sed -n "s/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p" /proc/$!/status 2>/dev/null; sleep 0.1
	    done' sh "$ctl" "$@" | longest /dev/stdin
}

ctl_case nonsense "What is not, or not whole, what udp46 serves is refused in words"
nonsense_body()
{
	take_documents
	serve
	answer metrics 'cat real.metrics'
	answer sessions 'cat real.sessions'
	ask 0 status
	ask 0 sessions
	expect "clients" "$(ports)" = '6001 6002 6003'

	# refused KIND PATTERN: in each way of asking; `check` knows that it does not know.
	refused()
	{
		echo "$1"
		bounded 1 status
		grep -qE -e "$2" erred || fail "$1: $(cat erred)"
		bounded 3 check
		says "^udp46 UNKNOWN: .*($2)"
		bounded 1 top --json --count 1 --interval 100ms
	}
	answer metrics 'sed "s/^udp46_listeners .*/udp46_listeners -1/" real.metrics'
	refused "a negative number" 'is not that of udp46, or was cut'
	answer metrics 'sed "s/^udp46_listeners .*/udp46_listeners NaN/" real.metrics'
	refused "no number" 'is not that of udp46, or was cut'
	answer metrics 'sed "s/^udp46_listeners .*/udp46_listeners 1e300/" real.metrics'
	refused "more than can be" 'is not that of udp46, or was cut'
	script metrics 'printf "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"; cat real.metrics'
	refused "chunks, which were not asked for" 'line 1 of /metrics'
	answer metrics 'echo nothing'
	refused "one word" 'line 1 of /metrics: no name'
	answer metrics 'echo "<html>hello</html>"'
	refused "a page" 'line 1 of /metrics'
	answer metrics 'echo "a 1"'
	refused "another program" 'is not that of udp46, or was cut'
	answer metrics ':'
	refused "nothing" 'is not that of udp46, or was cut'
	answer metrics 'head -c -30 real.metrics'
	refused "cut in a line" 'no end'
	answer metrics 'sed "/^udp46_segment/,\$d" real.metrics'
	refused "cut between lines" 'or was cut'
	answer metrics 'sed "s/^udp46_listeners .*/udp46_listeners many/" real.metrics'
	refused "a word for a number" 'no number'
	answer metrics 'printf "a\0b 1\n"'
	refused "a zero byte" 'a zero byte'
	answer metrics 'head -c 100000 /dev/zero | tr "\0" a'
	refused "a long line" 'too long'
	script metrics 'printf "HTTP/1.0 404 Not Found\r\n\r\nno\n"'
	refused "another path" 'status 404 for /metrics: is it the address of --metrics.listen'
	script metrics 'printf "SSH-2.0-OpenSSH\r\n\r\n"'
	refused "another protocol" 'does not speak HTTP'
	script metrics 'head -c 100000 /dev/zero'
	refused "zeroes" 'does not speak HTTP'
	script metrics ':'
	refused "an end" 'the connection ended before an answer'

	answer metrics 'cat real.metrics'
	# Sums of what is absurd, but a number, are numbers.
	answer metrics 'sed "s/ 0$/ 1.8e19/" real.metrics'
	ask 0 status
	ask 0 status --json
	is '[.. | numbers | isnormal or . == 0] | all'
	ask 0 drops --json
	is '[.. | numbers | isnormal or . == 0] | all'
	answer metrics 'cat real.metrics'
	for _change in 's/"assured"/"asleep"/' 's/"state"/"a":[[[[[[[[[[[[]]]]]]]]]]]],&/' \
	    's/"client_port":6001/"client_port":1e400/' 's/"client_port":6001/"client_port":-1/' 's/"client_port":6001/"client_port":"6001"/' \
	    's/"client_port":6001/"client_port":65537/' 's/"192.0.2.10"/"192.0.2.1000"/' 's/}/]/' \
	    's/^\[/{/' 's/"created":"2/"created":"x/' 's/session_id/id/' 's/\]$//'; do
		answer sessions "sed '$_change' real.sessions"
		bounded 1 sessions
		grep -qE ': session [0-9]+ of /debug/sessions: [a-z_]+.*: is that udp46\?$' erred ||
		    fail "$_change: $(cat erred)"
	done
	script sessions 'printf "HTTP/1.0 503 Service Unavailable\r\n\r\nno\n"'
	ask 1 sessions
	grep -q 'the relay does not answer' erred || fail "$(cat erred)"
}

ctl_case control "Nothing that a server says reaches a terminal but printable ASCII" tmux
control_body()
{
	take_documents
	serve
	printf 's/%s/%s/\n' '2001:db8:1::2\]:7000' 'x\\\\n\o033[2J\o007\o233\o302\o233y' \
	    'version="[^"]*"' 'version="\o033]0;title\o007"' \
	    'operation="client_read"' 'operation="\o033c"' \
	    'reason="oversize"' 'reason="\\\\n\o033[31m\o233"' >metrics.sed
	printf 's/%s/%s/\n' '"2001:db8:1::2"' '"\\u001b[2J\\u009b\\u0007\\n\\u0000x"' >sessions.sed
	answer metrics 'sed -f metrics.sed real.metrics | sed "s/^\(udp46_[de][a-z]*_total.*\) 0$/\1 7/"'
	answer sessions 'sed -f sessions.sed real.sessions'
	# `ask` looks at every byte.
	ask 0 status
	grep -q '\^\[' said || fail "nothing is escaped: $(cat said)"
	narrow
	cat said
	ask 0 drops
	ask 0 sessions
	ask 0 sessions --json
	is 'length == 3'
	ask 0 status --json
	ask 0 check
	says "^udp46 OK: \\[x"
	ask 0 top --json --count 1 --interval 100ms
	script metrics 'printf "HTTP/1.0 200 \033[2J\r\n\r\n\033[2J 1\n"'
	ask 3 check
	answer metrics 'sed -f metrics.sed real.metrics'
	open_top
	shows '^udp46 \^\[\]0;title\\a  up' '^3 of'
	press q
	shows '^status 0$'
	# What is before `|` must not be taken for what is after it.
	answer metrics 'sed "s/.2001:db8:1::2.:7000/x | y=1/" real.metrics'
	ask 0 check
	says '^udp46 OK: x / y=1, [^|]* \| sessions=[^|]*$'
}

ctl_case endless "A server without end, or without a beginning, costs seconds and some MiB"
endless_body()
{
	take_documents
	serve
	answer sessions 'cat real.sessions'
	answer metrics 'cat real.metrics; while :; do cat real.metrics; done'
	bounded 2 check --timeout 2s
	says 'no answer to /metrics within 2 s'
	answer metrics 'yes "# HELP without end"'
	bounded 2 check --timeout 500ms
	says 'no answer to /metrics within 0\.5 s'
	! is_sanitized || return 0
	expect "KiB for numbers without end" "$(peak status --timeout 2s)" -le 16384
	answer metrics 'cat real.metrics'
	jq -c '.[0]' real.sessions >one
	answer sessions 'printf "["; cat one; yes ",$(cat one)"'
	expect "KiB for sessions without end" "$(peak sessions --timeout 5s)" -le 65536
	cat erred
	grep -qE 'more than 65536 sessions|no answer to' erred || fail "$(cat erred)"
	answer sessions 'printf "[{\"a\":\""; yes aaaaaaaaaaaaaaaaaaaaaaaa'
	expect "KiB for a string without end" "$(peak sessions --timeout 5s)" -le 16384
	grep -q 'session 1 of /debug/sessions' erred || fail "$(cat erred)"
	script metrics 'yes "HTTP/1.0 200 OK"'
	bounded 3 check --timeout 2s
	script metrics 'sleep 20'
	bounded 2 check --timeout 1s
	says 'no answer to /metrics within 1 s'
	# A byte now and then does not make it wait longer.
	script metrics 'while :; do printf x; sleep 0.2; done'
	bounded 2 check --timeout 1s
	script healthz 'sleep 20'
	bounded 2 check --timeout 1s
}

# ---- the command line, and its manual ----

atf_test_case usage
usage_head()
{
	atf_set descr "A wrong command line says what is wrong and what would be right"
}
usage_body()
{
	# wrong PATTERN ARGUMENT...
	wrong()
	{
		_pattern=$1
		shift
		atf_check -s exit:2 -e match:"^udp46ctl: $_pattern" "$ctl" "$@"
	}
	wrong 'want a command: status, sessions, top, drops or check$'
	wrong 'stats: no such command: ' stats
	wrong 'drops: one command at a time' status drops
	wrong '--colour: no such flag' status --colour
	wrong '--silense: no such flag' status --silense 3s
	wrong '--silense: no such flag' --silense 3s status
	wrong 'stats: no such command: ' --json stats
	wrong '--metrics: want a value: --metrics ADDRESS$' status --metrics
	wrong '--json: takes no value' status --json=1
	wrong '--client: is not for status' status --client 192.0.2.1
	wrong '--interval: is not for sessions' sessions --interval 1s
	wrong '--interval 1: want a duration from 100ms to 24h' top --interval 1
	wrong '--interval 1000h: want a duration from 100ms to 24h' status --interval 1000h
	wrong '--interval 99ms: want' top --interval 99ms
	wrong '--client 2001:db8::1: want an IPv4 address$' sessions --client 2001:db8::1
	wrong '--listener 5000: want what --listen of udp46 has' sessions --listener 5000
	wrong '--state closed: want unreplied, replied or assured$' sessions --state closed
	wrong '--port 0: want a port from 1 to 65535$' sessions --port 0
	wrong '--port 1x: want a port' sessions --port 1x
	wrong '--sort name: want rate, bytes, packets, idle, age or client$' top --sort name
	wrong '--sort rate: is for top' sessions --sort rate
	wrong '--limit -1: want a number from 1' sessions --limit -1
	wrong '--limit : want a number from 1' sessions --limit ''
	wrong '--silence 30: want a duration, as in 30s' status --silence 30
	wrong '--warning-drops 1e3: want a number' top --warning-drops 1e3
	wrong 'a\^\[\[2J: no such command' "$(printf 'a\033[2J')"
	atf_check -s exit:1 -e match:'--metrics 127.0.0.1: has no port: want' "$ctl" status --metrics 127.0.0.1
	atf_check -s exit:1 -e match:'--metrics http://[^ ]*: is a URL: want' "$ctl" status --metrics http://127.0.0.1:9108
	atf_check -s exit:3 -o match:'^udp46 UNKNOWN: --silense: no such flag' "$ctl" --silense 3s check
	for _flag in --help -h -help help; do
		atf_check -o save:help "$ctl" $_flag
		atf_check -o empty awk 'length > 80' help
	done
	for _flag in --version -V version; do
		atf_check -o match:'^udp46ctl version=.* commit=.* date=' "$ctl" $_flag
	done
	atf_check -s exit:1 -e match:'standard output: No space left' sh -c '"$0" --help >/dev/full' "$ctl"
}

page()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	page=$UDP46_SRCDIR/man/udp46ctl.8
}

atf_test_case manual
manual_head()
{
	atf_set descr "The manual names the commands, flags and keys that there are"
}
manual_body()
{
	page
	atf_check -o save:help "$ctl" --help
	sed -n '/^flags:/,$p' help | grep -oE -e '(^|,) +--?[a-zA-Z][a-z-]*' | tr -d ' ,' | sed 's/^-*//' |
	    sort >helped
	[ "$(wc -l <helped)" -gt 15 ] || atf_fail 'hardly a flag in --help'
	sed -n '/^\.Ss Flags/,/^\.Ss Keys/p' "$page" | grep '^\.It Fl ' |
	    grep -oE -e 'Fl -[a-z-]+|, [a-zA-Z]$' | sed 's/^.* -*//' | sort >documented
	atf_check diff -u helped documented
	sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' help | sort >helped
	[ "$(wc -l <helped)" -eq 7 ] || atf_fail 'not seven commands in --help'
	sed -n '/^The commands are/,/^\.Ss/s/^\.It Cm //p' "$page" | tr -d ' ' | tr ',' '\n' |
	    sort >documented
	atf_check diff -u helped documented
	# The keys, there and on the screen of help.
	sed -n '/^} keys\[\] = {/,/^};/s/^	{ \(.*\), [a-z_]* },$/\1/p' \
	    "$UDP46_SRCDIR/supervisor/ctl/top.c" | sed "s/^' '$/space/; s/^'\(.\)'$/\1/" |
	    sed 's/^KEY_PPAGE$/page up/; s/^KEY_NPAGE$/page down/; s/^CTRL_L$/ctrl-L/
		s/^KEY_UP$/up/; s/^KEY_DOWN$/down/; s/^KEY_HOME$/home/' >keys
	[ "$(wc -l <keys)" -ge 20 ] || atf_fail 'hardly a key in the source'
	sed -n '/^\.Ss Keys/,/^\.El/p' "$page" | sed 's/\\&//g; s/^\.It//; s/^\.Ic//; s/Ic//' >documented
	sed -n '/help\[\] = {/,/};/s/.*"\(.*\)",$/\1/p' "$UDP46_SRCDIR/supervisor/ctl/screen.c" >helped
	for text in documented helped; do
		tr ',\n' '  ' <$text | tr -s ' ' >words
		while read -r key; do
			grep -qF -e " $key " words || echo "$text: $key"
		done <keys
	done >missing
	atf_check cat missing
}

ctl_case examples "Every example of the manual works" tmux
examples_body()
{
	page
	three_sessions --metrics.listen "unix:$PWD/metrics.sock"
	awk '
		/^\.\\" Checked as: / { kind = $NF; next }
		/^\.Bd -literal/ { file = kind "." ++n; next }
		/^\.Ed/ { file = ""; next }
		file != "" { gsub(/\\e/, "\\"); print > file }' "$page"
	export UDP46_METRICS="unix:$PWD/metrics.sock"
	for file in ctl.*; do
		cat "$file"
		{
			echo "set -e; udp46ctl() { '$ctl' \"\$@\"; }"
			cat "$file"
		} >run
		in_relay sh run >out 2>err || fail "$(cat out err)"
		[ -s out ] || fail "$file says nothing"
		[ ! -s err ] || fail "$file complains: $(cat err)"
	done
	for file in top.*; do
		sed "s|/run/udp46/metrics.sock|$PWD/metrics.sock|; s|^udp46ctl top||" "$file" >arguments
		open_top "$(cat arguments)"
		shows '^3 of [0-9]+ sessions'
		press q
		shows '^status 0$'
	done
	stop_udp46
}

cases="$cases usage manual"
