/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects for the tests of READ, WRITE and EXCEPT: connected pairs, listeners,
 * terminals, and ways to wait for a fact about them without the library.
 * Everything here belongs to the main thread of a case.
 */
#ifndef _SOCK_TEST_H_
#define	_SOCK_TEST_H_

/* POLLRDHUP, ptsname_r(3), pipe sizes: so this header comes first. */
#ifndef _GNU_SOURCE
#define	_GNU_SOURCE	1
#endif

#include "kq_test.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stddef.h>
#include <termios.h>

/* As KQ_EXPECT, for what is there already: it does not wait. */
#define	KQ_EXPECT_NOW(kq, ident, filter, ...)				\
do {									\
	struct kevent kq_kev[2];					\
	struct timespec kq_ts = { 0, 0 };				\
	int kq_n = kq_test_collected(kevent(kq, NULL, 0, kq_kev, 2,	\
	    &kq_ts), __FILE__, __LINE__);				\
									\
	if (kq_n != 1)							\
		atf_tc_fail("%s:%d: %d events, wanted 1", __FILE__,	\
		    __LINE__, kq_n);					\
	KQ_MATCH(&kq_kev[0], ident, filter, ##__VA_ARGS__);		\
} while (0)

/* One event at most, without waiting; how many there were. */
#define	KQ_COLLECT_NOW(kq)						\
	kq_test_collected(kevent(kq, NULL, 0, &(struct kevent){ 0 }, 1,	\
	    &(struct timespec){ 0, 0 }), __FILE__, __LINE__)

/*
 * Both filters of fd are delivered as wanted, each at least once and at most
 * once per call.  A level one may come again while the other is on its way.
 */
#define	KQ_EXPECT_BOTH(kq, fd, rwant, wwant)				\
	sock_both(kq, fd, rwant, wwant, __FILE__, __LINE__)

static void
sock_both(int kq, int fd, const struct kq_want *rwant,
    const struct kq_want *wwant, const char *file, int line)
{
	struct kevent kev[3];
	bool r, w;
	int i, n;

	r = w = false;
	while (!r || !w) {
		n = kq_test_collected(kq_test_collect(kq, kev, 3), file, line);
		if (n < 1 || n > 2)
			atf_tc_fail("%s:%d: %d events; READ %s, WRITE %s", file,
			    line, n, r ? "came" : "did not come",
			    w ? "came" : "did not come");
		if (n == 2 && kev[0].filter == kev[1].filter)
			atf_tc_fail("%s:%d: filter %d twice in one call", file,
			    line, kev[0].filter);
		for (i = 0; i < n; i++) {
			if (kev[i].filter == EVFILT_READ) {
				kq_test_match(&kev[i], (uintptr_t)fd,
				    EVFILT_READ, rwant, file, line);
				r = true;
			} else {
				kq_test_match(&kev[i], (uintptr_t)fd,
				    EVFILT_WRITE, wwant, file, line);
				w = true;
			}
		}
	}
}

/* Wait until poll(2) says one of events of fd. */
static void
sock_poll(int fd, int events)
{
	struct pollfd pfd = { .fd = fd, .events = (short)events };

	ATF_REQUIRE_MSG(poll(&pfd, 1, KQ_PATIENCE * 1000) == 1 &&
	    (pfd.revents & events) != 0, "poll(%d, %#x): %#x", fd,
	    (unsigned)events, (unsigned)pfd.revents);
}

static int
sock_buffered(int fd)
{
	int n;

	ATF_REQUIRE_EQ(0, ioctl(fd, FIONREAD, &n));
	return (n);
}

/* Wait until n bytes have arrived. */
static void
sock_await(int fd, int n)
{
	int64_t end;

	end = kq_test_now() + (int64_t)KQ_PATIENCE * 1000000000;
	while (sock_buffered(fd) != n) {
		ATF_REQUIRE_MSG(kq_test_now() < end,
		    "%d bytes, wanted %d", sock_buffered(fd), n);
		sched_yield();
	}
}

/* Write exactly n bytes, which have to find room. */
static void
sock_write(int fd, size_t n)
{
	char buf[4096];

	ATF_REQUIRE(n <= sizeof(buf));
	memset(buf, 'x', n);
	ATF_REQUIRE_EQ((ssize_t)n, write(fd, buf, n));
}

/* Read exactly n bytes. */
static void
sock_read(int fd, size_t n)
{
	static char buf[65536];
	ssize_t got;

	while (n > 0) {
		sock_poll(fd, POLLIN);
		got = read(fd, buf, n < sizeof(buf) ? n : sizeof(buf));
		ATF_REQUIRE_MSG(got > 0, "read: %zd (%s)", got,
		    strerror(errno));
		n -= (size_t)got;
	}
}

static void
sock_nonblock(int fd)
{
	int flags;

	ATF_REQUIRE((flags = fcntl(fd, F_GETFL)) != -1);
	ATF_REQUIRE_EQ(0, fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

static int
sock_option(int fd, int option)
{
	socklen_t len;
	int value;

	len = sizeof(value);
	ATF_REQUIRE_EQ(0, getsockopt(fd, SOL_SOCKET, option, &value, &len));
	return (value);
}

/* What the kernel tells of a connection. */
static struct tcp_info
tcp_told(int fd)
{
	struct tcp_info ti = { 0 };
	socklen_t len;

	len = sizeof(ti);
	ATF_REQUIRE_EQ(0, getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len));
	return (ti);
}

/* Wait until nothing that TCP sent is on its way any more, if that is told. */
static void
sock_settle(int fd)
{
	struct tcp_info ti;
	socklen_t len;
	int64_t end;

	end = kq_test_now() + (int64_t)KQ_PATIENCE * 1000000000;
	for (;;) {
		len = sizeof(ti);
		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len) == -1 ||
		    len <= offsetof(struct tcp_info, tcpi_unacked) ||
		    ti.tcpi_unacked == 0)
			break;
		ATF_REQUIRE(kq_test_now() < end);
		sched_yield();
	}
}

/* shutdown(SHUT_WR), and the peer has acknowledged it: that is told as well. */
static void
sock_shut(int fd)
{
	int64_t end;

	ATF_REQUIRE_EQ(0, shutdown(fd, SHUT_WR));
	if (sock_option(fd, SO_DOMAIN) == AF_UNIX)
		return;
	end = kq_test_now() + (int64_t)KQ_PATIENCE * 1000000000;
	while (tcp_told(fd).tcpi_state == TCP_FIN_WAIT1) {
		ATF_REQUIRE(kq_test_now() < end);
		sched_yield();
	}
}

/*
 * Write until there is no room; the number of bytes.  TCP moves bytes to the
 * peer while we write, so the end is where poll(2) agrees when they are there.
 */
static size_t
sock_fill(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	static char buf[65536];
	size_t size, total;
	ssize_t n;

	sock_nonblock(fd);
	total = 0;
	do {
		for (size = sizeof(buf); size > 0; ) {
			if ((n = write(fd, buf, size)) > 0) {
				total += (size_t)n;
				continue;
			}
			ATF_REQUIRE_MSG(n == -1 && (errno == EAGAIN ||
			    errno == ENOBUFS), "write: %s", strerror(errno));
			size /= 2;
		}
		sock_settle(fd);
	} while (poll(&pfd, 1, 0) == 1);
	return (total);
}

static void
sock_setoption(int fd, int option, int value)
{
	ATF_REQUIRE_EQ(0, setsockopt(fd, SOL_SOCKET, option, &value,
	    sizeof(value)));
}

/* The pending error, which this takes away as any program's call would. */
static int
sock_error(int fd)
{
	return (sock_option(fd, SO_ERROR));
}

/* Close so that a TCP peer is reset. */
static void
sock_reset(int fd)
{
	struct linger l = { 1, 0 };

	ATF_REQUIRE_EQ(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &l,
	    sizeof(l)));
	ATF_REQUIRE_EQ(0, close(fd));
}

static void
unix_pair(int type, int sv[2])
{
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, type, 0, sv));
}

/* A loopback address of af with port 0. */
static socklen_t
inet_loopback(int af, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (af == AF_INET6) {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

		sin6->sin6_family = AF_INET6;
		sin6->sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
		return (sizeof(*sin6));
	} else {
		struct sockaddr_in *sin = (struct sockaddr_in *)ss;

		sin->sin_family = AF_INET;
		sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return (sizeof(*sin));
	}
}

/* A socket bound to a free loopback port; its address is left in ss. */
static int
inet_bound(int af, int type, struct sockaddr_storage *ss, socklen_t *lenp)
{
	int fd;

	*lenp = inet_loopback(af, ss);
	fd = socket(af, type, 0);
	if (af == AF_INET6 && (fd == -1 ||
	    bind(fd, (struct sockaddr *)ss, *lenp) == -1))
		atf_tc_skip("IPv6 is not available");
	ATF_REQUIRE(fd != -1);
	if (af != AF_INET6)
		ATF_REQUIRE_EQ(0, bind(fd, (struct sockaddr *)ss, *lenp));
	ATF_REQUIRE_EQ(0, getsockname(fd, (struct sockaddr *)ss, lenp));
	return (fd);
}

/* A connected pair; sv[0] is the side that called connect(2). */
static void
tcp_pair_af(int af, int sv[2])
{
	struct sockaddr_storage ss;
	socklen_t len;
	int ls;

	ls = inet_bound(af, SOCK_STREAM, &ss, &len);
	ATF_REQUIRE_EQ(0, listen(ls, 1));
	ATF_REQUIRE((sv[0] = socket(af, SOCK_STREAM, 0)) != -1);
	ATF_REQUIRE_EQ(0, connect(sv[0], (struct sockaddr *)&ss, len));
	ATF_REQUIRE((sv[1] = accept(ls, NULL, NULL)) != -1);
	ATF_REQUIRE_EQ(0, close(ls));
}

static void
tcp_pair(int sv[2])
{
	tcp_pair_af(AF_INET, sv);
}

/* Two UDP sockets, each connected to the other. */
static void
udp_pair(int af, int sv[2])
{
	struct sockaddr_storage ss[2];
	socklen_t len;
	int i;

	for (i = 0; i < 2; i++)
		sv[i] = inet_bound(af, SOCK_DGRAM, &ss[i], &len);
	for (i = 0; i < 2; i++)
		ATF_REQUIRE_EQ(0, connect(sv[i], (struct sockaddr *)&ss[1 - i],
		    len));
}

/* A UDP socket that is connected to a port where nobody is. */
static int
udp_nowhere(void)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, gone;

	gone = inet_bound(AF_INET, SOCK_DGRAM, &ss, &len);
	ATF_REQUIRE((fd = socket(AF_INET, SOCK_DGRAM, 0)) != -1);
	ATF_REQUIRE_EQ(0, connect(fd, (struct sockaddr *)&ss, len));
	ATF_REQUIRE_EQ(0, close(gone));
	return (fd);
}

/* Begin a connection to fd's address without waiting for it. */
static void
sock_connect_begin(int fd, const struct sockaddr_storage *ss, socklen_t len)
{
	sock_nonblock(fd);
	ATF_REQUIRE(connect(fd, (const struct sockaddr *)ss, len) == -1);
	ATF_REQUIRE_MSG(errno == EINPROGRESS, "connect: %s", strerror(errno));
}

/* A port that is taken but not listened to, so that connects are refused. */
static int
tcp_refusing(int af, struct sockaddr_storage *ss, socklen_t *lenp)
{
	return (inet_bound(af, SOCK_STREAM, ss, lenp));
}

/* Listeners: TCP on loopback, or AF_UNIX in the directory of the case. */
enum listener { L_TCP, L_TCP6, L_UNIX, L_SEQPACKET };

static int
listener_af(enum listener kind)
{
	return (kind == L_TCP ? AF_INET : kind == L_TCP6 ? AF_INET6 : AF_UNIX);
}

static int
listener_type(enum listener kind)
{
	return (kind == L_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM);
}

/* Bound, but not listening yet. */
static int
listener_bound(enum listener kind, struct sockaddr_storage *ss,
    socklen_t *lenp)
{
	struct sockaddr_un *sun;
	int fd;

	if (listener_af(kind) != AF_UNIX)
		return (inet_bound(listener_af(kind), SOCK_STREAM, ss, lenp));
	memset(ss, 0, sizeof(*ss));
	sun = (struct sockaddr_un *)ss;
	sun->sun_family = AF_UNIX;
	strcpy(sun->sun_path, "listener");
	*lenp = sizeof(*sun);
	ATF_REQUIRE((fd = socket(AF_UNIX, listener_type(kind), 0)) != -1);
	ATF_REQUIRE_EQ(0, bind(fd, (struct sockaddr *)ss, *lenp));
	return (fd);
}

static int
listener_open(enum listener kind, int backlog, struct sockaddr_storage *ss,
    socklen_t *lenp)
{
	int fd;

	fd = listener_bound(kind, ss, lenp);
	ATF_REQUIRE_EQ(0, listen(fd, backlog));
	return (fd);
}

/* One client more, until n connections wait at ls. */
static int
listener_client(enum listener kind, int ls, const struct sockaddr_storage *ss,
    socklen_t len, unsigned n)
{
	int64_t end;
	int fd;

	fd = socket(listener_af(kind), listener_type(kind), 0);
	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ(0, connect(fd, (const struct sockaddr *)ss, len));
	if (listener_af(kind) == AF_UNIX)
		return (fd);
	/* The client is ready before the last step of the handshake is in. */
	end = kq_test_now() + (int64_t)KQ_PATIENCE * 1000000000;
	while (tcp_told(ls).tcpi_unacked != n) {
		ATF_REQUIRE(kq_test_now() < end);
		sched_yield();
	}
	return (fd);
}

/* A pseudo terminal's master; its slave has never been opened. */
static int
pty_master(char *name, size_t size)
{
	int fd;

	ATF_REQUIRE((fd = posix_openpt(O_RDWR | O_NOCTTY)) != -1);
	ATF_REQUIRE_EQ(0, grantpt(fd));
	ATF_REQUIRE_EQ(0, unlockpt(fd));
	ATF_REQUIRE_EQ(0, ptsname_r(fd, name, size));
	return (fd);
}

/* pt[0] is the master, pt[1] the slave in canonical mode with echo. */
static void
pty_pair(int pt[2], char *name, size_t size)
{
	pt[0] = pty_master(name, size);
	ATF_REQUIRE((pt[1] = open(name, O_RDWR | O_NOCTTY)) != -1);
}

/* Raw mode, where read(2) wants vmin bytes. */
static void
pty_raw(int slave, int vmin)
{
	struct termios t;

	ATF_REQUIRE_EQ(0, tcgetattr(slave, &t));
	t.c_iflag = 0;
	t.c_oflag &= ~(tcflag_t)OPOST;
	t.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG | IEXTEN);
	t.c_cc[VMIN] = (cc_t)vmin;
	t.c_cc[VTIME] = 0;
	ATF_REQUIRE_EQ(0, tcsetattr(slave, TCSANOW, &t));
}

/* A connected pair of the kind that a table of cases names. */
enum pair { P_TCP, P_TCP6, P_UNIX, P_SEQPACKET };

static void
pair_open(enum pair kind, int sv[2])
{
	switch (kind) {
	case P_TCP:
		tcp_pair_af(AF_INET, sv);
		break;
	case P_TCP6:
		tcp_pair_af(AF_INET6, sv);
		break;
	case P_UNIX:
		unix_pair(SOCK_STREAM, sv);
		break;
	case P_SEQPACKET:
		unix_pair(SOCK_SEQPACKET, sv);
		break;
	}
}

static void
pair_close(int sv[2])
{
	(void)close(sv[0]);
	(void)close(sv[1]);
}

#endif /* !_SOCK_TEST_H_ */
