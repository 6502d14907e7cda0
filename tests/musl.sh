#!/bin/sh
# Compiles each file of the programs with the headers of musl, which is Alpine's C library.  `make
# musl` calls it.  Nothing is linked: Debian has no library for musl but musl itself.
#
# Headers of the kernel and of other libraries stand beside those of glibc here, so what is needed of
# them is put in a folder of its own.
set -eu

build=$PWD/build/musl
headers=$build/include
compiler=${CC:-gcc}

rm -rf "$headers"
mkdir -p "$headers/sys"
ln -s /usr/include/linux /usr/include/asm-generic /usr/include/bsd /usr/include/json-c "$headers"
ln -s "/usr/include/$($compiler -print-multiarch)/asm" "$headers"
for header in cap-ng seccomp seccomp-syscalls microhttpd curses ncurses ncurses_dll unctrl term; do
	ln -s "/usr/include/$header.h" "$headers"
done
# Alpine has it in bsd-compat-headers, which its libbsd-dev brings along.
cat >"$headers/sys/cdefs.h" <<-HEADER
#define __BEGIN_DECLS
#define __END_DECLS
HEADER

make --no-print-directory "-j$(nproc)" BUILD=build/musl WERROR=1 CC="$compiler -nostdinc" CPPFLAGS="-isystem $headers \
    -isystem /usr/include/$(uname -m)-linux-musl -isystem $($compiler -print-file-name=include)" objects
