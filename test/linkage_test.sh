# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# A close that the library sees, and one that it has to find out about: the
# same program, linked in every way that there is.

life=$srcdir/test/linkage/life.c
helper=$srcdir/test/linkage/helper.c
inc="-D_GNU_SOURCE -I$srcdir/include -Wall -Wextra"
lib=$builddir

# build OUTPUT ARGUMENTS: compile and link, in this order.
build()
{
	out=$1
	shift
	# shellcheck disable=SC2086
	atf_check -o ignore -e ignore $CC $CFLAGS $inc -o "$out" "$@"
}

# Skip where there is no static libc.
need_static()
{
	echo 'int main(void) { return 0; }' >s.c
	# shellcheck disable=SC2086
	$CC $CFLAGS "$@" -o s s.c 2>/dev/null && ./s ||
	    atf_skip "cannot link with $*"
}

runs()
{
	atf_check -o inline:"ok\n" env LD_LIBRARY_PATH="$lib:." "$@"
}

atf_test_case linked
linked_head()
{
	atf_set descr "-lkqueue: every close is seen"
}
linked_body()
{
	build life "$life" -L"$lib" -lkqueue
	runs ./life all
}

atf_test_case libc_after
libc_after_head()
{
	atf_set descr "-lkqueue -lc: the same"
}
libc_after_body()
{
	build life "$life" -L"$lib" -lkqueue -lc
	runs ./life all
}

atf_test_case options
options_head()
{
	atf_set descr "-lkqueue with -fno-plt, -O3, -flto, -z now and 64-bit offsets"
}
options_body()
{
	build life -fno-plt "$life" -L"$lib" -lkqueue
	runs ./life all
	build life -O3 -flto "$life" -L"$lib" -lkqueue
	runs ./life all
	build life -O2 -D_FORTIFY_SOURCE=2 -D_FILE_OFFSET_BITS=64 "$life" \
	    -Wl,-z,now -Wl,--as-needed -L"$lib" -lkqueue
	runs ./life all
}

atf_test_case libc_first
libc_first_head()
{
	atf_set descr "-lc -lkqueue: a close is found out about"
}
libc_first_body()
{
	build life "$life" -L"$lib" -Wl,--no-as-needed -lc -lkqueue
	runs ./life none
}

atf_test_case preload
preload_head()
{
	atf_set descr "-lc -lkqueue with LD_PRELOAD: every close is seen"
}
preload_body()
{
	build life "$life" -L"$lib" -Wl,--no-as-needed -lc -lkqueue
	atf_check -o inline:"ok\n" env LD_LIBRARY_PATH="$lib" \
	    LD_PRELOAD="$lib/libkqueue.so.1" ./life all
}

atf_test_case client_library
client_library_head()
{
	atf_set descr "a library that was linked with libc alone closes"
}
client_library_body()
{
	build libhelper.so -shared -fPIC "$helper" -lc
	build life -DUSE_HELPER "$life" -L. -L"$lib" -lkqueue -lhelper
	runs ./life all
	build life -DUSE_HELPER "$life" -L. -L"$lib" -lhelper -lkqueue
	runs ./life all
}

atf_test_case second_level
second_level_head()
{
	atf_set descr "a library brings us along behind libc"
}
second_level_body()
{
	build libhelper.so -shared -fPIC -DHELPER_KQUEUE "$helper" \
	    -L"$lib" -lkqueue
	build life "$life" -L. -Wl,-rpath-link,"$lib" -Wl,--no-as-needed \
	    -Wl,--copy-dt-needed-entries -lhelper -lc
	runs ./life none
}

atf_test_case dlopen
dlopen_head()
{
	atf_set descr "dlopen(): a close is found out about"
}
dlopen_body()
{
	for flags in RTLD_LOCAL RTLD_GLOBAL 'RTLD_LOCAL|RTLD_DEEPBIND'; do
		build life -DUSE_DLOPEN "-DDLOPEN_FLAGS=($flags)" "$life" -ldl
		runs ./life none "$lib/libkqueue.so"
	done
}

atf_test_case archive
archive_head()
{
	atf_set descr "libkqueue.a in a dynamic program"
}
archive_body()
{
	build life "$life" "$lib/libkqueue.a" -pthread -ldl
	runs ./life close
}

atf_test_case static
static_head()
{
	atf_set descr "libkqueue.a in a static program"
}
static_body()
{
	need_static -static
	build life -static "$life" "$lib/libkqueue.a" -pthread
	runs ./life close
}

atf_test_case static_libc_first
static_libc_first_head()
{
	atf_set descr "libkqueue.a behind a static libc"
}
static_libc_first_body()
{
	need_static -static
	build life -static "$life" -Wl,--start-group -lc "$lib/libkqueue.a" \
	    -Wl,--end-group -pthread
	runs ./life close
}

atf_test_case static_pie
static_pie_head()
{
	atf_set descr "libkqueue.a in a static position-independent program"
}
static_pie_body()
{
	need_static -static-pie -fPIE
	build life -static-pie -fPIE "$life" "$lib/libkqueue.a" -pthread
	runs ./life close
}

atf_init_test_cases()
{
	atf_add_test_case linked
	atf_add_test_case libc_after
	atf_add_test_case options
	atf_add_test_case libc_first
	atf_add_test_case preload
	atf_add_test_case client_library
	atf_add_test_case second_level
	atf_add_test_case dlopen
	atf_add_test_case archive
	atf_add_test_case static
	atf_add_test_case static_libc_first
	atf_add_test_case static_pie
}
