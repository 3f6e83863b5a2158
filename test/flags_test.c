/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registration and its flags: clauses REG-1 to REG-36.  What close() and dup()
 * do to registrations (REG-14, REG-31 to REG-34) is in close_test.c.  The
 * cases named freebsd_ are of the other dialect.
 */
#include <sys/socket.h>
#include <sys/syscall.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "kq_test.h"

/* What kqueue() is to a program compiled for FreeBSD's dialect. */
int	kqueue_freebsd(void);

static const int fd_filters[] = { EVFILT_READ, EVFILT_WRITE };
static const int id_filters[] = { EVFILT_TIMER, EVFILT_USER };
static const unsigned no_add[] = { 0, EV_DELETE, EV_ENABLE, EV_DISABLE,
    EV_ONESHOT, EV_CLEAR, EV_DISPATCH, EV_RECEIPT, EV_ENABLE | EV_CLEAR };

#define	NELEM(a)	(sizeof(a) / sizeof((a)[0]))

/* A number that is not open. */
static int
closed_number(void)
{
	int fd;

	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) >= 0);
	close(fd);
	return (fd);
}

/* A pipe with one byte in it. */
static void
full_pipe(int p[2])
{
	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
}

static void
close_both(const int p[2])
{
	close(p[0]);
	close(p[1]);
}

/* A TCP connection over the loopback interface. */
static void
tcp_pair(int sv[2])
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int ls;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ATF_REQUIRE((ls = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	ATF_REQUIRE_EQ(bind(ls, (struct sockaddr *)&sin, len), 0);
	ATF_REQUIRE_EQ(listen(ls, 1), 0);
	ATF_REQUIRE_EQ(getsockname(ls, (struct sockaddr *)&sin, &len), 0);
	ATF_REQUIRE((sv[0] = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	ATF_REQUIRE_EQ(connect(sv[0], (struct sockaddr *)&sin, len), 0);
	ATF_REQUIRE((sv[1] = accept(ls, NULL, NULL)) >= 0);
	close(ls);
}

/* One event, whole: for the flags that KQ_EXPECT does not look at. */
static struct kevent
take(int kq)
{
	struct kevent kev[2];

	ATF_REQUIRE_EQ(KQ_COLLECT(kq, kev, 2), 1);
	return (kev[0]);
}

KQ_TC(filter_before_descriptor, "REG-1: the filter is checked first, EINVAL")
{
	int fd, kq = KQ_OPEN();

	fd = closed_number();
	KQ_CHANGE_ERROR(kq, EINVAL, fd, 42, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(kq, EINVAL, fd, -11, EV_DELETE, 0, 0);
}

KQ_TC(descriptor_before_existence, "REG-1: then the descriptor, EBADF")
{
	int fd, kq = KQ_OPEN();

	fd = closed_number();
	KQ_CHANGE_ERROR(kq, EBADF, fd, EVFILT_READ, EV_DELETE, 0, 0);
}

KQ_TC(existence_before_attach, "REG-1: then existence, ENOENT, then attach")
{
	int inner = KQ_OPEN(), kq = KQ_OPEN();

	KQ_CHANGE_ERROR(kq, ENOENT, inner, EVFILT_WRITE, EV_ENABLE, 0, 0);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, inner, EVFILT_WRITE, EV_ADD, 0, 0);
}

KQ_TC(unknown_filter, "REG-2: an unknown filter is EINVAL")
{
	static const int filters[] = { 0, 1, 2, EVFILT_MARKER, -11, -32768,
	    32767 };
	static const unsigned flags[] = { EV_ADD, EV_DELETE, EV_ENABLE, 0 };
	size_t i, j;
	int kq = KQ_OPEN();

	for (i = 0; i < NELEM(filters); i++) {
		for (j = 0; j < NELEM(flags); j++)
			KQ_CHANGE_ERROR(kq, EINVAL, 1, filters[i], flags[j], 0,
			    0);
	}
}

KQ_TC(closed_descriptor, "REG-3: a closed number is EBADF for any change")
{
	size_t i, j;
	int fd, kq = KQ_OPEN();

	fd = closed_number();
	for (i = 0; i < NELEM(fd_filters); i++) {
		KQ_CHANGE_ERROR(kq, EBADF, fd, fd_filters[i], EV_ADD, 0, 0);
		KQ_CHANGE_ERROR(kq, EBADF, 1 << 20, fd_filters[i], EV_ADD, 0,
		    0);
		for (j = 0; j < NELEM(no_add); j++)
			KQ_CHANGE_ERROR(kq, EBADF, fd, fd_filters[i],
			    no_add[j], 0, 0);
	}
}

KQ_TC(huge_descriptor, "REG-4: ident above INT_MAX is EBADF")
{
	size_t i;
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	for (i = 0; i < NELEM(fd_filters); i++) {
		KQ_CHANGE_ERROR(kq, EBADF, (uintptr_t)INT_MAX, fd_filters[i],
		    EV_ADD, 0, 0);
		KQ_CHANGE_ERROR(kq, EBADF, (uintptr_t)INT_MAX + 1,
		    fd_filters[i], EV_ADD, 0, 0);
		KQ_CHANGE_ERROR(kq, EBADF, UINTPTR_MAX, fd_filters[i], EV_ADD,
		    0, 0);
		KQ_CHANGE_ERROR(kq, EBADF, UINTPTR_MAX, fd_filters[i],
		    EV_DELETE, 0, 0);
#if UINTPTR_MAX > 0xffffffff
		/* The low half is a good number. */
		KQ_CHANGE_ERROR(kq, EBADF, (uintptr_t)p[0] | (1ULL << 32),
		    fd_filters[i], EV_ADD, 0, 0);
#endif
	}
	KQ_EXPECT_NOTHING(kq);
	close_both(p);
}

KQ_TC(udata_is_no_key, "REG-5: udata is not part of the key")
{
	int p[2], a, b, kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, EV_ADD, 0, 0, &a);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, EV_ADD, 0, 0, &b);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1, .udata = &b);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0, &a);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE_ERROR(kq, ENOENT, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	close_both(p);
}

KQ_TC(queue_and_filter_are_key, "REG-5: queue, filter and ident are the key")
{
	struct kevent ev[4];
	int sv[2], kq = KQ_OPEN(), other = KQ_OPEN();

	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	ATF_REQUIRE_EQ(write(sv[1], "x", 1), 1);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_ADD, 0, 0);
	KQ_CHANGE(kq, sv[1], EVFILT_WRITE, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(KQ_COLLECT(kq, ev, 4), 3);
	KQ_CHANGE_ERROR(other, ENOENT, sv[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, sv[1], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_DELETE, 0, 0);
	ATF_REQUIRE_EQ(KQ_COLLECT(kq, ev, 4), 2);
	KQ_CHANGE(kq, sv[1], EVFILT_WRITE, EV_DELETE, 0, 0);
	KQ_EXPECT(kq, sv[0], EVFILT_READ, .data = 1);
	close_both(sv);
}

KQ_TC(same_ident_two_filters, "REG-6: TIMER 1 and USER 1 are two knotes")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
}

KQ_TC(any_ident, "REG-6: ident of TIMER and USER is any number")
{
	static const uintptr_t ids[] = { 0, 1, INT_MAX, (uintptr_t)INT_MAX + 1,
#if UINTPTR_MAX > UINT32_MAX
	    UINT32_MAX,
#endif
	    UINTPTR_MAX - 1, UINTPTR_MAX };
	size_t i;
	int kq = KQ_OPEN();

	for (i = 0; i < NELEM(ids); i++) {
		KQ_CHANGE(kq, ids[i], EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
		KQ_CHANGE(kq, ids[i], EVFILT_TIMER, EV_ADD, 0, 3600 * 1000);
	}
	for (i = 0; i < NELEM(ids); i++) {
		KQ_CHANGE(kq, ids[i], EVFILT_USER, 0, NOTE_TRIGGER, 0);
		KQ_EXPECT(kq, ids[i], EVFILT_USER);
	}
	for (i = 0; i < NELEM(ids); i++) {
		KQ_CHANGE(kq, ids[i], EVFILT_USER, EV_DELETE, 0, 0);
		KQ_CHANGE(kq, ids[i], EVFILT_TIMER, EV_DELETE, 0, 0);
	}
}

KQ_TC(not_registered, "REG-7: without EV_ADD and a knote, ENOENT")
{
	size_t i, j;
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	for (j = 0; j < NELEM(no_add); j++) {
		for (i = 0; i < NELEM(fd_filters); i++)
			KQ_CHANGE_ERROR(kq, ENOENT, p[i], fd_filters[i],
			    no_add[j], 0, 0);
		for (i = 0; i < NELEM(id_filters); i++)
			KQ_CHANGE_ERROR(kq, ENOENT, 1, id_filters[i],
			    no_add[j], 0, 1);
	}
	KQ_EXPECT_NOTHING(kq);
	close_both(p);
}

KQ_TC(no_access_check, "REG-8: the open mode does not matter")
{
	int p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[1], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, p[1], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_WRITE, EV_ADD, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_WRITE, EV_DELETE, 0, 0);
	close_both(p);
}

KQ_TC(ready_before_add, "REG-9: a condition that exists is reported")
{
	struct kevent ev[4];
	int p[2], sv[2], kq = KQ_OPEN();

	full_pipe(p);
	tcp_pair(sv);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1, .fflags = 0,
	    .flags = EV_CLEAR);
	KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, sv[0], EVFILT_WRITE, .fflags = 0, .flags = EV_CLEAR);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 0, .flags = EV_CLEAR);
	ATF_REQUIRE_EQ(kevent(kq, NULL, 0, ev, 4,
	    &(struct timespec){ 0, 0 }), 0);
	close_both(sv);
	close_both(p);
}

KQ_TC(failed_attach, "REG-10: after a failed attach nothing is registered")
{
	int inner = KQ_OPEN(), kq = KQ_OPEN();

	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, inner, EVFILT_WRITE, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, inner, EVFILT_WRITE, EV_DELETE, 0, 0);
	KQ_CHANGE(inner, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_EXPECT_NOTHING(kq);
	/* It stands in nobody's way. */
	KQ_CHANGE(kq, inner, EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, inner, EVFILT_READ, .data = 1);
}

KQ_TC(flags_come_back, "REG-11: the stored flags come with every event")
{
	static const unsigned flags[] = { EV_ADD, EV_ADD | EV_CLEAR,
	    EV_ADD | EV_ENABLE, EV_ADD | EV_CLEAR | EV_DISPATCH,
	    EV_ADD | EV_DISPATCH, EV_ADD | EV_ENABLE | EV_ONESHOT };
	struct kevent ev;
	size_t i;
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	for (i = 0; i < NELEM(flags); i++) {
		KQ_CHANGE(kq, p[0], EVFILT_READ, flags[i], 0, 0);
		ev = take(kq);
		KQ_MATCH(&ev, p[0], EVFILT_READ, .flags = flags[i] & KQ_FLAGS);
		ATF_CHECK_EQ_MSG(ev.flags, flags[i], "added with %#x, got %#x",
		    flags[i], ev.flags);
		if ((flags[i] & EV_ONESHOT) == 0)
			KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	}
	close_both(p);
}

KQ_TC(action_flags_come_back, "REG-11: EV_ADD, EV_DISABLE, EV_RECEIPT as well")
{
	struct kevent ch, ev;
	int kq = KQ_OPEN();

	EV_SET(&ch, 1, EVFILT_USER, EV_ADD | EV_RECEIPT, NOTE_TRIGGER, 0, NULL);
	ATF_REQUIRE_EQ(kevent(kq, &ch, 1, &ev, 1, NULL), 1);
	ATF_REQUIRE_EQ(take(kq).flags, EV_ADD | EV_RECEIPT);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 2, EVFILT_USER, EV_ADD | EV_DISABLE, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 2, EVFILT_USER, EV_ENABLE, 0, 0);
	ATF_REQUIRE_EQ(take(kq).flags, EV_ADD | EV_DISABLE);
}

KQ_TC(timer_flags, "REG-11: a timer's automatic EV_CLEAR too")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1);
	ATF_REQUIRE_EQ(take(kq).flags, EV_ADD | EV_ONESHOT | EV_CLEAR);
}

KQ_TC(add_disabled, "REG-12: EV_ADD|EV_DISABLE delivers nothing")
{
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, p[1], EVFILT_WRITE, EV_ADD | EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_DISABLE, NOTE_TRIGGER, 0);
	/* Pollers may see a stale entry now, but not after a look. */
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	close_both(p);
}

KQ_TC(add_enables, "REG-13: EV_ENABLE is not needed with EV_ADD")
{
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ);
	close_both(p);
}

KQ_TC(no_second_knote, "REG-15: EV_ADD again makes no second knote")
{
	struct kevent ev[8];
	int i, p[2], kq = KQ_OPEN();

	full_pipe(p);
	for (i = 0; i < 3; i++) {
		KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
		KQ_CHANGE(kq, p[1], EVFILT_WRITE, EV_ADD, 0, 0);
		KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
		KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 3600 * 1000);
	}
	ATF_REQUIRE_EQ(KQ_COLLECT(kq, ev, 8), 3);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, p[1], EVFILT_WRITE, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, p[1], EVFILT_WRITE, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	close_both(p);
}

/* NOTE_LOWAT is gone after a change that does not repeat it. */
static void
check_lowat_dropped(const int sv[2], unsigned flags)
{
	int kq = KQ_OPEN();
	char buf[16];

	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ADD, NOTE_LOWAT, 100);
	ATF_REQUIRE_EQ(write(sv[1], "0123456789", 10), 10);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, flags, 0, 0);
	KQ_EXPECT(kq, sv[0], EVFILT_READ, .data = 10);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, flags, NOTE_LOWAT, 100);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(read(sv[0], buf, sizeof(buf)), 10);
	close(kq);
}

KQ_TC(change_overwrites_lowat, "REG-16: any change overwrites fflags and data")
{
	static const unsigned flags[] = { EV_ADD, EV_ENABLE, 0 };
	size_t i;
	int sv[2];

	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	for (i = 0; i < NELEM(flags); i++)
		check_lowat_dropped(sv, flags[i]);
	close_both(sv);
	tcp_pair(sv);
	for (i = 0; i < NELEM(flags); i++)
		check_lowat_dropped(sv, flags[i]);
	close_both(sv);
}

KQ_TC(disable_overwrites_lowat, "REG-16: EV_DISABLE overwrites them as well")
{
	int sv[2], kq = KQ_OPEN();

	tcp_pair(sv);
	ATF_REQUIRE_EQ(write(sv[1], "0123456789", 10), 10);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_DISABLE, NOTE_LOWAT, 100);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ENABLE, NOTE_LOWAT, 100);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_DISABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, sv[0], EVFILT_READ, .data = 10);
	close_both(sv);
}

/* The period of timer 1 is an hour after the change: timer 2 comes first. */
static void
check_period_overwritten(unsigned flags)
{
	int64_t start;
	int kq = KQ_OPEN();

	start = kq_test_now();
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 200);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, flags, 0, 3600 * 1000);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	ATF_REQUIRE(kq_test_now() - start >= 200 * 1000 * 1000);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 600);
	KQ_EXPECT(kq, 2, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(change_overwrites_period, "REG-16: EV_ENABLE overwrites a timer's period")
{
	check_period_overwritten(EV_ENABLE);
	check_period_overwritten(EV_ADD);
	check_period_overwritten(0);
}

KQ_TC(change_overwrites_udata, "REG-16: any change overwrites udata")
{
	int p[2], a, b, c, kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, EV_ADD, 0, 0, &a);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .udata = &a);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0, &b);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .udata = &b);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, 0, 0, 0, &c);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .udata = &c);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .udata = NULL);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_TIMER, EV_ADD, 0, 20, &a);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 20, &b);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .udata = &b);
	close_both(p);
}

KQ_TC(user_keeps_udata, "REG-16: but not that of a user event")
{
	int a, b, kq = KQ_OPEN();

	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, EV_ADD, 0, 0, &a);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, &b);
	KQ_EXPECT(kq, 1, EVFILT_USER, .udata = &a);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, &b);
	KQ_EXPECT(kq, 1, EVFILT_USER, .udata = &a);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0, &b);
	KQ_EXPECT(kq, 1, EVFILT_USER, .udata = &a);
}

KQ_TC(clear_stays, "REG-17: EV_CLEAR stays when added again without")
{
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = EV_CLEAR);
	KQ_EXPECT_NOTHING(kq);
	close_both(p);
}

KQ_TC(clear_is_not_added, "REG-17: EV_CLEAR is not added later")
{
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = 0);
	close_both(p);
}

KQ_TC(oneshot_stays, "REG-17: EV_ONESHOT stays, and is not added later")
{
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = EV_ONESHOT);
	KQ_CHANGE_ERROR(kq, ENOENT, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = 0);
	close_both(p);
}

KQ_TC(dispatch_stays, "REG-17: EV_DISPATCH stays, and is not added later")
{
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_DISPATCH, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = EV_DISPATCH);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = EV_DISPATCH);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_DISPATCH, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = 0);
	close_both(p);
}

KQ_TC(receipt_of_the_change, "REG-17: EV_RECEIPT is that of the change")
{
	struct kevent ch, ev;
	int kq = KQ_OPEN();

	EV_SET(&ch, 1, EVFILT_USER, EV_ADD | EV_RECEIPT, 0, 0, NULL);
	ATF_REQUIRE_EQ(kevent(kq, &ch, 1, &ev, 1, NULL), 1);
	ATF_REQUIRE_EQ(ev.flags, EV_ERROR);
	/* The next one asks for none, and gets the event. */
	EV_SET(&ch, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	ATF_REQUIRE_EQ(kevent(kq, &ch, 1, &ev, 1, NULL), 1);
	KQ_MATCH(&ev, 1, EVFILT_USER, .flags = 0);
	ch.flags = EV_RECEIPT;
	ATF_REQUIRE_EQ(kevent(kq, &ch, 1, &ev, 1, NULL), 1);
	ATF_REQUIRE_EQ(ev.flags, EV_ERROR);
}

KQ_TC(delete_and_add_changes_flags, "REG-17: to change them, delete and add")
{
	struct kevent ch[2];
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = 0);
	EV_SET(&ch[0], (uintptr_t)p[0], EVFILT_READ, EV_DELETE, 0, 0, NULL);
	EV_SET(&ch[1], (uintptr_t)p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0,
	    NULL);
	ATF_REQUIRE_EQ(kevent(kq, ch, 2, NULL, 0, NULL), 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .flags = EV_CLEAR);
	KQ_EXPECT_NOTHING(kq);
	close_both(p);
}

KQ_TC(result_is_kept, "REG-18: a change does not reset what was counted")
{
	struct kevent ev;
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 5);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 100);
	KQ_POLL_READABLE(kq);
	/* Collecting only the second leaves the first one its count. */
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DISABLE, 0, 5);
	KQ_EXPECT(kq, 2, EVFILT_TIMER, .data = 1);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 3600 * 1000);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 3600 * 1000);
	ev = take(kq);
	KQ_MATCH(&ev, 1, EVFILT_TIMER);
	ATF_REQUIRE_MSG(ev.data >= 3, "data %jd", (intmax_t)ev.data);
}

KQ_TC(user_result_is_kept, "REG-18: nor the bits of a user event")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_FFCOPY | 5, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 5);
}

/* Unread data of fd, an EV_CLEAR knote, and changes that re-arm it. */
static void
check_rearm(int fd, int filter)
{
	static const unsigned flags[] = { EV_ADD, EV_ADD | EV_CLEAR, EV_ENABLE,
	    0 };
	size_t i;
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, fd, filter, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, fd, filter, .flags = EV_CLEAR);
	KQ_EXPECT_NOTHING(kq);
	for (i = 0; i < NELEM(flags); i++) {
		KQ_CHANGE(kq, fd, filter, flags[i], 0, 0);
		KQ_EXPECT(kq, fd, filter, .flags = EV_CLEAR);
		KQ_EXPECT_NOTHING(kq);
	}
	KQ_CHANGE(kq, fd, filter, EV_DISABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, fd, filter, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, fd, filter, .flags = EV_CLEAR);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(rearm_pipe, "REG-19: re-adding EV_CLEAR with unread data fires again")
{
	int p[2];

	full_pipe(p);
	check_rearm(p[0], EVFILT_READ);
	check_rearm(p[1], EVFILT_WRITE);
	close_both(p);
}

KQ_TC(rearm_socketpair, "REG-19: on a socket pair")
{
	int sv[2];

	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	ATF_REQUIRE_EQ(write(sv[1], "x", 1), 1);
	check_rearm(sv[0], EVFILT_READ);
	check_rearm(sv[0], EVFILT_WRITE);
	close_both(sv);
}

KQ_TC(rearm_tcp, "REG-19: on a TCP connection")
{
	int sv[2];

	tcp_pair(sv);
	ATF_REQUIRE_EQ(write(sv[1], "x", 1), 1);
	check_rearm(sv[0], EVFILT_READ);
	check_rearm(sv[0], EVFILT_WRITE);
	close_both(sv);
}

KQ_TC(rearm_one_filter, "REG-19: only the knote that was changed fires")
{
	struct kevent ev[4];
	int sv[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	ATF_REQUIRE_EQ(write(sv[1], "x", 1), 1);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	ATF_REQUIRE_EQ(KQ_COLLECT(kq, ev, 4), 2);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, sv[0], EVFILT_READ, .data = 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, sv[0], EVFILT_WRITE);
	KQ_EXPECT_NOTHING(kq);
	close_both(sv);
}

KQ_TC(rearm_when_drained, "REG-19: nothing fires if the condition is gone")
{
	int p[2], kq = KQ_OPEN();
	char c;

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	ATF_REQUIRE_EQ(read(p[0], &c, 1), 1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	close_both(p);
}

KQ_TC(pending_is_not_withdrawn, "REG-20: a change withdraws no pending event")
{
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, 0, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 3600 * 1000);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(kq);
	close_both(p);
}

KQ_TC(stale_event_is_found_out, "REG-20: the scan finds what is no more true")
{
	int p[2], kq = KQ_OPEN();
	char c;

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_POLL_READABLE(kq);
	ATF_REQUIRE_EQ(read(p[0], &c, 1), 1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, 0, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(write(p[1], "xy", 2), 2);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 2);
	close_both(p);
}

KQ_TC(add_and_delete, "REG-21: EV_ADD|EV_DELETE is EV_ADD")
{
	int p[2], a, b, kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, EV_ADD | EV_DELETE, 0, 0, &a);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1, .udata = &a);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, EV_ADD | EV_DELETE, 0, 0, &b);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1, .udata = &b);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_DELETE | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_DELETE, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	close_both(p);
}

KQ_TC(delete_pending, "REG-22: EV_DELETE removes it, also when pending")
{
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, p[1], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD, 0, 1);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, p[1], EVFILT_WRITE, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	close_both(p);
}

KQ_TC(delete_in_the_collecting_call, "REG-22: also by the call that collects")
{
	struct timespec ts = { 0, 0 };
	struct kevent ch, ev[4];
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 2, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	EV_SET(&ch, 1, EVFILT_USER, EV_DELETE, 0, 0, NULL);
	ATF_REQUIRE_EQ(kevent(kq, &ch, 1, ev, 4, &ts), 1);
	KQ_MATCH(&ev[0], 2, EVFILT_USER);
}

KQ_TC(delete_ignores_the_rest, "REG-22: other flags are ignored")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE | EV_ENABLE | EV_DISABLE |
	    EV_ONESHOT | EV_CLEAR | EV_DISPATCH, NOTE_TRIGGER, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_USER, EV_DELETE, 0, 0);
}

KQ_TC(add_after_delete, "REG-22: added again it is a new one")
{
	int a, kq = KQ_OPEN();

	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR | EV_DISABLE,
	    NOTE_TRIGGER | NOTE_FFCOPY | 5, 7, &a);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .flags = 0, .fflags = 0, .data = 0,
	    .udata = NULL);
}

KQ_TC(collected_before_delete, "REG-23: what was copied is the caller's")
{
	struct kevent ev, old;
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER | NOTE_FFCOPY | 3,
	    0);
	ATF_REQUIRE_EQ(KQ_COLLECT(kq, &ev, 1), 1);
	old = ev;
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	ATF_REQUIRE_EQ(memcmp(&ev, &old, sizeof(ev)), 0);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(disabled_descriptor, "REG-24: disabled, the condition is still watched")
{
	int p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DISABLE, 0, 0);
	ATF_REQUIRE_EQ(write(p[1], "xyz", 3), 3);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 3, .flags = EV_CLEAR);
	KQ_EXPECT_NOTHING(kq);
	close_both(p);
}

KQ_TC(disabled_hangup, "REG-24: nor does a hangup get through")
{
	int p[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DISABLE, 0, 0);
	close(p[1]);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 0,
	    .flags = EV_EOF | EV_NODATA);
	close(p[0]);
}

KQ_TC(disabled_timer, "REG-24: a disabled timer keeps counting")
{
	struct kevent ev;
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_DISABLE, 0, 20);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 200);
	KQ_EXPECT(kq, 2, EVFILT_TIMER, .data = 1);
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 20);
	ev = take(kq);
	KQ_MATCH(&ev, 1, EVFILT_TIMER);
	/* Ten, or fewer with ticks of 10 ms and no drift correction. */
	ATF_REQUIRE_MSG(ev.data >= 5, "data %jd", (intmax_t)ev.data);
}

KQ_TC(disabled_user, "REG-24: a disabled user event keeps its trigger")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER | NOTE_FFOR | 1, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_FFOR | 2, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 3);
}

KQ_TC(disable_twice, "REG-24: disabling a disabled one changes nothing")
{
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DISABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	/* One EV_ENABLE is enough, and a second one too many does no harm. */
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	close_both(p);
}

KQ_TC(disable_one_of_two, "REG-24: the other filter of a descriptor goes on")
{
	struct kevent ev[4];
	int sv[2], kq = KQ_OPEN();

	ATF_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	ATF_REQUIRE_EQ(write(sv[1], "x", 1), 1);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_ADD, 0, 0);
	KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_DISABLE, 0, 0);
	KQ_EXPECT(kq, sv[0], EVFILT_READ, .data = 1);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_DISABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, sv[0], EVFILT_WRITE);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ENABLE, 0, 0);
	ATF_REQUIRE_EQ(KQ_COLLECT(kq, ev, 4), 2);
	close_both(sv);
}

KQ_TC(disable_pending, "REG-25: disabled while pending, it stays active")
{
	int kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DISABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5);
	KQ_POLL_READABLE(kq);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_DISABLE, 0, 3600 * 1000);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ENABLE, 0, 3600 * 1000);
	KQ_EXPECT(kq, 2, EVFILT_TIMER, .data = 1);
}

static void
expect_users(int kq, uintptr_t a, uintptr_t b, uintptr_t c)
{
	struct kevent ev[8];

	ATF_REQUIRE_EQ(KQ_COLLECT(kq, ev, 8), 3);
	KQ_MATCH(&ev[0], a, EVFILT_USER);
	KQ_MATCH(&ev[1], b, EVFILT_USER);
	KQ_MATCH(&ev[2], c, EVFILT_USER);
}

KQ_TC(enable_appends, "REG-26: enabled, it is put at the tail")
{
	struct kevent ev[8];
	int i, kq = KQ_OPEN();

	for (i = 1; i <= 3; i++)
		KQ_CHANGE(kq, i, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	expect_users(kq, 1, 2, 3);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DISABLE, 0, 0);
	ATF_REQUIRE_EQ(KQ_COLLECT(kq, ev, 8), 2);
	KQ_MATCH(&ev[0], 2, EVFILT_USER);
	KQ_MATCH(&ev[1], 3, EVFILT_USER);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	expect_users(kq, 2, 3, 1);
}

KQ_TC(enable_still_there, "REG-26: unless it was still in the list")
{
	int i, kq = KQ_OPEN();

	for (i = 1; i <= 3; i++)
		KQ_CHANGE(kq, i, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	expect_users(kq, 1, 2, 3);
}

KQ_TC(enable_rechecks, "REG-26: the scan re-checks it")
{
	int p[2], kq = KQ_OPEN();
	char c;

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DISABLE, 0, 0);
	ATF_REQUIRE_EQ(read(p[0], &c, 1), 1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	close_both(p);
}

KQ_TC(oneshot_disabled, "REG-27: a one-shot ready while disabled comes later")
{
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_ONESHOT | EV_DISABLE, 0,
	    0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_ONESHOT | EV_DISABLE,
	    NOTE_TRIGGER, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1, .flags = EV_ONESHOT);
	KQ_CHANGE_ERROR(kq, ENOENT, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .flags = EV_ONESHOT);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_USER, EV_DELETE, 0, 0);
	close_both(p);
}

KQ_TC(oneshot_disabled_and_gone, "REG-27: whether re-checked or not (SCAN-5)")
{
	struct timespec ts = { 0, 0 };
	struct kevent ev[2];
	int n, p[2], kq = KQ_OPEN();
	char c;

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_ONESHOT | EV_DISABLE, 0,
	    0);
	ATF_REQUIRE_EQ(read(p[0], &c, 1), 1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
	ATF_REQUIRE((n = kevent(kq, NULL, 0, ev, 2, &ts)) >= 0);
	if (n == 0) {
		/* It is still waiting for its one event. */
		ATF_REQUIRE_EQ(write(p[1], "x", 1), 1);
		KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	}
	KQ_CHANGE_ERROR(kq, ENOENT, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	close_both(p);
}

KQ_TC(disable_and_enable, "REG-28: both in one change is enabled")
{
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_DISABLE | EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DISABLE | EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DISABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DISABLE | EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	close_both(p);
}

KQ_TC(readd_stays_disabled, "REG-29: EV_ADD does not enable a disabled one")
{
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD | EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	close_both(p);
}

KQ_TC(readd_stays_dispatched, "REG-29: nor one that EV_DISPATCH disabled")
{
	int p[2], kq = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_DISPATCH, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_DISPATCH, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	close_both(p);
}

KQ_TC(order_in_one_change, "REG-30: apply, evaluate, disable, enable")
{
	int p[2], a, b, kq = KQ_OPEN();

	/* Applied and evaluated, then disabled: nothing, but active. */
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DISABLE, NOTE_TRIGGER | NOTE_FFOR | 4,
	    0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ENABLE, NOTE_FFOR | 1, 0);
	KQ_EXPECT(kq, 1, EVFILT_USER, .fflags = 5);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	/* Applied, then enabled: the event has what came with EV_ENABLE. */
	full_pipe(p);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, EV_ADD | EV_DISABLE, 0, 0, &a);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0, &b);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1, .udata = &b);
	close_both(p);
}

KQ_TC(number_is_not_busy, "REG-35: a registration keeps no number busy")
{
	int p[2], fd, kq = KQ_OPEN();

	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	close(p[0]);
	ATF_REQUIRE((fd = open("/dev/null", O_RDONLY)) >= 0);
	ATF_REQUIRE_EQ(fd, p[0]);
	close(fd);
	close(p[1]);
}

KQ_TC(file_is_released, "REG-35: removed, it holds the file no more")
{
	int p[2], kq = KQ_OPEN();
	char c;

	/* The last writer is gone, and the reader is told. */
	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[1], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, p[1], EVFILT_WRITE, EV_DELETE, 0, 0);
	close(p[1]);
	ATF_REQUIRE_EQ(read(p[0], &c, 1), 0);
	close(p[0]);
	ATF_REQUIRE_EQ(pipe(p), 0);
	KQ_CHANGE(kq, p[1], EVFILT_WRITE, EV_ADD, 0, 0);
	close(p[1]);
	ATF_REQUIRE_EQ(read(p[0], &c, 1), 0);
	close(p[0]);
	KQ_EXPECT_NOTHING(kq);
}

#define	NLIMIT		100000

static struct kevent limit[NLIMIT];

static void
change_all(int kq, int filter, unsigned flags, intptr_t data)
{
	int i;

	for (i = 0; i < NLIMIT; i++)
		EV_SET(&limit[i], (uintptr_t)i, (short)filter,
		    (unsigned short)flags, 0, data, NULL);
	ATF_REQUIRE_MSG(kevent(kq, limit, NLIMIT, NULL, 0, NULL) == 0, "%s",
	    strerror(errno));
}

KQ_TC(many_timers, "REG-36: no limit on timers but memory")
{
	int kq = KQ_OPEN();

	/* DragonFly's default limit is 65,536. */
	change_all(kq, EVFILT_TIMER, EV_ADD, 3600 * 1000);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, NLIMIT, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5);
	KQ_EXPECT(kq, NLIMIT, EVFILT_TIMER, .data = 1);
	change_all(kq, EVFILT_TIMER, EV_DELETE, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, 0, EVFILT_TIMER, EV_DELETE, 0, 0);
}

KQ_TC(many_users, "REG-36: nor on user events")
{
	int kq = KQ_OPEN();

	change_all(kq, EVFILT_USER, EV_ADD, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, NLIMIT - 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(kq, NLIMIT - 1, EVFILT_USER);
	change_all(kq, EVFILT_USER, EV_DELETE, 0);
	KQ_EXPECT_NOTHING(kq);
}

/* FreeBSD's answers, where they differ. */

#define	FREEBSD_OPEN()	freebsd_open(__LINE__)

static int
freebsd_open(int line)
{
	int kq;

	if ((kq = kqueue_freebsd()) == -1)
		atf_tc_fail("line %d: kqueue_freebsd: %s", line,
		    strerror(errno));
	return (kq_test_remember(kq));
}

KQ_TC(freebsd_action_flags, "REG-11: FreeBSD strips the action bits")
{
	struct kevent ev;
	int p[2], kq = FREEBSD_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_ENABLE | EV_CLEAR, 0, 0);
	ev = take(kq);
	ATF_REQUIRE_EQ(ev.flags, EV_CLEAR);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_DISABLE | EV_ONESHOT, 0,
	    0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
	ev = take(kq);
	ATF_REQUIRE_EQ(ev.flags, EV_ONESHOT);
	close_both(p);
}

KQ_TC(freebsd_add_disabled, "REG-12: FreeBSD disables before evaluating")
{
	int p[2], kq = FREEBSD_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_DISABLE, 0, 0);
	KQ_CHANGE(kq, p[1], EVFILT_WRITE, EV_ADD | EV_DISABLE, 0, 0);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	close_both(p);
}

KQ_TC(freebsd_change_overwrites, "REG-16: FreeBSD overwrites any udata")
{
	int p[2], a, b, kq = FREEBSD_OPEN();

	full_pipe(p);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, EV_ADD, 0, 0, &a);
	KQ_CHANGE_UDATA(kq, p[0], EVFILT_READ, EV_ENABLE, 0, 0, &b);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .udata = &b);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, EV_ADD, 0, 0, &a);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, &b);
	KQ_EXPECT(kq, 1, EVFILT_USER, .udata = &b);
	close_both(p);
}

KQ_TC(freebsd_timer_period, "REG-16: FreeBSD changes a timer on EV_ADD only")
{
	int a, b, kq = FREEBSD_OPEN();

	KQ_CHANGE_UDATA(kq, 1, EVFILT_TIMER, EV_ADD, 0, 20, &a);
	KQ_CHANGE_UDATA(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 3600 * 1000, &b);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .udata = &b);
	/* The period is still 20 ms: it comes again. */
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .udata = &b);
	/* And an hour from here on. */
	KQ_CHANGE_UDATA(kq, 1, EVFILT_TIMER, EV_ADD, 0, 3600 * 1000, &a);
	KQ_CHANGE(kq, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 100);
	KQ_EXPECT(kq, 2, EVFILT_TIMER, .data = 1);
}

KQ_TC(freebsd_add_and_delete, "REG-21: FreeBSD deletes the one that exists")
{
	int p[2], kq = FREEBSD_OPEN();

	full_pipe(p);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_DELETE, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 1);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE_ERROR(kq, ENOENT, p[0], EVFILT_READ, EV_DELETE, 0, 0);
	close_both(p);
}

KQ_TC(freebsd_disable_and_enable, "REG-28: FreeBSD refuses both, EINVAL")
{
	int kq = FREEBSD_OPEN();

	KQ_CHANGE_ERROR(kq, EINVAL, 1, EVFILT_USER,
	    EV_ADD | EV_DISABLE | EV_ENABLE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(kq, EINVAL, 1, EVFILT_USER, EV_DISABLE | EV_ENABLE, 0,
	    0);
}

KQ_TC(freebsd_self_watch, "KQ-18: FreeBSD refuses a queue in itself, EINVAL")
{
	int kq = FREEBSD_OPEN();

	KQ_CHANGE_ERROR(kq, EINVAL, kq, EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(freebsd_beside_dragonfly, "REG-11: the dialect is that of each queue")
{
	int p[2], one = FREEBSD_OPEN(), other = KQ_OPEN();

	full_pipe(p);
	KQ_CHANGE(one, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(other, p[0], EVFILT_READ, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(take(one).flags, 0);
	ATF_REQUIRE_EQ(take(other).flags, EV_ADD);
	close_both(p);
}

/*
 * A close that the library does not see.
 */

KQ_TC(disable_closed_unseen, "REG-3: EV_DISABLE and EV_ENABLE of a closed number")
{
	int kq = KQ_OPEN(), p[2], q[2];

	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE_EQ(pipe(q), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, q[0], EVFILT_READ, EV_ADD | EV_DISABLE, 0, 0);
	ATF_REQUIRE_EQ(syscall(SYS_close, p[0]), 0);
	ATF_REQUIRE_EQ(syscall(SYS_close, q[0]), 0);
	ATF_REQUIRE_EQ(EBADF, kq_test_change(kq, (uintptr_t)p[0], EVFILT_READ,
	    EV_DISABLE, 0, 0, NULL));
	ATF_REQUIRE_EQ(EBADF, kq_test_change(kq, (uintptr_t)q[0], EVFILT_READ,
	    EV_ENABLE, 0, 0, NULL));
	ATF_REQUIRE_EQ(EBADF, kq_test_change(kq, (uintptr_t)p[0], EVFILT_READ,
	    EV_ADD, 0, 0, NULL));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	close(p[1]);
	close(q[1]);
}

KQ_TC(change_reused_unseen, "REG-33: a change of a number that was used again")
{
	int kq = KQ_OPEN(), p[2], q[2];

	ATF_REQUIRE_EQ(pipe(p), 0);
	ATF_REQUIRE_EQ(pipe(q), 0);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	ATF_REQUIRE_EQ(syscall(SYS_close, p[0]), 0);
	ATF_REQUIRE_EQ(syscall(SYS_dup3, q[0], p[0], 0), p[0]);
	ATF_REQUIRE_EQ(write(q[1], "xy", 2), 2);
	/* That was another file's. */
	ATF_REQUIRE_EQ(ENOENT, kq_test_change(kq, (uintptr_t)p[0], EVFILT_READ,
	    EV_ENABLE, 0, 0, NULL));
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, p[0], EVFILT_READ, .data = 2);
	KQ_EXPECT_NOTHING(kq);
	close(p[0]);
	close(p[1]);
	close(q[0]);
	close(q[1]);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, filter_before_descriptor);
	ATF_TP_ADD_TC(tp, descriptor_before_existence);
	ATF_TP_ADD_TC(tp, existence_before_attach);
	ATF_TP_ADD_TC(tp, unknown_filter);
	ATF_TP_ADD_TC(tp, closed_descriptor);
	ATF_TP_ADD_TC(tp, huge_descriptor);
	ATF_TP_ADD_TC(tp, udata_is_no_key);
	ATF_TP_ADD_TC(tp, queue_and_filter_are_key);
	ATF_TP_ADD_TC(tp, same_ident_two_filters);
	ATF_TP_ADD_TC(tp, any_ident);
	ATF_TP_ADD_TC(tp, not_registered);
	ATF_TP_ADD_TC(tp, no_access_check);
	ATF_TP_ADD_TC(tp, ready_before_add);
	ATF_TP_ADD_TC(tp, failed_attach);
	ATF_TP_ADD_TC(tp, flags_come_back);
	ATF_TP_ADD_TC(tp, action_flags_come_back);
	ATF_TP_ADD_TC(tp, timer_flags);
	ATF_TP_ADD_TC(tp, add_disabled);
	ATF_TP_ADD_TC(tp, add_enables);
	ATF_TP_ADD_TC(tp, no_second_knote);
	ATF_TP_ADD_TC(tp, change_overwrites_lowat);
	ATF_TP_ADD_TC(tp, disable_overwrites_lowat);
	ATF_TP_ADD_TC(tp, change_overwrites_period);
	ATF_TP_ADD_TC(tp, change_overwrites_udata);
	ATF_TP_ADD_TC(tp, user_keeps_udata);
	ATF_TP_ADD_TC(tp, clear_stays);
	ATF_TP_ADD_TC(tp, clear_is_not_added);
	ATF_TP_ADD_TC(tp, oneshot_stays);
	ATF_TP_ADD_TC(tp, dispatch_stays);
	ATF_TP_ADD_TC(tp, receipt_of_the_change);
	ATF_TP_ADD_TC(tp, delete_and_add_changes_flags);
	ATF_TP_ADD_TC(tp, result_is_kept);
	ATF_TP_ADD_TC(tp, user_result_is_kept);
	ATF_TP_ADD_TC(tp, rearm_pipe);
	ATF_TP_ADD_TC(tp, rearm_socketpair);
	ATF_TP_ADD_TC(tp, rearm_tcp);
	ATF_TP_ADD_TC(tp, rearm_one_filter);
	ATF_TP_ADD_TC(tp, rearm_when_drained);
	ATF_TP_ADD_TC(tp, pending_is_not_withdrawn);
	ATF_TP_ADD_TC(tp, stale_event_is_found_out);
	ATF_TP_ADD_TC(tp, add_and_delete);
	ATF_TP_ADD_TC(tp, delete_pending);
	ATF_TP_ADD_TC(tp, delete_in_the_collecting_call);
	ATF_TP_ADD_TC(tp, delete_ignores_the_rest);
	ATF_TP_ADD_TC(tp, add_after_delete);
	ATF_TP_ADD_TC(tp, collected_before_delete);
	ATF_TP_ADD_TC(tp, disabled_descriptor);
	ATF_TP_ADD_TC(tp, disabled_hangup);
	ATF_TP_ADD_TC(tp, disabled_timer);
	ATF_TP_ADD_TC(tp, disabled_user);
	ATF_TP_ADD_TC(tp, disable_twice);
	ATF_TP_ADD_TC(tp, disable_one_of_two);
	ATF_TP_ADD_TC(tp, disable_pending);
	ATF_TP_ADD_TC(tp, enable_appends);
	ATF_TP_ADD_TC(tp, enable_still_there);
	ATF_TP_ADD_TC(tp, enable_rechecks);
	ATF_TP_ADD_TC(tp, oneshot_disabled);
	ATF_TP_ADD_TC(tp, oneshot_disabled_and_gone);
	ATF_TP_ADD_TC(tp, disable_and_enable);
	ATF_TP_ADD_TC(tp, readd_stays_disabled);
	ATF_TP_ADD_TC(tp, readd_stays_dispatched);
	ATF_TP_ADD_TC(tp, order_in_one_change);
	ATF_TP_ADD_TC(tp, number_is_not_busy);
	ATF_TP_ADD_TC(tp, file_is_released);
	ATF_TP_ADD_TC(tp, many_timers);
	ATF_TP_ADD_TC(tp, many_users);
	ATF_TP_ADD_TC(tp, freebsd_action_flags);
	ATF_TP_ADD_TC(tp, freebsd_add_disabled);
	ATF_TP_ADD_TC(tp, freebsd_change_overwrites);
	ATF_TP_ADD_TC(tp, freebsd_timer_period);
	ATF_TP_ADD_TC(tp, freebsd_add_and_delete);
	ATF_TP_ADD_TC(tp, freebsd_disable_and_enable);
	ATF_TP_ADD_TC(tp, freebsd_self_watch);
	ATF_TP_ADD_TC(tp, freebsd_beside_dragonfly);
	ATF_TP_ADD_TC(tp, disable_closed_unseen);
	ATF_TP_ADD_TC(tp, change_reused_unseen);
	return (atf_no_error());
}
