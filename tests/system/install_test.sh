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
	./etc/udp46/udp46.conf
	./usr/local/bin/udp46ctl
	./usr/local/lib/systemd/system/udp46.service
	./usr/local/lib/systemd/system/udp46@.service
	./usr/local/lib/sysusers.d/udp46.conf
	./usr/local/sbin/udp46
	./usr/local/share/bash-completion/completions/udp46
	./usr/local/share/bash-completion/completions/udp46ctl
	./usr/local/share/doc/udp46/examples/prometheus.yml
	./usr/local/share/doc/udp46/examples/udp46-alerts-test.yml
	./usr/local/share/doc/udp46/examples/udp46-alerts.yml
	./usr/local/share/doc/udp46/examples/udp46-dashboard.json
	./usr/local/share/doc/udp46/examples/udp46-sysctl.conf
	./usr/local/share/doc/udp46/examples/udp46-unprivileged.conf
	./usr/local/share/doc/udp46/examples/udp46.apparmor
	./usr/local/share/doc/udp46/examples/udp46.nft
	./usr/local/share/fish/vendor_completions.d/udp46.fish
	./usr/local/share/fish/vendor_completions.d/udp46ctl.fish
	./usr/local/share/man/man5/udp46.conf.5
	./usr/local/share/man/man7/udp46-internals.7
	./usr/local/share/man/man7/udp46-wireguard.7
	./usr/local/share/man/man8/udp46.8
	./usr/local/share/man/man8/udp46ctl.8
	./usr/local/share/zsh/site-functions/_udp46
	./usr/local/share/zsh/site-functions/_udp46ctl
	END
	# The pages tell of each that is neither one of them nor a program.
	cat root/usr/local/share/man/man*/* | sed -n '/^\.Sh FILES/,/^\.Sh [^F]/p' >told
	grep -v -e /man/ -e /bin/ -e /sbin/ installed | while read -r file; do
		file=${file#.}
		grep -qE -e "Pa .*$file( |\$)" told || grep -qE -e "Pa ([^ ]*/)?${file##*/}( |\$)" told ||
		    echo "not in the manual: $file"
	done >missing
	atf_check cat missing
	atf_check -o match:'^udp46 version=.* commit=.* date=' root/usr/local/sbin/udp46 --version
	atf_check -o match:'^udp46ctl version=.* commit=.* date=' root/usr/local/bin/udp46ctl --version
	[ "$(find root -type f -perm 755 | sort | xargs)" = 'root/usr/local/bin/udp46ctl root/usr/local/sbin/udp46' ] || atf_fail 'wrong modes'
	[ "$(find root -type f -perm 644 | wc -l)" -eq 23 ] || atf_fail 'wrong modes'

	atf_check -o ignore $make uninstall
	# But for what somebody has configured, which another installation leaves as it is.
	atf_check -o inline:"root/etc/udp46/udp46.conf\n" find root ! -type d
	echo mine >root/etc/udp46/udp46.conf
	atf_check -o ignore $make install
	atf_check -o inline:"mine\n" cat root/etc/udp46/udp46.conf
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
	    UNITDIR=/etc/systemd/system SYSUSERSDIR=/etc/sysusers.d SYSCONFDIR=/opt/etc
	atf_check -o ignore $make install "$@"
	atf_check -o ignore grep '^ExecStart=/opt/relay/libexec/udp46 --config /opt/etc/udp46/udp46.conf ' root/etc/systemd/system/udp46.service
	atf_check -o ignore grep "^ExecStart=/opt/relay/libexec/udp46 --config /opt/etc/udp46/%i.conf " \
	    root/etc/systemd/system/udp46@.service
	atf_check -s exit:1 grep -r '@[A-Z]*@' root/etc
	atf_check -o ignore grep '^u udp46 ' root/etc/sysusers.d/udp46.conf
	atf_check test -s root/opt/relay/man/man8/udp46.8
	atf_check test -x root/opt/relay/tools/udp46ctl
	atf_check -s exit:1 grep -rE -e /usr/local -e '(^|[^t])/etc/udp46' root/opt root/etc/systemd
	atf_check -o ignore grep -q /opt/relay/share/doc/udp46/examples root/opt/relay/man/man8/udp46.8
	atf_check -o ignore $make uninstall "$@"
	atf_check -o inline:"root/opt/etc/udp46/udp46.conf\n" find root ! -type d
}

atf_test_case here
here_head()
{
	atf_set descr 'without DESTDIR: the user is made, systemd sees the unit, and what is next is said'
	atf_set require.user root
	atf_set require.progs make
}
here_body()
{
	setup
	here=$PWD
	mkdir programs
	for program in systemd-sysusers systemctl id; do
		printf '#!/bin/sh\necho %s "$@" >>%s/said\n' $program "$here" >programs/$program
		chmod +x programs/$program
	done
	# Root, and no user udp46.
	# shellcheck disable=SC2016 # for the other shell
	printf '[ "$2" != udp46 ] || exit 1\necho 0\n' >>programs/id
	make="${make%DESTDIR=*} PREFIX=$here/prefix SYSCONFDIR=$here/etc"
	# A host that systemd runs, or does not.
	for folder in systemd/system nothing; do
		rm -f said
		# shellcheck disable=SC2016 # for the other shell
		atf_check -o save:told unshare --mount --propagation private sh -ec '
			mount -t tmpfs none /run
			mkdir -p "/run/$1"
			PATH=$2/programs:$PATH
			shift 2
			"$@"' sh $folder "$here" $make install
		atf_check -o ignore grep -F "name the upstream in $here/etc/udp46/udp46.conf" told
		atf_check -o ignore grep -x "systemd-sysusers $here/prefix/lib/sysusers.d/udp46.conf" said
		case $folder:$(cat said) in
		systemd/system:*"systemctl daemon-reload"* | nothing:*) ;;
		*) atf_fail "$folder: $(cat said)" ;;
		esac
	done
	grep -q systemctl said && atf_fail "daemon-reload where no systemd runs"
	# A packager's system is left alone.
	rm said
	PATH=$here/programs:$PATH atf_check -o not-match:Next: $make DESTDIR="$here/root" install
	[ ! -e said ] || atf_fail "with DESTDIR: $(cat said)"
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
	check="apparmor atf-sh chromium chromium-driver curl debhelper $demo dh-apparmor dpkg-dev jq kyua libatf-dev lintian nftables"
	check="$check debootstrap fish strace systemd systemd-container tcpdump tmux zsh"
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
	atf_add_test_case here
}
