#!/bin/sh
# By which name libmicrohttpd is loaded, and the package that Debian names after it, as a header:
# sh soname.sh PROGRAM, which is linked with the library.
set -eu

name=$(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(libmicrohttpd\.so\..*\)\]/\1/p')
if [ -z "$name" ]; then
	echo "soname.sh: $1 does not load libmicrohttpd: want a shared library" >&2
	exit 1
fi
echo "#define MICROHTTPD_SONAME \"$name\""
echo "#define MICROHTTPD_PACKAGE \"libmicrohttpd${name#libmicrohttpd.so.}\""
