/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVFILT_WRITE on everything but regular files and directories.
 */
#include "sock_test.h"

#include <sys/eventfd.h>

#include <mqueue.h>

#define	R	EVFILT_READ
#define	W	EVFILT_WRITE
#define	DEAD	(EV_EOF | EV_NODATA | EV_HUP)

/* The one event of fd, whose data is looked at by the caller. */
#define	write_data(kq, fd, flags)					\
	write_event(kq, fd, flags, __FILE__, __LINE__)

static intptr_t
write_event(int kq, int fd, unsigned flags, const char *file, int line)
{
	struct kevent kev[2];
	int n;

	n = kq_test_collected(kq_test_collect(kq, kev, 2), file, line);
	if (n != 1)
		atf_tc_fail("%s:%d: %d events, wanted 1", file, line, n);
	kq_test_match(&kev[0], (uintptr_t)fd, W,
	    KQ_WANT(.flags = flags, .fflags = 0), file, line);
	return (kev[0].data);
}

/* The free space, which a mark of 0 reports even when there is none. */
static intptr_t
write_space(int fd)
{
	intptr_t data;
	int kq;

	kq = KQ_OPEN();
	KQ_CHANGE(kq, fd, W, EV_ADD, NOTE_LOWAT, 0);
	data = write_data(kq, fd, 0);
	KQ_CHANGE(kq, fd, W, EV_DELETE, 0, 0);
	return (data);
}

/* data is free space, and no space is not ready. */
static void
write_space_counts(enum pair kind)
{
	intptr_t data;
	size_t total;
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	data = write_data(kq, sv[0], 0);
	ATF_CHECK_MSG(data > 0 && data <= sock_option(sv[0], SO_SNDBUF),
	    "data %jd of %d", (intmax_t)data, sock_option(sv[0], SO_SNDBUF));
	(void)write_data(kq, sv[0], 0);
	KQ_POLL_READABLE(kq);
	total = sock_fill(sv[0]);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	sock_read(sv[1], total);
	data = write_data(kq, sv[0], 0);
	ATF_CHECK_MSG(data > 0 && data <= sock_option(sv[0], SO_SNDBUF),
	    "data %jd of %d", (intmax_t)data, sock_option(sv[0], SO_SNDBUF));
	pair_close(sv);
}

KQ_TC(tcp_space, "WRITE-1: data is free space; full is not ready, TCP")
{
	write_space_counts(P_TCP);
}

KQ_TC(tcp6_space, "WRITE-1: data is free space; full is not ready, IPv6")
{
	write_space_counts(P_TCP6);
}

KQ_TC(unix_space, "WRITE-1, WRITE-8: the same, AF_UNIX stream")
{
	write_space_counts(P_UNIX);
}

/* Space is what is left, not what is queued. */
static void
write_space_grows(enum pair kind)
{
	intptr_t idle, full;
	size_t total;
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	idle = write_space(sv[0]);
	total = sock_fill(sv[0]);
	full = write_space(sv[0]);
	ATF_CHECK_MSG(full < idle, "%jd when full, %jd when idle",
	    (intmax_t)full, (intmax_t)idle);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_read(sv[1], total);
	ATF_CHECK(write_data(kq, sv[0], 0) > full);
	pair_close(sv);
}

KQ_TC(tcp_space_grows, "WRITE-1: space grows when the peer reads, TCP")
{
	write_space_grows(P_TCP);
}

KQ_TC(unix_space_grows, "WRITE-1: space grows when the peer reads, AF_UNIX")
{
	write_space_grows(P_UNIX);
}

/* Never connected: not ready; then connected: ready. */
static void
write_fresh(enum listener kind, unsigned mode)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, kq, ls;

	kq = KQ_OPEN();
	ls = listener_open(kind, 4, &ss, &len);
	fd = socket(listener_af(kind), listener_type(kind), 0);
	ATF_REQUIRE(fd != -1);
	KQ_CHANGE(kq, fd, W, EV_ADD | mode, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(0, connect(fd, (struct sockaddr *)&ss, len));
	ATF_CHECK(write_data(kq, fd, mode) > 0);
	if (mode != 0) {
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
	}
	(void)close(fd);
	(void)close(ls);
}

KQ_TC(tcp_fresh, "WRITE-2, WRITE-3: not ready before connect(2), TCP")
{
	write_fresh(L_TCP, 0);
}

KQ_TC(tcp_fresh_clear, "WRITE-2, WRITE-3: the same with EV_CLEAR")
{
	write_fresh(L_TCP, EV_CLEAR);
}

KQ_TC(tcp_fresh_oneshot, "WRITE-2, WRITE-3: the same with EV_ONESHOT")
{
	write_fresh(L_TCP, EV_ONESHOT);
}

KQ_TC(unix_fresh, "WRITE-2, WRITE-3: not ready before connect(2), AF_UNIX")
{
	write_fresh(L_UNIX, 0);
}

KQ_TC(unix_fresh_clear, "WRITE-2, WRITE-3: the same with EV_CLEAR")
{
	write_fresh(L_UNIX, EV_CLEAR);
}

/* A connection that hangs because the listener's queue is full. */
static void
write_connecting(unsigned mode)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int c, fd, kq, ls, queued;

	kq = KQ_OPEN();
	ls = listener_open(L_TCP, 0, &ss, &len);
	ATF_REQUIRE((queued = socket(AF_INET, SOCK_STREAM, 0)) != -1);
	ATF_REQUIRE_EQ(0, connect(queued, (struct sockaddr *)&ss, len));
	sock_poll(ls, POLLIN);
	ATF_REQUIRE((c = socket(AF_INET, SOCK_STREAM, 0)) != -1);
	sock_connect_begin(c, &ss, len);
	KQ_CHANGE(kq, c, W, EV_ADD | mode, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(TCP_SYN_SENT, tcp_told(c).tcpi_state);
	ATF_REQUIRE((fd = accept(ls, NULL, NULL)) != -1);
	ATF_REQUIRE_EQ(0, close(fd));
	/* The request is sent again a second after the first one. */
	ATF_CHECK(write_data(kq, c, mode) > 0);
	if (mode != 0)
		KQ_EXPECT_NOTHING(kq);
	(void)close(c);
	(void)close(queued);
	(void)close(ls);
}

KQ_TC(connecting, "WRITE-2, WRITE-3: not ready until the connect completes")
{
	write_connecting(0);
}

KQ_TC(connecting_clear, "WRITE-3: with EV_CLEAR the completion comes once")
{
	write_connecting(EV_CLEAR);
}

KQ_TC(refused, "WRITE-3: a refused connect")
{
	struct sockaddr_storage ss;
	socklen_t len;
	int kq = KQ_OPEN(), fd, refusing;

	refusing = tcp_refusing(AF_INET, &ss, &len);
	ATF_REQUIRE((fd = socket(AF_INET, SOCK_STREAM, 0)) != -1);
	KQ_CHANGE(kq, fd, W, EV_ADD | EV_DISPATCH, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_connect_begin(fd, &ss, len);
	KQ_EXPECT(kq, fd, W, .flags = EV_DISPATCH | DEAD,
	    .fflags = ECONNREFUSED);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_CHECK_EQ(ECONNREFUSED, sock_error(fd));
	(void)close(fd);
	(void)close(refusing);
}

/* The own SHUT_WR, then the other direction. */
static void
write_shut(enum pair kind, bool before)
{
	intptr_t data;
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	if (before)
		ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_WR));
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	if (!before) {
		KQ_EXPECT(kq, sv[0], W, .flags = 0);
		ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_WR));
	}
	data = write_data(kq, sv[0], EV_EOF | EV_NODATA);
	ATF_CHECK_MSG(data > 0, "data %jd", (intmax_t)data);
	(void)write_data(kq, sv[0], EV_EOF | EV_NODATA);
	ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
	sock_poll(sv[0], POLLHUP);
	KQ_EXPECT(kq, sv[0], W, .flags = DEAD, .fflags = 0);
	pair_close(sv);
}

KQ_TC(tcp_shut, "WRITE-4: the own SHUT_WR; EV_HUP with the peer's, TCP")
{
	write_shut(P_TCP, false);
}

KQ_TC(tcp_shut_before, "WRITE-4: SHUT_WR before EV_ADD, TCP")
{
	write_shut(P_TCP, true);
}

KQ_TC(unix_shut, "WRITE-4: the own SHUT_WR, AF_UNIX")
{
	write_shut(P_UNIX, false);
}

KQ_TC(unix_shut_before, "WRITE-4: SHUT_WR before EV_ADD, AF_UNIX")
{
	write_shut(P_UNIX, true);
}

KQ_TC(shut_ready_when_full, "WRITE-4: SHUT_WR makes a full socket ready")
{
	int kq = KQ_OPEN(), sv[2], kind;

	for (kind = P_TCP; kind <= P_UNIX; kind += P_UNIX - P_TCP) {
		pair_open((enum pair)kind, sv);
		KQ_CHANGE(kq, sv[0], W, EV_ADD, NOTE_LOWAT, INT_MAX);
		(void)sock_fill(sv[0]);
		KQ_EXPECT_NOTHING(kq);
		ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_WR));
		KQ_EXPECT(kq, sv[0], W, .flags = EV_EOF | EV_NODATA,
		    .fflags = 0);
		pair_close(sv);
	}
}

KQ_TC(shut_clear, "WRITE-4: with EV_CLEAR the own SHUT_WR comes once")
{
	int kq = KQ_OPEN(), sv[2], kind;

	for (kind = P_TCP; kind <= P_UNIX; kind += P_UNIX - P_TCP) {
		pair_open((enum pair)kind, sv);
		KQ_CHANGE(kq, sv[0], W, EV_ADD | EV_CLEAR, 0, 0);
		KQ_EXPECT(kq, sv[0], W, .flags = EV_CLEAR);
		KQ_EXPECT_NOTHING(kq);
		sock_shut(sv[0]);
		KQ_EXPECT(kq, sv[0], W,
		    .flags = EV_CLEAR | EV_EOF | EV_NODATA, .fflags = 0);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		pair_close(sv);
	}
}

KQ_TC(shut_by_dup, "WRITE-4: SHUT_WR through another number of the socket")
{
	int kq = KQ_OPEN(), sv[2], other;

	tcp_pair(sv);
	ATF_REQUIRE((other = dup(sv[0])) != -1);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	KQ_EXPECT(kq, sv[0], W, .flags = 0);
	ATF_REQUIRE_EQ(0, shutdown(other, SHUT_WR));
	KQ_EXPECT(kq, sv[0], W, .flags = EV_EOF | EV_NODATA);
	(void)close(other);
	pair_close(sv);
}

KQ_TC(shut_rdwr, "WRITE-4: SHUT_RDWR gives EV_HUP at once")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_RDWR));
	KQ_EXPECT(kq, sv[0], W, .flags = DEAD, .fflags = 0);
	pair_close(sv);
}

KQ_TC(shut_hides_nothing, "WRITE-4: finding SHUT_WR out raises no SIGPIPE")
{
	int kq = KQ_OPEN(), sv[2];
	char c;

	/* SIGPIPE would end the case; the peer has to see EOF, no bytes. */
	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_WR));
	KQ_EXPECT(kq, sv[0], W, .flags = EV_EOF | EV_NODATA);
	sock_poll(sv[1], POLLIN);
	ATF_CHECK_EQ(0, read(sv[1], &c, 1));
	pair_close(sv);
}

/* The peer's half close is READ's business. */
static void
write_peer_fin(enum pair kind, unsigned mode)
{
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD | mode, 0, 0);
	KQ_EXPECT(kq, sv[0], W, .flags = mode);
	ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
	sock_poll(sv[0], POLLRDHUP);
	if (mode == 0)
		(void)write_data(kq, sv[0], 0);
	else {
		/* It may have come with room; dropping it could lose that. */
		atf_tc_expect_fail("the peer's FIN makes an edge for OUT too");
		KQ_EXPECT_NOTHING(kq);
	}
	sock_write(sv[0], 5);
	sock_read(sv[1], 5);
	pair_close(sv);
}

KQ_TC(tcp_peer_fin, "WRITE-5: the peer's FIN does not touch WRITE, TCP")
{
	write_peer_fin(P_TCP, 0);
}

KQ_TC(tcp_peer_fin_clear, "WRITE-5: the same with EV_CLEAR: no event")
{
	write_peer_fin(P_TCP, EV_CLEAR);
}

KQ_TC(unix_peer_fin, "WRITE-5: the peer's SHUT_WR, AF_UNIX")
{
	write_peer_fin(P_UNIX, 0);
}

KQ_TC(unix_peer_fin_clear, "WRITE-5: the same with EV_CLEAR: no event")
{
	write_peer_fin(P_UNIX, EV_CLEAR);
}

KQ_TC(tcp_peer_fin_full, "WRITE-5: the peer's FIN does not make room")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	(void)sock_fill(sv[0]);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, shutdown(sv[1], SHUT_WR));
	sock_poll(sv[0], POLLRDHUP);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	pair_close(sv);
}

KQ_TC(reset, "WRITE-4: reset by the peer")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	(void)sock_fill(sv[0]);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_reset(sv[1]);
	KQ_EXPECT(kq, sv[0], W, .flags = DEAD, .fflags = ECONNRESET);
	KQ_EXPECT(kq, sv[0], W, .flags = DEAD, .fflags = ECONNRESET);
	ATF_CHECK_EQ(ECONNRESET, sock_error(sv[0]));
	(void)close(sv[0]);
}

KQ_TC(udp_error, "WRITE-6: an ICMP error is ready, and no EOF")
{
	int kq = KQ_OPEN(), fd;

	fd = udp_nowhere();
	KQ_CHANGE(kq, fd, W, EV_ADD | EV_CLEAR, 0, 0);
	(void)write_data(kq, fd, EV_CLEAR);
	KQ_EXPECT_NOTHING(kq);
	sock_write(fd, 5);
	sock_poll(fd, POLLERR);
	(void)write_data(kq, fd, EV_CLEAR);
	ATF_CHECK_EQ(ECONNREFUSED, sock_error(fd));
	(void)close(fd);
}

KQ_TC(udp_error_level, "WRITE-6: the same in level mode, error left alone")
{
	int kq = KQ_OPEN(), fd;

	fd = udp_nowhere();
	sock_write(fd, 5);
	sock_poll(fd, POLLERR);
	KQ_CHANGE(kq, fd, W, EV_ADD, 0, 0);
	(void)write_data(kq, fd, 0);
	(void)write_data(kq, fd, 0);
	ATF_CHECK_EQ(ECONNREFUSED, sock_error(fd));
	(void)write_data(kq, fd, 0);
	(void)close(fd);
}

/* NOTE_LOWAT beyond the buffer is never met, until EOF. */
static void
write_lowat_huge(enum pair kind)
{
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, NOTE_LOWAT, INT_MAX);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_WR));
	KQ_EXPECT(kq, sv[0], W, .flags = EV_EOF | EV_NODATA);
	pair_close(sv);
}

KQ_TC(tcp_lowat_huge, "WRITE-7: a mark beyond the buffer, EOF overrides, TCP")
{
	write_lowat_huge(P_TCP);
}

KQ_TC(unix_lowat_huge, "WRITE-7: the same, AF_UNIX")
{
	write_lowat_huge(P_UNIX);
}

KQ_TC(lowat_error, "WRITE-7: an error overrides the mark")
{
	int kq = KQ_OPEN(), fd;

	fd = udp_nowhere();
	KQ_CHANGE(kq, fd, W, EV_ADD, NOTE_LOWAT, INT_MAX);
	KQ_EXPECT_NOTHING(kq);
	sock_write(fd, 5);
	sock_poll(fd, POLLERR);
	(void)write_data(kq, fd, 0);
	(void)close(fd);
}

KQ_TC(lowat_zero, "WRITE-7: a mark of 0 or less is ready, even when full")
{
	int kq = KQ_OPEN(), sv[2], kind;

	for (kind = P_TCP; kind <= P_UNIX; kind += P_UNIX - P_TCP) {
		pair_open((enum pair)kind, sv);
		(void)sock_fill(sv[0]);
		KQ_CHANGE(kq, sv[0], W, EV_ADD, NOTE_LOWAT, 0);
		(void)write_data(kq, sv[0], 0);
		(void)write_data(kq, sv[0], 0);
		KQ_CHANGE(kq, sv[0], W, EV_ADD, NOTE_LOWAT, -1);
		(void)write_data(kq, sv[0], 0);
		KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		pair_close(sv);
	}
}

KQ_TC(lowat_changed, "WRITE-7: later changes set and drop the mark")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, NOTE_LOWAT, INT_MAX);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, NOTE_LOWAT, 1);
	(void)write_data(kq, sv[0], 0);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, NOTE_LOWAT, INT_MAX);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, sv[0], W, EV_ENABLE, 0, 0);
	(void)write_data(kq, sv[0], 0);
	pair_close(sv);
}

KQ_TC(lowat_per_knote, "WRITE-7: two kqueues have a mark each")
{
	int a = KQ_OPEN(), b = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(a, sv[0], W, EV_ADD, NOTE_LOWAT, INT_MAX);
	KQ_CHANGE(b, sv[0], W, EV_ADD, NOTE_LOWAT, 1);
	KQ_EXPECT_NOTHING(a);
	(void)write_data(b, sv[0], 0);
	pair_close(sv);
}

/* The mark is met when the peer reads, whether or not the kernel says so. */
static void
write_lowat_met(enum pair kind, unsigned mode)
{
	intptr_t idle;
	size_t total;
	int kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	idle = write_space(sv[0]);
	total = sock_fill(sv[0]);
	KQ_CHANGE(kq, sv[0], W, EV_ADD | mode, NOTE_LOWAT, idle / 2);
	KQ_EXPECT_NOTHING(kq);
	sock_read(sv[1], total);
	ATF_CHECK(write_data(kq, sv[0], mode) >= idle / 2);
	pair_close(sv);
}

KQ_TC(tcp_lowat_met, "WRITE-7: ready from the mark on, TCP")
{
	write_lowat_met(P_TCP, 0);
}

KQ_TC(tcp_lowat_met_clear, "WRITE-7: the same with EV_CLEAR")
{
	write_lowat_met(P_TCP, EV_CLEAR);
}

KQ_TC(unix_lowat_met, "WRITE-7: ready from the mark on, AF_UNIX")
{
	write_lowat_met(P_UNIX, 0);
}

KQ_TC(lowat_unmet_while_writable, "WRITE-7: unmet though the kernel has room")
{
	intptr_t idle;
	int kq = KQ_OPEN(), sv[2];

	/* A little is queued, so the whole buffer is not free. */
	unix_pair(SOCK_STREAM, sv);
	idle = write_space(sv[0]);
	sock_write(sv[0], 1000);
	ATF_REQUIRE(write_space(sv[0]) < idle);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, NOTE_LOWAT, idle);
	KQ_EXPECT_NOTHING(kq);
	sock_read(sv[1], 1000);
	ATF_CHECK_EQ(idle, write_data(kq, sv[0], 0));
	pair_close(sv);
}

KQ_TC(unix_peer_closed, "WRITE-8: an AF_UNIX peer that closed: EV_HUP")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, close(sv[1]));
	KQ_EXPECT(kq, sv[0], W, .flags = DEAD, .fflags = 0);
	KQ_EXPECT(kq, sv[0], W, .flags = DEAD, .fflags = 0);
	(void)close(sv[0]);
}

KQ_TC(udp_ready, "WRITE-9: a datagram socket is ready; data is its buffer")
{
	intptr_t data;
	int kq = KQ_OPEN(), sv[2], fd;

	udp_pair(AF_INET, sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	data = write_data(kq, sv[0], 0);
	ATF_CHECK(data > 0 && data <= sock_option(sv[0], SO_SNDBUF));
	sock_write(sv[0], 1000);
	ATF_CHECK(write_data(kq, sv[0], 0) > 0);
	pair_close(sv);
	ATF_REQUIRE((fd = socket(AF_INET, SOCK_DGRAM, 0)) != -1);
	KQ_CHANGE(kq, fd, W, EV_ADD | EV_CLEAR, 0, 0);
	ATF_CHECK(write_data(kq, fd, EV_CLEAR) > 0);
	KQ_EXPECT_NOTHING(kq);
	(void)close(fd);
}

KQ_TC(unix_dgram_ready, "WRITE-9: an AF_UNIX datagram socket is ready")
{
	int kq = KQ_OPEN(), sv[2], fd;

	unix_pair(SOCK_DGRAM, sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	ATF_CHECK(write_data(kq, sv[0], 0) > 0);
	pair_close(sv);
	ATF_REQUIRE((fd = socket(AF_UNIX, SOCK_DGRAM, 0)) != -1);
	KQ_CHANGE(kq, fd, W, EV_ADD, 0, 0);
	ATF_CHECK(write_data(kq, fd, 0) > 0);
	(void)close(fd);
}

KQ_TC(unix_dgram_full_peer, "WRITE-9: an AF_UNIX datagram peer that is full")
{
	int kq = KQ_OPEN(), sv[2];
	char c = 0;

	unix_pair(SOCK_DGRAM, sv);
	sock_nonblock(sv[0]);
	while (send(sv[0], &c, 1, 0) == 1)
		continue;
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	atf_tc_expect_fail("the kernel waits for the peer's queue");
	KQ_EXPECT_NOW(kq, sv[0], W, .flags = 0);
	pair_close(sv);
}

KQ_TC(listener_not_ready, "WRITE-10: a listening socket is not ready")
{
	struct sockaddr_storage ss;
	socklen_t len;
	int kq = KQ_OPEN(), c, kind, ls;

	for (kind = L_TCP; kind <= L_UNIX; kind += L_UNIX - L_TCP) {
		ls = listener_open((enum listener)kind, 4, &ss, &len);
		KQ_CHANGE(kq, ls, W, EV_ADD, 0, 0);
		KQ_EXPECT_NOTHING(kq);
		c = listener_client((enum listener)kind, ls, &ss, len, 1);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		(void)close(c);
		(void)close(ls);
	}
}

/* After having been full, with EV_CLEAR. */
static void
write_clear_full(enum pair kind)
{
	size_t total;
	int i, kq, sv[2];

	kq = KQ_OPEN();
	pair_open(kind, sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD | EV_CLEAR, 0, 0);
	ATF_CHECK(write_data(kq, sv[0], EV_CLEAR) > 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	for (i = 0; i < 3; i++) {
		total = sock_fill(sv[0]);
		/* TCP made room while it was filled; that may be told. */
		while (KQ_COLLECT_NOW(kq) == 1)
			continue;
		KQ_EXPECT_NOTHING(kq);
		sock_read(sv[1], total);
		ATF_CHECK(write_data(kq, sv[0], EV_CLEAR) > 0);
	}
	pair_close(sv);
}

KQ_TC(tcp_clear_full, "WRITE-11: EV_CLEAR fires when room comes, TCP")
{
	write_clear_full(P_TCP);
}

KQ_TC(unix_clear_full, "WRITE-11: EV_CLEAR fires when room comes, AF_UNIX")
{
	write_clear_full(P_UNIX);
}

KQ_TC(unix_clear_each_read, "WRITE-11: each release of space, AF_UNIX")
{
	int kq = KQ_OPEN(), sv[2], i;

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD | EV_CLEAR, 0, 0);
	ATF_CHECK(write_data(kq, sv[0], EV_CLEAR) > 0);
	for (i = 0; i < 3; i++) {
		sock_write(sv[0], 100);
		KQ_EXPECT_NOTHING(kq);
		sock_read(sv[1], 100);
		ATF_CHECK(write_data(kq, sv[0], EV_CLEAR) > 0);
		KQ_EXPECT_NOTHING(kq);
	}
	pair_close(sv);
}

KQ_TC(tcp_clear_each_ack, "WRITE-11: each release of space, TCP")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD | EV_CLEAR, 0, 0);
	ATF_CHECK(write_data(kq, sv[0], EV_CLEAR) > 0);
	sock_write(sv[0], 100);
	sock_read(sv[1], 100);
	atf_tc_expect_fail("TCP notifies only after the buffer was full");
	KQ_EXPECT_NOW(kq, sv[0], W, .flags = EV_CLEAR);
	pair_close(sv);
}

/* What a pipe has left. */
static void
write_pipe(int r, int w)
{
	intptr_t data, size;
	size_t total;
	int kq;

	kq = KQ_OPEN();
	size = fcntl(w, F_GETPIPE_SZ);
	ATF_REQUIRE(size > 0);
	KQ_CHANGE(kq, w, W, EV_ADD, NOTE_LOWAT, INT_MAX);
	data = write_data(kq, w, 0);
	ATF_CHECK_MSG(data >= PIPE_BUF && data <= size, "data %jd",
	    (intmax_t)data);
	sock_write(w, 4096);
	ATF_CHECK(write_data(kq, w, 0) < data);
	total = sock_fill(w);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	sock_read(r, total + 4096);
	ATF_CHECK_EQ(data, write_data(kq, w, 0));
	(void)close(r);
	(void)close(w);
}

KQ_TC(pipe_space, "WRITE-12: data is the pipe's free space, no NOTE_LOWAT")
{
	int pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	write_pipe(pfd[0], pfd[1]);
}

KQ_TC(pipe_clear, "WRITE-12: EV_CLEAR on a pipe fires when it was full")
{
	size_t total;
	int kq = KQ_OPEN(), pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	KQ_CHANGE(kq, pfd[1], W, EV_ADD | EV_CLEAR, 0, 0);
	(void)write_data(kq, pfd[1], EV_CLEAR);
	KQ_EXPECT_NOTHING(kq);
	total = sock_fill(pfd[1]);
	KQ_EXPECT_NOTHING(kq);
	sock_read(pfd[0], total);
	(void)write_data(kq, pfd[1], EV_CLEAR);
	pair_close(pfd);
}

KQ_TC(pipe_reader_gone, "WRITE-13: the reader closed: EOF, and data is 0")
{
	int kq = KQ_OPEN(), pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	KQ_CHANGE(kq, pfd[1], W, EV_ADD, 0, 0);
	(void)write_data(kq, pfd[1], 0);
	ATF_REQUIRE_EQ(0, close(pfd[0]));
	KQ_EXPECT(kq, pfd[1], W, .flags = EV_EOF | EV_NODATA, .fflags = 0,
	    .data = 0);
	KQ_EXPECT(kq, pfd[1], W, .flags = EV_EOF | EV_NODATA, .data = 0);
	(void)close(pfd[1]);
}

KQ_TC(pipe_reader_gone_full, "WRITE-13: the same when the pipe is full")
{
	int kq = KQ_OPEN(), pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	KQ_CHANGE(kq, pfd[1], W, EV_ADD | EV_CLEAR, 0, 0);
	(void)write_data(kq, pfd[1], EV_CLEAR);
	(void)sock_fill(pfd[1]);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, close(pfd[0]));
	KQ_EXPECT(kq, pfd[1], W, .flags = EV_CLEAR | EV_EOF | EV_NODATA,
	    .data = 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(pfd[1]);
}

KQ_TC(pipe_no_reader_add, "WRITE-14: EV_ADD without a reader is EPIPE")
{
	int kq = KQ_OPEN(), pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	ATF_REQUIRE_EQ(0, close(pfd[0]));
	KQ_CHANGE_ERROR(kq, EPIPE, pfd[1], W, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, pfd[1], W, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	(void)close(pfd[1]);
}

KQ_TC(pipe_read_end, "WRITE-15: WRITE on the read end can be registered")
{
	int kq = KQ_OPEN(), pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	KQ_CHANGE(kq, pfd[0], W, EV_ADD, 0, 0);
	KQ_CHANGE(kq, pfd[0], R, EV_ADD, 0, 0);
	sock_write(pfd[1], 5);
	sock_poll(pfd[0], POLLIN);
	KQ_CHANGE(kq, pfd[0], W, EV_DELETE, 0, 0);
	KQ_EXPECT(kq, pfd[0], R, .flags = 0, .data = 5);
	pair_close(pfd);
}

KQ_TC(pipe_bidirectional, "WRITE-15: it reports the other direction's room")
{
	int kq = KQ_OPEN(), pfd[2];

	ATF_REQUIRE_EQ(0, pipe(pfd));
	KQ_CHANGE(kq, pfd[0], W, EV_ADD, 0, 0);
	atf_tc_expect_fail("a pipe carries data one way only");
	KQ_EXPECT_NOW(kq, pfd[0], W, .flags = 0);
	pair_close(pfd);
}

/* A FIFO's ends. */
static void
fifo_pair(int *rp, int *wp)
{
	(void)mkfifo("fifo", 0600);
	ATF_REQUIRE((*rp = open("fifo", O_RDONLY | O_NONBLOCK)) != -1);
	ATF_REQUIRE((*wp = open("fifo", O_WRONLY | O_NONBLOCK)) != -1);
}

KQ_TC(fifo_space, "WRITE-16: data is the FIFO's free space")
{
	int r, w;

	fifo_pair(&r, &w);
	write_pipe(r, w);
}

/* The reader goes and another one comes. */
static void
write_fifo_again(unsigned mode)
{
	int i, kq, r, w;

	kq = KQ_OPEN();
	fifo_pair(&r, &w);
	KQ_CHANGE(kq, w, W, EV_ADD | mode, 0, 0);
	ATF_CHECK(write_data(kq, w, mode) > 0);
	for (i = 0; i < 3; i++) {
		ATF_REQUIRE_EQ(0, close(r));
		KQ_EXPECT(kq, w, W, .flags = mode | EV_EOF | EV_NODATA,
		    .fflags = 0);
		ATF_REQUIRE((r = open("fifo", O_RDONLY | O_NONBLOCK)) != -1);
		/* With EV_CLEAR the room that is back need not be news. */
		if (mode != 0)
			KQ_CHANGE(kq, w, W, EV_ADD, 0, 0);
		ATF_CHECK(write_data(kq, w, mode) > 0);
	}
	(void)close(r);
	(void)close(w);
}

KQ_TC(fifo_again, "WRITE-16: no reader is EOF, until one opens again")
{
	write_fifo_again(0);
}

KQ_TC(fifo_again_clear, "WRITE-16: the same with EV_CLEAR")
{
	write_fifo_again(EV_CLEAR);
}

KQ_TC(tty_ready, "WRITE-18: a terminal with no output is ready, data is 0")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	KQ_CHANGE(kq, pt[1], W, EV_ADD, 0, 0);
	KQ_EXPECT(kq, pt[1], W, .flags = 0, .fflags = 0, .data = 0);
	KQ_EXPECT(kq, pt[1], W, .flags = 0, .data = 0);
	pair_close(pt);
}

KQ_TC(tty_hangup, "WRITE-18: a hung up terminal is ready, without EV_EOF")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	KQ_CHANGE(kq, pt[1], W, EV_ADD, 0, 0);
	KQ_EXPECT(kq, pt[1], W, .flags = 0);
	ATF_REQUIRE_EQ(0, close(pt[0]));
	KQ_EXPECT(kq, pt[1], W, .flags = 0, .fflags = 0);
	(void)close(pt[1]);
}

KQ_TC(tty_full, "WRITE-18: a terminal that cannot take more is not ready")
{
	size_t total;
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	pty_raw(pt[1], 1);
	KQ_CHANGE(kq, pt[1], W, EV_ADD, 0, 0);
	total = sock_fill(pt[1]);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	sock_read(pt[0], total);
	KQ_EXPECT(kq, pt[1], W, .flags = 0);
	pair_close(pt);
}

KQ_TC(tty_counts_output, "WRITE-18: data is what the master has not read yet")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	pty_raw(pt[1], 1);
	KQ_CHANGE(kq, pt[1], W, EV_ADD, 0, 0);
	KQ_EXPECT(kq, pt[1], W, .data = 0);
	sock_write(pt[1], 5);
	sock_await(pt[0], 5);
	atf_tc_expect_fail("the kernel hands the output over at once");
	KQ_EXPECT(kq, pt[1], W, .data = 5);
	pair_close(pt);
}

KQ_TC(pty_counts_input, "WRITE-18: data is what the slave has not read yet")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	pty_raw(pt[1], 1);
	KQ_CHANGE(kq, pt[0], W, EV_ADD, 0, 0);
	KQ_EXPECT(kq, pt[0], W, .data = 0);
	sock_write(pt[0], 3);
	sock_await(pt[1], 3);
	atf_tc_expect_fail("the kernel counts that for the slave only");
	KQ_EXPECT(kq, pt[0], W, .data = 3);
	pair_close(pt);
}

KQ_TC(pty_ready, "WRITE-18: a pty master is ready while the slave is open")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	KQ_CHANGE(kq, pt[0], W, EV_ADD, 0, 0);
	KQ_EXPECT(kq, pt[0], W, .flags = 0, .fflags = 0);
	pair_close(pt);
}

KQ_TC(pty_never_opened, "WRITE-18: before the slave was opened: not ready")
{
	int kq = KQ_OPEN(), master;
	char name[64];

	master = pty_master(name, sizeof(name));
	KQ_CHANGE(kq, master, W, EV_ADD, 0, 0);
	atf_tc_expect_fail("the kernel takes input before the slave is opened");
	KQ_EXPECT_NOTHING(kq);
	(void)close(master);
}

KQ_TC(pty_slave_closed, "WRITE-18: the slave closed: EOF on the master")
{
	int kq = KQ_OPEN(), pt[2];
	char name[64];

	pty_pair(pt, name, sizeof(name));
	KQ_CHANGE(kq, pt[0], W, EV_ADD, 0, 0);
	KQ_EXPECT(kq, pt[0], W, .flags = 0);
	ATF_REQUIRE_EQ(0, close(pt[1]));
	KQ_EXPECT(kq, pt[0], W, .flags = EV_EOF | EV_NODATA, .fflags = 0);
	(void)close(pt[0]);
}

KQ_TC(kqueue_refused, "WRITE-19: WRITE on a kqueue is EOPNOTSUPP")
{
	int kq = KQ_OPEN(), in = KQ_OPEN();

	KQ_CHANGE_ERROR(kq, EOPNOTSUPP, in, W, EV_ADD, 0, 0);
	KQ_CHANGE_ERROR(kq, ENOENT, in, W, EV_DELETE, 0, 0);
}

KQ_TC(devices, "WRITE-19: null-like devices are always ready")
{
	static const char *const path[] = { "/dev/null", "/dev/zero" };
	int kq = KQ_OPEN(), fd;
	size_t i;

	for (i = 0; i < 2; i++) {
		ATF_REQUIRE((fd = open(path[i], O_WRONLY)) != -1);
		KQ_CHANGE(kq, fd, W, EV_ADD, 0, 0);
		KQ_POLL_READABLE(kq);
		KQ_EXPECT_NOW(kq, fd, W, .flags = 0, .fflags = 0);
		KQ_EXPECT_NOW(kq, fd, W, .flags = 0);
		KQ_CHANGE(kq, fd, W, EV_DELETE, 0, 0);
		KQ_EXPECT_NOTHING(kq);
		KQ_POLL_SILENT(kq);
		KQ_CHANGE(kq, fd, W, EV_ADD | EV_ONESHOT, 0, 0);
		KQ_EXPECT_NOW(kq, fd, W, .flags = EV_ONESHOT);
		KQ_EXPECT_NOTHING(kq);
		(void)close(fd);
	}
}

KQ_TC(mqueue, "WRITE-19: a message queue that is not full is ready")
{
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 16 };
	char name[32], buf[16];
	int kq = KQ_OPEN();
	mqd_t mq;

	snprintf(name, sizeof(name), "/kq-write-%d", (int)getpid());
	mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600,
	    &attr);
	if (mq == (mqd_t)-1 && errno == ENOSYS)
		atf_tc_skip("no message queues here");
	ATF_REQUIRE(mq != (mqd_t)-1);
	ATF_REQUIRE_EQ(0, mq_unlink(name));
	KQ_CHANGE(kq, mq, W, EV_ADD, 0, 0);
	KQ_EXPECT(kq, mq, W, .flags = 0, .fflags = 0);
	ATF_REQUIRE_EQ(0, mq_send(mq, "a", 1, 0));
	KQ_EXPECT(kq, mq, W, .flags = 0);
	ATF_REQUIRE_EQ(0, mq_send(mq, "b", 1, 0));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(1, mq_receive(mq, buf, sizeof(buf), NULL));
	KQ_EXPECT(kq, mq, W, .flags = 0);
	(void)mq_close(mq);
}

KQ_TC(eventfd_room, "READ-49: WRITE on an eventfd: ready unless full")
{
	int kq = KQ_OPEN(), fd;
	eventfd_t v;

	ATF_REQUIRE((fd = eventfd(0, EFD_NONBLOCK)) != -1);
	KQ_CHANGE(kq, fd, W, EV_ADD, 0, 0);
	/* More than data has room for. */
	KQ_EXPECT(kq, fd, W, .flags = 0, .fflags = 0, .data = INTPTR_MAX);
	ATF_REQUIRE_EQ(0, eventfd_write(fd, UINT64_MAX - 1 - 5));
	KQ_EXPECT(kq, fd, W, .flags = 0, .data = 5);
	ATF_REQUIRE_EQ(0, eventfd_write(fd, 5));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	ATF_REQUIRE_EQ(0, eventfd_read(fd, &v));
	KQ_EXPECT(kq, fd, W, .flags = 0, .data = INTPTR_MAX);
	(void)close(fd);
}

KQ_TC(evfilt_empty, "WRITE-20: EVFILT_EMPTY is EINVAL")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE_ERROR(kq, EINVAL, sv[0], -13, EV_ADD, 0, 0);
	pair_close(sv);
}

/* Once the entry that was kept for the next EV_ADD spoke of the hang-up. */
KQ_TC(oneshot_leaves_silence, "SCAN-7: nothing is left of a one-shot knote")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD | EV_ONESHOT, 0, 0);
	KQ_EXPECT(kq, sv[0], W);
	ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_RDWR));
	KQ_POLL_SILENT(kq);
	pair_close(sv);
}

/* Once nobody told a level knote, as AF_UNIX says not writable even then. */
KQ_TC(shut_full_level, "WRITE-4: SHUT_WR makes a full AF_UNIX socket ready")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	(void)sock_fill(sv[0]);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_WR));
	KQ_POLL_READABLE(kq);
	KQ_EXPECT(kq, sv[0], W, .flags = EV_EOF | EV_NODATA);
	KQ_EXPECT(kq, sv[0], W, .flags = EV_EOF | EV_NODATA);
	pair_close(sv);
}

/* Once it came from our queue, and again for the edge that epoll still had. */
KQ_TC(clear_once, "SCAN-7: one activation of EV_CLEAR, with room for one")
{
	struct timespec zero = { 0, 0 };
	struct kevent kev[8];
	int kq = KQ_OPEN(), i, n, seen, sv[2];

	unix_pair(SOCK_STREAM, sv);
	KQ_CHANGE(kq, sv[1], W, EV_ADD, 0, 0);
	KQ_CHANGE(kq, sv[0], W, EV_ADD | EV_CLEAR, 0, 0);
	ATF_REQUIRE_EQ(2, KQ_COLLECT(kq, kev, 8));
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_RDWR));
	seen = 0;
	for (n = 1; n <= 8; n += 7) {
		i = kevent(kq, NULL, 0, kev, n, &zero);
		while (i-- > 0)
			seen += kev[i].ident == (uintptr_t)sv[0] &&
			    kev[i].filter == W;
	}
	ATF_REQUIRE_EQ(1, seen);
	pair_close(sv);
}

KQ_TC(shut_full_before_add, "WRITE-4: SHUT_WR of a full one, before EV_ADD")
{
	int kq = KQ_OPEN(), sv[2];

	unix_pair(SOCK_STREAM, sv);
	(void)sock_fill(sv[0]);
	ATF_REQUIRE_EQ(0, shutdown(sv[0], SHUT_WR));
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	atf_tc_expect_fail("AF_UNIX says not writable, and nobody else asks");
	KQ_EXPECT_NOW(kq, sv[0], W, .flags = EV_EOF | EV_NODATA);
	pair_close(sv);
}

/* What was pending is looked at again: here it has been filled meanwhile. */
static void
write_filled(int fd, void (*fill)(int))
{
	struct kevent kev[2];
	struct timespec zero = { 0, 0 };
	int i, kq = KQ_OPEN();

	KQ_CHANGE(kq, 1, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE(kq, 2, EVFILT_USER, EV_ADD, 0, 0);
	KQ_CHANGE(kq, fd, W, EV_ADD | EV_CLEAR, 0, 0);
	KQ_CHANGE(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	KQ_CHANGE(kq, 2, EVFILT_USER, 0, NOTE_TRIGGER, 0);
	/* One at a time, until the others have had their turn. */
	for (i = 0; i < 2; i++) {
		ATF_REQUIRE_EQ(1, kevent(kq, NULL, 0, kev, 1, &zero));
		if (kev[0].filter == W)
			break;
	}
	fill(fd);
	KQ_CHANGE(kq, 1, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, 2, EVFILT_USER, EV_DELETE, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
}

static void
pipe_fill(int fd)
{
	(void)sock_fill(fd);
}

static void
eventfd_fill(int fd)
{
	ATF_REQUIRE_EQ(0, eventfd_write(fd, UINT64_MAX - 1));
}

KQ_TC(pipe_filled, "SCAN-4, WRITE-12: pending, and full before its delivery")
{
	int p[2];

	ATF_REQUIRE_EQ(0, pipe(p));
	write_filled(p[1], pipe_fill);
	pair_close(p);
}

KQ_TC(eventfd_filled, "SCAN-4, READ-49: the same for an eventfd")
{
	int fd;

	ATF_REQUIRE((fd = eventfd(0, EFD_NONBLOCK)) != -1);
	write_filled(fd, eventfd_fill);
	(void)close(fd);
}

KQ_TC(lowat_unmet_long, "WRITE-7: unmet for long, and looked at less often")
{
	int kq = KQ_OPEN(), sv[2];

	pair_open(P_UNIX, sv);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, NOTE_LOWAT, INT_MAX);
	/* Nothing else comes until this does. */
	KQ_CHANGE(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 250);
	KQ_EXPECT(kq, 1, EVFILT_TIMER, .data = 1);
	KQ_EXPECT_NOTHING(kq);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, NOTE_LOWAT, 1);
	KQ_EXPECT(kq, sv[0], W, .flags = 0, .fflags = 0);
	pair_close(sv);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, tcp_space);
	ATF_TP_ADD_TC(tp, tcp6_space);
	ATF_TP_ADD_TC(tp, unix_space);
	ATF_TP_ADD_TC(tp, tcp_space_grows);
	ATF_TP_ADD_TC(tp, unix_space_grows);
	ATF_TP_ADD_TC(tp, tcp_fresh);
	ATF_TP_ADD_TC(tp, tcp_fresh_clear);
	ATF_TP_ADD_TC(tp, tcp_fresh_oneshot);
	ATF_TP_ADD_TC(tp, unix_fresh);
	ATF_TP_ADD_TC(tp, unix_fresh_clear);
	ATF_TP_ADD_TC(tp, connecting);
	ATF_TP_ADD_TC(tp, connecting_clear);
	ATF_TP_ADD_TC(tp, refused);
	ATF_TP_ADD_TC(tp, tcp_shut);
	ATF_TP_ADD_TC(tp, tcp_shut_before);
	ATF_TP_ADD_TC(tp, unix_shut);
	ATF_TP_ADD_TC(tp, unix_shut_before);
	ATF_TP_ADD_TC(tp, shut_ready_when_full);
	ATF_TP_ADD_TC(tp, shut_clear);
	ATF_TP_ADD_TC(tp, shut_by_dup);
	ATF_TP_ADD_TC(tp, shut_rdwr);
	ATF_TP_ADD_TC(tp, shut_hides_nothing);
	ATF_TP_ADD_TC(tp, tcp_peer_fin);
	ATF_TP_ADD_TC(tp, tcp_peer_fin_clear);
	ATF_TP_ADD_TC(tp, unix_peer_fin);
	ATF_TP_ADD_TC(tp, unix_peer_fin_clear);
	ATF_TP_ADD_TC(tp, tcp_peer_fin_full);
	ATF_TP_ADD_TC(tp, reset);
	ATF_TP_ADD_TC(tp, udp_error);
	ATF_TP_ADD_TC(tp, udp_error_level);
	ATF_TP_ADD_TC(tp, tcp_lowat_huge);
	ATF_TP_ADD_TC(tp, unix_lowat_huge);
	ATF_TP_ADD_TC(tp, lowat_error);
	ATF_TP_ADD_TC(tp, lowat_zero);
	ATF_TP_ADD_TC(tp, lowat_changed);
	ATF_TP_ADD_TC(tp, lowat_per_knote);
	ATF_TP_ADD_TC(tp, tcp_lowat_met);
	ATF_TP_ADD_TC(tp, tcp_lowat_met_clear);
	ATF_TP_ADD_TC(tp, unix_lowat_met);
	ATF_TP_ADD_TC(tp, lowat_unmet_while_writable);
	ATF_TP_ADD_TC(tp, unix_peer_closed);
	ATF_TP_ADD_TC(tp, udp_ready);
	ATF_TP_ADD_TC(tp, unix_dgram_ready);
	ATF_TP_ADD_TC(tp, unix_dgram_full_peer);
	ATF_TP_ADD_TC(tp, listener_not_ready);
	ATF_TP_ADD_TC(tp, tcp_clear_full);
	ATF_TP_ADD_TC(tp, unix_clear_full);
	ATF_TP_ADD_TC(tp, unix_clear_each_read);
	ATF_TP_ADD_TC(tp, tcp_clear_each_ack);
	ATF_TP_ADD_TC(tp, pipe_space);
	ATF_TP_ADD_TC(tp, pipe_clear);
	ATF_TP_ADD_TC(tp, pipe_reader_gone);
	ATF_TP_ADD_TC(tp, pipe_reader_gone_full);
	ATF_TP_ADD_TC(tp, pipe_no_reader_add);
	ATF_TP_ADD_TC(tp, pipe_read_end);
	ATF_TP_ADD_TC(tp, pipe_bidirectional);
	ATF_TP_ADD_TC(tp, fifo_space);
	ATF_TP_ADD_TC(tp, fifo_again);
	ATF_TP_ADD_TC(tp, fifo_again_clear);
	ATF_TP_ADD_TC(tp, tty_ready);
	ATF_TP_ADD_TC(tp, tty_hangup);
	ATF_TP_ADD_TC(tp, tty_full);
	ATF_TP_ADD_TC(tp, tty_counts_output);
	ATF_TP_ADD_TC(tp, pty_counts_input);
	ATF_TP_ADD_TC(tp, pty_ready);
	ATF_TP_ADD_TC(tp, pty_never_opened);
	ATF_TP_ADD_TC(tp, pty_slave_closed);
	ATF_TP_ADD_TC(tp, kqueue_refused);
	ATF_TP_ADD_TC(tp, devices);
	ATF_TP_ADD_TC(tp, mqueue);
	ATF_TP_ADD_TC(tp, eventfd_room);
	ATF_TP_ADD_TC(tp, evfilt_empty);
	ATF_TP_ADD_TC(tp, oneshot_leaves_silence);
	ATF_TP_ADD_TC(tp, shut_full_level);
	ATF_TP_ADD_TC(tp, clear_once);
	ATF_TP_ADD_TC(tp, shut_full_before_add);
	ATF_TP_ADD_TC(tp, pipe_filled);
	ATF_TP_ADD_TC(tp, eventfd_filled);
	ATF_TP_ADD_TC(tp, lowat_unmet_long);
	return (atf_no_error());
}
