/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_PROC: NOTE_TRACK, and pids that are used again.
 *
 * Exclusive (Kyuafile): many forks of others would fill the socket that hears of
 * all processes, or take the number that a case wants.
 */
#include <sys/socket.h>

#include <linux/netlink.h>
#include <signal.h>

#include "child_test.h"

/* Collect until n NOTE_CHILD and n exits were seen. */
static void
track_collect(int kq, int n, bool errok)
{
	struct kevent kev[64];
	int children, ended, i, got;

	children = ended = 0;
	while (children < n || ended < n) {
		got = KQ_COLLECT(kq, kev, 64);
		ATF_REQUIRE_MSG(got > 0, "%d children, %d ended", children,
		    ended);
		for (i = 0; i < got; i++) {
			if (!errok)
				ATF_CHECK_EQ(0, kev[i].fflags & NOTE_TRACKERR);
			if ((kev[i].fflags & NOTE_CHILD) != 0)
				children++;
			if ((kev[i].fflags & NOTE_EXIT) != 0) {
				ended++;
				ATF_CHECK_MSG(kev[i].data >= 4 << 8 &&
				    kev[i].data <= 7 << 8, "status %jx",
				    (intmax_t)kev[i].data);
			}
		}
	}
	ATF_CHECK_EQ(n, children);
	ATF_CHECK_EQ(n, ended);
}

KQ_TC(freebsd_track, "PROC-9: FreeBSD, tracked children that end unasked")
{
	struct kevent kev[4];
	struct child ch;
	int i, kq, n, other = KQ_OPEN();

	need_connector(other);
	ATF_REQUIRE((kq = kqueue_freebsd()) != -1);
	ch = child_start();
	ADD(kq, ch.pid, NOTE_TRACK);
	/* Gone and reaped before anybody looks; so is the second's. */
	child_tell(&ch, 'f');
	child_tell(&ch, 'g');
	n = KQ_COLLECT(kq, kev, 4);
	ATF_CHECK_EQ(3, n);
	for (i = 0; i < n; i++) {
		ATF_CHECK_EQ(NOTE_CHILD, kev[i].fflags);
		/* Its number is not ours to look at any more. */
		KQ_CHANGE_ERROR(kq, ENOENT, kev[i].ident, EVFILT_PROC,
		    EV_DELETE, 0, 0);
	}
	KQ_EXPECT_NOTHING(kq);
	child_end(&ch);
	KQ_EXPECT_NOTHING(kq);
	close(kq);
}

KQ_TC(track, "PROC-13, PROC-14: children, and their children")
{
	struct child ch;
	int kq = KQ_OPEN();

	need_connector(kq);
	ch = child_start();
	KQ_CHANGE_UDATA(kq, ch.pid, EVFILT_PROC, EV_ADD, NOTE_TRACK | NOTE_EXIT,
	    0, &ch);
	KQ_EXPECT_NOTHING(kq);
	child_tell(&ch, 'f');
	track_collect(kq, 1, false);
	child_tell(&ch, 'g');
	track_collect(kq, 2, false);
	KQ_EXPECT_NOTHING(kq);
	child_tell(&ch, 'q');
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_EXIT, .udata = &ch,
	    .data = 7 << 8);
	child_end(&ch);
}

KQ_TC(track_later, "PROC-13, REG-16: NOTE_TRACK joins, and leaves again")
{
	struct child ch, other;
	int kq = KQ_OPEN();

	need_connector(kq);
	ch = child_start();
	other = child_start();
	ADD(kq, other.pid, NOTE_FORK);
	ADD(kq, ch.pid, NOTE_FORK);
	child_tell(&ch, 'f');
	/* What was done until now counts as it was asked for then. */
	ADD(kq, ch.pid, NOTE_FORK | NOTE_TRACK | NOTE_EXIT);
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_FORK);
	child_tell(&ch, 'f');
	track_collect(kq, 1, false);
	KQ_EXPECT_NOTHING(kq);
	ADD(kq, ch.pid, NOTE_FORK);
	child_tell(&ch, 'f');
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_FORK);
	KQ_EXPECT_NOTHING(kq);
	child_tell(&other, 'f');
	KQ_EXPECT(kq, other.pid, EVFILT_PROC, .fflags = NOTE_FORK);
	/* The last that was tracked goes, the others stay. */
	KQ_CHANGE(kq, ch.pid, EVFILT_PROC, EV_DELETE, 0, 0);
	child_tell(&ch, 'f');
	child_tell(&other, 'f');
	KQ_EXPECT(kq, other.pid, EVFILT_PROC, .fflags = NOTE_FORK);
	KQ_CHANGE(kq, other.pid, EVFILT_PROC, EV_DELETE, 0, 0);
	child_tell(&other, 'f');
	KQ_EXPECT_NOTHING(kq);
	child_end(&other);
	child_end(&ch);
}

KQ_TC(track_added, "PROC-13: a child that the program has added itself")
{
	struct child ch, kid;
	int kq = KQ_OPEN();

	need_connector(kq);
	ch = child_parent();
	KQ_CHANGE_UDATA(kq, ch.pid, EVFILT_PROC, EV_ADD, NOTE_TRACK | NOTE_EXIT,
	    0, &ch);
	child_kid(&ch, &kid);
	/* Before the fork is read; then it has the parent's mask. */
	KQ_CHANGE_UDATA(kq, kid.pid, EVFILT_PROC, EV_ADD, NOTE_FORK, 0, &kid);
	KQ_EXPECT(kq, kid.pid, EVFILT_PROC, .fflags = NOTE_CHILD,
	    .data = ch.pid, .udata = &ch);
	KQ_EXPECT_NOTHING(kq);
	/* Each of its own children is one, told of once. */
	child_tell(&kid, 'f');
	track_collect(kq, 1, false);
	KQ_EXPECT_NOTHING(kq);
	child_tell(&kid, 'q');
	child_tell(&ch, 'w');
	KQ_EXPECT(kq, kid.pid, EVFILT_PROC, .fflags = NOTE_EXIT,
	    .data = 7 << 8);
	KQ_EXPECT_NOTHING(kq);
	child_end(&ch);
}

KQ_TC(track_added_too, "PROC-13: and one that he tracks himself")
{
	struct child ch, kid;
	int kq = KQ_OPEN();

	need_connector(kq);
	ch = child_parent();
	ADD(kq, ch.pid, NOTE_TRACK | NOTE_EXIT);
	child_kid(&ch, &kid);
	ADD(kq, kid.pid, NOTE_TRACK | NOTE_FORK);
	KQ_EXPECT(kq, kid.pid, EVFILT_PROC, .fflags = NOTE_CHILD,
	    .data = ch.pid);
	/* One fork, one child. */
	child_tell(&kid, 'f');
	track_collect(kq, 1, false);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, kid.pid, EVFILT_PROC, EV_DELETE, 0, 0);
	child_tell(&kid, 'f');
	KQ_EXPECT_NOTHING(kq);
	child_tell(&ch, 'f');
	track_collect(kq, 1, false);
	child_tell(&kid, 'q');
	child_tell(&ch, 'w');
	child_end(&ch);
}

KQ_TC(track_both, "PROC-13: two processes, the second one younger")
{
	struct kevent kev[8];
	struct child ch[2];
	int i, j, kq = KQ_OPEN(), n, seen[2] = { 0, 0 };

	need_connector(kq);
	for (i = 0; i < 2; i++) {
		ch[i] = child_start();
		ADD(kq, ch[i].pid, NOTE_TRACK | NOTE_FORK);
		/* Again with a bit more, which changes that only. */
		ADD(kq, ch[i].pid, NOTE_TRACK | NOTE_FORK | NOTE_EXEC);
	}
	for (i = 0; i < 2; i++) {
		child_tell(&ch[i], 'f');
		n = KQ_COLLECT(kq, kev, 8);
		ATF_REQUIRE_EQ(2, n);
		for (j = 0; j < n; j++) {
			if (kev[j].ident == (uintptr_t)ch[i].pid)
				KQ_MATCH(&kev[j], ch[i].pid, EVFILT_PROC,
				    .fflags = NOTE_FORK, .data = 0);
			else if ((kev[j].fflags & NOTE_CHILD) != 0)
				seen[i]++;
		}
	}
	ATF_CHECK_EQ(1, seen[0]);
	ATF_CHECK_EQ(1, seen[1]);
	KQ_CHANGE(kq, ch[0].pid, EVFILT_PROC, EV_DELETE, 0, 0);
	child_tell(&ch[0], 'f');
	KQ_EXPECT_NOTHING(kq);
	child_tell(&ch[1], 'f');
	ATF_CHECK_EQ(2, KQ_COLLECT(kq, kev, 8));
	child_end(&ch[1]);
	child_end(&ch[0]);
}

KQ_TC(track_disabled, "PROC-13: the children of a disabled one are enabled")
{
	struct child ch, kid;
	int kq = KQ_OPEN();

	need_connector(kq);
	ch = child_parent();
	KQ_CHANGE(kq, ch.pid, EVFILT_PROC, EV_ADD | EV_DISABLE,
	    NOTE_TRACK | NOTE_FORK | NOTE_EXIT, 0);
	child_kid(&ch, &kid);
	KQ_EXPECT(kq, kid.pid, EVFILT_PROC, .fflags = NOTE_CHILD,
	    .data = ch.pid);
	child_tell(&kid, 'q');
	child_tell(&ch, 'w');
	KQ_EXPECT(kq, kid.pid, EVFILT_PROC, .fflags = NOTE_EXIT,
	    .data = 7 << 8);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, ch.pid, EVFILT_PROC, EV_ENABLE, NOTE_TRACK | NOTE_EXIT,
	    0);
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_FORK);
	child_end(&ch);
}

KQ_TC(track_two, "PROC-13: two kqueues track one tree")
{
	struct child ch;
	int kq1 = KQ_OPEN(), kq2 = KQ_OPEN();

	need_connector(kq1);
	ch = child_start();
	ADD(kq1, ch.pid, NOTE_TRACK | NOTE_EXIT);
	ADD(kq2, ch.pid, NOTE_TRACK | NOTE_EXIT);
	child_tell(&ch, 'g');
	track_collect(kq1, 2, false);
	track_collect(kq2, 2, false);
	ATF_REQUIRE_EQ(0, close(kq1));
	child_tell(&ch, 'f');
	track_collect(kq2, 1, false);
	child_end(&ch);
}

/* Have the library's connector sockets hold as little as can be. */
static void
connector_shrink(void)
{
	socklen_t len;
	int fd, n, protocol, size = 1;

	for (n = 0, fd = 3; fd < 4096; fd++) {
		len = sizeof(protocol);
		if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol,
		    &len) == 0 && protocol == NETLINK_CONNECTOR) {
			ATF_REQUIRE_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVBUF,
			    &size, sizeof(size)));
			n++;
		}
	}
	ATF_REQUIRE(n > 0);
}

KQ_TC(track_lost, "PROC-15: what the kernel had no room for is no secret")
{
	struct kevent kev[64];
	struct child ch, kid, other, otherkid, was, waskid;
	int children, ended, i, kq = KQ_OPEN(), n;
	bool found, told;

	need_connector(kq);
	/* Their living children are not asked for, or not any more. */
	other = child_parent();
	child_kid(&other, &otherkid);
	was = child_parent();
	child_kid(&was, &waskid);
	ch = child_parent();
	ADD(kq, ch.pid, NOTE_TRACK | NOTE_EXIT);
	ADD(kq, other.pid, NOTE_FORK);
	ADD(kq, was.pid, NOTE_TRACK);
	ADD(kq, was.pid, NOTE_FORK);
	connector_shrink();
	for (i = 0; i < 200; i++)
		child_tell(&ch, 'f');
	child_kid(&ch, &kid);
	children = ended = 0;
	found = told = false;
	/* Who was seen to begin is seen to end, and the living one is found. */
	while (!found || !told || ended < children) {
		ATF_REQUIRE_MSG((n = KQ_COLLECT(kq, kev, 64)) > 0,
		    "%d children, %d ended, found %d, told %d", children,
		    ended, found, told);
		for (i = 0; i < n; i++) {
			if (kev[i].ident == (uintptr_t)ch.pid) {
				ATF_CHECK_EQ(NOTE_TRACKERR, kev[i].fflags);
				told = true;
				continue;
			}
			if (kev[i].ident == (uintptr_t)was.pid)
				continue;
			ATF_CHECK(kev[i].ident != (uintptr_t)other.pid);
			ATF_CHECK(kev[i].ident != (uintptr_t)otherkid.pid);
			ATF_CHECK(kev[i].ident != (uintptr_t)waskid.pid);
			if (kev[i].ident == (uintptr_t)kid.pid) {
				if ((kev[i].fflags & NOTE_CHILD) != 0) {
					ATF_CHECK_EQ(ch.pid, kev[i].data);
					found = true;
				}
				continue;
			}
			if ((kev[i].fflags & NOTE_CHILD) != 0)
				children++;
			if ((kev[i].fflags & NOTE_EXIT) != 0)
				ended++;
		}
	}
	ATF_CHECK(children < 200);
	/* And all goes on, but that others' forks may not fit again. */
	child_tell(&kid, 'q');
	child_tell(&ch, 'w');
	do {
		ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, 1));
	} while (kev[0].fflags == NOTE_TRACKERR);
	kev[0].fflags &= ~(unsigned)NOTE_TRACKERR;
	KQ_MATCH(&kev[0], kid.pid, EVFILT_PROC, .fflags = NOTE_EXIT,
	    .data = 7 << 8);
	child_end(&ch);
	child_tell(&waskid, 'q');
	child_tell(&was, 'w');
	child_end(&was);
	child_tell(&otherkid, 'q');
	child_tell(&other, 'w');
	child_end(&other);
}

/* The next process gets this number, if nobody is faster. */
static void
pid_next(pid_t pid)
{
	FILE *fp;

	if ((fp = fopen("/proc/sys/kernel/ns_last_pid", "w")) == NULL)
		atf_tc_skip("ns_last_pid: %s", strerror(errno));
	fprintf(fp, "%d", (int)pid - 1);
	if (fclose(fp) != 0)
		atf_tc_skip("ns_last_pid: %s", strerror(errno));
}

/* A watched one ends, and the next gets its number. */
static struct child
child_again(int kq, unsigned notes)
{
	struct child ch, next;
	int i;

	for (i = 0; i < 100; i++) {
		ch = child_start();
		ADD(kq, ch.pid, notes);
		child_tell(&ch, 'q');
		child_end(&ch);
		pid_next(ch.pid);
		next = child_start();
		if (next.pid == ch.pid)
			return (next);
		/* Somebody was faster: that one will not do. */
		child_end(&next);
		if ((notes & NOTE_EXIT) != 0)
			KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .data = 7 << 8);
		else
			KQ_EXPECT_NOTHING(kq);
	}
	atf_tc_skip("the number was somebody else's each time");
}

static void
pid_reused(unsigned notes)
{
	struct child next;
	int kq = KQ_OPEN();

	need_connector(kq);
	next = child_again(kq, notes);
	/* Not the one that we watch. */
	child_tell(&next, 'f');
	KQ_EXPECT(kq, next.pid, EVFILT_PROC, .fflags = NOTE_EXIT,
	    .data = 7 << 8, .flags = ENDED);
	KQ_EXPECT_NOTHING(kq);
	/* But it may be watched from now on. */
	ADD(kq, next.pid, notes);
	child_tell(&next, 'f');
	if ((notes & NOTE_TRACK) != 0)
		track_collect(kq, 1, false);
	else
		KQ_EXPECT(kq, next.pid, EVFILT_PROC, .fflags = NOTE_FORK);
	child_tell(&next, 'q');
	child_end(&next);
	KQ_EXPECT(kq, next.pid, EVFILT_PROC, .fflags = NOTE_EXIT,
	    .data = 7 << 8);
}

KQ_TC_MD(fork_reused, "PROC-6: forks of who got the number next",
    "require.user", "root")
{
	pid_reused(NOTE_FORK | NOTE_EXIT);
}

KQ_TC_MD(track_reused, "PROC-13: the same with NOTE_TRACK",
    "require.user", "root")
{
	pid_reused(NOTE_TRACK | NOTE_EXIT);
}

KQ_TC_MD(freebsd_track_reused, "PROC-9: FreeBSD, one that ended unasked",
    "require.user", "root")
{
	struct child next;
	int kq, other = KQ_OPEN();

	need_connector(other);
	ATF_REQUIRE((kq = kqueue_freebsd()) != -1);
	next = child_again(kq, NOTE_TRACK);
	/* Gone without a word; the next one is nobody's. */
	child_tell(&next, 'f');
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE_ERROR(kq, ENOENT, next.pid, EVFILT_PROC, EV_DELETE, 0, 0);
	ADD(kq, next.pid, NOTE_FORK);
	child_tell(&next, 'f');
	KQ_EXPECT(kq, next.pid, EVFILT_PROC, .fflags = NOTE_FORK);
	child_end(&next);
	close(kq);
}

KQ_TC_MD(track_occupied, "PROC-15: a child whose number has an exit to tell",
    "require.user", "root")
{
	struct child ch, kid, old;
	int i, kq = KQ_OPEN();

	need_connector(kq);
	ch = child_parent();
	ADD(kq, ch.pid, NOTE_TRACK | NOTE_EXIT);
	for (i = 0; i < 100; i++) {
		old = child_start();
		KQ_CHANGE(kq, old.pid, EVFILT_PROC, EV_ADD | EV_DISABLE,
		    NOTE_EXIT | NOTE_FORK, 0);
		child_tell(&old, 'q');
		child_end(&old);
		/* Recorded, and not delivered. */
		KQ_EXPECT_NOTHING(kq);
		pid_next(old.pid);
		child_kid(&ch, &kid);
		if (kid.pid == old.pid)
			break;
		/* Somebody was faster: that one will not do. */
		KQ_EXPECT(kq, kid.pid, EVFILT_PROC, .fflags = NOTE_CHILD);
		child_tell(&kid, 'q');
		child_tell(&ch, 'w');
		KQ_EXPECT(kq, kid.pid, EVFILT_PROC, .fflags = NOTE_EXIT);
		KQ_CHANGE(kq, old.pid, EVFILT_PROC, EV_DELETE, 0, 0);
		child_end(&ch);
		KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_EXIT);
		ch = child_parent();
		ADD(kq, ch.pid, NOTE_TRACK | NOTE_EXIT);
	}
	if (i == 100)
		atf_tc_skip("the number was somebody else's each time");
	KQ_EXPECT(kq, ch.pid, EVFILT_PROC, .fflags = NOTE_TRACKERR);
	/* What it does is not what the old one did. */
	child_tell(&kid, 'f');
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, old.pid, EVFILT_PROC, EV_ENABLE, NOTE_EXIT, 0);
	KQ_EXPECT(kq, old.pid, EVFILT_PROC, .fflags = NOTE_EXIT,
	    .data = 7 << 8, .flags = ENDED);
	/* From now on it can be watched. */
	ADD(kq, kid.pid, NOTE_EXIT);
	child_tell(&kid, 'q');
	child_tell(&ch, 'w');
	KQ_EXPECT(kq, kid.pid, EVFILT_PROC, .fflags = NOTE_EXIT,
	    .data = 7 << 8);
	child_end(&ch);
}

KQ_TC(track_storm, "PROC-13: a thousand children among unrelated forks")
{
	struct child ch, noise;
	int i, kq = KQ_OPEN();

	need_connector(kq);
	ch = child_start();
	noise = child_start();
	ADD(kq, ch.pid, NOTE_TRACK | NOTE_EXIT);
	for (i = 0; i < KQ_ROUNDS(500); i++) {
		child_tell(&noise, 'f');
		child_tell(&noise, 'f');
		child_tell(&ch, 'g');
	}
	track_collect(kq, 2 * KQ_ROUNDS(500), false);
	child_end(&noise);
	child_end(&ch);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, freebsd_track);
	ATF_TP_ADD_TC(tp, track);
	ATF_TP_ADD_TC(tp, track_later);
	ATF_TP_ADD_TC(tp, track_added);
	ATF_TP_ADD_TC(tp, track_added_too);
	ATF_TP_ADD_TC(tp, track_both);
	ATF_TP_ADD_TC(tp, track_disabled);
	ATF_TP_ADD_TC(tp, track_two);
	ATF_TP_ADD_TC(tp, track_lost);
	ATF_TP_ADD_TC(tp, fork_reused);
	ATF_TP_ADD_TC(tp, track_reused);
	ATF_TP_ADD_TC(tp, freebsd_track_reused);
	ATF_TP_ADD_TC(tp, track_occupied);
	ATF_TP_ADD_TC(tp, track_storm);

	return (atf_no_error());
}
