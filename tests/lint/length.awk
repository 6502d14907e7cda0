# A function has at most 60 lines, from its first brace to its last: it fits a screen.  KNF and
# clang-format put these two braces, and no other, at the beginning of a line.
#
# usage: awk -f tests/lint/length.awk FILE...

/^{/ { first = FNR }

/^}/ && first {
	if (FNR - first + 1 > 60) {
		print FILENAME ":" first ": a function of " FNR - first + 1 " lines"
		status = 1
	}
	first = 0
}

END { exit status }
