/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pending queue: order, freshness, what delivery does to a knote, at
 * most once per call, rotation, and waits that last.  Threads are in
 * thread_test.c.
 */
#include "kq_test.h"

#include <pthread.h>
#include <sys/socket.h>

#define	MS		INT64_C(1000000)	/* in nanoseconds */
#define	HOUR		(3600 * 1000)		/* in milliseconds */

/* A change that has to fail with error. */
#define	REFUSED(kq, error, ident, filter, flags)			\
	ATF_REQUIRE_EQ(error, kq_test_change(kq, (uintptr_t)(ident),	\
	    filter, flags, 0, 0, NULL))

#define	ADD_USER(kq, ident, flags)					\
	KQ_CHANGE(kq, ident, EVFILT_USER, EV_ADD | (flags), 0, 0)
#define	TRIGGER(kq, ident)						\
	KQ_CHANGE(kq, ident, EVFILT_USER, 0, NOTE_TRIGGER, 0)
#define	ADD_READ(kq, fd, flags)						\
	KQ_CHANGE(kq, fd, EVFILT_READ, EV_ADD | (flags), 0, 0)

static void
make_pipe(int *p)
{
	ATF_REQUIRE_EQ(0, pipe(p));
}

static void
put(int fd, int n)
{
	static const char zeroes[64];

	ATF_REQUIRE(n <= (int)sizeof(zeroes));
	ATF_REQUIRE_EQ(n, write(fd, zeroes, (size_t)n));
}

static void
take(int fd, int n)
{
	char buf[64];

	ATF_REQUIRE(n <= (int)sizeof(buf));
	ATF_REQUIRE_EQ(n, read(fd, buf, (size_t)n));
}

/* Collect exactly n events, over as many calls as that takes. */
static void
collect_all(int kq, struct kevent *kev, int n)
{
	int got, i;

	for (i = 0; i < n; i += got) {
		got = KQ_COLLECT(kq, &kev[i], n - i);
		ATF_REQUIRE_MSG(got >= 1, "%d of %d events", i, n);
	}
}

/* Allow for n descriptors; false where that is not to be had. */
static bool
many_descriptors(rlim_t n)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return (false);
	if (rl.rlim_cur >= n)
		return (true);
	rl.rlim_cur = n;
	if (rl.rlim_max < n)
		rl.rlim_max = n;
	return (setrlimit(RLIMIT_NOFILE, &rl) == 0);
}

KQ_TC(user_in_order, "SCAN-1: user events come in the order of their triggers")
{
	static const int order[] = { 3, 1, 4, 0, 2 };
	int kq = KQ_OPEN();
	struct kevent kev[8];
	int i;

	for (i = 0; i < 5; i++)
		ADD_USER(kq, i, EV_CLEAR);
	for (i = 0; i < 5; i++)
		TRIGGER(kq, order[i]);
	/* A second trigger of a pending one does not move it. */
	TRIGGER(kq, order[0]);
	ATF_REQUIRE_EQ(5, KQ_COLLECT(kq, kev, 8));
	for (i = 0; i < 5; i++)
		KQ_MATCH(&kev[i], order[i], EVFILT_USER);

	for (i = 0; i < 5; i++)
		TRIGGER(kq, order[i]);
	for (i = 0; i < 5; i++) {
		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, 1));
		KQ_MATCH(&kev[0], order[i], EVFILT_USER);
	}
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(user_changelist_order, "SCAN-1: ready ones come in changelist order")
{
	int kq = KQ_OPEN();
	struct kevent kev[20];
	int i;

	for (i = 0; i < 20; i++)
		EV_SET(&kev[i], (uintptr_t)(i * 7 % 20), EVFILT_USER,
		    EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0, NULL);
	ATF_REQUIRE_EQ(0, kevent(kq, kev, 20, NULL, 0, NULL));
	memset(kev, 0, sizeof(kev));
	ATF_REQUIRE_EQ(20, KQ_COLLECT(kq, kev, 20));
	for (i = 0; i < 20; i++)
		KQ_MATCH(&kev[i], i * 7 % 20, EVFILT_USER);
}

KQ_TC(pipes_changelist_order, "SCAN-1: so do ready descriptors")
{
	static const int order[] = { 2, 0, 4, 1, 3 };
	int kq = KQ_OPEN();
	struct kevent kev[8];
	int i, p[5][2];

	for (i = 0; i < 5; i++) {
		make_pipe(p[i]);
		put(p[i][1], 1);
	}
	for (i = 0; i < 5; i++)
		EV_SET(&kev[i], (uintptr_t)p[order[i]][0], EVFILT_READ, EV_ADD,
		    0, 0, NULL);
	ATF_REQUIRE_EQ(0, kevent(kq, kev, 5, NULL, 0, NULL));
	ATF_REQUIRE_EQ(5, KQ_COLLECT(kq, kev, 8));
	for (i = 0; i < 5; i++)
		KQ_MATCH(&kev[i], p[order[i]][0], EVFILT_READ, .data = 1);
}

KQ_TC(pipes_in_order, "SCAN-1: descriptors come in the order of their arrivals")
{
	static const unsigned flags[] = { 0, EV_CLEAR, EV_ONESHOT,
	    EV_DISPATCH };
	static const int order[] = { 3, 1, 4, 0, 2 };
	struct kevent kev[8];
	int i, kq, p[5][2];
	size_t j;

	for (j = 0; j < 4; j++) {
		kq = KQ_OPEN();
		for (i = 0; i < 5; i++) {
			make_pipe(p[i]);
			ADD_READ(kq, p[i][0], flags[j]);
		}
		for (i = 0; i < 5; i++)
			put(p[order[i]][1], 1);
		ATF_REQUIRE_EQ(5, KQ_COLLECT(kq, kev, 8));
		for (i = 0; i < 5; i++)
			KQ_MATCH(&kev[i], p[order[i]][0], EVFILT_READ,
			    .flags = flags[j], .data = 1);
	}
}

KQ_TC(timers_in_order, "SCAN-1: timers come in the order of their deadlines")
{
	int kq = KQ_OPEN();
	struct kevent kev[3];

	/* In one call, and far enough apart for a slow one. */
	EV_SET(&kev[0], 3, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 150, NULL);
	EV_SET(&kev[1], 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 50, NULL);
	EV_SET(&kev[2], 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 100, NULL);
	ATF_REQUIRE_EQ(0, kevent(kq, kev, 3, NULL, 0, NULL));
	collect_all(kq, kev, 3);
	KQ_MATCH(&kev[0], 1, EVFILT_TIMER);
	KQ_MATCH(&kev[1], 2, EVFILT_TIMER);
	KQ_MATCH(&kev[2], 3, EVFILT_TIMER);
}

KQ_TC(dups_newest_first, "SCAN-2: one arrival, several knotes: newest first")
{
	int kq = KQ_OPEN();
	struct kevent kev[4];
	int d[3], i, s[2];

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    s));
	d[0] = s[0];
	for (i = 1; i < 3; i++)
		ATF_REQUIRE((d[i] = dup(s[0])) != -1);
	for (i = 0; i < 3; i++)
		ADD_READ(kq, d[i], EV_CLEAR);
	put(s[1], 5);
	ATF_REQUIRE_EQ(3, KQ_COLLECT(kq, kev, 4));
	for (i = 0; i < 3; i++)
		KQ_MATCH(&kev[i], d[2 - i], EVFILT_READ, .data = 5);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(disabled_not_delivered, "SCAN-3: disabled it leaves the list but is kept")
{
	int kq = KQ_OPEN();
	struct kevent kev[4];
	int p[2];

	make_pipe(p);
	ADD_READ(kq, p[0], EV_CLEAR);
	ADD_USER(kq, 1, EV_CLEAR);
	ADD_USER(kq, 2, EV_CLEAR);
	put(p[1], 3);
	TRIGGER(kq, 1);
	TRIGGER(kq, 2);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DISABLE, 0, 0);
	KQ_EXPECT(kq, 2, EVFILT_USER);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);

	/* Enabled it stands at the tail, REG-26. */
	TRIGGER(kq, 2);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 4));
	KQ_MATCH(&kev[0], 2, EVFILT_USER);
	KQ_MATCH(&kev[1], 1, EVFILT_USER);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 3);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(stale_not_delivered, "SCAN-4: what is gone by then is not delivered")
{
	static const unsigned flags[] = { 0, EV_CLEAR, EV_DISPATCH,
	    EV_CLEAR | EV_DISPATCH };
	int kq = KQ_OPEN();
	int p[2];
	size_t i;

	for (i = 0; i < 4; i++) {
		make_pipe(p);
		ADD_READ(kq, p[0], flags[i]);
		put(p[1], 2);
		take(p[0], 2);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		/* It was not delivered, so it is neither gone nor disabled. */
		put(p[1], 4);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = flags[i], .data = 4);
		take(p[0], 4);
		KQ_EXPECT_NOTHING(kq);
	}
}

KQ_TC(stale_among_live, "SCAN-4: stale ones take no room from live ones")
{
	int kq = KQ_OPEN();
	struct kevent kev[2];
	int i, p[9][2];

	for (i = 0; i < 9; i++) {
		make_pipe(p[i]);
		ADD_READ(kq, p[i][0], EV_CLEAR);
	}
	for (i = 0; i < 9; i++)
		put(p[i][1], 1);
	for (i = 0; i < 9; i++) {
		if (i != 4 && i != 8)
			take(p[i][0], 1);
	}
	collect_all(kq, kev, 2);
	KQ_MATCH(&kev[0], p[4][0], EVFILT_READ, .data = 1);
	KQ_MATCH(&kev[1], p[8][0], EVFILT_READ, .data = 1);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(data_is_fresh, "SCAN-4: data is that of the collection")
{
	static const unsigned flags[] = { 0, EV_CLEAR, EV_DISPATCH };
	int kq = KQ_OPEN();
	int p[2];
	size_t i;

	for (i = 0; i < 3; i++) {
		make_pipe(p);
		ADD_READ(kq, p[0], flags[i]);
		put(p[1], 1);
		put(p[1], 3);
		take(p[0], 2);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 2);
		KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	}
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(oneshot_stale, "SCAN-5: a stale EV_ONESHOT is delivered or is not")
{
	struct timespec ts = { 0, 0 };
	int kq = KQ_OPEN();
	struct kevent kev;
	int n, p[2];

	make_pipe(p);
	ADD_READ(kq, p[0], EV_ONESHOT);
	put(p[1], 2);
	take(p[0], 2);
	ATF_REQUIRE((n = kevent(kq, NULL, 0, &kev, 1, &ts)) >= 0);
	/* Delivery is what deletes it. */
	if (n == 1) {
		KQ_MATCH(&kev, p[0], EVFILT_READ, .flags = EV_ONESHOT);
		REFUSED(kq, ENOENT, p[0], EVFILT_READ, EV_DELETE);
	} else {
		put(p[1], 1);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = EV_ONESHOT,
		    .data = 1);
	}
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

KQ_TC(delivered_fields, "SCAN-6: flags of EV_ADD, result, the latest udata")
{
	int kq = KQ_OPEN();
	int a, b, s[2];

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    s));
	/* The watch mask and the mark are not given back. */
	KQ_CHANGE_UDATA(kq, s[0], EVFILT_READ, EV_ADD | EV_CLEAR, NOTE_LOWAT,
	    2, &a);
	KQ_CHANGE_UDATA(kq, s[0], EVFILT_READ, EV_ADD, NOTE_LOWAT, 3, &b);
	put(s[1], 7);
	KQ_EXPECT(kq, s[0], EVFILT_READ, .flags = EV_CLEAR, .fflags = 0,
	    .data = 7, .udata = &b);
	/* udata is replaced also while the event is pending. */
	put(s[1], 1);
	KQ_CHANGE_UDATA(kq, s[0], EVFILT_READ, EV_ADD, 0, 0, &a);
	KQ_EXPECT(kq, s[0], EVFILT_READ, .fflags = 0, .data = 8, .udata = &a);
	/* A period is not given back. */
	KQ_CHANGE_UDATA(kq, 9, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 12, &a);
	KQ_EXPECT(kq, 9, EVFILT_TIMER, .fflags = 0, .data = 1, .udata = &a);
}

KQ_TC(only_what_was_returned, "SCAN-6, CALL-23: later elements are not touched")
{
	int kq = KQ_OPEN();
	struct kevent kev[4], untouched;
	int i;

	memset(kev, 0x5a, sizeof(kev));
	memset(&untouched, 0x5a, sizeof(untouched));
	ADD_USER(kq, 1, EV_CLEAR);
	TRIGGER(kq, 1);
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, 4));
	for (i = 1; i < 4; i++)
		ATF_REQUIRE_EQ(0, memcmp(&kev[i], &untouched,
		    sizeof(untouched)));
}

KQ_TC(oneshot_deletes, "SCAN-7: rule 1, EV_ONESHOT deletes, whatever is beside")
{
	static const unsigned flags[] = { EV_ONESHOT, EV_ONESHOT | EV_CLEAR,
	    EV_ONESHOT | EV_DISPATCH, EV_ONESHOT | EV_CLEAR | EV_DISPATCH };
	int kq = KQ_OPEN();
	int p[2];
	size_t i;

	make_pipe(p);
	put(p[1], 1);
	for (i = 0; i < 4; i++) {
		ADD_READ(kq, p[0], flags[i]);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = flags[i], .data = 1);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		REFUSED(kq, ENOENT, p[0], EVFILT_READ, EV_DELETE);
		REFUSED(kq, ENOENT, p[0], EVFILT_READ, EV_ENABLE);

		ADD_USER(kq, i, flags[i]);
		TRIGGER(kq, i);
		KQ_EXPECT(kq, i, EVFILT_USER, .flags = flags[i]);
		REFUSED(kq, ENOENT, i, EVFILT_USER, EV_DELETE);
	}
}

KQ_TC(clear_resets, "SCAN-7: rule 2, EV_CLEAR leaves the list and resets")
{
	int kq = KQ_OPEN();
	int p[2];

	make_pipe(p);
	ADD_READ(kq, p[0], EV_CLEAR);
	put(p[1], 1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = EV_CLEAR, .data = 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER |
	    NOTE_FFCOPY | 3, 4);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 3, .data = 4);
	TRIGGER(kq, 1);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0, .data = 0);
}

KQ_TC(dispatch_disables, "SCAN-7: rule 2, EV_DISPATCH disables")
{
	int kq = KQ_OPEN();
	int i, p[2];

	make_pipe(p);
	ADD_READ(kq, p[0], EV_DISPATCH);
	for (i = 1; i <= 3; i++) {
		put(p[1], 1);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = EV_DISPATCH,
		    .data = i);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = EV_DISPATCH,
		    .data = i);
		put(p[1], 1);
		KQ_EXPECT_NOTHING(kq);
		take(p[0], 1);
		KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .data = i);
		KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DISABLE, 0, 0);
		KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .data = i);
		take(p[0], i);
		/* Empty, it is enabled and waits for the next. */
		KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
		KQ_EXPECT_NOTHING(kq);
		put(p[1], i);
	}
}

KQ_TC(clear_and_dispatch, "SCAN-7: rule 2, with both it is reset and disabled")
{
	int kq = KQ_OPEN();

	ADD_USER(kq, 1, EV_CLEAR | EV_DISPATCH);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER | NOTE_FFCOPY | 5, 6);
	KQ_EXPECT(kq, 1, EVFILT_USER, .flags = EV_CLEAR | EV_DISPATCH,
	    .fflags = 5, .data = 6);
	TRIGGER(kq, 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0, .data = 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(level_stays, "SCAN-7: rule 3, without any of them it stays")
{
	int kq = KQ_OPEN();
	int i, p[2];

	make_pipe(p);
	ADD_READ(kq, p[0], 0);
	put(p[1], 4);
	for (i = 4; i > 0; i--) {
		KQ_POLL_READABLE(kq);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = 0, .data = i);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = 0, .data = i);
		take(p[0], 1);
	}
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

KQ_TC(eof_is_sticky, "SCAN-8: EV_EOF comes back with every later event")
{
	int kq = KQ_OPEN();
	int s[2];

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    s));
	ADD_READ(kq, s[0], EV_CLEAR);
	put(s[1], 2);
	ATF_REQUIRE_EQ(0, shutdown(s[1], SHUT_WR));
	KQ_EXPECT(kq, s[0], EVFILT_READ, .flags = EV_CLEAR | EV_EOF,
	    .data = 2);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, s[0], EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, s[0], EVFILT_READ, .flags = EV_CLEAR | EV_EOF,
	    .data = 2);
	take(s[0], 2);
	KQ_CHANGE(kq, s[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, s[0], EVFILT_READ,
	    .flags = EV_CLEAR | EV_EOF | EV_NODATA, .data = 0);
	/* EV_NODATA as well, once it has been said. */
	KQ_CHANGE(kq, s[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, s[0], EVFILT_READ,
	    .flags = EV_CLEAR | EV_EOF | EV_NODATA, .data = 0);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(once_per_call, "SCAN-9: room for many, and yet each ready one comes once")
{
	int kq = KQ_OPEN();
	struct kevent kev[64];
	int i, j, p[3][2];

	for (i = 0; i < 3; i++) {
		make_pipe(p[i]);
		put(p[i][1], 1);
		ADD_READ(kq, p[i][0], 0);
	}
	for (i = 0; i < 2; i++) {
		ADD_USER(kq, 100 + i, 0);
		TRIGGER(kq, 100 + i);
	}
	for (i = 0; i < 10; i++) {
		unsigned seen = 0;

		ATF_REQUIRE_EQ(5, KQ_COLLECT(kq, kev, 64));
		for (j = 0; j < 5; j++) {
			if (kev[j].filter == EVFILT_USER)
				seen |= 8u << (kev[j].ident - 100);
			else if (kev[j].ident == (uintptr_t)p[0][0])
				seen |= 1;
			else if (kev[j].ident == (uintptr_t)p[1][0])
				seen |= 2;
			else if (kev[j].ident == (uintptr_t)p[2][0])
				seen |= 4;
		}
		ATF_REQUIRE_EQ(31, seen);
	}
}

KQ_TC(both_filters_once, "SCAN-9: READ and WRITE of one socket, each once")
{
	int kq = KQ_OPEN();
	struct kevent kev[8];
	int i, s[2];

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    s));
	put(s[1], 1);
	ADD_READ(kq, s[0], 0);
	KQ_CHANGE(kq, s[0], EVFILT_WRITE, EV_ADD, 0, 0);
	for (i = 0; i < 5; i++) {
		ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 8));
		ATF_REQUIRE_EQ((uintptr_t)s[0], kev[0].ident);
		ATF_REQUIRE_EQ((uintptr_t)s[0], kev[1].ident);
		ATF_REQUIRE_EQ(EVFILT_READ + EVFILT_WRITE,
		    kev[0].filter + kev[1].filter);
		ATF_REQUIRE(kev[0].filter != kev[1].filter);
	}
}

#define	NPIPES	2000

KQ_TC(once_per_call_many, "SCAN-9: 2000 ready pipes in one call, each once")
{
	static struct kevent kev[2 * NPIPES];
	static bool seen[NPIPES + 200];
	int got, i, kq, n, p[2];

	if (!many_descriptors(NPIPES + 100))
		atf_tc_skip("no %d descriptors", NPIPES + 100);
	kq = KQ_OPEN();
	for (i = 0; i < NPIPES; i++) {
		make_pipe(p);
		put(p[1], 1);
		/* The writer is not needed any more: EV_EOF and a byte. */
		ATF_REQUIRE_EQ(0, close(p[1]));
		ATF_REQUIRE(p[0] < NPIPES + 200);
		ADD_READ(kq, p[0], 0);
	}
	for (n = 0; n < 3; n++) {
		memset(seen, 0, sizeof(seen));
		got = KQ_COLLECT(kq, kev, 2 * NPIPES);
		ATF_REQUIRE_EQ(NPIPES, got);
		for (i = 0; i < got; i++) {
			ATF_REQUIRE(kev[i].ident < NPIPES + 200);
			ATF_REQUIRE(!seen[kev[i].ident]);
			seen[kev[i].ident] = true;
			KQ_MATCH(&kev[i], kev[i].ident, EVFILT_READ,
			    .flags = EV_EOF, .data = 1);
		}
	}
}

KQ_TC(rounds_of_32, "SCAN-9: more than 32 events in one call, each once")
{
	static const int room[] = { 31, 32, 33, 63, 64, 65, 100 };
	struct kevent kev[128];
	bool seen[100];
	int got, i, kq;
	size_t j;

	for (j = 0; j < sizeof(room) / sizeof(room[0]); j++) {
		kq = KQ_OPEN();
		for (i = 0; i < 100; i++)
			KQ_CHANGE(kq, i, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
		memset(seen, 0, sizeof(seen));
		got = KQ_COLLECT(kq, kev, room[j]);
		ATF_REQUIRE_EQ(room[j], got);
		for (i = 0; i < got; i++) {
			ATF_REQUIRE(kev[i].ident < 100);
			ATF_REQUIRE(!seen[kev[i].ident]);
			seen[kev[i].ident] = true;
		}
	}
}

KQ_TC(rotation_of_pipes, "SCAN-10: room for few rotates through descriptors")
{
	static const int room[] = { 1, 2, 3, 5 };
	struct kevent kev[8];
	int count[7], got, i, j, k, kq, p[7][2], total;

	kq = KQ_OPEN();
	for (i = 0; i < 7; i++) {
		make_pipe(p[i]);
		put(p[i][1], 1);
		ADD_READ(kq, p[i][0], 0);
	}
	for (k = 0; k < 4; k++) {
		memset(count, 0, sizeof(count));
		for (total = 0; total < 70; total += got) {
			got = KQ_COLLECT(kq, kev, room[k]);
			ATF_REQUIRE_EQ(room[k], got);
			for (i = 0; i < got; i++) {
				for (j = 0; j < 7; j++) {
					if (kev[i].ident == (uintptr_t)p[j][0])
						count[j]++;
				}
			}
		}
		/* 70 divided by 7, and one more for a broken round. */
		for (j = 0; j < 7; j++)
			ATF_REQUIRE_MSG(count[j] >= 9 && count[j] <= 11,
			    "room %d: pipe %d came %d times in %d", room[k], j,
			    count[j], total);
	}
}

KQ_TC(rotation_of_users, "SCAN-10: and through user events")
{
	int kq = KQ_OPEN();
	struct kevent kev;
	int i;

	for (i = 0; i < 7; i++)
		KQ_CHANGE(kq, i, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	for (i = 0; i < 70; i++) {
		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
		KQ_MATCH(&kev, i % 7, EVFILT_USER);
	}
}

/*
 * npipes level pipes, nusers level user events, room for one: nobody gets
 * less than half of an equal share.
 */
static void
mixed(int npipes, int nusers)
{
	struct kevent kev;
	int count[16], calls, i, j, kq, p[16][2];

	kq = KQ_OPEN();
	for (i = 0; i < npipes; i++) {
		make_pipe(p[i]);
		put(p[i][1], 1);
		ADD_READ(kq, p[i][0], 0);
	}
	for (i = 0; i < nusers; i++)
		KQ_CHANGE(kq, i, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	memset(count, 0, sizeof(count));
	calls = 40 * (npipes + nusers);
	for (i = 0; i < calls; i++) {
		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
		if (kev.filter == EVFILT_USER) {
			ATF_REQUIRE(kev.ident < (uintptr_t)nusers);
			count[npipes + (int)kev.ident]++;
			continue;
		}
		for (j = 0; j < npipes; j++) {
			if (kev.ident == (uintptr_t)p[j][0])
				count[j]++;
		}
	}
	for (i = 0; i < npipes + nusers; i++)
		ATF_REQUIRE_MSG(count[i] >= 20, "%s %d of %d and %d came %d "
		    "times in %d", i < npipes ? "pipe" : "user", i, npipes,
		    nusers, count[i], calls);
}

KQ_TC(no_starvation, "SCAN-10: user events and descriptors starve nobody")
{
	mixed(1, 1);
	mixed(5, 1);
	mixed(1, 5);
	mixed(6, 6);
}

KQ_TC(no_starvation_by_ticks, "SCAN-10: nor does an always-pending one a timer")
{
	int kq = KQ_OPEN();
	struct kevent kev;
	int p[2], pipes, timers;

	/* Only a timer that is never looked at fails, by the time limit. */
	make_pipe(p);
	put(p[1], 1);
	ADD_READ(kq, p[0], 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD, 0, 1);
	for (pipes = timers = 0; pipes < 10 || timers < 10;) {
		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
		if (kev.filter == EVFILT_TIMER)
			timers++;
		else if (kev.filter == EVFILT_READ)
			pipes++;
	}
}

KQ_TC(rotation_read_write, "SCAN-10: READ and WRITE of one socket take turns")
{
	int kq = KQ_OPEN();
	struct kevent kev;
	int i, reads, s[2];

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    s));
	put(s[1], 1);
	ADD_READ(kq, s[0], 0);
	KQ_CHANGE(kq, s[0], EVFILT_WRITE, EV_ADD, 0, 0);
	for (reads = 0, i = 0; i < 40; i++) {
		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, &kev, 1));
		ATF_REQUIRE_EQ((uintptr_t)s[0], kev.ident);
		reads += kev.filter == EVFILT_READ;
	}
	ATF_REQUIRE_MSG(reads >= 19 && reads <= 21, "%d of 40", reads);
}

KQ_TC(left_behind_comes_later, "SCAN-10: what a short eventlist left is kept")
{
	int kq = KQ_OPEN();
	struct kevent kev[2];
	int i, p[6][2], seen;

	for (i = 0; i < 6; i++) {
		make_pipe(p[i]);
		ADD_READ(kq, p[i][0], EV_CLEAR);
	}
	for (i = 0; i < 6; i++)
		put(p[i][1], 1);
	for (seen = 0; seen < 6; seen += 2) {
		KQ_POLL_READABLE(kq);
		ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 2));
		KQ_MATCH(&kev[0], p[seen][0], EVFILT_READ, .data = 1);
		KQ_MATCH(&kev[1], p[seen + 1][0], EVFILT_READ, .data = 1);
	}
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

KQ_TC(does_not_wait_to_fill, "SCAN-11: it returns with less than asked for")
{
	struct timespec hour = { 3600, 0 };
	int kq = KQ_OPEN();
	struct kevent kev[10];
	int p[2];

	make_pipe(p);
	ADD_READ(kq, p[0], 0);
	ADD_USER(kq, 1, EV_CLEAR);
	put(p[1], 1);
	ATF_REQUIRE_EQ(1, kevent(kq, NULL, 0, kev, 10, &hour));
	ATF_REQUIRE_EQ(1, kevent(kq, NULL, 0, kev, 10, NULL));
	TRIGGER(kq, 1);
	ATF_REQUIRE_EQ(2, kevent(kq, NULL, 0, kev, 10, NULL));
	ATF_REQUIRE_EQ(1, kevent(kq, NULL, 0, kev, 10, NULL));
}

/* A wait of 60 ms in which nothing is there: its full time, and then 0. */
static void
full_wait(int kq)
{
	struct timespec ts = { 0, 60 * 1000000 };
	struct kevent kev[4];
	int64_t start;

	start = kq_test_now();
	ATF_REQUIRE_EQ(0, kevent(kq, NULL, 0, kev, 4, &ts));
	ATF_REQUIRE(kq_test_now() - start >= 60 * MS);
}

KQ_TC(stale_wait_goes_on, "SCAN-12: stale entries do not end a wait")
{
	static const unsigned flags[] = { 0, EV_CLEAR, EV_DISPATCH };
	int kq = KQ_OPEN();
	int p[2];
	size_t i;

	for (i = 0; i < 3; i++) {
		make_pipe(p);
		ADD_READ(kq, p[0], flags[i]);
		put(p[1], 1);
		take(p[0], 1);
		full_wait(kq);
		put(p[1], 1);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
		take(p[0], 1);
		full_wait(kq);
	}
}

KQ_TC(withdrawn_wait_goes_on, "SCAN-12: nor withdrawn, disabled, deleted ones")
{
	int kq = KQ_OPEN();
	int i, p[2];

	make_pipe(p);
	ADD_READ(kq, p[0], 0);
	for (i = 0; i < 4; i++) {
		ADD_USER(kq, i, EV_CLEAR);
		TRIGGER(kq, i);
	}
	put(p[1], 1);
	KQ_CHANGE(kq, 0, EVFILT_USER, EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, 2, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DISABLE, 0, 0);
	KQ_EXPECT(kq, 3, EVFILT_USER);
	full_wait(kq);

	TRIGGER(kq, 3);
	KQ_CHANGE(kq, 3, EVFILT_USER, EV_CLEAR, 0, 0);
	full_wait(kq);

	KQ_CHANGE(kq, 9, EVFILT_TIMER, EV_ADD, 0, 2);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, 9, EVFILT_TIMER, EV_DISABLE, 0, 2);
	full_wait(kq);
	KQ_CHANGE(kq, 9, EVFILT_TIMER, EV_DELETE, 0, 0);
	full_wait(kq);
}

KQ_TC(stale_wait_then_event, "SCAN-12: having met stale ones it still gets one")
{
	struct timespec hour = { 3600, 0 };
	int kq = KQ_OPEN();
	struct kevent kev[4];
	int64_t start;
	int p[2];

	make_pipe(p);
	ADD_READ(kq, p[0], EV_CLEAR);
	put(p[1], 1);
	take(p[0], 1);
	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 30);
	ATF_REQUIRE_EQ(1, kevent(kq, NULL, 0, kev, 4, &hour));
	KQ_MATCH(&kev[0], 1, EVFILT_TIMER, .data = 1);
	ATF_REQUIRE(kq_test_now() - start >= 30 * MS);
}

KQ_TC(stale_poll, "SCAN-12: a poll returns 0 for them")
{
	struct timespec ts = { 0, 0 };
	int kq = KQ_OPEN();
	struct kevent kev;
	int i, p[2];

	make_pipe(p);
	ADD_READ(kq, p[0], EV_CLEAR);
	for (i = 0; i < 20; i++) {
		put(p[1], 1);
		take(p[0], 1);
		ATF_REQUIRE_EQ(0, kevent(kq, NULL, 0, &kev, 1, &ts));
	}
	KQ_POLL_SILENT(kq);
}

KQ_TC(clear_reports_arrivals, "SCAN-16: EV_CLEAR: one event for each arrival")
{
	int kq = KQ_OPEN();
	int i, p[2];

	make_pipe(p);
	ADD_READ(kq, p[0], EV_CLEAR);
	for (i = 1; i <= 20; i++) {
		/* On top of what nobody has read. */
		put(p[1], 1);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = EV_CLEAR,
		    .data = i);
		KQ_EXPECT_NOTHING(kq);
	}
	take(p[0], 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	take(p[0], 14);
	KQ_EXPECT_NOTHING(kq);
	put(p[1], 2);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 3);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(clear_socket_arrivals, "SCAN-16: so it is with a socket")
{
	int kq = KQ_OPEN();
	int i, s[2];

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    s));
	ADD_READ(kq, s[0], EV_CLEAR);
	for (i = 1; i <= 20; i++) {
		put(s[1], 2);
		KQ_EXPECT(kq, s[0], EVFILT_READ, .data = 2 * i);
		KQ_EXPECT_NOTHING(kq);
	}
	take(s[0], 30);
	KQ_EXPECT_NOTHING(kq);
	put(s[1], 1);
	KQ_EXPECT(kq, s[0], EVFILT_READ, .data = 11);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(clear_arrivals_merge, "SCAN-16: arrivals before collection are one event")
{
	int kq = KQ_OPEN();
	int i, p[2];

	make_pipe(p);
	ADD_READ(kq, p[0], EV_CLEAR);
	for (i = 0; i < 10; i++)
		put(p[1], 1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 10);
	KQ_EXPECT_NOTHING(kq);
	/* Re-adding is how a program asks again, REG-19. */
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 10);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(dispatch_keeps_result_user, "SCAN-17: with EV_DISPATCH fflags stay")
{
	int kq = KQ_OPEN();
	int i;

	ADD_USER(kq, 1, EV_DISPATCH);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER | NOTE_FFCOPY | 0x21, 7);
	for (i = 7; i < 10; i++) {
		KQ_EXPECT(kq, 1, EVFILT_USER, .flags = EV_DISPATCH,
		    .fflags = 0x21, .data = i);
		KQ_EXPECT_NOTHING(kq);
		KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, i + 1);
	}
}

KQ_TC(dispatch_keeps_result_vnode, "SCAN-17: and so for a file")
{
	int kq = KQ_OPEN();
	struct kevent kev[2];
	int fd, i;

	ATF_REQUIRE((fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600)) !=
	    -1);
	KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ADD | EV_DISPATCH,
	    NOTE_WRITE | NOTE_ATTRIB, 0);
	put(fd, 1);
	for (i = 0; i < 2; i++) {
		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, 2));
		KQ_MATCH(&kev[0], fd, EVFILT_VNODE, .flags = EV_DISPATCH);
		ATF_REQUIRE(kev[0].fflags & NOTE_WRITE);
		KQ_EXPECT_NOTHING(kq);
		KQ_CHANGE(kq, fd, EVFILT_VNODE, EV_ENABLE,
		    NOTE_WRITE | NOTE_ATTRIB, 0);
	}
}

static pthread_barrier_t closing;

static void *
close_it(void *arg)
{
	(void)pthread_barrier_wait(&closing);
	return (close(*(int *)arg) == 0 ? NULL : arg);
}

KQ_TC(close_during_scan, "SCAN-18: closed during the scan: once more at most")
{
	static const unsigned flags[] = { 0, EV_CLEAR, EV_ONESHOT,
	    EV_DISPATCH };
	struct timespec ts = { 0, 0 };
	int kq = KQ_OPEN();
	struct kevent kev;
	pthread_t thread;
	void *error;
	int i, n, p[2];

	ATF_REQUIRE_EQ(0, pthread_barrier_init(&closing, NULL, 2));
	for (i = 0; i < KQ_ROUNDS(1000); i++) {
		make_pipe(p);
		put(p[1], 1);
		ADD_READ(kq, p[0], flags[i % 4]);
		ATF_REQUIRE_EQ(0, pthread_create(&thread, NULL, close_it,
		    &p[0]));
		(void)pthread_barrier_wait(&closing);
		n = kevent(kq, NULL, 0, &kev, 1, &ts);
		ATF_REQUIRE(n == 0 || n == 1);
		if (n == 1)
			KQ_MATCH(&kev, p[0], EVFILT_READ);
		ATF_REQUIRE_EQ(0, pthread_join(thread, &error));
		ATF_REQUIRE(error == NULL);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		ATF_REQUIRE_EQ(0, close(p[1]));
	}
	ATF_REQUIRE_EQ(0, pthread_barrier_destroy(&closing));
}

/* The pending counter as another kqueue sees it, READ-60. */
#define	PENDING(outer, inner, n)					\
do {									\
	if ((n) == 0)							\
		KQ_EXPECT_NOTHING(outer);				\
	else								\
		KQ_EXPECT(outer, inner, EVFILT_READ, .data = (n));	\
} while (0)

KQ_TC(counter_of_users, "SCAN-19: the counter is the length of the list")
{
	int inner = KQ_OPEN();
	int outer = KQ_OPEN();
	struct kevent kev[4];
	int i;

	ADD_READ(outer, inner, 0);
	PENDING(outer, inner, 0);
	for (i = 0; i < 5; i++) {
		ADD_USER(inner, i, EV_CLEAR);
		TRIGGER(inner, i);
		PENDING(outer, inner, i + 1);
	}
	TRIGGER(inner, 0);
	PENDING(outer, inner, 5);
	KQ_CHANGE(inner, 1, EVFILT_USER, EV_DELETE, 0, 0);
	PENDING(outer, inner, 4);
	ATF_REQUIRE_EQ(1, KQ_COLLECT(inner, kev, 1));
	KQ_MATCH(&kev[0], 0, EVFILT_USER);
	PENDING(outer, inner, 3);
	ATF_REQUIRE_EQ(3, KQ_COLLECT(inner, kev, 4));
	PENDING(outer, inner, 0);
	KQ_POLL_SILENT(inner);
	KQ_POLL_SILENT(outer);
}

KQ_TC(counter_of_pipes, "SCAN-19: also where descriptors are pending")
{
	int inner = KQ_OPEN();
	int outer = KQ_OPEN();
	struct kevent kev[4];
	int i, p[3][2];

	ADD_READ(outer, inner, 0);
	for (i = 0; i < 3; i++) {
		make_pipe(p[i]);
		ADD_READ(inner, p[i][0], i == 0 ? 0 : EV_CLEAR);
		PENDING(outer, inner, i);
		put(p[i][1], 1);
		PENDING(outer, inner, i + 1);
	}
	KQ_CHANGE(inner, p[2][0], EVFILT_READ, EV_DELETE, 0, 0);
	PENDING(outer, inner, 2);
	ATF_REQUIRE_EQ(2, KQ_COLLECT(inner, kev, 4));
	/* The level one is pending again as soon as it was delivered. */
	PENDING(outer, inner, 1);
	take(p[0][0], 1);
	KQ_EXPECT_NOTHING(inner);
	PENDING(outer, inner, 0);
}

/* Once the report of a disabled entry used up the only place there was. */
KQ_TC(stale_takes_no_place, "SCAN-12: what is stale takes nobody's place")
{
	struct timespec zero = { 0, 0 };
	struct kevent kev;
	int kq = KQ_OPEN(), a[2], b[2];

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, a));
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, b));
	close(a[0]);
	close(b[0]);
	KQ_CHANGE(kq, b[1], EVFILT_READ, EV_ADD | EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, a[1], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, b[1], EVFILT_WRITE, EV_ADD | EV_DISABLE, 0, 0);
	ATF_REQUIRE_EQ(1, kevent(kq, NULL, 0, &kev, 1, &zero));
	KQ_MATCH(&kev, a[1], EVFILT_READ);
	close(a[1]);
	close(b[1]);
}

/*
 * What makes no event leaves nothing behind, also in a call that has others:
 * an outside poller must not be told of it once more.
 */
KQ_TC(unready_beside_ready, "KQ-17: unready knotes do not show after a call")
{
	static const unsigned modes[] = { 0, EV_CLEAR, EV_ONESHOT, EV_DISPATCH };
	int kq = KQ_OPEN(), p[2], s[2];
	struct kevent kev[8];
	size_t i;
	char c;

	ATF_REQUIRE_EQ(0, pipe(p));
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	/* With room for one more, and for many more. */
	for (i = 0; i < 2 * sizeof(modes) / sizeof(modes[0]); i++) {
		ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, s));
		KQ_CHANGE(kq, s[0], EVFILT_READ, EV_ADD | modes[i / 2],
		    NOTE_LOWAT, 10);
		KQ_EXPECT_NOTHING(kq);
		ATF_REQUIRE_EQ(1, write(p[1], "x", 1));
		ATF_REQUIRE_EQ(5, write(s[1], "12345", 5));
		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, i % 2 == 0 ? 2 : 8));
		KQ_MATCH(&kev[0], p[0], EVFILT_READ, .data = 1);
		ATF_REQUIRE_EQ(1, read(p[0], &c, 1));
		KQ_POLL_SILENT(kq);
		ATF_REQUIRE_EQ(5, write(s[1], "67890", 5));
		KQ_EXPECT(kq, s[0], EVFILT_READ, .data = 10);
		close(s[0]);
		close(s[1]);
	}
	close(p[0]);
	close(p[1]);
}

/*
 * The library counts collections in 32 bits, and begins near the end of them.
 * A knote that was never delivered has no stamp, and one that was has an old
 * one: neither may look like the stamp of the call that is at work.
 */
KQ_TC(call_numbers_begin_anew, "SCAN-9: after 2^32 calls as well")
{
	struct timespec zero = { 0, 0 };
	struct kevent kev;
	int i, kq, old[2], p[2], shift;
	char c;

	/* A call that sleeps takes two numbers, hence the shift. */
	for (shift = 0; shift < 2; shift++) {
		kq = KQ_OPEN();
		ATF_REQUIRE_EQ(0, pipe(old));
		ATF_REQUIRE_EQ(1, write(old[1], "x", 1));
		KQ_CHANGE(kq, old[0], EVFILT_READ, EV_ADD, 0, 0);
		KQ_EXPECT(kq, old[0], EVFILT_READ, .data = 1);
		ATF_REQUIRE_EQ(1, read(old[0], &c, 1));
		for (i = 0; i < shift; i++)
			ATF_REQUIRE_EQ(0, kevent(kq, NULL, 0, &kev, 1, &zero));
		for (i = 0; i < 20; i++) {
			ATF_REQUIRE_EQ(0, pipe(p));
			ATF_REQUIRE_EQ(1, write(p[1], "x", 1));
			KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
			KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
			close(p[0]);
			close(p[1]);
		}
		ATF_REQUIRE_EQ(1, write(old[1], "x", 1));
		KQ_EXPECT(kq, old[0], EVFILT_READ, .data = 1);
		close(old[0]);
		close(old[1]);
	}
	kq = KQ_OPEN();
	for (i = 0; i < 20; i++) {
		KQ_CHANGE(kq, i, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER,
		    i);
		KQ_EXPECT(kq, i, EVFILT_USER, .data = i);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, user_in_order);
	ATF_TP_ADD_TC(tp, user_changelist_order);
	ATF_TP_ADD_TC(tp, pipes_changelist_order);
	ATF_TP_ADD_TC(tp, pipes_in_order);
	ATF_TP_ADD_TC(tp, timers_in_order);
	ATF_TP_ADD_TC(tp, dups_newest_first);
	ATF_TP_ADD_TC(tp, disabled_not_delivered);
	ATF_TP_ADD_TC(tp, stale_not_delivered);
	ATF_TP_ADD_TC(tp, stale_among_live);
	ATF_TP_ADD_TC(tp, data_is_fresh);
	ATF_TP_ADD_TC(tp, oneshot_stale);
	ATF_TP_ADD_TC(tp, delivered_fields);
	ATF_TP_ADD_TC(tp, only_what_was_returned);
	ATF_TP_ADD_TC(tp, oneshot_deletes);
	ATF_TP_ADD_TC(tp, clear_resets);
	ATF_TP_ADD_TC(tp, dispatch_disables);
	ATF_TP_ADD_TC(tp, clear_and_dispatch);
	ATF_TP_ADD_TC(tp, level_stays);
	ATF_TP_ADD_TC(tp, eof_is_sticky);
	ATF_TP_ADD_TC(tp, once_per_call);
	ATF_TP_ADD_TC(tp, both_filters_once);
	ATF_TP_ADD_TC(tp, once_per_call_many);
	ATF_TP_ADD_TC(tp, rounds_of_32);
	ATF_TP_ADD_TC(tp, rotation_of_pipes);
	ATF_TP_ADD_TC(tp, rotation_of_users);
	ATF_TP_ADD_TC(tp, no_starvation);
	ATF_TP_ADD_TC(tp, no_starvation_by_ticks);
	ATF_TP_ADD_TC(tp, rotation_read_write);
	ATF_TP_ADD_TC(tp, left_behind_comes_later);
	ATF_TP_ADD_TC(tp, does_not_wait_to_fill);
	ATF_TP_ADD_TC(tp, stale_wait_goes_on);
	ATF_TP_ADD_TC(tp, withdrawn_wait_goes_on);
	ATF_TP_ADD_TC(tp, stale_wait_then_event);
	ATF_TP_ADD_TC(tp, stale_poll);
	ATF_TP_ADD_TC(tp, clear_reports_arrivals);
	ATF_TP_ADD_TC(tp, clear_socket_arrivals);
	ATF_TP_ADD_TC(tp, clear_arrivals_merge);
	ATF_TP_ADD_TC(tp, dispatch_keeps_result_user);
	ATF_TP_ADD_TC(tp, dispatch_keeps_result_vnode);
	ATF_TP_ADD_TC(tp, close_during_scan);
	ATF_TP_ADD_TC(tp, counter_of_users);
	ATF_TP_ADD_TC(tp, counter_of_pipes);

	ATF_TP_ADD_TC(tp, stale_takes_no_place);
	ATF_TP_ADD_TC(tp, unready_beside_ready);
	ATF_TP_ADD_TC(tp, call_numbers_begin_anew);
	return (atf_no_error());
}
