#!/bin/sh
# Which file stands on which, as nm(1) sees it.  Two rules for the files of a folder: their calls
# make no circle, and what another file uses of NAME.c is declared in NAME.h.  And one for all: no
# two files have one name, since an archive keeps one member of a name, and loses the other.
#
# usage: tests/lint/structure.sh BUILD FOLDERS OBJECT...
#
# FOLDERS is one argument: the folders to judge, separated by blanks.  The objects are those of
# the whole program, BUILD/FOLDER/NAME.o of FOLDER/NAME.c.  Run it where the folders are.
set -eu

build=$1 folders=$2
shift 2

one_name()
{
	printf '%s\n' "$@" | awk -F / -v build="$build/" '{
		path = substr($0, length(build) + 1)
		sub(/o$/, "c", path)
		if ($NF in first)
			print path ": has the name of " first[$NF] ", and an archive keeps one of them"
		else
			first[$NF] = path
	}'
}

nm -A -P -g "$@" >"$build/symbols"
one_name "$@" >"$build/faults"
# The list is read twice: who defines what, then who uses it.
awk -v build="$build/" -v folders="$folders" '
BEGIN {
	n = split(folders, list, " ")
	for (i = 1; i <= n; i++)
		is_judged[list[i] "/"] = 1
}

# FOLDER/NAME of "BUILD/FOLDER/NAME.o:"
function name_of(object)
{
	sub(/\.o:$/, "", object)
	return substr(object, length(build) + 1)
}

function folder_of(name)
{
	sub("[^/]*$", "", name)
	return name
}

function is_declared(symbol, header, line)
{
	if (!(header in text))
		while ((getline line <header) > 0)
			text[header] = text[header] " " line " "
	return text[header] ~ ("[^A-Za-z0-9_]" symbol "[^A-Za-z0-9_]")
}

NR == FNR {
	if ($3 ~ /^[A-TV-Z]$/)
		definer[$2] = name_of($1)
	next
}

$3 == "U" && $2 in definer && folder_of(definer[$2]) in is_judged {
	from = name_of($1)
	to = definer[$2]
	if (!is_declared($2, to ".h"))
		print to ".c: " $2 ", which " from ".c uses, is not declared in " to ".h"
	if (folder_of(from) == folder_of(to)) {
		files[from] = files[to] = 1
		reaches[from, to] = 1
		symbols[from, to] = symbols[from, to] " " $2
	}
}

END {
	# By whatever way (Warshall); then a use is in a circle if there is a way back.
	for (middle in files)
		for (from in files)
			for (to in files)
				if ((from, middle) in reaches && (middle, to) in reaches)
					reaches[from, to] = 1
	for (use in symbols) {
		split(use, ends, SUBSEP)
		if ((ends[2], ends[1]) in reaches)
			print "circle: " ends[1] ".c uses" symbols[use] " of " ends[2] ".c"
	}
}' "$build/symbols" "$build/symbols" | sort >>"$build/faults"
cat "$build/faults"
[ ! -s "$build/faults" ]
