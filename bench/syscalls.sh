#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# syscalls.sh [bench]: how many system calls an operation makes, counted with
# strace.  Each operation is run 200 and 1200 times; the difference of the
# counts is a thousand operations without anything that happens once.  The
# program's own calls are taken off.

bench=${1:-bench/bench}
tmp=`mktemp -d` || exit 1
trap 'rm -rf "${tmp}"' EXIT

count()
{
	strace -c -U calls,name -o "$3" "${bench}" syscalls "$1" "$2" \
	    >"${tmp}/out" 2>&1
}

printf '| %-26s | %-16s | %8s | %s |\n' operation budget measured \
    'which, per operation'
echo '|----------------------------|------------------|---------:|---|'
"${bench}" syscalls | while IFS='	' read -r name budget own; do
	if ! count "${name}" 200 "${tmp}/few" ||
	    ! count "${name}" 1200 "${tmp}/many"; then
		printf '| %-26s | %-16s | %8s | %s |\n' "${name}" "${budget}" \
		    - "`tail -1 "${tmp}/out"`"
		continue
	fi
	awk -v name="${name}" -v budget="${budget}" -v own="${own}" '
	    BEGIN {
		n = split(own, part, ",")
		for (i = 1; i <= n; i++) {
			split(part[i], kv, "=")
			calls[kv[1]] = -1000 * kv[2]
		}
	    }
	    $1 !~ /^[0-9]+$/ || $2 == "total" { next }
	    FILENAME ~ /few$/ { calls[$2] -= $1; next }
	    { calls[$2] += $1 }
	    END {
		for (c in calls) {
			# What moves by less than one in fifty is noise.
			if (calls[c] > -20 && calls[c] < 20)
				continue
			sum += calls[c]
			which = which sep c sprintf(" %.2f", calls[c] / 1000)
			sep = ", "
		}
		printf("| %-26s | %-16s | %8.2f | %s |\n", name, budget,
		    sum / 1000, which)
	    }' "${tmp}/few" "${tmp}/many"
done
