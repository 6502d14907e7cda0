# Which libraries a process has; and what happens without the one that only the metrics child has.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/names.subr"
. "$(atf_get_srcdir)/restart.subr"

# HTTP, and what its library needs for TLS, which nobody here speaks.
http='microhttpd|gnutls|p11-kit|idn2|unistring|tasn1|nettle|hogweed|gmp|ffi'

plain_case needed "The program is linked with no more than every process uses"
needed_head()
{
	atf_set descr "The program is linked with no more than every process uses"
	atf_set require.progs readelf
}
needed_body()
{
	readelf -d "$udp46" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >needed
	cat needed
	! grep -E "^lib($http)" needed || fail "it is linked with what only some need"
	_every='libbsd|libcap-ng|libseccomp|libc|ld-linux[^.]*'
	! is_sanitized || _every="$_every|lib[a-z]*san"
	! grep -v -E "^($_every)\\." needed || fail "it is linked with another library"
}

# libraries WHO PID: into the file WHO, one a line.
libraries()
{
	sed -n 's|.* \(/.*\.so[^/]*\)$|\1|p' "/proc/$2/maps" | sort -u >"$1"
	echo "$1:"
	cat "$1"
	grep -q '/libseccomp\.so' "$1" || fail "the $1 is not seen"
}

has_no_http()
{
	libraries "$1" "$2"
	! grep -E "/lib($http)" "$1" || fail "the $1 has a library that it does not use"
}

root_case loaded "Neither supervisor, relay nor resolver has a library for HTTP; the metrics child has"
loaded_body()
{
	make_network
	private_nameserver
	start_udp46 --listen 192.0.2.1:5000 --upstream home.example.net:7000 --metrics.enabled
	find_relay
	has_no_http supervisor "$(cat udp46.pid)"
	has_no_http relay "$relay_pid"
	libraries metrics "$(child_pid metrics)"
	grep -q '/libmicrohttpd\.so' metrics || fail "the metrics child lacks its library"
	# A look-up that lasts.
	_queries=$(grep -c '^query' nameserver.out)
	zone_is never
	hup
	wait_for 30 more_queries "$_queries" || fail "the name server is not asked"
	has_no_http resolver "$(child_pid resolver)"
	stop_udp46
}
more_queries()
{
	[ "$(grep -c '^query' nameserver.out)" -gt "$1" ]
}

# ---- without it ----

# Sets $library, the file, and $wrapper, after which it is none.
hide_library()
{
	start_udp46_default --metrics.enabled
	library=$(sed -n 's|.* \(/.*/libmicrohttpd\.so[^/]*\)$|\1|p' \
	    "/proc/$(child_pid metrics)/maps" | head -n 1)
	[ -f "$library" ] || fail "the metrics child has no library"
	stop_udp46
	: >nothing
	cat >without <<-'END'
		mount --bind nothing "$1" || exit 70
		shift
		exec "$@"
	END
	wrapper="unshare --mount sh without $library"
}

# What is said of it.
wrong='/[^ ]*/libmicrohttpd\.so\.[0-9]*: .*'
remedy='install libmicrohttpd, which Debian has as the package libmicrohttpd[0-9]'

root_case missing "Without it nothing with metrics starts, and --check says so; without metrics all is well"
missing_body()
{
	make_network
	start_echo 7000
	hide_library
	set -- --user nobody --chroot "$PWD/empty" --log-format text --listen 192.0.2.1:5000 \
	    --upstream '[2001:db8:1::2]:7000'
	status=0
	in_relay $wrapper "$udp46" --check "$@" --metrics.enabled >out 2>error || status=$?
	cat out error
	expect "exit status of --check" $status -eq 1
	expect "what is printed, in lines" "$(grep -c '' out)" -eq 0
	grep -q "^udp46: --metrics\.enabled: $wrong: $remedy" error || fail "no remedy"
	in_relay $wrapper "$udp46" --check "$@" >out || fail "without metrics it is no fault"

	spawn udp46 "$relay" $wrapper "$udp46" "$@" --metrics.enabled
	finish udp46
	expect "exit status" "$status" -eq 1
	grep -E "$(record_pattern 'http library missing')" "$log" | grep "error=\"$wrong\"" |
	    grep -q "remedy=\"$remedy" || fail "no record of it"
	expect "child that failed" "$(log_values shutdown child)" = metrics

	start_udp46_default
	client_ok without -n 5 192.0.2.1 5000
	stop_udp46
}

# in_place COMMAND...: where the daemon sees its files.
in_place()
{
	nsenter --mount="/proc/$(cat udp46.pid)/ns/mnt" -- "$@" || fail "$*"
}

root_case away "While it is away the relay goes on, and metrics come back with it"
away_body()
{
	make_network
	start_echo 7000
	hide_library
	wrapper='unshare --mount'
	own_program
	start_configured
	in_place mount --bind "$PWD/nothing" "$library"
	refused_upgrade "metrics\.enabled: $wrong: $remedy"
	kill -KILL "$(child_pid metrics)"
	wait_log 'http library missing'
	client_ok meanwhile -n 5 192.0.2.1 5000
	_confined=$(log_count 'child confined')
	in_place umount "$library"
	wait_for 60 more_records 'child confined' "$_confined" || fail "no metrics child is up"
	libraries metrics "$(child_pid metrics)"
	grep -q '/libmicrohttpd\.so' metrics || fail "the metrics child lacks its library"
	client_ok again -n 5 192.0.2.1 5000
	expect "relays" "$(grep -E "$(record_pattern 'child started')" "$log" | grep -c child=relay)" -eq 1
	stop_udp46
}
