#!/bin/sh
# A bare Debian in a tarball, as whoever rents a host gets it: sh bare.sh TARBALL PACKAGE...
# In its cache is what these packages, which programs are built with, need where programs run, so
# that they can be installed there without a network.
set -eu

tarball=$1
shift
tree=$(mktemp -d "${TMPDIR:-/tmp}/udp46-bare.XXXXXX")
trap 'rm -rf "$tree"' EXIT
trap 'exit 1' INT TERM HUP

# shellcheck disable=SC1091 # of the host that runs this
debootstrap --variant=minbase --include=systemd-sysv \
    "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$tree" >"$tarball.log"
libraries=$(dpkg-query -W -f '${Depends}, ' "$@" | tr ',' '\n' | sed -n 's/^ *\(lib[^ ]*\).*/\1/p' |
    grep -v -e '-dev$' | sort -u)
rm -f "$tree"/var/cache/apt/archives/*.deb
{
	chroot "$tree" apt-get -q update
	# shellcheck disable=SC2086 # several words
	chroot "$tree" apt-get -q install -y --download-only $libraries
} >>"$tarball.log" 2>&1 || { tail -n 5 "$tarball.log" >&2; exit 1; }
tar -C "$tree" -cf "$tarball.new" .
mv "$tarball.new" "$tarball"
