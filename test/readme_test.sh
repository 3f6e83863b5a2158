# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# README's table of differences: it has every expected failure of the tests,
# and no test that does not exist.

readme=$srcdir/README.md

# Lines "program:case" of the table; of those marked (x) alone if "$1" is x.
# After a case with its program's name others of the same may follow.
table()
{
	sed -n '/^## Differences from BSD/,/^## /p' "$readme" |
	    grep '^|.*_test:' | awk -F '|' -v only="${1:-}" '{
		n = split($(NF - 1), part, ",")
		program = ""
		for (i = 1; i <= n; i++) {
			failing = part[i] ~ /\(x\)/
			gsub(/\(x\)|[ \t]/, "", part[i])
			if (split(part[i], name, ":") == 2)
				program = name[1]
			else
				name[2] = part[i]
			if (only != "x" || failing)
				print program ":" name[2]
		}
	    }' | sort -u
}

# Lines "program:case program:case" for the cases that expect a failure, and
# "program:function program:case" for those that call a function of the file that does:
# of these some may succeed.
expected()
{
	for c in "$srcdir"/test/*_test.c; do
		program=${c##*/}
		awk -v program="${program%.c}" '
		/^[A-Z_]*TC(_[A-Z]+)*\(/ {
			sub(/^[A-Z_]*\(/, "")
			sub(/[,)].*/, "")
			now = $0
			iscase[now] = 1
			next
		}
		/^[a-z_][a-z0-9_]*\(/ {
			now = $0
			sub(/\(.*/, "", now)
			next
		}
		/atf_tc_expect_fail/ { fails[now] = 1 }
		{ text[now] = text[now] "\n" $0 }
		END {
			for (f in fails) {
				if (f in iscase) {
					print program ":" f, program ":" f
					continue
				}
				call = "[^a-z0-9_]" f "[(]"
				for (c in iscase)
					if (text[c] ~ call)
						print program ":" f, program ":" c
			}
		}' "$c"
	done
}

atf_test_case failures
failures_head()
{
	atf_set descr "every expected failure has its row, marked (x)"
}
failures_body()
{
	table x >rows
	atf_check test -s rows
	expected >failing
	atf_check test -s failing
	# What expects a failure and has no row.
	awk 'NR == FNR { row[$1] = 1; next }
	    { want[$1] = 1 }
	    $2 in row { have[$1] = 1 }
	    END { for (w in want) if (!(w in have)) print w }' \
	    rows failing >unlisted
	atf_check -o empty cat unlisted
	# What has a row and expects none.
	awk 'NR == FNR { fails[$2] = 1; next }
	    !($1 in fails)' failing rows >unknown
	atf_check -o empty cat unknown
}

atf_test_case names
names_head()
{
	atf_set descr "every test that is named exists"
}
names_body()
{
	table >rows
	while IFS=: read -r program name; do
		grep -qE "TC(_[A-Z]+)*\(${name}[,)]" \
		    "$srcdir/test/$program.c" || echo "$program:$name"
	done <rows >missing
	atf_check -o empty cat missing
}

atf_init_test_cases()
{
	atf_add_test_case failures
	atf_add_test_case names
}
