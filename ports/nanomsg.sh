#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# nanomsg, whose C sources the npm package of that name carries, with its
# kqueue poller: a worker thread that sleeps in kevent() for every socket of
# the process.  Its own configuration finds kqueue() in the library; only
# epoll and eventfd, which it would prefer, are hidden from it.

. "$(dirname "$0")/ports.subr"
need cmake ctest make cc
npm_source nanomsg nanomsg

mkdir build
if ! quietly cmake -S nanomsg/deps/nanomsg -B build \
    $kq_cmake -DNN_ENABLE_DOC=OFF -DNN_TOOLS=OFF \
    -DNN_HAVE_EPOLL=0 -DNN_HAVE_EVENTFD=0 \
    -DCMAKE_C_FLAGS="$kq_cflags" -DCMAKE_REQUIRED_LIBRARIES="$kq_ldflags" \
    -DCMAKE_EXE_LINKER_FLAGS="$kq_ldflags" \
    -DCMAKE_SHARED_LINKER_FLAGS="$kq_ldflags" ||
    ! quietly make -s -C build; then
	failed "nanomsg does not build"
	finish
fi
if nm -D build/libnanomsg.so | grep -q ' U kevent' &&
    ! nm -D build/libnanomsg.so | grep -q ' U epoll_wait'; then
	passed "nanomsg calls kevent() and not epoll_wait()"
else
	failed "nanomsg was not built with its kqueue poller"
fi

(cd build && ctest --output-on-failure) >ctest.log 2>&1 || :
grep -E '^[0-9% ]+tests passed|^ *[0-9]+/[0-9]+ ' ctest.log || cat ctest.log
n=$(grep -c ' Passed ' ctest.log) || :
all=$(sed -n 's/.* out of \([0-9]*\)$/\1/p' ctest.log)
npassed=$((npassed + n))
if [ -z "$all" ]; then
	failed "ctest did not get to its end"
elif [ "$n" -ne "$all" ]; then
	sed -n '/^The following tests FAILED/,$p' ctest.log
	nfailed=$((nfailed + all - n))
fi
finish
