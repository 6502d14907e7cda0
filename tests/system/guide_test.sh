# udp46-wireguard(7) is true: what it has somebody do makes a tunnel, and what it shows is seen.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/nspawn.subr"
. "$(atf_get_srcdir)/guide.subr"

programs='wg wg-quick wireguard-go ping nft tcpdump'

# ---- from nothing to a tunnel ----

# The relay is a Debian of which nothing is installed but what every one has.
make_bare_host()
{
	_bare=$UDP46_SRCDIR/build/tools/debian.tar
	[ -s "$_bare" ] || atf_skip 'no bare Debian: make programs'
	(unset MAKEFLAGS MAKELEVEL MFLAGS
	make -C "$UDP46_SRCDIR" BUILD="$PWD/built" deb) >make.out 2>&1 || fail "make deb: $(tail -n 20 make.out)"
	mkdir "$tree"
	tar -C "$tree" -xf "$_bare" || fail "no tree"
	echo 0123456789abcdef0123456789abcdef >"$tree/etc/machine-id"
	cp built/deb/udp46_*.deb "$tree/root"
	host_mounts=
	make_groups
	boot_host
}

# relay_step N WHAT: the number of commands is in $commands; to write a file takes one, too.
relay_step()
{
	case $2 in
	commands)
		while IFS= read -r _command <&5; do
			commands=$((commands + 1))
			echo "relay: $_command"
			yes | in_host env -C /root PATH=/usr/sbin:/usr/bin sh -c "$_command" >>relay.out 2>&1 ||
			    fail "$_command: $(tail -n 20 relay.out)"
		done 5<"step.$1"
		;;
	*)
		commands=$((commands + 1))
		echo "relay: $2"
		expect "lines" "$(grep -c . "step.$1")" -eq 3
		cp "step.$1" "$tree$2"
		;;
	esac
}

take_steps()
{
	while read -r _n _host _what <&4; do
		case $_host in
		relay) relay_step "$_n" "$_what" ;;
		*) take_step "$_n" "$_host" "$_what" ;;
		esac
	done 4<steps
}

host_case setup "A bare Debian, what the page says, and nothing else: a tunnel"
setup_head()
{
	atf_set descr "A bare Debian, what the page says, and nothing else: a tunnel"
	atf_set require.user root
	atf_set require.progs "$programs make dh dpkg-buildpackage lintian systemd-nspawn systemctl"
	atf_set timeout 600
}
setup_cleanup()
{
	clean_up_guide
	clean_host
}
setup_body()
{
	make_guide
	machine phone "$phone"
	machine home "$home"
	make_wg_quick_unit home
	make_wg_quick_unit phone
	make_bare_host
	steps
	cat steps
	commands=0
	take_steps
	expect "commands on the relay" $commands -ge 2
	expect "commands on the relay" $commands -le 4
	wait_for 60 on phone ping -c 1 -W 2 198.51.100.1 || fail "no ping through the tunnel"
	expect "state" "$(in_host systemctl is-enabled udp46)/$(in_host systemctl is-active udp46)" = enabled/active
	in_host udp46ctl check --interval 100ms || fail "udp46ctl check"
}

plain_case readme "The README fits a screen, and has the commands of the page"
readme_body()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	steps
	sed -n '/^## Five minutes/,/^## Fast/p' "$UDP46_SRCDIR/README.md" >minutes
	sed -n 's/^    sudo //p' minutes | sed 's/ *#.*//' >commands
	sed -n '/^    sudo/d; s/^    //p' minutes >configuration
	while read -r _n _host _what; do
		case $_host:$_what in
		relay:commands) cat "step.$_n" >&3 ;;
		relay:*) cat "step.$_n" >&4 ;;
		esac
	done <steps 3>commands.page 4>configuration.page
	atf_check -o file:commands.page cat commands
	atf_check -o file:configuration.page cat configuration
	expect "lines" "$(wc -l <"$UDP46_SRCDIR/README.md")" -le 75
	awk 'length > 110 { print FILENAME ": " FNR ": is longer than 110 columns" }' "$UDP46_SRCDIR/README.md" >wide
	atf_check cat wide
}

# ---- what is seen when something is wrong ----

# scene_case NAME DESCRIPTION
scene_case()
{
	root_case "$1" "$2"
	eval "$1_head() {
		atf_set descr \"$2\"
		atf_set require.user root
		atf_set require.progs '$programs'
	}
	$1_cleanup() { clean_up_guide; }"
}

# start_lab FLAG...: relay and home are up, and the phone knows its keys.
start_lab()
{
	make_guide
	machine phone "$phone"
	machine relay "$relay"
	machine home "$home"
	make_wg_quick_unit home
	make_wg_quick_unit phone
	ln -s "$(cd "$helpers/../.." && pwd)/udp46ctl" relay/bin/udp46ctl
	wrapper="nsenter --target $(cat relay.pid) --mount"
	start_udp46 --listen 203.0.113.1:51820 --upstream "${upstream:-[2001:db8:100::10]}:51820" \
	    --metrics.enabled "$@"
	steps
	while read -r _n _host _what <&4; do
		[ "$_host" != relay ] || break
		take_step "$_n" "$_host" "$_what"
	done 4<steps
}

# The phone comes up, and goes on sending.
start_phone()
{
	sed '1,/ relay /d' steps | grep ' phone ' >steps.phone
	while read -r _n _host _what <&4; do
		take_step "$_n" "$_host" "$_what"
	done 4<steps.phone
	spawn pings "$phone" ping -i 0.5 198.51.100.1
}

sessions()
{
	on relay udp46ctl sessions --json | grep -q "$1"
}

has_tunnel()
{
	on phone ping -c 1 -W 1 198.51.100.1
}

# What goes wrong is made to before the phone comes up; then the page is played when there is a
# session in that state.
fails_as()
{
	start_phone
	wait_for 60 sessions "$2" || fail "no session is $2"
	play "$1"
	stop_hostile
}

# Single commands of the page, which say nothing that is shown.
try_works()
{
	awk '
		/^\.\\" Checked as: works / { host = $5; next }
		/^\.Dl / && host != "" { print host, substr($0, 5) }
		{ host = "" }' "$page" >works
	[ -s works ] || fail "nothing to try"
	while read -r _host _command <&4; do
		on "$_host" sh -c "$_command" || fail "$_host: $_command"
	done 4<works
}

scene_case well "All is well"
well_body()
{
	start_lab
	# Before the phone sends all that it sends through the tunnel.
	try_works
	start_phone
	wait_for 60 sessions assured || fail "no tunnel"
	play well
	stop_udp46
}

scene_case phone_away "What the phone sends does not reach the relay"
phone_away_body()
{
	start_lab
	atf_check ip -n "$internet" route add blackhole 203.0.113.1/32
	start_phone
	play phone_away
	stop_udp46
}

scene_case relay_away "What the relay sends does not reach home"
relay_away_body()
{
	start_lab
	atf_check ip -n "$internet" route add blackhole 2001:db8:100::10/128
	start_phone
	# Until it is said, and known to udp46ctl.
	wait_log 'upstream silent' 120
	play relay_away
	stop_udp46
}

scene_case no_route "The relay has no route home"
no_route_body()
{
	start_lab
	atf_check ip -n "$relay" -6 route delete default
	wait_log 'upstream unreachable'
	start_phone
	play no_route
	stop_hostile
}

scene_case refused "Nobody listens at home"
refused_body()
{
	start_lab
	on home wg-quick down wg0 || fail "wg-quick down"
	fails_as refused unreplied
}

scene_case firewall "The firewall at home lets nothing in"
firewall_body()
{
	start_lab
	in_home nft -f - <<-END || fail "nft"
	flush ruleset
	table inet wireguard {
		chain input {
			type filter hook input priority filter; policy accept
			udp dport 51820 ip6 saddr != 2001:db8::6 counter drop
		}
	}
	END
	fails_as firewall unreplied
}

scene_case wrong_key "The phone has another key of home than home has"
wrong_key_body()
{
	start_lab
	cp home/public.key home/true.key
	wg genkey | wg pubkey >home/public.key
	fails_as wrong_key unreplied
	expect "keys" "$(on phone wg show wg0 peers)" != "$(on home wg show wg0 public-key)"
}

# answers_from STATEMENT: of nft, on what home sends from its port.
answers_from()
{
	in_home nft -f - <<-END || fail "nft"
	table inet other
	delete table inet other
	table inet other {
		chain output {
			type filter hook output priority filter; policy accept
			udp sport 51820 $1
		}
	}
	END
}

scene_case other_address "Home answers from another address, and from another port"
other_address_body()
{
	start_lab
	answers_from 'ip6 saddr set 2001:db8:100::11'
	start_phone
	wait_for 60 sessions unreplied || fail "no session"
	play other_address
	answers_from 'udp sport set 51821'
	play other_port
	stop_hostile
}

knows_mtu()
{
	on relay udp46ctl status | grep -q 'path MTU 1400,'
}

scene_case mtu "Small packets pass, large ones do not"
mtu_body()
{
	start_lab
	atf_check ip -n "$internet" link set home mtu 1400
	atf_check ip -n "$home" link set eth0 mtu 1400
	nsenter --net="/run/netns/$internet" -- nft -f - <<-END || fail "nft"
	table ip6 filter {
		chain output {
			type filter hook output priority filter; policy accept
			icmpv6 type packet-too-big drop
		}
	}
	END
	start_phone
	wait_for 60 has_tunnel || fail "no tunnel"
	play mtu
	# What a router says is heard again.
	nsenter --net="/run/netns/$internet" -- nft flush ruleset
	play mtu_heard
	wait_for 30 knows_mtu || fail "the relay does not know the MTU"
	stop_udp46
}

has_no_session()
{
	! sessions client_port
}

# One with a tunnel, of which nothing leaves any more.
silent_phone()
{
	start_phone
	wait_for 60 sessions assured || fail "no tunnel"
	atf_check ip -n "$phone" route add blackhole 203.0.113.1/32
}

scene_case idle "A phone that is silent for too long cannot be reached"
idle_body()
{
	start_lab --session-timeout 3s
	silent_phone
	wait_for 60 has_no_session || fail "the session does not end"
	spawn calls "$home" ping -i 0.5 198.51.100.2
	play idle
	atf_check ip -n "$phone" route delete blackhole 203.0.113.1/32
	wait_for 60 sessions assured || fail "no tunnel again"
	play idle_again
	stop_udp46
}

# Whether the NAT has forgotten the phone.
is_forgotten()
{
	nsenter --net="/run/netns/$internet" -- cat /proc/net/nf_conntrack >flows && ! grep -q 'src=192.0.2.2 ' flows
}

scene_case nat "A NAT forgets a phone that is silent"
nat_body()
{
	start_lab
	nsenter --net="/run/netns/$internet" -- nft -f - <<-END || fail "nft"
	table ip nat {
		chain postrouting {
			type nat hook postrouting priority srcnat
			ip saddr 192.0.2.2 masquerade
		}
	}
	END
	# After the rules, with which the kernel begins to follow flows here.
	atf_check -o ignore nsenter --net="/run/netns/$internet" -- sysctl -w \
	    net.netfilter.nf_conntrack_udp_timeout=1 net.netfilter.nf_conntrack_udp_timeout_stream=1
	silent_phone
	wait_for 60 is_forgotten || fail "the NAT does not forget"
	spawn calls "$home" ping -i 0.5 198.51.100.2
	play nat
	stop_udp46
}

scene_case moved "The address at home changes, and the name follows"
moved_body()
{
	upstream=home.example.net
	start_lab --resolve-interval 1s
	start_phone
	wait_for 60 sessions assured || fail "no tunnel"
	on home wg show wg0 endpoints | cut -f 2 | sort >before
	atf_check ip -n "$home" address add 2001:db8:100::20/64 dev eth0 nodad
	atf_check ip -n "$home" address delete 2001:db8:100::10/64 dev eth0
	echo '2001:db8:100::20 home.example.net' >hosts
	wait_log 'upstream moved'
	wait_for 60 has_tunnel || fail "the tunnel has ended"
	play moved
	on home wg show wg0 endpoints | cut -f 2 | sort >after
	atf_check cmp before after
	stop_udp46
}

# ---- several relays ----

# Another host with the relay's IPv4 address, and the same program.
start_spare()
{
	spare=udp46-$$-spare
	echo "$spare" >>namespaces
	make_namespace "$spare"
	link_guide "$spare" spare
	ip_each <<-END
		$spare address add 203.0.113.1/32 dev lo
		$spare address add 198.18.0.2/30 dev eth0
		$internet address add 198.18.0.1/30 dev spare
		$spare route add default via 198.18.0.1
		$spare address add 2001:db8:6::6/64 dev eth0 nodad
		$internet address add 2001:db8:6::1/64 dev spare nodad
		$spare route add default via 2001:db8:6::1
	END
	spawn spare "$spare" "$udp46" --user nobody --chroot "$PWD/empty" --log-format text \
	    --listen 203.0.113.1:51820 --upstream '[2001:db8:100::10]:51820'
	wait_for 60 grep -q 'msg=started' spare.out || fail "no second relay: $(cat spare.out spare.err)"
}

scene_case another_relay "Routing takes the phone to another relay: the tunnel goes on"
another_relay_body()
{
	start_lab
	in_home nft flush ruleset
	start_spare
	start_phone
	wait_for 60 sessions assured || fail "no tunnel"
	spawn moving "$phone" ping -q -i 0.1 -c 50 198.51.100.1
	sleep 1
	atf_check ip -n "$internet" route add 203.0.113.1/32 via 198.18.0.2
	finish moving
	cat moving.out
	expect "lost" "$(sed -n 's/.* \([0-9]*\)% packet loss.*/\1/p' moving.out)" -eq 0
	on home wg show wg0 endpoints >seen_at
	grep -F '[2001:db8:6::6]:' seen_at || fail "home sees the phone elsewhere: $(cat seen_at)"
	stop_udp46
}
