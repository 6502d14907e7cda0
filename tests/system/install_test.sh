# make install, and make uninstall: what they put where, and that nothing stays.

# As a packager runs it, into a folder of his own; nothing may be compiled.
setup()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	unset MAKEFLAGS MAKELEVEL MFLAGS
	make="make -C $UDP46_SRCDIR BUILD=$(cd "$(atf_get_srcdir)/../.." && pwd) CC=false DESTDIR=$PWD/root"
}

atf_test_case install
install_head()
{
	atf_set descr 'every file is in its place, works, and is gone after uninstall'
	atf_set require.progs make
}
install_body()
{
	setup
	atf_check -o ignore $make install
	(cd root && find . ! -type d | sort) >installed
	atf_check -o file:installed cat <<-END
	./usr/local/bin/udp46ctl
	./usr/local/lib/systemd/system/udp46.service
	./usr/local/lib/sysusers.d/udp46.conf
	./usr/local/sbin/udp46
	./usr/local/share/doc/udp46/examples/prometheus.yml
	./usr/local/share/doc/udp46/examples/udp46-alerts-test.yml
	./usr/local/share/doc/udp46/examples/udp46-alerts.yml
	./usr/local/share/doc/udp46/examples/udp46-dashboard.json
	./usr/local/share/man/man5/udp46.conf.5
	./usr/local/share/man/man7/udp46-wireguard.7
	./usr/local/share/man/man8/udp46.8
	./usr/local/share/man/man8/udp46ctl.8
	END
	atf_check -o match:'^udp46 version=.* commit=.* date=' root/usr/local/sbin/udp46 --version
	atf_check -o match:'^udp46ctl version=.* commit=.* date=' root/usr/local/bin/udp46ctl --version
	[ "$(find root -type f -perm 755 | sort | xargs)" = 'root/usr/local/bin/udp46ctl root/usr/local/sbin/udp46' ] || atf_fail 'wrong modes'
	[ "$(find root -type f -perm 644 | wc -l)" -eq 10 ] || atf_fail 'wrong modes'

	atf_check -o ignore $make uninstall
	atf_check find root ! -type d
}

atf_test_case folders
folders_head()
{
	atf_set descr 'each folder can be chosen, and the unit follows'
	atf_set require.progs make
}
folders_body()
{
	setup
	set -- PREFIX=/opt/relay SBINDIR=/opt/relay/libexec BINDIR=/opt/relay/tools MANDIR=/opt/relay/man \
	    UNITDIR=/etc/systemd/system SYSUSERSDIR=/etc/sysusers.d
	atf_check -o ignore $make install "$@"
	atf_check -o ignore grep '^ExecStart=/opt/relay/libexec/udp46 ' root/etc/systemd/system/udp46.service
	atf_check -s exit:1 grep -r '@[A-Z]*@' root/etc
	atf_check -o ignore grep '^u udp46 ' root/etc/sysusers.d/udp46.conf
	atf_check test -s root/opt/relay/man/man8/udp46.8
	atf_check test -x root/opt/relay/tools/udp46ctl
	atf_check -o ignore $make uninstall "$@"
	atf_check find root ! -type d
}

# packages GOAL...: those that `make GOAL...` would see to, one a line.
packages()
{
	$make -n "$@" | sed -n 's/^[[:space:]]*for package in \(.*\); do.*/\1/p' |
	    tr -s ' ' '\n' | sed '/^$/d'
}

# wants EXPECTED GOAL...: those beside what building needs are EXPECTED, in the order of sort(1).
wants()
{
	expected=$1
	shift
	packages "$@" >wanted
	for package in $build; do
		grep -q -x -F -e "$package" wanted || atf_fail "make $*: without $package"
	done
	# shellcheck disable=SC2086 # a line each
	printf '%s\n' $build >built
	others=$(grep -v -x -F -f built wanted | LC_ALL=C sort | xargs)
	[ "$others" = "$expected" ] || atf_fail "make $*: wants $others"
}

atf_test_case packages
packages_head()
{
	atf_set descr 'a goal installs what it needs, and no more'
	atf_set require.progs make
}
packages_body()
{
	setup
	build='libbsd-dev libc6-dev libcap-ng-dev libjson-c-dev libmicrohttpd-dev libncurses-dev'
	build="$build libseccomp-dev pkg-config"
	demo='iproute2 iputils-ping procps socat wireguard-go wireguard-tools'
	wants '' build-deps
	wants "$demo" demo
	wants 'clang clang-format clang-tidy libclang-rt-dev mandoc shellcheck systemd' lint
	wants 'clang clang-format clang-tidy libclang-rt-dev mandoc shellcheck systemd' fuzz
	wants 'ethtool gnuplot-nox iproute2 iputils-ping jq linux-perf procps socat util-linux' bench
	check="atf-sh chromium chromium-driver curl $demo jq kyua libatf-dev nftables strace systemd systemd-container"
	check="$check tmux"
	check=$(printf '%s\n' $check | LC_ALL=C sort | xargs)
	wants "$check" deps
	wants "$check" check
	# Without a compiler, one comes along.
	make=${make%CC=false*}CC=no-such-compiler
	wants gcc build-deps
	# Who builds without the libraries is told of the goal that installs just them.
	atf_check -s not-exit:0 -o ignore -e match:'sudo make build-deps' \
	    $make PKG_CONFIG=false libraries
}

atf_init_test_cases()
{
	atf_add_test_case packages
	atf_add_test_case install
	atf_add_test_case folders
}
