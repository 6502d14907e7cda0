# man/examples/udp46.nft: each of its rules does to traffic what it says.

. "$(atf_get_srcdir)/common.subr"

# firewall_case NAME DESCRIPTION
firewall_case()
{
	root_case "$1" "$2"
	eval "$1_head() { atf_set descr \"$2\"; atf_set require.user root; atf_set require.progs nft; }"
}

# rules [SED-OPTION...]: the example, set for this network, to standard output.
rules()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	sed -e 's/203\.0\.113\.1\>/192.0.2.1/g' -e 's/2001:db8:100::10/2001:db8:1::2/g' \
	    -e '/^define port = /s/51820/5000/' -e '/^define service = /s/51820/7000/' \
	    -e '/^define many = /s/51821/5001/' \
	    -e '/^#	/{s/51820, 51821/5000, 5001/; s/51820/7000/;}' \
	    -e 's|^define clients = .*|define clients = { 192.0.2.0/28, 203.0.113.0/24 }|' \
	    "$@" "$UDP46_SRCDIR/man/examples/udp46.nft"
}

# start_behind: the relay, behind the rules, with the listeners that they name.
start_behind()
{
	make_network
	start_echo ${echo_options-} 7000
	rules >rules.nft
	# Twice, since it replaces itself.
	for _time in 1 2; do
		atf_check nsenter --net="/run/netns/$relay" -- nft -f rules.nft
	done
	start_udp46_default --listen 192.0.2.1:5001
}

# entries PATTERN: of connection tracking, in the relay's namespace.
entries()
{
	in_relay cat /proc/net/nf_conntrack >entries
	grep -c -E "$1" entries
}

# dropped CHAIN: by all rules of it.
dropped()
{
	in_relay nft list chain inet udp46 "$1" |
	    awk '/counter packets .* drop/ { sub(/.*packets /, ""); n += $1 } END { print n + 0 }'
}

# from_port NAME PORT: every reply came from the port that the client wrote to.
from_port()
{
	expect "source of replies" "$(value from "$1.out")" = "192.0.2.1:$2"
}

firewall_case allowed "Clients of the list are served, others do not reach the relay"
allowed_body()
{
	start_behind
	client_ok listed -b 192.0.2.15 -n 5 192.0.2.1 5000
	for _port in 5000 5001 443; do
		run_client other -b 192.0.2.16 -n 3 -w 200 192.0.2.1 $_port
		expect "answers" "$(value received other.out)" -eq 0
	done
	expect "denied" "$(dropped from_clients)" -eq 9
	total_is sessions_created -eq 1 || fail "sessions: $(total sessions_created)"
	# They are not cut off from the rest of the host.
	atf_check -o ignore nsenter --net="/run/netns/$client" -- ping -q -c 1 -I 192.0.2.16 192.0.2.1
	expect "denied" "$(dropped from_clients)" -eq 9
	stop_udp46
}

firewall_case redirected "Many ports lead to one listener, and replies come from where the client wrote to"
redirected_body()
{
	start_behind
	for _port in 53 443 10000 14999; do
		client_ok "to$_port" -b 192.0.2.10 -n 5 192.0.2.1 $_port
		from_port "to$_port" $_port
	done
	# One after the other by two clients, and by one client with two sockets.
	spawn one "$client" "$helpers/client" -b 192.0.2.11:6000 -n 50 -r 100 192.0.2.1 10001
	spawn two "$client" "$helpers/client" -b 192.0.2.11:6001 -n 50 -r 100 192.0.2.1 10002
	finish one
	finish two
	from_port one 10001
	from_port two 10002
	client_ok direct -b 192.0.2.10 -n 5 192.0.2.1 5000
	from_port direct 5000
	# Ports beside those are nobody's.
	run_client beside -b 192.0.2.10 -n 2 -w 200 192.0.2.1 15000
	expect "answers" "$(value received beside.out)" -eq 0
	stop_udp46
}

firewall_case untracked "Flows of the relay are not tracked, but for those that are redirected"
untracked_body()
{
	start_behind
	client_ok direct -b 192.0.2.10 -n 5 192.0.2.1 5000
	expect "entries" "$(entries udp)" -eq 0
	client_ok redirected -b 192.0.2.10 -n 5 192.0.2.1 443
	expect "entries" "$(entries udp)" -eq 1
	expect "its entry" "$(entries 'ipv4 .*src=192\.0\.2\.10 .*dport=443 ')" -eq 1
	# Without these rules both sides are.
	rules -e 's/ notrack$/ accept/' >tracked.nft
	atf_check nsenter --net="/run/netns/$relay" -- nft -f tracked.nft
	client_ok tracked -b 192.0.2.11 -n 5 192.0.2.1 5000
	expect "entries" "$(entries 'src=192\.0\.2\.11 .*dport=5000 ')" -eq 1
	expect "entries" "$(entries 'ipv6 .*dport=7000 ')" -eq 1
	stop_udp46
}

firewall_case newcomers "A flood is cut to what is for newcomers, and who is served loses nothing"
newcomers_body()
{
	# The upstream answers who is no forger, as WireGuard does.
	echo_options='-m 12'
	start_behind
	for _port in 5000 443; do
		client_ok "client$_port" -b "192.0.2.10:$_port" -n 2 192.0.2.1 $_port
	done
	_drops=$(backlog_drops)
	_begin=$(date +%s)
	spawn flood "$client" "$helpers/flood" -r 5000 -t 4 192.0.2.1 5000
	for _port in 5000 443; do
		spawn "client$_port" "$client" "$helpers/client" -b "192.0.2.10:$_port" \
		    -n 1500 -r 400 192.0.2.1 $_port
	done
	for _port in 5000 443; do
		finish "client$_port"
		check_echoes "client$_port" "$_drops"
	done
	finish flood
	# 254 addresses may have 2,540 a second, and 1,000 may come of all.
	_bound=$((1000 + 1000 * ($(date +%s) - _begin + 1)))
	read_totals
	expect "sessions" "$(total sessions_created)" -ge 1000
	expect "sessions" "$(total sessions_created)" -le $_bound
	expect "dropped" "$(dropped newcomers)" -gt 0
	# One address takes nothing from others.
	in_relay nft flush set inet udp46 sources
	_sessions=$(total sessions_created)
	_begin=$(date +%s)
	spawn flood "$client" "$helpers/flood" -a 203.0.113.7 -r 1000 -t 2 192.0.2.1 5000
	client_ok newcomer -b 192.0.2.12 -n 10 192.0.2.1 5000
	finish flood
	_bound=$((20 + 10 * ($(date +%s) - _begin + 1) + 1))
	read_totals
	expect "sessions of one address" "$(($(total sessions_created) - _sessions))" -le $_bound
	stop_udp46
}

firewall_case strict "The lines for a firewall that lets in nothing else are all that it wants"
strict_body()
{
	start_behind
	rules | sed -n 's/^#	//p' >lines
	expect "lines" "$(wc -l <lines)" -eq 3
	{
		echo 'table inet strict { chain input {'
		echo 'type filter hook input priority filter; policy drop'
		echo 'ct state established,related accept'
		cat lines
		echo 'ct state invalid drop'
		echo '}; }'
	} >strict.nft
	atf_check nsenter --net="/run/netns/$relay" -- nft -f strict.nft
	for _port in 5000 443; do
		client_ok "to$_port" -b 192.0.2.10 -n 5 192.0.2.1 $_port
	done
	# Nobody is there: what ICMP says of it arrives.
	kill -TERM "$(cat echo.pid)"
	finish echo
	run_client unheard -b 192.0.2.10 -n 3 -w 200 192.0.2.1 5000
	wait_total errors_upstream_read -gt 0
	# And without the lines nothing does.
	sed -e '/udp/d' -e '/icmp/d' -e 1i'delete table inet strict' strict.nft >stricter.nft
	atf_check nsenter --net="/run/netns/$relay" -- nft -f stricter.nft
	start_echo 7000
	run_client refused -b 192.0.2.11 -n 2 -w 200 192.0.2.1 5000
	expect "answers" "$(value received refused.out)" -eq 0
	stop_udp46
}
