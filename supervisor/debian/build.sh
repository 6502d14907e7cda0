#!/bin/sh
# Build Debian packages of this tree in BUILD/deb: sh build.sh BUILD VERSION COMMIT DATE
# The tools want a folder debian/ at the top, and write all over the place; so they get a copy.
set -eu

build=$1 version=$2 commit=$3 date=$4
tree=$build/deb/udp46

# files: those of the source, whether committed or not.
files()
{
	if [ -e .git ] && git rev-parse --verify -q HEAD >/dev/null; then
		git ls-files --cached --others --exclude-standard
	else
		find . -path ./build -prune -o ! -type d -print
	fi | while IFS= read -r file; do
		[ ! -e "$file" ] || echo "$file"
	done
}

# What was compiled there before stays: make knows what of it is still right.
mkdir -p "$tree"
find "$tree" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf '{}' +
files | tar -c -T - | tar -x -C "$tree"
cp -R supervisor/debian "$tree/debian"
cp supervisor/udp46.sysusers.in "$tree/debian/udp46.sysusers"
[ "$commit" = unknown ] || echo "$commit $date" >"$tree/supervisor/commit"

[ "$date" != unknown ] || date=now
cat >"$tree/debian/changelog" <<END
udp46 ($version) unstable; urgency=medium

  * See HISTORY in udp46(8).

 -- The udp46 authors <udp46@example.net>  $(date -u -R -d "$date")
END

# Of our own make, nothing counts for the one in there.
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES BUILD DESTDIR PREFIX CC CFLAGS CPPFLAGS LDFLAGS \
    VERSION WERROR SANITIZE V
cd "$tree"
DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS-parallel=$(nproc)}" \
    dpkg-buildpackage -b -nc -us -uc >"$build/deb/log" 2>&1 || {
	tail -n 30 "$build/deb/log" >&2
	exit 1
}
cd ..
lintian --fail-on error,warning "udp46_${version}_$(dpkg --print-architecture).changes"
ls -1 "$build"/deb/udp46*_"$version"_*.deb
