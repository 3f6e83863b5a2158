# SPDX-License-Identifier: BSD-2-Clause
#
# faults.sh srcdir [patch ...]: put each fault of test/model/faults into a copy
# of the library, and see that the model finds it.  Runs in an empty directory;
# the last line is "N passed, N failed, N skipped".

srcdir=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- "$srcdir"/test/model/faults/*.patch

# Operations, with each of two seeds.
nops=${FAULT_OPS:-150000}
passed=0 failed=0

mkdir -p tree build
cp -R "$srcdir/src" "$srcdir/filters" "$srcdir/include" "$srcdir/test" \
    "$srcdir/Makefile" "$srcdir/libkqueue.map" tree/
cd build || exit 1

build()
{
	${MAKE:-make} -s -f ../tree/Makefile srcdir=../tree HARDEN= \
	    CFLAGS="-O1 -g0" "$@" >build.out 2>&1
}

# The library as it is has to be good.
model()
{
	for seed in 1 2; do
		test/soak 0 $seed "$nops" fast >soak.out 2>&1 || return 1
	done
}

if ! build test/soak || ! model; then
	cat build.out soak.out
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi

for fault in "$@"; do
	name=$(basename "$fault" .patch)
	file=$(sed -n 's/^+++ \([^ 	]*\).*/\1/p' "$fault")
	cp "../tree/$file" saved
	why=
	if ! patch -s -p0 -d ../tree <"$fault" >patch.out 2>&1; then
		cat patch.out
		why="does not apply"
	elif ! build test/soak; then
		cat build.out
		why="does not build"
	elif model; then
		why="is not found"
	fi
	if [ -z "$why" ]; then
		passed=$((passed + 1))
		echo "$name: $(sed -n '3,4s/^ \* //p' soak.out | tail -n 1)"
	else
		failed=$((failed + 1))
		echo "$name $why"
	fi
	rm -f "../tree/$file.orig" "../tree/$file.rej"
	cat saved >"../tree/$file"
done

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
