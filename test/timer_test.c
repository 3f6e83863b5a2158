/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_TIMER.  Expirations are held against CLOCK_MONOTONIC: never early,
 * never more than there were periods; how late is nobody's promise.
 */
#include "kq_test.h"

/* What kqueue() is to a program compiled for FreeBSD's dialect. */
int	kqueue_freebsd(void);

/* FreeBSD's units; DragonFly's header has none. */
#define	FB_SECONDS	0x01
#define	FB_MSECONDS	0x02
#define	FB_USECONDS	0x04
#define	FB_NSECONDS	0x08
#define	FB_ABSTIME	0x10

#define	MS		INT64_C(1000000)	/* in nanoseconds */
#define	HOUR		(3600 * 1000)		/* in milliseconds */

/* A change that has to fail with error. */
#define	REFUSED(kq, error, ident, filter, flags, fflags, data)		\
	ATF_REQUIRE_EQ(error, kq_test_change(kq, (uintptr_t)(ident),	\
	    filter, flags, fflags, data, NULL))

#define	OPEN_FREEBSD()	open_freebsd(__FILE__, __LINE__)

static int
open_freebsd(const char *file, int line)
{
	int kq;

	if ((kq = kqueue_freebsd()) == -1)
		atf_tc_fail("%s:%d: kqueue_freebsd: %s", file, line,
		    strerror(errno));
	return (kq_test_remember(kq));
}

/* Let the clock reach since + ms: the time is itself what is waited for. */
static void
let_pass(int64_t since, int64_t ms)
{
	struct timespec ts;
	int64_t end;

	end = since + ms * MS;
	ts.tv_sec = (time_t)(end / 1000000000);
	ts.tv_nsec = (long)(end % 1000000000);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) != 0)
		continue;
}

static int
count_fds(void)
{
	struct dirent *de;
	DIR *dir;
	int n;

	n = 0;
	ATF_REQUIRE((dir = opendir("/proc/self/fd")) != NULL);
	while ((de = readdir(dir)) != NULL) {
		if (de->d_name[0] != '.')
			n++;
	}
	closedir(dir);
	return (n);
}

/* One event of timer ident is delivered; its data. */
static intptr_t
collect_one(int kq, uintptr_t ident)
{
	struct kevent kev[2];

	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, 2));
	KQ_MATCH(&kev[0], ident, EVFILT_TIMER, .fflags = 0);
	ATF_REQUIRE_MSG(kev[0].data >= 1, "data %jd", (intmax_t)kev[0].data);
	return (kev[0].data);
}

KQ_TC(ident_is_arbitrary, "TIMER-1: any number names a timer")
{
	static const uintptr_t ident[] = { 0, 1, 1000000, INT_MAX,
	    (uintptr_t)INT_MAX + 1, UINTPTR_MAX };
	int kq = KQ_OPEN();
	size_t i;

	for (i = 0; i < sizeof(ident) / sizeof(ident[0]); i++) {
		KQ_CHANGE(kq, ident[i], EVFILT_TIMER, EV_ADD | EV_ONESHOT,
		    0, 1);
		KQ_EXPECT(kq, ident[i], EVFILT_TIMER, .data = 1);
	}
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(fflags_are_ignored, "TIMER-1: fflags mean nothing, data is milliseconds")
{
	static const unsigned fflags[] = { FB_SECONDS, FB_MSECONDS,
	    FB_USECONDS, FB_NSECONDS, FB_ABSTIME, FB_SECONDS | FB_ABSTIME,
	    0x20, 0x80000000, 0xffffffff };
	int kq = KQ_OPEN();
	int64_t start;
	size_t i;

	/* Taken for seconds it would outlast the patience. */
	for (i = 0; i < sizeof(fflags) / sizeof(fflags[0]); i++) {
		start = kq_test_now();
		KQ_CHANGE(kq, i, EVFILT_TIMER, EV_ADD | EV_ONESHOT, fflags[i],
		    20);
		KQ_EXPECT(kq, i, EVFILT_TIMER, .fflags = 0, .data = 1);
		ATF_REQUIRE(kq_test_now() - start >= 20 * MS);
	}
}

KQ_TC(freebsd_milliseconds, "TIMER-1: freebsd: NOTE_MSECONDS and the default")
{
	static const unsigned fflags[] = { 0, FB_MSECONDS };
	int kq = OPEN_FREEBSD();
	int64_t start;
	size_t i;

	for (i = 0; i < 2; i++) {
		start = kq_test_now();
		KQ_CHANGE(kq, i, EVFILT_TIMER, EV_ADD | EV_ONESHOT, fflags[i],
		    20);
		KQ_EXPECT(kq, i, EVFILT_TIMER, .data = 1);
		ATF_REQUIRE(kq_test_now() - start >= 20 * MS);
	}
}

KQ_TC(freebsd_small_units, "TIMER-1: freebsd: NOTE_USECONDS, NOTE_NSECONDS")
{
	int kq = OPEN_FREEBSD();
	int64_t start;

	/* Taken for a coarser unit these would outlast the patience. */
	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, FB_USECONDS, 20000);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	ATF_REQUIRE(kq_test_now() - start >= 20 * MS);

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, FB_NSECONDS,
	    20000000);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	ATF_REQUIRE(kq_test_now() - start >= 20 * MS);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(freebsd_small_periods, "TIMER-1: freebsd: periods below a millisecond")
{
	int kq = OPEN_FREEBSD();
	int64_t start, armed, looked;
	intptr_t data;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, FB_USECONDS, 100);
	armed = kq_test_now();
	let_pass(start, 20);
	looked = kq_test_now();
	data = collect_one(kq, 1);
	ATF_REQUIRE(data <= (kq_test_now() - start) / 100000);
	ATF_REQUIRE(data >= (looked - armed) / 100000 - 1);
}

KQ_TC(freebsd_seconds, "TIMER-1, TIMER-5: freebsd: NOTE_SECONDS; 0 is 1 unit")
{
	int kq = OPEN_FREEBSD();
	struct kevent kev[2];
	int64_t start;
	int i, n, seen;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, FB_SECONDS, 1);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD, FB_SECONDS, 0);
	KQ_CHANGE(kq, 3, EVFILT_TIMER, EV_ADD, FB_SECONDS, HOUR);
	for (seen = 0; seen != 3;) {
		n = KQ_COLLECT(kq, kev, 2);
		ATF_REQUIRE(n >= 1);
		ATF_REQUIRE(kq_test_now() - start >= 1000 * MS);
		for (i = 0; i < n; i++) {
			ATF_REQUIRE(kev[i].ident == 1 || kev[i].ident == 2);
			seen |= (int)kev[i].ident;
		}
	}
}

KQ_TC(freebsd_unknown_fflags, "TIMER-1: freebsd: unknown fflags are EINVAL")
{
	int kq = OPEN_FREEBSD();

	REFUSED(kq, EINVAL, 1, EVFILT_TIMER, EV_ADD, 0x20, 10);
	REFUSED(kq, EINVAL, 1, EVFILT_TIMER, EV_ADD,
	    0x80000000 | FB_SECONDS, 10);
	REFUSED(kq, ENOENT, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(clear_is_automatic, "TIMER-2: EV_CLEAR is set without being asked for")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 20);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, HOUR);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .flags = EV_CLEAR);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
	KQ_EXPECT(kq, 2, EVFILT_TIMER, .flags = EV_CLEAR | EV_ONESHOT);
}

KQ_TC(periodic, "TIMER-2: it fires again and again, and never early")
{
	int kq = KQ_OPEN();
	int64_t start;
	intptr_t sum;
	int i;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 5);
	for (sum = 0, i = 0; i < 20; i++) {
		sum += collect_one(kq, 1);
		ATF_REQUIRE(kq_test_now() - start >= sum * 5 * MS);
	}
}

KQ_TC(data_counts_expirations, "TIMER-3: data is the number since the last one")
{
	int kq = KQ_OPEN();
	int64_t start, armed, looked;
	intptr_t sum;
	int i;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 4);
	armed = kq_test_now();
	for (sum = 0, i = 1; i <= 4; i++) {
		let_pass(start, i * 60);
		looked = kq_test_now();
		sum += collect_one(kq, 1);
		ATF_REQUIRE(sum <= (kq_test_now() - start) / (4 * MS));
		ATF_REQUIRE(sum >= (looked - armed) / (4 * MS) - 1);
	}
}

KQ_TC(never_early, "TIMER-4: the first expiration is one period after EV_ADD")
{
	int kq = KQ_OPEN();
	int64_t start;
	int i;

	for (i = 1; i <= 40; i++) {
		start = kq_test_now();
		KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0,
		    i % 7 + 1);
		KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
		ATF_REQUIRE(kq_test_now() - start >= (i % 7 + 1) * MS);
	}
}

KQ_TC(no_drift, "TIMER-4: late collections do not move later deadlines")
{
	int kq = KQ_OPEN();
	int64_t start, armed, looked;
	intptr_t sum;
	int i;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 1);
	armed = looked = kq_test_now();
	for (sum = 0, i = 0; i < 300; i++) {
		looked = kq_test_now();
		sum += collect_one(kq, 1);
	}
	ATF_REQUIRE(sum <= (kq_test_now() - start) / MS);
	ATF_REQUIRE_MSG(sum >= (looked - armed) / MS - 1,
	    "%jd expirations in %jd ns", (intmax_t)sum,
	    (intmax_t)(looked - armed));
}

KQ_TC(zero_is_next_tick, "TIMER-5: data <= 0 fires at every tick")
{
	static const intptr_t data[] = { 0, -1, -1000, INTPTR_MIN };
	int64_t start;
	intptr_t sum;
	size_t i;
	int j, kq;

	kq = KQ_OPEN();
	for (i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		start = kq_test_now();
		KQ_CHANGE(kq, i, EVFILT_TIMER, EV_ADD, 0, data[i]);
		for (sum = 0, j = 0; j < 10; j++)
			sum += collect_one(kq, i);
		/* The next tick may be near, the one after it is a period. */
		ATF_REQUIRE(sum <= (kq_test_now() - start) / MS + 1);
		KQ_CHANGE(kq, i, EVFILT_TIMER, EV_DELETE, 0, 0);
		KQ_EXPECT_NOTHING(kq);
	}
}

KQ_TC(zero_oneshot, "TIMER-5: data <= 0 with EV_ONESHOT fires once")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, -5);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(kq);
	REFUSED(kq, ENOENT, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
}

KQ_TC(freebsd_negative, "TIMER-5: freebsd: a negative period is EINVAL")
{
	int kq = OPEN_FREEBSD();

	REFUSED(kq, EINVAL, 1, EVFILT_TIMER, EV_ADD, 0, -1);
	REFUSED(kq, EINVAL, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0,
	    INTPTR_MIN);
	REFUSED(kq, ENOENT, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
}

KQ_TC(freebsd_zero, "TIMER-5: freebsd: 0 is 1 unit, with EV_ONESHOT at once")
{
	int kq = OPEN_FREEBSD();
	int64_t start;
	intptr_t sum;
	int i;

	/* A unit of this one is a second; at once is no whole second. */
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, FB_SECONDS, 0);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(kq);

	start = kq_test_now();
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD, 0, 0);
	for (sum = 0, i = 0; i < 10; i++) {
		sum += collect_one(kq, 2);
		ATF_REQUIRE(kq_test_now() - start >= sum * MS);
	}
}

KQ_TC(long_periods, "TIMER-6: a very large period is accepted, never due")
{
	/* The last one is where nanoseconds begin to overflow. */
	static const intptr_t data[] = { INTPTR_MAX, INTPTR_MAX - 1,
	    INTPTR_MAX / 1000, INT_MAX,
	    INTPTR_MAX / (sizeof(intptr_t) == 8 ? 1000000 : 1) };
	int kq = KQ_OPEN();
	size_t i;

	for (i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		KQ_CHANGE(kq, 100 + i, EVFILT_TIMER, EV_ADD, 0, data[i]);
		KQ_CHANGE(kq, 200 + i, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0,
		    data[i]);
	}
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	/* They are in nobody's way. */
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, INTPTR_MAX);
	KQ_EXPECT_NOTHING(kq);
	for (i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		KQ_CHANGE(kq, 100 + i, EVFILT_TIMER, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(freebsd_long_periods, "TIMER-6: freebsd: the same, in seconds")
{
	int kq = OPEN_FREEBSD();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, FB_SECONDS, INTPTR_MAX);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD, FB_MSECONDS, INTPTR_MAX);
	KQ_CHANGE(kq, 3, EVFILT_TIMER, EV_ADD | EV_ONESHOT, FB_SECONDS,
	    INTPTR_MAX / 2);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(readd_keeps_deadline, "TIMER-7: EV_ADD on a live one is no restart")
{
	int kq = KQ_OPEN();
	int64_t start, changed;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 20);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, HOUR);
	changed = kq_test_now();
	KQ_POLL_READABLE(kq);
	/* Once, unless it was due before the second change already. */
	ATF_REQUIRE(collect_one(kq, 1) <= (changed - start) / (20 * MS) + 1);
	ATF_REQUIRE(kq_test_now() - start >= 20 * MS);
	/* The new period is in force from that expiration on. */
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

KQ_TC(readd_shorter_keeps_deadline, "TIMER-7: nor does a shorter period")
{
	int kq = KQ_OPEN();
	int64_t start;
	int i;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 150);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 1);
	for (i = 0; i < 5; i++) {
		(void)collect_one(kq, 1);
		ATF_REQUIRE(kq_test_now() - start >= 150 * MS);
	}
}

KQ_TC(readd_keeps_count, "TIMER-7: EV_ADD does not reset the count")
{
	int kq = KQ_OPEN();
	int64_t start, armed, looked;
	intptr_t data;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 4);
	armed = kq_test_now();
	let_pass(start, 60);
	looked = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, HOUR);
	data = collect_one(kq, 1);
	ATF_REQUIRE(data <= (kq_test_now() - start) / (4 * MS));
	ATF_REQUIRE(data >= (looked - armed) / (4 * MS) - 1);
}

KQ_TC(readd_oneshot_keeps_deadline, "TIMER-7: so with EV_ONESHOT")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 20);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, HOUR);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(kq);
	REFUSED(kq, ENOENT, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
}

KQ_TC(readd_changes_udata, "TIMER-7, REG-16: EV_ADD stores the new udata")
{
	int kq = KQ_OPEN();
	int a, b;

	KQ_CHANGE_UDATA(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 10, &a);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 10, &b);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1, .udata = &b);
}

KQ_TC(freebsd_readd_restarts, "TIMER-7: freebsd: EV_ADD starts anew")
{
	int kq = OPEN_FREEBSD();
	int64_t start;

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, HOUR);
	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 20);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	ATF_REQUIRE(kq_test_now() - start >= 20 * MS);

	start = kq_test_now();
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD, 0, 40);
	let_pass(start, 20);
	start = kq_test_now();
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD, 0, 40);
	(void)collect_one(kq, 2);
	ATF_REQUIRE(kq_test_now() - start >= 40 * MS);
}

KQ_TC(freebsd_readd_discards, "TIMER-7: freebsd: EV_ADD discards expirations")
{
	int kq = OPEN_FREEBSD();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 5);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, HOUR);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);

	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, HOUR);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_DELETE, 0, 0);
}

KQ_TC(enable_sets_period, "TIMER-8: EV_ENABLE, EV_DISABLE and no flag set it")
{
	static const unsigned flags[] = { EV_ENABLE, EV_DISABLE, 0 };
	int kq = KQ_OPEN();
	int64_t start, changed;
	size_t i;

	for (i = 0; i < 3; i++) {
		start = kq_test_now();
		KQ_CHANGE(kq, i, EVFILT_TIMER, EV_ADD, 0, 20);
		KQ_CHANGE(kq, i, EVFILT_TIMER, flags[i], 0, HOUR);
		if (flags[i] == EV_DISABLE)
			KQ_CHANGE(kq, i, EVFILT_TIMER, EV_ENABLE, 0, HOUR);
		changed = kq_test_now();
		/* The deadline stays, the next is an hour away. */
		ATF_REQUIRE(collect_one(kq, i) <=
		    (changed - start) / (20 * MS) + 1);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
	}
}

KQ_TC(enable_sets_period_zero, "TIMER-8: EV_ENABLE with data 0 makes it tick")
{
	int kq = KQ_OPEN();
	int64_t start;
	intptr_t data;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 100);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 0);
	(void)collect_one(kq, 1);
	ATF_REQUIRE(kq_test_now() - start >= 100 * MS);
	/* There is room for one or two of the old period. */
	let_pass(kq_test_now(), 150);
	data = collect_one(kq, 1);
	ATF_REQUIRE_MSG(data >= 10, "%jd expirations", (intmax_t)data);
}

KQ_TC(freebsd_enable_keeps_period, "TIMER-8: freebsd: EV_ENABLE does not")
{
	int kq = OPEN_FREEBSD();
	int i;

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 5);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DISABLE, 0, HOUR);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, HOUR);
	for (i = 0; i < 5; i++)
		(void)collect_one(kq, 1);
}

KQ_TC(freebsd_enable_keeps_long_period, "TIMER-8: freebsd: nor shortens it")
{
	int kq = OPEN_FREEBSD();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, HOUR);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DISABLE, 0, -1);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 1);
	let_pass(kq_test_now(), 20);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

KQ_TC(disabled_counts_on, "TIMER-9: disabled it counts, enabled it tells all")
{
	int kq = KQ_OPEN();
	int64_t start, armed, looked;
	intptr_t data;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 4);
	armed = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DISABLE, 0, 4);
	let_pass(start, 60);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	looked = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 4);
	data = collect_one(kq, 1);
	ATF_REQUIRE(data <= (kq_test_now() - start) / (4 * MS));
	ATF_REQUIRE(data >= (looked - armed) / (4 * MS) - 1);
	/* And it goes on as before. */
	data += collect_one(kq, 1);
	ATF_REQUIRE(data <= (kq_test_now() - start) / (4 * MS));
}

KQ_TC(added_disabled_counts, "TIMER-9: so does one that was added disabled")
{
	int kq = KQ_OPEN();
	int64_t start, armed, looked;
	intptr_t data;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_DISABLE, 0, 4);
	armed = kq_test_now();
	let_pass(start, 60);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	looked = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 4);
	data = collect_one(kq, 1);
	ATF_REQUIRE(data <= (kq_test_now() - start) / (4 * MS));
	ATF_REQUIRE(data >= (looked - armed) / (4 * MS) - 1);
}

KQ_TC(disabled_pending, "TIMER-9: an expiration before EV_DISABLE is kept")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DISABLE, 0, 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 5);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(disabled_oneshot, "TIMER-9: a one-shot timer that expired while disabled")
{
	int kq = KQ_OPEN();
	int64_t start;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT | EV_DISABLE, 0, 5);
	let_pass(start, 40);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 5);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	REFUSED(kq, ENOENT, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
}

KQ_TC(enabled_before_due, "TIMER-9: enabled in time it is due when it was")
{
	int kq = KQ_OPEN();
	int64_t start;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 60);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DISABLE, 0, 60);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, HOUR);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	ATF_REQUIRE(kq_test_now() - start >= 60 * MS);
}

KQ_TC(oneshot, "TIMER-10: EV_ONESHOT fires once and is deleted by that")
{
	int kq = KQ_OPEN();
	int64_t start;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 2);
	/* However late it is fetched, it expired once. */
	let_pass(start, 20);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	REFUSED(kq, ENOENT, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	REFUSED(kq, ENOENT, 1, EVFILT_TIMER, EV_ENABLE, 0, 2);
}

KQ_TC(oneshot_exists_until_delivery, "TIMER-10: it exists until delivered")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 2);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(oneshot_readd_does_not_rearm, "TIMER-10: expired, EV_ADD is no re-arm")
{
	static const intptr_t data[] = { HOUR, 1 };
	int kq = KQ_OPEN();
	int64_t start;
	size_t i;

	for (i = 0; i < 2; i++) {
		KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 2);
		KQ_POLL_READABLE(kq);
		start = kq_test_now();
		KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, data[i]);
		let_pass(start, 10);
		KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
		KQ_EXPECT_NOTHING(kq);
		REFUSED(kq, ENOENT, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	}
}

KQ_TC(dispatch, "TIMER-11: EV_DISPATCH disables after delivery, counting on")
{
	int kq = KQ_OPEN();
	int64_t start, armed, looked;
	struct kevent kev[2];
	intptr_t sum;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_DISPATCH, 0, 4);
	armed = kq_test_now();
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, 2));
	KQ_MATCH(&kev[0], 1, EVFILT_TIMER, .flags = EV_CLEAR | EV_DISPATCH,
	    .fflags = 0);
	sum = kev[0].data;
	let_pass(start, 60);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	looked = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 4);
	sum += collect_one(kq, 1);
	ATF_REQUIRE(sum <= (kq_test_now() - start) / (4 * MS));
	ATF_REQUIRE(sum >= (looked - armed) / (4 * MS) - 1);
	KQ_EXPECT_NOTHING(kq);
}

/* Collect n one-shot timers, 0 to n - 1, room at a time: each exactly once. */
static void
collect_each_once(int kq, int n, int room)
{
	struct kevent kev[256];
	bool *seen;
	int got, i, total;

	ATF_REQUIRE((seen = calloc((size_t)n, sizeof(*seen))) != NULL);
	for (total = 0; total < n; total += got) {
		got = KQ_COLLECT(kq, kev, room);
		ATF_REQUIRE_MSG(got >= 1 && got <= room,
		    "%d events after %d of %d", got, total, n);
		for (i = 0; i < got; i++) {
			ATF_REQUIRE(kev[i].ident < (uintptr_t)n);
			KQ_MATCH(&kev[i], kev[i].ident, EVFILT_TIMER,
			    .fflags = 0, .data = 1);
			ATF_REQUIRE_MSG(!seen[kev[i].ident], "%ju came twice",
			    (uintmax_t)kev[i].ident);
			seen[kev[i].ident] = true;
		}
	}
	free(seen);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

/* Add n timers in blocks; the i-th is due after base + i % spread. */
static void
add_many(int kq, int n, unsigned flags, intptr_t base, int spread)
{
	struct kevent kev[1000];
	int i, j;

	for (i = 0; i < n; i += j) {
		for (j = 0; j < 1000 && i + j < n; j++)
			EV_SET(&kev[j], (uintptr_t)(i + j), EVFILT_TIMER,
			    (unsigned short)flags, 0, base + (i + j) % spread,
			    NULL);
		ATF_REQUIRE_EQ(0, kevent(kq, kev, j, NULL, 0, NULL));
	}
}

KQ_TC(many_due_together, "TIMER-12: 100000 timers, each comes exactly once")
{
	int kq = KQ_OPEN();

	add_many(kq, 100000, EV_ADD | EV_ONESHOT, 1, 97);
	collect_each_once(kq, 100000, 256);
}

KQ_TC(many_short_eventlist, "TIMER-12: the same with room for a few")
{
	int kq = KQ_OPEN();
	int64_t start;

	start = kq_test_now();
	add_many(kq, 3000, EV_ADD | EV_ONESHOT, 1, 1);
	let_pass(start, 2);
	collect_each_once(kq, 3000, 1);
	add_many(kq, 3000, EV_ADD | EV_ONESHOT, 1, 5);
	collect_each_once(kq, 3000, 7);
}

KQ_TC(many_idle, "TIMER-12: 100000 idle timers stay silent and are deleted")
{
	int kq = KQ_OPEN();
	struct kevent kev[1000];
	int i, j;

	add_many(kq, 100000, EV_ADD, HOUR, 1009);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, 1000000, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
	KQ_EXPECT(kq, 1000000, EVFILT_TIMER, .data = 1);
	/* In an order that is not the one they came in. */
	for (i = 0; i < 100000; i += 1000) {
		for (j = 0; j < 1000; j++)
			EV_SET(&kev[j], (uintptr_t)((i + j) * 7919LL % 100000),
			    EVFILT_TIMER, EV_DELETE, 0, 0, NULL);
		ATF_REQUIRE_EQ(0, kevent(kq, kev, 1000, NULL, 0, NULL));
	}
	REFUSED(kq, ENOENT, 77, EVFILT_TIMER, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(one_descriptor, "TIMER-12: a thousand timers take one descriptor more")
{
	int kq = KQ_OPEN();
	int before, i;

	before = count_fds();
	add_many(kq, 1000, EV_ADD, HOUR, 13);
	ATF_REQUIRE(count_fds() <= before + 1);
	for (i = 0; i < 1000; i++)
		KQ_CHANGE(kq, i, EVFILT_TIMER, EV_DELETE, 0, 0);
	add_many(kq, 1000, EV_ADD | EV_ONESHOT, 1, 3);
	collect_each_once(kq, 1000, 64);
	ATF_REQUIRE(count_fds() <= before + 1);
}

KQ_TC(delete_stops, "TIMER-13: after EV_DELETE nothing is delivered")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 2);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	let_pass(kq_test_now(), 20);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	REFUSED(kq, ENOENT, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
}

KQ_TC(delete_expired, "TIMER-13: nor what had expired before it")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 2);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	/* The name is free for a timer with a deadline of its own. */
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, HOUR);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

KQ_TC(delete_earliest, "TIMER-13: deleting the earliest leaves the others")
{
	int kq = KQ_OPEN();
	int64_t start;

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 5);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 40);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	KQ_EXPECT(kq, 2, EVFILT_TIMER, .data = 1);
	ATF_REQUIRE(kq_test_now() - start >= 40 * MS);
}

/* CLOCK_REALTIME now, in milliseconds, rounded up. */
static int64_t
wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + 1);
}

KQ_TC(freebsd_abstime, "TIMER-14: freebsd: NOTE_ABSTIME is a time of the wall")
{
	int kq = OPEN_FREEBSD();
	int64_t start;

#if INTPTR_MAX <= INT32_MAX
	atf_tc_skip("a wall clock in milliseconds needs a 64-bit data");
#endif
	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT,
	    FB_ABSTIME | FB_MSECONDS, (intptr_t)(wall_ms() + 30));
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD, FB_ABSTIME | FB_MSECONDS,
	    (intptr_t)(wall_ms() + HOUR));
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .flags = EV_ONESHOT, .data = 1);
	ATF_REQUIRE(kq_test_now() - start >= 30 * MS);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

KQ_TC(freebsd_abstime_zero, "TIMER-14: freebsd: the time 0 is long past")
{
	int kq = OPEN_FREEBSD();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_CLEAR, FB_ABSTIME, 0);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	/* And comes once, being no period. */
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	close(kq);
}

KQ_TC(freebsd_abstime_level, "TIMER-2: freebsd: NOTE_ABSTIME has no EV_CLEAR")
{
	int kq = OPEN_FREEBSD();
	int i;

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, FB_ABSTIME | FB_SECONDS,
	    (intptr_t)(wall_ms() / 1000));
	for (i = 0; i < 3; i++)
		KQ_EXPECT(kq, 1, EVFILT_TIMER, .flags = 0, .data = 1);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

KQ_TC(freebsd_abstime_past, "TIMER-14: freebsd: a time that has passed is due")
{
	int kq = OPEN_FREEBSD();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT,
	    FB_ABSTIME | FB_SECONDS, (intptr_t)(wall_ms() / 1000 - 100));
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT,
	    FB_ABSTIME | FB_SECONDS, 1);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(same_ident_same_timer, "TIMER-15: one ident in one queue is one timer")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 10);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 10);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, HOUR);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, HOUR);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	REFUSED(kq, ENOENT, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
}

KQ_TC(same_ident_two_queues, "TIMER-15: in two queues it is two timers")
{
	int a = KQ_OPEN();
	int b = KQ_OPEN();

	KQ_CHANGE(a, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5);
	KQ_CHANGE(b, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5);
	KQ_EXPECT(a, 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT(b, 1, EVFILT_TIMER, .data = 1);
	KQ_CHANGE(a, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5);
	KQ_CHANGE(b, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, HOUR);
	KQ_CHANGE(b, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	KQ_EXPECT(a, 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(b);
}

KQ_TC(poll_follows, "TIMER-3, KQ-17: the kqueue is readable when one is due")
{
	int kq = KQ_OPEN();
	int64_t start;

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, HOUR);
	KQ_POLL_SILENT(kq);
	start = kq_test_now();
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 20);
	KQ_POLL_READABLE(kq);
	ATF_REQUIRE(kq_test_now() - start >= 20 * MS);
	/* Looking does not use it up. */
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 2, EVFILT_TIMER, .data = 1);
	KQ_POLL_SILENT(kq);
	/* And again, after the queue has once been emptied. */
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, 2, EVFILT_TIMER, .data = 1);
	KQ_POLL_SILENT(kq);
}

KQ_TC(poll_periodic, "TIMER-2, KQ-17: readable again at every expiration")
{
	int kq = KQ_OPEN();
	int i;

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 3);
	for (i = 0; i < 20; i++) {
		KQ_POLL_READABLE(kq);
		(void)collect_one(kq, 1);
	}
}

KQ_TC(poll_short_eventlist, "TIMER-3, KQ-17: readable while some are left")
{
	int kq = KQ_OPEN();
	struct kevent kev;
	int64_t start;
	int i;

	start = kq_test_now();
	for (i = 0; i < 5; i++)
		KQ_CHANGE(kq, i, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
	let_pass(start, 10);
	for (i = 0; i < 5; i++) {
		KQ_POLL_READABLE(kq);
		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
	}
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(earlier_timer_comes_first, "TIMER-4: a later EV_ADD may be due earlier")
{
	int kq = KQ_OPEN();
	static const int period[] = { 150, 50, 100 };
	struct kevent kev[4];
	int i;

	/* In one call, and far enough apart for a slow one. */
	for (i = 0; i < 3; i++)
		EV_SET(&kev[i], (uintptr_t)(period[i] / 50), EVFILT_TIMER,
		    EV_ADD | EV_ONESHOT, 0, period[i], NULL);
	ATF_REQUIRE_EQ(0, kevent(kq, kev, 3, NULL, 0, NULL));
	let_pass(kq_test_now(), 160);
	/* SCAN-1: all due, they come in the order in which they became so. */
	for (i = 0; i < 3;)
		i += KQ_COLLECT(kq, &kev[i], 4 - i);
	ATF_REQUIRE_EQ(3, i);
	for (i = 0; i < 3; i++)
		KQ_MATCH(&kev[i], i + 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(kq);
}

/* Once a changed timer that was due overtook one that was due before. */
KQ_TC(change_keeps_order, "SCAN-1: a change of a due timer overtakes none")
{
	int kq = KQ_OPEN();
	struct kevent kev[2];
	int64_t start;

	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD, 0, 14);
	KQ_CHANGE(kq, 3, EVFILT_TIMER, EV_ADD, 0, 5);
	start = kq_test_now();
	let_pass(start, 30);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, 0, 0, 50);
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 2));
	KQ_MATCH(&kev[0], 3, EVFILT_TIMER);
	KQ_MATCH(&kev[1], 2, EVFILT_TIMER);
}

/* The clock that the timerfd of this number goes by; -1: it is none. */
static int
timerfd_clock(int fd)
{
	char line[128], path[64];
	FILE *fp;
	int clock;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if ((fp = fopen(path, "r")) == NULL)
		return (-1);
	clock = -1;
	while (fgets(line, sizeof(line), fp) != NULL)
		(void)sscanf(line, "clockid: %d", &clock);
	(void)fclose(fp);
	return (clock);
}

/* Setting the clock is not for a test; what is asked for can be seen. */
KQ_TC(time_base, "TIMER-14: the wall clock has no influence on a timer")
{
	int kq, queue, fd, n;
	struct timespec ts;

	for (queue = 0; queue < 2; queue++) {
		kq = queue == 0 ? KQ_OPEN() : OPEN_FREEBSD();
		KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, HOUR);
		if (queue == 1) {
			/* Converted once; nothing stays tied to that clock. */
			ATF_REQUIRE_EQ(0, clock_gettime(CLOCK_REALTIME, &ts));
			KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD,
			    FB_ABSTIME | FB_SECONDS, ts.tv_sec + 1800);
		}
	}
	for (n = 0, fd = 0; fd < 4096; fd++) {
		switch (timerfd_clock(fd)) {
		case -1:
			break;
		case CLOCK_MONOTONIC:
			n++;
			break;
		default:
			atf_tc_fail("descriptor %d goes by another clock", fd);
		}
	}
	ATF_CHECK_EQ(2, n);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, ident_is_arbitrary);
	ATF_TP_ADD_TC(tp, fflags_are_ignored);
	ATF_TP_ADD_TC(tp, freebsd_milliseconds);
	ATF_TP_ADD_TC(tp, freebsd_small_units);
	ATF_TP_ADD_TC(tp, freebsd_small_periods);
	ATF_TP_ADD_TC(tp, freebsd_seconds);
	ATF_TP_ADD_TC(tp, freebsd_unknown_fflags);
	ATF_TP_ADD_TC(tp, clear_is_automatic);
	ATF_TP_ADD_TC(tp, periodic);
	ATF_TP_ADD_TC(tp, data_counts_expirations);
	ATF_TP_ADD_TC(tp, never_early);
	ATF_TP_ADD_TC(tp, no_drift);
	ATF_TP_ADD_TC(tp, zero_is_next_tick);
	ATF_TP_ADD_TC(tp, zero_oneshot);
	ATF_TP_ADD_TC(tp, freebsd_negative);
	ATF_TP_ADD_TC(tp, freebsd_zero);
	ATF_TP_ADD_TC(tp, long_periods);
	ATF_TP_ADD_TC(tp, freebsd_long_periods);
	ATF_TP_ADD_TC(tp, readd_keeps_deadline);
	ATF_TP_ADD_TC(tp, readd_shorter_keeps_deadline);
	ATF_TP_ADD_TC(tp, readd_keeps_count);
	ATF_TP_ADD_TC(tp, readd_oneshot_keeps_deadline);
	ATF_TP_ADD_TC(tp, readd_changes_udata);
	ATF_TP_ADD_TC(tp, freebsd_readd_restarts);
	ATF_TP_ADD_TC(tp, freebsd_readd_discards);
	ATF_TP_ADD_TC(tp, enable_sets_period);
	ATF_TP_ADD_TC(tp, enable_sets_period_zero);
	ATF_TP_ADD_TC(tp, freebsd_enable_keeps_period);
	ATF_TP_ADD_TC(tp, freebsd_enable_keeps_long_period);
	ATF_TP_ADD_TC(tp, disabled_counts_on);
	ATF_TP_ADD_TC(tp, added_disabled_counts);
	ATF_TP_ADD_TC(tp, disabled_pending);
	ATF_TP_ADD_TC(tp, disabled_oneshot);
	ATF_TP_ADD_TC(tp, enabled_before_due);
	ATF_TP_ADD_TC(tp, oneshot);
	ATF_TP_ADD_TC(tp, oneshot_exists_until_delivery);
	ATF_TP_ADD_TC(tp, oneshot_readd_does_not_rearm);
	ATF_TP_ADD_TC(tp, dispatch);
	ATF_TP_ADD_TC(tp, many_due_together);
	ATF_TP_ADD_TC(tp, many_short_eventlist);
	ATF_TP_ADD_TC(tp, many_idle);
	ATF_TP_ADD_TC(tp, one_descriptor);
	ATF_TP_ADD_TC(tp, delete_stops);
	ATF_TP_ADD_TC(tp, delete_expired);
	ATF_TP_ADD_TC(tp, delete_earliest);
	ATF_TP_ADD_TC(tp, freebsd_abstime);
	ATF_TP_ADD_TC(tp, freebsd_abstime_zero);
	ATF_TP_ADD_TC(tp, freebsd_abstime_level);
	ATF_TP_ADD_TC(tp, freebsd_abstime_past);
	ATF_TP_ADD_TC(tp, same_ident_same_timer);
	ATF_TP_ADD_TC(tp, same_ident_two_queues);
	ATF_TP_ADD_TC(tp, poll_follows);
	ATF_TP_ADD_TC(tp, poll_periodic);
	ATF_TP_ADD_TC(tp, poll_short_eventlist);
	ATF_TP_ADD_TC(tp, earlier_timer_comes_first);

	ATF_TP_ADD_TC(tp, change_keeps_order);
	ATF_TP_ADD_TC(tp, time_base);
	return (atf_no_error());
}
