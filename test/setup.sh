# SPDX-License-Identifier: BSD-2-Clause
#
# What the tests need: installed if we may, asked for if we may not.

missing=
need()
{
	missing="$missing $1"
}

# The caller brings its own stand-in for ATF with RUNNER or ATF_CFLAGS; the
# programs below are needed all the same.
command -v kyua >/dev/null || need kyua
command -v atf-sh >/dev/null || need atf-sh
echo '#include <atf-c.h>' | ${CC:-cc} -E - >/dev/null 2>&1 || need libatf-dev
command -v mandoc >/dev/null || need mandoc
command -v pkg-config >/dev/null || need pkg-config
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
	echo "installing$missing"
	DEBIAN_FRONTEND=noninteractive
	export DEBIAN_FRONTEND
	log=$(mktemp)
	if { apt-get -q update &&
	    apt-get -q -y --no-install-recommends \
	    -o DPkg::Lock::Timeout=300 install $missing; } \
	    >"$log" 2>&1 </dev/null; then
		rm -f "$log"
		exit 0
	fi
	cat "$log"
	rm -f "$log"
fi
cat >&2 <<EOF
The tests need$missing.
On Debian and Ubuntu, as root:

	apt-get update && apt-get install$missing

EOF
exit 1
