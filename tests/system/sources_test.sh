# Who may open sessions: --allow, --deny, --source-file.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/http.subr"

# served ADDRESS..., denied_to ADDRESS...: of clients, each from a port of its own.
_next_port=6000
served()
{
	for _address in "$@"; do
		_next_port=$((_next_port + 1))
		client_ok "client$_next_port" -b "192.0.2.$_address:$_next_port" -n 2 192.0.2.1 5000
	done
}

denied_to()
{
	for _address in "$@"; do
		_next_port=$((_next_port + 1))
		run_client "client$_next_port" -b "192.0.2.$_address:$_next_port" -n 1 -w 100 \
		    192.0.2.1 5000
		expect "echoes for 192.0.2.$_address" "$(value received "client$_next_port.out")" -eq 0
	done
}

# source_file LINE...: a new one, renamed into place.
source_file()
{
	printf '%s\n' "$@" >sources.new
	mv sources.new sources
}

# reload: and wait until it is loaded, or refused.
reload()
{
	_loaded=$(log_count 'source filter loaded')
	_refused=$(log_count 'source filter not loaded')
	kill -HUP "$(cat udp46.pid)"
	wait_for 30 reloaded || fail "SIGHUP does nothing"
}

reloaded()
{
	[ $(($(log_count 'source filter loaded') + $(log_count 'source filter not loaded'))) \
	    -gt $((_loaded + _refused)) ]
}

root_case flags "The longest match wins; with an --allow all else is denied"
flags_body()
{
	make_network
	start_echo 7000
	start_udp46_default --allow 192.0.2.0/28 --deny 192.0.2.12/30 --allow 192.0.2.13 \
	    --deny 192.0.2.11/32
	served 10 13
	denied_to 11 12 14 15 16 20
	read_totals
	expect "denied" "$(total drops_source_denied)" -eq 6
	expect "sessions" "$(total sessions_created)" -eq 2
	expect "drops for other reasons" "$(total drops_session_unavailable)" -eq 0
	stop_udp46
	start_udp46_default --deny 192.0.2.16/28
	served 10 15
	denied_to 16 29
	stop_udp46
}

root_case reloaded_file "SIGHUP reads the file again: sessions that it denies end, others go on"
reloaded_file_body()
{
	make_network
	start_echo 7000
	source_file '# who may' 'allow 192.0.2.0/27'
	start_metrics --source-file "$PWD/sources" --deny 192.0.2.29
	expect "prefixes" "$(log_values 'source filter loaded' prefixes)" -eq 2
	start_many -a 192.0.2.10 -A 16 -n 320 192.0.2.1 5000
	many_round
	many_round
	expect "served" "$(value answered many.out)" -eq 320
	denied_to 29
	get /debug/sessions before
	# 10 to 15, and 16 to 25 no longer.
	source_file 'allow 192.0.2.0/28' 'deny 192.0.2.16/28'
	reload
	wait_total sessions_active -eq 120
	get /metrics m
	expect "closed" "$(sample m udp46_sessions_closed_total 'reason="source_denied"')" -eq 200
	expect "expired" "$(total sessions_expired)" -eq 0
	expect "evicted" "$(total sessions_evicted)" -eq 0
	many_round
	expect "served" "$(value answered many.out)" -eq 120
	get /debug/sessions after
	jq -r '.[] | .session_id' before | sort >ids_before
	jq -r '.[] | .session_id' after | sort >ids_after
	expect "sessions of before" "$(join ids_before ids_after | wc -l)" -eq 120
	expect "clients that go on" "$(jq -r '.[] | .client_address' after | sort -u |
	    tr '\n' ' ')" = \
	    '192.0.2.10 192.0.2.11 192.0.2.12 192.0.2.13 192.0.2.14 192.0.2.15 '
	# And back: newcomers are welcome again, but for whom the command line denies.
	source_file
	reload
	served 20
	denied_to 29
	exec 3>&-
	stop_udp46
}

root_case refused "A file that is wrong: said with line and remedy, and the old set stays"
refused_body()
{
	make_network
	start_echo 7000
	source_file 'allow 192.0.2.10'
	start_udp46_default --source-file sources --deny 192.0.2.77
	served 10
	denied_to 11
	_n=0
	while IFS='|' read -r _line _line_number _text; do
		_n=$((_n + 1))
		source_file 'allow 0.0.0.0/0' '' "$_line"
		reload
		expect "refused" "$(log_count 'source filter not loaded')" -eq $_n
		expect "line" "$(log_values 'source filter not loaded' line | tail -n 1)" -eq \
		    "$_line_number"
		grep 'source filter not loaded' "$log" | tail -n 1 | grep -q -F -e "$_text" ||
		    fail "not said: $_text"
		grep 'source filter not loaded' "$log" | tail -n 1 | grep -q -e 'file=sources .*want ' ||
		    fail "no remedy"
	done <<-'END'
	permit 10.0.0.0/8|3|'permit' is unknown
	allow 10.0.0.1/8|3|10.0.0.0/8 has none
	allow|3|'allow' has no prefix
	deny 0.0.0.0/0|3|'0.0.0.0/0' is denied here, and allowed in line 1
	allow 192.0.2.77/32|3|'192.0.2.77/32' is allowed here, and denied by --deny
	END
	rm sources
	mkdir sources
	reload
	rmdir sources
	mkfifo sources
	reload
	rm sources
	reload
	expect "refused" "$(log_count 'source filter not loaded')" -eq $((_n + 3))
	log_values 'source filter not loaded' error | tail -n 3
	truncate -s 65M sources
	reload
	expect "refused" "$(log_count 'source filter not loaded')" -eq $((_n + 4))
	grep -q 'is too large: want at most 64 MiB' "$log" || fail "a file without end"
	grep -c 'is no regular file: want' "$log" | grep -q -x 2 || fail "a folder, a pipe"
	grep -q 'No such file or directory: want' "$log" || fail "no file"
	served 10
	denied_to 11
	read_totals
	expect "ended" "$(log_count 'session closed')" -eq 0
	source_file 'allow 192.0.2.11'
	reload
	served 11
	denied_to 10
	stop_udp46
}

root_case at_start "A file that is wrong, or cannot be read, is one at start and for --check"
at_start_body()
{
	mkdir -m 755 empty
	# Of somebody else, who alone may read it; root has given up the right to do so, too.
	echo 'deny 192.0.2.0/24' >private
	chown nobody private
	chmod 600 private
	printf 'deny 192.0.2.0/24\n\ndeny 192.0.2.0/24 x\n' >wrong
	printf 'deny 192.0.2.0/24\nallow 192.0.2.0/24\n' >twice
	printf 'allow 192.0.2.0/24\n' >other
	for _check in '' --check; do
		# shellcheck disable=SC2086 # none or one
		check_start_refused() {
			_file=$1 _text=$2
			shift 2
			status=0
			timeout 60 "$udp46" $_check --listen 127.0.0.1:0 --upstream '[::1]:7000' \
			    --user nobody --chroot "$PWD/empty" --source-file "$_file" "$@" \
			    >out 2>error || status=$?
			cat error
			expect "exit status" $status -eq 1
			grep -q -F -e "--source-file $_file: $_text" error || fail "$(cat error)"
			grep -q -e 'want ' error || fail "no remedy: $(cat error)"
		}
		check_start_refused private 'Permission denied: want'
		check_start_refused missing 'No such file or directory: want'
		check_start_refused . 'is no regular file: want'
		check_start_refused wrong "line 3: 'x' is too much: want"
		check_start_refused twice \
		    "line 2: '192.0.2.0/24' is allowed here, and denied in line 1: want"
		check_start_refused other \
		    "line 1: '192.0.2.0/24' is allowed here, and denied by --deny: want" \
		    --deny 192.0.2.0/24
	done
	atf_check -o match:'^source-file +other$' "$udp46" --check --listen 127.0.0.1:0 \
	    --upstream '[::1]:7000' --user nobody --source-file other
}

root_case successors "A relay that is started again has the set of now, for every session of before"
successors_body()
{
	make_network
	start_echo 7000
	source_file 'deny 192.0.2.29'
	start_metrics --source-file sources --workers 2
	start_many -a 192.0.2.10 -A 16 -n 160 192.0.2.1 5000
	many_round
	many_round
	# The relays must not be there when the file is read: none of them closes anything.
	for _n in 1 2; do
		kill -STOP "$(child_pid relay-$_n)" || fail "no relay-$_n"
	done
	source_file 'deny 192.0.2.16/28'
	reload
	for _n in 1 2; do
		kill -KILL "$(child_pid relay-$_n)" || fail "no relay-$_n"
	done
	wait_for 60 replaced 2 || fail "not all relays are replaced"
	wait_total sessions_active -eq 60
	get /metrics m
	expect "closed" "$(sample m udp46_sessions_closed_total 'reason="source_denied"')" -eq 100
	expect "bad records" "$(sample m udp46_sessions_closed_total 'reason="restore_failed"')" -eq 0
	many_round
	expect "served" "$(value answered many.out)" -eq 60
	served 10 15
	denied_to 16 20
	expect "discarded" "$(log_count 'session records discarded')" -eq 0
	exec 3>&-
	stop_udp46
}

replaced()
{
	[ "$(log_count 'child restarted')" -eq "$1" ]
}

# Prefixes of all lengths from 9 to 32, none twice, in no order; none is of a network of ours.
many_prefixes()
{
	awk -v n="$1" 'BEGIN {
		for (i = 0; i < n; i++) {
			x = (i * 7919) % n
			printf "deny %d.%d.%d.%d\n", 10 + x % 100, x / 100 % 256, x / 25600 % 256, x % 251
		}
	}'
}

root_case large "100,000 prefixes: loaded within half a second, while datagrams go on"
large_body()
{
	make_network
	start_echo 7000
	source_file 'deny 192.0.2.28'
	start_udp46_default --source-file sources --workers 2
	served 10
	stream before
	many_prefixes 100000 >sources.new
	echo 'deny 192.0.2.29/32' >>sources.new
	mv sources.new sources
	echo "file: $(wc -l <sources) prefixes, $(wc -c <sources) bytes"
	_before=$(resident "$(cat udp46.pid)")
	status=0
	spawn reading "$client" "$helpers/latency" -b 192.0.2.29 -n 3000 -r 1000 192.0.2.1 5000
	spawn going_on "$client" "$helpers/latency" -b 192.0.2.10 -n 3000 -r 1000 192.0.2.1 5000
	sleep 0.5
	for _turn in 1 2 3 4 5; do
		_begin=$(date +%s%N)
		reload
		echo $((($(date +%s%N) - _begin) / 1000000)) >>took
	done
	finish reading
	finish going_on
	expect "loaded" "$(log_count 'source filter loaded')" -eq 6
	log_values 'source filter loaded' ranges | tail -n 1
	sort -n took >sorted
	echo "milliseconds to load and say so: $(tr '\n' ' ' <sorted)"
	expect "milliseconds, with the test's own turns of 50" "$(head -n 1 sorted)" -le 500
	echo "latency of who goes on (microseconds): $(cat going_on.out)"
	expect "lost" "$(value lost going_on.out)" -le "$(backlog_drops)"
	expect "lost of who is denied" "$(value lost reading.out)" -gt 0
	_after=$(resident "$(cat udp46.pid)")
	echo "KiB of the supervisor: $_before, then $_after"
	is_sanitized || expect "KiB more" $((_after - _before)) -le 8192
	denied_to 29
	served 10
	stop_udp46
}
