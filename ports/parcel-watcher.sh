#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# @parcel/watcher, a C++ addon for node that watches trees of files; built
# with the sources that its binding.gyp lists for FreeBSD, and driven by
# watch-driver.js.  Two ways: the library preloaded, so that it sees close(),
# and only loaded along with the addon, where node's own libc comes first.

. "$(dirname "$0")/ports.subr"
need node c++
npm_source @parcel/watcher watcher
npm_source node-addon-api@7 addon-api
npm_source node-api-headers headers
npm_source is-glob@4 is-glob
npm_source is-extglob@2 is-extglob
npm_source picomatch@4 picomatch
npm_source detect-libc@2 detect-libc
mkdir node_modules
mv is-glob is-extglob picomatch detect-libc node_modules

sources="binding Watcher Backend DirTree Glob Debounce watchman/BSER
    watchman/WatchmanBackend shared/BruteForceBackend unix/fts
    kqueue/KqueueBackend"
set --
for s in $sources; do
	set -- "$@" "watcher/src/$s.cc"
done
mkdir -p watcher/build/Release
# glibc has all that it calls but fdclosedir(): see watch-compat.h.
if ! quietly c++ -std=c++17 -O0 -fPIC -shared -pthread -w $kq_cflags \
    -Iaddon-api -Iheaders/include -include "$ports/watch-compat.h" \
    -DNAPI_DISABLE_CPP_EXCEPTIONS -DBUILDING_NODE_EXTENSION \
    -DWATCHMAN -DBRUTE_FORCE -DKQUEUE \
    -o watcher/build/Release/watcher.node "$@" $kq_ldflags; then
	failed "@parcel/watcher does not build"
	finish
fi

if nm -D watcher/build/Release/watcher.node | grep -q ' U kevent'; then
	passed "@parcel/watcher calls kevent()"
else
	failed "@parcel/watcher was not built with its kqueue backend"
fi

# run HOW: the driver tells of each step in a line.
run()
{
	mkdir "tree-$1"
	preload=
	[ "$1" = loaded ] || preload=$lib/libkqueue.so
	status=0
	LD_PRELOAD=$preload NODE_PATH=$work/node_modules \
	    node "$ports/watch-driver.js" "$work/watcher" "$work/tree-$1" \
	    >"$1.log" 2>&1 || status=$?
	sed "s/\$/ ($1)/" "$1.log"
	npassed=$((npassed + $(grep -c '^passed: ' "$1.log" || :)))
	nfailed=$((nfailed + $(grep -c '^failed: ' "$1.log" || :)))
	[ "$status" -eq 0 ] || grep -q '^failed: ' "$1.log" ||
	    failed "the driver ended with status $status ($1)"
}

run preloaded
run loaded
finish
