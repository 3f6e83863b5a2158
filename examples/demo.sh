#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# demo.sh directory: runs the examples in the directory on real input, files,
# signals, connections and children, prints what they say and checks it.  It
# waits for what the programs print, not for time.  What this system does not
# support is named and left out.  The exit status is 0 if all behaved.

# No step takes more than a second or two: after 60 something hangs.
if [ -z "${KQUEUE_DEMO}" ]; then
	KQUEUE_DEMO=1 exec timeout 60 sh "$0" "$@"
fi

dir=`cd "${1:-examples}" && pwd` || exit 2
tmp=`mktemp -d` || exit 2
pid=
failed=0
ran=0
skipped=

cleanup()
{
	[ -n "${pid}" ] && kill "${pid}" 2>/dev/null
	rm -rf "${tmp}"
}
trap cleanup EXIT
trap 'echo "demo: interrupted, or out of time"; exit 1' INT TERM HUP
cd "${tmp}" || exit 2

title()
{
	echo
	echo "== $*"
}

bad()
{
	echo "MISBEHAVES: $*"
	failed=$((failed + 1))
}

# The library's own answer decides whether a program can run.
have()
{
	for filter; do
		if ! grep -q "^${filter} *yes" answers; then
			skipped="${skipped} ${filter}"
			echo "left out, the library answers:"
			grep "^${filter} " answers
			return 1
		fi
	done
	ran=$((ran + 1))
}

# Start a program whose words come from descriptor 3; $1 is 1 or 2.
start()
{
	rm -f words
	mkfifo words
	if [ "$1" = 1 ]; then
		shift
		"$@" >words &
	else
		shift
		"$@" >out 2>words &
	fi
	pid=$!
	exec 3<words
}

# Print its words up to a line that matches.
until_it_says()
{
	while read -r line <&3; do
		echo "  ${line}"
		case "${line}" in
		*$1*)	return 0 ;;
		esac
	done
	bad "it never said \"$1\""
	return 1
}

# The rest of its words, and the exit status that it should have.
finish()
{
	sed 's/^/  /' <&3
	exec 3<&-
	wait "${pid}"
	status=$?
	pid=
	[ "${status}" -eq "$1" ] || bad "exit status ${status}, not $1"
}

# End a program that would go on for ever.
stop()
{
	kill "${pid}"
	wait "${pid}" 2>/dev/null
	exec 3<&-
	pid=
}

title "filters: what the library has"
"${dir}/filters" >answers || bad "exit status $?"
sed 's/^/  /' answers

title "timer-user: timers, and events from another thread"
if have timer user; then
	start 1 "${dir}/timer-user"
	until_it_says "deadline"
	finish 0
fi

title "echo-server, echo-client: 64 connections for a second"
if have read write timer; then
	start 1 "${dir}/echo-server" 0 5000
	read -r word port <&3
	echo "  ${word} ${port}"
	# Every connection must end in an end of file.
	grep -m 64 'end of file' <&3 >ends &
	reader=$!
	"${dir}/echo-client" "${port}" 1000 >report ||
	    bad "the client's exit status $?"
	sed 's/^/  /' report
	wait "${reader}"
	echo "  the server's last word: `tail -1 ends`"
	[ "`wc -l <ends`" -eq 64 ] || bad "connections without an end of file"
	stop

	echo "  and 64 clients that say nothing for 100 ms:"
	start 1 "${dir}/echo-server" 0 100
	read -r word port <&3
	# The client is stopped when all its connections have spoken.
	"${dir}/echo-client" "${port}" 5000 >/dev/null 2>&1 &
	client=$!
	grep -m 256 '^read: client' <&3 >spoken
	kill -STOP "${client}"
	grep -m 64 'silent: dropped' <&3 >drops
	echo "  the server's last word: `tail -1 drops`"
	[ "`wc -l <drops`" -eq 64 ] || bad "silent clients stay"
	kill -KILL "${client}"
	wait "${client}" 2>/dev/null
	stop
fi

title "tail-f: two files that grow, are renamed, truncated and deleted"
if have vnode read; then
	echo old >one
	echo old >two
	start 2 "${dir}/tail-f" one two
	until_it_says "following"
	echo "first line of one" >>one
	until_it_says "read: one, 18"
	mv two three
	until_it_says "renamed"
	echo "first line of two" >>three
	until_it_says "read: two, 18"
	: >one
	until_it_says "read: one, -22"
	echo "second line of one" >>one
	until_it_says "read: one, 19"
	rm one three
	finish 0
	sort out >got
	printf '%s\n' "first line of one" "first line of two" \
	    "second line of one" | diff - got || bad "wrong output"
fi

title "watch-run: a command for every change"
if have vnode proc timer; then
	echo one >source
	start 2 "${dir}/watch-run" -n 2 source -- cat source
	until_it_says "watching"
	echo two >>source
	until_it_says "exit status 0"
	echo three >new
	mv new source
	finish 0
	printf '%s\n' one two three | diff - out || bad "wrong output"
fi

title "supervisor: a command that fails, and its children"
if have proc timer; then
	# Each run has a child of its own; the command ends with 3.
	start 1 "${dir}/supervisor" 2 sh -c '(exit 4) & wait; exit 3' \
	    2>trouble
	until_it_says "exited with 3"
	until_it_says "exited with 3"
	finish 0
	if grep -q "^track *yes" answers; then
		[ -s trouble ] && bad "`cat trouble`"
	else
		grep "^track" answers
	fi
fi

title "daemon: signals without handlers"
if have signal; then
	echo "first configuration" >config
	start 1 "${dir}/daemon" config
	until_it_says "worker"
	worker=${line#worker }
	echo "second configuration" >config
	kill -HUP "${pid}"
	until_it_says "configured: second"
	kill -KILL "${worker}"
	until_it_says "worker"
	kill -TERM "${pid}"
	finish 0
fi

echo
[ -z "${skipped}" ] || echo "demo: left out for want of:${skipped}"
if [ "${failed}" -eq 0 ]; then
	echo "demo: ${ran} demonstrations ran, all behaved"
else
	echo "demo: ${failed} things misbehaved"
fi
exit "$((failed != 0))"
