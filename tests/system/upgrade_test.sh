# Upgrade and reconfiguration in place: SIGUSR2.

. "$(atf_get_srcdir)/http.subr"
. "$(atf_get_srcdir)/restart.subr"

start_with_sessions()
{
	make_network
	start_echo 7000
	own_program
	start_configured "$@"
	two_sessions
}

root_case in_place "Sessions, totals and the metrics' listener go on in the same process"
in_place_body()
{
	start_with_sessions
	read_totals
	_up=$(total client_to_upstream_datagrams)
	expect "datagrams up" "$_up" -eq 4
	upgrade
	expect "adopted" "$(log_values 'sessions adopted' count)" -eq 2
	still_served
	read_totals
	expect "datagrams up" "$(total client_to_upstream_datagrams)" -eq 8
	expect "sessions" "$(total sessions_active)" -eq 2
	expect "sessions created" "$(total sessions_created)" -eq 2
	# Again and again: nothing is left over.
	_descriptors=$(find "/proc/$(cat udp46.pid)/fd" -type l | wc -l)
	for _time in 1 2 3 4 5; do
		upgrade
		still_served
	done
	expect "descriptors" "$(find "/proc/$(cat udp46.pid)/fd" -type l | wc -l)" \
	    -eq "$_descriptors"
	expect "children" "$(children "$(cat udp46.pid)" | wc -w)" -eq 2
	expect "name" "$(cat "/proc/$(cat udp46.pid)/comm")" = udp46
	expect "refused" "$(log_count 'inherited descriptor refused')" -eq 0
	expect "sessions closed" "$(log_count 'session closed')" -eq 0
	stop_udp46
}

root_case workers "Each worker's sessions stay its own; another number of them ends all"
workers_body()
{
	start_with_sessions --workers 2
	_client=11
	while [ $_client -lt 21 ]; do
		client_ok more$_client -b 192.0.2.$_client:6000 -n 2 192.0.2.1 5000
		_client=$((_client + 1))
	done
	upstream_ports >before
	upgrade
	expect "adopted" "$(log_values 'sessions adopted' count)" -eq 12
	_client=11
	while [ $_client -lt 21 ]; do
		client_ok again$_client -b 192.0.2.$_client:6000 -n 2 192.0.2.1 5000
		_client=$((_client + 1))
	done
	still_served
	stop_udp46
}

http_case less_room "When fewer can be served than before, it is those who are served"
less_room_body()
{
	make_network
	start_echo -m 20 7000
	own_program
	start_configured
	_port=6001
	while [ $_port -le 6006 ]; do
		run_client unanswered -b 192.0.2.10:$_port -n 1 -s 20 -w 5 192.0.2.1 5000
		_port=$((_port + 1))
	done
	while [ $_port -le 6010 ]; do
		client_ok served -b 192.0.2.10:$_port -n 2 192.0.2.1 5000
		_port=$((_port + 1))
	done
	upstream_ports >before
	echo 'max-sessions 5' >>udp46.conf
	upgrade
	wait_log 'sessions restored'
	get /metrics m
	expect "served" "$(sample m udp46_sessions 'state="assured"')" -eq 4
	expect "others" "$(sample m udp46_sessions 'state="unreplied"')" -eq 1
	expect "closed" "$(sample m udp46_sessions_closed_total)" -eq 5
	client_ok again -b 192.0.2.10:6010 -n 2 192.0.2.1 5000
	upstream_ports >after
	atf_check cmp before after
	stop_udp46
}

http_case listener_gone "Sessions of a listener that is named no longer end, and it is said"
listener_gone_body()
{
	make_network
	start_echo 7000
	own_program
	start_configured
	echo 'listen 192.0.2.1:5001' >>udp46.conf
	upgrade
	client_ok stays -b 192.0.2.10:6001 -n 2 192.0.2.1 5001
	client_ok ends -b 192.0.2.10:6002 -n 2 192.0.2.1 5000
	sed -i '/5000$/d' udp46.conf
	_started=$(log_count started)
	kill -USR2 "$(cat udp46.pid)"
	wait_for 60 more_records started "$_started" || fail "no successor"
	expect "adopted" "$(log_values 'sessions adopted' count | tail -n 1)" -eq 1
	expect "dropped" "$(log_values 'sessions adopted' dropped | tail -n 1)" -eq 1
	expect "closed" "$(log_values 'listener closed' listener)" = 192.0.2.1:5000
	client_ok stays_again -b 192.0.2.10:6001 -n 2 192.0.2.1 5001
	read_totals
	expect "sessions" "$(total sessions_active)" -eq 1
	expect "sessions created" "$(total sessions_created)" -eq 2
	get /metrics m
	expect "sessions closed" \
	    "$(sample m udp46_sessions_closed_total 'reason="restore_failed"')" -eq 1
	expect "listeners" "$(in_relay ss -Hlun sport = :5000 | wc -l)" -eq 0
	stop_udp46
}

root_case upstream_changed "Another --upstream: sessions move there, each from its port"
upstream_changed_body()
{
	start_with_sessions
	echo_name=other start_echo 7001
	sed -i 's/:7000$/:7001/' udp46.conf
	upgrade
	client_ok one_again -b 192.0.2.10:6001 -n 2 192.0.2.1 5000
	client_ok two_again -b 192.0.2.10:6002 -n 2 192.0.2.1 5000
	sed -n 's/^peer [^ ]* //p' other.out >after
	atf_check cmp before after
	stop_udp46
}

root_case refused "What cannot run, or cannot be trusted, is refused and said"
refused_body()
{
	start_with_sessions
	cp own_udp46 kept
	find_relay
	_first=$relay_pid
	rm own_udp46
	refused_upgrade 'No such file'
	echo 'not a program' >new_udp46
	replace_program
	refused_upgrade 'Exec format error'
	cp kept new_udp46
	chown nobody new_udp46
	replace_program
	refused_upgrade 'does not belong to root'
	cp kept new_udp46
	replace_program
	chmod 775 own_udp46
	refused_upgrade 'can be written to by others'
	chmod 755 own_udp46
	# Other programs, that end well or not.
	for _other in /bin/true /bin/false; do
		cp "$_other" new_udp46
		replace_program
		refused_upgrade 'without a word'
	done
	cp kept new_udp46
	replace_program
	# A port that somebody has, an address that is not there, a user that does not exist.
	spawn holder "$relay" socat -u UDP4-RECV:5002,bind=192.0.2.1 /dev/null
	wait_for 10 port_is_taken 5002 || fail "socat does not start"
	cp udp46.conf good.conf
	echo 'listen 192.0.2.1:5002' >>udp46.conf
	refused_upgrade '192.0.2.1:5002: Address already in use'
	cp good.conf udp46.conf
	echo 'listen 192.0.2.77:5002' >>udp46.conf
	refused_upgrade '192.0.2.77:5002: Cannot assign'
	rm udp46.conf
	refused_upgrade udp46.conf
	cp good.conf udp46.conf
	find_relay
	expect "relay" "$relay_pid" -eq "$_first"
	still_served
	upgrade
	still_served
	stop_udp46
}

port_is_taken()
{
	in_relay ss -Hlun "sport = :$1" | grep -q .
}

root_case signals "Two at once are one, and an end that is asked for meanwhile is the end"
signals_body()
{
	start_with_sessions
	kill -USR2 "$(cat udp46.pid)"
	upgrade
	kill -USR2 "$(cat udp46.pid)"
	stop_udp46
}
