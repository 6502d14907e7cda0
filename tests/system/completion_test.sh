# What shells complete is what there is: the flags of --help, and values where they can be told.

completion=$(atf_get_srcdir)/../../completion
udp46=$(atf_get_srcdir)/../../udp46

flags()
{
	"$udp46" --help | sed -n 's/^  \(--[a-z.-]*\).*/\1/p'
}

# completed WORD...: what bash offers for the last one, sorted.
completed()
{
	bash -c '
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_udp46
		[ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' bash "$completion/bash" udp46 "$@" |
	    sort
}

# offers EXPECTED WORD...: just these, separated by blanks.
offers()
{
	expected=$1
	shift
	got=$(completed "$@" | xargs)
	[ "$got" = "$expected" ] || atf_fail "udp46 $*: '$got', not '$expected'"
}

atf_test_case bash_flags
bash_flags_head()
{
	atf_set descr 'bash: every flag, and no other'
	atf_set require.progs bash
}
bash_flags_body()
{
	{ flags && printf '%s\n' -h -n -V; } | sort >expected
	[ "$(wc -l <expected)" -gt 30 ] || atf_fail 'hardly a flag in --help'
	for word in '' -; do
		completed "$word" | sort >got
		atf_check diff -u expected got
	done
	for flag in $(flags); do
		completed "$flag" | grep -q -x -e "$flag" || atf_fail "not $flag"
	done
	offers --listen --li
	offers '--max-sessions --max-sessions-per-address' --listen 127.0.0.1:0 --max
	offers '--metrics.enabled' --metrics.e
	offers '' --none
	# After a flag without a value, or one that may have it after = only, comes another.
	offers '--upstream --upstream-ports --upstream-source' --check --up
	offers '--upstream --upstream-ports --upstream-source' --metrics.enabled --up
}

atf_test_case bash_values
bash_values_head()
{
	atf_set descr 'bash: values, after a blank or ='
	atf_set require.progs bash
}
bash_values_body()
{
	mkdir folder
	touch file 'with blanks'
	offers 'auto off on' --segment-offload ''
	offers 'allow deny' --fragment ''
	offers 'debug error info warn' --log-level ''
	offers 'debug' -log-level d
	offers 'json' --log-format = j
	offers 'auto json text' --log-format =
	offers 'false true' --metrics.enabled =
	offers 'true' --metrics.session-labels = t
	offers 'file folder' --source-file f
	offers 'file folder' --config = f
	[ "$(completed --state-file w)" = 'with blanks' ] || atf_fail 'a name with blanks'
	offers 'folder' --chroot f
	offers 'nobody' --user nobo
	offers 'nobody' --metrics.user nobo
	for flag in listen upstream upstream-source upstream-ports allow deny session-timeout \
	    max-sessions workers metrics.listen; do
		offers '' --$flag ''
		offers '' --$flag =
	done
}

atf_test_case others
others_head()
{
	atf_set descr 'zsh and fish: every flag, and no other'
}
others_body()
{
	flags | sort >expected
	grep -o -e '--[a-z.-]*[a-z]\(=-\{0,1\}\)\{0,1\}\[' -e '--[a-z]*}' "$completion/zsh" |
	    tr -d '=[}' | sed 's/-$//' | sort >got
	atf_check diff -u expected got
	sed -n 's/^complete -c udp46 .*-l \([a-z.-]*\).*/--\1/p' "$completion/fish" | sort >got
	atf_check diff -u expected got
	for shell in zsh fish; do
		! command -v $shell || atf_check $shell -n "$completion/$shell"
	done
}

atf_init_test_cases()
{
	atf_add_test_case bash_flags
	atf_add_test_case bash_values
	atf_add_test_case others
}
