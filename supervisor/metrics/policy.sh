#!/bin/sh
# Writes a C header with the hashes of the page's one style and one script, as its
# Content-Security-Policy names them (CSP Level 3, 2.3.1): nothing else may run on it.
#
# usage: policy.sh PAGE
set -eu

# The text between the lines <NAME> and </NAME>, the first newline included.
content()
{
	sed -n "/^<$1>\$/,/^<\\/$1>\$/p" "$2" | sed -e "s/^<$1>\$//" -e '$d'
}

# SHA-256 in base64.
hash_of()
{
	sha256sum | cut -c 1-64 | fold -w 2 | while read -r byte; do
		# shellcheck disable=SC2059 # an octal escape
		printf "\\$(printf '%03o' "0x$byte")"
	done | base64
}

for name in style script; do
	[ "$(grep -c "<$name" "$1")" -eq 1 ] || { echo "$1: want one <$name>" >&2; exit 1; }
	echo "#define PAGE_$(echo $name | tr '[:lower:]' '[:upper:]') \"'sha256-$(content $name "$1" | hash_of)'\""
done
