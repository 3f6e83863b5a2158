# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# What the two libraries show to the linker.

so=$builddir/libkqueue.so.1.0.0
map=$srcdir/libkqueue.map

# The names of the map: NAME@@NODE, and bare names for the interposed ones.
# With "static", what of that is in the static library.
map_names()
{
	awk -v static="$1" '
	/^LIBKQUEUE_/ { node = $1 }
	/^}/ { node = "" }
	/^ \* interposed.*:$/ { bare = !(static && /static/); next }
	bare && $1 == "*" && NF == 2 { print $2 }
	bare && NF != 2 { bare = 0 }
	node != "" && /^\t[a-z].*;$/ {
		sub(/;/, "", $1)
		print $1 "@@" node
	}' "$map" | LC_ALL=C sort
}

atf_test_case exported
exported_head()
{
	atf_set descr "the shared library exports the names of the map, and no other"
}
exported_body()
{
	map_names >want
	atf_check -s exit:0 -o ignore test -s want
	nm -D --defined-only "$so" | awk '$2 != "A" { print $3 }' |
	    LC_ALL=C sort >got
	atf_check diff -u want got
}

atf_test_case static_names
static_names_head()
{
	atf_set descr "the static library's global names are those of the map, and no other"
}
static_names_body()
{
	map_names static | sed 's/@.*//' | LC_ALL=C sort >want
	nm -g --defined-only "$builddir/libkqueue.a" |
	    awk 'NF == 3 { print $3 }' | LC_ALL=C sort >got
	atf_check diff -u want got
}

atf_test_case dynamic_section
dynamic_section_head()
{
	atf_set descr "soname, BIND_NOW, NODELETE, no text relocations, nothing needed but libc"
}
dynamic_section_body()
{
	atf_check -o save:d readelf -dW "$so"
	atf_check -o ignore grep 'SONAME.*\[libkqueue\.so\.1\]' d
	atf_check -o ignore grep 'FLAGS_1.*NOW' d
	atf_check -o ignore grep 'FLAGS_1.*NODELETE' d
	atf_check -s exit:1 -o empty grep TEXTREL d
	atf_check -s exit:1 -o empty grep -E 'RPATH|RUNPATH' d
	# Before 2.34 glibc had its threads and its dlsym() apart.
	grep NEEDED d | grep -v -E \
	    '\[(libc\.so(\.6)?|libc\.musl-.*|ld-.*|libdl\.so\.2|libpthread\.so\.0)\]' \
	    >other
	atf_check -o empty cat other
}

atf_test_case hardening
hardening_head()
{
	atf_set descr "RELRO, and a stack that is not executable"
}
hardening_body()
{
	atf_check -o save:l readelf -lW "$so"
	atf_check -o ignore grep GNU_RELRO l
	atf_check -o match:'RW ' grep GNU_STACK l
	atf_check -s exit:1 -o empty grep 'GNU_STACK.*RWE' l
	atf_check -s exit:1 -o empty grep -E 'LOAD.* RWE ' l
}

atf_test_case links
links_head()
{
	atf_set descr "libkqueue.so and libkqueue.so.1 are links to the library"
}
links_body()
{
	for l in libkqueue.so libkqueue.so.1; do
		atf_check -o inline:"libkqueue.so.1.0.0\n" \
		    readlink "$builddir/$l"
	done
}

# A program and a library of which only the program knows kqueue.
sources()
{
	cat >other.c <<'EOF'
#include <unistd.h>

int other(int);

int
other(int fd)
{
	return (close(fd));
}
EOF
	cat >prog.c <<'EOF'
#include <sys/event.h>
#include <unistd.h>

int other(int);

int
main(void)
{
	int kq;

	if ((kq = kqueue()) == -1)
		return (1);
	return (other(dup(0)) != 0 || close(kq) != 0);
}
EOF
	atf_check $CC -shared -fPIC -o libother.so other.c
}

atf_test_case interposes_for_libraries
interposes_for_libraries_head()
{
	atf_set descr "a library that was linked against libc's close() calls ours"
}
interposes_for_libraries_body()
{
	sources
	for how in "-L$builddir -lkqueue -Wl,-rpath,$builddir" \
	    "$builddir/libkqueue.a -pthread -ldl"; do
		atf_check $CC -I"$srcdir/include" -o prog prog.c -L. -lother \
		    -Wl,-rpath,"$(pwd)" $how
		where="$(pwd)/prog|\./prog"
		case $how in *-lkqueue*) where=$builddir/libkqueue.so.1 ;; esac
		atf_check -e save:bindings env LD_DEBUG=bindings ./prog
		atf_check -o ignore grep -E \
		    "binding file .*libother.so .* to ($where) .*symbol .close'" \
		    bindings
	done
}

atf_test_case own_names
own_names_head()
{
	atf_set descr "a program may use the names that are internal to the library"
}
own_names_body()
{
	nm -g --defined-only \
	    $(find "$builddir/src" "$builddir/filters" -name '*.o') |
	    awk '$2 == "T" { print $3 }' | LC_ALL=C sort -u >all
	map_names | sed 's/@.*//' | LC_ALL=C sort >public
	{
		echo '#include <sys/event.h>'
		LC_ALL=C comm -23 all public | while read -r name; do
			echo "int $name(void); int $name(void) { __builtin_abort(); }"
		done
		echo 'int main(void)
		{
			struct kevent kev;
			int kq = kqueue();

			EV_SET(&kev, 1, EVFILT_USER, EV_ADD, 0, 0, 0);
			return (kq == -1 || kevent(kq, &kev, 1, 0, 0, 0) != 0);
		}'
	} >own.c
	for lib in "$builddir/libkqueue.a" \
	    "-L$builddir -lkqueue -Wl,-rpath,$builddir"; do
		atf_check -e ignore $CC -fno-builtin -I"$srcdir/include" \
		    -o own own.c $lib -pthread -ldl
		atf_check ./own
	done
}

atf_init_test_cases()
{
	atf_add_test_case exported
	atf_add_test_case static_names
	atf_add_test_case dynamic_section
	atf_add_test_case hardening
	atf_add_test_case links
	atf_add_test_case interposes_for_libraries
	atf_add_test_case own_names
}
