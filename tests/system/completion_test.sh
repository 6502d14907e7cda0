# What shells complete is what there is: flags and commands of --help, and values where they can
# be told.

build=$(atf_get_srcdir)/../..
completion=$build/completion
program=udp46

flags()
{
	"$build/$program" --help | sed -n 's/^  \(--[a-z.-]*\).*/\1/p'
}

commands()
{
	"$build/$program" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# completed WORD...: what bash offers for the last one, sorted.
completed()
{
	bash -c '
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		"_$1"
		[ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' bash \
	    "$completion/$program.bash" "$program" "$@" |
	    sort
}

# offers EXPECTED WORD...: just these, separated by blanks.
offers()
{
	expected=$1
	shift
	got=$(completed "$@" | xargs)
	[ "$got" = "$expected" ] || atf_fail "$program $*: '$got', not '$expected'"
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

atf_test_case bash_commands
bash_commands_head()
{
	atf_set descr 'bash: commands and flags of udp46ctl, and no other'
	atf_set require.progs bash
}
bash_commands_body()
{
	program=udp46ctl
	commands >named
	[ "$(wc -l <named)" -ge 5 ] || atf_fail 'hardly a command in --help'
	{ flags && printf '%s\n' -h -V; } | sort >expected
	[ "$(wc -l <expected)" -gt 15 ] || atf_fail 'hardly a flag in --help'
	completed - >got
	atf_check diff -u expected got
	sort named expected >both
	completed '' | sort >got
	atf_check diff -u both got
	# One command, before or after flags.
	completed top '' | sort >got
	atf_check diff -u expected got
	completed --json --interval 2s drops '' | sort >got
	atf_check diff -u expected got
	offers 'sessions status' s
	offers 'assured' --state = a
	offers 'bytes' sessions --sort b
	offers '' --metrics ''
}

# choices FLAG: the values that the program itself names, where these are words.
choices()
{
	case $program in
	udp46) "$build/$program" "$1" '?' ;;
	*) "$build/$program" top --json "$1" '?' ;;
	esac 2>&1 | sed -n 's/.*: want \([a-z]*\(, [a-z]*\)* or [a-z]*\)$/\1/p' |
	    sed 's/,\{0,1\} or / /; s/,//g' | tr ' ' '\n' | sort | xargs
}

# words FILE PATTERN: what stands in the parentheses of the pattern, sorted.
words()
{
	sed -n -E "s/$2/\\1/p" "$1" | tr '|' ' ' | xargs -n 1 | sort | xargs
}

atf_test_case choices
choices_head()
{
	atf_set descr 'every shell, and the manual, have just the words that a flag takes'
	atf_set require.progs bash
}
choices_body()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	for program in udp46 udp46ctl; do
		# Those with a value, but for the optional ones.
		"$build/$program" --help | sed -n 's/^  --\([a-z.-]*\) [A-Z].*/\1/p' >valued
		while read -r flag; do
			choices=$(choices "--$flag")
			[ -n "$choices" ] || continue
			echo "$program --$flag: $choices" | tee -a found
			offers "$choices" "--$flag" ''
			atf_check_equal "$choices" "$(words "$completion/$program.zsh" ".*--$flag=\\[.*:\\((.*)\\)'.*")"
			atf_check_equal "$choices" "$(words "$completion/$program.fish" ".* -l $flag -x -a '([^']*)'.*")"
			atf_check_equal "$choices" "$(words "$UDP46_SRCDIR/man/$program.8" "^\\.It Fl -$flag Cm (.*)")"
		done <valued
	done
	[ "$(wc -l <found)" -ge 6 ] || atf_fail 'hardly a flag that takes one of several words'
}

atf_test_case others
others_head()
{
	atf_set descr 'zsh and fish: every flag and command, and no other'
	atf_set require.progs 'zsh fish'
}
others_body()
{
	for program in udp46 udp46ctl; do
		flags | sort >expected
		grep -o -e '--[a-z.-]*[a-z]\(=-\{0,1\}\)\{0,1\}\[' -e '--[a-z]*}' "$completion/$program.zsh" |
		    tr -d '=[}' | sed 's/-$//' | sort >got
		atf_check diff -u expected got
		sed -n "s/^complete -c $program .*-l \([a-z.-]*\).*/--\1/p" "$completion/$program.fish" | sort >got
		atf_check diff -u expected got
		commands | sort >expected
		sed -n "s/.*'1:command:(\(.*\))'.*/\1/p" "$completion/$program.zsh" | tr ' ' '\n' | sort >got
		atf_check diff -u expected got
		sed -n "s/^complete -c $program .*__fish_use_subcommand -a \([a-z]*\) .*/\1/p" \
		    "$completion/$program.fish" | sort >got
		atf_check diff -u expected got
		for shell in zsh fish; do
			atf_check $shell -n "$completion/$program.$shell"
		done
	done
}

# fish_offers PROGRAM LINE WORDS
fish_offers()
{
	fish --no-config -c "source '$completion/$1.fish'; complete -C '$2'" >offered
	atf_check_equal "$3" "$(cut -f 1 offered | xargs)"
}

atf_test_case fish
fish_head()
{
	atf_set descr 'what fish offers when it is asked'
	atf_set require.progs fish
}
fish_body()
{
	fish_offers udp46 'udp46 --log-level ' 'debug error info warn'
	fish_offers udp46 'udp46 --upst' '--upstream --upstream-ports --upstream-source'
	fish_offers udp46ctl 'udp46ctl sta' status
}

atf_init_test_cases()
{
	atf_add_test_case fish
	atf_add_test_case bash_flags
	atf_add_test_case bash_values
	atf_add_test_case bash_commands
	atf_add_test_case choices
	atf_add_test_case others
}
