# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# <sys/event.h> by itself: every standard, every compiler that is here.

I="-I${srcdir}/include"
W="-Wall -Wextra -pedantic -Werror"
DIALECTS="KQUEUE_DRAGONFLY KQUEUE_FREEBSD"

compilers()
{
	for c in "$@"; do
		command -v "$c" >/dev/null && echo "$c"
	done
}

# A file that includes the header first, with every C compiler and standard; the
# same for C++.
each_c()
{
	for cc in $(compilers gcc clang musl-gcc); do
		for std in c89 c99 c11 c17 c2x gnu89 gnu11; do
			for d in $DIALECTS; do
				atf_check -s exit:0 -o empty -e empty \
				    $cc -std=$std $W $I -DKQUEUE_DIALECT=$d \
				    -fsyntax-only "$1"
			done
		done
	done
}

each_cxx()
{
	for cc in $(compilers g++ clang++); do
		for std in c++98 c++03 c++11 c++14 c++17 c++20; do
			for d in $DIALECTS; do
				atf_check -s exit:0 -o empty -e empty \
				    $cc -std=$std $W $I -DKQUEUE_DIALECT=$d \
				    -x c++ -fsyntax-only "$1"
			done
		done
	done
}

ev_set_source()
{
	cat <<'EOF'
#include <sys/event.h>
#include <stddef.h>

struct holder {
	int before;
	struct kevent e;
};

void use(struct kevent *, struct holder *, struct kevent *, int);
void names(struct kevent *, int, short, unsigned short, unsigned, long, void *);

void
use(struct kevent *p, struct holder *s, struct kevent *x, int i)
{
	char buf[4];

	EV_SET(p, 0, EVFILT_USER, EV_ADD, 0, 0, 0);
	EV_SET(p + 1, 1, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0, NULL);
	EV_SET(&x[i], (uintptr_t)i, EVFILT_WRITE, EV_ADD, NOTE_LOWAT, i, buf);
	EV_SET(&(s->e), (uintptr_t)s, EVFILT_USER, EV_ADD, 0, 0, &buf[i]);
	EV_SET(&s->e, (uintptr_t)&p, EVFILT_USER, EV_ADD, 0, 0, buf + 1);
	EV_SET(x++, 1, EVFILT_TIMER, EV_ADD, 0, 10 + i, s);
	if (i)
		EV_SET(p, 0, EVFILT_USER, EV_ADD, NOTE_FFCOPY | NOTE_TRIGGER,
		    0, 0);
	else
		EV_SET(p, 0, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, 0);
}

void
names(struct kevent *kevp, int a, short b, unsigned short c, unsigned d,
    long e, void *f)
{
	struct kevent kev, *__kevp = &kev;

	EV_SET(kevp, (uintptr_t)a, b, c, d, e, f);
	EV_SET(__kevp, kevp->ident, kevp->filter, kevp->flags, kevp->fflags,
	    kevp->data, kevp->udata);
	EV_SET(kevp, kev.ident, kev.filter, kev.flags, kev.fflags, kev.data,
	    kev.udata);
}
EOF
}

atf_test_case alone
alone_head()
{
	atf_set descr "the header compiles alone, twice, and after others"
}
alone_body()
{
	cat >alone.c <<'EOF'
#include <sys/event.h>
extern struct timespec unused;
#include <sys/event.h>
EOF
	cat >after.c <<'EOF'
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>
#include <time.h>
extern struct timespec unused;
EOF
	for f in alone.c after.c; do
		for cc in $(compilers gcc clang musl-gcc); do
			atf_check -e empty $cc $W $I -c -o /dev/null $f
		done
		for cc in $(compilers g++ clang++); do
			atf_check -e empty $cc $W $I -x c++ -c -o /dev/null $f
		done
	done
}

atf_test_case no_feature_macros
no_feature_macros_head()
{
	atf_set descr "the header works under any feature macro, and defines none"
}
no_feature_macros_body()
{
	cat >f.c <<'EOF'
#include <sys/event.h>

struct timespec ts;
int (*collect)(int, const struct kevent *, int, struct kevent *, int,
    const struct timespec *) = kevent;
EOF
	for m in _GNU_SOURCE _POSIX_SOURCE _POSIX_C_SOURCE=200809L \
	    _XOPEN_SOURCE=700 _BSD_SOURCE _DEFAULT_SOURCE _ALL_SOURCE; do
		atf_check $CC -std=c99 $I -D$m -Wno-cpp -Wall -Werror \
		    -c -o /dev/null f.c
	done
}

atf_test_case ev_set
ev_set_head()
{
	atf_set descr "C89 to C23 and C++98 to C++20: EV_SET takes anything"
	atf_set timeout 300
}
ev_set_body()
{
	ev_set_source >set.c
	each_c set.c
	each_cxx set.c
}

atf_test_case ev_set_evaluates_once
ev_set_evaluates_once_head()
{
	atf_set descr "EV_SET evaluates each argument once and sets every field"
}
ev_set_evaluates_once_body()
{
	cat >once.c <<'EOF'
#include <sys/event.h>
#include <string.h>

static int n[7];

int
main(void)
{
	struct kevent kev[2], *p = kev;
	char c;
	int i;

	memset(kev, 0xa5, sizeof(kev));
	EV_SET((n[0]++, p++), (n[1]++, 1), (n[2]++, EVFILT_USER),
	    (n[3]++, EV_ADD), (n[4]++, 7), (n[5]++, -9), (n[6]++, &c));
	for (i = 0; i < 7; i++) {
		if (n[i] != 1)
			return (10 + i);
	}
	if (p != &kev[1])
		return (1);
	if (kev[0].ident != 1 || kev[0].filter != EVFILT_USER ||
	    kev[0].flags != EV_ADD || kev[0].fflags != 7 ||
	    kev[0].data != -9 || kev[0].udata != &c)
		return (2);
	return (0);
}
EOF
	atf_check -s exit:0 -o ignore -e empty $CC $I -o once once.c
	atf_check ./once
}

atf_test_case layout
layout_head()
{
	atf_set descr "struct kevent has DragonFly's fields, types and offsets"
}
layout_body()
{
	cat >layout.c <<'EOF'
#include <sys/event.h>
#include <stddef.h>

#define	SAME(f, t) _Static_assert(__builtin_types_compatible_p(		\
	__typeof__(((struct kevent *)0)->f), t), #f)
#define	AT(f, n) _Static_assert(offsetof(struct kevent, f) == (n), #f)

SAME(ident, uintptr_t);
SAME(filter, short);
SAME(flags, unsigned short);
SAME(fflags, unsigned int);
SAME(data, intptr_t);
SAME(udata, void *);
AT(ident, 0);
AT(filter, sizeof(void *));
AT(flags, sizeof(void *) + 2);
AT(fflags, sizeof(void *) + 4);
AT(data, sizeof(void *) + 8);
AT(udata, 2 * sizeof(void *) + 8);
_Static_assert(sizeof(struct kevent) == 3 * sizeof(void *) + 8, "size");
_Static_assert(sizeof(void *) != 8 || sizeof(struct kevent) == 32, "LP64");
EOF
	for cc in $(compilers gcc clang musl-gcc); do
		atf_check $cc -std=gnu11 $I -c -o /dev/null layout.c
	done
}

# DragonFly's names and values.
values()
{
	cat <<'EOF'
EVFILT_READ -1
EVFILT_WRITE -2
EVFILT_AIO -3
EVFILT_VNODE -4
EVFILT_PROC -5
EVFILT_SIGNAL -6
EVFILT_TIMER -7
EVFILT_EXCEPT -8
EVFILT_USER -9
EVFILT_FS -10
EVFILT_MARKER 0xf
EVFILT_SYSCOUNT 10
EV_ADD 0x0001
EV_DELETE 0x0002
EV_ENABLE 0x0004
EV_DISABLE 0x0008
EV_ONESHOT 0x0010
EV_CLEAR 0x0020
EV_RECEIPT 0x0040
EV_DISPATCH 0x0080
EV_SYSFLAGS 0xf800
EV_FLAG1 0x2000
EV_EOF 0x8000
EV_ERROR 0x4000
EV_NODATA 0x1000
EV_HUP 0x0800
NOTE_LOWAT 0x0001
NOTE_OOB 0x0002
NOTE_OLDAPI 0x04000000
NOTE_DELETE 0x0001
NOTE_WRITE 0x0002
NOTE_EXTEND 0x0004
NOTE_ATTRIB 0x0008
NOTE_LINK 0x0010
NOTE_RENAME 0x0020
NOTE_REVOKE 0x0040
NOTE_EXIT 0x80000000
NOTE_FORK 0x40000000
NOTE_EXEC 0x20000000
NOTE_PCTRLMASK 0xf0000000
NOTE_PDATAMASK 0x000fffff
NOTE_TRACK 0x00000001
NOTE_TRACKERR 0x00000002
NOTE_CHILD 0x00000004
NOTE_FFNOP 0x00000000
NOTE_FFAND 0x40000000
NOTE_FFOR 0x80000000
NOTE_FFCOPY 0xc0000000
NOTE_FFCTRLMASK 0xc0000000
NOTE_FFLAGSMASK 0x00ffffff
NOTE_TRIGGER 0x01000000
VQ_MOUNT 0x0008
VQ_UNMOUNT 0x0010
EOF
}

atf_test_case values
values_head()
{
	atf_set descr "every DragonFly name is a macro with DragonFly's value, in each dialect"
}
values_body()
{
	{
		echo '#include <sys/event.h>'
		values | while read -r name value; do
			echo "#ifndef $name"
			echo "#error $name"
			echo "#elif $name != $value"
			echo "#error $name is not $value"
			echo "#endif"
		done
	} >values.c
	for d in $DIALECTS; do
		atf_check $CC $I -DKQUEUE_DIALECT=$d -E -o /dev/null values.c
	done
	# And none that DragonFly lacks, unless asked for.
	{
		echo '#include <sys/event.h>'
		for name in NOTE_SECONDS NOTE_MSECONDS NOTE_USECONDS \
		    NOTE_NSECONDS NOTE_ABSTIME NOTE_EOF NOTE_READ NOTE_OPEN \
		    NOTE_CLOSE NOTE_TRUNCATE EV_KEEPUDATA EVFILT_EMPTY \
		    EVFILT_PROCDESC EVFILT_LIO; do
			echo "#ifdef $name"
			echo "#error $name"
			echo "#endif"
		done
	} >absent.c
	atf_check $CC $I -E -o /dev/null absent.c
}

atf_test_case namespace
namespace_head()
{
	atf_set descr "the header defines reserved names and kqueue's only"
}
namespace_body()
{
	# What the system's headers define is theirs.
	cat >base.c <<'EOF'
#include <sys/types.h>
#include <sys/select.h>
#include <stdint.h>
EOF
	echo '#include <sys/event.h>' >event.c
	for cc in $(compilers gcc clang musl-gcc); do
		for f in base event; do
			atf_check -o save:$f.raw $cc $I -dM -E $f.c
			awk '{ sub(/\(.*/, "", $2); print $2 }' $f.raw |
			    sort -u >$f.names
		done
		comm -13 base.names event.names | grep -v -E \
		    '^(_|EV_|EVFILT_|NOTE_|VQ_|KQUEUE_|LIBKQUEUE_)' >extra
		atf_check -o empty cat extra
	done
	atf_check -o ignore gcc $I -aux-info protos -fsyntax-only event.c
	grep "include/sys/event.h" protos |
	    sed 's/.*[ *]\([a-z0-9_]*\) (.*/\1/' | sort >functions
	atf_check -o inline:"kevent\nkqueue\nkqueue1\nlibkqueue_version\n" \
	    cat functions
}

atf_test_case dialect_symbols
dialect_symbols_head()
{
	atf_set descr "KQUEUE_DIALECT chooses the symbols that are linked"
}
dialect_symbols_body()
{
	cat >d.c <<'EOF'
#include <sys/event.h>

int
main(void)
{
	return (kqueue() + kqueue1(0));
}
EOF
	for cc in $(compilers gcc clang g++ clang++); do
		x=
		case $cc in *++) x="-x c++" ;; esac
		atf_check -e ignore $cc $I $x -c -o d.o d.c
		atf_check -o inline:"kqueue\nkqueue1\n" \
		    sh -c "nm -u d.o | awk '{ print \$2 }' | grep '^kq'"
		atf_check -e ignore $cc $I $x \
		    -DKQUEUE_DIALECT=KQUEUE_FREEBSD -c -o d.o d.c
		atf_check -o inline:"kqueue1_freebsd\nkqueue_freebsd\n" \
		    sh -c "nm -u d.o | awk '{ print \$2 }' | grep '^kq' | LC_ALL=C sort"
	done
}

atf_init_test_cases()
{
	atf_add_test_case alone
	atf_add_test_case no_feature_macros
	atf_add_test_case ev_set
	atf_add_test_case ev_set_evaluates_once
	atf_add_test_case layout
	atf_add_test_case values
	atf_add_test_case namespace
	atf_add_test_case dialect_symbols
}
