# The profile for AppArmor: a parser takes it, and it permits what the program is known to do.  Where
# the kernel has AppArmor, the daemon also runs under it.

. "$(atf_get_srcdir)/common.subr"

# profile_case NAME DESCRIPTION
profile_case()
{
	root_case "$1" "$2"
	eval "$1_head() { atf_set descr \"$2\"; atf_set require.user root; atf_set require.progs apparmor_parser; }"
}

# The profile, as installed, for this program and the folders of a test.
find_profile()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	unit=$UDP46_SRCDIR/supervisor/udp46.service.in
	sed -e "s|@SBINDIR@|$(dirname "$udp46")|" -e 's|@SYSCONFDIR@|/etc|' \
	    "$UDP46_SRCDIR/supervisor/udp46.apparmor.in" >profile
}

profile_case parsed "A parser takes it, and knows each abstraction in it"
parsed_body()
{
	find_profile
	# Where the kernel has none, it says so.
	atf_check -e ignore apparmor_parser --skip-kernel-load --skip-cache profile
	# It would not take everything.
	sed 's/^  capability kill,/  capability killing,/' profile >wrong
	atf_check -s not-exit:0 -o ignore -e ignore apparmor_parser --skip-kernel-load --skip-cache wrong
	atf_check -o inline:'AppArmorProfile=-udp46\n' grep '^AppArmorProfile=' "$unit"
	atf_check -o ignore grep '^profile udp46 ' profile
}

profile_case permits "It permits the capabilities of the unit, and each file of /proc that the source names"
permits_body()
{
	find_profile
	# In a namespace of its own a child has one more.
	{
		echo sys_admin
		sed -n 's/^CapabilityBoundingSet=//p' "$unit" | tr ' ' '\n' | sed 's/^CAP_//' | tr '[:upper:]' '[:lower:]'
	} | sort >wanted
	sed -n 's/^  capability \(.*\),$/\1/p' profile | sort >granted
	atf_check diff wanted granted
	# What is reached by a link of /proc is judged by where that leads.
	(cd "$UDP46_SRCDIR" && grep -ohE '"/proc/[^"]+"' common/*.c relay/*.c supervisor/*.c \
	    supervisor/metrics/*.c) | tr -d '"' | grep -v -x -e /proc/self/exe -e '/proc/self/fd/%d' |
	    sed -e 's|^/proc/net/|/proc/self/net/|' -e 's|/self/|/@{pid}/|' -e 's|/%d/|/@{pid}/|' \
		-e 's|/fd$|/fd/|' -e 's|^/proc|@{PROC}|' | sort -u >paths
	expect "paths" "$(wc -l <paths)" -ge 8
	while read -r _path; do
		grep -q -F -x "  $_path r," profile || echo "$_path"
	done <paths >missing
	atf_check cat missing
}

profile_case enforced "The daemon runs under it, where the kernel has AppArmor"
enforced_body()
{
	find_profile
	if ! grep -q Y /sys/module/apparmor/parameters/enabled 2>/dev/null; then
		echo 'not tried: this kernel has no AppArmor'
		return
	fi
	# Nothing of another name is replaced.
	sed -i "s/^profile udp46 /profile udp46-$$ /" profile
	echo "$PWD/profile" >loaded
	printf '%s r,\n' "$PWD/empty/" "$PWD/**" | sed 's/^/  /' >folders
	sed -i '/include if exists <local/r folders' profile
	atf_check apparmor_parser --replace --skip-cache profile
	make_network
	start_echo 7000
	wrapper="aa-exec -p udp46-$$ --"
	start_udp46_default
	client_ok before -n 5 192.0.2.1 5000
	expect "profile" "$(sed 's/ .*//' "/proc/$(cat udp46.pid)/attr/current")" = "udp46-$$"
	kill_relay KILL
	client_ok after -n 5 192.0.2.1 5000
	expect "without namespaces" "$(log_count 'namespaces unavailable')" -eq 0
	stop_udp46
}
enforced_cleanup()
{
	clean_up
	[ ! -f loaded ] || apparmor_parser --remove "$(cat loaded)"
}
