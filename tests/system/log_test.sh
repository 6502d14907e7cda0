# Where the log goes may stop taking it, at any time: that costs records, which are counted, and
# nothing else.

. "$(atf_get_srcdir)/http.subr"

log_case()
{
	root_case "$1" "$2"
	eval "$1_head() { atf_set descr \"$2\"; atf_set require.user root; atf_set require.progs curl; }"
}

# spawn_logging COMMAND...: the daemon with metrics, started by this.
spawn_logging()
{
	[ -d empty ] || atf_check mkdir -m 755 empty
	spawn udp46 "$relay" "$@" "$udp46" --user nobody --chroot "$PWD/empty" \
	    --log-format text --metrics.enabled --listen 192.0.2.1:5000 \
	    --upstream '[2001:db8:1::2]:7000'
}

# start_into KIND [COMMAND...]: its log goes to a reader, who writes it to `log`.
start_into()
{
	_kind=$1
	shift
	log=log
	make_network
	start_echo 7000
	spawn_logging "$helpers/into" "$_kind" log "$@"
	wait_for 30 test -s log.pid || fail "no reader"
	reader=$(cat log.pid)
	echo "$reader $(start_time "$reader")" >>processes
	wait_for 60 is_up_or_dead || fail "udp46 does not start"
	more_records started 0 || fail "udp46 ended at start: $(cat udp46.err "$log")"
}

suppressed()
{
	get /metrics m
	sample m udp46_log_records_suppressed_total
}

# lost_more_than NUMBER: after ten more records of 900 bytes at most.
lost_more_than()
{
	for _turn in 1 2 3 4 5 6 7 8 9 10; do
		kill -USR1 "$(cat udp46.pid)"
		sleep 0.01
	done
	[ "$(suppressed)" -gt "$1" ]
}

# Fills whatever the log goes to: 20 records are lost, and nothing else.
fill()
{
	_lost=$(suppressed)
	wait_for 120 lost_more_than "$_lost" || fail "no record is lost"
	wait_for 60 lost_more_than $((_lost + 20)) || fail "no more records are lost"
	# More than the 16 sockets of the pool: the supervisor makes others.
	start_many -n 100 192.0.2.1 5000
	many_round
	exec 3>&-
	expect "newcomers served" "$(value answered many.out)" -eq 100
	sample m udp46_child_restarts_total >restarts
	expect "children restarted" "$(cat restarts)" -eq 0
}

# Each line is a record, but for what was torn off one: at most $1 of these.
expect_whole_lines()
{
	tr -d '\r' <"$log" | grep -v -E '^time=[^ ]*Z level=[A-Z]* msg=("[^"]*"|[^ ]*)( [a-z_0-9]*=[^ ]*("[^"]*"|))*$' >torn
	echo "lines: $(wc -l <"$log"), torn: $(wc -l <torn)"
	cut -c -200 torn
	expect "torn lines" "$(wc -l <torn)" -le "$1"
	# A record within a line.
	expect "glued" "$(grep -c 'time=.*time=' "$log")" -eq 0
}

# How many records the log says that it has lost.
said()
{
	log_values 'log records lost' count | awk '{ n += $1 } END { print n + 0 }'
}

said_all()
{
	_said=$(said)
	[ "$_said" -eq "$(suppressed)" ] && [ "$_said" -gt 20 ]
}

# The reader reads again: what was lost is said, to the last record, also if nothing else is.
expect_said()
{
	wait_for 30 said_all || fail "not all is said: $(said) of $(suppressed)"
	echo "records lost, and said: $(said)"
}

is_in_log()
{
	grep -q "$1" "$log"
}

# ends_in_time: also while nobody reads.
ends_in_time()
{
	_begin=$(date +%s%N)
	kill -TERM "$(cat udp46.pid)"
	finish udp46 30
	expect "exit status" "$status" -eq 0
	_ms=$((($(date +%s%N) - _begin) / 1000000))
	expect "milliseconds to the end" $_ms -le $((2000 + 1000))
	[ ! -s udp46.err ] || fail "standard error: $(cat udp46.err)"
}

# stalls KIND [COMMAND...]: the reader stops, and comes back.
stalls()
{
	start_into "$@"
	kill -STOP "$reader"
	fill
	kill -CONT "$reader"
	expect_said
	expect_whole_lines 1
	read_totals
	kill -STOP "$reader"
	fill
	ends_in_time
	kill -CONT "$reader"
	echo "log records lost: $(log_count 'log records lost')"
}

log_case upgraded "What was lost stays counted over an upgrade"
upgraded_body()
{
	start_into pipe
	kill -STOP "$reader"
	fill
	kill -CONT "$reader"
	expect_said
	_before=$(suppressed) _started=$(log_count started)
	kill -USR2 "$(cat udp46.pid)"
	wait_for 60 more_records started "$_started" || fail "no successor"
	wait_for 30 is_healthy || fail "no answer"
	expect "records lost" "$(suppressed)" -ge "$_before"
	kill -CONT "$reader"
	stop_udp46
}

log_case pipe "A pipe whose reader stops"
pipe_body()
{
	stalls pipe
}

log_case terminal "A terminal that is not read: nothing waits, neither SIGTERM"
terminal_body()
{
	stalls terminal
}

log_case stream "A stream socket, as the journal's"
stream_body()
{
	stalls stream
}

log_case datagram "A datagram socket"
datagram_body()
{
	stalls datagram
}

log_case seqpacket "A socket of records"
seqpacket_body()
{
	stalls seqpacket
}

log_case tcp "A TCP connection, which takes what it has room for"
tcp_body()
{
	stalls tcp
}

log_case background "In the background of a terminal that stops whoever writes there"
background_body()
{
	stalls background
}

# as_other: the command that runs another as a user without any privilege.
as_other='setpriv --reuid nobody --regid nogroup --clear-groups'

log_case su "The controlling terminal, which after su belongs to somebody else"
su_body()
{
	stalls foreign-controlling $as_other
}

log_case other_terminal "A terminal of somebody else"
other_terminal_body()
{
	stalls foreign-terminal $as_other
}

log_case other_pipe "A pipe of somebody else"
other_pipe_body()
{
	stalls foreign-pipe $as_other
}

# loses_reader KIND: who is killed; everything else goes on.
loses_reader()
{
	start_into "$1"
	kill -KILL "$reader"
	wait_for 30 has_ended "$reader" || fail "the reader is still there"
	fill
	ends_in_time
}

log_case reader_gone "A reader that is gone, of each kind"
reader_gone_body()
{
	for kind in pipe terminal controlling stream datagram seqpacket tcp; do
		echo "$kind:"
		loses_reader $kind
		clean_up 2>/dev/null
		rm -f processes namespaces log log.pid many.in
	done
}

# start_to SCRIPT: its standard output is what the script says.
start_to()
{
	spawn_logging sh -c "exec \"\$@\" $1" sh
}

serves()
{
	in_client "$helpers/client" -n 1 -w 200 192.0.2.1 5000
}

log_case full "A full disk: the half of a line that it took is ended before the next record"
full_body()
{
	make_network
	start_echo 7000
	mkdir small
	atf_check mount -t tmpfs -o size=128k tmpfs small
	log=small/log
	start_to '>>small/log'
	wait_log started
	head -c 100k /dev/zero >small/other
	fill
	tail -c 100 small/log
	rm small/other
	kill -USR1 "$(cat udp46.pid)"
	expect_said
	expect_whole_lines 1
	# As a service does, on the disk that is still full.
	head -c 100k /dev/zero >small/other
	fill
	[ -z "$(tail -c 1 small/log)" ] && fail "no half of a line"
	ends_in_time
	rm small/other
	start_to '>>small/log'
	wait_for 30 serves || fail "udp46 does not start again"
	read_totals
	expect_whole_lines 2
	ends_in_time
	cp small/log log.copy
}
full_cleanup()
{
	clean_up
	umount small
}

log_case file_limit "A file that may not become larger, by ulimit -f"
file_limit_body()
{
	make_network
	start_echo 7000
	log=log
	: >log
	spawn_logging prlimit --fsize=262144: sh -c 'exec "$@" >>log' sh
	wait_log started
	yes 'time=Z level=INFO msg=filler' | head -n 8950 >>log
	fill
	prlimit --pid "$(cat udp46.pid)" --fsize=unlimited:
	expect_said
	expect_whole_lines 1
	ends_in_time
}

# rotated REDIRECTION: the log is copied and truncated, as logrotate's copytruncate does.
rotated()
{
	rm -f log log.1
	log=log
	echo 'what was there' >log
	start_to "$1log"
	wait_log started
	kill -USR1 "$(cat udp46.pid)"
	wait_log totals
	cp log log.1
	: >log
	read_totals
	wait_log totals
	stop_udp46
	expect "records of both files" "$(cat log.1 log | grep -c msg=totals)" -eq 2
	expect "bytes that nobody wrote" "$(tr -cd '\000' <log | wc -c)" -eq 0
	expect_whole_lines 0
}

log_case rotation "A log that is copied and truncated goes on from its beginning"
rotation_body()
{
	make_network
	rotated '>>'
	expect "the beginning" "$(head -n 1 log.1)" = 'what was there'
	rotated '>'
}

log_case appended "Two programs that append to one file do not overwrite each other"
appended_body()
{
	make_network
	log=log
	start_to '>>log'
	wait_log started
	for _turn in 1 2 3; do
		echo 'another program' >>log
		read_totals
	done
	expect "of the other's" "$(grep -c '^another program$' log)" -eq 3
	stop_udp46
	# And one that writes to the same description goes on where the log ends.
	rm log
	spawn_logging sh -c 'exec >log; echo before; "$@"; echo after' sh
	wait_log started
	kill -TERM "$(child_pid supervisor)"
	finish udp46
	expect "before" "$(head -n 1 log)" = before
	expect "after" "$(tail -n 1 log)" = after
	expect "shutdown" "$(log_count shutdown)" -eq 1
}

log_case dev_full "Every record is refused: /dev/full"
dev_full_body()
{
	make_network
	start_echo 7000
	start_to '>/dev/full'
	wait_for 30 serves || fail "udp46 does not start"
	fill
	ends_in_time
}

log_case fifo "A FIFO that is open for reading, too, as nobody reads it"
fifo_body()
{
	make_network
	start_echo 7000
	mkfifo pipe
	log=log
	: >log
	start_to '1<>pipe'
	wait_for 30 serves || fail "udp46 does not start"
	fill
	cat pipe >log &
	echo "$! $(start_time $!)" >>processes
	expect_said
	expect_whole_lines 0
	ends_in_time
}

# flags_of PID: of the description that is the standard output of a process, in octal.
flags_of()
{
	sed -n 's/^flags:[[:space:]]*//p' "/proc/$1/fdinfo/1"
}

log_case not_ours "What others have in common with us stays as it was"
not_ours_body()
{
	for kind in pipe terminal stream; do
		start_into $kind
		expect "O_NONBLOCK of a $kind" $((0$(flags_of "$(cat udp46.pid)") & 04000)) -eq 0
		ends_in_time
		clean_up 2>/dev/null
		rm -f processes namespaces log log.pid
	done
}

# Under the eyes of a journal, which is a file here; its state outlives it.
start_for_journal()
{
	: >log
	# shellcheck disable=SC2016 # for the other shell
	spawn udp46 "$relay" sh -c 'exec >log
	    JOURNAL_STREAM=$(stat -c %d:%i log)
	    export JOURNAL_STREAM
	    exec "$@"' sh "$udp46" --user nobody --chroot "$PWD/empty" --state-file "$PWD/state" \
	    --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000' --unreplied-timeout 1s \
	    --metrics.enabled
	wait_for 30 in_journal started || fail "udp46 does not start"
}

# in_journal MESSAGE [TIMES]
in_journal()
{
	[ "$(grep -c "^<[0-9]>$1\( \|\$\)" log)" -ge "${2:-1}" ]
}

log_case journal "The journal: a priority, no time, and lines that are read in 100 columns"
journal_body()
{
	make_network
	start_echo 7000
	mkdir -m 755 empty
	log=log
	start_for_journal
	client_ok one -n 1 192.0.2.1 5000
	client_ok two -n 3 192.0.2.1 5000
	wait_for 30 in_journal 'session closed' || fail "no session ends"
	kill -HUP "$(cat udp46.pid)"
	kill -USR1 "$(cat udp46.pid)"
	wait_for 30 in_journal totals || fail "no totals"
	kill -USR2 "$(cat udp46.pid)"
	wait_for 30 in_journal started 2 || fail "no successor"
	ends_in_time
	cp log first
	start_for_journal
	in_journal 'state restored' || fail "no state"
	ends_in_time
	# With the names and places of a host that is one.
	cat first log | sed -e "s|$PWD/state|/var/lib/udp46/state|; s|$PWD/empty|/run/udp46/empty|" \
	    -e "s|$udp46|/usr/local/sbin/udp46|" -e 's/192\.0\.2\.1:5000/203.0.113.100:51820/' \
	    -e 's/\[2001:db8:1::2\]:7000/[2001:db8:100::10]:51820/' >lines
	cat lines
	expect "without a priority" "$(grep -c -v '^<[0-9]>[a-zA-Z-]' lines)" -eq 0
	expect "with a time or a level" "$(grep -c -E '(time|level|msg)=' lines)" -eq 0
	expect "sessions at info" "$(grep -c '^<6>session created' lines)" -eq 0
	sed -n 's/^<6>//p' lines | grep -E -v '^(started|child confined|session closed|totals) ' |
	    awk 'length > 100' >wide
	[ ! -s wide ] || fail "wider than 100 columns: $(cat wide)"
	# These take two lines; what matters comes first.
	sed -n 's/^<6>//p' lines | grep -v '^totals ' | awk 'length > 200' >wide
	[ ! -s wide ] || fail "wider than two lines: $(cat wide)"
	grep -q -E '^<6>started version=[^ ]* upstream=' lines || fail "no upstream at the beginning"
	grep -q -E '^<6>session closed client=192\.0\.2\.[0-9]*:[0-9]* reason=idle_timeout state=replied ' lines ||
	    fail "no client at the beginning"
	grep -q -E ' up=1/64 down=1/64 port=[0-9]* listener=203\.0\.113\.100:51820 child=relay$' lines ||
	    fail "not all of the session"
}
