# Mistakes that people make, on the command line, in the file and of the system: each is refused
# with a message that names what is wrong, and the remedy.

. "$(atf_get_srcdir)/common.subr"

listen=--listen=127.0.0.1:0
upstream='--upstream=[::1]:7000'

# mistake STATUS MESSAGE ARGUMENT...: this ends with that status, and with that message alone.
mistake()
{
	_wanted=$1 _message=$2
	shift 2
	_status=0
	timeout 60 $within "$udp46" "$@" >out 2>error || _status=$?
	cat out error
	expect "exit status" "$_status" -eq "$_wanted"
	expect "what is printed, in lines" "$(grep -c '' out)" -eq 0
	grep -q -F -x -e "udp46: $_message" error || fail "it is not: $_message"
	expect "messages" "$(grep -c '' error)" -eq 1
}

within=

plain_case flags "Flags that there are not: the nearest is named"
flags_body()
{
	mistake 2 "unknown flag or value '--upstrem': did you mean --upstream? see --help" \
	    "$listen" --upstrem '[::1]:7000'
	mistake 2 "unknown flag or value '-listn=127.0.0.1:0': did you mean --listen? see --help" \
	    -listn=127.0.0.1:0 "$upstream"
	mistake 2 "unknown flag or value '--session': did you mean --session-timeout? see --help" \
	    "$listen" "$upstream" --session 3m
	mistake 2 "unknown flag or value '--metrics-enabled': did you mean --metrics.enabled? see --help" \
	    "$listen" "$upstream" --metrics-enabled
	mistake 2 "unknown flag or value '-v': did you mean -V? see --help" -v
	mistake 2 "unknown flag or value '--nonsense': see --help" "$listen" "$upstream" --nonsense
	mistake 2 "'--check=1' has a value: want --check alone" "$listen" "$upstream" --check=1
	mistake 2 "--workers has no value: want a number from 0 to 64; 0 means one a CPU" \
	    "$listen" "$upstream" --workers
	mistake 2 "-listen has no value but '--upstream=[::1]:7000': want ADDR:PORT with a literal IPv4 address, such as 0.0.0.0:51820" \
	    -listen "$upstream"
	mistake 2 "--user has no value but '-workers': want the name of an unprivileged user" \
	    "$listen" --user -workers 2
	mistake 2 "unknown flag or value '--lis': did you mean --listen? see --help" "$upstream" --lis
	mistake 2 "stray argument 'yes': flags only, see --help" "$listen" "$upstream" \
	    --metrics.enabled yes
}

plain_case values "Values as other programs want them: what was meant is named"
values_body()
{
	form='want ADDR:PORT with a literal IPv4 address, such as 0.0.0.0:51820'
	mistake 2 "--listen: ':51820' has no host: $form; did you mean 0.0.0.0:51820?" \
	    "$upstream" --listen :51820
	mistake 2 "--listen: '51820' has no port: $form; did you mean 0.0.0.0:51820?" \
	    "$upstream" --listen 51820
	mistake 2 "--listen: '[::]:51820' is an IPv6 address, and clients have IPv4: $form; did you mean 0.0.0.0:51820?" \
	    "$upstream" --listen '[::]:51820'
	mistake 2 "--listen: '70000' has no port: $form" "$upstream" --listen 70000
	mistake 2 "--listen: 'localhost:51820' is not a literal IPv4 address: $form; did you mean 127.0.0.1:51820?" \
	    "$upstream" --listen localhost:51820
	for _address in ::1:51820 '[2001:db8::1]:5'; do
		mistake 2 "--listen: '$_address' is an IPv6 address, and clients have IPv4: $form" \
		    "$upstream" --listen "$_address"
	done
	mistake 2 "--listen: '0.0.0.0:51820,0.0.0.0:443' names several, which takes several --listen: $form" \
	    "$upstream" --listen 0.0.0.0:51820,0.0.0.0:443
	mistake 2 "--listen: '' has no port: $form" "$upstream" --listen ''
	form='want [IPv6]:PORT, [fe80::1%eth0]:PORT, or NAME:PORT with an AAAA record'
	mistake 2 "--upstream: '2001:db8::1:51820' has an IPv6 address without brackets: $form; did you mean [2001:db8::1]:51820?" \
	    "$listen" --upstream 2001:db8::1:51820
	mistake 2 "--upstream: 'fe80::1%eth0:51820' has an IPv6 address without brackets: $form; did you mean [fe80::1%eth0]:51820?" \
	    "$listen" --upstream fe80::1%eth0:51820
	mistake 2 "--upstream: '2001:db8::1' has an IPv6 address without brackets: $form; did you mean [2001:db8::1]:PORT?" \
	    "$listen" --upstream 2001:db8::1
	mistake 2 "--upstream: '192.0.2.1:51820' is an IPv4 address: $form" \
	    "$listen" --upstream 192.0.2.1:51820
	mistake 2 "--upstream: 'udp://[2001:db8::1]:5' is a URL: $form" "$listen" --upstream 'udp://[2001:db8::1]:5'
	mistake 2 "--upstream: '[2001:db8::1]' has no port: $form; did you mean [2001:db8::1]:PORT?" \
	    "$listen" --upstream '[2001:db8::1]'
	mistake 2 "--upstream: '' has no port: $form" "$listen" --upstream=
	mistake 2 "--max-sessions: '-1' is not a number: want a number up to 2147483647; 0 means as many as possible" \
	    "$listen" "$upstream" --max-sessions -1
	mistake 2 "--session-timeout: '180' has no unit: want a duration such as 500ms, 180s, 3m or 1h30m, above zero; did you mean 180s?" \
	    "$listen" "$upstream" --session-timeout 180
	form='want ADDR:PORT, [IPv6]:PORT, NAME:PORT or unix:/path'
	mistake 2 "--metrics.listen: ':9108' has no host: $form; did you mean 127.0.0.1:9108?" \
	    "$listen" "$upstream" --metrics.listen :9108
	mistake 2 "--metrics.listen: '/run/udp46.sock' has no port: $form; did you mean unix:/run/udp46.sock?" \
	    "$listen" "$upstream" --metrics.listen /run/udp46.sock
}

plain_case file "Mistakes in the file are told with its name and line"
file_body()
{
	# in_file MESSAGE LINE
	in_file()
	{
		printf '# a comment\n%s\n' "$2" >conf
		mistake 2 "conf:2: $1" --config conf "$listen" "$upstream"
	}
	in_file "unknown flag 'upsteam': did you mean upstream? see --help" 'upsteam [::1]:7000'
	in_file "unknown flag 'Listen': did you mean listen? see --help" 'Listen 0.0.0.0:51820'
	in_file "'--workers' has dashes: want workers" '--workers 2'
	in_file "'workers=2' has a '=': want a blank after workers" 'workers=2'
	in_file "has a '=': want a blank alone after listen" 'listen = 0.0.0.0:51820'
	in_file "unknown flag 'listen:': did you mean listen? see --help" 'listen: 0.0.0.0:51820'
	in_file "ends in a carriage return: want lines that end in a newline alone" \
	    "$(printf 'user nobody\r')"
	mkdir folder
	mkfifo fifo
	for _kind in folder fifo /dev/zero; do
		mistake 1 "--config $_kind: is no regular file: want one" --config $_kind
	done
	in_file "unknown flag 'worker=2': did you mean workers? see --help" 'worker=2'
	in_file "--listen: ':51820' has no host: want ADDR:PORT with a literal IPv4 address, such as 0.0.0.0:51820; did you mean 0.0.0.0:51820?" \
	    'listen :51820'
	mistake 1 '--config none: No such file or directory: want a file that can be read' \
	    --config none
}

plain_case repeated "A flag that has one value and is given twice: the last counts, and a record says so"
repeated_body()
{
	# One that is wrong is that, whatever the first was.
	mistake 2 "--upstream: 'x' has no port: want [IPv6]:PORT, [fe80::1%eth0]:PORT, or NAME:PORT with an AAAA record" \
	    "$listen" "$upstream" --upstream x
	atf_check -o match:'^upstream  *\[::1\]:7001$' \
	    -o match:'^# upstream  *given again: the last one counts$' \
	    "$udp46" --check --user nobody "$listen" "$upstream" --upstream '[::1]:7001'
	atf_check -o not-match:'given again' "$udp46" --check --user nobody "$listen" "$listen" \
	    --deny 192.0.2.0/24 --deny 198.51.100.0/24 "$upstream"
}

# both STATUS MESSAGE ARGUMENT...: at start as with --check.
both()
{
	mistake "$@"
	mistake "$@" --check
}

is_held()
{
	in_relay ss -Hln "sport = :$1" | grep -q .
}

root_case ports "A port or an address that cannot be had: who has it, or what to name instead"
ports_body()
{
	make_network
	within="ip netns exec $relay"
	mkdir -m 755 empty
	set -- --user nobody --chroot "$PWD/empty" --upstream '[2001:db8:1::2]:7000'
	spawn udp "$relay" socat -u UDP4-RECV:5000 -
	spawn udp6 "$relay" socat -u UDP6-RECV:5001,ipv6only=0 -
	spawn tcp "$relay" socat -u TCP4-LISTEN:9108,bind=127.0.0.1 -
	for port in 5000 5001 9108; do
		wait_for 30 is_held $port || fail "nobody has port $port"
	done
	both 1 "--listen 192.0.2.1:5000: Address already in use: socat, pid $(cat udp.pid), has it: stop that, or choose another" \
	    "$@" --listen 192.0.2.1:5000
	both 1 "--listen 0.0.0.0:5001: Address already in use: socat, pid $(cat udp6.pid), has it: stop that, or choose another" \
	    "$@" --listen 0.0.0.0:5001
	both 1 "--metrics.listen 127.0.0.1:9108: Address already in use: socat, pid $(cat tcp.pid), has it: stop that, or choose another" \
	    "$@" --log-level error --listen 192.0.2.1:5002 --metrics.enabled
	both 1 '--listen 192.0.2.99:5000: Cannot assign requested address: name an address of this host, or 0.0.0.0 for all' \
	    "$@" --listen 192.0.2.99:5000
	touch file
	for port in file .; do
		both 1 "--metrics.listen unix:$PWD/$port: Address already in use: it is no socket: remove it, or choose another path" \
		    "$@" --log-level error --listen 192.0.2.1:5002 --metrics.enabled --metrics.listen "unix:$PWD/$port"
	done
	mistake 1 "--metrics.listen unix:$PWD/none/there: No such file or directory: want a path in a folder that can be written to" \
	    "$@" --log-level error --listen 192.0.2.1:5002 --metrics.enabled --metrics.listen "unix:$PWD/none/there"
	# It may be made by then.
	in_relay "$udp46" --check "$@" --listen 192.0.2.1:5002 --metrics.enabled \
	    --metrics.listen "unix:$PWD/none/there" >out || fail "a folder that is not there yet is a fault"
	grep -q '^# metrics\.listen  *cannot be made now: No such file or directory$' out || fail "$(cat out)"
	# --check has a list.
	status=0
	in_relay "$udp46" --check "$@" --listen 192.0.2.1:5000 --listen 192.0.2.99:5003 \
	    --listen 192.0.2.1:5001 >out 2>error || status=$?
	expect "exit status" $status -eq 1
	expect "faults" "$(grep -c '^udp46: --listen ' error)" -eq 3
	# Of what is tried, nothing stays.
	in_relay "$udp46" --check "$@" --listen 192.0.2.1:5004 >out || fail "a good one fails"
	! is_held 5004 || fail "--check keeps its port"
}

root_case beside "--check beside the udp46 that runs as it says is good, and says what it found"
beside_body()
{
	make_network
	for workers in 1 2; do
		start_udp46 --listen 192.0.2.1:5000 --listen 192.0.2.1:5001 --workers $workers \
		    --upstream '[2001:db8:1::2]:7000' --metrics.enabled
		in_relay "$udp46" --check --user nobody --listen 192.0.2.1:5000 --metrics.enabled \
		    --listen 192.0.2.1:5002 --upstream '[2001:db8:1::2]:7000' >out 2>error ||
		    fail "it is no fault: $(cat error)"
		cat out
		pid=$(cat udp46.pid)
		grep -q "^# listen  *192\.0\.2\.1:5000: in use by udp46, pid $pid\$" out ||
		    fail "no word about the listener"
		grep -q "^# metrics\.listen  *127\.0\.0\.1:9108: in use by udp46, pid $pid\$" out ||
		    fail "no word about the metrics"
		expect "ports in use" "$(grep -c ': in use by' out)" -eq 2
		grep -q '^# route  *from 2001:db8:1::1, path MTU 1500$' out || fail "no route"
		[ "$(tail -n 1 out)" = '# configuration is good' ] || fail "no good end"
		stop_udp46
	done
}

root_case users "A user, or a directory, that is not there: the command, or what is wanted"
users_body()
{
	make_network
	within="ip netns exec $relay"
	mkdir -m 755 empty full
	touch full/file
	set -- --listen 192.0.2.1:5000 --upstream '[2001:db8:1::2]:7000'
	both 1 "--user nosuch: no such user: create it with 'useradd --system --user-group --no-create-home --shell /usr/sbin/nologin nosuch', or name another" \
	    "$@" --user nosuch --chroot "$PWD/empty"
	# Nothing that a shell would take for more than a name.
	both 1 '--user no;such: no such user: name another' "$@" --user 'no;such' \
	    --chroot "$PWD/empty"
	both 1 '--user root: is root: name an unprivileged user' "$@" --user root \
	    --chroot "$PWD/empty"
	both 1 "--chroot $PWD/full: is not empty: want an empty directory that only root can write to" \
	    "$@" --user nobody --chroot "$PWD/full"
	both 1 "--chroot $PWD/none/there: mkdir: No such file or directory: want a folder in which it can be made" \
	    "$@" --user nobody --chroot "$PWD/none/there"
}

root_case oddities "What works, but not as it was meant, is a warning with the remedy"
oddities_body()
{
	make_network
	# Without the capability that goes beyond the limit.
	wrapper='setpriv --bounding-set=-net_admin --inh-caps=-net_admin'
	start_udp46 --listen 192.0.2.1:5000 --socket-buffer-size 1000000000 \
	    --upstream '[2001:db8:1::9]:7000' --upstream '[2001:db8:1::2]:7000'
	grep 'msg="socket buffers limited"' "$log" |
	    grep -q -F 'sysctl -w net.core.rmem_max=1000000000 net.core.wmem_max=1000000000' ||
	    fail "no command for the buffers: $(cat "$log")"
	grep -q 'level=WARN msg="flag given again" flag=upstream used="the last one"' "$log" ||
	    fail "no word about the second upstream"
	! grep -q 'no IPv6' "$log" || fail "there is IPv6"
	stop_udp46
	wrapper=
	in_relay sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
	remedy='sysctl -w net.ipv6.conf.all.disable_ipv6=0, and give an interface an IPv6 address'
	start_udp46_default
	grep 'level=WARN msg="no IPv6 on this host"' "$log" | grep -q -F -e "$remedy" ||
	    fail "no word about IPv6: $(cat "$log")"
	stop_udp46
	in_relay "$udp46" --check --user nobody --listen 192.0.2.1:5000 \
	    --upstream '[2001:db8:1::2]:7000' >out
	in_relay "$udp46" --check --user nobody --listen 192.0.2.1:5000 \
	    --upstream '[2001:db8:1::2]:7000' --state-file /nosuch/state >noted
	grep -q '^# state-file  *cannot be written: No such file or directory: want a folder ' noted ||
	    fail "no word about the state file: $(cat noted)"
	grep '^# route  *no IPv6 on this host: ' out | grep -q -F -e "$remedy" ||
	    fail "no word of --check: $(cat out)"
}
