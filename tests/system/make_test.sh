# How the tree is built and tested: what make says, and how a part of the tests is chosen.

setup()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	unset MAKEFLAGS MAKELEVEL MFLAGS V
	make="make -C $UDP46_SRCDIR --no-print-directory"
}

make_case()
{
	atf_test_case "$1"
	eval "$1_head() { atf_set descr \"$2\"; atf_set require.progs make; }"
	cases="$cases $1"
}

make_case help "make help names everything that can be made"
help_body()
{
	setup
	atf_check -o save:help $make help
	sed -n 's/^\.PHONY: all tests \(.*\) FORCE$/\1/p' "$UDP46_SRCDIR/Makefile" | tr ' ' '\n' >targets
	[ "$(wc -l <targets)" -gt 10 ] || atf_fail 'hardly a target in the Makefile'
	while read -r target; do
		grep -qE "^ *(sudo )?make $target  " help || echo "$target"
	done <targets >missing
	atf_check cat missing
}

make_case output "A short line a file, the commands with V=1, and every error"
output_body()
{
	setup
	set -- BUILD="$PWD/built" "$PWD/built/common/worker.o"
	atf_check -o inline:'  CC      common/worker.c\n' $make "$@"
	rm built/common/worker.o
	atf_check -o match:'^[^ ]+ .* -c -o .*worker\.o common/worker\.c$' -o not-match:'  CC  ' \
	    $make V=1 "$@"
	rm built/common/worker.o
	atf_check $make -s "$@"
	rm built/common/worker.o
	atf_check -s exit:2 -o inline:'  CC      common/worker.c\n' -e match:'no_such.h: No such file' \
	    $make CPPFLAGS='-include no_such.h' "$@"
}

make_case flags "Other flags compile again, the same do not, and a warning more or less is no other flag"
flags_body()
{
	setup
	set -- BUILD="$PWD/built" "$PWD/built/common/worker.o"
	atf_check -o inline:'  CC      common/worker.c\n' $make "$@"
	atf_check -o not-match:CC $make WERROR=1 "$@"
	atf_check -o inline:'  CC      common/worker.c\n' $make CFLAGS="-DIT='1'" "$@"
	atf_check -o not-match:CC $make CFLAGS="-DIT='1'" "$@"
	atf_check -o inline:'  CC      common/worker.c\n' $make "$@"
}

make_case dist "A tarball is the same each time, builds without git, and knows its commit"
dist_body()
{
	setup
	git -C "$UDP46_SRCDIR" rev-parse -q --verify HEAD >commit || atf_skip 'no git repository'
	for time in 1 2; do
		atf_check -o ignore -e ignore $make BUILD="$PWD/built$time" VERSION=9.9.9 dist
		sleep 1.1
	done
	atf_check cmp built1/udp46-9.9.9.tar.gz built2/udp46-9.9.9.tar.gz
	tar -xf built1/udp46-9.9.9.tar.gz
	# As if no git was there, whatever folder this is in.
	printf '#!/bin/sh\nexit 127\n' >git
	chmod +x git
	PATH=$PWD:$PATH atf_check -o ignore make -C udp46-9.9.9 --no-print-directory \
	    BUILD=build build/version
	atf_check -o match:"^[0-9.]* $(cut -c 1-12 commit) 20[0-9-]*\$" cat udp46-9.9.9/build/version
}

# check NAME...: as `make check TESTS=NAME...` does, with results of its own.
check()
{
	setup
	mkdir tests
	ln -s "$(atf_get_srcdir)/../unit" "$(atf_get_srcdir)" tests
	tests=$PWD/tests
}

# expect_ran TEST...: these, and no others, had a result in `said`.
expect_ran()
{
	printf '%s\n' "$@" >expected
	sed -n 's/^\([a-z]*\/[a-z_]*:[a-z_]*\)  ->  passed .*/\1/p' said | sort >ran
	atf_check -o file:expected cat ran
	atf_check -o inline:"$# passed, 0 failed, 0 skipped\n" tail -n 1 said
}

make_case part "A part of the tests: programs and cases by name"
part_body()
{
	check
	atf_check -o save:said sh "$UDP46_SRCDIR/tests/run-check.sh" "$tests" siphash_test \
	    bucket_test:largest unit/bucket_test:no_limit session_test:find
	expect_ran unit/bucket_test:largest unit/bucket_test:no_limit unit/session_test:find \
	    unit/siphash_test:reference
}

make_case unknown "A name that there is not is an error, and nothing is run"
unknown_body()
{
	check
	for name in nothing_test common siphash_test:nothing nothing/siphash_test; do
		atf_check -s exit:1 -e inline:"run-check: there is no test $name\n" \
		    sh "$UDP46_SRCDIR/tests/run-check.sh" "$tests" siphash_test $name
	done
}

atf_init_test_cases()
{
	for case in $cases; do
		atf_add_test_case "$case"
	done
}
