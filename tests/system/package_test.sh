# The Debian package under a real systemd: installed, upgraded in mid-transfer, removed, purged.
# The host is this one's programs, on which everything that is written is laid as another layer.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/nspawn.subr"

host_mounts="--overlay=/usr:$PWD/layer:/usr --bind-ro=$PWD/built/deb:/packages"

# build_package VERSION [TREE]: what lintian finds fault with is an error.
build_package()
{
	(unset MAKEFLAGS MAKELEVEL MFLAGS
	make -C "${2:-$UDP46_SRCDIR}" BUILD="$PWD/built" VERSION="$1" deb) >"make.$1" 2>&1 ||
	    fail "make deb: $(tail -n 20 "make.$1")"
	# Loaded and not linked, but no package is complete without it.
	dpkg-deb -f "built/deb/udp46_$1_$(dpkg --print-architecture).deb" Depends | tee depends |
	    grep -q 'libmicrohttpd[0-9]' || fail "it depends on: $(cat depends)"
}

# The next version's source, which counts something more, here and there.
next_tree()
{
	mkdir next
	(cd "$UDP46_SRCDIR" && tar -c --exclude=./build --exclude=./.git .) | tar -x -C next
	sed -i -e '/^struct totals {/a uint64_t new_ones;' \
	    -e '/^struct listener_totals {/a uint64_t newer_ones[3];' next/common/totals.h
	expect "new counters" "$(grep -c 'new.*_ones' next/common/totals.h)" -eq 2
}

# This version, and the next one.
build_packages()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	old=$(sed -n 's/^VERSION = //p' "$UDP46_SRCDIR/Makefile")
	new=${old%.*}.$((${old##*.} + 1))
	mkdir built
	build_package "$old"
	next_tree
	build_package "$new" next
}

# A host that knows which packages are installed, and whose manual is not looked through for them.
make_package_host()
{
	mkdir layer probe probe/upper probe/work probe/seen
	unshare --mount mount -t overlay -o "lowerdir=/usr,upperdir=$PWD/probe/upper,workdir=$PWD/probe/work" \
	    overlay probe/seen 2>refused || atf_skip "no systemd: no layer on /usr: $(tr '\n' ' ' <refused)"
	make_tree
	mkdir -p "$tree/var/lib" "$tree/var/log"
	cp -R /var/lib/dpkg "$tree/var/lib"
	# Of other packages nothing but that they are there.
	rm -rf "$tree"/var/lib/dpkg/triggers/* "$tree"/var/lib/dpkg/lock*
	: >"$tree/var/lib/dpkg/statoverride"
	# Services may be started there, whatever this host says of its own.
	mkdir -p layer/sbin
	printf "#!/bin/sh\nexit 0\n" >layer/sbin/policy-rc.d
	chmod +x layer/sbin/policy-rc.d
	make_groups
	boot_host
}

# package ACTION...: of dpkg, which must do it.
package()
{
	in_host env PATH=/usr/sbin:/usr/bin DEBIAN_FRONTEND=noninteractive dpkg "$@" \
	    </dev/null >>dpkg.out 2>&1 || fail "dpkg $*: $(tail -n 20 dpkg.out)"
}

# state UNIT
state()
{
	echo "$(in_host systemctl is-enabled "$1" 2>/dev/null)/$(in_host systemctl is-active "$1")"
}

main_pid()
{
	in_host systemctl show --value -p MainPID "$1"
}

# All 20 clients are answered, each from the port that it had.
served()
{
	many_round
	expect "served" "$(value answered many.out)" -eq 20
	expect "ports" "$(upstream_ports | sort -u | wc -l)" -eq 20
}

configure()
{
	sed -i 's/^listen .*/listen 192.0.2.1:5000/; s/^#upstream .*/upstream [2001:db8:1::2]:7000/' \
	    "$tree/etc/udp46/udp46.conf"
	echo 'UDP46_OPTIONS="--log-format text"' >"$tree/etc/default/udp46"
	printf '%s\n' 'listen 192.0.2.1:5001' 'upstream [2001:db8:1::2]:7001' metrics.enabled >"$tree/etc/udp46/other.conf"
}

install_package()
{
	package --install "/packages/udp46_${old}_$(dpkg --print-architecture).deb"
	expect "state" "$(state udp46)" = disabled/inactive
	grep -q '^udp46:' "$tree/etc/passwd" || fail "no user udp46"
	grep -q '^  /usr/sbin/udp46 ' "$tree/etc/apparmor.d/udp46" || fail "no profile for AppArmor"
	# Who starts it as it is learns what to change, and where.
	in_host systemctl start udp46 && fail "it starts without an upstream"
	read_log
	grep -q 'udp46: /etc/udp46/udp46.conf: --upstream is missing: want' "$log" ||
	    fail "it does not say which file lacks an upstream"
	configure
	ctl enable --now udp46
	ctl start udp46@other
	expect "state" "$(state udp46)" = enabled/active
}

# While clients send.  Not a datagram is lost, as systemd holds the sockets meanwhile.
upgrade_package()
{
	_service=$(main_pid udp46) _other=$(main_pid udp46@other)
	spawn stream "$client" "$helpers/client" -n 6000 -r 500 -w 5000 192.0.2.1 5001
	sleep 1
	package --install "/packages/udp46_${new}_$(dpkg --print-architecture).deb"
	kill -0 "$(cat stream.pid)" || fail "the upgrade took longer than the transfer"
	expect "state" "$(state udp46)" = enabled/active
	expect "another process" "$(main_pid udp46)" -ne "$_service"
	expect "another process of the instance" "$(main_pid udp46@other)" -ne "$_other"
	read_log
	expect "version" "$(log_values started version | tail -n 1)" = "$new"
	served
	wait_for 60 has_ended "$(cat stream.pid)" || fail "the transfer does not end"
	check_echoes stream "$drops"
	expect "ports of the transfer" "$(sed -n 's/^peer [^ ]* //p' other.out | sort -u | wc -l)" -eq 1
	grep -q '^upstream \[2001:db8:1::2\]:7000' "$tree/etc/udp46/udp46.conf" ||
	    fail "the configuration is not what it was"
	# What was counted of a session goes on, what was in all does not: it has other counters.
	grep -q 'totals not adopted.*another version' "$log" || fail "it adopts the totals of another version"
	in_host udp46ctl sessions --json >sessions.json
	expect "datagrams of the transfer" "$(grep -c '"client_to_upstream_packets": *6000\>' sessions.json)" -eq 1
}

remove_package()
{
	package --remove udp46
	expect "state" "$(state udp46)" = /inactive
	expect "state of the instance" "$(state udp46@other)" = /inactive
	find_leader
	in_host pgrep -x udp46 && fail "it still runs"
	find layer -type f | grep udp46 && fail "files stay"
	[ -s "$tree/etc/udp46/udp46.conf" ] || fail "the configuration is gone"
	package --purge udp46
	(cd "$tree" && find etc/udp46 etc/apparmor.d etc/systemd var/lib/udp46* -name '*udp46*' ! -type d) 2>/dev/null |
	    grep . && fail "something stays after a purge"
	[ ! -e "$tree/var/lib/udp46" ] || fail "the state stays"
	[ -s "$tree/etc/udp46/other.conf" ] || fail "what was not the package's is gone"
}

host_case life "Installed, upgraded in mid-transfer with all sessions, removed, purged"
life_head()
{
	atf_set descr "Installed, upgraded in mid-transfer with all sessions, removed, purged"
	atf_set require.user root
	atf_set require.progs 'make dh dpkg-buildpackage lintian systemd-nspawn systemctl'
	atf_set timeout 600
}
life_body()
{
	build_packages
	make_network
	start_echo 7000
	echo_name=other
	start_echo 7001
	make_package_host
	install_package
	drops=$(backlog_drops)
	start_many -n 20 192.0.2.1 5000
	for _round in 1 2 3; do
		served
	done
	wait_property NFileDescriptorStore '^24$'
	upgrade_package
	remove_package
}
