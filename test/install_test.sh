# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# make install, pkg-config, a program, make uninstall.

# Nothing of the make that runs us; everything is built already.
write_make()
{
	cat >run_make <<EOF
#!/bin/sh
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
cd '$builddir' && exec $MAKE -f '$srcdir/Makefile' srcdir='$srcdir' \\
    CC='$CC' PREFIX=/opt/kq "\$@"
EOF
	chmod 755 run_make
}

atf_test_case install
install_head()
{
	atf_set descr "what is installed can be used through pkg-config, and removed"
	atf_set require.progs pkg-config
}
install_body()
{
	write_make
	d=$(pwd)/dest
	atf_check -o ignore -e ignore ./run_make DESTDIR="$d" install
	(cd dest && find . ! -type d | LC_ALL=C sort) >files
	cat >want <<'EOF'
./opt/kq/include/kqueue/sys/event.h
./opt/kq/lib/libkqueue.a
./opt/kq/lib/libkqueue.so
./opt/kq/lib/libkqueue.so.1
./opt/kq/lib/libkqueue.so.1.0.0
./opt/kq/lib/pkgconfig/libkqueue.pc
./opt/kq/share/man/man3/kevent.3
./opt/kq/share/man/man3/kqueue.3
EOF
	atf_check diff -u want files

	PKG_CONFIG_PATH=$d/opt/kq/lib/pkgconfig
	export PKG_CONFIG_PATH
	atf_check -o inline:"1.0.0\n" pkg-config --modversion libkqueue
	atf_check -o match:"-I/opt/kq/include/kqueue" \
	    -o match:"-L/opt/kq/lib" -o match:"-lkqueue" \
	    pkg-config --cflags --libs libkqueue

	cat >prog.c <<'EOF'
#include <sys/event.h>
#include <string.h>

int
main(void)
{
	return (kqueue() == -1 ||
	    strcmp(libkqueue_version(), LIBKQUEUE_VERSION) != 0);
}
EOF
	PKG_CONFIG_SYSROOT_DIR=$d
	export PKG_CONFIG_SYSROOT_DIR
	atf_check $CC -Wall -Werror -o prog prog.c \
	    $(pkg-config --cflags --libs libkqueue)
	atf_check env LD_LIBRARY_PATH="$d/opt/kq/lib" ./prog
	atf_check -o match:'libkqueue\.so\.1\]' readelf -d prog
	# Statically, where the shared library is not.
	rm "$d"/opt/kq/lib/libkqueue.so*
	atf_check $CC -Wall -Werror -o prog prog.c \
	    $(pkg-config --static --cflags --libs libkqueue)
	atf_check ./prog
	atf_check -o not-match:libkqueue readelf -d prog

	atf_check -o ignore -e ignore ./run_make DESTDIR="$d" install
	atf_check -o ignore -e ignore ./run_make DESTDIR="$d" uninstall
	atf_check -o empty find dest ! -type d
	atf_check -s exit:1 test -d dest/opt/kq/include/kqueue
}

atf_test_case directories
directories_head()
{
	atf_set descr "LIBDIR, INCLUDEDIR and MANDIR are obeyed"
}
directories_body()
{
	write_make
	d=$(pwd)/dest
	set -- DESTDIR="$d" LIBDIR=/l INCLUDEDIR=/i MANDIR=/m
	atf_check -o ignore -e ignore ./run_make "$@" install
	for f in l/libkqueue.a l/libkqueue.so.1 l/pkgconfig/libkqueue.pc \
	    i/kqueue/sys/event.h m/man3/kqueue.3; do
		atf_check test -e "$d/$f"
	done
	atf_check -o ignore grep -x "libdir=/l" "$d/l/pkgconfig/libkqueue.pc"
	atf_check -o ignore -e ignore ./run_make "$@" uninstall
	atf_check -o empty find dest ! -type d
}

atf_init_test_cases()
{
	atf_add_test_case install
	atf_add_test_case directories
}
