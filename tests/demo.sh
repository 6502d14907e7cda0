#!/bin/sh
# A WireGuard tunnel through udp46, with no configuration; `sudo make demo` runs it.
#
#    phone (IPv4 only)  ----  relay (both)  ----  home (IPv6 only)
#    wireguard-go             udp46               wireguard-go
#
# usage: tests/demo.sh PATH-OF-UDP46
#
# Three network namespaces, named after this process, so that two demos do not meet.  Whatever
# happens, it ends within BOUND seconds and takes away all that it made.  Where namespaces are
# forbidden, a datagram and its echo over the loopback interface must do.
set -eu

BOUND=150
PORT=51820
MEGABYTES=20

if [ -z "${DEMO_IS_BOUNDED-}" ]; then
	DEMO_IS_BOUNDED=yes exec timeout --foreground --kill-after=10 $BOUND sh "$0" "$@"
fi

udp46=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
phone=udp46-phone-$$ relay=udp46-relay-$$ home=udp46-home-$$
tmp=$(mktemp -d "${TMPDIR:-/tmp}/udp46-demo.XXXXXX")
started=

cleanup()
{
	status=$?
	trap '' INT TERM HUP
	# The last one started ends first.
	for pid in $started; do
		kill "$pid" 2>/dev/null || continue
		wait "$pid" 2>/dev/null || true
	done
	for netns in $phone $relay $home; do
		[ ! -e "/run/netns/$netns" ] || ip netns delete "$netns"
	done
	rm -rf "$tmp"
	exit $status
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

heading()
{
	printf '\n== %s\n' "$*"
}

fail()
{
	echo "demo: $*" >&2
	# Without the banner of wireguard-go.
	tail -n 20 "$tmp"/*.log 2>/dev/null | grep -v '^[┌│└]' >&2 || true
	exit 1
}

# in NAMESPACE COMMAND ...
in_()
{
	in_netns=$1
	shift
	ip netns exec "$in_netns" "$@"
}

# start LOG COMMAND ...: in the background; $started has its pid first.
start()
{
	start_log=$tmp/$1.log
	shift
	"$@" >"$start_log" 2>&1 &
	started="$! $started"
}

# wait_for WHAT COMMAND ...: at most 10 s.
wait_for()
{
	wait_what=$1
	shift
	wait_left=100
	until "$@" >/dev/null 2>&1; do
		[ $((wait_left -= 1)) -gt 0 ] || fail "$wait_what: still not there after 10 s"
		sleep 0.1
	done
}

has_started_or_ended()
{
	grep -q 'msg=started' "$tmp/udp46.log" || [ ! -d "/proc/$supervisor" ] ||
	    grep -q '^State:.Z' "/proc/$supervisor/status"
}

# start_udp46 COMMAND ...: until the relay is ready; the pid is in $supervisor.
start_udp46()
{
	start udp46 "$@"
	supervisor=${started%% *}
	wait_for 'udp46' has_started_or_ended
	grep -q 'msg=started' "$tmp/udp46.log" || fail 'udp46 does not start'
}

# capabilities MASK: the names of those set, of the first 19
capabilities()
{
	cap_bit=1 cap_names=
	for cap_name in chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap \
	    linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner \
	    sys_module sys_rawio sys_chroot; do
		[ $((0x$1 & cap_bit)) -eq 0 ] || cap_names="$cap_names $cap_name"
		cap_bit=$((cap_bit * 2))
	done
	[ $((0x$1 / cap_bit)) -eq 0 ] || cap_names="$cap_names and more"
	echo "${cap_names:- none}"
}

# field PID NAME: of /proc/PID/status
field()
{
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

# The daemon and its children: who they are, and what is left to them.
show_processes()
{
	format='%-8s %-8s %-26s %-8s %-13s%s\n'
	# shellcheck disable=SC2059 # it is a format
	printf "$format" PID USER PROCESS SECCOMP NO_NEW_PRIVS ' CAPABILITIES'
	for pid in $supervisor $(ps -o pid= --ppid "$supervisor"); do
		case $(field "$pid" Seccomp) in 2) seccomp=filter ;; *) seccomp=none ;; esac
		case $(field "$pid" NoNewPrivs) in 1) no_new_privs=yes ;; *) no_new_privs=no ;; esac
		# shellcheck disable=SC2059
		printf "$format" "$pid" "$(ps -o user= -p "$pid")" \
		    "$(ps -o args= -p "$pid" | cut -c 1-26)" "$seccomp" "$no_new_privs" \
		    "$(capabilities "$(field "$pid" CapEff)")"
	done
}

# The log with the time of day alone, in lines that fit.
show_log()
{
	sed 's/^time=[^T]*T\([^ ]*\)Z level=/\1 /' "$tmp/udp46.log" | fold -s -w 100 |
	    sed '/^[0-9][0-9]:/!s/^/    /'
}

# loopback REASON: what can be shown without namespaces.
loopback()
{
	echo "demo: $1; an echo over the loopback interface instead."
	# Ports that hardly anybody uses; the relay's is free for certain.
	echo_port=$((20000 + $$ % 10000))
	start echo socat -T 30 "UDP6-LISTEN:$echo_port,bind=[::1],fork" PIPE
	# shellcheck disable=SC2086 # several words
	start_udp46 "$udp46" --listen 127.0.0.1:0 --upstream "[::1]:$echo_port" \
	    --log-format text $options

	listener=$(sed -n 's/.*msg="listener started" listener=//p' "$tmp/udp46.log")
	heading "A datagram over IPv4 to $listener, relayed to [::1]:$echo_port, and its echo"
	echo 'hello from IPv4' | timeout 10 socat -t 2 - "UDP4:$listener" >"$tmp/echo" || true
	cat "$tmp/echo"
	[ "$(cat "$tmp/echo")" = 'hello from IPv4' ] || fail 'no echo'
	heading 'The processes of udp46'
	show_processes
	heading 'The log of udp46'
	show_log
	exit 0
}

# ---- is there what it takes? ----

# The children may be shut into it: root's, empty, writable by nobody else.
chmod 0711 "$tmp"
umask 022
mkdir "$tmp/empty"
options=
if [ "$(id -u)" -eq 0 ]; then
	options="--user nobody --chroot $tmp/empty"
else
	loopback 'not started as root'
fi
ip netns add $phone 2>"$tmp/netns.log" || loopback 'network namespaces are forbidden here'
[ -c /dev/net/tun ] || loopback 'there is no /dev/net/tun here'

# ---- three hosts and the links between them ----

ip netns add $relay
ip netns add $home
for netns in $phone $relay $home; do
	ip -netns "$netns" link set lo up
done
in_ $phone sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip -netns $phone link add eth0 type veth peer name eth4 netns $relay
ip -netns $home link add eth0 type veth peer name eth6 netns $relay
ip -netns $phone address add 192.0.2.2/24 dev eth0
ip -netns $relay address add 192.0.2.1/24 dev eth4
ip -netns $relay address add 2001:db8::1/64 dev eth6 nodad
ip -netns $home address add 2001:db8::2/64 dev eth0 nodad
ip -netns $phone link set eth0 up
ip -netns $relay link set eth4 up
ip -netns $relay link set eth6 up
ip -netns $home link set eth0 up
wait_for 'the link to the home' in_ $relay ping -c 1 -W 1 2001:db8::2

# ---- WireGuard at both ends; wireguard-go knows an interface by its name alone ----

wg_phone=wgp$$ wg_laptop=wgl$$ wg_home=wgh$$
for key in phone laptop home; do
	(umask 077; wg genkey >"$tmp/$key.key")
	wg pubkey <"$tmp/$key.key" >"$tmp/$key.pub"
done

# wireguard NAMESPACE INTERFACE ADDRESS KEY
wireguard()
{
	start "wireguard-$4" ip netns exec "$1" wireguard-go --foreground "$2"
	wait_for "wireguard-go of the $4" in_ "$1" wg show "$2"
	in_ "$1" wg set "$2" private-key "$tmp/$4.key"
	ip -netns "$1" address add "$3" dev "$2"
	ip -netns "$1" link set "$2" mtu 1420 up
}

wireguard $home $wg_home 203.0.113.1/24 home
wireguard $phone $wg_phone 203.0.113.2/24 phone
wireguard $phone $wg_laptop 203.0.113.3/32 laptop
in_ $home wg set $wg_home listen-port $PORT \
    peer "$(cat "$tmp/phone.pub")" allowed-ips 203.0.113.2/32 \
    peer "$(cat "$tmp/laptop.pub")" allowed-ips 203.0.113.3/32
for client in $wg_phone $wg_laptop; do
	in_ $phone wg set "$client" peer "$(cat "$tmp/home.pub")" \
	    endpoint "192.0.2.1:$PORT" allowed-ips 203.0.113.1/32
done

# ---- udp46 between them ----

cat <<END
== phone and laptop (IPv4 only)    relay                          home (IPv6 only)
   192.0.2.2                  --   192.0.2.1  2001:db8::1    --   2001:db8::2
   203.0.113.2, 203.0.113.3   ====== WireGuard, port $PORT ======   203.0.113.1

   relay# udp46 --listen 192.0.2.1:$PORT --upstream [2001:db8::2]:$PORT --user nobody
END
# shellcheck disable=SC2086 # several words
start_udp46 ip netns exec $relay "$udp46" --listen "192.0.2.1:$PORT" \
    --upstream "[2001:db8::2]:$PORT" --log-format text $options

heading 'Pings through the tunnel: from the phone, then from the laptop behind the same address'
in_ $phone ping -c 3 -i 0.2 -w 10 203.0.113.1 || fail 'the phone gets no answer'
in_ $phone ping -q -c 3 -i 0.2 -w 10 -I $wg_laptop 203.0.113.1 ||
    fail 'the laptop gets no answer'

# endpoints: the public keys of both clients and where the home sees them
endpoints()
{
	in_ $home wg show $wg_home endpoints | sort
}

heading "The home sees the relay's address, and a port for each client"
in_ $home wg show $wg_home | sed -n '/^peer/,$p'
endpoints >"$tmp/endpoints.before"
[ "$(cut -f 2 "$tmp/endpoints.before" | sort -u | grep -c '^\[2001:db8::1\]:')" -eq 2 ] ||
    fail 'not two ports of the relay'

head -c $((MEGABYTES * 1048576)) /dev/urandom >"$tmp/sent"

# transfer WHAT-MEANWHILE ...: from phone to home, by TCP
transfer()
{
	rm -f "$tmp/received"
	start receiver timeout 60 ip netns exec $home \
	    socat -u TCP4-LISTEN:5001,bind=203.0.113.1,reuseaddr "OPEN:$tmp/received,creat"
	receiver=${started%% *}
	since=$(date +%s%N)
	timeout 60 ip netns exec $phone \
	    socat -u "OPEN:$tmp/sent" TCP4:203.0.113.1:5001,retry=20,interval=0.1 &
	sender=$!
	started="$sender $started"
	"$@"
	wait $sender || fail 'the transfer broke off'
	wait "$receiver" || fail 'the transfer broke off at the home'
	took=$((($(date +%s%N) - since) / 1000000))
	cmp "$tmp/sent" "$tmp/received" || fail 'what came is not what was sent'
	echo "$MEGABYTES MiB arrived intact in $((took / 1000)).$(printf %03d $((took % 1000))) s"
}

heading "$MEGABYTES MiB by TCP through the tunnel"
transfer true

relay_pid()
{
	ps -o pid=,args= --ppid "$supervisor" | sed -n 's/^ *\([0-9]*\) udp46: relay.*/\1/p' | grep .
}

kill_relay()
{
	sleep 0.1
	kill -KILL "$(relay_pid)" || fail 'no relay process to kill'
}

heading "The same again; the relay process gets a SIGKILL meanwhile"
transfer kill_relay
endpoints >"$tmp/endpoints.after"
cmp -s "$tmp/endpoints.before" "$tmp/endpoints.after" ||
    fail "the ports at the home changed: $(cat "$tmp/endpoints.after")"
echo 'The home sees both clients at the same ports as before.'

heading 'The processes of udp46'
show_processes

heading 'The log of udp46, from start to SIGTERM'
kill -TERM "$supervisor"
wait "$supervisor" || fail "udp46 ended with status $?"
show_log
