# The wall clock is set while sessions are open: to them that is nothing.

# shellcheck disable=SC2119
. "$(atf_get_srcdir)/http.subr"
. "$(atf_get_srcdir)/clock.subr"

# age JQ-TIME: in whole seconds by the real clock.
age()
{
	jq -r ".[0].$1 | sub(\"\\\\.[0-9]*Z\"; \"Z\") | (now - fromdate) | floor" sessions
}

# set_while_open BEFORE AFTER: one client, whose session sees the clock set and a crash.
set_while_open()
{
	make_network
	start_echo 7000
	with_clock "$1"
	start_metrics --session-timeout 4s --unreplied-timeout 4s
	client_ok before -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	sleep 1.2
	set_clock "$2"
	kill_relay KILL
	client_ok after -b 192.0.2.10:6000 -n 2 192.0.2.1 5000
	expect "restored" "$(log_values 'sessions restored' count)" -eq 1
	expect "ports at home" "$(upstream_ports | wc -l)" -eq 1
	get /debug/sessions sessions
	cat sessions
	for _time in created last_client_packet last_upstream_packet; do
		_age=$(($(age $_time) + $2))
		expect "$_time, seconds ago" $_age -ge 0
		expect "$_time, seconds ago" $_age -le 60
	done
	get /metrics m
	_age=$(($(date +%s) + $2 - $(sample m process_start_time_seconds | cut -d . -f 1)))
	expect "seconds since the start" $_age -ge 1
	expect "seconds since the start" $_age -le 60
	wait_log 'session closed' 60
	_duration=$(log_values 'session closed' duration | cut -d . -f 1)
	expect "duration" "$_duration" -ge 5
	expect "duration" "$_duration" -le 60
	get /metrics m
	_sum=$(sample m udp46_session_duration_seconds_sum | cut -d . -f 1)
	expect "sum of durations" "$_sum" -ge 5
	expect "sum of durations" "$_sum" -le 60
	stop_udp46
}

http_case set_back "Set back by an hour, and a crash: sessions keep ports and durations"
set_back_body()
{
	set_while_open 0 -3600
}

http_case set_forward "Set forward by an hour, likewise"
set_forward_body()
{
	set_while_open 0 3600
}

http_case from_1970 "Started in 1970 and set right later, likewise"
from_1970_body()
{
	set_while_open $((60 - $(date +%s) + $(cut -d . -f 1 /proc/uptime))) 0
}

root_case for_ever "The longest duration that there is means for ever"
for_ever_body()
{
	make_network
	start_echo 7000
	start_udp46_default --log-level debug --session-timeout 2562047h47m16.854775807s \
	    --unreplied-timeout 2562047h47m16.854775807s \
	    --write-timeout 2562047h47m16.854775807s
	client_ok one -b 192.0.2.10:6000 -n 20 192.0.2.1 5000
	client_ok two -b 192.0.2.10:6000 -n 20 192.0.2.1 5000
	expect "sessions" "$(log_count 'session created')" -eq 1
	expect "closed" "$(log_count 'session closed')" -eq 0
	stop_udp46
}
