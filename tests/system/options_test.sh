# The command line: DESIGN, "Command line".

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/anywhere.subr"

# With these it would start; what a case adds or leaves out is what is wrong.
listen=--listen=127.0.0.1:0
upstream='--upstream=[::1]:7000'

no_control_characters()
{
	! LC_ALL=C grep -q '[[:cntrl:]]' "$1" || fail "raw control characters in $1"
}

# Nor any byte that a terminal may take for one: C1 in Latin 1, and in UTF-8.
only_ascii()
{
	expect "bytes beyond ASCII in $1" "$(LC_ALL=C tr -d '\n\040-\176' <"$1" | wc -c)" -eq 0
}

# refused STATUS FLAG ARGUMENT...: it ends with that status, and says on standard error which
# flag, which value (the last argument, unless that is the flag), and what to do.
refused()
{
	_status=$1 _flag=$2
	shift 2
	for _last in "$@"; do :; done
	atf_check -s exit:"$_status" -o empty -e save:error timeout 60 "$udp46" "$@"
	echo "$*: $(cat error)"
	grep -q -F -e "$_flag" error || fail "the error does not name $_flag"
	[ "$(grep -c '' error)" -eq 1 ] || fail "the error is not one line"
	no_control_characters error
}

# wrong FLAG REMEDY VALUE...: each of these values is an error on the command line.
wrong()
{
	_name=$1 _remedy=$2
	shift 2
	for _value in "$@"; do
		# The flag in question comes last; the rest would do.
		case $_name in
		--listen) refused 2 "$_name" "$upstream" "$_name" "$_value" ;;
		--upstream) refused 2 "$_name" "$listen" "$_name" "$_value" ;;
		*) refused 2 "$_name" "$listen" "$upstream" "$_name=$_value" ;;
		esac
		[ -z "$_value" ] || grep -q -F -e "$_value" error ||
		    fail "the error does not name the value $_value"
		grep -q -F -e "$_remedy" error || fail "the error does not tell what is right"
	done
}

plain_case listen "--listen takes a literal IPv4 address and a port"
listen_body()
{
	wrong --listen 'literal IPv4' '' 127.0.0.1 127.0.0.1: :5000 127.0.0.1:x 127.0.0.1:65536 \
	    127.0.0.1:-1 127.0.0.1:5000x '127.0.0.1: 5000' 127.0.0.1:+5 localhost:5000 \
	    '[::1]:5000' 127.1:5000 256.0.0.1:5000 127.0.0.1.:5000 0x7f.0.0.1:5000
	refused 2 --listen "$upstream"
	refused 2 --listen "$upstream" --listen 127.0.0.1:5000 --listen 127.0.0.1:5000
}

# collide ADDRESS ADDRESS FLAG...: these two --listen are an error that names both.
collide()
{
	_one=$1 _other=$2
	shift 2
	refused 2 --listen "$upstream" "$@" --listen "$_one" --listen "$_other"
	for _address in "$_one" "$_other"; do
		grep -q -F -e "--listen $_address " -e "--listen: '$_address' is given twice: want" error ||
		    fail "the error does not name $_address"
	done
	[ "$_one" = "$_other" ] || grep -q 'want .* another port' error || fail "no remedy"
}

plain_case listeners_collide "Listeners that cannot be bound both are a mistake, also with --check"
listeners_collide_body()
{
	for flags in '' --check '--workers 4' '--check --workers 4'; do
		# shellcheck disable=SC2086 # flags
		collide 0.0.0.0:5000 127.0.0.1:5000 $flags
		# shellcheck disable=SC2086 # flags
		collide 127.0.0.1:5000 0.0.0.0:5000 $flags
		# shellcheck disable=SC2086 # flags
		collide 127.0.0.1:5000 127.0.0.1:5000 $flags
		# shellcheck disable=SC2086 # flags
		collide 0.0.0.0:5000 0.0.0.0:5000 $flags
	done
	# Wherever they stand among others.
	collide 0.0.0.0:5000 192.0.2.9:5000 --check --listen 0.0.0.0:4999 --listen 192.0.2.9:5001 \
	    --listen 192.0.2.1:5002
	collide 192.0.2.1:5000 192.0.2.1:5000 --check --listen 192.0.2.2:5000 --listen 192.0.2.0:5000
	# These do not: one port of two addresses, two of one, and any free port.
	atf_check -o ignore "$udp46" --check --user nobody "$upstream" \
	    --listen 127.0.0.1:5000 --listen 127.0.0.2:5000 --listen 127.0.0.1:5001 \
	    --listen 0.0.0.0:5002 --listen 0.0.0.0:0 --listen 0.0.0.0:0 --listen 127.0.0.1:0 \
	    --listen 127.0.0.1:0
	# TCP has ports of its own.
	atf_check -o ignore "$udp46" --check --user nobody "$upstream" --metrics.enabled \
	    --metrics.listen 127.0.0.1:5000 --listen 127.0.0.1:5000
}

# in_chroot PATH DIRECTORY: the metrics socket there is refused, whoever asks, and nothing is made.
in_chroot()
{
	for _flag in --check --metrics.enabled; do
		refused 2 --metrics.listen --user nobody "$listen" "$upstream" --metrics.enabled $_flag \
		    --chroot "$2" --metrics.listen "unix:$1"
		grep -q -F -e "--chroot $2" error || fail "the error does not name --chroot"
	done
}

plain_case socket_in_chroot "A Unix socket in the directory of --chroot is refused at once"
socket_in_chroot_body()
{
	mkdir -m 755 empty other
	ln -s empty link
	ln -s "$PWD" here
	for socket in empty/m.sock empty//m.sock ./empty/./m.sock other/../empty/m.sock link/m.sock \
	    here/link/m.sock empty/../empty/m.sock; do
		in_chroot "$PWD/$socket" "$PWD/empty"
		in_chroot "$PWD/$socket" "$PWD/other/..//empty/"
	done
	in_chroot "$PWD/empty/m.sock" "$PWD/here/empty/."
	# One that has to be made, and the default.
	for socket in new/m.sock new//m.sock ./new/./m.sock here/new/m.sock other/../new/m.sock; do
		in_chroot "$PWD/$socket" "$PWD/new"
		in_chroot "$PWD/$socket" "$PWD/here//new/"
	done
	[ ! -e new ] || fail "the directory was made"
	refused 2 --metrics.listen "$listen" "$upstream" --check --metrics.listen unix:/var/empty/m.sock
	grep -q -F -e '--chroot /var/empty' error || fail "the error does not name --chroot"
	# Nearly there is not there.
	for socket in m.sock other/m.sock empty.sock emptyish/m.sock new.sock empty/../m.sock \
	    missing/new/m.sock; do
		for directory in empty new; do
			atf_check -o ignore "$udp46" --check --user nobody "$listen" "$upstream" \
			    --metrics.listen "unix:$PWD/$socket" --chroot "$PWD/$directory"
		done
	done
}

plain_case upstream "--upstream takes an IPv6 address, or a name, and a port"
upstream_body()
{
	wrong --upstream AAAA '' '[::1]' '[::1]:' '[::1]:0' '[::1]:65536' '[::1]:x' '::1:7000' \
	    127.0.0.1:7000 '[::ffff:192.0.2.1]:7000' '[::]:7000' '[ff02::1]:7000' \
	    '[fe80::1]:7000' '[2001:db8::g]:7000' '[2001:db8::1:7000' 'name.example.net' \
	    'name.example.net:0' ':7000' 'two names:7000' '[fe80::1%]:7000' \
	    '[fe80::1%sixteen-letters-]:7000' '[fe80::1%a/b]:7000' '[fe80::1%a b]:7000' \
	    '[fe80::1%..]:7000' '[fe80::1%0]:7000'
	refused 2 --upstream "$listen"
}

plain_case upstream_source "--upstream-source takes an IPv6 address"
upstream_source_body()
{
	wrong --upstream-source IPv6 '' 192.0.2.1 name.example.net '[2001:db8::1]' \
	    2001:db8::g ::ffff:192.0.2.1 fe80::1 fe80::1% fe80::1%sixteen-letters- fe80::1%a/b
}

plain_case not_there_yet "--check says what is missing now, which is no error"
not_there_yet_body()
{
	atf_check -o match:'^# route +none yet: No such device$' \
	    "$udp46" "$listen" --upstream '[fe80::1%none0]:7000' --check --user nobody
	atf_check -o match:'^# route +none yet: No such device$' \
	    -o match:'^upstream-source +fe80::2%none0$' \
	    "$udp46" "$listen" "$upstream" --upstream-source fe80::2%none0 --check --user nobody
	atf_check -o match:'^# route +none yet: Cannot assign requested address$' \
	    "$udp46" "$listen" "$upstream" --upstream-source 2001:db8::46 --check --user nobody
	atf_check -o match:'^# route +from ::1, path MTU [0-9]+$' \
	    "$udp46" "$listen" --upstream '[::1]:7000' --check --user nobody
}

plain_case upstream_ports "--upstream-ports takes a range above 1023"
upstream_ports_body()
{
	wrong --upstream-ports LOW-HIGH '' 5000 1023-2000 2000-1999 5000-65536 a-b 5000- -5000 \
	    5000-6000-7000 '5000 - 6000' 0-65535 5000-6000x
}

plain_case prefixes "--allow and --deny take IPv4 prefixes without host bits"
prefixes_body()
{
	for flag in --allow --deny; do
		wrong $flag 'an IPv4 prefix' '' x 192.0.2 192.0.2.0/ 192.0.2.0/33 192.0.2.0/-1 \
		    192.0.2.0/08 192.0.2.0/24x ' 192.0.2.0/24' '192.0.2.0/24 ' 192.0.2.0/255.255.255.0 \
		    192.0.2.256/32 2001:db8::/32 010.0.0.0/8 10.0.0.0/8/8 192.0.2.1,192.0.2.2
		wrong $flag '10.0.0.0/8 has none' 10.0.0.1/8 10.255.0.0/8
		wrong $flag '0.0.0.0/0 has none' 192.0.2.1/0
	done
	refused 2 --allow "$listen" "$upstream" --allow 10.0.0.0/8 --deny 192.0.2.0/24 --deny 10.0.0.0/8
	grep -q "'10.0.0.0/8' is given to both" error || fail "$(cat error)"
	refused 2 --allow "$listen" "$upstream" --deny 192.0.2.7 --allow 192.0.2.7/32
	# The same twice, and one in another, are no contradiction.
	atf_check -o ignore "$udp46" --check --user nobody "$listen" "$upstream" --deny 10.0.0.0/8 \
	    --deny 10.0.0.0/8 --allow 10.0.0.0/9 --allow 0.0.0.0/0 --allow 255.255.255.255
}

plain_case state_file "--state-file is an absolute path of a file"
state_file_body()
{
	wrong --state-file 'absolute path' state ./state '' /
	atf_check -o match:'^state-file +/nowhere/state$' \
	    "$udp46" --check --user nobody "$listen" "$upstream" --state-file /nowhere/state
}

plain_case durations "Durations need a unit"
durations_body()
{
	for flag in --session-timeout --unreplied-timeout --write-timeout --resolve-interval; do
		wrong $flag 'duration such as' '' 180 1.5 -1s 1x s 1s1 ' 1s' '1s ' 1,5s 1e3s \
		    99999999999h five
	done
	wrong --session-timeout 'above zero' 0s 0
	wrong --unreplied-timeout 'above zero' 0s
	wrong --write-timeout 'above zero' 0s
	refused 2 --session-timeout "$listen" "$upstream" --session-timeout 180
	grep -q unit error || fail "a bare number gets no word about the unit"
}

plain_case timeouts_together "--unreplied-timeout is at most the session timeout"
timeouts_together_body()
{
	refused 2 --unreplied-timeout "$listen" "$upstream" --session-timeout 1m \
	    --unreplied-timeout 61s
	grep -q 1m error || fail "the error does not tell what is right"
	refused 2 --unreplied-timeout "$listen" "$upstream" --unreplied-timeout 1h
	# Its default is cut instead.
	atf_check -o match:'^# unreplied-timeout +5s$' \
	    "$udp46" "$listen" "$upstream" --check --user nobody --session-timeout 5s
	atf_check -o match:'^unreplied-timeout +1m$' \
	    "$udp46" "$listen" "$upstream" --check --user nobody --session-timeout 60s \
	    --unreplied-timeout 60s
}

plain_case numbers "Numbers are decimal and have bounds"
numbers_body()
{
	for flag in --max-sessions --max-sessions-per-address --new-session-rate \
	    --amplification-limit \
	    --read-buffer-size --socket-buffer-size --workers; do
		wrong $flag 'a number' '' x -1 +1 1.5 ' 1' '1 ' 0x10 1k 99999999999999999999
	done
	wrong --read-buffer-size 'a number' 0
}

plain_case choices "Of a choice only what is offered"
choices_body()
{
	wrong --log-level 'debug, info, warn or error' '' loud inf informational
	wrong --log-format 'auto, json or text' '' xml
	wrong --segment-offload 'auto, on or off' '' maybe 1
	wrong --fragment 'allow or deny' '' maybe 1
	wrong --metrics.enabled 'true, false' yes 2 maybe
	wrong --metrics.session-labels 'true, false' no on
	wrong --metrics.listen 'ADDR:PORT' '' nonsense 127.0.0.1 127.0.0.1:99999 '[::1:9108' \
	    unix:relative
}

plain_case unknown "An unknown flag, a stray argument, a missing value"
unknown_body()
{
	refused 2 --nonsense "$listen" "$upstream" --nonsense
	refused 2 --nonsense "$listen" "$upstream" --nonsense=5
	refused 2 -x "$listen" "$upstream" -x
	refused 2 stray "$listen" "$upstream" stray
	refused 2 stray stray "$listen" "$upstream"
	refused 2 stray "$listen" "$upstream" -- stray
	# A boolean takes its value with = only, and the error says so.
	for flag in --metrics.enabled --metrics.session-labels; do
		for value in true false t F 1 0; do
			refused 2 "$value" "$listen" "$upstream" $flag "$value"
			grep -q -F -e "want $flag=$value" error || fail "no word about $flag="
		done
	done
	for stray in '--metrics.enabled yes' '--metrics.enabled=true false' '--check true' \
	    '--metrics.enabled -n true'; do
		# shellcheck disable=SC2086 # two words
		refused 2 "${stray##* }" "$listen" "$upstream" $stray
		grep -q 'flags only' error || fail "the wrong advice"
	done
	for flag in listen upstream session-timeout max-sessions user chroot; do
		refused 2 $flag "$listen" "$upstream" --$flag
		refused 2 $flag "$listen" "$upstream" -$flag
	done
	refused 2 --check "$listen" "$upstream" --check=1
}

plain_case abbreviations "Abbreviations are refused"
abbreviations_body()
{
	refused 2 --list "$upstream" --list 127.0.0.1:0
	refused 2 -list "$upstream" -list 127.0.0.1:0
	refused 2 --list "$upstream" --list=127.0.0.1:0
	refused 2 --up "$listen" --up '[::1]:7000'
	for flag in max-sess max-sessions-per session-time read-buffer write work segment log-l \
	    chro met metrics.sess; do
		refused 2 $flag "$listen" "$upstream" --$flag 5
		refused 2 $flag "$listen" "$upstream" --$flag=5
	done
	for flag in chec vers hel; do
		refused 2 $flag "$listen" "$upstream" --$flag
	done
}

plain_case spellings "-name, --name VALUE and --name=VALUE are the same"
spellings_body()
{
	for dash in - --; do
		for is in ' ' =; do
			# shellcheck disable=SC2046,SC2086,SC2102 # the blank separates
			atf_check -o save:printed -e ignore "$udp46" ${dash}check ${dash}user${is}nobody \
			    ${dash}listen${is}127.0.0.1:5001 \
			    ${dash}listen${is}127.0.0.1:5002 ${dash}upstream${is}[::1]:7000 \
			    ${dash}session-timeout${is}1h30m ${dash}log-level${is}WARN \
			    ${dash}metrics.enabled ${dash}metrics.session-labels=f
			for line in 'listen +127\.0\.0\.1:5001' 'listen +127\.0\.0\.1:5002' \
			    'upstream +\[::1\]:7000' 'session-timeout +1h30m' 'log-level +warn' \
			    'metrics.enabled +true' 'metrics.session-labels +false'; do
				grep -q -E "^$line\$" printed ||
				    fail "not printed: $line in: $(cat printed)"
			done
		done
	done
}

plain_case check "--check and -n print every value and start nothing"
check_body()
{
	atf_check -o save:printed timeout 60 "$udp46" "$listen" "$upstream" --user nobody --check
	atf_check -o file:printed timeout 60 "$udp46" "$listen" "$upstream" --user nobody -n
	atf_check -o file:printed timeout 60 "$udp46" -n --user=nobody "$listen" "$upstream"
	"$udp46" --help | sed -n 's/^  --\([a-z.-]*\).*/\1/p' >flags
	expect "flags in --help" "$(wc -l <flags)" -eq 33
	while read -r flag; do
		case $flag in
		config | check | version | help) continue ;;
		esac
		grep -q -E "^(# )?$flag +[^ ]" printed || fail "--check does not print $flag"
	done <flags
	for line in '# upstream-ports .*ip_local_port_range.*' '# allow +none given' \
	    '# deny +none given' '# source-file +none' '# state-file +none' 'session-timeout +3m' \
	    '# unreplied-timeout +30s' 'max-sessions +0 .*' 'max-sessions-per-address +0 .*' \
	    'new-session-rate +5000' 'amplification-limit +0 # no limit' \
	    'read-buffer-size +65536' 'socket-buffer-size +4194304' \
	    'segment-offload +auto' 'fragment +allow' 'write-timeout +5s' 'workers +1' \
	    'resolve-interval +1m' \
	    'log-level +info' 'log-format +auto' 'metrics.enabled +false' \
	    'metrics.listen +127\.0\.0\.1:9108' 'metrics.session-labels +false' 'user +nobody' \
	    '# metrics.user +as user' '# chroot +/var/empty'; do
		grep -q -E "^$line\$" printed || fail "default not as designed: $line"
	done
	# A mistake is one with --check, too.
	refused 2 --workers "$listen" "$upstream" --check --workers x
	refused 2 --workers "$listen" "$upstream" --workers 65
	refused 2 --workers "$listen" "$upstream" --workers 3 --max-sessions 2
}

plain_case check_values "--check prints what was given"
check_values_body()
{
	echo 'deny 203.0.113.0/24' >sources
	anywhere timeout 60 "$udp46" --check --listen 192.0.2.1:5000 \
	    --upstream '[2001:db8::1]:7000' --upstream-source 2001:db8::2 \
	    --allow 198.51.100.0/24 --deny 198.51.100.7 --deny=0.0.0.0/0 \
	    --source-file "$PWD/sources" --state-file /var/lib/udp46/state \
	    --upstream-ports 5000-6000 --session-timeout 1.5s --unreplied-timeout 500ms \
	    --max-sessions 10 --max-sessions-per-address 2 --new-session-rate 0 \
	    --amplification-limit 3 \
	    --read-buffer-size 1500 --socket-buffer-size 65536 --segment-offload OFF --fragment DENY \
	    --write-timeout 3m --workers 0 --resolve-interval 0s --log-level Error \
	    --log-format JSON --metrics.enabled=T --metrics.listen '[::1]:9108' \
	    --metrics.session-labels=1 --user games --metrics.user daemon >printed 2>error ||
	    fail "$(cat error)"
	for line in 'listen +192\.0\.2\.1:5000' 'upstream +\[2001:db8::1\]:7000' \
	    'upstream-source +2001:db8::2' 'upstream-ports +5000-6000' \
	    'allow +198\.51\.100\.0/24' 'deny +198\.51\.100\.7/32' 'deny +0\.0\.0\.0/0' \
	    "source-file +$PWD/sources" 'state-file +/var/lib/udp46/state' 'session-timeout +1\.5s' \
	    'unreplied-timeout +500ms' 'max-sessions +10' 'max-sessions-per-address +2' \
	    'new-session-rate +0 # no limit' 'amplification-limit +3' 'read-buffer-size +1500' \
	    'socket-buffer-size +65536' 'segment-offload +off' 'fragment +deny' 'write-timeout +3m' \
	    'workers +0 # .*' 'resolve-interval +0s # .*' 'log-level +error' 'log-format +json' \
	    'metrics.enabled +true' 'metrics.listen +\[::1\]:9108' \
	    'metrics.session-labels +true' 'user +games' 'metrics.user +daemon'; do
		grep -q -E "^$line\$" printed || fail "not printed: $line in: $(cat printed)"
	done
}

plain_case version "--version and --help"
version_body()
{
	for flag in --version -version -V; do
		atf_check -o save:printed "$udp46" $flag
		expect "lines" "$(wc -l <printed)" -eq 1
		grep -q -E '^udp46 version=[^ ]+ commit=[^ ]+ date=[^ ]+$' printed ||
		    fail "not as promised: $(cat printed)"
	done
	for flag in --help -help -h; do
		atf_check -o match:--listen -o match:--upstream -o match:--chroot -o save:printed \
		    "$udp46" $flag
		awk 'length > 80' printed >wide
		atf_check cat wide
	done
	# Whatever else is wrong.
	atf_check -o file:printed "$udp46" -h --nonsense
}

plain_case control_characters "Control characters in a value are never printed raw"
control_characters_body()
{
	escape=$(printf 'na\033[2Jme\177\r')
	refused 2 --listen "$upstream" --listen "$escape"
	refused 2 --user "--user=" "$listen" "$upstream" "--user="
	refused 2 "na" "$listen" "$upstream" "$escape"
	refused 2 "na" "$listen" "$upstream" "--$escape"
	refused 2 --log-level "$listen" "$upstream" --log-level "$escape"
	status=0
	timeout 60 "$udp46" --check "$listen" --upstream "$escape:7000" >printed 2>error || status=$?
	expect "exit status" "$status" -ne 0
	no_control_characters error
	no_control_characters printed

	# Values that only the system can judge come back, too.
	escape=$(printf 'na\233me\302\233')
	for flag in --user --metrics.user --chroot=/tmp/none/ --metrics.listen=unix:/tmp/none/; do
		case $flag in *=*) ;; *) flag=$flag= ;; esac
		timeout 60 "$udp46" --check "$listen" "$upstream" --user nobody \
		    "$flag$escape" >printed 2>error || true
		cat printed error
		grep -q 'na.*me' printed error || fail "the value of $flag is not told"
		only_ascii printed
		only_ascii error
	done
}

# by_hand TITLE REDIRECTION: a child that nobody has started.
by_hand()
{
	status=0
	bash -c "exec -a \"\$1\" \"\$2\" $2" bash "$1" "$udp46" 2>error || status=$?
	expect "exit status of '$1' $2" "$status" -eq 2
}

plain_case by_hand "A child that is not the supervisor's says so, visibly"
by_hand_body()
{
	for title in relay relay-1 metrics resolver; do
		by_hand "udp46: $title" '</dev/null'
		grep -q "^udp46: udp46: $title: is started by the supervisor only" error ||
		    fail "wrong message: $(cat error)"
	done
	by_hand "$(printf 'udp46: relay-\033[2J\233')" '</dev/null'
	grep -q 'supervisor only' error || fail "wrong message: $(cat error)"
	only_ascii error
}

# Every choice of standard descriptors to leave closed.
closed_ones='<&- >&- 2>&- <&->&- <&-2>&- >&-2>&- <&->&-2>&-'

# spaced CHOICE: as the shell wants it.
spaced()
{
	echo "$1" | sed "s/&-/\\&- /g"
}

plain_case closed_at_check "Without standard descriptors: --check, --version, a mistake, a child"
closed_at_check_body()
{
	for choice in $closed_ones; do
		choice=$(spaced "$choice")
		echo "closed: $choice"
		(eval "\"$udp46\" --version $choice") >printed || fail "--version fails"
		case $choice in
		*' >&-'* | '>&-'*) ;;
		*) grep -q '^udp46 version=' printed || fail "--version says nothing" ;;
		esac
		(eval "\"$udp46\" --check --user nobody $listen '$upstream' $choice") >printed ||
		    fail "--check fails"
		status=0
		(eval "\"$udp46\" --nonsense $choice") 2>error || status=$?
		expect "exit status" "$status" -eq 2
		by_hand 'udp46: relay' "$choice"
	done
}

# standard PID: where descriptors 0 to 2 of the process lead, those that CHOICE closes.
standard_is_null()
{
	for _pair in '0 <&-' '1 >&-' '2 2>&-'; do
		case " $2" in
		*" ${_pair#* }"*) ;;
		*) continue ;;
		esac
		expect "descriptor ${_pair%% *} of $(tr '\0' ' ' <"/proc/$1/cmdline")" \
		    "$(readlink "/proc/$1/fd/${_pair%% *}")" = /dev/null
	done
}

serves()
{
	in_client "$helpers/client" -n 1 -w 200 192.0.2.1 5000
}

root_case closed_at_start "Without standard descriptors no socket takes the place of one"
closed_at_start_body()
{
	make_network
	start_echo 7000
	mkdir -m 755 empty
	for choice in $closed_ones; do
		choice=$(spaced "$choice")
		spawn udp46 "$relay" sh -c "exec \"\$@\" $choice" sh "$udp46" --user nobody \
		    --chroot "$PWD/empty" --listen 192.0.2.1:5000 --metrics.enabled \
		    --upstream '[2001:db8:1::2]:7000'
		wait_for 30 serves || fail "closed: $choice: udp46 does not serve"
		standard_is_null "$(cat udp46.pid)" "$choice"
		for process in $(children "$(cat udp46.pid)"); do
			standard_is_null "$process" '<&- >&-'
			expect "standard error of a child" \
			    "$(readlink "/proc/$process/fd/2" | cut -d : -f 1)" = pipe
		done
		stop_udp46
	done
}

# refused_at_start FLAG ARGUMENT...: the system refuses it: exit status 1.
refused_at_start()
{
	_flag=$1
	shift
	_status=0
	in_relay timeout 20 "$udp46" --upstream '[2001:db8:1::2]:7000' "$@" >out 2>error ||
	    _status=$?
	cat out error
	expect "exit status" "$_status" -eq 1
	grep -q -F -e "$_flag" error || fail "the error does not name $_flag"
}

root_case port_in_use "A port in use ends the start with 1"
port_in_use_body()
{
	make_network
	mkdir -m 755 empty
	spawn other "$relay" socat -u UDP4-RECV:5000,bind=192.0.2.1 -
	wait_for 30 holds_port || fail "the other program has no port"
	refused_at_start 192.0.2.1:5000 --user nobody --chroot "$PWD/empty" \
	    --listen 192.0.2.1:5000
	refused_at_start 192.0.2.99:5000 --user nobody --chroot "$PWD/empty" \
	    --listen 192.0.2.99:5000
}

holds_port()
{
	in_relay ss -Huln 'sport = :5000' | grep -q .
}

root_case twice "Two instances do not share a port"
twice_body()
{
	make_network
	start_udp46_default
	refused_at_start 192.0.2.1:5000 --user nobody --chroot "$PWD/empty" \
	    --listen 192.0.2.1:5000
}

root_case unknown_user "An unknown user, and root, end the start with 1"
unknown_user_body()
{
	make_network
	mkdir -m 755 empty
	refused_at_start --user --chroot "$PWD/empty" --listen 192.0.2.1:5000 \
	    --user no-such-user
	grep -q no-such-user error || fail "the error does not name the value"
	refused_at_start --user --chroot "$PWD/empty" --listen 192.0.2.1:5000 --user root
}

root_case unknown_metrics_user "An unknown user of the metrics child ends the start with 1"
unknown_metrics_user_body()
{
	make_network
	mkdir -m 755 empty
	refused_at_start --metrics.user --chroot "$PWD/empty" --listen 192.0.2.1:5000 \
	    --user nobody --metrics.enabled --metrics.user no-such-user
}

root_case chroot "The chroot must be an empty directory of root that nobody else can write to"
chroot_body()
{
	make_network
	mkdir -m 755 full theirs
	touch full/file
	chown nobody theirs
	mkdir open group
	chmod 777 open
	chmod 775 group
	touch file
	ln -s empty link
	for directory in full theirs open group file; do
		refused_at_start --chroot --listen 192.0.2.1:5000 --user nobody \
		    --chroot "$PWD/$directory"
		grep -q -F "$PWD/$directory" error || fail "the error does not name it"
	done
	# --check judges it as well, and makes nothing.
	refused_at_start --chroot --check --listen 192.0.2.1:5000 --user nobody \
	    --chroot "$PWD/full"
	in_relay "$udp46" --check --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000' \
	    --user nobody --chroot "$PWD/made" >printed || fail "it is no directory that can be made"
	grep -q '^# chroot  *is made at start$' printed || fail "$(cat printed)"
	refused_at_start --chroot --check --listen 192.0.2.1:5000 --user nobody \
	    --chroot "$PWD/none/made"
	[ ! -e made ] || fail "--check made the directory"
	# One that is missing is made.
	start_udp46_default --chroot "$PWD/made"
	expect "made" "$(stat -c '%u %A' made)" = '0 drwxr-xr-x'
	stop_udp46
}

is_up_json_or_dead()
{
	grep -q '"msg":"started"' "$log" || has_ended "$(cat udp46.pid)"
}

start_with_log()
{
	mkdir -m 755 empty
	spawn udp46 "$relay" "$udp46" --user nobody --chroot "$PWD/empty" \
	    --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000' "$@"
}

root_case log_json "--log-format json, and auto away from a terminal: one JSON object a line"
log_json_body()
{
	make_network
	start_echo 7000
	start_with_log --unreplied-timeout 1s --log-level debug
	wait_for 30 is_up_json_or_dead || fail "udp46 does not start"
	client_ok works -n 1 192.0.2.1 5000
	kill -USR1 "$(cat udp46.pid)"
	wait_for 30 grep -q '"msg":"session closed"' "$log" || fail "no session ends"
	stop_udp46
	atf_check -o save:judged jq -c 'keys_unsorted[0:3] == ["time", "level", "msg"] and
	    (.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]+Z$")) and
	    (.level | test("^(DEBUG|INFO|WARN|ERROR)$")) and (map(type) | all(. != "null"))' "$log"
	expect "records" "$(wc -l <judged)" -eq "$(wc -l <"$log")"
	expect "records out of form" "$(grep -c -v '^true$' judged)" -eq 0
	no_control_characters "$log"
	for message in 'listener started' started 'session created' 'session closed' totals \
	    shutdown; do
		expect "$message" "$(jq -r .msg "$log" | grep -c -x "$message")" -ge 1
	done
	expect "client_port" "$(jq -r 'select(.msg == "session created").client_port | type' \
	    "$log")" = number
}

root_case log_text "--log-format text"
log_text_body()
{
	make_network
	start_echo 7000
	start_udp46_default --unreplied-timeout 1s
	client_ok works -n 1 192.0.2.1 5000
	wait_log 'session closed'
	stop_udp46
	field='("([^"\\]|\\.)*"|[^ "]+)'
	expect "lines out of form" "$(grep -c -v -E \
	    "^time=[0-9]{4}(-[0-9]{2}){2}T[0-9:]{8}\.[0-9]+Z level=[A-Z]+ msg=$field( [a-z0-9_.]+=$field)*\$" \
	    "$log")" -eq 0
	no_control_characters "$log"
}

root_case log_level "--log-level holds back what is below"
log_level_body()
{
	make_network
	start_echo 7000
	start_with_log --log-format text --log-level WaRN --max-sessions 1
	wait_for 30 in_client "$helpers/client" -b 192.0.2.10:6000 -n 1 -w 200 192.0.2.1 5000 ||
	    fail "udp46 does not start"
	stop_udp46
	expect "lines below" "$(grep -c -E 'level=(INFO|DEBUG)' "$log")" -eq 0
}
