#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# libevent, from the Debian source package, with its kqueue backend: READ and
# WRITE in both modes, signals by EVFILT_SIGNAL, wake-ups by EVFILT_USER.  Its
# own configuration finds kqueue() in the library and tries whether that works
# with pipes; the other backends are turned off by its environment variables.

. "$(dirname "$0")/ports.subr"
need cmake make cc
debian_source libevent libevent

mkdir build
if ! quietly cmake -S libevent -B build $kq_cmake \
    -DEVENT__LIBRARY_TYPE=STATIC -DEVENT__DISABLE_OPENSSL=ON \
    -DEVENT__DISABLE_BENCHMARK=ON -DEVENT__DISABLE_SAMPLES=ON \
    -DCMAKE_C_FLAGS="$kq_cflags" -DCMAKE_REQUIRED_FLAGS="$kq_cflags" \
    -DCMAKE_REQUIRED_LIBRARIES="$kq_ldflags" \
    -DCMAKE_EXE_LINKER_FLAGS="$kq_ldflags" || ! quietly make -s -C build; then
	failed "libevent does not build"
	finish
fi

EVENT_NOEPOLL=1 EVENT_NOPOLL=1 EVENT_NOSELECT=1
export EVENT_NOEPOLL EVENT_NOPOLL EVENT_NOSELECT
cd build/bin
if EVENT_SHOW_METHOD=1 ./test-init 2>&1 | grep -q 'using: kqueue'; then
	passed "libevent uses kqueue"
else
	failed "libevent does not use kqueue"
fi
for t in test-init test-eof test-closed test-weof test-time test-changelist \
    test-fdleak test-dumpevents; do
	if quietly ./"$t"; then
		passed "$t"
	else
		failed "$t"
	fi
done

./regress >regress.log 2>&1 || :
grep -A 4 FAIL regress.log || :
tail -n 1 regress.log
# "306 tests ok.  (41 skipped)" or "1/306 TESTS FAILED. (41 skipped)"
set -- $(sed -n -e 's/^\([0-9]*\) tests ok\..*/\1 0/p' \
    -e 's/^\([0-9]*\)\/\([0-9]*\) TESTS FAILED.*/\2 \1/p' regress.log)
if [ $# -eq 2 ]; then
	npassed=$((npassed + $1 - $2)) nfailed=$((nfailed + $2))
else
	failed "regress did not get to its end"
fi
finish
