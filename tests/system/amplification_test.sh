# An upstream that sends more than it was sent: --amplification-limit.

. "$(atf_get_srcdir)/common.subr"

# asked NAME ANSWERS OPTION...: one datagram, and so many datagrams in return.
asked()
{
	_answers=$2
	_client=$1
	shift 2
	run_client "$_client" -n 1 -w 500 "$@" 192.0.2.1 5000
	echo "$_client: $(cat "$_client.out")"
	# The client ends with the first that is right; the others are still to come.
	expect "answers to $_client" \
	    $(($(value received "$_client.out") + $(value corrupt "$_client.out"))) -ge \
	    $((_answers > 0))
	_down=$((_down + _answers))
	wait_total upstream_to_client_datagrams -eq $_down
}
_down=0

root_case none "Without the option there is no limit"
none_body()
{
	make_network
	start_echo -r 20 7000
	start_udp46_default
	asked client 20 -s 100
	expect "dropped" "$(total drops_amplification)" -eq 0
	stop_udp46
}

root_case limit "Who is not ASSURED gets so many times what came from him, then all"
limit_body()
{
	make_network
	start_echo -r 5 7000
	start_udp46_default --amplification-limit 3
	asked first 3 -b 192.0.2.10:6000 -s 100
	wait_total drops_amplification -eq 2
	expect "bytes down" "$(total upstream_to_client_bytes)" -eq 300
	# Another one's share is another one's.
	asked other 3 -b 192.0.2.10:6001 -s 40
	wait_total drops_amplification -eq 4
	# He sends again after a reply.
	asked second 5 -b 192.0.2.10:6000 -s 10
	expect "dropped" "$(total drops_amplification)" -eq 4
	asked third 5 -b 192.0.2.10:6000 -s 1000
	expect "dropped" "$(total drops_amplification)" -eq 4
	expect "datagrams up" "$(total client_to_upstream_datagrams)" -eq 4
	# Empty ones are not without limit.
	asked empty 3 -b 192.0.2.10:6002 -s 0
	wait_total drops_amplification -eq 6
	stop_udp46
}

root_case large "An answer is never cut; and who got none has not been answered"
large_body()
{
	make_network
	start_echo -x 4 7000
	start_udp46_default --amplification-limit 3 --unreplied-timeout 4s --session-timeout 10m
	asked first 0 -b 192.0.2.10:6000 -s 100
	wait_total drops_amplification -eq 1
	wait_log 'session closed' 60
	expect "state of who got nothing" "$(log_values 'session closed' state)" = unreplied
	# Two of them are worth an answer, and the third comes from somebody who was answered.
	asked first_of_two 0 -b 192.0.2.10:6000 -s 100
	wait_total drops_amplification -eq 2
	asked second_of_two 1 -b 192.0.2.10:6000 -s 100
	asked third 1 -b 192.0.2.10:6000 -s 10
	expect "dropped" "$(total drops_amplification)" -eq 2
	expect "bytes down" "$(total upstream_to_client_bytes)" -eq 440
	stop_udp46
}

root_case train "A train is cut between two datagrams"
train_body()
{
	make_network
	spawn echo "$home" "$helpers/train" -r 10 -l 7000
	wait_for 30 grep -q '^ready' echo.out || fail "the upstream does not start"
	start_udp46_default --amplification-limit 3
	asked first 3 -b 192.0.2.10:6000 -s 1000
	wait_total drops_amplification -eq 7
	expect "bytes down" "$(total upstream_to_client_bytes)" -eq 3000
	asked second 10 -b 192.0.2.10:6000 -s 1000
	expect "dropped" "$(total drops_amplification)" -eq 7
	stop_udp46
	start_udp46_default --amplification-limit 1
	_down=0
	asked one 1 -b 192.0.2.10:6000 -s 1000
	wait_total drops_amplification -eq 9
	stop_udp46
}

# upstream_says NUMBER: so many datagrams of 100 bytes from home, of its own accord.
upstream_says()
{
	for _n in $(seq "$1"); do
		in_home sh -c "printf %0100d 0 |
		    socat -u - 'UDP6:[2001:db8:1::1]:$_port,bind=[2001:db8:1::2]:7000'"
	done
}

root_case crash "A crash makes nobody's limit wider"
crash_body()
{
	make_network
	start_echo -n 1 7000
	start_udp46_default --amplification-limit 3
	asked assured 1 -b 192.0.2.10:6001 -s 100
	run_client assured -b 192.0.2.10:6001 -n 1 -s 100 -w 50 192.0.2.1 5000
	_port=$(upstream_ports | tail -n 1)
	assured_port=$_port
	asked replied 1 -b 192.0.2.10:6000 -s 100
	_port=$(upstream_ports | tail -n 1)
	kill "$(cat echo.pid)"
	finish echo
	kill_relay KILL
	wait_log 'sessions restored'
	# What was sent either way before counts on: there is room for two more.
	upstream_says 3
	wait_total drops_amplification -eq 1
	expect "datagrams down" "$(total upstream_to_client_datagrams)" -eq 4
	kill_relay KILL
	wait_for 30 more_records 'sessions restored' 1 || fail "sessions are not restored"
	upstream_says 4
	wait_total drops_amplification -eq 5
	expect "datagrams down" "$(total upstream_to_client_datagrams)" -eq 4
	# Who was ASSURED still is.
	_port=$assured_port
	upstream_says 10
	wait_total upstream_to_client_datagrams -eq 14
	expect "dropped" "$(total drops_amplification)" -eq 5
	stop_udp46
}
