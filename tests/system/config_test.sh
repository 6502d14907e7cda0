# --config: a file of flags, and --check, which prints one.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/anywhere.subr"

# Enough of a file to start with.
enough='listen 127.0.0.1:0
upstream [::1]:7000
user nobody'

# checks FILE ARGUMENT...: --check takes it; what it prints is in `printed`.
checks()
{
	_file=$1
	shift
	anywhere timeout 60 "$udp46" --check --config "$_file" "$@" >printed 2>error || fail "$(cat error)"
}

# comes_to LINE...: these were printed, as extended regular expressions, blanks aside.
comes_to()
{
	for _line in "$@"; do
		tr -s ' ' <printed | grep -q -x -E -e "$_line( # .*)?" ||
		    fail "not printed: $_line in: $(cat printed)"
	done
}

# refused STATUS MESSAGE ARGUMENT...: it ends with that status, and says just that on one line.
refused()
{
	_status=$1 _message=$2
	shift 2
	atf_check -s exit:"$_status" -o empty -e save:error timeout 60 "$udp46" --check "$@"
	cat error
	expect "lines of the error" "$(wc -l <error)" -eq 1
	grep -q -F -x -e "udp46: $_message" error || fail "it is not: $_message"
}

# wrong MESSAGE TEXT: a line of a file, after others that are right; the text is printf(1)'s.
wrong()
{
	# shellcheck disable=SC2059 # escapes are wanted
	printf '%s\n# a comment\n'"$2" "$enough" >wrong.conf
	refused 2 "wrong.conf:5: $1" --config wrong.conf
}

# given_back: what is in `printed`, read from a file, comes to the same.
given_back()
{
	cp printed again.conf
	checks again.conf
	diff -u again.conf printed || fail "what --check prints, given back, comes to something else"
}

plain_case lines "Comments, blanks, blank lines and a last line without an end"
lines_body()
{
	{
		printf '# comment\n#comment\n  \t # comment\n\n \t\nlisten 127.0.0.1:5001\n'
		printf '\tlisten \t 127.0.0.1:5002 \t \nlisten 127.0.0.1:5003 # not 5004\n'
		printf 'upstream "[::1]:7000"\t#comment\nmetrics.enabled\nmetrics.session-labels f # false\n'
		printf 'source-file a#b\nuser "no\\142ody"\nlog-level WARN'
	} >conf
	touch 'a#b'
	checks conf
	comes_to 'listen 127\.0\.0\.1:5001' 'listen 127\.0\.0\.1:5002' 'listen 127\.0\.0\.1:5003' \
	    'upstream \[::1\]:7000' 'metrics.enabled true' 'metrics.session-labels false' \
	    'source-file a#b' 'user nobody' 'log-level warn'
	given_back
	# Nothing at all, and nothing but comments, is a file, too.
	for text in '' '#' '\n' '\n#\n'; do
		# shellcheck disable=SC2059 # escapes are wanted
		printf "$text" >conf
		checks conf --listen 127.0.0.1:5001 --upstream '[::1]:7000' --user nobody
		refused 2 'conf: --listen is missing: want ADDR:PORT with a literal IPv4 address, such as 0.0.0.0:51820' \
		    --config conf
	done
}

# Each flag that a file may have, and a value that is not its default.
every_flag()
{
	cat <<-END
	listen 192.0.2.1:5000
	upstream [fe80::1%lo]:7000
	upstream-source fe80::2%1
	upstream-ports 5000-6000
	allow 198.51.100.0/24
	deny 203.0.113.0/24
	source-file $PWD/sources
	state-file $PWD/state
	session-timeout 1.5s
	unreplied-timeout 500ms
	max-sessions 1000
	max-sessions-per-address 2
	new-session-rate 0
	amplification-limit 3
	read-buffer-size 1500
	socket-buffer-size 65536
	segment-offload off
	fragment deny
	write-timeout 3m250ms
	workers 0
	resolve-interval 0s
	log-level error
	log-format json
	metrics.enabled true
	metrics.listen [::1]:9109
	metrics.session-labels true
	user games
	metrics.user daemon
	chroot $PWD/empty
	END
}

root_case every_flag "Every flag works in a file, as on the command line, and is given back by --check"
every_flag_body()
{
	mkdir -m 755 empty
	touch sources
	every_flag >every
	"$udp46" --help | sed -n 's/^  --\([a-z.-]*\).*/\1/p' |
	    grep -v -x -e config -e check -e version -e help | sort >flags
	cut -d ' ' -f 1 every | sort >tried
	atf_check diff -u flags tried
	checks every
	while read -r line; do
		comes_to "$(echo "$line" | sed 's/[].[]/\\&/g')"
	done <every
	given_back
	# shellcheck disable=SC2046 # a flag a word
	anywhere "$udp46" --check $(sed 's/^/--/; s/ /=/' every) >again
	atf_check diff -u printed again
	# One at a time, each without the others.
	while read -r flag value; do
		case $flag in
		listen | upstream | user) continue ;;
		unreplied-timeout) value=20s ;;
		esac
		{ echo "$enough" && echo "$flag $value"; } >one
		checks one
		comes_to "$(echo "$flag $value" | sed 's/[].[]/\\&/g')"
		given_back
	done <every
	# And the defaults.
	echo "$enough" >one
	checks one
	given_back
}

root_case order "Flags that are repeated stay in order, and awkward values what they are"
order_body()
{
	{
		echo "$enough"
		printf 'listen 192.0.2.%s:5000\n' 3 1 2
		printf 'deny 203.0.113.7/32\nallow 192.0.2.0/24\ndeny 192.0.2.7/32\nallow 203.0.113.0/24\n'
	} >conf
	checks conf
	given_back
	grep -E '^(listen|allow|deny) ' printed | tr -s ' ' >got
	grep -E '^(listen|allow|deny) ' conf >wanted
	sed -i 's/127.0.0.1:0/& # a free port/' wanted
	atf_check diff -u wanted got
	# A name is resolved, and what it is now is a comment.
	mkdir etc
	cp /etc/passwd /etc/group etc
	echo 'hosts: files' >etc/nsswitch.conf
	echo '2001:db8::10 home.example.net' >etc/hosts
	for _try in 1 2; do
		[ $_try -eq 2 ] || echo "$enough" | sed 's/^upstream.*/upstream home.example.net:7000/' >conf
		anywhere unshare --mount --propagation private sh -c \
		    "mount --bind etc /etc && '$udp46' --check --config conf" >printed
		grep -q '^upstream  *home.example.net:7000 # now \[2001:db8::10\]:7000$' printed ||
		    fail "the name is not printed: $(cat printed)"
		[ $_try -eq 1 ] || atf_check diff -u conf printed
		cp printed conf
	done
	# shellcheck disable=SC1003 # backslashes
	for awkward in 'a b' ' a' 'a ' '#a' 'a#' 'a #b' '"' 'a"b' "a'b" '\' 'a\b' '\\' '\"' \
	    "$(printf '\303\244\233')" "$(printf '%0200d\303' 0)"; do
		: >"$PWD/$awkward"
		for path in "$PWD/$awkward" "$awkward"; do
			anywhere "$udp46" --check --listen 127.0.0.1:0 \
			    --upstream '[::1]:7000' --user nobody --source-file "$path" \
			    --metrics.listen "unix:/run/$(echo "$awkward" | cut -c -40)" >printed
			cat printed
			expect "bytes beyond ASCII" "$(LC_ALL=C tr -d '\n\040-\176' <printed | wc -c)" -eq 0
			given_back
			# It is that file, not another one.
			mv "$PWD/$awkward" aside
			! "$udp46" --check --config again.conf 2>error || fail "another file was found"
			mv aside "$PWD/$awkward"
		done
	done
}

plain_case command_line "A flag on the command line replaces what the file says of it"
command_line_body()
{
	cat >conf <<-END
	$enough
	listen 127.0.0.1:5002
	allow 192.0.2.0/24
	deny 192.0.2.7
	session-timeout 1h
	metrics.enabled
	upstream-source ::1
	END
	# Wherever it stands, before --config or after it.
	for before in --session-timeout=2m '--session-timeout 2m'; do
		# shellcheck disable=SC2086 # words
		atf_check -o save:printed "$udp46" --check $before --config conf
		comes_to 'session-timeout 2m'
		# shellcheck disable=SC2086 # words
		checks conf $before
		comes_to 'session-timeout 2m'
	done
	checks conf --metrics.enabled=false --upstream '[2001:db8::1]:7001' --workers 2
	comes_to 'metrics.enabled false' 'upstream \[2001:db8::1\]:7001' 'workers 2' \
	    'listen 127\.0\.0\.1:5002' 'allow 192\.0\.2\.0/24' 'deny 192\.0\.2\.7/32'
	# Of a flag that is repeated, all of it.
	checks conf --listen 127.0.0.1:6001 --listen 127.0.0.1:6002
	comes_to 'listen 127\.0\.0\.1:6001' 'listen 127\.0\.0\.1:6002' 'allow 192\.0\.2\.0/24'
	expect "listeners" "$(grep -c '^listen ' printed)" -eq 2
	# --allow and --deny are one list.
	checks conf --deny 203.0.113.0/24
	comes_to 'deny 203\.0\.113\.0/24' '# allow none given'
	expect "prefixes denied" "$(grep -c '^deny ' printed)" -eq 1
	checks conf --allow 203.0.113.0/24
	comes_to 'allow 203\.0\.113\.0/24' '# deny none given'
	# What is replaced may not fit the rest, but must be right by itself.
	checks conf --session-timeout 10s
	comes_to '# unreplied-timeout 10s'
	echo 'workers x' >>conf
	refused 2 "conf:10: --workers: 'x' is not a number: want a number from 0 to 64; 0 means one a CPU" \
	    --config conf --workers 1
	# A mistake on the command line comes first; and of two files the last counts.
	refused 2 "--workers: 'y' is not a number: want a number from 0 to 64; 0 means one a CPU" \
	    --config conf --workers y
	echo "$enough" >other
	checks other --config conf --config other
}

plain_case errors "Each mistake is told with file, line and remedy"
errors_body()
{
	wrong "--listen: '0.0.0.0:99999' has a port above 65535: want ADDR:PORT with a literal IPv4 address, such as 0.0.0.0:51820" \
	    'listen 0.0.0.0:99999\n'
	wrong "--metrics.enabled: 'yes' is not a boolean: want true, false, t, f, 1 or 0" \
	    'metrics.enabled yes\n'
	wrong "--workers has no value: want a number from 0 to 64; 0 means one a CPU" 'workers\n'
	wrong "--workers has no value: want a number from 0 to 64; 0 means one a CPU" \
	    'workers # 3\n'
	wrong "--workers: '3#' is not a number: want a number from 0 to 64; 0 means one a CPU" \
	    'workers 3#\n'
	wrong "--source-file: '' is empty: want the path of a file" 'source-file ""\n'
	wrong "'2' is too much: want one value a line" 'workers 1 2\n'
	wrong "'b c' is too much: want one value a line" 'source-file a b c\n'
	wrong "--user is given in line 3 already: want it once" 'user games\n'
	wrong "unknown flag 'usr': did you mean user? see --help" 'usr nobody\n'
	wrong "unknown flag 'User': did you mean user? see --help" 'User nobody\n'
	wrong "unknown flag '-': see --help" '-\n'
	wrong "unknown flag '=': see --help" '=\n'
	wrong "unknown flag 'worker=2': did you mean workers? see --help" 'worker=2\n'
	mark='--workers 2'
	wrong "'--workers' has dashes: want workers" "$mark\\n"
	wrong "'-workers' has dashes: want workers" '-workers 2\n'
	wrong "'workers=2' has a '=': want a blank after workers" 'workers=2\n'
	wrong "'--workers=2' has a '=': want a blank after workers" '--workers=2\n'
	for flag in config check help version; do
		wrong "--$flag: want it on the command line only" "$flag\\n"
		wrong "--$flag: want it on the command line only" "$flag x\\n"
	done
}

plain_case bytes "Only text is taken, and only so much of it"
bytes_body()
{
	wrong 'ends in a carriage return: want lines that end in a newline alone' 'workers 1\r\n'
	wrong 'ends in a carriage return: want lines that end in a newline alone' '\r\n'
	wrong 'ends in a carriage return: want lines that end in a newline alone' '# comment\r'
	for byte in 000 001 013 015 033 177; do
		wrong 'has a control character: want text' "workers 1\\$byte#\\n"
		wrong 'has a control character: want text' "# comm\\${byte}ent\\n"
	done
	wrong "--metrics.user: '^[' has a control character: want the name of an unprivileged user" \
	    'metrics.user "\\033"\n'
	wrong 'has a value without its end: want a quotation mark there' 'source-file "a b\n'
	wrong "has a '\\' that means nothing: want \\\\, \\\" or \\ooo" 'source-file "a\\nb"\n'
	wrong "has a '\\' that means nothing: want \\\\, \\\" or \\ooo" 'source-file "a\\000"\n'
	wrong "has a '\\' that means nothing: want \\\\, \\\" or \\ooo" 'source-file "a\\400"\n'
	wrong 'has a quotation mark within a word: want all of the value between two' \
	    'source-file a"b"\n'
	wrong 'has a quotation mark within a word: want all of the value between two' \
	    'source-file "a"b\n'
	longest=$(printf '%016448d' 0)
	wrong 'is too long: want at most 16448 bytes a line' "#$longest\\n"
	{ echo "$enough" && echo "#${longest#0}"; } >conf
	checks conf
	# The same in the last line, and in the first one that has no end.
	wrong 'is too long: want at most 16448 bytes a line' "#$longest"
	{ echo "$enough" && head -c 4194304 /dev/zero | tr '\0' '\n'; } >conf
	refused 1 '--config conf: is too large: want at most 4 MiB' --config conf
	truncate -s 4194304 conf
	checks conf
}

plain_case together "What does not fit together is told with the line that says it"
together_body()
{
	for text in 'listen 0.0.0.0:0' 'listen 192.0.2.1:5000' 'listen 192.0.2.2:5000' \
	    'upstream [::1]:7000' 'user nobody' 'listen 192.0.2.1:5000' 'listen 192.0.2.3:5000'; do
		echo "$text"
	done >conf
	refused 2 "conf:6: --listen: '192.0.2.1:5000' is given twice: want each once" --config conf
	checks conf --listen 192.0.2.1:5000
	sed -i '6s/.*/listen 0.0.0.0:5000/' conf
	refused 2 "conf:6: --listen 0.0.0.0:5000 has the port on every address, --listen 192.0.2.1:5000 on one: want one of them, or another port" \
	    --config conf
	# The command line's is not the file's.
	refused 2 "--listen: '192.0.2.1:5000' is given twice: want each once" --config conf \
	    --listen 192.0.2.1:5000 --listen 192.0.2.1:5000
	printf '%s\n' "$enough" 'deny 10.0.0.0/8' 'allow 192.0.2.0/24' 'allow 10.0.0.0/8' \
	    'deny 192.0.2.1' >conf
	refused 2 "conf:6: --allow, --deny: '10.0.0.0/8' is given to both: want it with one of them" \
	    --config conf
	checks conf --deny 10.0.0.0/8
	printf '%s\n' "$enough" 'max-sessions 2' '' 'workers 3' >conf
	refused 2 'conf:6: --workers 3 is above --max-sessions 2: want a session a worker at least' \
	    --config conf
	refused 2 'conf:4: --workers 4 is above --max-sessions 2: want a session a worker at least' \
	    --config conf --workers 4
	refused 2 '--workers 4 is above --max-sessions 3: want a session a worker at least' \
	    --config conf --workers 4 --max-sessions 3
	printf '%s\n' "$enough" 'unreplied-timeout 2m' >conf
	checks conf
	refused 2 'conf:4: --unreplied-timeout 2m is above the session timeout: want at most 1m' \
	    --config conf --session-timeout 1m
}

plain_case unreadable "A file that cannot be read is the system's refusal, and nothing waits for one"
unreadable_body()
{
	mkfifo fifo
	mkdir folder
	ln -s loop loop
	refused 1 '--config none: No such file or directory: want a file that can be read' --config none
	refused 1 '--config loop: Too many levels of symbolic links: want a file that can be read' \
	    --config loop
	for path in fifo folder /dev/null /dev/zero; do
		refused 1 "--config $path: is no regular file: want one" --config $path
	done
	echo "$enough" | timeout 60 "$udp46" --check --config /dev/stdin >printed 2>error && fail 'a pipe'
	grep -q 'no regular file' error || fail "$(cat error)"
	refused 2 "--config: '' is empty: want the path of a file, of at most 255 characters" --config ''
	long=$(printf '%0256d' 0)
	refused 2 "--config: '$long' is too long: want the path of a file, of at most 255 characters" \
	    --config "$long"
	refused 1 "--config ${long#0}: No such file or directory: want a file that can be read" \
	    --config "${long#0}"
	# A symbolic link to one will do, and --help needs none.
	echo "$enough" >conf
	ln -s conf link
	checks link
	atf_check -o match:--config "$udp46" --config none --help
}

root_case started "The file is read with all privileges, and what it says goes"
started_body()
{
	make_network
	start_echo 7000
	mkdir -m 755 empty
	cat >conf <<-END
	# Of somebody else, who alone may read it.
	listen 192.0.2.1:5000
	listen 192.0.2.1:5001	# another one
	upstream [2001:db8:1::2]:7000
	user nobody
	chroot "$PWD/empty"
	log-format text
	END
	chown nobody conf
	chmod 600 conf
	spawn udp46 "$relay" "$udp46" --config conf
	wait_for 30 grep -q 'msg=started' "$log" || fail "udp46 does not start"
	client_ok one -n 3 192.0.2.1 5000
	client_ok two -n 3 192.0.2.1 5001
	stop_udp46
	# And a mistake ends it before anything is bound.
	echo 'listen 192.0.2.1:5001' >>conf
	status=0
	in_relay timeout 60 "$udp46" --config conf >out 2>error || status=$?
	expect "exit status" $status -eq 2
	grep -q "conf:8: --listen: '192.0.2.1:5001' is given twice" error || fail "$(cat error)"
}

# reload COUNT MESSAGE: SIGUSR2, after which the log has this message so many times.
reload()
{
	kill -USR2 "$(cat udp46.pid)"
	wait_for 30 has_said "$1" "$2" || fail "no '$2' after SIGUSR2"
}

has_said()
{
	[ "$(grep -c "msg=\"\{0,1\}$2" "$log")" -eq "$1" ]
}

root_case reload "SIGUSR2 takes a changed file, keeps sessions, and refuses one that is wrong"
reload_body()
{
	make_network
	start_echo 7000
	mkdir -m 755 empty
	cat >conf <<-END
	listen 192.0.2.1:5000
	upstream [2001:db8:1::2]:7000
	user nobody
	chroot $PWD/empty
	log-format text
	END
	chmod 600 conf
	spawn udp46 "$relay" "$udp46" --config conf --log-level debug
	wait_for 30 has_said 1 started || fail "udp46 does not start"
	client_ok one -b 192.0.2.10:6000 -n 3 192.0.2.1 5000
	wait_for 30 has_said 1 'session created' || fail "no session"
	port=$(log_values 'session created' upstream_local_port)

	cp conf right
	echo 'workers x' >>conf
	reload 1 'upgrade refused'
	grep 'upgrade refused' "$log" | grep -q -F "conf:6: --workers: 'x' is not a number: want" ||
	    fail "the log does not say where it is wrong"
	cp right new
	chown nobody new
	mv new conf
	chmod 600 conf
	reload 2 'upgrade refused'
	grep 'upgrade refused' "$log" | grep -q -F -e '--config conf: Permission denied: want a file, and' ||
	    fail "the log does not say what cannot be read"

	sed 's/^listen.*/&\nlisten 192.0.2.1:5001\nsession-timeout 7m/' right >conf
	chown root conf
	reload 2 started
	client_ok again -b 192.0.2.10:6000 -n 3 192.0.2.1 5000
	client_ok two -b 192.0.2.10:6001 -n 3 192.0.2.1 5001
	wait_for 30 has_said 2 'session created' || fail "it is not two sessions"
	expect "port" "$(log_values 'session created' upstream_local_port | head -n 1)" = "$port"
	stop_udp46
}

plain_case full "As many listeners as there can be fit in, and a full disk does not pass for success"
full_body()
{
	{
		printf 'upstream [::1]:7000\nuser nobody\n'
		seq 65535 | sed 's/.*/listen 0.0.0.0:0/'
	} >conf
	checks conf
	given_back
	expect "listeners" "$(grep -c '^listen ' printed)" -eq 65535
	echo 'listen 0.0.0.0:0' >>conf
	refused 2 "conf:65538: --listen: '0.0.0.0:0' is one listener too many: 65535 are possible: want ADDR:PORT with a literal IPv4 address, such as 0.0.0.0:51820" \
	    --config conf
	echo "$enough" >conf
	status=0
	"$udp46" --check --config conf >/dev/full 2>error || status=$?
	expect "exit status" $status -eq 1
	grep -q 'standard output: No space left on device' error || fail "$(cat error)"
}

plain_case sample "The sample names every option, with its default or a value that can be, and lacks an upstream"
sample_body()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	cp "$UDP46_SRCDIR/supervisor/udp46.conf" sample
	refused 2 "sample: --upstream is missing: want [IPv6]:PORT, [fe80::1%eth0]:PORT, or NAME:PORT with an AAAA record" \
	    --config sample
	"$udp46" --help | sed -n 's/^  --\([a-z.-]*\).*/\1/p' | grep -vxE 'config|check|version|help' |
	    sort >flags
	expect "options" "$(wc -l <flags)" -gt 20
	sed 's/^#\([a-z]\)/\1/' sample >all
	sed -n 's/^\([a-z][a-z.-]*\) .*/\1/p' all | sort >named
	diff -u flags named || fail "the sample does not name each option once"
	# What can be is no more than that; all else is what goes without.
	unset=$(printf '%s\n' upstream upstream-source upstream-ports allow deny source-file state-file \
	    metrics.user chroot | paste -s -d '|')
	sed -E "/^($unset) /d" all >defaults
	set -- --upstream '[::1]:7000' --user nobody
	checks sample "$@"
	sed 's/^# //' printed | tr -s ' ' >without
	checks defaults "$@"
	sed 's/^# //' printed | tr -s ' ' >with
	diff -u without with || fail "a default of the sample is none"
	sed -i '/^chroot /d' all
	: >sources
	checks all "$@" --metrics.user nobody --source-file sources --state-file "$PWD/state"
	comes_to 'allow 192.0.2.0/24' 'deny 192.0.2.77/32' 'upstream-ports 32768-60999'
}
