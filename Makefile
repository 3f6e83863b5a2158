# SPDX-License-Identifier: BSD-2-Clause
#
# One file for GNU make and BSD make: suffix rules and plain variables, no
# conditionals.  Out of tree:
#
#	mkdir b && cd b && make -f ../Makefile srcdir=.. CFLAGS=...
#
# Targets: all (both libraries), check, demo, bench, install, uninstall,
# format, clean.  A new source file is one line in a list below.

VERSION =	1.0.0
SONAME =	libkqueue.so.1

srcdir =	.

# The user's.
PREFIX ?=	/usr/local
LIBDIR ?=	${PREFIX}/lib
INCLUDEDIR ?=	${PREFIX}/include
MANDIR ?=	${PREFIX}/share/man
DESTDIR ?=
CC ?=		cc
AR ?=		ar
OBJCOPY ?=	objcopy
INSTALL ?=	install
CPPFLAGS ?=
CFLAGS ?=
LDFLAGS ?=
# -Werror in CI, nothing in a release.
WERROR ?=
# _FORTIFY_SOURCE wants optimization: -O0 goes with HARDEN=.
HARDEN ?=	-D_FORTIFY_SOURCE=2 -fstack-protector-strong
# Empty for clang's sanitizers, whose run-time library is in the program.
ZDEFS ?=	-Wl,-z,defs
# Flags of the script that runs the tests, as KYUA_ARGS=test/timer_test.
KYUA_ARGS ?=
# Where the programs run, if not here: "qemu-aarch64 -L /usr/aarch64-linux-gnu".
RUNNER ?=

# How test programs, examples and the benchmark are linked with the library:
# before libc, whose names it stands in front of.  KQ_LIBS=libkqueue.a does it
# statically.
KQ_LIBS ?=	-L. -Wl,-rpath,'$$ORIGIN/..' -lkqueue
# ATF, or our stand-in for it where there is none (another libc, another
# architecture): ATF_CFLAGS='-I${srcdir}/test/compat' ATF_LIBS=
ATF_CFLAGS ?=
ATF_LIBS ?=	-latf-c
# What the test programs are compiled with after CFLAGS.
TEST_CFLAGS ?=

# Ours.
KQ_WARN =	-Wall -Wextra -Wshadow -Wstrict-prototypes \
		-Wmissing-prototypes -Wpointer-arith -Wcast-qual \
		-Wwrite-strings -Wundef -Wvla -Wformat=2
KQ_CPPFLAGS =	-D_GNU_SOURCE= -I${srcdir}/include \
		-iquote ${srcdir}/src -iquote ${srcdir}/src/linux \
		-iquote ${srcdir}/filters
KQ_CFLAGS =	-std=gnu11 -O2 -g -fPIC -pthread ${KQ_WARN} ${WERROR} ${HARDEN}
KQ_LDFLAGS =	-shared -pthread -Wl,-soname,${SONAME} \
		-Wl,--version-script=${srcdir}/libkqueue.map \
		${ZDEFS} -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete
LIBS =		-pthread -ldl

OBJS = \
	src/kqueue.o \
	src/fdlife.o \
	src/kevent.o \
	src/scan.o \
	src/knote.o \
	src/watch.o \
	src/report.o \
	src/timerheap.o \
	src/dialect.o \
	src/fork.o \
	src/filter.o \
	src/arena.o \
	src/fdtab.o \
	src/lock.o \
	src/linux/fd.o \
	src/linux/epoll.o \
	src/linux/eventfd.o \
	src/linux/timerfd.o \
	src/linux/futex.o \
	src/linux/fdkind.o \
	src/linux/sockdiag.o \
	src/linux/signalfd.o \
	src/linux/pidfd.o \
	src/linux/inotify.o \
	src/linux/procconn.o \
	src/linux/mountinfo.o \
	src/linux/mem.o \
	src/interpose/close.o \
	src/interpose/dup.o \
	src/interpose/closefrom.o \
	src/interpose/sigwatch.o \
	src/interpose/sigaction.o \
	src/interpose/sigforce.o \
	src/interpose/sigread.o \
	src/interpose/sigsink.o \
	src/interpose/sigowed.o \
	src/interpose/sigmask.o \
	src/interpose/sigwait.o \
	src/interpose/sigsend.o \
	src/interpose/sigcompat.o \
	src/interpose/sigspawn.o \
	src/interpose/socket.o \
	filters/read.o \
	filters/write.o \
	filters/except.o \
	filters/vnode.o \
	filters/proc.o \
	filters/procstream.o \
	filters/procsub.o \
	filters/signal.o \
	filters/timer.o \
	filters/user.o \
	filters/fs.o \
	filters/aio.o \
	filters/fd.o \
	filters/file.o \
	filters/fnode.o \
	filters/flook.o \
	filters/fqueue.o \
	filters/ftab.o

# In the shared library alone: in a static program there is one definition of
# fclose() or fork(), and no other that ours could call.
SO_OBJS = \
	src/interpose/stdio.o \
	src/interpose/spawn.o

# Every object is made again when one of these changes: few enough files.
HDRS = \
	${srcdir}/include/sys/event.h \
	${srcdir}/src/kqueue_var.h \
	${srcdir}/src/filter.h \
	${srcdir}/src/watch.h \
	${srcdir}/src/scan.h \
	${srcdir}/src/queue.h \
	${srcdir}/src/linux/lx.h \
	${srcdir}/src/linux/lx_sys.h \
	${srcdir}/src/linux/lx_proc.h \
	${srcdir}/src/interpose/interpose.h \
	${srcdir}/src/interpose/sigstate.h \
	${srcdir}/filters/fd.h \
	${srcdir}/filters/file.h \
	${srcdir}/filters/fnode.h \
	${srcdir}/filters/proc.h

# Test programs and test scripts; test/Kyuafile names them too.
TESTS = \
	test/kqueue_test \
	test/kevent_test \
	test/flags_test \
	test/scan_test \
	test/read_test \
	test/write_test \
	test/except_test \
	test/timer_test \
	test/user_test \
	test/vnode_test \
	test/proc_test \
	test/track_test \
	test/signal_test \
	test/mask_test \
	test/spawn_test \
	test/early_test \
	test/refused_test \
	test/numbers_test \
	test/fs_test \
	test/aio_test \
	test/thread_test \
	test/fork_test \
	test/close_test \
	test/nomem_test \
	test/handler_test \
	test/kernels_test \
	test/exhaust_test \
	test/file_test \
	test/model_test \
	test/net_test \
	test/modes_test \
	test/security_test

SHTESTS = \
	test/header_test \
	test/symbols_test \
	test/man_test \
	test/install_test \
	test/linkage_test \
	test/readme_test

TEST_HDRS = \
	${srcdir}/test/child_test.h \
	${srcdir}/test/kq_test.h \
	${srcdir}/test/fault.h \
	${srcdir}/test/place_test.h \
	${srcdir}/test/rounds.h \
	${srcdir}/test/sock_test.h

# examples/NAME.c, a complete program each.
EXAMPLES = \
	daemon \
	echo-client \
	echo-server \
	filters \
	supervisor \
	tail-f \
	timer-user \
	watch-run

LIB_A =		libkqueue.a
LIB_SO =	libkqueue.so

all: ${LIB_A} ${LIB_SO}

.SUFFIXES:
.SUFFIXES: .c .o .sh
VPATH =		${srcdir}

.c.o:
	@mkdir -p ${@D}
	${CC} ${KQ_CPPFLAGS} ${CPPFLAGS} ${KQ_CFLAGS} ${CFLAGS} -c -o $@ $<

# A test program.
.c:
	@mkdir -p ${@D}
	${CC} ${KQ_CPPFLAGS} ${ATF_CFLAGS} ${CPPFLAGS} ${KQ_CFLAGS} ${CFLAGS} \
	    ${TEST_CFLAGS} ${LDFLAGS} -o $@ $< ${KQ_LIBS} ${ATF_LIBS} ${LIBS}

# A test script; it is told where it is and what we compile with.
.sh:
	@mkdir -p ${@D}
	@{ echo '#!/usr/bin/env atf-sh'; \
	    echo "srcdir='`cd ${srcdir} && pwd`'"; \
	    echo "builddir='`pwd`'"; \
	    echo "MAKE='${MAKE}' CC='${CC}' CFLAGS='${CFLAGS}'"; \
	    cat $<; } >$@.tmp
	@chmod 755 $@.tmp
	mv $@.tmp $@

${OBJS} ${SO_OBJS}: ${HDRS}

# One object whose only global names are the public ones: a program that is
# linked with the archive sees no name of ours, and gets all of it, so that
# the libc names are ours too.  Its groups are dissolved: a group's names would
# be local here, and missing in the objects of libc whose copies give way.
${LIB_A}: ${OBJS}
	rm -f $@
	${CC} -nostdlib -r -Wl,--force-group-allocation -o libkqueue.o ${OBJS}
	${OBJCOPY} --localize-hidden libkqueue.o
	${AR} rcs $@ libkqueue.o

${LIB_SO}: ${OBJS} ${SO_OBJS} ${srcdir}/libkqueue.map
	${CC} ${KQ_CFLAGS} ${CFLAGS} ${LDFLAGS} ${KQ_LDFLAGS} \
	    -o libkqueue.so.${VERSION} ${OBJS} ${SO_OBJS} ${LIBS}
	ln -sf libkqueue.so.${VERSION} ${SONAME}
	ln -sf libkqueue.so.${VERSION} $@

${TESTS}: ${TEST_HDRS} ${srcdir}/include/sys/event.h \
    ${LIB_A} ${LIB_SO}
${SHTESTS}: ${LIB_A} ${LIB_SO} ${srcdir}/Makefile

tests: ${TESTS} ${SHTESTS} examples

# Installs or asks for what the tests need, builds them, runs them.
check:
	@sh ${srcdir}/test/setup.sh
	${MAKE} -f ${srcdir}/Makefile srcdir=${srcdir} all tests
	@RUNNER="${RUNNER}" sh ${srcdir}/test/run.sh ${srcdir} ${KYUA_ARGS}

# For one program, a library whose calls and allocations can be made to fail:
# what talks to the kernel is compiled anew, and the rest calls test/fault.c.
LIB_FAULTS =	libkqueue-faults.a
FAULT_WRAP =	-Wl,--wrap=mmap,--wrap=syscall,--wrap=dlsym \
		-Wl,--wrap=epoll_wait,--wrap=epoll_pwait2,--wrap=ppoll \
		-Wl,--wrap=arena_alloc,--wrap=arena_grow \
		-Wl,--wrap=kq_lock_try,--wrap=kq_lock_release \
		-Wl,--wrap=kqueue_enter

${LIB_FAULTS}: ${OBJS} ${srcdir}/test/fault.c ${srcdir}/test/fault.h
	@mkdir -p faults
	@set -e; list=; for o in test/fault.o ${OBJS}; do \
	    case $$o in test/* | src/linux/*) \
	        f=faults/$${o##*/}; list="$$list $$f"; \
	        ${CC} ${KQ_CPPFLAGS} ${CPPFLAGS} ${KQ_CFLAGS} ${CFLAGS} \
	            -DKQ_FAULTS -c -o $$f ${srcdir}/$${o%.o}.c ;; \
	    *) list="$$list $$o" ;; \
	    esac; \
	done; \
	${CC} -nostdlib -r -Wl,--force-group-allocation ${FAULT_WRAP} \
	    -o faults/all.o $$list
	${OBJCOPY} --localize-hidden faults/all.o
	rm -f $@
	${AR} rcs $@ faults/all.o

FAULT_TEST =	${CC} ${KQ_CPPFLAGS} ${ATF_CFLAGS} ${CPPFLAGS} ${KQ_CFLAGS} \
		${CFLAGS} ${TEST_CFLAGS} ${LDFLAGS}
FAULT_LIBS =	${LIB_FAULTS} ${ATF_LIBS} ${LIBS}

test/nomem_test: ${srcdir}/test/nomem_test.c ${LIB_FAULTS}
	@mkdir -p test
	${FAULT_TEST} -o $@ ${srcdir}/test/nomem_test.c ${FAULT_LIBS}

test/handler_test: ${srcdir}/test/handler_test.c ${LIB_FAULTS}
	@mkdir -p test
	${FAULT_TEST} -o $@ ${srcdir}/test/handler_test.c ${FAULT_LIBS}

test/kernels_test: ${srcdir}/test/kernels_test.c ${LIB_FAULTS}
	@mkdir -p test
	${FAULT_TEST} -o $@ ${srcdir}/test/kernels_test.c ${FAULT_LIBS}

examples: ${LIB_A} ${LIB_SO}
	@mkdir -p examples
	@set -e; for e in ${EXAMPLES}; do \
	    set -- ${CC} -I${srcdir}/include ${CPPFLAGS} -O2 -Wall ${WERROR} \
	        ${CFLAGS} ${LDFLAGS} -o examples/$$e \
	        ${srcdir}/examples/$$e.c ${KQ_LIBS} ${LIBS}; \
	    echo "$$*"; "$$@"; \
	done

# Everything is built, then the examples show themselves.
demo: all examples
	sh ${srcdir}/examples/demo.sh examples

bench: all
	@mkdir -p bench
	${CC} ${KQ_CPPFLAGS} ${CPPFLAGS} ${KQ_CFLAGS} ${CFLAGS} ${LDFLAGS} \
	    -o bench/bench ${srcdir}/bench/bench.c ${KQ_LIBS} ${LIBS}
	${RUNNER} bench/bench

# The header is not put beside libc's: pkg-config tells where it is.
install: all
	${INSTALL} -d ${DESTDIR}${LIBDIR}/pkgconfig \
	    ${DESTDIR}${INCLUDEDIR}/kqueue/sys ${DESTDIR}${MANDIR}/man3
	${INSTALL} -m 644 ${srcdir}/include/sys/event.h \
	    ${DESTDIR}${INCLUDEDIR}/kqueue/sys/event.h
	${INSTALL} -m 644 ${LIB_A} ${DESTDIR}${LIBDIR}/${LIB_A}
	${INSTALL} -m 755 libkqueue.so.${VERSION} \
	    ${DESTDIR}${LIBDIR}/libkqueue.so.${VERSION}
	ln -sf libkqueue.so.${VERSION} ${DESTDIR}${LIBDIR}/${SONAME}
	ln -sf libkqueue.so.${VERSION} ${DESTDIR}${LIBDIR}/${LIB_SO}
	sed -e 's|@PREFIX@|${PREFIX}|' -e 's|@LIBDIR@|${LIBDIR}|' \
	    -e 's|@INCLUDEDIR@|${INCLUDEDIR}|' -e 's|@VERSION@|${VERSION}|' \
	    ${srcdir}/libkqueue.pc.in >${DESTDIR}${LIBDIR}/pkgconfig/libkqueue.pc
	${INSTALL} -m 644 ${srcdir}/kqueue.3 ${DESTDIR}${MANDIR}/man3/kqueue.3
	ln -sf kqueue.3 ${DESTDIR}${MANDIR}/man3/kevent.3
	@test -n "${DESTDIR}" || ldconfig 2>/dev/null || \
	    echo "run ldconfig as root if ${LIBDIR} is one of its directories"

uninstall:
	rm -f ${DESTDIR}${INCLUDEDIR}/kqueue/sys/event.h \
	    ${DESTDIR}${LIBDIR}/${LIB_A} \
	    ${DESTDIR}${LIBDIR}/libkqueue.so.${VERSION} \
	    ${DESTDIR}${LIBDIR}/${SONAME} ${DESTDIR}${LIBDIR}/${LIB_SO} \
	    ${DESTDIR}${LIBDIR}/pkgconfig/libkqueue.pc \
	    ${DESTDIR}${MANDIR}/man3/kqueue.3 \
	    ${DESTDIR}${MANDIR}/man3/kevent.3
	rmdir ${DESTDIR}${INCLUDEDIR}/kqueue/sys \
	    ${DESTDIR}${INCLUDEDIR}/kqueue 2>/dev/null || :

format:
	cd ${srcdir} && clang-format -i include/sys/*.h src/*.[ch] \
	    src/*/*.[ch] filters/*.c test/*.[ch] examples/*.c bench/*.c

clean:
	rm -f ${OBJS} ${SO_OBJS} libkqueue.o ${LIB_A} ${LIB_SO} ${SONAME} \
	    libkqueue.so.${VERSION} ${TESTS} ${SHTESTS} \
	    kyua.db kyua.log kyua.out bench/bench ${LIB_FAULTS} faults/*.o
	@for e in ${EXAMPLES}; do rm -f examples/$$e; done

.PHONY: all tests check examples demo bench install uninstall format clean

# The library against the model of test/model, with a seed of the moment, until
# they differ or SOAK_SECONDS have passed.
SOAK_SECONDS ?=	0
SOAK_SEED ?=
MODEL =		${srcdir}/test/model/model.h ${srcdir}/test/model/model.c \
		${srcdir}/test/model/clock.c ${srcdir}/test/model/driver.c

test/model_test: ${MODEL}

test/soak: ${MODEL} ${srcdir}/test/model/soak.c ${LIB_SO} ${LIB_A}
	@mkdir -p test
	${CC} ${KQ_CPPFLAGS} ${CPPFLAGS} ${KQ_CFLAGS} ${CFLAGS} ${LDFLAGS} \
	    -o test/soak ${srcdir}/test/model/soak.c ${KQ_LIBS} ${LIBS}

soak: test/soak
	${RUNNER} test/soak ${SOAK_SECONDS} ${SOAK_SEED}

.PHONY: soak
