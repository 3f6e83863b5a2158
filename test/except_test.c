/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_EXCEPT: out-of-band data on sockets.
 */
#include "sock_test.h"

#include <sys/syscall.h>

#define	X	EVFILT_EXCEPT

/* Urgent data that has arrived when this returns. */
static void
oob_send(int from, int to, char c)
{
	ATF_REQUIRE_EQ(1, send(from, &c, 1, MSG_OOB));
	sock_poll(to, POLLPRI);
}

KQ_TC(not_a_socket, "EXC-1: what is not a socket is EOPNOTSUPP")
{
	int kq = KQ_OPEN(), in = KQ_OPEN(), fd, pfd[2], pt[2];
	char name[64];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, pfd[0], X, EV_ADD, NOTE_OOB, 0);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, pfd[1], X, EV_ADD, NOTE_OOB, 0);
	pair_close(pfd);
	ATF_REQUIRE_EQ(0, mkfifo("fifo", 0600));
	ATF_REQUIRE((fd = open("fifo", O_RDWR)) != -1);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, fd, X, EV_ADD, NOTE_OOB, 0);
	(void)close(fd);
	ATF_REQUIRE((fd = open("file", O_RDWR | O_CREAT, 0600)) != -1);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, fd, X, EV_ADD, NOTE_OOB, 0);
	(void)close(fd);
	pty_pair(pt, name, sizeof(name));
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, pt[1], X, EV_ADD, NOTE_OOB, 0);
	pair_close(pt);
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, in, X, EV_ADD, NOTE_OOB, 0);
}

KQ_TC(refused_leaves_nothing, "EXC-1: what was refused is not registered")
{
	int kq = KQ_OPEN(), pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, pfd[0], X, EV_ADD, NOTE_OOB, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, pfd[0], X, EV_DELETE, 0, 0);
	sock_write(pfd[1], 1);
	KQ_EXPECT_NOTHING(kq);
	pair_close(pfd);
}

KQ_TC(sockets, "EXC-1: every socket is accepted")
{
	int kq = KQ_OPEN(), sv[2], type;

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	KQ_EXPECT_NOTHING(kq);
	pair_close(sv);
	udp_pair(AF_INET, sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	sock_write(sv[1], 5);
	sock_poll(sv[0], POLLIN);
	KQ_EXPECT_NOTHING(kq);
	pair_close(sv);
	for (type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		unix_pair(type, sv);
		KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
		sock_write(sv[1], 5);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		pair_close(sv);
	}
}

KQ_TC(oob, "EXC-2, EXC-4: ready while a mark is there; data is 0")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	oob_send(sv[1], sv[0], 'x');
	KQ_EXPECT(kq, sv[0], X, .flags = 0, .fflags = NOTE_OOB, .data = 0);
	KQ_EXPECT(kq, sv[0], X, .flags = 0, .fflags = NOTE_OOB, .data = 0);
	KQ_POLL_READABLE(kq);
	pair_close(sv);
}

KQ_TC(oob6, "EXC-2: the same, IPv6")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair_af(AF_INET6, sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	oob_send(sv[1], sv[0], 'x');
	KQ_EXPECT(kq, sv[0], X, .flags = 0, .fflags = NOTE_OOB, .data = 0);
	pair_close(sv);
}

KQ_TC(oob_unix, "EXC-2: the same, AF_UNIX")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	if (send(sv[1], "x", 1, MSG_OOB) == -1)
		atf_tc_skip("no out-of-band data on AF_UNIX here");
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	KQ_EXPECT(kq, sv[0], X, .flags = 0, .fflags = NOTE_OOB, .data = 0);
	pair_close(sv);
}

KQ_TC(oob_before_add, "EXC-2: a mark that is there already is reported")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	oob_send(sv[1], sv[0], 'x');
	KQ_CHANGE(kq, sv[0], X, EV_ADD | EV_ONESHOT, NOTE_OOB, 0);
	KQ_EXPECT(kq, sv[0], X, .flags = EV_ONESHOT, .fflags = NOTE_OOB,
	    .data = 0);
	KQ_EXPECT_NOTHING(kq);
	pair_close(sv);
}

KQ_TC(mark_ahead, "EXC-2: the mark may be ahead of the read position")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	sock_write(sv[1], 5);
	sock_await(sv[0], 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	oob_send(sv[1], sv[0], 'x');
	KQ_EXPECT(kq, sv[0], X, .fflags = NOTE_OOB, .data = 0);
	sock_read(sv[0], 3);
	KQ_EXPECT(kq, sv[0], X, .fflags = NOTE_OOB);
	sock_read(sv[0], 2);		/* now it is at the position */
	ATF_CHECK(sockatmark(sv[0]) == 1);
	KQ_EXPECT(kq, sv[0], X, .fflags = NOTE_OOB);
	pair_close(sv);
}

KQ_TC(dispatch, "EXC-2: with EV_DISPATCH, and disabled and enabled")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD | EV_DISPATCH, NOTE_OOB, 0);
	oob_send(sv[1], sv[0], 'x');
	KQ_EXPECT(kq, sv[0], X, .flags = EV_DISPATCH, .fflags = NOTE_OOB);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, sv[0], X, EV_ENABLE, NOTE_OOB, 0);
	KQ_EXPECT(kq, sv[0], X, .flags = EV_DISPATCH, .fflags = NOTE_OOB);
	KQ_CHANGE(kq, sv[0], X, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	pair_close(sv);
}

KQ_TC(beside_read_write, "EXC-2: READ and WRITE on the descriptor as well")
{
	struct kevent kev[4];
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	KQ_CHANGE(kq, sv[0], EVFILT_READ, EV_ADD, 0, 0);
	KQ_CHANGE(kq, sv[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, sv[0], EVFILT_WRITE, .flags = EV_CLEAR);
	/* The urgent byte is no normal data: READ has nothing. */
	oob_send(sv[1], sv[0], 'x');
	KQ_EXPECT(kq, sv[0], X, .flags = 0, .fflags = NOTE_OOB);
	sock_write(sv[1], 5);
	sock_poll(sv[0], POLLIN);
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 4));
	if (kev[0].filter == X)
		kev[2] = kev[1], kev[3] = kev[0];
	else
		kev[2] = kev[0], kev[3] = kev[1];
	KQ_MATCH(&kev[2], sv[0], EVFILT_READ, .flags = 0, .fflags = 0);
	KQ_MATCH(&kev[3], sv[0], X, .flags = 0, .fflags = NOTE_OOB);
	pair_close(sv);
}

KQ_TC(oob_received, "EXC-3: receiving the urgent byte does not end it")
{
	int kq = KQ_OPEN(), sv[2];
	char c;

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	oob_send(sv[1], sv[0], 'x');
	KQ_EXPECT(kq, sv[0], X, .fflags = NOTE_OOB);
	ATF_REQUIRE_EQ(1, recv(sv[0], &c, 1, MSG_OOB));
	atf_tc_expect_fail("the kernel forgets the mark with the urgent byte");
	KQ_EXPECT_NOW(kq, sv[0], X, .fflags = NOTE_OOB);
	pair_close(sv);
}

KQ_TC(mark_passed, "EXC-3: reading past the mark ends it")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	oob_send(sv[1], sv[0], 'x');
	KQ_EXPECT(kq, sv[0], X, .fflags = NOTE_OOB);
	sock_write(sv[1], 5);
	sock_read(sv[0], 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	oob_send(sv[1], sv[0], 'y');
	KQ_EXPECT(kq, sv[0], X, .fflags = NOTE_OOB, .data = 0);
	pair_close(sv);
}

KQ_TC(data_untouched, "EXC-4: normal data is not counted")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	sock_write(sv[1], 50);
	sock_await(sv[0], 50);
	oob_send(sv[1], sv[0], 'x');
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	KQ_EXPECT(kq, sv[0], X, .fflags = NOTE_OOB, .data = 0);
	pair_close(sv);
}

KQ_TC(eof_not_reported, "EXC-5: EOF is not reported")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
	sock_poll(sv[0], POLLRDHUP);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_WR));
	sock_poll(sv[0], POLLHUP);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(sv);
}

KQ_TC(eof_not_reported_unix, "EXC-5: a peer that closed, AF_UNIX")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	ATF_REQUIRE_EQ(0, close(sv[1]));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(sv[0]);
}

KQ_TC(error_not_reported, "EXC-5: a socket error is not reported")
{
	int kq = KQ_OPEN(), sv[2], fd;

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	sock_reset(sv[1]);
	sock_poll(sv[0], POLLERR);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_CHECK_EQ(ECONNRESET, sock_error(sv[0]));
	(void)close(sv[0]);
	fd = udp_nowhere();
	KQ_CHANGE(kq, fd, X, EV_ADD, NOTE_OOB, 0);
	sock_write(fd, 5);
	sock_poll(fd, POLLERR);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_CHECK_EQ(ECONNREFUSED, sock_error(fd));
	(void)close(fd);
}

KQ_TC(without_oob_bit, "EXC-6: without NOTE_OOB it is never ready")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 5);
	sock_await(sv[0], 5);
	KQ_EXPECT_NOTHING(kq);
	oob_send(sv[1], sv[0], 'x');
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	/* The bit can be given later, and be taken back (REG-16). */
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	KQ_EXPECT(kq, sv[0], X, .fflags = NOTE_OOB);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(sv);
}

KQ_TC(clear, "EXC-7: EV_CLEAR gives an event per arrival of urgent data")
{
	int kq = KQ_OPEN(), sv[2];
	char c;

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD | EV_CLEAR, NOTE_OOB, 0);
	oob_send(sv[1], sv[0], 'x');
	KQ_EXPECT(kq, sv[0], X, .flags = EV_CLEAR, .fflags = NOTE_OOB,
	    .data = 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(1, recv(sv[0], &c, 1, MSG_OOB));
	ATF_CHECK_EQ('x', c);
	KQ_EXPECT_NOTHING(kq);
	oob_send(sv[1], sv[0], 'y');
	KQ_EXPECT(kq, sv[0], X, .flags = EV_CLEAR, .fflags = NOTE_OOB);
	KQ_EXPECT_NOTHING(kq);
	pair_close(sv);
}

KQ_TC(clear_second_mark, "EXC-7: urgent data on top of urgent data")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD | EV_CLEAR, NOTE_OOB, 0);
	oob_send(sv[1], sv[0], 'x');
	KQ_EXPECT(kq, sv[0], X, .flags = EV_CLEAR, .fflags = NOTE_OOB);
	ATF_REQUIRE_EQ(1, send(sv[1], "y", 1, MSG_OOB));
	KQ_EXPECT(kq, sv[0], X, .flags = EV_CLEAR, .fflags = NOTE_OOB);
	KQ_EXPECT_NOTHING(kq);
	pair_close(sv);
}

KQ_TC(clear_normal_data, "EXC-7: normal data while the mark is pending")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD | EV_CLEAR, NOTE_OOB, 0);
	sock_write(sv[1], 5);
	sock_await(sv[0], 5);
	KQ_EXPECT_NOTHING(kq);
	oob_send(sv[1], sv[0], 'x');
	KQ_EXPECT(kq, sv[0], X, .flags = EV_CLEAR, .fflags = NOTE_OOB);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 5);
	KQ_EXPECT(kq, sv[0], X, .flags = EV_CLEAR, .fflags = NOTE_OOB);
	KQ_EXPECT_NOTHING(kq);
	pair_close(sv);
}

/* Once the entry that EXCEPT has no use for stayed on epoll's ready list. */
KQ_TC(hangup_leaves_silence, "EXC-5: a hang-up leaves nothing readable")
{
	struct timespec zero = { 0, 0 };
	struct kevent kev[24];
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	(void)close(sv[1]);
	EV_SET(&kev[0], (uintptr_t)sv[0], EVFILT_READ, EV_ADD | EV_ONESHOT, 0,
	    0, NULL);
	EV_SET(&kev[1], (uintptr_t)sv[0], X, EV_ADD, NOTE_OOB, 0, NULL);
	ATF_REQUIRE_EQ(1, kevent(kq, kev, 2, kev, 24, &zero));
	KQ_MATCH(&kev[0], sv[0], EVFILT_READ);
	KQ_POLL_SILENT(kq);
	(void)close(sv[0]);
}

KQ_TC(lowat_ignored, "EXC-2: NOTE_LOWAT means nothing here")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB | NOTE_LOWAT, 0);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT_NOTHING(kq);
	oob_send(sv[1], sv[0], 'x');
	KQ_EXPECT(kq, sv[0], X, .flags = 0, .fflags = NOTE_OOB, .data = 0);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_LOWAT, 0);
	KQ_EXPECT_NOTHING(kq);
	pair_close(sv);
}

KQ_TC(closed_unseen, "SCAN-18: closed behind our back, and a dup has the mark")
{
	int kq = KQ_OPEN(), n, other, sv[2];

	tcp_pair(sv);
	ATF_REQUIRE((other = dup(sv[0])) != -1);
	KQ_CHANGE(kq, sv[0], X, EV_ADD, NOTE_OOB, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, syscall(SYS_close, sv[0]));
	oob_send(sv[1], other, 'x');
	n = KQ_COLLECT_NOW(kq);
	ATF_CHECK(n == 0 || n == 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(other);
	(void)close(sv[1]);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, not_a_socket);
	ATF_TP_ADD_TC(tp, refused_leaves_nothing);
	ATF_TP_ADD_TC(tp, sockets);
	ATF_TP_ADD_TC(tp, oob);
	ATF_TP_ADD_TC(tp, oob6);
	ATF_TP_ADD_TC(tp, oob_unix);
	ATF_TP_ADD_TC(tp, oob_before_add);
	ATF_TP_ADD_TC(tp, mark_ahead);
	ATF_TP_ADD_TC(tp, dispatch);
	ATF_TP_ADD_TC(tp, beside_read_write);
	ATF_TP_ADD_TC(tp, oob_received);
	ATF_TP_ADD_TC(tp, mark_passed);
	ATF_TP_ADD_TC(tp, data_untouched);
	ATF_TP_ADD_TC(tp, eof_not_reported);
	ATF_TP_ADD_TC(tp, eof_not_reported_unix);
	ATF_TP_ADD_TC(tp, error_not_reported);
	ATF_TP_ADD_TC(tp, without_oob_bit);
	ATF_TP_ADD_TC(tp, clear);
	ATF_TP_ADD_TC(tp, clear_second_mark);
	ATF_TP_ADD_TC(tp, clear_normal_data);
	ATF_TP_ADD_TC(tp, hangup_leaves_silence);
	ATF_TP_ADD_TC(tp, lowat_ignored);
	ATF_TP_ADD_TC(tp, closed_unseen);
	return (atf_no_error());
}
