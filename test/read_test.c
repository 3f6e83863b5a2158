/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_READ on everything but regular files and directories.
 */
#include "sock_test.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include <linux/net_tstamp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <mqueue.h>
#include <netinet/ip_icmp.h>
#include <pthread.h>
#include <signal.h>

#define	R	EVFILT_READ
#define	W	EVFILT_WRITE
#define	DEAD	(EV_EOF | EV_NODATA | EV_HUP)

/* What is there is counted, again and again, until it is read. */
static void
read_counts(enum pair kind)
{
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 5);
	KQ_EXPECT(kq, sv[0], R, .flags = 0, .fflags = 0, .data = 5);
	KQ_EXPECT(kq, sv[0], R, .flags = 0, .fflags = 0, .data = 5);
	KQ_POLL_READABLE(kq);
	if (kind != P_SEQPACKET) {
		sock_write(sv[1], 3);
		sock_await(sv[0], 8);
		KQ_EXPECT(kq, sv[0], R, .flags = 0, .data = 8);
		sock_read(sv[0], 6);
		KQ_EXPECT(kq, sv[0], R, .flags = 0, .data = 2);
		sock_read(sv[0], 2);
	} else
		sock_read(sv[0], 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(sv);
}

KQ_TC(tcp_counts_bytes, "READ-1: data counts what a TCP socket holds")
{
	read_counts(P_TCP);
}

KQ_TC(tcp6_counts_bytes, "READ-1: data counts what a TCP/IPv6 socket holds")
{
	read_counts(P_TCP6);
}

KQ_TC(unix_counts_bytes, "READ-1: data counts what an AF_UNIX stream holds")
{
	read_counts(P_UNIX);
}

KQ_TC(seqpacket_is_ready, "READ-1: an AF_UNIX seqpacket socket is ready")
{
	read_counts(P_SEQPACKET);
}

KQ_TC(data_before_add, "READ-1: data that is there already is reported")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	sock_write(sv[1], 5);
	sock_await(sv[0], 5);
	KQ_CHANGE(kq, sv[0], R, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT_NOW(kq, sv[0], R, .flags = EV_CLEAR, .data = 5);
	KQ_EXPECT_NOTHING(kq);
	pair_close(sv);
}

/* SO_RCVLOWAT holds data back, in both directions of time. */
static void
read_rcvlowat(enum pair kind, unsigned mode)
{
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	sock_setoption(sv[0], SO_RCVLOWAT, 10);
	KQ_CHANGE(kq, sv[0], R, EV_ADD | mode, 0, 0);
	sock_write(sv[1], 5);
	sock_await(sv[0], 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	sock_write(sv[1], 5);
	sock_await(sv[0], 10);
	KQ_EXPECT(kq, sv[0], R, .flags = mode, .data = 10);
	sock_read(sv[0], 1);
	KQ_EXPECT_NOTHING(kq);
	ATF_CHECK_EQ(10, sock_option(sv[0], SO_RCVLOWAT));
	pair_close(sv);
}

KQ_TC(tcp_rcvlowat, "READ-1: TCP is ready from SO_RCVLOWAT bytes on")
{
	read_rcvlowat(P_TCP, 0);
}

KQ_TC(unix_rcvlowat, "READ-1: AF_UNIX is ready from SO_RCVLOWAT bytes on")
{
	read_rcvlowat(P_UNIX, 0);
}

KQ_TC(tcp_rcvlowat_clear, "READ-1: SO_RCVLOWAT on TCP with EV_CLEAR")
{
	read_rcvlowat(P_TCP, EV_CLEAR);
}

KQ_TC(unix_rcvlowat_clear, "READ-1: SO_RCVLOWAT on AF_UNIX with EV_CLEAR")
{
	read_rcvlowat(P_UNIX, EV_CLEAR);
}

/* The option is looked at when the event is made, not when it was added. */
static void
read_rcvlowat_later(enum pair kind)
{
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_write(sv[1], 5);
	KQ_EXPECT(kq, sv[0], R, .data = 5);
	sock_setoption(sv[0], SO_RCVLOWAT, 10);
	KQ_EXPECT_NOTHING(kq);
	sock_setoption(sv[0], SO_RCVLOWAT, 1);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	KQ_EXPECT(kq, sv[0], R, .data = 5);
	pair_close(sv);
}

KQ_TC(tcp_rcvlowat_later, "READ-1: SO_RCVLOWAT set later counts, TCP")
{
	read_rcvlowat_later(P_TCP);
}

KQ_TC(unix_rcvlowat_later, "READ-1: SO_RCVLOWAT set later counts, AF_UNIX")
{
	read_rcvlowat_later(P_UNIX);
}

static void
read_rcvlowat_eof(enum pair kind)
{
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	sock_setoption(sv[0], SO_RCVLOWAT, 10);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_write(sv[1], 5);
	sock_await(sv[0], 5);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF, .data = 5);
	pair_close(sv);
}

KQ_TC(tcp_rcvlowat_eof, "READ-4: EOF is ready below SO_RCVLOWAT, TCP")
{
	read_rcvlowat_eof(P_TCP);
}

KQ_TC(unix_rcvlowat_eof, "READ-4: EOF is ready below SO_RCVLOWAT, AF_UNIX")
{
	read_rcvlowat_eof(P_UNIX);
}

KQ_TC(rcvlowat_untouched, "READ-8: the library never sets SO_RCVLOWAT")
{
	int kq = KQ_OPEN(), sv[2], kind;

	for (kind = P_TCP; kind <= P_UNIX; kind += P_UNIX - P_TCP) {
		pair_open((enum pair)kind, sv);
		KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 100);
		KQ_EXPECT_NOTHING(kq);
		ATF_CHECK_EQ(1, sock_option(sv[0], SO_RCVLOWAT));
		sock_setoption(sv[0], SO_RCVLOWAT, 7);
		KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 50);
		sock_write(sv[1], 60);
		KQ_EXPECT(kq, sv[0], R, .data = 60);
		KQ_CHANGE(kq, sv[0], R, EV_DELETE, 0, 0);
		ATF_CHECK_EQ(7, sock_option(sv[0], SO_RCVLOWAT));
		pair_close(sv);
	}
}

KQ_TC(idle_is_silent, "READ-2: nothing to read on a connection: not ready")
{
	int kq = KQ_OPEN(), sv[2], kind;

	for (kind = P_TCP; kind <= P_SEQPACKET; kind++) {
		if (kind == P_TCP6)
			continue;
		pair_open((enum pair)kind, sv);
		KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
		KQ_CHANGE(kq, sv[1], R, EV_ADD | EV_CLEAR, 0, 0);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		pair_close(sv);
	}
}

/* A socket that was never connected says nothing, then works when it is. */
static void
read_fresh(enum listener kind, unsigned mode)
{
	struct sockaddr_storage ss;
	struct timespec ts = { 0, 50000000 };
	struct kevent kev;
	int64_t start;
	socklen_t len;
	int fd, kq, ls, peer;

	kq = KQ_OPEN();
	ls = listener_open(kind, 4, &ss, &len);
	fd = socket(listener_af(kind), listener_type(kind), 0);
	ATF_REQUIRE(fd != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD | mode, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	start = kq_test_now();
	ATF_CHECK_EQ(0, kevent(kq, NULL, 0, &kev, 1, &ts));
	ATF_CHECK(kq_test_now() - start >= 50000000);
	KQ_POLL_SILENT(kq);

	ATF_REQUIRE_EQ(0, connect(fd, (struct sockaddr *)&ss, len));
	ATF_REQUIRE((peer = accept(ls, NULL, NULL)) != -1);
	KQ_EXPECT_NOTHING(kq);
	sock_write(peer, 5);
	KQ_EXPECT(kq, fd, R, .flags = mode, .fflags = 0, .data = 5);
	sock_read(fd, 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	sock_write(peer, 6);
	KQ_EXPECT(kq, fd, R, .flags = mode, .data = 6);
	ATF_REQUIRE_EQ(0, shutdown(peer, SHUT_WR));
	sock_poll(fd, POLLRDHUP);
	KQ_EXPECT(kq, fd, R, .flags = mode | EV_EOF, .data = 6);
	(void)close(peer);
	(void)close(fd);
	(void)close(ls);
}

KQ_TC(tcp_fresh, "READ-3: a TCP socket before connect(2) is not ready")
{
	read_fresh(L_TCP, 0);
}

KQ_TC(tcp_fresh_clear, "READ-3: the same with EV_CLEAR")
{
	read_fresh(L_TCP, EV_CLEAR);
}

KQ_TC(unix_fresh, "READ-3: an AF_UNIX stream before connect(2) is not ready")
{
	read_fresh(L_UNIX, 0);
}

KQ_TC(unix_fresh_clear, "READ-3: the same with EV_CLEAR")
{
	read_fresh(L_UNIX, EV_CLEAR);
}

KQ_TC(seqpacket_fresh, "READ-3: a seqpacket socket before connect(2)")
{
	read_fresh(L_SEQPACKET, 0);
}

KQ_TC(fresh_reenabled, "READ-3: disabled and enabled again, still not ready")
{
	int kq = KQ_OPEN(), fd;

	ATF_REQUIRE((fd = socket(AF_INET, SOCK_STREAM, 0)) != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_CHANGE(kq, fd, W, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, fd, R, EV_DISABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, fd, R, EV_ENABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(fd);
}

/* The peer's half close: EOF at once, the data with it, NODATA after it. */
static void
read_halfclose(enum pair kind)
{
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_write(sv[1], 5);
	ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
	sock_poll(sv[0], POLLRDHUP);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF, .fflags = 0, .data = 5);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF, .fflags = 0, .data = 5);
	sock_read(sv[0], 5);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_NODATA, .fflags = 0,
	    .data = 0);
	sock_write(sv[0], 1);		/* the other direction works */
	sock_poll(sv[1], POLLIN);
	pair_close(sv);
}

KQ_TC(tcp_halfclose, "READ-4, READ-5: the peer shut down writing, TCP")
{
	read_halfclose(P_TCP);
}

KQ_TC(tcp6_halfclose, "READ-4, READ-5: the peer shut down writing, IPv6")
{
	read_halfclose(P_TCP6);
}

KQ_TC(unix_halfclose, "READ-14: the peer shut down writing: no EV_HUP")
{
	read_halfclose(P_UNIX);
}

KQ_TC(shut_rd, "READ-4: the own SHUT_RD is EOF")
{
	int kq = KQ_OPEN(), sv[2], kind;

	for (kind = P_TCP; kind <= P_UNIX; kind += P_UNIX - P_TCP) {
		pair_open((enum pair)kind, sv);
		KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
		KQ_EXPECT_NOTHING(kq);
		ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_RD));
		KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_NODATA,
		    .fflags = 0, .data = 0);
		KQ_CHANGE(kq, sv[0], R, EV_DELETE, 0, 0);
		KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
		KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_NODATA);
		pair_close(sv);
	}
}

KQ_TC(eof_before_add, "READ-4: an EOF that is there already is reported")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
	sock_poll(sv[0], POLLRDHUP);
	KQ_CHANGE(kq, sv[0], R, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_ONESHOT | EV_EOF | EV_NODATA,
	    .fflags = 0, .data = 0);
	KQ_EXPECT_NOTHING(kq);
	pair_close(sv);
}

KQ_TC(nodata_only_when_empty, "READ-5: no EV_NODATA while a byte is left")
{
	int kq = KQ_OPEN(), sv[2], i;

	tcp_pair(sv);
	sock_write(sv[1], 5);
	ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
	sock_poll(sv[0], POLLRDHUP);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	for (i = 5; i > 0; i--) {
		KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF, .data = i);
		sock_read(sv[0], 1);
	}
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_NODATA, .data = 0);
	pair_close(sv);
}

KQ_TC(eof_flags_sticky, "READ-5, SCAN-8: EV_CLEAR does not take EV_EOF away")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD | EV_CLEAR, 0, 0);
	ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
	KQ_EXPECT(kq, sv[0], R, .flags = EV_CLEAR | EV_EOF | EV_NODATA);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_CLEAR | EV_EOF | EV_NODATA);
	KQ_EXPECT_NOTHING(kq);
	pair_close(sv);
}

KQ_TC(tcp_peer_closed, "READ-6: a TCP peer that closed: no EV_HUP")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_write(sv[1], 5);
	ATF_REQUIRE_EQ(0, close(sv[1]));
	sock_poll(sv[0], POLLRDHUP);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF, .fflags = 0, .data = 5);
	sock_read(sv[0], 5);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_NODATA, .fflags = 0,
	    .data = 0);
	(void)close(sv[0]);
}

/* Both directions are shut, in either order. */
static void
read_both_shut(enum pair kind, bool own_first)
{
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	if (own_first) {
		ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_WR));
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
	} else {
		ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
		KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_NODATA);
		ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_WR));
		/* poll(2) adds the bit when both are known. */
		sock_poll(sv[0], POLLHUP);
	}
	KQ_EXPECT(kq, sv[0], R, .flags = DEAD, .fflags = 0, .data = 0);
	pair_close(sv);
}

KQ_TC(tcp_both_shut_own_first, "READ-6: both directions shut: EV_HUP, TCP")
{
	read_both_shut(P_TCP, true);
}

KQ_TC(tcp_both_shut_peer_first, "READ-6: the same, the peer first")
{
	read_both_shut(P_TCP, false);
}

KQ_TC(unix_both_shut_own_first, "READ-6: both directions shut, AF_UNIX")
{
	read_both_shut(P_UNIX, true);
}

KQ_TC(unix_both_shut_peer_first, "READ-6: the same, the peer first")
{
	read_both_shut(P_UNIX, false);
}

KQ_TC(udp_error, "READ-7, READ-19: an ICMP error is ready, and no EOF")
{
	int kq = KQ_OPEN(), fd;

	fd = udp_nowhere();
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_write(fd, 5);
	KQ_EXPECT(kq, fd, R, .flags = 0, .fflags = 0);
	KQ_EXPECT(kq, fd, R, .flags = 0, .fflags = 0);
	ATF_CHECK_EQ(ECONNREFUSED, sock_error(fd));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(fd);
}

KQ_TC(tcp_error_queue, "READ-7, WRITE-6: an error without EOF, on a stream")
{
	int flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	char buf[512], control[512];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control, .msg_controllen = sizeof(control) };
	int kq = KQ_OPEN(), kqw = KQ_OPEN(), sv[2];

	pair_open(P_TCP, sv);
	/* A time stamp in the error queue counts as an error to poll(). */
	if (setsockopt(sv[0], SOL_SOCKET, SO_TIMESTAMPING, &flags,
	    sizeof(flags)) == -1)
		atf_tc_skip("SO_TIMESTAMPING: %s", strerror(errno));
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[0], 3);
	sock_await(sv[1], 3);
	sock_poll(sv[0], POLLERR);
	KQ_EXPECT(kq, sv[0], R, .flags = 0, .fflags = 0, .data = 0);
	KQ_CHANGE(kqw, sv[0], W, EV_ADD, 0, 0);
	KQ_EXPECT(kqw, sv[0], W, .flags = 0, .fflags = 0);
	ATF_REQUIRE(recvmsg(sv[0], &mh, MSG_ERRQUEUE) != -1);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_EXPECT(kqw, sv[0], W, .flags = 0, .fflags = 0);
	pair_close(sv);
}

KQ_TC(udp_error_by_read, "READ-19: the error goes away with any socket call")
{
	int kq = KQ_OPEN(), fd;
	char c;

	fd = udp_nowhere();
	KQ_CHANGE(kq, fd, R, EV_ADD | EV_CLEAR, 0, 0);
	sock_write(fd, 5);
	KQ_EXPECT(kq, fd, R, .flags = EV_CLEAR, .fflags = 0);
	ATF_CHECK_EQ(-1, recv(fd, &c, 1, MSG_DONTWAIT));
	ATF_CHECK_EQ(ECONNREFUSED, errno);
	KQ_EXPECT_NOTHING(kq);
	sock_write(fd, 5);
	KQ_EXPECT(kq, fd, R, .flags = EV_CLEAR, .fflags = 0);
	(void)close(fd);
}

/* NOTE_LOWAT holds data back and is honest about the count. */
static void
read_lowat(enum pair kind, unsigned mode)
{
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD | mode, NOTE_LOWAT, 10);
	sock_write(sv[1], 9);
	sock_await(sv[0], 9);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	sock_write(sv[1], 1);
	KQ_EXPECT(kq, sv[0], R, .flags = mode, .fflags = 0, .data = 10);
	if (mode & EV_CLEAR)
		KQ_EXPECT_NOTHING(kq);
	else
		KQ_EXPECT(kq, sv[0], R, .flags = mode, .data = 10);
	sock_write(sv[1], 1);
	sock_await(sv[0], 11);
	KQ_EXPECT(kq, sv[0], R, .flags = mode, .data = 11);
	sock_read(sv[0], 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	sock_write(sv[1], 3);
	sock_await(sv[0], 9);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 20);
	sock_await(sv[0], 29);
	KQ_EXPECT(kq, sv[0], R, .flags = mode, .data = 29);
	pair_close(sv);
}

KQ_TC(tcp_lowat, "READ-8: NOTE_LOWAT holds data back, TCP")
{
	read_lowat(P_TCP, 0);
}

KQ_TC(tcp_lowat_clear, "READ-8: the same with EV_CLEAR")
{
	read_lowat(P_TCP, EV_CLEAR);
}

KQ_TC(unix_lowat, "READ-8: NOTE_LOWAT holds data back, AF_UNIX")
{
	read_lowat(P_UNIX, 0);
}

KQ_TC(unix_lowat_clear, "READ-8: the same with EV_CLEAR")
{
	read_lowat(P_UNIX, EV_CLEAR);
}

KQ_TC(lowat_oneshot, "READ-8: NOTE_LOWAT with EV_ONESHOT and EV_DISPATCH")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD | EV_ONESHOT, NOTE_LOWAT, 10);
	sock_write(sv[1], 9);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 1);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_ONESHOT, .data = 10);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE_ERROR(kq, ENOENT, sv[0], R, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, sv[0], R, EV_ADD | EV_DISPATCH, NOTE_LOWAT, 12);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 2);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_DISPATCH, .data = 12);
	sock_write(sv[1], 2);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, sv[0], R, EV_ENABLE, NOTE_LOWAT, 15);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 1);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_DISPATCH, .data = 15);
	pair_close(sv);
}

KQ_TC(lowat_instead_of_rcvlowat, "READ-8: a smaller mark beats SO_RCVLOWAT")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	sock_setoption(sv[0], SO_RCVLOWAT, 10);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 3);
	sock_write(sv[1], 2);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 1);
	KQ_EXPECT(kq, sv[0], R, .data = 3);
	KQ_EXPECT(kq, sv[0], R, .data = 3);
	pair_close(sv);
}

KQ_TC(lowat_below_rcvlowat_at_add, "READ-8: the same on TCP, data before add")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	sock_setoption(sv[0], SO_RCVLOWAT, 10);
	sock_write(sv[1], 3);
	sock_await(sv[0], 3);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 3);
	KQ_EXPECT(kq, sv[0], R, .data = 3);
	pair_close(sv);
}

KQ_TC(lowat_below_rcvlowat_wakes, "READ-8: the same on TCP, data after add")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	sock_setoption(sv[0], SO_RCVLOWAT, 10);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 3);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 3);
	sock_await(sv[0], 3);
	atf_tc_expect_fail("TCP wakes nobody below SO_RCVLOWAT");
	KQ_EXPECT_NOW(kq, sv[0], R, .data = 3);
	pair_close(sv);
}

KQ_TC(lowat_zero, "READ-8: a mark of 0 or less is always ready")
{
	int kq = KQ_OPEN(), sv[2], kind;

	for (kind = P_TCP; kind <= P_UNIX; kind += P_UNIX - P_TCP) {
		pair_open((enum pair)kind, sv);
		KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 0);
		KQ_EXPECT(kq, sv[0], R, .flags = 0, .fflags = 0, .data = 0);
		KQ_EXPECT(kq, sv[0], R, .flags = 0, .data = 0);
		KQ_POLL_READABLE(kq);
		KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, -1);
		KQ_EXPECT(kq, sv[0], R, .flags = 0, .data = 0);
		sock_write(sv[1], 4);
		sock_await(sv[0], 4);
		KQ_EXPECT(kq, sv[0], R, .flags = 0, .data = 4);
		KQ_CHANGE(kq, sv[0], R, EV_DELETE, 0, 0);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		pair_close(sv);
	}
}

KQ_TC(lowat_zero_disabled, "READ-8, REG-24: always ready, unless disabled")
{
	int kq = KQ_OPEN(), sv[2];

	pair_open(P_TCP, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 0);
	KQ_EXPECT(kq, sv[0], R, .flags = 0, .data = 0);
	KQ_CHANGE(kq, sv[0], R, EV_DISABLE, NOTE_LOWAT, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, sv[0], R, EV_ENABLE, NOTE_LOWAT, 0);
	KQ_EXPECT(kq, sv[0], R, .flags = 0, .data = 0);
	/* A mark that is none any more. */
	KQ_CHANGE(kq, sv[0], R, EV_ENABLE, NOTE_LOWAT, 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(sv);
}

KQ_TC(lowat_zero_dgram, "READ-8: a mark of 0 on a datagram socket")
{
	int kq = KQ_OPEN(), sv[2];

	udp_pair(AF_INET, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 0);
	KQ_EXPECT(kq, sv[0], R, .flags = 0, .fflags = 0, .data = 0);
	ATF_REQUIRE_EQ(5, send(sv[1], "abcde", 5, 0));
	sock_poll(sv[0], POLLIN);
	KQ_EXPECT(kq, sv[0], R, .flags = 0, .data = 5);
	sock_read(sv[0], 5);
	KQ_EXPECT(kq, sv[0], R, .flags = 0, .data = 0);
	pair_close(sv);
}

KQ_TC(lowat_listener, "READ-8, READ-20: a listening socket has no mark")
{
	static const enum listener kinds[] = { L_TCP, L_UNIX };
	static const int marks[] = { 0, 5 };
	struct sockaddr_storage ss;
	socklen_t len;
	int c, i, kq = KQ_OPEN(), ls;

	for (i = 0; i < 4; i++) {
		ls = listener_open(kinds[i / 2], 8, &ss, &len);
		KQ_CHANGE(kq, ls, R, EV_ADD, NOTE_LOWAT, marks[i % 2]);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		c = listener_client(kinds[i / 2], ls, &ss, len, 1);
		KQ_EXPECT(kq, ls, R, .flags = 0, .fflags = 0, .data = 1);
		KQ_EXPECT(kq, ls, R, .flags = 0, .data = 1);
		(void)close(c);
		(void)close(ls);
		if (ss.ss_family == AF_UNIX)
			ATF_REQUIRE_EQ(0, unlink(
			    ((struct sockaddr_un *)&ss)->sun_path));
	}
}

/* Beyond what the buffer can hold: only EOF ends the wait. */
static void
read_lowat_huge(enum pair kind)
{
	size_t total;
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, INT_MAX);
	total = sock_fill(sv[1]);
	ATF_REQUIRE(total > 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_RDWR));
	/* TCP holds its FIN back until the data before it has found room. */
	if (kind == P_UNIX)
		KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_HUP,
		    .data = (intptr_t)total);
	pair_close(sv);
}

KQ_TC(tcp_lowat_huge, "READ-8: a mark beyond the buffer is never met, TCP")
{
	read_lowat_huge(P_TCP);
}

KQ_TC(unix_lowat_huge, "READ-8: the same, AF_UNIX, until EOF")
{
	read_lowat_huge(P_UNIX);
}

KQ_TC(lowat_eof, "READ-8: EOF overrides NOTE_LOWAT")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 100);
	sock_write(sv[1], 5);
	sock_await(sv[0], 5);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF, .data = 5);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF, .data = 5);
	pair_close(sv);
}

KQ_TC(lowat_error, "READ-8: an error overrides NOTE_LOWAT")
{
	int kq = KQ_OPEN(), fd;

	fd = udp_nowhere();
	KQ_CHANGE(kq, fd, R, EV_ADD, NOTE_LOWAT, 100);
	KQ_EXPECT_NOTHING(kq);
	sock_write(fd, 5);
	KQ_EXPECT(kq, fd, R, .flags = 0, .fflags = 0);
	(void)close(fd);
}

KQ_TC(lowat_changed, "READ-8: a later EV_ADD changes the mark")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 10);
	sock_write(sv[1], 5);
	sock_await(sv[0], 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 5);
	KQ_EXPECT(kq, sv[0], R, .data = 5);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 6);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(sv);
}

KQ_TC(lowat_dropped, "READ-8, REG-16: a change without NOTE_LOWAT drops it")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 10);
	sock_write(sv[1], 5);
	sock_await(sv[0], 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, sv[0], R, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, sv[0], R, .data = 5);
	KQ_EXPECT(kq, sv[0], R, .data = 5);
	pair_close(sv);
}

KQ_TC(lowat_needs_bit, "READ-8: data without NOTE_LOWAT means nothing")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 1000);
	sock_write(sv[1], 1);
	KQ_EXPECT(kq, sv[0], R, .data = 1);
	pair_close(sv);
}

KQ_TC(lowat_per_knote, "READ-8: two kqueues have a mark each")
{
	int a = KQ_OPEN(), b = KQ_OPEN(), c = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(a, sv[0], R, EV_ADD, NOTE_LOWAT, 10);
	KQ_CHANGE(b, sv[0], R, EV_ADD, NOTE_LOWAT, 5);
	KQ_CHANGE(c, sv[0], R, EV_ADD, 0, 0);
	sock_write(sv[1], 5);
	sock_await(sv[0], 5);
	KQ_EXPECT_NOTHING(a);
	KQ_EXPECT(b, sv[0], R, .data = 5);
	KQ_EXPECT(c, sv[0], R, .data = 5);
	sock_write(sv[1], 5);
	sock_await(sv[0], 10);
	KQ_EXPECT(a, sv[0], R, .data = 10);
	KQ_EXPECT(b, sv[0], R, .data = 10);
	pair_close(sv);
}

KQ_TC(eof_permanent, "READ-9: EOF is delivered by every call")
{
	int kq = KQ_OPEN(), sv[2], i;

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
	for (i = 0; i < 10; i++)
		KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_NODATA);
	KQ_CHANGE(kq, sv[0], R, EV_DISABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, sv[0], R, EV_ENABLE, 0, 0);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_NODATA);
	KQ_CHANGE(kq, sv[0], R, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(sv);
}

KQ_TC(eof_once, "READ-9: with EV_CLEAR, EV_DISPATCH, EV_ONESHOT EOF comes once")
{
	static const unsigned mode[] = { EV_CLEAR, EV_DISPATCH, EV_ONESHOT };
	int kq = KQ_OPEN(), sv[2];
	size_t i;

	for (i = 0; i < 3; i++) {
		tcp_pair(sv);
		KQ_CHANGE(kq, sv[0], R, EV_ADD | mode[i], 0, 0);
		ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
		KQ_EXPECT(kq, sv[0], R,
		    .flags = mode[i] | EV_EOF | EV_NODATA, .fflags = 0);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		pair_close(sv);
	}
}

/* A refused connect: both filters say so, and SO_ERROR is left alone. */
static void
read_refused(int af, unsigned rmode, unsigned wmode)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, kq, refusing;

	kq = KQ_OPEN();
	refusing = tcp_refusing(af, &ss, &len);
	ATF_REQUIRE((fd = socket(af, SOCK_STREAM, 0)) != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD | rmode, 0, 0);
	KQ_CHANGE(kq, fd, W, EV_ADD | wmode, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_connect_begin(fd, &ss, len);
	KQ_EXPECT_BOTH(kq, fd,
	    KQ_WANT(.flags = rmode | DEAD, .fflags = ECONNREFUSED, .data = 0),
	    KQ_WANT(.flags = wmode | DEAD, .fflags = ECONNREFUSED));
	if (rmode != 0 && wmode != 0) {
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
	} else if (rmode != 0)
		KQ_EXPECT(kq, fd, W, .fflags = ECONNREFUSED);
	else if (wmode != 0)
		KQ_EXPECT(kq, fd, R, .fflags = ECONNREFUSED);
	ATF_CHECK_EQ(ECONNREFUSED, sock_error(fd));
	(void)close(fd);
	(void)close(refusing);
}

KQ_TC(refused, "READ-10: a refused connect")
{
	read_refused(AF_INET, 0, 0);
}

KQ_TC(refused6, "READ-10: a refused connect, IPv6")
{
	read_refused(AF_INET6, 0, 0);
}

KQ_TC(refused_clear, "READ-10: a refused connect with EV_CLEAR")
{
	read_refused(AF_INET, EV_CLEAR, EV_CLEAR);
}

KQ_TC(refused_level_oneshot, "READ-10: READ level, WRITE EV_ONESHOT")
{
	read_refused(AF_INET, 0, EV_ONESHOT);
}

KQ_TC(refused_dispatch_level, "READ-10: READ EV_DISPATCH, WRITE level")
{
	read_refused(AF_INET, EV_DISPATCH, 0);
}

KQ_TC(refused_before_add, "READ-10: a connect that had failed before EV_ADD")
{
	struct sockaddr_storage ss;
	socklen_t len;
	int kq = KQ_OPEN(), fd, refusing;

	refusing = tcp_refusing(AF_INET, &ss, &len);
	ATF_REQUIRE((fd = socket(AF_INET, SOCK_STREAM, 0)) != -1);
	sock_connect_begin(fd, &ss, len);
	sock_poll(fd, POLLERR);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_EXPECT(kq, fd, R, .flags = DEAD, .fflags = ECONNREFUSED, .data = 0);
	ATF_CHECK_EQ(ECONNREFUSED, sock_error(fd));
	(void)close(fd);
	(void)close(refusing);
}

KQ_TC(error_not_consumed, "READ-4: reporting an error does not take it")
{
	int kq = KQ_OPEN(), sv[2], i;

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_reset(sv[1]);
	for (i = 0; i < 5; i++)
		KQ_EXPECT(kq, sv[0], R, .flags = DEAD, .fflags = ECONNRESET);
	ATF_CHECK_EQ(ECONNRESET, sock_error(sv[0]));
	(void)close(sv[0]);
}

KQ_TC(error_taken, "READ-4: fflags is 0 once the program took the error")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_reset(sv[1]);
	KQ_EXPECT(kq, sv[0], R, .flags = DEAD, .fflags = ECONNRESET);
	ATF_CHECK_EQ(ECONNRESET, sock_error(sv[0]));
	KQ_EXPECT(kq, sv[0], R, .flags = DEAD, .fflags = 0);
	(void)close(sv[0]);
}

KQ_TC(error_left_to_read, "READ-4: read(2) gets the error that was reported")
{
	int kq = KQ_OPEN(), sv[2];
	char c;

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD | EV_CLEAR, 0, 0);
	sock_reset(sv[1]);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_CLEAR | DEAD,
	    .fflags = ECONNRESET);
	ATF_CHECK_EQ(-1, read(sv[0], &c, 1));
	ATF_CHECK_EQ(ECONNRESET, errno);
	(void)close(sv[0]);
}

KQ_TC(reset, "READ-11: reset by the peer, both filters")
{
	int kq = KQ_OPEN(), sv[2], side;

	/* Whoever called connect(2) makes no difference. */
	for (side = 0; side < 2; side++) {
		tcp_pair(sv);
		KQ_CHANGE(kq, sv[side], R, EV_ADD, 0, 0);
		KQ_EXPECT_NOTHING(kq);
		KQ_CHANGE(kq, sv[side], W, EV_ADD | EV_CLEAR, 0, 0);
		KQ_EXPECT(kq, sv[side], W, .flags = EV_CLEAR);
		sock_reset(sv[1 - side]);
		KQ_EXPECT_BOTH(kq, sv[side],
		    KQ_WANT(.flags = DEAD, .fflags = ECONNRESET, .data = 0),
		    KQ_WANT(.flags = EV_CLEAR | DEAD, .fflags = ECONNRESET));
		ATF_CHECK_EQ(ECONNRESET, sock_error(sv[side]));
		ATF_REQUIRE_EQ(0, close(sv[side]));
	}
}

KQ_TC(reset_after_traffic, "READ-11: reset after data went both ways")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	sock_write(sv[0], 10);
	sock_read(sv[1], 10);
	sock_write(sv[1], 10);
	sock_read(sv[0], 10);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_reset(sv[1]);
	KQ_EXPECT(kq, sv[0], R, .flags = DEAD, .fflags = ECONNRESET,
	    .data = 0);
	ATF_CHECK_EQ(ECONNRESET, sock_error(sv[0]));
	(void)close(sv[0]);
}

KQ_TC(reset_by_unread, "READ-11: a peer that closes with data unread resets")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_write(sv[0], 10);
	sock_await(sv[1], 10);
	ATF_REQUIRE_EQ(0, close(sv[1]));
	KQ_EXPECT(kq, sv[0], R, .flags = DEAD, .fflags = ECONNRESET);
	ATF_CHECK_EQ(ECONNRESET, sock_error(sv[0]));
	(void)close(sv[0]);
}

KQ_TC(reset_keeps_data, "READ-11: what came before the reset stays in data")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_write(sv[1], 5);
	sock_await(sv[0], 5);
	sock_reset(sv[1]);
	sock_poll(sv[0], POLLERR);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_HUP,
	    .fflags = ECONNRESET, .data = 5);
	sock_read(sv[0], 5);
	KQ_EXPECT(kq, sv[0], R, .flags = DEAD, .fflags = ECONNRESET,
	    .data = 0);
	ATF_CHECK_EQ(ECONNRESET, sock_error(sv[0]));
	(void)close(sv[0]);
}

/* EV_CLEAR: an event per arrival, none for reading. */
static void
read_clear(enum pair kind)
{
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD | EV_CLEAR, 0, 0);
	sock_write(sv[1], 5);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_CLEAR, .fflags = 0, .data = 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	sock_read(sv[0], 2);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	sock_write(sv[1], 4);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_CLEAR, .data = 7);
	KQ_EXPECT_NOTHING(kq);
	sock_read(sv[0], 7);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
	KQ_EXPECT(kq, sv[0], R, .flags = EV_CLEAR | EV_EOF | EV_NODATA,
	    .data = 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(sv);
}

KQ_TC(tcp_clear, "READ-12: EV_CLEAR gives an event per arrival, TCP")
{
	read_clear(P_TCP);
}

KQ_TC(unix_clear, "READ-12: EV_CLEAR gives an event per arrival, AF_UNIX")
{
	read_clear(P_UNIX);
}

KQ_TC(clear_gone_before_look, "SCAN-4: EV_CLEAR, read before it was collected")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD | EV_CLEAR, 0, 0);
	sock_write(sv[1], 5);
	sock_read(sv[0], 5);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 3);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_CLEAR, .data = 3);
	pair_close(sv);
}

KQ_TC(unix_peer_closed, "READ-13: an AF_UNIX peer that closed: EV_HUP")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_write(sv[1], 5);
	ATF_REQUIRE_EQ(0, close(sv[1]));
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_HUP, .fflags = 0,
	    .data = 5);
	sock_read(sv[0], 5);
	KQ_EXPECT(kq, sv[0], R, .flags = DEAD, .fflags = 0, .data = 0);
	(void)close(sv[0]);
}

KQ_TC(seqpacket_peer_closed, "READ-13: the same on a seqpacket socket")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_SEQPACKET, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD | EV_CLEAR, 0, 0);
	ATF_REQUIRE_EQ(0, close(sv[1]));
	KQ_EXPECT(kq, sv[0], R, .flags = EV_CLEAR | DEAD, .fflags = 0,
	    .data = 0);
	KQ_EXPECT_NOTHING(kq);
	(void)close(sv[0]);
}

KQ_TC(unix_peer_left_unread, "READ-13: a peer gone with data unread is an error")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	KQ_CHANGE(kq, sv[0], W, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_EXPECT(kq, sv[0], W, .flags = EV_ONESHOT);
	sock_write(sv[0], 5);
	ATF_REQUIRE_EQ(0, close(sv[1]));
	KQ_EXPECT(kq, sv[0], R, .flags = DEAD, .fflags = ECONNRESET,
	    .data = 0);
	KQ_CHANGE(kq, sv[0], R, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	KQ_EXPECT(kq, sv[0], W, .flags = DEAD, .fflags = ECONNRESET);
	ATF_CHECK_EQ(ECONNRESET, sock_error(sv[0]));
	(void)close(sv[0]);
}

KQ_TC(oob_bit_ignored, "READ-15: NOTE_OOB on a READ knote is ignored")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_OOB, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 5);
	KQ_EXPECT(kq, sv[0], R, .flags = 0, .fflags = 0, .data = 5);
	pair_close(sv);
}

KQ_TC(udp_ready, "READ-16: data covers at least the first datagram, UDP")
{
	int kq = KQ_OPEN(), sv[2];
	struct kevent kev[2];

	udp_pair(AF_INET, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 10);
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, 2));
	KQ_MATCH(&kev[0], sv[0], R, .flags = 0, .fflags = 0);
	ATF_CHECK(kev[0].data >= 10);
	sock_read(sv[0], 10);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(sv);
}

KQ_TC(unix_dgram_ready, "READ-16: the same, AF_UNIX")
{
	int kq = KQ_OPEN(), sv[2];
	struct kevent kev[2];

	unix_pair(SOCK_DGRAM, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_write(sv[1], 10);
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, 2));
	KQ_MATCH(&kev[0], sv[0], R, .flags = 0, .fflags = 0);
	ATF_CHECK(kev[0].data >= 10);
	sock_read(sv[0], 10);
	KQ_EXPECT_NOTHING(kq);
	pair_close(sv);
}

KQ_TC(udp_counts_all, "READ-16: data counts all datagrams")
{
	int kq = KQ_OPEN(), sv[2];
	struct kevent kev[2];

	udp_pair(AF_INET, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_write(sv[1], 10);
	sock_write(sv[1], 20);
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, 2));
	atf_tc_expect_fail("the kernel tells the first datagram's size only");
	ATF_CHECK_MSG(kev[0].data >= 30, "data %jd", (intmax_t)kev[0].data);
	pair_close(sv);
}

KQ_TC(udp_counts_address, "READ-16: data counts the sender's address")
{
	int kq = KQ_OPEN(), sv[2];
	struct kevent kev[2];

	udp_pair(AF_INET, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_write(sv[1], 10);
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, 2));
	atf_tc_expect_fail("the kernel counts the payload only");
	ATF_CHECK_MSG(kev[0].data >= 10 + 16, "data %jd",
	    (intmax_t)kev[0].data);
	pair_close(sv);
}

/* A datagram without bytes is there all the same. */
static void
read_empty_datagram(int sv[2], unsigned mode)
{
	int kq;
	char c;

	kq = KQ_OPEN();
	KQ_CHANGE(kq, sv[0], R, EV_ADD | mode, 0, 0);
	ATF_REQUIRE_EQ(0, send(sv[1], "", 0, 0));
	KQ_EXPECT(kq, sv[0], R, .flags = mode, .fflags = 0);
	if (mode & EV_CLEAR)
		KQ_EXPECT_NOTHING(kq);
	else
		KQ_EXPECT(kq, sv[0], R, .flags = mode, .fflags = 0);
	ATF_REQUIRE_EQ(0, recv(sv[0], &c, 1, MSG_DONTWAIT));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(sv);
}

KQ_TC(udp_empty_datagram, "READ-17: a zero-length datagram is ready, UDP")
{
	int sv[2];

	udp_pair(AF_INET, sv);
	read_empty_datagram(sv, 0);
}

KQ_TC(udp_empty_datagram_clear, "READ-17: the same with EV_CLEAR")
{
	int sv[2];

	udp_pair(AF_INET, sv);
	read_empty_datagram(sv, EV_CLEAR);
}

KQ_TC(udp6_empty_datagram, "READ-17: a zero-length datagram, UDP/IPv6")
{
	int sv[2];

	udp_pair(AF_INET6, sv);
	read_empty_datagram(sv, 0);
}

KQ_TC(unix_empty_datagram, "READ-17: a zero-length datagram, AF_UNIX")
{
	int sv[2];

	unix_pair(SOCK_DGRAM, sv);
	read_empty_datagram(sv, 0);
}

KQ_TC(empty_datagram_size, "READ-17: data counts the empty one's address")
{
	int kq = KQ_OPEN(), sv[2];
	struct kevent kev[2];

	udp_pair(AF_INET, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, send(sv[1], "", 0, 0));
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, 2));
	atf_tc_expect_fail("the kernel counts the payload only");
	ATF_CHECK_MSG(kev[0].data >= 16, "data %jd", (intmax_t)kev[0].data);
	pair_close(sv);
}

KQ_TC(udp_unconnected, "READ-18: an unconnected datagram socket")
{
	struct sockaddr_storage ss;
	socklen_t len;
	int kq = KQ_OPEN(), fd, from;
	char buf[16];

	fd = inet_bound(AF_INET, SOCK_DGRAM, &ss, &len);
	ATF_REQUIRE((from = socket(AF_INET, SOCK_DGRAM, 0)) != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, from, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(3, sendto(from, "abc", 3, 0, (struct sockaddr *)&ss,
	    len));
	KQ_EXPECT(kq, fd, R, .flags = EV_CLEAR, .fflags = 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(4, sendto(from, "abcd", 4, 0, (struct sockaddr *)&ss,
	    len));
	KQ_EXPECT(kq, fd, R, .flags = EV_CLEAR, .fflags = 0);
	ATF_REQUIRE_EQ(3, recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	ATF_REQUIRE_EQ(4, recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	KQ_EXPECT_NOTHING(kq);
	(void)close(fd);
	(void)close(from);
}

KQ_TC(dgram_no_eof, "READ-18: a datagram peer that is gone is no EOF")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_DGRAM, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, close(sv[1]));
	KQ_EXPECT_NOTHING(kq);
	(void)close(sv[0]);
	udp_pair(AF_INET, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, close(sv[1]));
	KQ_EXPECT_NOTHING(kq);
	(void)close(sv[0]);
}

KQ_TC(dgram_shut_rd, "READ-18: the own SHUT_RD of a datagram socket is EOF")
{
	int kq = KQ_OPEN(), sv[2];

	udp_pair(AF_INET, sv);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_RD));
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_NODATA, .fflags = 0);
	pair_close(sv);
}

KQ_TC(dgram_shut_both, "READ-6, READ-18: both directions shut: EV_HUP")
{
	int kq = KQ_OPEN(), sv[2];

	udp_pair(AF_INET, sv);
	sock_write(sv[1], 4);
	sock_await(sv[0], 4);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_RDWR));
	/* Of what is there already the kernel still tells. */
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_HUP, .data = 4);
	sock_read(sv[0], 4);
	KQ_EXPECT(kq, sv[0], R, .flags = EV_EOF | EV_NODATA | EV_HUP,
	    .data = 0);
	pair_close(sv);
}

static void
read_dgram_lowat(unsigned mode)
{
	int kq = KQ_OPEN(), sv[2];

	udp_pair(AF_INET, sv);
	sock_setoption(sv[0], SO_RCVLOWAT, 10);
	KQ_CHANGE(kq, sv[0], R, EV_ADD | mode, 0, 0);
	sock_write(sv[1], 3);
	sock_await(sv[0], 3);
	KQ_EXPECT_NOTHING(kq);
	sock_read(sv[0], 3);
	sock_write(sv[1], 10);
	KQ_EXPECT(kq, sv[0], R, .flags = mode, .data = 10);
	sock_read(sv[0], 10);
	KQ_EXPECT_NOTHING(kq);
	/* NOTE_LOWAT is instead of it (READ-8). */
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 2);
	sock_write(sv[1], 1);
	sock_await(sv[0], 1);
	KQ_EXPECT_NOTHING(kq);
	sock_read(sv[0], 1);
	sock_write(sv[1], 2);
	KQ_EXPECT(kq, sv[0], R, .flags = mode, .data = 2);
	pair_close(sv);
}

KQ_TC(dgram_lowat, "READ-1, READ-8: the marks of a datagram socket")
{
	read_dgram_lowat(0);
}

KQ_TC(dgram_lowat_clear, "READ-1, READ-8: the same with EV_CLEAR")
{
	read_dgram_lowat(EV_CLEAR);
}

KQ_TC(netlink, "READ-16: a netlink socket is a datagram socket")
{
	struct {
		struct nlmsghdr n;
		struct rtgenmsg g;
	} req;
	int kq = KQ_OPEN(), fd;
	char buf[32768];

	ATF_REQUIRE((fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)) != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	memset(&req, 0, sizeof(req));
	req.n.nlmsg_len = sizeof(req);
	req.n.nlmsg_type = RTM_GETLINK;
	req.n.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	req.g.rtgen_family = AF_UNSPEC;
	ATF_REQUIRE_EQ((ssize_t)sizeof(req), send(fd, &req, sizeof(req), 0));
	KQ_EXPECT(kq, fd, R, .flags = 0, .fflags = 0);
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		continue;
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(fd);
}

KQ_TC_MD(raw_socket, "READ-16: a raw socket is a datagram socket",
    "require.user", "root")
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct icmphdr icmp = { .type = ICMP_ECHO };
	struct kevent kev[2];
	int kq = KQ_OPEN(), fd;

	fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (fd == -1)
		atf_tc_skip("raw sockets: %s", strerror(errno));
	KQ_CHANGE(kq, fd, R, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	icmp.checksum = htons(0xf7ff);		/* of this very header */
	ATF_REQUIRE_EQ((ssize_t)sizeof(icmp), sendto(fd, &icmp, sizeof(icmp),
	    0, (struct sockaddr *)&sin, sizeof(sin)));
	ATF_REQUIRE_EQ(1, KQ_COLLECT(kq, kev, 2));
	KQ_MATCH(&kev[0], fd, R, .flags = EV_ONESHOT, .fflags = 0);
	ATF_CHECK(kev[0].data >= (intptr_t)sizeof(icmp));
	(void)close(fd);
}

/* The connections that wait are counted. */
static void
read_listener(enum listener kind)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int c[3], fd, i, kq, ls;

	kq = KQ_OPEN();
	ls = listener_open(kind, 8, &ss, &len);
	KQ_CHANGE(kq, ls, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	for (i = 0; i < 3; i++) {
		c[i] = listener_client(kind, ls, &ss, len, (unsigned)i + 1);
		KQ_EXPECT(kq, ls, R, .flags = 0, .fflags = 0, .data = i + 1);
		KQ_EXPECT(kq, ls, R, .flags = 0, .fflags = 0, .data = i + 1);
	}
	for (i = 2; i >= 0; i--) {
		ATF_REQUIRE((fd = accept(ls, NULL, NULL)) != -1);
		ATF_REQUIRE_EQ(0, close(fd));
		if (i > 0)
			KQ_EXPECT(kq, ls, R, .flags = 0, .data = i);
	}
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	for (i = 0; i < 3; i++)
		(void)close(c[i]);
	(void)close(ls);
}

KQ_TC(tcp_listener, "READ-20: data counts waiting connections, TCP")
{
	read_listener(L_TCP);
}

KQ_TC(tcp6_listener, "READ-20: data counts waiting connections, IPv6")
{
	read_listener(L_TCP6);
}

KQ_TC(unix_listener, "READ-20: data counts waiting connections, AF_UNIX")
{
	read_listener(L_UNIX);
}

KQ_TC(seqpacket_listener, "READ-20: data counts waiting connections, seqpacket")
{
	read_listener(L_SEQPACKET);
}

KQ_TC(listener_count_not_capped, "READ-20: the count goes beyond 32")
{
	struct sockaddr_storage ss;
	socklen_t len;
	int kq = KQ_OPEN(), c[40], i, kind, ls;

	for (kind = L_TCP; kind <= L_UNIX; kind += L_UNIX - L_TCP) {
		ls = listener_open((enum listener)kind, 64, &ss, &len);
		for (i = 0; i < 40; i++)
			c[i] = listener_client((enum listener)kind, ls, &ss,
			    len, (unsigned)i + 1);
		KQ_CHANGE(kq, ls, R, EV_ADD | EV_ONESHOT, 0, 0);
		KQ_EXPECT(kq, ls, R, .flags = EV_ONESHOT, .data = 40);
		for (i = 0; i < 40; i++)
			(void)close(c[i]);
		(void)close(ls);
	}
}

/* EV_CLEAR on a listener: once more after each accept, but only then. */
static void
read_listener_clear(enum listener kind)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int c[4], fd, i, kq, ls;

	kq = KQ_OPEN();
	ls = listener_open(kind, 8, &ss, &len);
	for (i = 0; i < 3; i++)
		c[i] = listener_client(kind, ls, &ss, len, (unsigned)i + 1);
	KQ_CHANGE(kq, ls, R, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, ls, R, .flags = EV_CLEAR, .fflags = 0, .data = 3);
	KQ_EXPECT_NOTHING(kq);
	for (i = 2; i >= 0; i--) {
		ATF_REQUIRE((fd = accept(ls, NULL, NULL)) != -1);
		ATF_REQUIRE_EQ(0, close(fd));
		if (i > 0)
			KQ_EXPECT(kq, ls, R, .flags = EV_CLEAR, .data = i);
		KQ_EXPECT_NOTHING(kq);
	}
	KQ_POLL_SILENT(kq);
	c[3] = listener_client(kind, ls, &ss, len, 1);
	KQ_EXPECT(kq, ls, R, .flags = EV_CLEAR, .data = 1);
	KQ_EXPECT_NOTHING(kq);
	for (i = 0; i < 4; i++)
		(void)close(c[i]);
	(void)close(ls);
}

KQ_TC(tcp_listener_clear, "READ-21: accept(2) notifies again, TCP")
{
	read_listener_clear(L_TCP);
}

KQ_TC(unix_listener_clear, "READ-21: accept(2) notifies again, AF_UNIX")
{
	read_listener_clear(L_UNIX);
}

KQ_TC(listener_clear_outside, "READ-21: and shows in poll(2) of the kqueue")
{
	struct sockaddr_storage ss;
	socklen_t len;
	int c[3], fd, i, kind, kq = KQ_OPEN(), ls, ls2;

	for (kind = L_TCP; kind <= L_UNIX; kind += L_UNIX - L_TCP) {
		ls = listener_open((enum listener)kind, 8, &ss, &len);
		ATF_REQUIRE((ls2 = dup(ls)) != -1);
		for (i = 0; i < 3; i++)
			c[i] = listener_client((enum listener)kind, ls, &ss,
			    len, (unsigned)i + 1);
		KQ_CHANGE(kq, ls, R, EV_ADD | EV_CLEAR, 0, 0);
		KQ_EXPECT(kq, ls, R, .flags = EV_CLEAR, .data = 3);
		/* It is told at once, or never will be. */
		KQ_POLL_SILENT(kq);
		ATF_REQUIRE((fd = accept(ls, NULL, NULL)) != -1);
		(void)close(fd);
		ATF_REQUIRE(kq_test_readable(kq, 0));
		KQ_EXPECT(kq, ls, R, .flags = EV_CLEAR, .data = 2);
		KQ_POLL_SILENT(kq);
		/* Disabled, nobody asks. */
		KQ_CHANGE(kq, ls, R, EV_DISABLE, 0, 0);
		ATF_REQUIRE((fd = accept4(ls2, NULL, NULL, SOCK_CLOEXEC)) !=
		    -1);
		(void)close(fd);
		KQ_POLL_SILENT(kq);
		KQ_CHANGE(kq, ls, R, EV_ENABLE, 0, 0);
		KQ_EXPECT(kq, ls, R, .flags = EV_CLEAR, .data = 1);
		(void)close(listener_client((enum listener)kind, ls, &ss, len,
		    2));
		KQ_EXPECT(kq, ls, R, .flags = EV_CLEAR, .data = 2);
		/* A dup is the same socket. */
		ATF_REQUIRE((fd = accept(ls2, NULL, NULL)) != -1);
		(void)close(fd);
		ATF_REQUIRE(kq_test_readable(kq, 0));
		/* Taken as well, before anybody was told. */
		ATF_REQUIRE((fd = accept(ls, NULL, NULL)) != -1);
		(void)close(fd);
		KQ_POLL_SILENT(kq);
		KQ_EXPECT_NOTHING(kq);
		for (i = 0; i < 3; i++)
			(void)close(c[i]);
		(void)close(ls2);
		(void)close(ls);
	}
}

KQ_TC(listener_clear_process, "READ-21: of what another process accepts")
{
	struct sockaddr_storage ss;
	socklen_t len;
	int c[2], i, kq = KQ_OPEN(), ls, status;
	pid_t pid;

	ls = listener_open(L_TCP, 8, &ss, &len);
	for (i = 0; i < 2; i++)
		c[i] = listener_client(L_TCP, ls, &ss, len, (unsigned)i + 1);
	KQ_CHANGE(kq, ls, R, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, ls, R, .flags = EV_CLEAR, .data = 2);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(accept(ls, NULL, NULL) == -1);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE_EQ(0, status);
	atf_tc_expect_fail("READ-21: Linux makes no edge for accept(); that of "
	    "another process shows when kevent() collects");
	ATF_REQUIRE(kq_test_readable(kq, 0));
	pair_close(c);
	(void)close(ls);
}

KQ_TC(listener_clear_arrival, "READ-21: an arrival on top notifies as well")
{
	struct sockaddr_storage ss;
	socklen_t len;
	int kq = KQ_OPEN(), c[2], kind, ls;

	for (kind = L_TCP; kind <= L_UNIX; kind += L_UNIX - L_TCP) {
		ls = listener_open((enum listener)kind, 8, &ss, &len);
		KQ_CHANGE(kq, ls, R, EV_ADD | EV_CLEAR, 0, 0);
		c[0] = listener_client((enum listener)kind, ls, &ss, len, 1);
		KQ_EXPECT(kq, ls, R, .flags = EV_CLEAR, .data = 1);
		KQ_EXPECT_NOTHING(kq);
		c[1] = listener_client((enum listener)kind, ls, &ss, len, 2);
		KQ_EXPECT(kq, ls, R, .flags = EV_CLEAR, .data = 2);
		KQ_EXPECT_NOTHING(kq);
		pair_close(c);
		(void)close(ls);
	}
}

/* Registered when it was no listener yet. */
static void
read_listen_later(enum listener kind, unsigned mode)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int c, fd, kq, ls;

	kq = KQ_OPEN();
	ls = listener_bound(kind, &ss, &len);
	KQ_CHANGE(kq, ls, R, EV_ADD | mode, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(0, listen(ls, 4));
	KQ_EXPECT_NOTHING(kq);
	c = listener_client(kind, ls, &ss, len, 1);
	KQ_EXPECT(kq, ls, R, .flags = mode, .fflags = 0, .data = 1);
	ATF_REQUIRE((fd = accept(ls, NULL, NULL)) != -1);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(fd);
	(void)close(c);
	(void)close(ls);
}

KQ_TC(tcp_listen_later, "READ-22: registered before listen(2), TCP")
{
	read_listen_later(L_TCP, 0);
}

KQ_TC(tcp_listen_later_clear, "READ-22: the same with EV_CLEAR")
{
	read_listen_later(L_TCP, EV_CLEAR);
}

KQ_TC(unix_listen_later, "READ-22: registered before listen(2), AF_UNIX")
{
	read_listen_later(L_UNIX, 0);
}

KQ_TC(unix_listen_later_clear, "READ-22: the same with EV_CLEAR")
{
	read_listen_later(L_UNIX, EV_CLEAR);
}

KQ_TC(listener_no_eof, "READ-23: clients that go are no EOF of the listener")
{
	struct sockaddr_storage ss;
	socklen_t len;
	int kq = KQ_OPEN(), c, fd, kind, ls;

	for (kind = L_TCP; kind <= L_UNIX; kind += L_UNIX - L_TCP) {
		ls = listener_open((enum listener)kind, 4, &ss, &len);
		KQ_CHANGE(kq, ls, R, EV_ADD, 0, 0);
		c = listener_client((enum listener)kind, ls, &ss, len, 1);
		ATF_REQUIRE_EQ(0, close(c));
		KQ_EXPECT(kq, ls, R, .flags = 0, .fflags = 0, .data = 1);
		ATF_REQUIRE((fd = accept(ls, NULL, NULL)) != -1);
		ATF_REQUIRE_EQ(0, close(fd));
		KQ_EXPECT_NOTHING(kq);
		(void)close(ls);
	}
}

KQ_TC(pipe_counts_bytes, "READ-24: data counts what a pipe holds")
{
	int kq = KQ_OPEN(), pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	KQ_CHANGE(kq, pfd[0], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_write(pfd[1], 5);
	KQ_EXPECT(kq, pfd[0], R, .flags = 0, .fflags = 0, .data = 5);
	sock_write(pfd[1], 5);
	KQ_EXPECT(kq, pfd[0], R, .flags = 0, .data = 10);
	sock_read(pfd[0], 9);
	KQ_EXPECT(kq, pfd[0], R, .flags = 0, .data = 1);
	sock_read(pfd[0], 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(pfd);
}

KQ_TC(pipe_no_lowat, "READ-24: NOTE_LOWAT does not exist for pipes")
{
	int kq = KQ_OPEN(), pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	KQ_CHANGE(kq, pfd[0], R, EV_ADD, NOTE_LOWAT, 100);
	sock_write(pfd[1], 5);
	KQ_EXPECT(kq, pfd[0], R, .data = 5);
	sock_read(pfd[0], 5);
	KQ_CHANGE(kq, pfd[0], R, EV_ADD, NOTE_LOWAT, 0);
	KQ_EXPECT_NOTHING(kq);
	pair_close(pfd);
}

KQ_TC(pipe_eof, "READ-25: all writers closed, with and without data")
{
	int kq = KQ_OPEN(), pfd[2], other;

	ATF_REQUIRE_EQ(0, pipe(pfd));
	ATF_REQUIRE((other = dup(pfd[1])) != -1);
	KQ_CHANGE(kq, pfd[0], R, EV_ADD, 0, 0);
	sock_write(pfd[1], 5);
	ATF_REQUIRE_EQ(0, close(pfd[1]));
	KQ_EXPECT(kq, pfd[0], R, .flags = 0, .data = 5);
	ATF_REQUIRE_EQ(0, close(other));
	KQ_EXPECT(kq, pfd[0], R, .flags = EV_EOF, .fflags = 0, .data = 5);
	sock_read(pfd[0], 5);
	KQ_EXPECT(kq, pfd[0], R, .flags = EV_EOF | EV_NODATA, .fflags = 0,
	    .data = 0);
	KQ_EXPECT(kq, pfd[0], R, .flags = EV_EOF | EV_NODATA);
	(void)close(pfd[0]);
}

KQ_TC(pipe_eof_clear, "READ-25: EOF with EV_CLEAR comes once")
{
	int kq = KQ_OPEN(), pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	KQ_CHANGE(kq, pfd[0], R, EV_ADD | EV_CLEAR, 0, 0);
	ATF_REQUIRE_EQ(0, close(pfd[1]));
	KQ_EXPECT(kq, pfd[0], R, .flags = EV_CLEAR | EV_EOF | EV_NODATA,
	    .data = 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(pfd[0]);
}

KQ_TC(pipe_write_end, "READ-26: READ on the write end is legal; EOF shows")
{
	int kq = KQ_OPEN(), pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	KQ_CHANGE(kq, pfd[1], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	sock_write(pfd[1], 5);		/* that is for the other end */
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, close(pfd[0]));
	KQ_EXPECT(kq, pfd[1], R, .flags = EV_EOF | EV_NODATA, .data = 0);
	(void)close(pfd[1]);
}

KQ_TC(pipe_bidirectional, "READ-26: READ on the write end sees data")
{
	int kq = KQ_OPEN(), pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	KQ_CHANGE(kq, pfd[1], R, EV_ADD, 0, 0);
	atf_tc_expect_fail("a pipe carries data one way only");
	ATF_REQUIRE_EQ(1, write(pfd[0], "x", 1));
	KQ_EXPECT_NOW(kq, pfd[1], R, .data = 1);
	pair_close(pfd);
}

KQ_TC(pipe_clear, "READ-27: EV_CLEAR gives an event per write, none per read")
{
	int kq = KQ_OPEN(), pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	KQ_CHANGE(kq, pfd[0], R, EV_ADD | EV_CLEAR, 0, 0);
	sock_write(pfd[1], 5);
	KQ_EXPECT(kq, pfd[0], R, .flags = EV_CLEAR, .data = 5);
	KQ_EXPECT_NOTHING(kq);
	sock_write(pfd[1], 5);
	KQ_EXPECT(kq, pfd[0], R, .flags = EV_CLEAR, .data = 10);
	sock_read(pfd[0], 4);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	sock_write(pfd[1], 1);
	KQ_EXPECT(kq, pfd[0], R, .flags = EV_CLEAR, .data = 7);
	pair_close(pfd);
}

/* A FIFO's ends; the reader never waits for a writer. */
static int
fifo_reader(void)
{
	int fd;

	(void)mkfifo("fifo", 0600);
	ATF_REQUIRE((fd = open("fifo", O_RDONLY | O_NONBLOCK)) != -1);
	return (fd);
}

static int
fifo_writer(void)
{
	int fd;

	ATF_REQUIRE((fd = open("fifo", O_WRONLY | O_NONBLOCK)) != -1);
	return (fd);
}

KQ_TC(fifo_counts_bytes, "READ-28: data counts what a FIFO holds")
{
	int kq = KQ_OPEN(), r, w;

	r = fifo_reader();
	w = fifo_writer();
	KQ_CHANGE(kq, r, R, EV_ADD, NOTE_LOWAT, 100);
	KQ_EXPECT_NOTHING(kq);
	sock_write(w, 5);
	KQ_EXPECT(kq, r, R, .flags = 0, .fflags = 0, .data = 5);
	sock_read(r, 2);
	KQ_EXPECT(kq, r, R, .flags = 0, .data = 3);
	sock_read(r, 3);
	KQ_EXPECT_NOTHING(kq);
	(void)close(r);
	(void)close(w);
}

KQ_TC(fifo_no_writer_yet, "READ-29: no writer ever: not ready, no EOF")
{
	int kq = KQ_OPEN(), r, w;

	r = fifo_reader();
	KQ_CHANGE(kq, r, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	w = fifo_writer();
	KQ_EXPECT_NOTHING(kq);
	sock_write(w, 1);
	KQ_EXPECT(kq, r, R, .flags = 0, .data = 1);
	(void)close(r);
	(void)close(w);
}

KQ_TC(fifo_eof, "READ-30: the last writer closes")
{
	int kq = KQ_OPEN(), r, w;

	r = fifo_reader();
	w = fifo_writer();
	KQ_CHANGE(kq, r, R, EV_ADD, 0, 0);
	sock_write(w, 5);
	ATF_REQUIRE_EQ(0, close(w));
	KQ_EXPECT(kq, r, R, .flags = EV_EOF, .data = 5);
	sock_read(r, 5);
	KQ_EXPECT(kq, r, R, .flags = EV_EOF | EV_NODATA, .data = 0);
	(void)close(r);
}

/* A writer comes back: the end of file is over. */
static void
read_fifo_again(unsigned mode)
{
	int i, kq, r, w;

	kq = KQ_OPEN();
	r = fifo_reader();
	w = fifo_writer();
	KQ_CHANGE(kq, r, R, EV_ADD | mode, 0, 0);
	for (i = 0; i < 3; i++) {
		ATF_REQUIRE_EQ(0, close(w));
		KQ_EXPECT(kq, r, R, .flags = mode | EV_EOF | EV_NODATA,
		    .data = 0);
		w = fifo_writer();
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		sock_write(w, 5);
		KQ_EXPECT(kq, r, R, .flags = mode, .data = 5);
		sock_read(r, 5);
		KQ_EXPECT_NOTHING(kq);
	}
	(void)close(r);
	(void)close(w);
}

KQ_TC(fifo_again, "READ-31: a new writer ends the EOF")
{
	read_fifo_again(0);
}

KQ_TC(fifo_again_clear, "READ-31: the same with EV_CLEAR")
{
	read_fifo_again(EV_CLEAR);
}

KQ_TC(tty_canonical, "READ-40: in canonical mode complete lines count")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	KQ_CHANGE(kq, pt[1], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(3, write(pt[0], "abc", 3));
	sock_await(pt[0], 3);			/* the echo */
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(1, write(pt[0], "\n", 1));
	KQ_EXPECT(kq, pt[1], R, .flags = 0, .fflags = 0, .data = 4);
	ATF_REQUIRE_EQ(2, write(pt[0], "de", 2));
	sock_await(pt[0], 7);			/* abc CR LF de */
	KQ_EXPECT(kq, pt[1], R, .flags = 0, .data = 4);
	sock_read(pt[1], 4);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(pt);
}

KQ_TC(tty_end_of_file, "READ-40: a line that is only an end of file: ready, 0")
{
	int kq = KQ_OPEN(), pt[2];
	char c, name[64];

	pty_pair(pt, name, sizeof(name));
	KQ_CHANGE(kq, pt[1], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(1, write(pt[0], "\004", 1));	/* ^D */
	KQ_EXPECT(kq, pt[1], R, .flags = 0, .fflags = 0, .data = 0);
	KQ_EXPECT(kq, pt[1], R, .flags = 0, .data = 0);
	ATF_REQUIRE_EQ(0, read(pt[1], &c, 1));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(pt);
}

KQ_TC(tty_raw, "READ-40: in raw mode everything counts")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	pty_raw(pt[1], 1);
	KQ_CHANGE(kq, pt[1], R, EV_ADD | EV_CLEAR, 0, 0);
	ATF_REQUIRE_EQ(3, write(pt[0], "abc", 3));
	KQ_EXPECT(kq, pt[1], R, .flags = EV_CLEAR, .fflags = 0, .data = 3);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(2, write(pt[0], "de", 2));
	KQ_EXPECT(kq, pt[1], R, .flags = EV_CLEAR, .data = 5);
	sock_read(pt[1], 5);
	KQ_EXPECT_NOTHING(kq);
	pair_close(pt);
}

/* VMIN is the mark of a raw terminal. */
static void
read_vmin(unsigned mode)
{
	int kq, pt[2];
	char name[64];

	kq = KQ_OPEN();
	pty_pair(pt, name, sizeof(name));
	pty_raw(pt[1], 4);
	KQ_CHANGE(kq, pt[1], R, EV_ADD | mode, 0, 0);
	ATF_REQUIRE_EQ(3, write(pt[0], "abc", 3));
	sock_await(pt[1], 3);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(1, write(pt[0], "d", 1));
	KQ_EXPECT(kq, pt[1], R, .flags = mode, .data = 4);
	pair_close(pt);
}

KQ_TC(tty_vmin, "READ-40: fewer than VMIN bytes are not ready")
{
	read_vmin(0);
}

KQ_TC(tty_vmin_clear, "READ-40: the same with EV_CLEAR")
{
	read_vmin(EV_CLEAR);
}

KQ_TC(tty_hangup, "READ-41: the master closed: EOF on the slave")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	KQ_CHANGE(kq, pt[1], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, close(pt[0]));
	KQ_EXPECT(kq, pt[1], R, .flags = EV_EOF | EV_NODATA, .fflags = 0,
	    .data = 0);
	KQ_EXPECT(kq, pt[1], R, .flags = EV_EOF | EV_NODATA, .data = 0);
	KQ_CHANGE(kq, pt[1], R, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, pt[1], R, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(kq, pt[1], R, .flags = EV_CLEAR | EV_EOF | EV_NODATA);
	KQ_EXPECT_NOTHING(kq);
	(void)close(pt[1]);
}

KQ_TC(pty_counts_bytes, "READ-42: data counts the slave's output")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	pty_raw(pt[1], 1);
	KQ_CHANGE(kq, pt[0], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_write(pt[1], 5);
	KQ_EXPECT(kq, pt[0], R, .flags = 0, .fflags = 0, .data = 5);
	sock_read(pt[0], 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(pt);
}

KQ_TC(pty_slave_closed, "READ-42: the slave closed: EOF on the master")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	KQ_CHANGE(kq, pt[0], R, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, close(pt[1]));
	KQ_EXPECT(kq, pt[0], R, .flags = EV_EOF | EV_NODATA, .data = 0);
	KQ_EXPECT(kq, pt[0], R, .flags = EV_EOF | EV_NODATA, .data = 0);
	(void)close(pt[0]);
}

KQ_TC(pty_slave_closed_data, "READ-42: EV_NODATA even if output is left")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	pty_raw(pt[1], 1);
	sock_write(pt[1], 5);
	sock_await(pt[0], 5);
	ATF_REQUIRE_EQ(0, close(pt[1]));
	KQ_CHANGE(kq, pt[0], R, EV_ADD, 0, 0);
	KQ_EXPECT(kq, pt[0], R, .flags = EV_EOF | EV_NODATA, .data = 5);
	sock_read(pt[0], 5);
	KQ_EXPECT(kq, pt[0], R, .flags = EV_EOF | EV_NODATA, .data = 0);
	(void)close(pt[0]);
}

KQ_TC(pty_never_opened, "READ-42: before the slave was opened: no EOF")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pt[0] = pty_master(name, sizeof(name));
	KQ_CHANGE(kq, pt[0], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE((pt[1] = open(name, O_RDWR | O_NOCTTY)) != -1);
	pty_raw(pt[1], 1);
	sock_write(pt[1], 1);
	KQ_EXPECT(kq, pt[0], R, .flags = 0, .data = 1);
	pair_close(pt);
}

KQ_TC(pty_reopened, "READ-42: reopening ends the closed state, flags stay")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	KQ_CHANGE(kq, pt[0], R, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, close(pt[1]));
	KQ_EXPECT(kq, pt[0], R, .flags = EV_EOF | EV_NODATA, .data = 0);
	ATF_REQUIRE((pt[1] = open(name, O_RDWR | O_NOCTTY)) != -1);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pty_raw(pt[1], 1);
	sock_write(pt[1], 5);
	KQ_EXPECT(kq, pt[0], R, .flags = EV_EOF | EV_NODATA, .data = 5);
	pair_close(pt);
}

/* In a session of its own, with the slave as its terminal: 0, or where. */
static int
devtty_child(const char *name)
{
	struct timespec ts = { KQ_PATIENCE, 0 };
	struct kevent kev[2];
	int fd, kq, slave;

	if (setsid() == -1 || (slave = open(name, O_RDWR)) == -1)
		return (1);
	(void)ioctl(slave, TIOCSCTTY, 0);
	if ((fd = open("/dev/tty", O_RDWR)) == -1)
		return (2);
	if ((kq = kqueue()) == -1)
		return (3);
	EV_SET(&kev[0], (uintptr_t)fd, R, EV_ADD, 0, 0, NULL);
	if (kevent(kq, kev, 1, NULL, 0, NULL) == -1)
		return (4);
	if (write(slave, "go", 2) != 2)
		return (5);
	if (kevent(kq, NULL, 0, kev, 2, &ts) != 1)
		return (6);
	if (kev[0].ident != (uintptr_t)fd || kev[0].filter != R ||
	    (kev[0].flags & KQ_FLAGS) != 0 || kev[0].data != 4)
		return (7);
	return (0);
}

KQ_TC(devtty, "READ-43: /dev/tty stands for the controlling terminal")
{
	char buf[2], name[64];
	int master, status;
	pid_t pid;

	master = pty_master(name, sizeof(name));
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0)
		_exit(devtty_child(name));
	/* The child has registered when it says so. */
	sock_poll(master, POLLIN);
	ATF_REQUIRE_EQ(2, read(master, buf, 2));
	ATF_REQUIRE_EQ(4, write(master, "abc\n", 4));
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "status %#x", (unsigned)status);
	(void)close(master);
}

/* Always ready, in every mode. */
static void
read_device(const char *path)
{
	int fd, i, kq;

	kq = KQ_OPEN();
	ATF_REQUIRE((fd = open(path, O_RDONLY)) != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	for (i = 0; i < 3; i++) {
		KQ_POLL_READABLE(kq);
		KQ_EXPECT_NOW(kq, fd, R, .flags = 0, .fflags = 0, .data = 0);
	}
	KQ_CHANGE(kq, fd, R, EV_DISABLE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, fd, R, EV_ENABLE, 0, 0);
	KQ_EXPECT_NOW(kq, fd, R, .flags = 0, .data = 0);
	KQ_CHANGE(kq, fd, R, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, fd, R, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_EXPECT_NOW(kq, fd, R, .flags = EV_ONESHOT, .data = 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, fd, R, EV_ADD | EV_DISPATCH, 0, 0);
	KQ_EXPECT_NOW(kq, fd, R, .flags = EV_DISPATCH, .data = 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, fd, R, EV_ENABLE, 0, 0);
	KQ_EXPECT_NOW(kq, fd, R, .flags = EV_DISPATCH, .data = 0);
	KQ_CHANGE(kq, fd, R, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, fd, R, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT_NOW(kq, fd, R, .flags = EV_CLEAR, .data = 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(0, close(fd));
	KQ_EXPECT_NOTHING(kq);
}

KQ_TC(dev_null, "READ-44: /dev/null is always ready")
{
	read_device("/dev/null");
}

KQ_TC(dev_zero, "READ-44: /dev/zero is always ready")
{
	read_device("/dev/zero");
}

KQ_TC(dev_random, "READ-44: /dev/random is always ready")
{
	read_device("/dev/random");
}

KQ_TC(dev_urandom, "READ-44: /dev/urandom is always ready")
{
	read_device("/dev/urandom");
}

KQ_TC(dev_closed, "REG-31: closing an always ready device removes its knote")
{
	int kq = KQ_OPEN(), fd;

	ATF_REQUIRE((fd = open("/dev/null", O_RDWR)) != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_CHANGE(kq, fd, W, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, close(fd));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE_ERROR(kq, EBADF, fd, R, EV_DELETE, 0, 0);
}

KQ_TC(mqueue, "READ-47: a message queue with a message is ready")
{
	struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 16 };
	char name[32], buf[16];
	int kq = KQ_OPEN();
	mqd_t mq;

	snprintf(name, sizeof(name), "/kq-read-%d", (int)getpid());
	mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600,
	    &attr);
	if (mq == (mqd_t)-1 && errno == ENOSYS)
		atf_tc_skip("no message queues here");
	ATF_REQUIRE(mq != (mqd_t)-1);
	ATF_REQUIRE_EQ(0, mq_unlink(name));
	KQ_CHANGE(kq, mq, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(0, mq_send(mq, "abc", 3, 0));
	/* The manual: how many. */
	KQ_EXPECT(kq, mq, R, .flags = 0, .fflags = 0, .data = 1);
	ATF_REQUIRE_EQ(0, mq_send(mq, "de", 2, 0));
	KQ_EXPECT(kq, mq, R, .flags = 0, .data = 2);
	/* READ-8: that is for sockets. */
	KQ_CHANGE(kq, mq, R, EV_ADD, NOTE_LOWAT, 10);
	KQ_EXPECT(kq, mq, R, .flags = 0, .data = 2);
	ATF_REQUIRE_EQ(3, mq_receive(mq, buf, sizeof(buf), NULL));
	KQ_EXPECT(kq, mq, R, .flags = 0, .data = 1);
	ATF_REQUIRE_EQ(2, mq_receive(mq, buf, sizeof(buf), NULL));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)mq_close(mq);
}

KQ_TC(eventfd_counter, "READ-49: eventfd: data is the counter")
{
	int kq = KQ_OPEN(), fd;
	eventfd_t v;

	ATF_REQUIRE((fd = eventfd(0, EFD_NONBLOCK)) != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, eventfd_write(fd, 3));
	KQ_EXPECT(kq, fd, R, .flags = 0, .fflags = 0, .data = 3);
	ATF_REQUIRE_EQ(0, eventfd_write(fd, 4));
	KQ_EXPECT(kq, fd, R, .flags = 0, .data = 7);
	ATF_REQUIRE_EQ(0, eventfd_read(fd, &v));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(fd);
}

KQ_TC(eventfd_huge, "READ-49: a counter that data has no room for")
{
	int kq = KQ_OPEN(), fd;
	eventfd_t v;

	ATF_REQUIRE((fd = eventfd(0, EFD_NONBLOCK)) != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, eventfd_write(fd, UINT64_MAX - 1));
	KQ_EXPECT(kq, fd, R, .flags = 0, .data = INTPTR_MAX);
	ATF_REQUIRE_EQ(0, eventfd_read(fd, &v));
	ATF_REQUIRE_EQ(0, eventfd_write(fd, INTPTR_MAX));
	KQ_EXPECT(kq, fd, R, .flags = 0, .data = INTPTR_MAX);
	ATF_REQUIRE_EQ(0, eventfd_read(fd, &v));
	KQ_EXPECT_NOTHING(kq);
	(void)close(fd);
}

KQ_TC(error_alone, "READ-49: a descriptor that is in error only is not ready")
{
	int kq = KQ_OPEN(), fd;

	/* poll() says POLLERR of it before it was told its version. */
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1);
	if (fd == -1)
		atf_tc_skip("userfaultfd: %s", strerror(errno));
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	KQ_CHANGE(kq, fd, R, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, fd, R, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	(void)close(fd);
}

KQ_TC(eventfd_clear, "READ-49: eventfd with EV_CLEAR: an event per write")
{
	int kq = KQ_OPEN(), fd;

	ATF_REQUIRE((fd = eventfd(0, EFD_NONBLOCK)) != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD | EV_CLEAR, 0, 0);
	ATF_REQUIRE_EQ(0, eventfd_write(fd, 1));
	KQ_EXPECT(kq, fd, R, .flags = EV_CLEAR, .data = 1);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, eventfd_write(fd, 1));
	KQ_EXPECT(kq, fd, R, .flags = EV_CLEAR, .data = 2);
	KQ_EXPECT_NOTHING(kq);
	(void)close(fd);
}

KQ_TC(timerfd, "READ-49: timerfd is ready when it expired")
{
	struct itimerspec it = { .it_value = { 0, 1000000 } };
	int kq = KQ_OPEN(), fd;
	uint64_t n;

	ATF_REQUIRE((fd = timerfd_create(CLOCK_MONOTONIC, 0)) != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, timerfd_settime(fd, 0, &it, NULL));
	KQ_EXPECT(kq, fd, R, .flags = 0, .fflags = 0, .data = 1);
	ATF_REQUIRE_EQ(8, read(fd, &n, 8));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(fd);
}

KQ_TC(signalfd_ready, "READ-49: signalfd is ready when a signal waits")
{
	struct signalfd_siginfo si;
	int kq = KQ_OPEN(), fd;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	ATF_REQUIRE_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ATF_REQUIRE((fd = signalfd(-1, &set, 0)) != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, kill(getpid(), SIGUSR1));
	KQ_EXPECT(kq, fd, R, .flags = 0, .fflags = 0);
	ATF_REQUIRE_EQ((ssize_t)sizeof(si), read(fd, &si, sizeof(si)));
	ATF_CHECK_EQ(SIGUSR1, (int)si.ssi_signo);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(fd);
}

KQ_TC(inotify, "READ-49: inotify: data counts the bytes that wait")
{
	int kq = KQ_OPEN(), fd, file;
	char buf[4096];

	ATF_REQUIRE((fd = inotify_init()) != -1);
	ATF_REQUIRE(inotify_add_watch(fd, ".", IN_CREATE) != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE((file = open("new", O_CREAT | O_WRONLY, 0600)) != -1);
	ATF_REQUIRE_EQ(0, close(file));
	KQ_EXPECT(kq, fd, R, .flags = 0, .fflags = 0,
	    .data = sock_buffered(fd));
	ATF_REQUIRE(read(fd, buf, sizeof(buf)) > 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(fd);
}

KQ_TC(pidfd, "READ-49: pidfd is ready when the process has ended")
{
	int kq = KQ_OPEN(), fd, pfd[2], status;
	pid_t pid;
	char c;

	ATF_REQUIRE_EQ(0, pipe(pfd));
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		(void)close(pfd[1]);
		(void)!read(pfd[0], &c, 1);
		_exit(0);
	}
	(void)close(pfd[0]);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd == -1 && errno == ENOSYS)
		atf_tc_skip("no pidfd_open here");
	ATF_REQUIRE(fd != -1);
	KQ_CHANGE(kq, fd, R, EV_ADD | EV_DISPATCH, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, close(pfd[1]));
	KQ_EXPECT(kq, fd, R, .fflags = 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	(void)close(fd);
}

KQ_TC(epoll_inside, "READ-49: an epoll set is ready when a member is")
{
	struct epoll_event ev = { .events = EPOLLIN };
	int kq = KQ_OPEN(), ep, pfd[2];

	ATF_REQUIRE((ep = epoll_create1(0)) != -1);
	ATF_REQUIRE_EQ(0, pipe(pfd));
	ATF_REQUIRE_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, pfd[0], &ev));
	KQ_CHANGE(kq, ep, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_write(pfd[1], 5);
	KQ_EXPECT(kq, ep, R, .flags = 0, .fflags = 0);
	sock_read(pfd[0], 5);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(ep);
	pair_close(pfd);
}

KQ_TC(kqueue_count, "READ-60: data is the inner kqueue's pending count")
{
	int in = KQ_OPEN(), out = KQ_OPEN();

	KQ_CHANGE(in, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(in, 2, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(out, in, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(out);
	KQ_POLL_SILENT(out);
	KQ_CHANGE(in, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_POLL_READABLE(out);
	KQ_EXPECT(out, in, R, .flags = 0, .fflags = 0, .data = 1);
	KQ_EXPECT(out, in, R, .flags = 0, .data = 1);
	KQ_CHANGE(in, 2, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_EXPECT(out, in, R, .flags = 0, .data = 2);
	ATF_CHECK_EQ(2, KQ_COLLECT(in, ((struct kevent[4]){ { 0 } }), 4));
	KQ_EXPECT_NOTHING(out);
	KQ_POLL_SILENT(out);
}

KQ_TC(kqueue_count_fds, "READ-60: descriptors that are ready inside count")
{
	int in = KQ_OPEN(), out = KQ_OPEN(), a[2], b[2];
	struct kevent kev[4];

	unix_pair(SOCK_STREAM, a);
	tcp_pair(b);
	KQ_CHANGE(in, a[0], R, EV_ADD, 0, 0);
	KQ_CHANGE(in, b[0], R, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(out, in, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(out);
	sock_write(a[1], 5);
	KQ_EXPECT(out, in, R, .flags = 0, .data = 1);
	sock_write(b[1], 5);
	sock_await(b[0], 5);
	KQ_EXPECT(out, in, R, .flags = 0, .data = 2);
	/* Being looked at from outside has taken nothing away. */
	ATF_CHECK_EQ(2, KQ_COLLECT(in, kev, 4));
	KQ_EXPECT(in, a[0], R, .flags = 0, .data = 5);
	sock_read(a[0], 5);
	KQ_EXPECT_NOTHING(in);
	KQ_EXPECT_NOTHING(out);
	KQ_POLL_SILENT(out);
	pair_close(a);
	pair_close(b);
}

KQ_TC(kqueue_wakes, "READ-60: a sleeper outside wakes for a timer inside")
{
	int in = KQ_OPEN(), out = KQ_OPEN();

	KQ_CHANGE(out, in, R, EV_ADD, 0, 0);
	KQ_CHANGE(in, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 20);
	KQ_EXPECT(out, in, R, .data = 1);
	KQ_EXPECT(in, 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(out);
	KQ_POLL_SILENT(out);
}

KQ_TC(kqueue_outer_clear, "READ-61: an outer EV_CLEAR knote, USER inside")
{
	int in = KQ_OPEN(), out = KQ_OPEN(), i;

	KQ_CHANGE(out, in, R, EV_ADD | EV_CLEAR, 0, 0);
	for (i = 1; i <= 4; i++) {
		KQ_CHANGE(in, i, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
		KQ_EXPECT(out, in, R, .flags = EV_CLEAR, .data = i);
		KQ_EXPECT_NOTHING(out);
	}
}

KQ_TC(kqueue_outer_clear_fds, "READ-61: the same, sockets inside")
{
	int in = KQ_OPEN(), out = KQ_OPEN(), sv[3][2], i;

	KQ_CHANGE(out, in, R, EV_ADD | EV_CLEAR, 0, 0);
	for (i = 0; i < 3; i++) {
		unix_pair(SOCK_STREAM, sv[i]);
		KQ_CHANGE(in, sv[i][0], R, EV_ADD | EV_CLEAR, 0, 0);
	}
	KQ_EXPECT_NOTHING(out);
	for (i = 0; i < 3; i++) {
		sock_write(sv[i][1], 5);
		KQ_EXPECT(out, in, R, .flags = EV_CLEAR, .data = i + 1);
		KQ_EXPECT_NOTHING(out);
	}
	for (i = 0; i < 3; i++)
		pair_close(sv[i]);
}

KQ_TC(kqueue_stale, "READ-62: an entry that is stale inside counts")
{
	int in = KQ_OPEN(), out = KQ_OPEN();

	KQ_CHANGE(in, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE(out, in, R, EV_ADD, 0, 0);
	KQ_CHANGE(in, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_CHANGE(in, 1, EVFILT_USER, EV_CLEAR, 0, 0);
	KQ_EXPECT(out, in, R, .data = 1);
	KQ_EXPECT_NOTHING(in);
	KQ_EXPECT_NOTHING(out);
	KQ_POLL_SILENT(out);
}

KQ_TC(kqueue_stale_gone, "READ-62: after a scan inside, stale ones are gone")
{
	int in = KQ_OPEN(), out = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(in, sv[0], R, EV_ADD, 0, 0);
	KQ_CHANGE(out, in, R, EV_ADD, 0, 0);
	sock_write(sv[1], 5);
	KQ_EXPECT(out, in, R, .data = 1);
	sock_read(sv[0], 5);
	KQ_EXPECT_NOTHING(in);
	KQ_EXPECT_NOTHING(out);
	KQ_POLL_SILENT(out);
	sock_write(sv[1], 5);
	KQ_EXPECT(out, in, R, .data = 1);
	pair_close(sv);
}

KQ_TC(kqueue_disabled_queued, "READ-62: disabled while pending inside counts")
{
	int in = KQ_OPEN(), out = KQ_OPEN();

	KQ_CHANGE(in, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE(out, in, R, EV_ADD, 0, 0);
	KQ_CHANGE(in, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_CHANGE(in, 1, EVFILT_USER, EV_DISABLE, 0, 0);
	KQ_EXPECT(out, in, R, .data = 1);
	KQ_EXPECT_NOTHING(in);
	KQ_EXPECT_NOTHING(out);
	KQ_POLL_SILENT(out);
	KQ_CHANGE(in, 1, EVFILT_USER, EV_ENABLE, 0, 0);
	KQ_EXPECT(out, in, R, .data = 1);
	KQ_EXPECT(in, 1, EVFILT_USER);
}

KQ_TC(kqueue_closed, "READ-63: the knote goes with the inner kqueue")
{
	int in, out = KQ_OPEN();

	ATF_REQUIRE((in = kqueue()) != -1);
	KQ_CHANGE(in, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(out, in, R, EV_ADD, 0, 0);
	KQ_EXPECT(out, in, R, .data = 1);
	ATF_REQUIRE_EQ(0, close(in));
	KQ_EXPECT_NOTHING(out);
	KQ_POLL_SILENT(out);
	KQ_CHANGE_ERROR(out, EBADF, in, R, EV_DELETE, 0, 0);
	/* The number's next owner starts with no knotes. */
	ATF_REQUIRE_EQ(in, kqueue());
	KQ_CHANGE(in, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_EXPECT_NOTHING(out);
	KQ_CHANGE_ERROR(out, ENOENT, in, R, EV_DELETE, 0, 0);
	ATF_REQUIRE_EQ(0, close(in));
}

KQ_TC(kqueue_three_deep, "READ-60: three deep, level and EV_CLEAR")
{
	int a = KQ_OPEN(), b = KQ_OPEN(), c = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(a, sv[0], R, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(b, a, R, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(c, b, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(c);
	KQ_POLL_SILENT(c);
	sock_write(sv[1], 5);
	KQ_POLL_READABLE(c);
	KQ_EXPECT(c, b, R, .flags = 0, .data = 1);
	KQ_EXPECT(b, a, R, .flags = EV_CLEAR, .data = 1);
	KQ_EXPECT_NOTHING(b);
	KQ_EXPECT_NOTHING(c);
	KQ_EXPECT(a, sv[0], R, .flags = EV_CLEAR, .data = 5);
	KQ_EXPECT_NOTHING(a);
	KQ_POLL_SILENT(c);
	KQ_CHANGE(a, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0);
	KQ_EXPECT(c, b, R, .flags = 0, .data = 1);
	KQ_EXPECT(b, a, R, .flags = EV_CLEAR, .data = 1);
	KQ_EXPECT(a, 1, EVFILT_USER);
	KQ_EXPECT_NOTHING(c);
	KQ_POLL_SILENT(c);
	pair_close(sv);
}

/* Once the bytes on their way to the reader counted for the writer. */
KQ_TC(lowat_on_write_end, "READ-24: NOTE_LOWAT means nothing for a pipe")
{
	int kq = KQ_OPEN(), p[2];

	ATF_REQUIRE_EQ(0, pipe(p));
	ATF_REQUIRE_EQ(1, write(p[1], "x", 1));
	KQ_CHANGE(kq, p[1], R, EV_ADD, NOTE_LOWAT, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, p[1], R, EV_ADD, NOTE_LOWAT, 1);
	KQ_EXPECT_NOTHING(kq);
	pair_close(p);
}

/* Once the look at the inner kqueue made the outer one readable again. */
KQ_TC(kqueue_outer_clear_silent, "READ-61: a look from outside is no event")
{
	int in = KQ_OPEN(), out = KQ_OPEN(), p[2];

	ATF_REQUIRE_EQ(0, pipe(p));
	KQ_CHANGE(out, in, R, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(in, p[0], R, EV_ADD | EV_CLEAR, 0, 0);
	ATF_REQUIRE_EQ(1, write(p[1], "x", 1));
	KQ_EXPECT(out, in, R, .data = 1);
	KQ_POLL_SILENT(out);
	KQ_POLL_READABLE(in);
	KQ_EXPECT(in, p[0], R, .data = 1);
	KQ_POLL_SILENT(in);
	pair_close(p);
}

/* Once the entry that was kept knew what the last knote had been told. */
KQ_TC(kqueue_added_again, "REG-9: a kqueue inside, after a one-shot knote")
{
	int in = KQ_OPEN(), out = KQ_OPEN();

	KQ_CHANGE(in, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0);
	KQ_CHANGE(out, in, R, EV_ADD | EV_ONESHOT | EV_CLEAR, 0, 0);
	KQ_EXPECT(out, in, R, .data = 1);
	KQ_CHANGE(out, in, R, EV_ADD | EV_CLEAR, 0, 0);
	KQ_EXPECT(out, in, R, .data = 1);
	KQ_EXPECT_NOTHING(out);
}

/* One event, without waiting; its data, or -1 for none. */
static intptr_t
collect_data(int kq)
{
	struct kevent kev;

	return (kevent(kq, NULL, 0, &kev, 1, &(struct timespec){ 0, 0 }) == 1 ?
	    kev.data : -1);
}

KQ_TC(no_descriptor, "ERRORS: EMFILE where none is left to wake a sleeper by")
{
	struct rlimit none, old;
	intptr_t data[3];
	int error[4], fd, i, kq = KQ_OPEN(), sv[2];

	pair_open(P_TCP, sv);
	ATF_REQUIRE((fd = open("/dev/null", O_RDWR)) != -1);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, NOTE_LOWAT, 5);
	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 0;
	/* Nor is there one for a result, so that is looked at after this. */
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	error[0] = kq_test_change(kq, (uintptr_t)fd, R, EV_ADD, 0, 0, NULL);
	error[1] = kq_test_change(kq, (uintptr_t)kq, R, EV_ADD, 0, 0, NULL);
	error[2] = kq_test_change(kq, (uintptr_t)sv[1], R, EV_ADD, NOTE_LOWAT,
	    0, NULL);
	error[3] = kq_test_change(kq, (uintptr_t)sv[0], R, EV_ADD, NOTE_LOWAT,
	    0, NULL);
	data[0] = collect_data(kq);
	sock_write(sv[1], 4);
	sock_await(sv[0], 4);
	data[1] = collect_data(kq);
	sock_write(sv[1], 1);
	sock_await(sv[0], 5);
	data[2] = collect_data(kq);
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	for (i = 0; i < 4; i++)
		ATF_CHECK_EQ_MSG(EMFILE, error[i], "%d: %d", i, error[i]);
	/* A change that fails leaves the mark that was. */
	ATF_CHECK_EQ(-1, data[0]);
	ATF_CHECK_EQ(-1, data[1]);
	ATF_CHECK_EQ(5, data[2]);
	/* Nothing is half registered. */
	sock_read(sv[0], 5);
	sock_write(sv[0], 2);
	sock_await(sv[1], 2);
	KQ_EXPECT_NOTHING(kq);
	sock_read(sv[1], 2);
	KQ_CHANGE_ERROR(kq, ENOENT, fd, R, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, kq, R, EV_DELETE, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, sv[1], R, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, sv[0], R, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, sv[1], R, EV_ADD, NOTE_LOWAT, 0);
	KQ_EXPECT(kq, sv[1], R, .flags = 0, .data = 0);
	pair_close(sv);
	(void)close(fd);
}

struct busy {
	int	kq;
	int	n;
};

/* Events of many names, each in an instant. */
static void *
busy_main(void *arg)
{
	struct busy *b = arg;
	int i;

	for (i = 0; i < b->n; i++) {
		if (kq_test_change(b->kq, (uintptr_t)i, EVFILT_USER,
		    EV_ADD | EV_ONESHOT, NOTE_TRIGGER, 0, NULL) != 0)
			return ((void *)1);
	}
	return (NULL);
}

/* A thread is at work in the inner kqueue all the time. */
static void
kqueue_busy(unsigned mode)
{
	struct timespec zero = { 0, 0 };
	struct kevent kev[8];
	struct busy b = { KQ_OPEN(), 20000 };
	int got, n, outer = KQ_OPEN();
	pthread_t thread;
	void *ret;

	KQ_CHANGE(outer, b.kq, R, EV_ADD | mode, 0, 0);
	KQ_EXPECT_NOTHING(outer);
	ATF_REQUIRE_EQ(0, pthread_create(&thread, NULL, busy_main, &b));
	/* Whoever waits outside misses none of them. */
	for (got = 0; got < b.n;) {
		KQ_EXPECT(outer, b.kq, R, .flags = (long long)mode);
		while ((n = kevent(b.kq, NULL, 0, kev, 8, &zero)) > 0)
			got += n;
		ATF_REQUIRE_EQ(0, n);
	}
	ATF_REQUIRE_EQ(0, pthread_join(thread, &ret));
	ATF_CHECK_EQ(NULL, ret);
	ATF_CHECK_EQ(b.n, got);
	KQ_EXPECT_NOTHING(b.kq);
}

KQ_TC(kqueue_inner_busy, "READ-60: an inner kqueue that others are at work in")
{
	kqueue_busy(0);
}

KQ_TC(kqueue_inner_busy_clear, "READ-61: the same with EV_CLEAR")
{
	kqueue_busy(EV_CLEAR);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, tcp_counts_bytes);
	ATF_TP_ADD_TC(tp, tcp6_counts_bytes);
	ATF_TP_ADD_TC(tp, unix_counts_bytes);
	ATF_TP_ADD_TC(tp, seqpacket_is_ready);
	ATF_TP_ADD_TC(tp, data_before_add);
	ATF_TP_ADD_TC(tp, tcp_rcvlowat);
	ATF_TP_ADD_TC(tp, unix_rcvlowat);
	ATF_TP_ADD_TC(tp, tcp_rcvlowat_clear);
	ATF_TP_ADD_TC(tp, unix_rcvlowat_clear);
	ATF_TP_ADD_TC(tp, tcp_rcvlowat_later);
	ATF_TP_ADD_TC(tp, unix_rcvlowat_later);
	ATF_TP_ADD_TC(tp, tcp_rcvlowat_eof);
	ATF_TP_ADD_TC(tp, unix_rcvlowat_eof);
	ATF_TP_ADD_TC(tp, rcvlowat_untouched);
	ATF_TP_ADD_TC(tp, idle_is_silent);
	ATF_TP_ADD_TC(tp, tcp_fresh);
	ATF_TP_ADD_TC(tp, tcp_fresh_clear);
	ATF_TP_ADD_TC(tp, unix_fresh);
	ATF_TP_ADD_TC(tp, unix_fresh_clear);
	ATF_TP_ADD_TC(tp, seqpacket_fresh);
	ATF_TP_ADD_TC(tp, fresh_reenabled);
	ATF_TP_ADD_TC(tp, tcp_halfclose);
	ATF_TP_ADD_TC(tp, tcp6_halfclose);
	ATF_TP_ADD_TC(tp, unix_halfclose);
	ATF_TP_ADD_TC(tp, shut_rd);
	ATF_TP_ADD_TC(tp, eof_before_add);
	ATF_TP_ADD_TC(tp, nodata_only_when_empty);
	ATF_TP_ADD_TC(tp, eof_flags_sticky);
	ATF_TP_ADD_TC(tp, tcp_peer_closed);
	ATF_TP_ADD_TC(tp, tcp_both_shut_own_first);
	ATF_TP_ADD_TC(tp, tcp_both_shut_peer_first);
	ATF_TP_ADD_TC(tp, unix_both_shut_own_first);
	ATF_TP_ADD_TC(tp, unix_both_shut_peer_first);
	ATF_TP_ADD_TC(tp, udp_error);
	ATF_TP_ADD_TC(tp, tcp_error_queue);
	ATF_TP_ADD_TC(tp, udp_error_by_read);
	ATF_TP_ADD_TC(tp, tcp_lowat);
	ATF_TP_ADD_TC(tp, tcp_lowat_clear);
	ATF_TP_ADD_TC(tp, unix_lowat);
	ATF_TP_ADD_TC(tp, unix_lowat_clear);
	ATF_TP_ADD_TC(tp, lowat_oneshot);
	ATF_TP_ADD_TC(tp, lowat_instead_of_rcvlowat);
	ATF_TP_ADD_TC(tp, lowat_below_rcvlowat_at_add);
	ATF_TP_ADD_TC(tp, lowat_below_rcvlowat_wakes);
	ATF_TP_ADD_TC(tp, lowat_zero);
	ATF_TP_ADD_TC(tp, lowat_zero_disabled);
	ATF_TP_ADD_TC(tp, lowat_zero_dgram);
	ATF_TP_ADD_TC(tp, lowat_listener);
	ATF_TP_ADD_TC(tp, tcp_lowat_huge);
	ATF_TP_ADD_TC(tp, unix_lowat_huge);
	ATF_TP_ADD_TC(tp, lowat_eof);
	ATF_TP_ADD_TC(tp, lowat_error);
	ATF_TP_ADD_TC(tp, lowat_changed);
	ATF_TP_ADD_TC(tp, lowat_dropped);
	ATF_TP_ADD_TC(tp, lowat_needs_bit);
	ATF_TP_ADD_TC(tp, lowat_per_knote);
	ATF_TP_ADD_TC(tp, eof_permanent);
	ATF_TP_ADD_TC(tp, eof_once);
	ATF_TP_ADD_TC(tp, refused);
	ATF_TP_ADD_TC(tp, refused6);
	ATF_TP_ADD_TC(tp, refused_clear);
	ATF_TP_ADD_TC(tp, refused_level_oneshot);
	ATF_TP_ADD_TC(tp, refused_dispatch_level);
	ATF_TP_ADD_TC(tp, refused_before_add);
	ATF_TP_ADD_TC(tp, error_not_consumed);
	ATF_TP_ADD_TC(tp, error_taken);
	ATF_TP_ADD_TC(tp, error_left_to_read);
	ATF_TP_ADD_TC(tp, reset);
	ATF_TP_ADD_TC(tp, reset_after_traffic);
	ATF_TP_ADD_TC(tp, reset_by_unread);
	ATF_TP_ADD_TC(tp, reset_keeps_data);
	ATF_TP_ADD_TC(tp, tcp_clear);
	ATF_TP_ADD_TC(tp, unix_clear);
	ATF_TP_ADD_TC(tp, clear_gone_before_look);
	ATF_TP_ADD_TC(tp, unix_peer_closed);
	ATF_TP_ADD_TC(tp, seqpacket_peer_closed);
	ATF_TP_ADD_TC(tp, unix_peer_left_unread);
	ATF_TP_ADD_TC(tp, oob_bit_ignored);
	ATF_TP_ADD_TC(tp, udp_ready);
	ATF_TP_ADD_TC(tp, unix_dgram_ready);
	ATF_TP_ADD_TC(tp, udp_counts_all);
	ATF_TP_ADD_TC(tp, udp_counts_address);
	ATF_TP_ADD_TC(tp, udp_empty_datagram);
	ATF_TP_ADD_TC(tp, udp_empty_datagram_clear);
	ATF_TP_ADD_TC(tp, udp6_empty_datagram);
	ATF_TP_ADD_TC(tp, unix_empty_datagram);
	ATF_TP_ADD_TC(tp, empty_datagram_size);
	ATF_TP_ADD_TC(tp, udp_unconnected);
	ATF_TP_ADD_TC(tp, dgram_no_eof);
	ATF_TP_ADD_TC(tp, dgram_shut_rd);
	ATF_TP_ADD_TC(tp, dgram_shut_both);
	ATF_TP_ADD_TC(tp, dgram_lowat);
	ATF_TP_ADD_TC(tp, dgram_lowat_clear);
	ATF_TP_ADD_TC(tp, netlink);
	ATF_TP_ADD_TC(tp, raw_socket);
	ATF_TP_ADD_TC(tp, tcp_listener);
	ATF_TP_ADD_TC(tp, tcp6_listener);
	ATF_TP_ADD_TC(tp, unix_listener);
	ATF_TP_ADD_TC(tp, seqpacket_listener);
	ATF_TP_ADD_TC(tp, listener_count_not_capped);
	ATF_TP_ADD_TC(tp, tcp_listener_clear);
	ATF_TP_ADD_TC(tp, unix_listener_clear);
	ATF_TP_ADD_TC(tp, listener_clear_outside);
	ATF_TP_ADD_TC(tp, listener_clear_process);
	ATF_TP_ADD_TC(tp, listener_clear_arrival);
	ATF_TP_ADD_TC(tp, tcp_listen_later);
	ATF_TP_ADD_TC(tp, tcp_listen_later_clear);
	ATF_TP_ADD_TC(tp, unix_listen_later);
	ATF_TP_ADD_TC(tp, unix_listen_later_clear);
	ATF_TP_ADD_TC(tp, listener_no_eof);
	ATF_TP_ADD_TC(tp, pipe_counts_bytes);
	ATF_TP_ADD_TC(tp, pipe_no_lowat);
	ATF_TP_ADD_TC(tp, pipe_eof);
	ATF_TP_ADD_TC(tp, pipe_eof_clear);
	ATF_TP_ADD_TC(tp, pipe_write_end);
	ATF_TP_ADD_TC(tp, pipe_bidirectional);
	ATF_TP_ADD_TC(tp, pipe_clear);
	ATF_TP_ADD_TC(tp, fifo_counts_bytes);
	ATF_TP_ADD_TC(tp, fifo_no_writer_yet);
	ATF_TP_ADD_TC(tp, fifo_eof);
	ATF_TP_ADD_TC(tp, fifo_again);
	ATF_TP_ADD_TC(tp, fifo_again_clear);
	ATF_TP_ADD_TC(tp, tty_canonical);
	ATF_TP_ADD_TC(tp, tty_end_of_file);
	ATF_TP_ADD_TC(tp, tty_raw);
	ATF_TP_ADD_TC(tp, tty_vmin);
	ATF_TP_ADD_TC(tp, tty_vmin_clear);
	ATF_TP_ADD_TC(tp, tty_hangup);
	ATF_TP_ADD_TC(tp, pty_counts_bytes);
	ATF_TP_ADD_TC(tp, pty_slave_closed);
	ATF_TP_ADD_TC(tp, pty_slave_closed_data);
	ATF_TP_ADD_TC(tp, pty_never_opened);
	ATF_TP_ADD_TC(tp, pty_reopened);
	ATF_TP_ADD_TC(tp, devtty);
	ATF_TP_ADD_TC(tp, dev_null);
	ATF_TP_ADD_TC(tp, dev_zero);
	ATF_TP_ADD_TC(tp, dev_random);
	ATF_TP_ADD_TC(tp, dev_urandom);
	ATF_TP_ADD_TC(tp, dev_closed);
	ATF_TP_ADD_TC(tp, mqueue);
	ATF_TP_ADD_TC(tp, eventfd_counter);
	ATF_TP_ADD_TC(tp, eventfd_huge);
	ATF_TP_ADD_TC(tp, error_alone);
	ATF_TP_ADD_TC(tp, eventfd_clear);
	ATF_TP_ADD_TC(tp, timerfd);
	ATF_TP_ADD_TC(tp, signalfd_ready);
	ATF_TP_ADD_TC(tp, inotify);
	ATF_TP_ADD_TC(tp, pidfd);
	ATF_TP_ADD_TC(tp, epoll_inside);
	ATF_TP_ADD_TC(tp, kqueue_count);
	ATF_TP_ADD_TC(tp, kqueue_count_fds);
	ATF_TP_ADD_TC(tp, kqueue_wakes);
	ATF_TP_ADD_TC(tp, kqueue_outer_clear);
	ATF_TP_ADD_TC(tp, kqueue_outer_clear_fds);
	ATF_TP_ADD_TC(tp, kqueue_stale);
	ATF_TP_ADD_TC(tp, kqueue_stale_gone);
	ATF_TP_ADD_TC(tp, kqueue_disabled_queued);
	ATF_TP_ADD_TC(tp, kqueue_closed);
	ATF_TP_ADD_TC(tp, kqueue_three_deep);
	ATF_TP_ADD_TC(tp, lowat_on_write_end);
	ATF_TP_ADD_TC(tp, kqueue_outer_clear_silent);
	ATF_TP_ADD_TC(tp, kqueue_added_again);
	ATF_TP_ADD_TC(tp, no_descriptor);
	ATF_TP_ADD_TC(tp, kqueue_inner_busy);
	ATF_TP_ADD_TC(tp, kqueue_inner_busy_clear);
	return (atf_no_error());
}
