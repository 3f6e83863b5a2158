#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# instructions.sh [directory]: how many instructions kevent() takes, and what it
# calls, libc included, as callgrind counts them; the library is the one that
# was built in the directory (default: the current one).  Each figure is the
# difference between 600 and 100 calls, so registration does not count.

set -eu
src=$(cd "$(dirname "$0")/.." && pwd)
lib=$(cd "${1:-.}" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

cat >poll.c <<'EOF'
#include <sys/event.h>
#include <sys/socket.h>

#include <stdlib.h>
#include <unistd.h>

/* poll READY CALLS: 16 sockets are watched, so many of them are ready. */
int
main(int argc, char *argv[])
{
	struct timespec zero = { 0, 0 };
	struct kevent ev[64];
	int i, kq, sv[2];

	(void)argc;
	kq = kqueue();
	for (i = 0; i < 16; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) != 0 ||
		    (i < atoi(argv[1]) && write(sv[1], "x", 1) != 1))
			return (1);
		EV_SET(&ev[0], sv[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
		if (kevent(kq, ev, 1, NULL, 0, NULL) != 0)
			return (1);
	}
	for (i = atoi(argv[2]); i > 0; i--) {
		if (kevent(kq, NULL, 0, ev, 64, &zero) != atoi(argv[1]))
			return (1);
	}
	return (0);
}
EOF
${CC:-cc} -O2 -I"$src/include" -o poll poll.c -L"$lib" -Wl,-rpath,"$lib" \
    -lkqueue

# Those of one call with so many ready.
count()
{
	for calls in 100 600; do
		valgrind --tool=callgrind --toggle-collect=kevent \
		    --callgrind-out-file=out ./poll "$1" $calls 2>&1 |
		    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
	done | { read -r few; read -r many; echo $(((many - few) / 500)); }
}

none=$(count 0)
one=$(count 1)
all=$(count 16)
echo "empty poll                   $none"
echo "1 of 16 ready, collected     $one"
echo "16 of 16 ready, collected    $all"
echo "each further event           $(((all - one) / 15))"
