# Trains of datagrams: whole where they can be, datagram by datagram where they cannot, and
# always the same datagrams, in order.

. "$(atf_get_srcdir)/common.subr"

start_train()
{
	spawn echo "$home" "$helpers/train" -l 7000
	wait_for 30 grep -q '^ready' echo.out || fail "the upstream does not start"
}

# run_trains NAME OPTION...: all come back as they were.
run_trains()
{
	_name=$1
	shift
	status=0
	in_client "$helpers/train" "$@" 192.0.2.1 5000 >"$_name.out" 2>&1 || status=$?
	echo "$_name: $(cat "$_name.out")"
	[ $status -eq 0 ] || fail "trains $_name: $(cat "$_name.out")"
}

# Trains of more than one datagram that the upstream got as one.
trains_at_home()
{
	awk '$1 == "train" && $2 > 1' echo.out | wc -l
}

fallbacks()
{
	in_relay curl -sS --noproxy '*' http://127.0.0.1:9108/metrics |
	    sed -n 's/^udp46_segment_offload_fallbacks_total //p'
}

# The link to the upstream takes no datagram of 1400 bytes in one piece.
make_narrow()
{
	atf_check ip -n "$relay" link set home mtu 1280
	atf_check ip -n "$home" link set relay mtu 1280
}

with_metrics='--metrics.enabled --metrics.listen 127.0.0.1:9108'

root_case whole "A train crosses as a train, in both directions"
whole_body()
{
	make_network
	start_train
	# shellcheck disable=SC2086 # flags
	start_udp46_default $with_metrics
	run_trains many -n 50 -d 16 -s 1400
	run_trains shorter -n 10 -d 10 -s 1200 -e 7
	run_trains small -n 10 -d 64 -s 64
	run_trains largest -n 5 -d 45 -s 1440
	run_trains single -n 10 -d 1 -s 1400
	expect "trains at home" "$(trains_at_home)" -ge 75
	expect "whole" "$(grep -c '^train 16 1400$' echo.out)" -eq 50
	expect "fallbacks" "$(fallbacks)" -eq 0
	read_totals
	expect "datagrams up" "$(total client_to_upstream_datagrams)" -eq 1775
	expect "datagrams down" "$(total upstream_to_client_datagrams)" -eq 1775
	expect "bytes" "$(total client_to_upstream_bytes)" -eq \
	    "$(total upstream_to_client_bytes)"
	stop_udp46
}

root_case joined "Neighbours of one size are joined, and arrive as they were"
joined_body()
{
	make_network
	start_echo 7000
	start_udp46_default
	find_relay
	kill -STOP "$relay_pid"
	spawn burst "$client" "$helpers/client" -n 20 -r 100000 -s 1000 -w 20000 192.0.2.1 5000
	sleep 1
	kill -CONT "$relay_pid"
	finish burst
	cat burst.out
	for _fault in lost duplicated reordered corrupt; do
		expect "$_fault" "$(value $_fault burst.out)" -eq 0
	done
	read_totals
	expect "datagrams" "$(total client_to_upstream_datagrams)" -eq 20
	stop_udp46
}

root_case narrow "Where the path is narrower, the same datagrams go one by one"
narrow_body()
{
	make_network
	start_train
	make_narrow
	# shellcheck disable=SC2086 # flags
	start_udp46_default $with_metrics
	# It is remembered: after the first of a session the next is not even tried.
	run_trains first -n 20 -d 16 -s 1400 -e 100
	expect "fallbacks" "$(fallbacks)" -eq 1
	# Another session finds out for itself, and what fits is not concerned.
	run_trains next -n 5 -d 16 -s 1400
	expect "fallbacks" "$(fallbacks)" -eq 2
	run_trains small -n 5 -d 16 -s 1000
	expect "fallbacks" "$(fallbacks)" -eq 2
	expect "trains at home" "$(grep -c '^train 16 1000$' echo.out)" -eq 5
	read_totals
	expect "drops" "$(total drops_upstream_write_error)" -eq 0
	expect "datagrams" "$(total client_to_upstream_datagrams)" -eq 480
	stop_udp46
}

root_case narrow_down "The same towards a client"
narrow_down_body()
{
	make_network
	start_train
	atf_check ip -n "$relay" link set client mtu 1280
	# shellcheck disable=SC2086 # flags
	start_udp46_default $with_metrics
	run_trains first -n 1 -d 16 -s 1400
	expect "fallbacks" "$(fallbacks)" -eq 1
	run_trains next -n 20 -d 16 -s 1000
	read_totals
	expect "drops" "$(total drops_client_write_error)" -eq 0
	stop_udp46
}

root_case off "--segment-offload=off: no train is asked for, none is sent"
off_body()
{
	make_network
	start_train
	start_udp46_default --segment-offload=off
	run_trains one_by_one -n 20 -d 16 -s 1400
	expect "trains at home" "$(trains_at_home)" -eq 0
	stop_udp46
}

root_case unknown "A kernel that knows neither UDP_GRO nor UDP_SEGMENT"
unknown_body()
{
	make_network
	start_train
	wrapper="$helpers/refuse offload"
	start_udp46_default
	expect "said so" "$(log_count 'segment offload unavailable')" -eq 1
	run_trains one_by_one -n 20 -d 16 -s 1400
	expect "trains at home" "$(trains_at_home)" -eq 0
	stop_udp46
}

root_case no_gro "A kernel that knows UDP_SEGMENT alone"
no_gro_body()
{
	make_network
	start_train
	wrapper="$helpers/refuse gro"
	start_udp46_default
	run_trains one_by_one -n 20 -d 16 -s 1400
	stop_udp46
}

root_case oversize "What is too large of a train is dropped and counted, the rest is not"
oversize_body()
{
	make_network
	start_train
	start_udp46_default --read-buffer-size 1000
	status=0
	in_client "$helpers/train" -n 1 -d 16 -s 1001 -e 500 192.0.2.1 5000 >out 2>&1 || status=$?
	cat out
	read_totals
	expect "dropped" "$(total drops_oversize)" -eq 15
	expect "relayed" "$(total client_to_upstream_datagrams)" -eq 1
	run_trains fitting -n 5 -d 16 -s 1000
	stop_udp46
}

root_case would_block "A train that would block in its midst goes on where it stopped"
would_block_body()
{
	make_network
	start_echo 7000
	make_narrow
	atf_check tc -n "$relay" qdisc add dev home root tbf rate 4mbit burst 4000 limit 1000000
	# Room to send for half a train, and to receive for what comes back while the relay is late.
	start_udp46_default --socket-buffer-size 65536 --write-timeout 60s
	run_trains waiting -n 5 -d 40 -s 1400
	stop_udp46
}

# unharmed DATAGRAMS: the relay has lived through it, and has passed on so many in each direction.
unharmed()
{
	wait_total client_to_upstream_datagrams -ge "$1"
	wait_total upstream_to_client_datagrams -ge "$1"
	expect "datagrams" "$(total client_to_upstream_datagrams)" -eq "$1"
	expect "restarts" "$(total child_restarts)" -eq 0
	stop_udp46
}

root_case huge "Datagrams too large for a train of ours leave one by one, none lost"
huge_body()
{
	make_network
	start_train
	start_udp46_default
	status=0
	# On loopback, where the path takes such a segment.
	for _sizes in '-s 65001 -e 399' '-s 65001 -e 506' '-s 65506 -e 1' '-s 32501' '-s 65000 -e 1'; do
		in_relay "$helpers/train" -n 3 -d 2 $_sizes 192.0.2.1 5000 || status=$?
	done
	expect "exit status" $status -eq 0
	expect "trains at home" "$(trains_at_home)" -eq 0
	unharmed 30
}

root_case huge_from_link "The same from a link, as a virtual machine would send it"
huge_from_link_body()
{
	make_network
	start_train
	start_udp46_default
	in_client "$helpers/forge" -l 65400 -g 65001 relay 192.0.2.10 192.0.2.1 5000 || fail "forge"
	unharmed 2
}

root_case tiny "As many and as small as a train can be: all arrive, in order"
tiny_body()
{
	make_network
	start_train
	start_udp46_default
	run_trains of_one_byte -n 100 -d 128 -s 1
	in_client "$helpers/forge" -l 128 -g 1 relay 192.0.2.10 192.0.2.1 5000 || fail "forge"
	unharmed 12928
}
