# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh srcdir [kyua arguments]: run the suite that was built in the current
# directory.  The last line is "N passed, N failed, N skipped"; an expected
# failure that failed as expected has passed.

srcdir=$(cd "$1" && pwd)
shift
root=$(pwd)
tmp=

# Kyua drops root for the cases that want to be unprivileged; that user has
# to reach the programs.
user=
if [ "$(id -u)" -eq 0 ]; then
	user=${KQ_UNPRIVILEGED:-nobody}
	if ! setpriv --reuid "$user" --clear-groups \
	    test -r "$root/libkqueue.so.1" 2>/dev/null; then
		tmp=$(mktemp -d)
		chmod 755 "$tmp"
		cp -R "$root/test" "$root"/libkqueue.* "$tmp/"
		root=$tmp
	fi
fi
some=
trap 'rm -rf ${tmp:+"$tmp"} ${some:+"$some"}' EXIT

# Programs of another architecture are started by a script.
if [ -n "$RUNNER" ]; then
	[ -n "$tmp" ] || {
		tmp=$(mktemp -d)
		chmod 755 "$tmp"
		cp -R "$root/test" "$root"/libkqueue.* "$tmp/"
		root=$tmp
	}
	for p in "$root"/test/*_test; do
		head -c 2 "$p" | grep -q '#!' && continue
		mv "$p" "$p.bin"
		printf '#!/bin/sh\nexec %s "$0.bin" "$@"\n' "$RUNNER" >"$p"
		chmod 755 "$p"
	done
fi

# As many at a time as there are processors; the Kyuafile says what wants to be
# alone.
jobs=${KYUA_JOBS:-$(nproc 2>/dev/null || echo 1)}

# Kyua wants every program of a Kyuafile to be there; who asks for some need not
# have built the others.
kyuafile=$srcdir/Kyuafile
names=$(printf '%s\n' "$@" | sed -n 's|^test/\([a-zA-Z_0-9]*\).*|"\1"|p')
if [ -n "$names" ]; then
	some=$(mktemp -d)
	mkdir "$some/test"
	cp "$kyuafile" "$some/"
	echo "$names" >"$some/names"
	{
		grep -v '^atf_test_program' "$srcdir/test/Kyuafile"
		grep '^atf_test_program' "$srcdir/test/Kyuafile" |
		    grep -F -f "$some/names"
	} >"$some/test/Kyuafile"
	kyuafile=$some/Kyuafile
fi

rm -f kyua.db kyua.log kyua.out
kyua --logfile=kyua.log -v parallelism="$jobs" \
    ${user:+-v unprivileged_user="$user"} \
    test -k "$kyuafile" --build-root="$root" \
    --results-file="$(pwd)/kyua.db" "$@" </dev/null
status=$?

report()
{
	kyua --logfile=kyua.log report --results-file="$(pwd)/kyua.db" "$@"
}

report --verbose --results-filter=broken,failed >kyua.out
# What failed, with its output; context and metadata are the same for all.
awk '
/^===> [A-Z]/ { show = 0; next }
/^===> / { show = 1 }
/^Metadata:/ { show = 0 }
/^Standard (output|error):/ { show = 1 }
show && !/^(Start|End) time:/' kyua.out
report --results-filter=skipped,xfail | sed '/^===> Summary/,$d'
grep -E '  ->  (broken|failed)' kyua.out

set -- $(sed -n 's/^Test cases: \([0-9]*\) total, \([0-9]*\) skipped, \([0-9]*\) expected failures, \([0-9]*\) broken, \([0-9]*\) failed.*/\1 \2 \3 \4 \5/p' kyua.out)
if [ $# -ne 5 ]; then
	cat kyua.out
	echo "kyua gave no summary (exit status $status)"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi
failed=$(($4 + $5))
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$(($1 - $2 - $4 - $5)) passed, $failed failed, $2 skipped"
[ "$failed" -eq 0 ]
