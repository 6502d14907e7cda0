# What udp46 costs when nobody uses it.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/names.subr"

# How often a process has slept, so far.
sleeps_of()
{
	sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$1/status"
}

# Thirty seconds have three looks of the supervisor at its route, and from each child six answers
# to heartbeats, which take the supervisor two turns and the child one.
root_case wakeups "Idle, it wakes up for the look every ten seconds and for heartbeats"
wakeups_body()
{
	make_network
	private_names
	start_echo 7000
	start_udp46 --listen 192.0.2.1:5000 --upstream home.example.net:7000 \
	    --resolve-interval 1h
	start_many -n 10 192.0.2.1 5000
	many_round
	many_round
	expect "served" "$(value answered many.out)" -eq 10
	find_relay
	_supervisor=$(log_values started pid)
	# What it logs and allots because of them is behind it.
	sleep 2
	_before=$(sleeps_of "$_supervisor") _relay_before=$(sleeps_of "$relay_pid")
	sleep 30
	_slept=$(($(sleeps_of "$_supervisor") - _before))
	_relay_slept=$(($(sleeps_of "$relay_pid") - _relay_before))
	echo "in 30 s the supervisor woke up $_slept times, the relay $_relay_slept times"
	expect "of the supervisor" "$_slept" -le 30
	expect "of the relay" "$_relay_slept" -le 12
	many_round
	expect "served" "$(value answered many.out)" -eq 10
	stop_udp46
}
