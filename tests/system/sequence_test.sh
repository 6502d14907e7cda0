# Random sequences of crashes, restarts and reconfigurations, with random load: at the end nothing
# is left over and nothing is missing.  SEED=N repeats one.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/restart.subr"

# What ought to be: a line "ADDRESS:PORT LISTENER" in `model` for each session that is open.  As
# all are ASSURED none ends by itself.  In `sessions` the same with the port towards the upstream,
# which stays what it is.

# roll NAME SIDES: a number below SIDES in $NAME, the next of the seed's.
roll()
{
	state=$(((state * 1103515245 + 12345) % 2147483648))
	eval "$1=\$((state / 65536 % $2))"
}

# speak ADDRESS:PORT LISTENER: a client that is answered, twice.
speak()
{
	client_ok speaker -b "$1" -n 2 192.0.2.1 "$2"
	grep -qxF "$1 $2" model || echo "$1 $2" >>model
}

# Three clients that there are already, or not yet.
load()
{
	for _turn in 1 2 3; do
		roll _a 20
		roll _p 8
		roll _l "$listeners"
		speak 192.0.2.$((10 + _a)):$((6000 + _p)) $((5000 + _l))
	done
}

# That listener's sessions end.
toggle_listener()
{
	if [ "$listeners" -eq 2 ]; then
		sed -i '/5001$/d' udp46.conf
		listeners=1
		_gone=$(grep -c ' 5001$' model)
		sed -i '/ 5001$/d' model
		sed -i '/ 5001 /d' sessions
	else
		echo 'listen 192.0.2.1:5001' >>udp46.conf
		listeners=2
		_gone=0
	fi
	successor
	expect "dropped" "$(log_values 'sessions adopted' dropped | tail -n 1)" -eq "$_gone"
}

successor()
{
	_started=$(log_count started)
	kill -USR2 "$(cat udp46.pid)"
	wait_for 60 more_records started "$_started" || fail "no successor"
}

# An end and a new start, between which there is nothing but the file.
reborn()
{
	kill -TERM "$(cat udp46.pid)"
	finish udp46 30
	expect "exit status" "$status" -eq 0
	rm "$log"
	start_udp46 --config "$PWD/udp46.conf"
}

event()
{
	roll _event 9
	echo "event $_event"
	case $_event in
	0) kill_relay KILL ;;
	1) kill_relay SEGV ;;
	2)
		find_relay
		kill -STOP "$relay_pid"
		sleep 0.1
		kill -CONT "$relay_pid"
		;;
	3 | 4) successor ;;
	5)
		roll _minutes 60
		sed -i "s/^session-timeout .*/session-timeout $((60 + _minutes))m/" udp46.conf
		successor
		;;
	6) toggle_listener ;;
	7)
		cp udp46.conf good.conf
		echo 'listen nowhere' >>udp46.conf
		refused_upgrade nowhere
		cp good.conf udp46.conf
		;;
	8) reborn ;;
	esac
}

dump()
{
	in_relay curl -sS --noproxy '*' http://127.0.0.1:9108/debug/sessions |
	    jq -r '.[] | "\(.client_address):\(.client_port) \(.listener | sub(".*:"; ""))" +
		" \(.upstream_local_port)"' | sort >dumped
}

is_as_modelled()
{
	dump
	sort model >wanted
	cut -d ' ' -f 1,2 dumped | cmp -s - wanted
}

# Those that were there before, and still ought to be, have the port that they had.
check_sessions()
{
	wait_for 30 is_as_modelled || {
		cut -d ' ' -f 1,2 dumped | diff - wanted
		fail "sessions are not what they should be"
	}
	grep -F -f wanted sessions | sort >kept
	comm -23 kept dumped >moved
	[ ! -s moved ] || fail "ports changed: $(cat moved)"
	cp dumped sessions
}

count_descriptors()
{
	find "/proc/$(cat udp46.pid)/fd" -type l | wc -l
}

# The stock may be short of a quarter of its 16 sockets before it is filled up again.
nothing_is_left_over()
{
	_now=$(count_descriptors)
	[ "$_now" -le "$1" ] && [ "$_now" -gt $(($1 - 4)) ]
}

root_case sequences "500 of them"
sequences_head()
{
	atf_set descr "500 of them"
	atf_set require.user root
	atf_set timeout 1800
}
sequences_body()
{
	state=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
	echo "SEED=$state"
	sequences=${SEQUENCES:-500}
	! is_sanitized || sequences=50
	make_network
	start_echo 7000
	own_program
	start_configured
	echo "state-file $PWD/state" >>udp46.conf
	sed -i 's/^session-timeout .*/session-timeout 2h/' udp46.conf
	successor
	: >model
	: >sessions
	listeners=1
	descriptors=$(count_descriptors)
	_sequence=0
	while [ $_sequence -lt $sequences ]; do
		_sequence=$((_sequence + 1))
		echo "sequence $_sequence"
		load
		event
		roll _more 2
		[ "$_more" -eq 0 ] || event
		load
		check_sessions
	done
	[ "$listeners" -eq 1 ] || toggle_listener
	_model=$(wc -l <model)
	check_sessions
	read_totals
	expect "sessions" "$(total sessions_active)" -eq "$_model"
	expect "children" "$(children "$(cat udp46.pid)" | wc -w)" -eq 2
	# Once the stock is what it is at rest.
	wait_for 60 nothing_is_left_over $((descriptors + _model)) ||
	    fail "descriptors: $descriptors before, $(count_descriptors) now, sessions $_model"
	expect "refused" "$(log_count 'inherited descriptor refused')" -eq 0
	expect "discarded" "$(log_count 'session records discarded')" -eq 0
	expect "not restored" "$(log_count 'session not restored')" -eq 0
	stop_hostile
	expect "children left" "$(pgrep -c -P "$(cat udp46.pid)")" -eq 0
}
