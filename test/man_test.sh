# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# The manual: well formed, complete, and its programs work.

man=$srcdir/kqueue.3

atf_test_case lint
lint_head()
{
	atf_set descr "mandoc has nothing to say about the manual"
	atf_set require.progs mandoc
}
lint_body()
{
	# Which other manuals are installed here is not this one's matter.
	mandoc -Tlint -Wstyle "$man" 2>&1 | grep -v \
	    -e 'referenced manual not found' -e 'outdated mandoc.db' >lint
	atf_check -o empty cat lint
}

atf_test_case names
names_head()
{
	atf_set descr "every name of the header is in the manual"
}
names_body()
{
	sed -n 's/^#[ \t]*define[ \t]*\(\(EV\|EVFILT\|NOTE\|VQ\)_[A-Z0-9_]*\).*/\1/p' \
	    "$srcdir/include/sys/event.h" | sort -u >names
	atf_check test -s names
	while read -r name; do
		grep -q -w "$name" "$man" || echo "$name"
	done <names >missing
	for name in kqueue kqueue1 kevent libkqueue_version KQUEUE_DIALECT; do
		grep -q -w "$name" "$man" || echo "$name"
	done >>missing
	atf_check -o empty cat missing
}

# The literal displays with a main() in them, as example1.c and so on.
extract()
{
	awk '
	/^\.Bd .*-literal/ { on = 1; text = ""; next }
	/^\.Ed/ {
		if (on && text ~ /main\(/)
			printf "%s", text >("example" ++n ".c")
		on = 0
	}
	on && !/^\.\\"/ {
		gsub(/\\&/, "")
		gsub(/\\-/, "-")
		gsub(/\\\(aq/, "\047")
		gsub(/\\\(dq/, "\"")
		gsub(/\\e|\\\(rs/, "\\")
		text = text $0 "\n"
	}' "$man"
}

atf_test_case examples
examples_head()
{
	atf_set descr "the programs of EXAMPLES compile without a warning and run"
	atf_set timeout 120
}
examples_body()
{
	extract
	ls example*.c >list || atf_fail "no program in the manual"
	while read -r c; do
		echo "$c:"
		atf_check $CC -Wall -Wextra -Werror -I"$srcdir/include" \
		    -o "${c%.c}" "$c" -L"$builddir" -lkqueue \
		    -Wl,-rpath,"$builddir"
		atf_check -o ignore -e ignore timeout 10 "./${c%.c}" </dev/null
	done <list
}

atf_init_test_cases()
{
	atf_add_test_case lint
	atf_add_test_case names
	atf_add_test_case examples
}
