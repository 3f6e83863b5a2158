/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Networks that fail: connections that nobody answers, hosts that cannot be
 * reached, and network devices that go away (READ-4, READ-10, READ-45, READ-46).
 *
 * A socket filter that passes nothing makes a peer dumb, without a privilege.
 * The devices are those of a network namespace that the case makes its own.
 */
#include "sock_test.h"

#include <sys/wait.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#define	R	EVFILT_READ
#define	W	EVFILT_WRITE
#define	DEAD	(EV_EOF | EV_NODATA | EV_HUP)

/* Whatever comes to the socket from now on is dropped unseen. */
static void
deafen(int fd)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { 1, &nothing };

	ATF_REQUIRE_EQ(0, setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog)));
}

static void
tcp_setoption(int fd, int option, int value)
{
	ATF_REQUIRE_EQ(0, setsockopt(fd, IPPROTO_TCP, option, &value,
	    sizeof(value)));
}

/*
 * The connection dies of error: both filters say so, as often as they are asked
 * and without taking it from the program.
 */
static void
dies_of(int kq, int fd, unsigned flags, int error)
{
	char c[256];

	KQ_EXPECT_BOTH(kq, fd,
	    KQ_WANT(.flags = DEAD | flags, .fflags = (unsigned)error,
		.data = 0),
	    KQ_WANT(.flags = DEAD | flags, .fflags = (unsigned)error));
	KQ_CHANGE(kq, fd, W, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, fd, R, .flags = DEAD | flags,
	    .fflags = (unsigned)error);
	ATF_CHECK_EQ(error, sock_error(fd));
	/* The program has it now, and what the kernel queued with it. */
	while (recv(fd, c, sizeof(c), MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
		continue;
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, fd, R, .flags = DEAD | flags, .fflags = 0);
}

static void
connect_timeout(int af, unsigned flags)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, kq, ls;

	kq = KQ_OPEN();
	ls = inet_bound(af, SOCK_STREAM, &ss, &len);
	ATF_REQUIRE_EQ(0, listen(ls, 1));
	deafen(ls);
	ATF_REQUIRE((fd = socket(af, SOCK_STREAM, 0)) != -1);
	tcp_setoption(fd, TCP_SYNCNT, 1);
	sock_connect_begin(fd, &ss, len);
	KQ_CHANGE(kq, fd, R, EV_ADD | flags, 0, 0);
	KQ_CHANGE(kq, fd, W, EV_ADD | flags, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	dies_of(kq, fd, flags, ETIMEDOUT);
	(void)close(fd);
	(void)close(ls);
}

KQ_TC(unanswered, "READ-10: a connect that nobody answers: ETIMEDOUT")
{
	connect_timeout(AF_INET, 0);
}

KQ_TC(unanswered6, "READ-10: the same, IPv6 and EV_CLEAR")
{
	connect_timeout(AF_INET6, EV_CLEAR);
}

/* A connected pair, of which the first waits for the second in vain. */
static void
dies_waiting(int kq, int sv[2])
{
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	/* It is writable until then, so this one waits. */
	KQ_EXPECT(kq, sv[0], R, .flags = DEAD, .fflags = ETIMEDOUT, .data = 0);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	dies_of(kq, sv[0], 0, ETIMEDOUT);
	pair_close(sv);
}

KQ_TC(peer_dumb, "READ-4: a peer that answers no keep-alive: ETIMEDOUT")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	sock_write(sv[1], 3);
	sock_await(sv[0], 3);
	sock_read(sv[0], 3);
	sock_setoption(sv[0], SO_KEEPALIVE, 1);
	tcp_setoption(sv[0], TCP_KEEPIDLE, 1);
	tcp_setoption(sv[0], TCP_KEEPINTVL, 1);
	tcp_setoption(sv[0], TCP_KEEPCNT, 1);
	deafen(sv[1]);
	dies_waiting(kq, sv);
}

KQ_TC(peer_dumb_reset, "READ-11: a reset among keep-alives: ECONNRESET")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	sock_setoption(sv[0], SO_KEEPALIVE, 1);
	tcp_setoption(sv[0], TCP_KEEPIDLE, 1);
	tcp_setoption(sv[0], TCP_KEEPINTVL, 1);
	tcp_setoption(sv[0], TCP_KEEPCNT, 1);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	sock_reset(sv[1]);
	KQ_EXPECT(kq, sv[0], R, .flags = DEAD, .fflags = ECONNRESET);
	ATF_CHECK_EQ(ECONNRESET, sock_error(sv[0]));
	(void)close(sv[0]);
}

/* Data that is not acknowledged, until the kernel gives up. */
static void
unacknowledged(int kq, int sv[2])
{
	sock_write(sv[1], 3);
	sock_await(sv[0], 3);
	sock_read(sv[0], 3);
	deafen(sv[1]);
	sock_write(sv[0], 3);
	dies_waiting(kq, sv);
}

KQ_TC(peer_dumb_data, "READ-4: a peer that acknowledges nothing for a second")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	tcp_setoption(sv[0], TCP_USER_TIMEOUT, 1000);
	unacknowledged(kq, sv);
}

KQ_TC(peer_deaf, "READ-4: a peer that hears nothing, and talks all the time")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	tcp_setoption(sv[0], TCP_USER_TIMEOUT, 1000);
	deafen(sv[1]);
	/* Sent again and again, since no acknowledgement is heard. */
	sock_write(sv[1], 3);
	sock_await(sv[0], 3);
	sock_read(sv[0], 3);
	sock_write(sv[0], 3);
	dies_waiting(kq, sv);
}

KQ_TC(peer_full, "READ-4: a peer that answers, and takes nothing for long")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	tcp_setoption(sv[0], TCP_USER_TIMEOUT, 1500);
	(void)sock_fill(sv[0]);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	dies_of(kq, sv[0], 0, ETIMEDOUT);
	pair_close(sv);
}

KQ_TC(peer_dumb_data_reset, "READ-11: a reset among retransmissions: ECONNRESET")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	tcp_setoption(sv[0], TCP_USER_TIMEOUT, KQ_PATIENCE * 1000);
	deafen(sv[1]);
	sock_write(sv[0], 3);
	while (tcp_told(sv[0]).tcpi_retransmits == 0)
		sched_yield();
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_reset(sv[1]);
	KQ_EXPECT(kq, sv[0], R, .flags = DEAD, .fflags = ECONNRESET);
	(void)close(sv[0]);
}

KQ_TC(peer_full_reset, "READ-11: a reset by a peer that took nothing")
{
	int kq = KQ_OPEN(), sv[2];

	tcp_pair(sv);
	tcp_setoption(sv[0], TCP_USER_TIMEOUT, KQ_PATIENCE * 1000);
	(void)sock_fill(sv[0]);
	KQ_CHANGE(kq, sv[0], R, EV_ADD, 0, 0);
	KQ_CHANGE(kq, sv[0], W, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	sock_reset(sv[1]);
	dies_of(kq, sv[0], 0, ECONNRESET);
	(void)close(sv[0]);
}

/*
 * A network of our own: lo, and a device whose wire we hold the other end of.
 */

static struct ifreq
netif(const char *name, int flags)
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_flags = (short)flags;
	return (ifr);
}

static void
netif_up(const char *name, const char *address)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct ifreq ifr;
	int s;

	ATF_REQUIRE((s = socket(AF_INET, SOCK_DGRAM, 0)) != -1);
	if (address != NULL) {
		ifr = netif(name, 0);
		ATF_REQUIRE_EQ(1, inet_pton(AF_INET, address, &sin.sin_addr));
		memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
		ATF_REQUIRE_EQ(0, ioctl(s, SIOCSIFADDR, &ifr));
		sin.sin_addr.s_addr = htonl(0xffffff00);
		memcpy(&ifr.ifr_netmask, &sin, sizeof(sin));
		ATF_REQUIRE_EQ(0, ioctl(s, SIOCSIFNETMASK, &ifr));
	}
	ifr = netif(name, IFF_UP);
	ATF_REQUIRE_EQ(0, ioctl(s, SIOCSIFFLAGS, &ifr));
	(void)close(s);
}

/* The wire of dev0, which is 10.9.0.1/24; flags are IFF_TUN or IFF_TAP. */
static int
net_open(int flags)
{
	struct ifreq ifr;
	int fd, off;

	if (unshare(CLONE_NEWNET) == -1)
		atf_tc_skip("no network namespace: %s", strerror(errno));
	if ((fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK)) == -1)
		atf_tc_skip("/dev/net/tun: %s", strerror(errno));
	ifr = netif("dev0", flags | IFF_NO_PI);
	if (ioctl(fd, TUNSETIFF, &ifr) == -1)
		atf_tc_skip("TUNSETIFF: %s", strerror(errno));
	/* Or the kernel sends packets of its own accord; absent without IPv6. */
	if ((off = open("/proc/sys/net/ipv6/conf/dev0/disable_ipv6",
	    O_WRONLY)) != -1) {
		ATF_REQUIRE_EQ(1, write(off, "1", 1));
		(void)close(off);
	}
	netif_up("lo", NULL);
	netif_up("dev0", "10.9.0.1");
	return (fd);
}

/* dev0 is gone. */
static void
net_remove(void)
{
	struct {
		struct nlmsghdr	h;
		struct ifinfomsg i;
	} req;
	struct {
		struct nlmsghdr	h;
		struct nlmsgerr	e;
	} answer;
	int nl;

	memset(&req, 0, sizeof(req));
	req.h.nlmsg_len = sizeof(req);
	req.h.nlmsg_type = RTM_DELLINK;
	req.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	req.i.ifi_index = (int)if_nametoindex("dev0");
	ATF_REQUIRE(req.i.ifi_index != 0);
	ATF_REQUIRE((nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)) != -1);
	ATF_REQUIRE_EQ((ssize_t)sizeof(req), send(nl, &req, sizeof(req), 0));
	ATF_REQUIRE(recv(nl, &answer, sizeof(answer), 0) >=
	    (ssize_t)sizeof(answer.h) + (ssize_t)sizeof(answer.e.error));
	ATF_REQUIRE_EQ(NLMSG_ERROR, answer.h.nlmsg_type);
	ATF_REQUIRE_EQ(0, answer.e.error);
	(void)close(nl);
}

static void
net_address(struct sockaddr_storage *ss, const char *address)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(80) };

	ATF_REQUIRE_EQ(1, inet_pton(AF_INET, address, &sin.sin_addr));
	memset(ss, 0, sizeof(*ss));
	memcpy(ss, &sin, sizeof(sin));
}

KQ_TC_MD(few_retries, "READ-4: the system has little patience with a peer",
    "require.user", "root")
{
	int fd, kq = KQ_OPEN(), sv[2];

	if (unshare(CLONE_NEWNET) == -1)
		atf_tc_skip("no network namespace: %s", strerror(errno));
	netif_up("lo", NULL);
	ATF_REQUIRE((fd = open("/proc/sys/net/ipv4/tcp_retries2", O_WRONLY)) !=
	    -1);
	ATF_REQUIRE_EQ(1, write(fd, "2", 1));
	(void)close(fd);
	tcp_pair(sv);
	unacknowledged(kq, sv);
}

/* The wire, and a connection to where nobody is. */
static int
net_nobody(int *fdp)
{
	struct sockaddr_storage ss;
	int wire;

	wire = net_open(IFF_TAP);
	net_address(&ss, "10.9.0.2");
	ATF_REQUIRE((*fdp = socket(AF_INET, SOCK_STREAM, 0)) != -1);
	/* Nobody on the wire says that this address is his. */
	sock_connect_begin(*fdp, &ss, sizeof(struct sockaddr_in));
	return (wire);
}

KQ_TC_MD(unreachable, "READ-10: a host that cannot be reached: EHOSTUNREACH",
    "require.user", "root")
{
	int fd, kq, wire;

	kq = KQ_OPEN();
	wire = net_nobody(&fd);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_CHANGE(kq, fd, W, EV_ADD, 0, 0);
	dies_of(kq, fd, 0, EHOSTUNREACH);
	(void)close(fd);
	(void)close(wire);
}

KQ_TC_MD(unreachable_taken, "READ-4: and fflags is 0 once SO_ERROR was read",
    "require.user", "root")
{
	int fd, kq, wire;

	kq = KQ_OPEN();
	wire = net_nobody(&fd);
	KQ_CHANGE(kq, fd, R, EV_ADD, 0, 0);
	KQ_EXPECT(kq, fd, R, .flags = DEAD, .fflags = EHOSTUNREACH);
	ATF_REQUIRE_EQ(EHOSTUNREACH, sock_error(fd));
	atf_tc_expect_fail("the error is in the socket's error queue too");
	KQ_EXPECT_NOW(kq, fd, R, .flags = DEAD, .fflags = 0);
	(void)close(wire);
}

/* A packet to send, from a socket that needs no answer. */
static void
net_send(int fd)
{
	struct sockaddr_storage ss;

	net_address(&ss, "10.9.0.2");
	ATF_REQUIRE_EQ(5, sendto(fd, "hello", 5, 0, (struct sockaddr *)&ss,
	    sizeof(struct sockaddr_in)));
}

static void
net_device(unsigned flags)
{
	char buf[2048];
	int kq, udp, wire;

	kq = KQ_OPEN();
	wire = net_open(IFF_TUN);
	ATF_REQUIRE((udp = socket(AF_INET, SOCK_DGRAM, 0)) != -1);
	KQ_CHANGE(kq, wire, R, EV_ADD | flags, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	net_send(udp);
	KQ_EXPECT(kq, wire, R, .flags = flags, .fflags = 0);
	/* 20 bytes of IP, 8 of UDP. */
	ATF_REQUIRE_EQ(33, read(wire, buf, sizeof(buf)));
	ATF_CHECK_EQ(0, memcmp(buf + 28, "hello", 5));
	KQ_EXPECT_NOTHING(kq);
	KQ_POLL_SILENT(kq);
	net_send(udp);
	KQ_EXPECT(kq, wire, R, .flags = flags, .fflags = 0);
	KQ_CHANGE(kq, wire, R, EV_DELETE, 0, 0);
	KQ_CHANGE(kq, wire, W, EV_ADD, 0, 0);
	KQ_EXPECT_NOW(kq, wire, W, .flags = 0, .fflags = 0);
	(void)close(udp);
	(void)close(wire);
}

KQ_TC_MD(device, "READ-45: a tun device is ready when a packet is queued",
    "require.user", "root")
{
	net_device(0);
}

KQ_TC_MD(device_clear, "READ-45: the same with EV_CLEAR",
    "require.user", "root")
{
	net_device(EV_CLEAR);
}

KQ_TC_MD(device_gone, "READ-46: a device that vanishes: EV_EOF and EV_NODATA",
    "require.user", "root")
{
	char c;
	int kq, wire;

	kq = KQ_OPEN();
	wire = net_open(IFF_TUN);
	KQ_CHANGE(kq, wire, R, EV_ADD, 0, 0);
	KQ_EXPECT_NOTHING(kq);
	net_remove();
	KQ_POLL_READABLE(kq);
	KQ_EXPECT_NOW(kq, wire, R, .flags = EV_EOF | EV_NODATA, .fflags = 0,
	    .data = 0);
	/* It is a level. */
	KQ_EXPECT_NOW(kq, wire, R, .flags = EV_EOF | EV_NODATA);
	ATF_CHECK_EQ(-1, read(wire, &c, 1));
	ATF_CHECK_EQ(EBADFD, errno);
	(void)close(wire);
	KQ_EXPECT_NOTHING(kq);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, unanswered);
	ATF_TP_ADD_TC(tp, unanswered6);
	ATF_TP_ADD_TC(tp, peer_dumb);
	ATF_TP_ADD_TC(tp, peer_dumb_reset);
	ATF_TP_ADD_TC(tp, peer_dumb_data);
	ATF_TP_ADD_TC(tp, peer_deaf);
	ATF_TP_ADD_TC(tp, peer_full);
	ATF_TP_ADD_TC(tp, peer_dumb_data_reset);
	ATF_TP_ADD_TC(tp, peer_full_reset);
	ATF_TP_ADD_TC(tp, few_retries);
	ATF_TP_ADD_TC(tp, unreachable);
	ATF_TP_ADD_TC(tp, unreachable_taken);
	ATF_TP_ADD_TC(tp, device);
	ATF_TP_ADD_TC(tp, device_clear);
	ATF_TP_ADD_TC(tp, device_gone);
	return (atf_no_error());
}
