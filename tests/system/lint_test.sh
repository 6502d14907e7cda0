# The checks of `make lint` that are ours: they find what they are for, and nothing else.

lint()
{
	[ -n "${UDP46_SRCDIR-}" ] || atf_skip 'UDP46_SRCDIR does not name the source tree'
	lint=$UDP46_SRCDIR/tests/lint
}

# A small program: top.c uses middle.c, that uses bottom.c, and other/ uses them all.
make_tree()
{
	lint
	mkdir folder other
	for name in top middle bottom; do
		echo "int ${name}_call(int);" >folder/$name.h
	done
	echo 'extern const int bottom_table[2];' >>folder/bottom.h
	cat >folder/top.c <<-'END'
	#include "top.h"
	#include "middle.h"
	int top_call(int n) { return middle_call(n); }
	END
	cat >folder/middle.c <<-'END'
	#include "middle.h"
	#include "bottom.h"
	int middle_call(int n) { return bottom_call(n) + bottom_table[n]; }
	END
	cat >folder/bottom.c <<-'END'
	#include <stdlib.h>
	#include "bottom.h"
	const int bottom_table[2] = { 1, 2 };
	int bottom_call(int n) { return abs(n); }
	END
	cat >other/other.c <<-'END'
	#include "../folder/top.h"
	#include "../folder/bottom.h"
	int other_call(int n);
	int other_call(int n) { return top_call(n) + bottom_call(n); }
	END
}

# structure FOLDERS: what the check says goes to `faults`; returns its status.
structure()
{
	mkdir -p built/folder built/other
	for source in folder/*.c other/*.c; do
		"${CC:-cc}" -c -o "built/${source%.c}.o" "$source" || atf_fail "cannot compile $source"
	done
	sh "$lint/structure.sh" built "$1" built/*/*.o >faults
}

atf_test_case tree
tree_head()
{
	atf_set descr 'calls that all go down are no fault'
}
tree_body()
{
	make_tree
	structure 'folder other' || atf_fail "$(cat faults)"
	atf_check cat faults
	# A file of another folder that is called from below, too, is that folder's own affair.
	sed -i 's/return abs(n)/int other_call(int); return other_call(n)/' folder/bottom.c
	structure folder || atf_fail "$(cat faults)"
}

atf_test_case circle
circle_head()
{
	atf_set descr 'a circle is a fault: its files and the symbols that close it, no others'
}
circle_body()
{
	make_tree
	sed -i 's/return abs(n)/return middle_call(n)/; 1i #include "middle.h"' folder/bottom.c
	structure 'other folder' && atf_fail 'a circle of two is no fault'
	atf_check -o file:faults cat <<-'END'
	circle: folder/bottom.c uses middle_call of folder/middle.c
	circle: folder/middle.c uses bottom_call bottom_table of folder/bottom.c
	END
	sed -i 's/middle/top/g' folder/bottom.c
	structure folder && atf_fail 'a circle of three is no fault'
	atf_check -o file:faults cat <<-'END'
	circle: folder/bottom.c uses top_call of folder/top.c
	circle: folder/middle.c uses bottom_call bottom_table of folder/bottom.c
	circle: folder/top.c uses middle_call of folder/middle.c
	END
	structure other || atf_fail 'a folder that is not judged is'
}

atf_test_case header
header_head()
{
	atf_set descr 'what another file uses must be in the header of the same name'
}
header_body()
{
	make_tree
	echo 'int bottom_call(int);' >>folder/middle.h
	sed -i /bottom_call/d folder/bottom.h
	structure folder && atf_fail 'a prototype in the header of another file is no fault'
	atf_check -o file:faults cat <<-'END'
	folder/bottom.c: bottom_call, which folder/middle.c uses, is not declared in folder/bottom.h
	folder/bottom.c: bottom_call, which other/other.c uses, is not declared in folder/bottom.h
	END
	# A longer name is another one; and a file without a header declares nothing.
	echo 'int bottom_call_of(int), my_bottom_call(int);' >>folder/bottom.h
	structure folder && atf_fail 'a name within a name counts'
	make_tree_again
	cat folder/top.h >>folder/middle.h
	sed -i /top.h/d folder/top.c
	sed -i s/top.h/middle.h/ other/other.c
	rm folder/top.h
	structure folder && atf_fail 'no header is no fault'
	atf_check -o file:faults echo \
	    'folder/top.c: top_call, which other/other.c uses, is not declared in folder/top.h'
}
make_tree_again()
{
	rm -r folder other built
	make_tree
}

atf_test_case names
names_head()
{
	atf_set descr 'two files of one name are a fault, in whatever folders'
}
names_body()
{
	make_tree
	echo 'int another_call(void); int another_call(void) { return 0; }' >other/middle.c
	structure folder && atf_fail 'two files of one name are no fault'
	atf_check -o file:faults echo \
	    'other/middle.c: has the name of folder/middle.c, and an archive keeps one of them'
	mv other/middle.c other/amiddle.c
	rm built/other/middle.o
	structure folder || atf_fail "$(cat faults)"
}

atf_test_case length
length_head()
{
	atf_set descr 'a function of 60 lines passes, one of 61 does not'
}
length_body()
{
	lint
	for lines in 60 61; do
		{
			printf 'struct {\n\tint a;\n};\n\nint\nshort(void)\n{\n}\n\nint\nlong(void)\n{\n'
			seq $((lines - 2)) | sed 's/.*/\tx();/'
			echo '}'
			seq 100 | sed 's/.*/int x;/'
		} >of_$lines.c
	done
	atf_check awk -f "$lint/length.awk" of_60.c
	atf_check -s exit:1 -o inline:'of_61.c:12: a function of 61 lines\n' \
	    awk -f "$lint/length.awk" of_60.c of_61.c of_60.c
}

atf_init_test_cases()
{
	for case in tree circle header names length; do
		atf_add_test_case $case
	done
}
