# The manual pages tell the truth: every example in them works, and they name the options that there are.

. "$(atf_get_srcdir)/anywhere.subr"

udp46=$(atf_get_srcdir)/../../udp46

manual()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	cat "$UDP46_SRCDIR"/man/*.[1-9]
}

# displays KIND: writes each display "Checked as: KIND" to a file display.N, as a reader would see it.
displays()
{
	manual | awk -v kind="$1" '
		/^\.\\" Checked as: / { marked = $4; next }
		/^\.(Bd -literal|Dl)/ { if (marked == kind) file = "display." ++n; marked = "" }
		/^\.(Bd|Ed)/ { if (/^\.Ed/) file = ""; next }
		file != "" {
			is_line = sub(/^\.Dl /, "")
			gsub(/\\e/, "\\")
			gsub(/\\&/, "")
			print > file
			if (is_line) file = ""
		}'
	ls display.* >/dev/null 2>&1 || atf_fail "no display is marked as $1"
}

# Who runs a display is told by its mark: the first word, and what the test has of it.  A picture is
# just looked at.
atf_test_case marked
marked_head()
{
	atf_set descr 'every display says how it is checked, and there is a test that does'
}
marked_body()
{
	cat >runners <<-'END'
	udp46 manual_test displays udp46
	options manual_test displays options
	socket manual_test displays socket
	conf manual_test displays conf
	file manual_test displays file
	nft manual_test displays nft
	wireguard manual_test displays wireguard
	said manual_test displays said
	step manual_test displays step
	ctl ctl_test ctl\.\*
	top ctl_test top\.\*
	commands guide_test take_steps$
	works guide_test try_works$
	END
	manual | awk '
		/^\.\\" Checked as: / { mark = $4 " " $5; next }
		/^\.(Bd|Dl)/ { print mark == "" ? "none line_" NR : mark }
		{ mark = "" }' | sort -u >marks
	[ "$(wc -l <marks)" -gt 15 ] || atf_fail 'hardly a display'
	while read -r kind name; do
		case $kind in
		picture) continue ;;
		seen) program=guide_test pattern="(play|fails_as) $name( |\$)" ;;
		*) read -r program pattern <<-END || true ;;
			$(sed -n "s/^$kind //p" runners)
			END
		esac
		{ [ -n "$pattern" ] && grep -qE -e "^[^#]*$pattern" "$UDP46_SRCDIR/tests/system/$program.sh"; } ||
		    echo "$kind $name: nobody checks that"
	done <marks >missing
	atf_check cat missing
}

# The margin of a page is 5 columns, and that of -offset indent 6.
atf_test_case width
width_head()
{
	atf_set descr 'no display is wider than a terminal of 80 columns'
}
width_body()
{
	manual | expand | awk '
		/^\.Bd/ { wide = /-offset indent/ ? 69 : 75; next }
		/^\.Ed/ { wide = 0 }
		/^\.Dl / { if (length($0) - 4 > 69) print; next }
		wide { line = $0; gsub(/\\[e&]/, "\\", line); if (length(line) > wide) print }' >too_wide
	atf_check cat too_wide
}

# in_example FILE: run it in a mount namespace of its own, whose /etc knows the name of the
# examples.  What it calls udp46 adds these options.
in_example()
{
	mkdir -p etc
	cp /etc/passwd /etc/group etc
	echo 'hosts: files' >etc/nsswitch.conf
	echo '2001:db8:100::10 home.example.net' >etc/hosts
	cat >run <<-END
	set -e
	mount --bind etc /etc
	udp46() { '$udp46' "\$@" --check --user nobody; }
	. "\$1"
	END
	cat "$1"
	anywhere unshare --mount --propagation private sh run "./$1" >/dev/null 2>errors ||
	    atf_fail "$(cat errors)"
}

atf_test_case commands
commands_head()
{
	atf_set descr 'every command line in the manual passes --check'
	atf_set require.user root
}
commands_body()
{
	displays udp46
	for file in display.*; do
		in_example "$file"
	done
}

atf_test_case configurations
configurations_head()
{
	atf_set descr 'every configuration file in the manual passes --check, and so does what it comes to'
	atf_set require.user root
}
configurations_body()
{
	displays conf
	for file in display.*; do
		cat "$file"
		echo "udp46 --config $file >comes-to && udp46 --config comes-to >again" >example
		in_example example
		atf_check cmp comes-to again
	done
}

atf_test_case files
files_head()
{
	atf_set descr 'what the manual makes a file of, that file comes to'
	atf_set require.user root
}
files_body()
{
	displays file
	for file in display.*; do
		rm -f udp46.conf
		in_example "$file"
		[ -s udp46.conf ] || atf_fail "no udp46.conf of $file"
	done
}

atf_test_case options
options_head()
{
	atf_set descr 'every UDP46_OPTIONS in the manual passes --check, split as systemd does'
	atf_set require.user root
}
options_body()
{
	displays options
	for file in display.*; do
		cat "$file"
		UDP46_OPTIONS=
		. "./$file"
		[ -n "$UDP46_OPTIONS" ] || atf_fail 'no options'
		# shellcheck disable=SC2086 # the point
		anywhere "$udp46" $UDP46_OPTIONS --check --user nobody >/dev/null 2>errors ||
		    atf_fail "$(cat errors)"
	done
}

atf_test_case socket_units
socket_units_head()
{
	atf_set descr 'every socket unit in the manual is one'
	atf_set require.progs systemd-analyze
}
socket_units_body()
{
	displays socket
	sed "s|@SBINDIR@|$(cd "$(dirname "$udp46")" && pwd)|" \
	    "$UDP46_SRCDIR/supervisor/udp46.service.in" >udp46.service
	for file in display.*; do
		cp "$file" udp46.socket
		atf_check systemd-analyze verify --man=no ./udp46.socket
		# It does complain of what is wrong.
		sed 's/^ListenDatagram=.*/&0000/' "$file" >udp46.socket
		atf_check -s ignore -e not-empty systemd-analyze verify --man=no ./udp46.socket
	done
}

atf_test_case nftables
nftables_head()
{
	atf_set descr 'every rule set in the manual loads'
	atf_set require.user root
	atf_set require.progs nft
}
nftables_body()
{
	displays nft
	for file in display.*; do
		atf_check unshare --net nft --check --file "$file"
	done
}

atf_test_case wireguard
wireguard_head()
{
	atf_set descr 'every WireGuard configuration in the manual is one'
	atf_set require.progs wg wg-quick
}
wireguard_body()
{
	displays wireguard
	key=$(wg genkey)
	for file in display.*; do
		grep -q '_KEY$' "$file" || atf_fail "$file has no key to fill in"
		sed "s|[A-Z]*_[A-Z]*_KEY|$key|" "$file" >wg0.conf
		chmod 600 wg0.conf
		atf_check -o save:stripped wg-quick strip ./wg0.conf
		# It reads all of it before it finds that there is no such interface.
		wg setconf udp46-none stripped 2>errors && atf_fail 'configured an interface that does not exist'
		atf_check -o ignore grep 'Unable to modify interface' errors
	done
}

atf_test_case said
said_head()
{
	atf_set descr 'what the manual says of a wrong file is said of it'
}
said_body()
{
	displays said
	printf '%s\n' 'user a' 'listen 0.0.0.0:51820' 'user b' >udp46.conf
	"$udp46" --check --config udp46.conf 2>errors && atf_fail 'a wrong file is right'
	cat errors
	for file in display.*; do
		atf_check -o ignore grep -x -F -e "$(cat "$file")" errors
	done
}

atf_test_case steps
steps_head()
{
	atf_set descr 'a command that stands in several pages is one that the test of the guide runs'
}
steps_body()
{
	displays step
	mkdir of_guide
	cd of_guide || atf_fail 'no folder'
	displays commands
	for file in ../display.*; do
		grep -q -x -F -e "$(cat "$file")" display.* || atf_fail "not in udp46-wireguard(7): $(cat "$file")"
	done
}

atf_test_case flags
flags_head()
{
	atf_set descr 'the manual and --help name the same options'
}
flags_body()
{
	atf_check -o save:help "$udp46" --help
	grep -oE -e '(^|[ ,|[])--?[a-z][a-z.-]*' help | tr -d ' ,|[' | sed 's/^-*//' | sort -u >helped
	manual | sed -n '1,/^\.Ss Sessions/p' | grep '^\.It Fl ' |
	    grep -oE -e '(Fl|,) -?[a-z][a-z.-]*' | sed 's/^.* -*//' | sort -u >documented
	cat helped
	[ "$(wc -l <helped)" -gt 20 ] || atf_fail 'hardly an option in --help'
	atf_check diff -u helped documented
	# All but those of the command line alone have their line in the other page.
	sed -n '/^\.Ss The options/,/^\.El/s/^\.It Cm \([a-z.-]*\) .*/\1/p' \
	    "$UDP46_SRCDIR/man/udp46.conf.5" | sort >documented
	grep -v -x -e config -e check -e version -e help -e '.' helped >configured
	atf_check diff -u configured documented
}

# records: of each record that the source can make, its message and its keys, a line each.
records()
{
	(cd "$UDP46_SRCDIR" && find common relay supervisor -name '*.c') | while read -r file; do
		awk '{ text = text " " $0 }
		END {
			while (match(text, /(log_(debug|info|warn|error)|fatal)\([ \t]*"[^"]*",[ \t]*"/)) {
				split(substr(text, RSTART, RLENGTH), part, "\"")
				text = substr(text, RSTART + RLENGTH - 1)
				fields = ""
				while (match(text, /^[ \t]*"[^"]*"/)) {
					fields = fields substr(text, RSTART, RLENGTH)
					text = substr(text, RLENGTH + 1)
				}
				gsub(/"[ \t]*"/, "", fields)
				line = part[2] "\t"
				n = split(fields, field, /[" ]+/)
				for (i = 1; i <= n; i++)
					if (split(field[i], pair, "=") == 2)
						line = line " " pair[1]
				print line
			}
		}' "$UDP46_SRCDIR/$file"
	done
}

atf_test_case messages
messages_head()
{
	atf_set descr 'every message that can be in the log is in the manual, with its keys'
}
messages_body()
{
	manual >pages
	records >told
	# There are no more calls than were read, but for the definition of the last.
	calls=$(cd "$UDP46_SRCDIR" && grep -rohE --include='*.c' '(log_(debug|info|warn|error)|fatal)\(' \
	    common relay supervisor | wc -l)
	atf_check_equal $((calls - 1)) "$(wc -l <told)"
	sed -n '/^\.Ss Log$/,/^\.Sh/p' pages | awk -F '\t' '
		FILENAME == "-" && /^\.It / {
			n = split(substr($0, 5), name, " , ")
			next
		}
		FILENAME == "-" {
			for (i = 1; i <= n; i++)
				item[name[i]] = item[name[i]] " " $0
			next
		}
		!($1 in item) {
			print "not in the manual: " $1
			next
		}
		{
			n = split($2, key, " ")
			for (i = 1; i <= n; i++) {
				# Their reasons and operations are among the metrics.
				sub(/^drops_.*/, "drops_", key[i])
				sub(/^errors_.*/, "errors_", key[i])
				if (item[$1] " " !~ "[^a-z0-9_]" key[i] "[^a-z0-9_]")
					print "not a key of " $1 ": " key[i]
			}
		}' - told >missing
	atf_check cat missing
}

atf_test_case signals
signals_head()
{
	atf_set descr 'every signal that is taken or ignored is in the manual, and no other'
}
signals_body()
{
	manual >pages
	sed -n '/^static const int [a-z]*\[\] = {/,/;/p' "$UDP46_SRCDIR/supervisor/signals.c" |
	    grep -o 'SIG[A-Z0-9]*' | sort >known
	[ "$(wc -l <known)" -gt 5 ] || atf_fail 'hardly a signal in the source'
	sed -n '/^\.Ss Signals$/,/^\.El/s/^\.It Dv //p' pages | tr -d ' ' | tr ',' '\n' | sort >documented
	atf_check diff -u known documented
}

atf_test_case places
places_head()
{
	atf_set descr 'every file that is opened by a name of its own is in the manual'
}
places_body()
{
	manual >pages
	(cd "$UDP46_SRCDIR" && grep -rhoE --include='*.c' '"(unix:)?/(dev|etc|proc|run|usr|var)[a-z0-9_/.%-]*' \
	    common relay supervisor) | sed 's/^"\(unix:\)\{0,1\}//; /^\/proc$/d; s|/self/fd/%d|/self/fd|; s/%d/PID/' |
	    sort -u >opened
	[ "$(wc -l <opened)" -gt 10 ] || atf_fail 'hardly a file in the source'
	while read -r file; do
		grep -E '(Pa|,) ' pages | grep -qE -e " $file( |\$)" || echo "not in the manual: $file"
	done <opened >missing
	atf_check cat missing
}

atf_test_case statuses
statuses_head()
{
	atf_set descr 'every exit status is in the manual, and no other'
}
statuses_body()
{
	# sections FILE: the statuses of its EXIT STATUS.
	sections()
	{
		sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/s/^\.It \([0-9]\)$/\1/p' "$UDP46_SRCDIR/man/$1" | sort -u
	}
	manual >/dev/null
	{
		echo 0
		(cd "$UDP46_SRCDIR" && sed -n 's/^#define EXIT_[A-Z]* \([0-9]*\).*/\1/p' common/log.h)
	} | sort -u >known
	sections udp46.8 >documented
	atf_check diff -u known documented
	names=$(sed -n 's/.*verdict_level_names\[\] = { \(.*\) };/\1/p' "$UDP46_SRCDIR/supervisor/ctl/verdict.c" |
	    tr -d '",')
	[ -n "$names" ] || atf_fail 'no levels in the source'
	status=0
	for name in $names; do
		sed -n '/^\.Sh EXIT STATUS/,/^\.Pp/p' "$UDP46_SRCDIR/man/udp46ctl.8" |
		    grep -A 1 "^\.It $status\$" | grep -q "^${name}[:.]" || atf_fail "no status $status, $name"
		status=$((status + 1))
	done
	[ "$(sections udp46ctl.8 | wc -l)" -eq $status ] || atf_fail 'another number of statuses'
	sed -n 's/^#define EXIT_[A-Z]* \([0-9]*\).*/.It \1/p' "$UDP46_SRCDIR/supervisor/ctl/settings.h" >known
	[ -s known ] || atf_fail 'no status in the source'
	sed -n '/^All others/,/^\.El/p' "$UDP46_SRCDIR/man/udp46ctl.8" | grep -x '\.It [1-9]' >documented
	atf_check diff -u known documented
}

atf_test_case restarts
restarts_head()
{
	atf_set descr 'each row of the table of restarts is shown by a test that there is'
}
restarts_body()
{
	sed -n '/^\.Ss Upgrades, restarts/,/^\.El/p' "$UDP46_SRCDIR/man/udp46.8" >section
	sed -n 's/^\.\\" //p' section >tests
	atf_check_equal "$(grep -c '^\.It ' section)" "$(($(wc -l <tests) + 1))"
	[ "$(wc -l <tests)" -gt 5 ] || atf_fail 'hardly a row'
	while IFS=: read -r program case; do
		grep -qE "^(root|host)_case $case " "$UDP46_SRCDIR/tests/system/$program.sh" ||
		    echo "there is no $program:$case"
	done <tests >missing
	atf_check cat missing
}

atf_test_case metrics
metrics_head()
{
	atf_set descr 'every metric, and every reason and operation that is counted, is in the manual'
}
metrics_body()
{
	manual >pages
	cd "$UDP46_SRCDIR" || atf_fail 'no source tree'
	{
		grep -ohE '\b(udp46|process)_[a-z_]+' supervisor/metrics/prometheus.c |
		    sed 's/.*/^\\.It .*&( |$)/'
		sed -n '/^const char \*const/,/^};/s/^	"\(.*\)",$/\1/p' common/totals.c
	} | sort -u >"$OLDPWD/patterns"
	cd "$OLDPWD" || atf_fail 'no directory'
	[ "$(wc -l <patterns)" -gt 40 ] || atf_fail 'hardly a metric in the source'
	while read -r pattern; do
		grep -qwE -e "$pattern" pages || echo "not in the manual: $pattern"
	done <patterns >missing
	atf_check cat missing
}

atf_test_case migration
migration_head()
{
	atf_set descr 'the options, metrics and fields that came along from the program in Go are there'
}
migration_body()
{
	manual | sed -n '/^\.Sh MIGRATION/,/^\.Sh SEE/p' >section
	cd "$UDP46_SRCDIR" || atf_fail 'no source tree'
	sed -n 's/^\.Fl -\([a-z.-]*\).*/[{] "\1",/p' "$OLDPWD/section" >"$OLDPWD/patterns"
	grep -oE '\budp46_[a-z_]+\b' "$OLDPWD/section" | sed 's/.*/"&["{]/' >>"$OLDPWD/patterns"
	sed -n '/^\.Ss Sessions as JSON/,/^state is new/p' "$OLDPWD/section" | grep -oE '[a-z]+_[a-z_]+|created' |
	    sed 's/.*/"&\\\\"/' >>"$OLDPWD/patterns"
	[ "$(wc -l <"$OLDPWD/patterns")" -gt 45 ] || atf_fail 'hardly a name'
	while read -r pattern; do
		grep -rqE -e "$pattern" supervisor || echo "not in the source: $pattern"
	done <"$OLDPWD/patterns" >"$OLDPWD/missing"
	cd "$OLDPWD" || atf_fail 'no directory'
	atf_check cat missing
}

atf_test_case numbers
numbers_head()
{
	atf_set descr 'what a datagram costs is what the record of the last run says'
}
numbers_body()
{
	manual | awk '
		/^\.\\" bench: / { title = substr($0, 12); next }
		title != "" { n = split($0, cell, " Ta "); print cell[n - 1] " " cell[n] " " title; title = "" }' >rows
	[ "$(wc -l <rows)" -gt 5 ] || atf_fail 'hardly a row'
	while read -r ours others title; do
		# The CPU time in ns is the fifth number after the name; a new line has no title.
		grep -m 1 -A 1 -e "^$title " "$UDP46_SRCDIR/tests/bench/bench.txt" | awk '
			{ for (i = 1; i < NF && $i != "udp46" && $i != "nginx"; i++) continue
			us = $(i + 5) / 1000
			printf us < 9.95 ? "%.1f " : "%.0f ", us }' >recorded
		[ "$(cat recorded)" = "$ours $others " ] || echo "$title: $(cat recorded)"
	done <rows >differ
	atf_check cat differ
}

atf_init_test_cases()
{
	atf_add_test_case marked
	atf_add_test_case width
	atf_add_test_case commands
	atf_add_test_case configurations
	atf_add_test_case files
	atf_add_test_case options
	atf_add_test_case socket_units
	atf_add_test_case nftables
	atf_add_test_case wireguard
	atf_add_test_case said
	atf_add_test_case steps
	atf_add_test_case flags
	atf_add_test_case messages
	atf_add_test_case signals
	atf_add_test_case places
	atf_add_test_case statuses
	atf_add_test_case metrics
	atf_add_test_case restarts
	atf_add_test_case migration
	atf_add_test_case numbers
}
