# What a child that has been taken over can do to its supervisor, to the others, to the log, and
# to whoever reads it: see hostile.c.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/http.subr"

measured_seconds=5

# become NAME: the daemon is now the one whose child behaves like that.
become()
{
	cp "$helpers/hostile" "$1"
	udp46=$PWD/$1
}

# Microseconds of a processor in so many seconds: a tenth, but that sanitizers slow it down.
cpu_most()
{
	_percent=10
	! is_sanitized || _percent=40
	echo $(($1 * 10000 * _percent))
}

# While the child does its worst: the supervisor's time, and the log's growth.
expect_bounded()
{
	sleep 1
	_cpu=$(cpu_time "$(cat udp46.pid)") _lines=$(wc -l <"$log") _bytes=$(wc -c <"$log")
	sleep $measured_seconds
	_cpu=$(($(cpu_time "$(cat udp46.pid)") - _cpu))
	_lines=$(($(wc -l <"$log") - _lines)) _bytes=$(($(wc -c <"$log") - _bytes))
	echo "in $measured_seconds s: $_cpu us of CPU, $_lines records, $_bytes bytes of log"
	expect "microseconds of the supervisor" $_cpu -le "$(cpu_most $measured_seconds)"
	# A second that is cut in two counts twice.
	expect "records logged" $_lines -le $((110 * (measured_seconds + 1)))
}

# Nothing in the log can harm a terminal, or be taken for a record of somebody else.
expect_clean_log()
{
	expect "control characters" "$(LC_ALL=C tr -d '\n -~' <"$log" | wc -c)" -eq 0
	expect "lines that are no records" "$(grep -c -v '^time=' "$log")" -eq 0
	expect "forged records" "$(log_values 'child ended' child | grep -c -v -x "$1")" -eq 0
}

expect_quick_end()
{
	_before=$(date +%s%N)
	stop_hostile
	_ms=$((($(date +%s%N) - _before) / 1000000))
	echo "ended after $_ms ms"
	expect "milliseconds" $_ms -le $((is_slow ? 4000 : 2000))
}

# How long the end may take, beside what this shell needs to notice it.
is_slow=0
! is_sanitized || is_slow=1

# flooded_by NAME: everything above, for a child that never stops talking.
flooded_by()
{
	make_network
	become "$1"
	start_metrics
	expect_bounded
	expect_quick_end
	expect_clean_log "${1%%-*}"
	expect "told of it" "$(log_count 'log records held back')" -ge 3
	expect "told by" "$(log_values 'log records held back' child | sort -u)" = "${1%%-*}"
}

http_case relay_floods_log "A relay that floods the log is limited, and speaks for itself alone"
relay_floods_log_body()
{
	flooded_by relay-log
}

http_case metrics_floods_log "The same of the metrics child"
metrics_floods_log_body()
{
	flooded_by metrics-log
}

http_case relay_floods_stderr "What a relay writes to its standard error is escaped and limited"
relay_floods_stderr_body()
{
	flooded_by relay-stderr
	expect "said by" "$(log_values 'standard error' child | sort -u)" = relay
	[ ! -s udp46.err ] || fail "standard error of the supervisor: $(head -c 100 udp46.err)"
}

http_case metrics_floods_stderr "The same of the metrics child"
metrics_floods_stderr_body()
{
	flooded_by metrics-stderr
}

http_case others_unharmed "Another relay loses nothing while one floods"
others_unharmed_body()
{
	make_network
	start_echo 7000
	become relay-log
	start_metrics --workers 2
	# The one that serves, for whom there is a reply.
	_port=6000
	until run_client try -b 192.0.2.10:$_port -n 2 -w 300 192.0.2.1 5000 && [ $status -eq 0 ]; do
		_port=$((_port + 1))
		[ $_port -lt 6040 ] || fail "no client is the other relay's"
	done
	client_ok served -b 192.0.2.10:$_port -n 3000 -r 1000 192.0.2.1 5000
	expect "sent" "$(value sent served.out)" -eq 3000
	expect_quick_end
}

root_case speaks_for_another "A relay that signs with another's name is ended"
speaks_for_another_body()
{
	make_network
	become relay-forge
	start_udp46_default
	wait_log 'child killed'
	expect "reason" "$(grep -c 'reason="malformed log record"' "$log")" -ge 1
	expect_clean_log relay
	expect_quick_end
}

root_case never_answers "A relay that talks all the time but does not answer is hanging"
never_answers_body()
{
	make_network
	become relay-pong
	start_udp46_default
	wait_log 'child hangs' 60
	expect_bounded
	expect_quick_end
}

root_case accomplice "A relay that ends does not leave the supervisor to its accomplice"
accomplice_body()
{
	make_network
	become relay-accomplice
	start_udp46_default
	wait_for 30 more_records 'child restarted' 1 || fail "it is not replaced"
	expect_bounded
	expect_quick_end
	expect_clean_log relay
}

# Reads a trace of strace -f: a kill(2) of a process that was reaped, or of a group.
bad_kills()
{
	awk '/wait4\(|waitpid\(/ && / = [0-9]+$/ { reaped[$NF] = 1 }
	/kill\(/ { pid = $0; sub(/.*kill\(/, "", pid); sub(/,.*/, "", pid)
	    if (pid <= 0 || pid in reaped) print }' "$1"
}

# start_traced FLAG...: in a session of its own, so that what it kills is not the test.
start_traced()
{
	# A leak sanitizer cannot look for leaks in a process that is traced.
	wrapper="env ASAN_OPTIONS=detect_leaks=0 setsid -w strace -e trace=kill,wait4,waitid -e signal=none -o trace"
	start_udp46_default "$@"
	echo "$(log_values started pid) $(start_time "$(log_values started pid)")" >>processes
}

expect_good_kills()
{
	cat trace
	expect "children reaped" "$(grep -c 'wait4(.*= [0-9]' trace)" -ge "$1"
	bad_kills trace >bad
	[ ! -s bad ] || fail "$(cat bad)"
}

root_case last_words "A reaped child is not killed for what it had said"
last_words_body()
{
	make_network
	become relay-curse
	start_traced
	wait_log waiting
	_daemon=$(log_values started pid)
	_relay=$(log_values 'child started' pid)
	kill -STOP "$_daemon"
	kill -USR1 "$_relay"
	wait_for 30 has_ended "$_relay" || fail "the relay does not end"
	kill -CONT "$_daemon"
	wait_log 'child restarted'
	expect "killed" "$(log_count 'child killed')" -eq 1
	kill -TERM "$_daemon"
	finish udp46 30
	expect_good_kills 2
}

root_case heir "Nor is anybody else, after its end"
heir_body()
{
	make_network
	become relay-heir
	start_traced --workers 2
	# So that the end takes a while.
	for _pid in $(children "$(log_values started pid)"); do
		grep -q relay-2 "/proc/$_pid/cmdline" && kill -STOP "$_pid"
	done
	kill -TERM "$(log_values started pid)"
	finish udp46 30
	expect_good_kills 2
	expect "exit status" "$status" -eq 0
}

root_case descriptors "Descriptors that a relay sends are refused"
descriptors_body()
{
	make_network
	become relay-descriptors
	start_udp46_default
	_before=$(find "/proc/$(cat udp46.pid)/fd" -type l | wc -l)
	# By the kernel, or by the supervisor.
	wait_for 30 grep -q -e 'result=EPERM' -e 'reason="malformed message"' "$log" ||
	    fail "they are not refused"
	expect "descriptors" "$(find "/proc/$(cat udp46.pid)/fd" -type l | wc -l)" \
	    -le $((_before + 4))
	stop_udp46
}

# The relay says more to the metrics child than it was asked for.
tells_too_much()
{
	make_network
	become "$1"
	start_metrics
	find_metrics
	_before=$(resident "$metrics_pid")
	in_relay curl -s -m 5 "$url/debug/sessions" -o sessions || :
	in_relay curl -s -m 5 "$url/debug/sessions?sort=bytes" -o sorted || :
	_after=$(resident "$metrics_pid")
	echo "memory: $_before KiB, then $_after; $(wc -c <sessions) bytes of sessions"
	expect "growth in KiB" $((_after - _before)) -le 8192
	expect "restarts of the metrics child" "$(log_values 'child ended' child | grep -c metrics)" -eq 0
	expect_quick_end
}

http_case answers_for_ever "A relay that answers one question for ever fills nobody's memory"
answers_for_ever_body()
{
	tells_too_much relay-answers
}

http_case never_ends "A list of sessions has an end, though the relay knows none"
never_ends_body()
{
	tells_too_much relay-endless
	expect "bytes" "$(wc -c <sessions)" -le 1048576
}

http_case never_ends_listeners "The totals of listeners have an end, though the relay knows none"
never_ends_listeners_body()
{
	make_network
	become relay-listeners
	start_metrics
	find_metrics
	_before=$(resident "$metrics_pid")
	# Of such a relay nothing is known; had it been asked again and again, this would last.
	expect "metrics" "$(in_relay curl -s -m 5 -o metrics -w '%{http_code}' $url/metrics)" -eq 503
	expect "sessions" "$(in_relay curl -s -m 5 -o sessions -w '%{http_code}' $url/debug/sessions)" -eq 200
	expect "growth in KiB" $(($(resident "$metrics_pid") - _before)) -le 8192
	expect "restarts of the metrics child" "$(log_values 'child ended' child | grep -c metrics)" -eq 0
	expect_quick_end
}

# ---- resolvers ----

resolve()
{
	mkdir -m 755 empty
	spawn udp46 "$relay" $wrapper "$udp46" --user nobody --chroot "$PWD/empty" \
	    --log-format text --listen 192.0.2.1:5000 --upstream name.example.net:7000
}

# It is looked for again and again, and the last one is given up, too.
given_up()
{
	wait_log 'upstream not resolved'
	expect_quick_end
	expect_clean_log resolver
}

root_case resolver_floods "A resolver that talks for ever is given up after 12 s"
resolver_floods_body()
{
	make_network
	become resolver-log
	resolve
	wait_log 'log records held back'
	expect_bounded
	given_up
	expect "why" "$(grep -c 'no answer from the resolver: Connection timed out' "$log")" -eq 1
}

root_case resolver_floods_stderr "The same by its standard error, which is not ours"
resolver_floods_stderr_body()
{
	make_network
	become resolver-stderr
	resolve
	wait_log 'standard error'
	expect_bounded
	given_up
	[ ! -s udp46.err ] || fail "standard error: $(head -c 200 udp46.err)"
}

root_case resolver_stays "A resolver that does not end is ended"
resolver_stays_body()
{
	make_network
	become resolver-stay
	resolve
	finish udp46 5
	expect "exit status" "$status" -eq 1
	grep 'told, and staying' udp46.err || fail "$(cat udp46.err)"
}

# Under a terminal of its own, which says nothing.
root_case resolver_looks "A child has no terminal, and no descriptor but its own"
resolver_looks_body()
{
	make_network
	become resolver-look
	cat >typescript.sh <<-END
		exec 7<&0 8>&1
		exec "$udp46" --check --user nobody --chroot "$PWD/empty" --listen 192.0.2.1:5000 \\
		    --upstream name.example.net:7000
	END
	mkdir -m 755 empty
	in_relay script -q -e -c "sh typescript.sh" /dev/null >said 2>&1 </dev/null
	cat said
	grep -q ': has 0 1 2: want' said || fail "it has more"
}

