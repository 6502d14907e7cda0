#!/bin/sh
# Builds for arm64, and runs what can be run on an emulated processor: the unit tests, and a relay
# between network namespaces.  `make arm64` calls it.
#
# What qemu-user does not know is left out: system call filters, some options of sockets, and what a
# process has used.  So the relay is tests/system/emulated.c, and a few programs are not run.
#
# Libraries come into build/arm64/root, of which the packages of this host know nothing.
set -eu

build=$PWD/build/arm64
root=$build/root
emulator=$(command -v qemu-aarch64-static)
libraries=$root/usr/lib/aarch64-linux-gnu
packages="libc6-dev libcap-ng-dev libseccomp-dev libbsd-dev libmicrohttpd-dev libjson-c-dev \
libncurses-dev libatf-dev"

# Each of these knows what else it stands on, of which nothing is installed here.
apt_get()
{
	apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Sandbox::User= \
	    -o Dir::State="$build/apt" -o Dir::State::status="$build/apt/status" \
	    -o Dir::Cache="$build/apt" "$@"
}

fetch()
{
	echo 'fetching libraries for arm64'
	rm -rf "$build/apt" "$root"
	mkdir -p "$build/apt/lists/partial" "$build/apt/archives/partial"
	: >"$build/apt/status"
	# shellcheck disable=SC2086 # a word each
	{ apt_get update && apt_get install -y --download-only --no-install-recommends \
	    $packages; } >"$build/apt/log" 2>&1 || return
	for package in "$build"/apt/archives/*.deb; do
		dpkg-deb -x "$package" "$root"
	done
	rm -rf "$build/apt/archives" "$build/apt/lists"
	# What leads to another place of the root must not lead to one of this host.
	find "$root" -type l -lname '/*' | while IFS= read -r link; do
		ln -sfn "$root$(readlink "$link")" "$link"
	done
	echo "$packages" >"$build/fetched"
}

# What kyua runs: emulated/tests/unit has a script for each program, and emulated/tests/system is that
# of this host, which finds udp46 two folders above.
lay_out()
{
	rm -rf "$build/emulated"
	mkdir -p "$build/emulated/tests/unit"
	ln -s "$PWD/build/tests/system" "$build/emulated/tests/system"
	for test in "$build"/tests/unit/*_test; do
		run_by "$test" "$build/emulated/tests/unit/${test##*/}"
	done
	run_by "$build/tests/system/emulated" "$build/emulated/udp46"
}

# run_by PROGRAM SCRIPT
run_by()
{
	cat >"$2" <<-SCRIPT
	#!/bin/sh
	EMULATOR=$emulator EMULATED_ROOT=$root exec $emulator -L $root $1 "\$@"
	SCRIPT
	chmod +x "$2"
}

mkdir -p "$build"
[ "$(cat "$build/fetched" 2>/dev/null)" = "$packages" ] || fetch || {
	tail -n 3 "$build/apt/log"
	echo 'arm64: skipped: there are no packages for arm64 here'
	exit 0
}
make --no-print-directory "-j$(nproc)" all tests
make --no-print-directory "-j$(nproc)" BUILD=build/arm64 WERROR=1 RUN="$emulator -L $root" \
    CC="aarch64-linux-gnu-gcc --sysroot=$root" AR=aarch64-linux-gnu-ar \
    PKG_CONFIG="env PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_SYSTEM_INCLUDE_PATH=$root/usr/include \
    PKG_CONFIG_LIBDIR=$libraries/pkgconfig pkg-config" \
    all tests
lay_out
tests=
for test in tests/unit/*_test.c; do
	case $test in
	*/filter_test.c | */process_test.c | */receive_queue_test.c | */sockets_test.c | */sources_test.c) ;;
	*) tests="$tests unit/$(basename "$test" .c)" ;;
	esac
done
for case in echo_both_ways two_clients_two_ports boundaries order multi_homed tos icmp_error listeners \
    by_name; do
	tests="$tests relay_test:$case"
done
# shellcheck disable=SC2086 # a name each
sh tests/run-check.sh "$build/emulated/tests" $tests
