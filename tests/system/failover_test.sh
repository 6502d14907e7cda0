# An upstream whose name has several addresses, of which the one in use dies.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/http.subr"
. "$(atf_get_srcdir)/names.subr"

# lists BYTE...: the name has these addresses, of which that is the last byte.
lists()
{
	_addresses=
	for _byte in "$@"; do
		_addresses="$_addresses 2001:db8:1::$_byte"
	done
	# shellcheck disable=SC2086 # several words
	name_is $_addresses
}

# address_lives BYTE, address_dies BYTE: datagrams to a dead one end nowhere.
address_lives()
{
	atf_check ip -n "$home" address replace "2001:db8:1::$1/64" dev relay nodad
}

address_dies()
{
	atf_check ip -n "$home" address delete "2001:db8:1::$1/64" dev relay
}

# The same service at each of these.
start_home()
{
	for _byte in "$@"; do
		address_lives "$_byte"
		echo_name=echo$_byte
		start_echo -b "2001:db8:1::$_byte" 7000
	done
	lists "$@"
}

# The daemon, and the last byte of the address that it uses.
start_named()
{
	start_udp46 --listen 192.0.2.1:5000 --upstream home.example.net:7000 --metrics.enabled \
	    "$@"
	used=$(log_values 'upstream resolved' address | sed 's/.*::\(.*\)].*/\1/')
}

# Sets $used after the nth fail-over.
wait_failed_over()
{
	wait_for 400 more_records 'upstream failed over' $(($1 - 1)) || fail "no fail-over"
	wait_for 30 more_records 'upstream moved' $(($1 - 1)) || fail "no move"
	used=$(log_values 'upstream moved' to | tail -n 1 | sed 's/.*::\(.*\)].*/\1/')
}

ports_of()
{
	sed -n 's/^peer [^ ]* //p' "$1.out" | sort
}

since()
{
	echo $((($(date +%s%N) - $1) / 1000000))
}

all_answered()
{
	[ "$(tail -n 1 many.out | sed -n 's/.* answered=\([0-9]*\) .*/\1/p')" -eq 1000 ]
}

root_case thousand "1,000 sessions at 5 datagrams a second are served again within 20 s"
thousand_body()
{
	make_network
	private_names
	start_home 2 3
	start_named
	# A round each 200 ms; one that is not answered takes no longer.
	start_many -a 192.0.2.10 -A 20 -n 1000 -r 5000 -w 5 192.0.2.1 5000
	many_round
	many_round
	wait_for 60 all_answered || fail "not served at first: $(tail -n 1 many.out)"
	echo "in use: $used"
	_first=$used
	address_dies "$_first"
	_start=$(date +%s%N)
	(while [ ! -f enough ]; do echo round; sleep 0.2; done) >&3 &
	_rounds=$(wc -l <many.out)
	wait_failed_over 1
	echo "moved after $(since "$_start") ms"
	wait_for 60 all_answered || fail "not served again: $(tail -n 1 many.out)"
	_took=$(since "$_start")
	echo "served again after $_took ms, $(($(wc -l <many.out) - _rounds)) rounds"
	: >enough
	wait $!
	# What is in the pipe still.
	sleep 2
	expect "milliseconds" "$_took" -le 20000
	ports_of "echo$_first" >before
	ports_of "echo$used" >after
	expect "sessions at first" "$(wc -l <before)" -eq 1000
	atf_check cmp before after
	client_ok newcomer -b 192.0.2.11:6000 -n 5 192.0.2.1 5000
	get /metrics metrics
	expect "changes" "$(sample metrics udp46_upstream_changes_total)" -eq 1
	# It is kept as long as it is listed and answers, though the first is there again.
	address_lives "$_first"
	kill -HUP "$(log_values started pid)"
	many_round
	sleep 3
	many_round
	expect "moves" "$(log_count 'upstream moved')" -eq 1
	stop_udp46
}

root_case last_answered "The address that answered last is tried first, and a dead home does not flap"
last_answered_body()
{
	make_network
	private_names
	start_home 2 3 4
	start_named --resolve-interval 0s --workers 2
	_first=$used
	spawn stream "$client" "$helpers/client" -b 192.0.2.10:6000 -n 10000 -r 5 192.0.2.1 5000
	spawn other "$client" "$helpers/client" -b 192.0.2.11:6001 -n 10000 -r 5 192.0.2.1 5000
	client_ok before -b 192.0.2.12:6000 -n 5 192.0.2.1 5000
	address_dies "$_first"
	wait_failed_over 1
	_second=$used
	client_ok second -b 192.0.2.12:6000 -n 5 192.0.2.1 5000
	# Now all are dead: the first one had answered, the third never did.
	for _byte in 2 3 4; do
		[ "$_byte" -eq "$_first" ] || address_dies "$_byte"
	done
	_start=$(date +%s%N)
	wait_failed_over 2
	expect "tried first" "$used" -eq "$_first"
	wait_failed_over 3
	expect "tried then" "$used" -ne "$_first" -a "$used" -ne "$_second"
	_third=$used
	echo "the third after $(since "$_start") ms"
	# All were tried: now they get twice the time.
	sleep 17
	expect "fail-overs" "$(log_count 'upstream failed over')" -eq 3
	wait_failed_over 4
	expect "tried again" "$used" -eq "$_second"
	echo "the second again after $(since "$_start") ms"
	expect "milliseconds" "$(since "$_start")" -ge 59000
	address_lives "$_second"
	wait_for 60 client_ok last -b 192.0.2.12:6000 -n 5 192.0.2.1 5000 || fail "not served"
	stop_udp46
}

root_case quiet "An address that is not waited for, or is the only one, is kept"
quiet_body()
{
	make_network
	private_names
	start_home 2 3
	start_named --resolve-interval 0s
	# A datagram each 12 s is a keepalive, and wants no answer.
	address_dies "$used"
	_start=$(date +%s%N)
	for _ in 1 2 3; do
		run_client keepalive -b 192.0.2.10:6000 -n 1 -w 12000 192.0.2.1 5000
	done
	expect "fail-overs after $(since "$_start") ms" "$(log_count 'upstream failed over')" -eq 0
	# The name lists one only.
	lists "$used"
	kill -HUP "$(log_values started pid)"
	run_client waiting -b 192.0.2.10:6000 -n 110 -r 5 192.0.2.1 5000
	expect "fail-overs" "$(log_count 'upstream failed over')" -eq 0
	# And both again: what waits need not wait on.
	lists 2 3
	kill -HUP "$(log_values started pid)"
	spawn stream "$client" "$helpers/client" -b 192.0.2.10:6000 -n 1000 -r 5 192.0.2.1 5000
	wait_failed_over 1
	client_ok after -b 192.0.2.11:6000 -n 5 192.0.2.1 5000
	stop_udp46
}

root_case crowd "A name with a thousand addresses: the one in use is kept, wherever it is listed"
crowd_body()
{
	make_network
	private_names
	start_home 2 3
	lists 3
	start_named --resolve-interval 500ms --log-level debug
	_n=100
	{
		while [ $_n -lt 1099 ]; do
			echo "2001:db8:1::$_n home.example.net"
			_n=$((_n + 1))
		done
		echo '2001:db8:1::3 home.example.net'
	} >hosts.new
	cat hosts.new >hosts
	_looked=$(log_count 'child started')
	wait_for 60 more_records 'child started' $((_looked + 3)) || fail "it does not look again"
	expect "moves" "$(log_count 'upstream moved')" -eq 0
	client_ok served -b 192.0.2.11:6000 -n 5 192.0.2.1 5000
	stop_udp46
}
